"""The build: what a release holds, that its bytes repeat, and what a failure leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.release.conftest import neither_evaluated_nor_drawn

from amlsynth.cohort.cohort import About, Cohort, write_cohort
from amlsynth.cohort.tables import read_table, write_table
from amlsynth.disclosure.origin import describe_original
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation import read_evaluation
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.kernels import blas_kernels
from amlsynth.release import ReleaseResult, build_release, verify_release
from amlsynth.release.file_names import file_names
from amlsynth.release.package import Provenance

NAME, VERSION = "small-test", "1.2.3"
STEM = f"{NAME}-{VERSION}"
WriteSpec = Callable[..., Path]


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_release_is_a_folder_and_a_zip(built: ReleaseResult) -> None:
    assert (built.folder.name, built.archive.name) == (STEM, f"{STEM}.zip")
    assert {path.name for path in built.folder.parent.iterdir()} == {STEM, f"{STEM}.zip"}
    assert set(tree(built.folder)) == set(file_names(NAME))
    assert built.archive_sha256 == hashlib.sha256(built.archive.read_bytes()).hexdigest()
    assert (built.patients, built.profile) == (40, "easy")
    assert verify_release(built.folder).problems == ()
    assert verify_release(built.archive).problems == ()


@pytest.mark.usefixtures("plain_figures", "rough")
def test_the_same_spec_gives_the_same_bytes_in_another_folder(
    built: ReleaseResult, tmp_path: Path, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    again = build_release(write_spec(tmp_path / "a" / "deeper"), tmp_path / "elsewhere")
    assert tree(again.folder) == tree(built.folder)
    assert again.archive.read_bytes() == built.archive.read_bytes()


@pytest.mark.usefixtures("fast")
def test_another_seed_gives_other_data(built: ReleaseResult, tmp_path: Path, write_spec: WriteSpec) -> None:
    spec = write_spec(tmp_path, generator={"name": "sequential-cart", "n": 40, "seed": 99})
    again = build_release(spec, tmp_path / "out")
    path = f"data/{NAME}.csv"
    assert (again.folder / path).read_bytes() != (built.folder / path).read_bytes()


def test_the_report_tells_of_this_release(built: ReleaseResult) -> None:
    page = (built.folder / "report.html").read_text(encoding="utf-8")
    assert "A small release, for tests, version 1.2.3" in page
    assert "easy" in page and "sequential-cart" in page


def test_no_file_names_a_path_of_the_machine(built: ReleaseResult) -> None:
    places = {str(Path.home()), str(built.folder.parent), str(Path.cwd()), "/tmp/", "/home/", "C:\\Users"}
    places.discard("/")
    for path in built.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [place for place in places if place.encode() in content], path.name


def test_the_provenance_says_how_to_rebuild(built: ReleaseResult, tmp_path: Path) -> None:
    made = Provenance.model_validate_json((built.folder / "provenance.json").read_text(encoding="utf-8"))
    assert (made.split.n_train, made.split.n_holdout, made.split.seed) == (240, 60, 2)
    assert made.cohort["simulated"] is True and made.cohort["n"] == 300
    assert (made.generator.name, made.generator.seed) == ("sequential-cart", 3)
    assert made.files[f"data/{NAME}.csv"] == tree(built.folder)[f"data/{NAME}.csv"]
    assert yaml.safe_load(made.spec.text)["name"] == NAME
    assert {"numpy", "pandas", "scikit-learn"} <= set(made.packages)
    assert made.kernels == blas_kernels()


def test_the_data_are_valid_and_both_files_hold_the_same(built: ReleaseResult) -> None:
    csv = read_table(built.folder / "data" / f"{NAME}.csv")
    assert csv.equals(read_table(built.folder / "data" / f"{NAME}.parquet"))
    assert len(csv) == 40


def test_the_citation_file_is_valid_yaml_with_all_creators(built: ReleaseResult) -> None:
    cited = yaml.safe_load((built.folder / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == VERSION and cited["license"] == "CC-BY-4.0"
    assert cited["date-released"] == "2026-11-20"
    assert cited["authors"] == [
        {
            "family-names": "Núñez",
            "given-names": "Ana",
            "orcid": "https://orcid.org/0000-0002-1825-0097",
            "affiliation": "Trial Group",
        },
        {"name": "The Trial Group"},
    ]
    decision = json.loads((built.folder / "decision.json").read_text(encoding="utf-8"))
    described = "Synthetic patients: 50 % of them with a | in the text and a $dollar."
    assert cited["abstract"] == f"{described} {decision['headline']} {decision['privacy']}"


def test_the_readme_says_what_the_data_are_and_shows_the_figures(built: ReleaseResult) -> None:
    text = (built.folder / "README.md").read_text(encoding="utf-8")
    decision = json.loads((built.folder / "decision.json").read_text(encoding="utf-8"))
    assert "No row is a patient" in text and "simulated cohort" in text
    assert "a $dollar" in text
    assert text.index(decision["headline"]) < text.index("## What is in it")
    assert 5 < len(decision["rows"]) <= 10
    for row in decision["rows"]:
        assert row["label"] in text and row["reading"] in text
        assert f"{row['synthetic']['value']:.{row['digits']}f}".replace("-", "−") in text
    assert all(alarm["sentence"] in text or alarm["label"] in text for alarm in decision["alarms"])
    assert re.findall(r"\$\w+", text) == ["$dollar"], "a field of the template was not filled"


def test_the_data_package_follows_version_2(built: ReleaseResult) -> None:
    package = json.loads((built.folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert package["created"] == "2026-11-20T00:00:00Z"
    csv, parquet = package["resources"]
    assert csv["path"] == f"data/{NAME}.csv" and parquet["path"] == f"data/{NAME}.parquet"
    assert csv["schema"]["missingValues"] == ["", "NA"]
    for resource in (csv, parquet):
        path = built.folder / resource["path"]
        # frictionless counts no bytes in Parquet, and would call the number wrong
        assert resource[{"csv": "bytes", "parquet": "size"}[resource["format"]]] == path.stat().st_size
        assert resource["hash"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        assert resource["type"] == "table"  # the standard knows no other


@pytest.mark.usefixtures("fast")
def test_a_failed_gate_leaves_the_gate_report_and_nothing_else(tmp_path: Path, write_spec: WriteSpec) -> None:
    spec = write_spec(tmp_path / "spec", gates={"profile": "hard", "file": "gates.yaml"})
    out = tmp_path / "out"
    with pytest.raises(DataError) as caught:
        build_release(spec, out)
    assert {path.name for path in out.iterdir()} == {f"{STEM}.gates.json"}
    report = json.loads((out / f"{STEM}.gates.json").read_text(encoding="utf-8"))
    assert report["passed"] is False
    assert [gate["passed"] for gate in report["gates"]] == [True, False]
    assert f"{NAME} {VERSION} is not released" in str(caught.value)
    assert "is not at least 1.5" in str(caught.value)
    assert str(out / f"{STEM}.gates.json") in str(caught.value)
    assert caught.value.exit_code == 1
    # Once the gates are passed the old report goes.
    build_release(write_spec(tmp_path / "spec"), out)
    assert {path.name for path in out.iterdir()} == {STEM, f"{STEM}.zip"}


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interrupted_build_leaves_nothing(
    tmp_path: Path, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    def interrupted(directory: Path, out: Path, pdf: Path, **_: str) -> None:
        out.write_text("half", encoding="utf-8")
        raise failure

    monkeypatch.setattr("amlsynth.report.render_report", interrupted, raising=False)
    with pytest.raises(failure):
        build_release(write_spec(tmp_path / "spec"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("fast")
def test_a_failed_rebuild_keeps_the_older_release(
    folder: Path, archive: Path, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(folder.parent)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("amlsynth.release.build.write_archive", fails)
    with pytest.raises(UsageError, match="cannot be written \\(No space left on device\\)"):
        build_release(write_spec(folder.parent.parent / "spec"), folder.parent)
    assert tree(folder.parent) == before


def test_a_folder_that_is_no_release_is_not_overwritten(tmp_path: Path, write_spec: WriteSpec) -> None:
    (tmp_path / "out" / STEM).mkdir(parents=True)
    (tmp_path / "out" / STEM / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="is no release"):
        build_release(write_spec(tmp_path / "spec"), tmp_path / "out")
    assert (tmp_path / "out" / STEM / "thesis.docx").exists()


def test_a_file_in_place_of_the_output_folder_is_refused(tmp_path: Path, write_spec: WriteSpec) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="this is a file"):
        build_release(write_spec(tmp_path / "spec"), tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"cohort": {"source": "file", "path": "none.csv"}}, "none.csv"),
        ({"cohort": {"source": "file", "path": "x.csv", "mapping": "none.yaml"}}, "x.csv|none.yaml"),
        ({"gates": {"profile": "easy", "file": "none.yaml"}}, "none.yaml"),
        ({"gates": {"profile": "eazy", "file": "gates.yaml"}}, "Did you mean 'easy'"),
        ({"gates": {"profile": "easy"}}, "release/gates.yaml"),
        ({"generator": {"name": "bootstrap", "n": 10, "seed": 1}}, "never released"),
    ],
)
def test_a_wrong_spec_writes_nothing(
    tmp_path: Path, write_spec: WriteSpec, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        build_release(write_spec(tmp_path / "spec", **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_few_patients_are_refused(tmp_path: Path, write_spec: WriteSpec) -> None:
    spec = write_spec(tmp_path / "spec", cohort={"source": "reference", "n": 40, "seed": 1})
    with pytest.raises(DataError, match="training patients"):
        build_release(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cohort_from_a_file_is_found_beside_the_spec(
    built: ReleaseResult, tmp_path: Path, write_spec: WriteSpec
) -> None:
    from amlsynth.sources.reference import reference_cohort

    about = About(name="own", title="Own", simulated=False, statement="Patients of a trial.")
    write_cohort(Cohort.create(reference_cohort(300, 4).frame, "original", about), tmp_path / "own.csv")
    spec = write_spec(tmp_path / "specs", cohort={"source": "file", "path": "../own.csv"})
    evaluation = read_evaluation(built.folder / "evaluation.json")
    with neither_evaluated_nor_drawn(evaluation.model_copy(update={"original_is_simulated": False})):
        result = build_release(spec, tmp_path / "out")
    made = json.loads((result.folder / "provenance.json").read_text(encoding="utf-8"))
    assert made["cohort"]["name"] == "own" and made["cohort"]["simulated"] is False
    readme = (result.folder / "README.md").read_text(encoding="utf-8")
    assert "from an original cohort of patients" in readme and "simulated" not in readme


@pytest.mark.amlsg
@pytest.mark.usefixtures("plain_report", "rough")
def test_a_release_of_a_real_cohort_holds_no_row_of_it(
    tmp_path: Path,
    write_spec: WriteSpec,
    amlsg_dir: Path,
    amlsg_cohort: Cohort,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = replace(amlsg_cohort, frame=amlsg_cohort.frame.head(300))

    def import_some(place: Path) -> Cohort:
        assert place.samefile(amlsg_dir)
        return some

    monkeypatch.setattr("amlsynth.sources.amlsg.import_amlsg", import_some)
    folder = tmp_path / "spec"
    spec = write_spec(
        folder,
        cohort={"source": "amlsg", "folder": os.path.relpath(amlsg_dir, folder)},
        generator={"name": "event-history", "n": 100, "seed": 1},
    )
    result = build_release(spec, tmp_path / "out")
    write_table(some.frame, tmp_path / "original.csv")
    original = set((tmp_path / "original.csv").read_text(encoding="utf-8").splitlines()[1:])
    for path in result.folder.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            assert not original & set(path.read_text("utf-8", "replace").splitlines()), path.name
    assert verify_release(result.archive).problems == ()


@pytest.mark.usefixtures("fast")
def test_progress_only_rises(tmp_path: Path, write_spec: WriteSpec) -> None:
    shares: list[float] = []
    build_release(write_spec(tmp_path / "spec"), tmp_path / "out", lambda _, share: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_small_counts_and_cells_of_an_import_are_not_published() -> None:
    report = {
        "rows_kept": 1475,
        "dropped": [{"reason": "age", "rows": 3}, {"reason": "M3", "rows": 65}],
        "rules_broken": [{"rule": "a", "column": "b", "patients": 2}],
        "set_to_missing": {"AMLSTAT": {"see letter of 3 May": 1, "other": 9}, "SEX": {"u": 2}},
    }
    about = About(
        name="own", title="Own", simulated=False, statement="", provenance={"import": report, "sha256": "0"}
    )
    shown = describe_original(about, DisclosureRule())["provenance"]["import"]
    assert shown["dropped"] == [{"reason": "age", "rows": "1 to 9"}, {"reason": "M3", "rows": "60 to 69"}]
    assert shown["rules_broken"][0]["patients"] == "1 to 9"
    assert shown["set_to_missing"] == {"AMLSTAT": "10 to 19", "SEX": "1 to 9"}
    assert about.provenance["import"]["set_to_missing"]["SEX"] == {"u": 2}, (
        "the original's record is as it was"
    )
