"""Cohorts that lack an endpoint or the response, and other diseases, go all the way to a verified release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.shared_builds import empty_figures, rough_figures

import amlsynth
from amlsynth.cli import main
from amlsynth.cohort.cohort import About, Cohort, write_cohort
from amlsynth.cohort.tables import read_table, to_typed, write_table
from amlsynth.dictionary.model import Dictionary, dictionary, load_dictionary
from amlsynth.evaluation import read_evaluation
from amlsynth.evaluation.differencing import find_leaks
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release import ReleaseResult, build_release, export_release, verify_release
from amlsynth.release.spec import read_spec
from amlsynth.site import build_site
from amlsynth.sources.reference import reference_frame
from cbioportal_study import write_study

TINY = """\
name: tiny
version: 1.2.0
title: A tiny dictionary
description: For tests.
days_per_month: 30.4375
missing_values: ["", "NA"]
words: {disease: tiny disease, short: TD}
groups:
  - {id: who, label: Who}
  - {id: outcome, label: Outcome}
  - {id: genes, label: Genes, panel: a}
endpoints:
  - {name: OS, label: Overall survival, time: TIME, status: DEAD, event: Death}
roles:
  strata: [DEAD]
  secrets: [DEAD, G1]
  effect_numbers: [{variable: AGE, per: 10}]
  effect_markers: [G1]
variables:
  - {name: AGE, id: AGE, label: Age, group: who, type: integer, unit: years, minimum: 18, maximum: 110,
     description: Age., source: none, export_name: AGE}
  - {name: SEX, id: SEX, label: Sex, group: who, type: category, description: Sex., source: none,
     export_name: SEX, categories: [{value: f, label: Female}, {value: m, label: Male}]}
  - {name: LDH, id: LDH, label: LDH, group: who, type: number, unit: U/l, minimum: 0, maximum: 9000,
     description: LDH., source: none, export_name: LDH}
  - {name: TIME, id: TIME, label: Survival, group: outcome, type: number, unit: months, minimum: 0,
     maximum: 720, exclusive_minimum: true, decimals: 2, description: Time., source: none, export_name: TIME}
  - {name: DEAD, id: DEAD, label: Died, group: outcome, type: status, description: Died., source: none,
     export_name: DEAD}
  - {name: G1, id: G1, label: Gene 1, group: genes, type: tri-state, description: Mutation., source: none,
     export_name: G1}
  - {name: G2, id: G2, label: Gene 2, group: genes, type: tri-state, description: Mutation., source: none,
     export_name: G2}
rules: []
"""
_GATES = {
    "profiles": {
        "easy": {
            "description": "For tests.",
            "gates": [
                {
                    "id": name,
                    "label": label,
                    "measure": measure,
                    "comparison": comparison,
                    "threshold": threshold,
                    "required": True,
                    "reason": "It must hold.",
                    "source": "none",
                }
                for name, label, measure, comparison, threshold in (
                    ("rules", "Rules", "rules_broken", "equals", 0),
                    ("km-{endpoint}", "Score of {label}", "km_score_{endpoint}", "at_least", 0.5),
                    ("{response}-rate", "Rate of {label}", "{response}_rate", "at_least", 0),
                )
            ],
        }
    }
}


def build(
    write_spec: Callable[..., Path], folder: Path, frame: pd.DataFrame, **changes: Any
) -> ReleaseResult:
    spec = write_spec(
        folder,
        name="other",
        cohort={"source": "file", "path": "cohort.csv"},
        generator={"name": "sequential-cart", "n": 120, "seed": 3},
        communities=[],
        keywords=[],
        **changes,
    )
    (folder / "gates.yaml").write_text(yaml.safe_dump(_GATES), encoding="utf-8")
    write_table(frame, folder / "cohort.csv")
    return build_release(spec, folder / "out")


def text_of(result: ReleaseResult, name: str) -> str:
    return (result.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def os_only(write_spec: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> ReleaseResult:
    """A cBioPortal study of 500 patients, laid out as TCGA's: overall survival is the only outcome."""
    folder = tmp_path_factory.mktemp("os-only")
    frame = imported_study(folder, "tcga", 500)
    with empty_figures(composed=True), rough_figures(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLSYNTH_REPORT_ENGINE", "fallback")
        return build(write_spec, folder, frame)


def imported_study(folder: Path, layout: str, n: int) -> pd.DataFrame:
    """Write a study of n patients and import it by the command line."""
    write_study(folder, amlsynth.reference_cohort(n=n, seed=11).frame, layout)
    out = folder / "imported.csv"
    with pytest.raises(SystemExit) as caught:
        main(["cohort", "import", "cbioportal", "--from", str(folder), "--out", str(out)])
    assert not caught.value.code
    return amlsynth.read_cohort(out, "original").frame


@pytest.mark.slow
def test_a_cohort_with_overall_survival_alone_is_released(os_only: ReleaseResult) -> None:
    assert verify_release(os_only.folder).problems == ()
    assert verify_release(os_only.archive).problems == ()
    frame = amlsynth.load(os_only.archive)
    assert frame[["EFSTM", "EFSSTAT", "CR1"]].isna().all(axis=None)
    assert frame["OSTM"].notna().mean() > 0.9


@pytest.mark.slow
@pytest.mark.usefixtures("composed_figures", "page_alone", "rough")
def test_a_study_laid_out_as_beat_aml_is_released(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    frame = imported_study(tmp_path, "beat-aml", 300)
    assert frame["CR1"].notna().any() and frame["EFSTM"].isna().all()
    result = build(write_spec, tmp_path, frame)
    assert verify_release(result.archive).problems == ()
    assert amlsynth.load(result.archive)["EFSTM"].isna().all()


@pytest.mark.slow
def test_it_says_which_outcomes_it_has(os_only: ReleaseResult) -> None:
    assert json.loads(text_of(os_only, "datapackage.json"))["endpoints"] == ["OS"]
    assert json.loads(text_of(os_only, "provenance.json"))["endpoints"] == ["OS"]
    readme = text_of(os_only, "README.md")
    assert "Outcomes: overall survival (OS)." in readme
    assert "lacks event-free survival (EFS) and complete remission (CR)" in readme
    assert "2 not applicable" in readme
    verdicts = {gate.id: gate.passed for gate in os_only.gates.gates}
    assert verdicts == {"rules": True, "km-os": True, "km-efs": None, "cr-rate": None}


@pytest.mark.slow
def test_its_report_speaks_of_what_there_is(os_only: ReleaseResult) -> None:
    report = text_of(os_only, "report.html")
    assert "The original lacks event-free survival (EFS) and complete remission (CR)" in report
    assert 'id="fig-survival-os"' in report and 'id="fig-survival-efs"' not in report
    assert "not applicable" in report


@pytest.mark.slow
def test_its_exports_have_the_parameters_that_there_are(os_only: ReleaseResult, tmp_path: Path) -> None:
    made = export_release(os_only.archive, tmp_path / "adam")
    assert made.records["ADTTE"] <= made.records["ADSL"] == 120
    assert "EFS" not in (tmp_path / "adam" / "define.xml").read_text(encoding="utf-8").split("PARAMCD", 1)[1]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    path = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return load_dictionary(path)


@pytest.fixture(scope="module")
def tiny_release(
    tiny: Dictionary, write_spec: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> ReleaseResult:
    """A disease without a second endpoint, a response and a classification."""
    rng = np.random.default_rng(5)
    n = 200
    gene = rng.random(n) < 0.3
    time, end = rng.exponential(30 / (1 + gene)), rng.uniform(5, 90, n)
    table = {
        "AGE": rng.integers(30, 90, n), "SEX": rng.choice(["f", "m"], n), "LDH": rng.integers(100, 900, n),
        "TIME": np.maximum(np.minimum(time, end), 0.1).round(2), "DEAD": (time <= end).astype(int),
        "G1": gene.astype(int), "G2": np.where(rng.random(n) < 0.1, np.nan, rng.random(n) < 0.4),
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny-release")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    with empty_figures(composed=True), rough_figures(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLSYNTH_REPORT_ENGINE", "fallback")
        return build(write_spec, folder, to_typed(pd.DataFrame(table), tiny), dictionary="tiny.yaml")


@pytest.mark.slow
def test_a_tiny_disease_is_released_under_its_own_dictionary(
    tiny_release: ReleaseResult, tiny: Dictionary
) -> None:
    assert verify_release(tiny_release.archive).problems == ()
    loaded = amlsynth.dataset(tiny_release.archive)
    assert tuple(loaded.frame.columns) == tiny.names and loaded.dictionary == tiny
    verdicts = {gate.id: gate.passed for gate in tiny_release.gates.gates}
    assert verdicts == {"rules": True, "km-os": True}


@pytest.mark.slow
def test_nothing_of_another_disease_is_in_it(tiny_release: ReleaseResult) -> None:
    for name in ("report.html", "README.md", "CODEBOOK.md", "adam/define.xml", "gates.json"):
        # The method's paper is one on leukemia, as its title says.
        text = " ".join(text_of(tiny_release, name).split()).replace(
            "acute myeloid leukemia patients using", ""
        )
        for word in ("EFS", "event-free", "ELN", "NPM1", "CR1", "leukemia", "remission"):
            assert word not in text, (name, word)
    assert "tiny disease" in text_of(tiny_release, "report.html")


@pytest.mark.slow
def test_its_site_names_its_disease(tiny_release: ReleaseResult, tmp_path: Path) -> None:
    build_site([tiny_release.archive], tmp_path / "site")
    assert "Synthetic cohorts of tiny disease" in (tmp_path / "site" / "index.html").read_text(
        encoding="utf-8"
    )
    page = (tmp_path / "site" / "other" / "index.html").read_text(encoding="utf-8")
    assert "Gene 2" in page and "NPM1" not in page


@pytest.mark.slow
def test_a_release_whose_dictionary_was_changed_does_not_verify(
    tiny_release: ReleaseResult, tmp_path: Path, reseal: Callable[[Path], None]
) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_release.folder, tmp_path / tiny_release.folder.name))
    path = folder / "dictionary.yaml"
    path.write_text(
        text_of(tiny_release, path.name).replace("maximum: 110.0", "maximum: 120.0"), encoding="utf-8"
    )
    reseal(folder)
    problems = {(problem.file, problem.check) for problem in verify_release(folder).problems}
    assert ("datapackage.json", "package") in problems


def test_a_cohort_of_another_dictionary_is_refused(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(amlsynth.UsageError, match=r"'reference' follows the dictionary aml .*, not mds"):
        build_release(write_spec(tmp_path, dictionary="mds"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def elsewhere(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Write a spec of a cohort that another group made, whose record has the given provenance."""

    def write(**provenance: object) -> Path:
        about = About(
            name="theirs", title="Theirs", simulated=True, statement="Made by others.", provenance=provenance
        )
        folder = tmp_path / "spec"
        frame = reference_frame(60, 9)
        write_cohort(Cohort(frame, "synthetic", about), folder / "theirs.csv")
        made = {"path": "theirs.csv", "made_by": "CTAB-GAN+ of another group"}
        return write_spec(folder, generator=None, synthetic=made)

    return write


def test_a_cohort_that_was_made_elsewhere_is_released_and_says_so(
    elsewhere: Callable[..., Path], fast: None, tmp_path: Path
) -> None:
    result = build_release(elsewhere(), tmp_path / "out")
    assert result.patients == 60
    assert "made by CTAB-GAN+ of another group" in text_of(result, "README.md")
    record = json.loads(text_of(result, "provenance.json"))["generator"]
    assert (record["name"], record["made_elsewhere"], record["n"]) == ("CTAB-GAN+ of another group", True, 60)


def test_a_cohort_that_was_made_elsewhere_from_another_split_is_refused(
    elsewhere: Callable[..., Path], tmp_path: Path
) -> None:
    spec = elsewhere(generator="ctabgan-plus", split={"seed": 9, "holdout": 0.2})
    with pytest.raises(DataError, match=r"theirs.csv: it was made from the split with seed 9 .*spec.yaml"):
        build_release(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_spec_names_a_generator_or_a_cohort_and_not_both(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    made = {"path": "theirs.csv", "made_by": "Others"}
    with pytest.raises(UsageError, match="made elsewhere has no generator here; leave one out"):
        read_spec(write_spec(tmp_path / "both", synthetic=made))
    with pytest.raises(UsageError, match=r"generator"):
        read_spec(write_spec(tmp_path / "none", generator=None))
    with pytest.raises(UsageError, match="made_by"):
        read_spec(write_spec(tmp_path / "unnamed", generator=None, synthetic={"path": "theirs.csv"}))


@pytest.mark.slow
def test_what_is_released_of_patients_tells_nobody(os_only: ReleaseResult) -> None:
    """The audit, on the files of a release as they are."""
    folder, d = os_only.folder, dictionary()
    evaluation = read_evaluation(folder / "evaluation.json")
    (table,) = (folder / "data").glob("*.csv")
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["cohort"]
    assert evaluation.min_cell == 5 and not evaluation.original_is_simulated
    assert find_leaks(evaluation, {"synthetic": read_table(table, d)}, d, record) == ()
    assert "sha256" not in json.dumps(record)
