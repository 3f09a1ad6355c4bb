"""A release says of its original what the cohort's record says; a copied spec is refused for another."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from amlsynth.cli import cli
from amlsynth.cohort.cohort import About, Cohort, write_cohort
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.release.build import build_release
from amlsynth.release.init import init_release
from amlsynth.release.origin import check_origin
from amlsynth.release.spec import read_spec

PATIENTS = About(name="trial-7", title="Trial 7", simulated=False, statement="Patients of trial 7.")
SIMULATED = PATIENTS.model_copy(update={"simulated": True})
ANSWERS = {
    "title": "Synthetic patients of trial 7",
    "description": "Synthetic patients made from trial 7, for planning of analyses.",
    "creator": "Meier, Anna; 0000-0002-1825-0097; University of X",
    "license": "CC-BY-4.0",
    "contact": "data office, data@x.example",
    "ethics": "Committee of X, 12/2026",
    "legal_basis": "Consent of every patient",
}


@pytest.fixture
def patients(reference: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "trial.parquet"
    write_cohort(Cohort(reference.head(300), "original", PATIENTS), path)
    return path


def _spec(folder: Path, **changes: object) -> Path:
    content = yaml.safe_load(asset("release/aml-reference.yaml").read_text(encoding="utf-8"))
    made = {"name": "event-history", "n": 100, "seed": 1}
    content |= {"cohort": {"source": "file", "path": "trial.parquet"}, "generator": made} | changes
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


OWN = {
    "title": "Synthetic patients of trial 7",
    "description": "Synthetic patients made from trial 7.",
    "creators": [{"name": "Meier, Anna"}],
    "license": "CC-BY-4.0",
}


def test_a_copied_spec_is_refused_for_another_cohort(patients: Path) -> None:
    spec = _spec(patients.parent)
    with pytest.raises(UsageError) as caught:
        build_release(spec, patients.parent / "out")
    message = str(caught.value)
    for key in ("title", "description", "creators"):
        assert f": {key}: this is the text of the example" in message
    assert ": description: says 'simulated'" in message or ": description: says 'reference cohort'" in message
    assert ": license: CC0-1.0 gives up every right" in message
    assert "spec.yaml:" in message and "amlsynth release init" in message
    assert not (patients.parent / "out").exists() or not any((patients.parent / "out").iterdir())


def test_replicates_of_patients_are_refused_where_gates_guard_one_cohort(
    patients: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(*_: object, **__: object) -> None:
        raise AssertionError("reached the generator")

    monkeypatch.setattr("amlsynth.release.build.generate", fitted)
    made = {"name": "event-history", "n": 100, "seed": 1, "replicates": 4}
    out = patients.parent / "out"
    with pytest.raises(UsageError, match=r"public-release allows no replicates of event-history.*private"):
        build_release(_spec(patients.parent, **OWN, generator=made), out)
    research = {"profile": "research"}
    for changes in (
        {"generator": made, "gates": research},
        {"generator": made, "cohort": {"source": "reference", "n": 100, "seed": 1}},
    ):
        with pytest.raises(AssertionError, match="reached the generator"):
            build_release(_spec(patients.parent, **(OWN | changes)), out)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("title", "A simulated cohort"),
        ("description", "It holds no patient."),
        ("description", "No patient's data went into the original."),
        ("description", "Made from published\naggregates."),
        ("keywords", ["AML", "simulation"]),
        ("changes", ["Fitted to the reference cohort again."]),
    ],
)
def test_words_that_contradict_the_record_are_refused(tmp_path: Path, key: str, text: object) -> None:
    path = _spec(tmp_path, **(OWN | {key: text}))
    with pytest.raises(UsageError, match=rf"spec\.yaml:\d+: {key}: says "):
        check_origin(read_spec(path), path, PATIENTS)
    check_origin(read_spec(path), path, SIMULATED)


@pytest.mark.parametrize(
    "text",
    [
        "Synthetic patients of a trial of intensive treatment.",
        "No row is a patient.",
        "For similar cohorts, and references to the trial.",
    ],
)
def test_innocent_words_pass(tmp_path: Path, text: str) -> None:
    path = _spec(tmp_path, **(OWN | {"description": text}))
    check_origin(read_spec(path), path, PATIENTS)


def test_public_domain_needs_a_legal_basis(tmp_path: Path) -> None:
    path = _spec(tmp_path, **(OWN | {"license": "CC0-1.0"}))
    with pytest.raises(UsageError, match="Add legal_basis"):
        check_origin(read_spec(path), path, PATIENTS)
    path = _spec(tmp_path, **(OWN | {"license": "CC0-1.0", "legal_basis": "Anonymous by expert opinion"}))
    check_origin(read_spec(path), path, PATIENTS)


def test_the_example_itself_is_fine() -> None:
    path = asset("release/aml-reference.yaml")
    check_origin(read_spec(path), path, SIMULATED)


def test_init_writes_what_was_told_and_invents_nothing(patients: Path) -> None:
    out = patients.parent / "trial-release.yaml"
    spec = init_release(patients, out, ANSWERS)
    assert spec == read_spec(out)
    assert spec.cohort.path == "trial.parquet"
    (creator,) = spec.creators
    assert (creator.name, creator.orcid) == ("Meier, Anna", "0000-0002-1825-0097")
    assert (spec.ethics, spec.contact) == (ANSWERS["ethics"], ANSWERS["contact"])
    check_origin(spec, out, PATIENTS)


@pytest.mark.parametrize("key", [*ANSWERS])
def test_init_names_what_is_missing(patients: Path, key: str) -> None:
    out = patients.parent / "trial-release.yaml"
    with pytest.raises(UsageError, match=f"needs --{key.replace('_', '-')}"):
        init_release(patients, out, {name: text for name, text in ANSWERS.items() if name != key})
    assert not out.exists()


def test_init_makes_a_release_for_everybody_unless_told_otherwise(patients: Path) -> None:
    out = patients.parent / "public.yaml"
    spec = init_release(patients, out, ANSWERS)
    # No count of the original is in it: the number of patients is left to the noisy sum.
    assert (spec.generator.name, spec.generator.measurements) == ("private", ("trial.sums.json",))
    assert spec.generator.n is None and spec.gates.profile == "public-release"
    shared = init_release(patients, out.with_name("shared.yaml"), ANSWERS, generator="event-history")
    assert shared.generator.n is not None and not shared.generator.measurements
    assert shared.gates.profile == "research"
    primed = init_release(patients, out.with_name("primed.yaml"), ANSWERS, prior=patients)
    assert primed.generator.params == {"prior": "trial.parquet"}
    with pytest.raises(UsageError, match=r"'none\.csv' is no file.*--generator event-history"):
        init_release(patients, out.with_name("x.yaml"), ANSWERS, prior=Path("none.csv"))
    with pytest.raises(UsageError, match="--prior goes with the generator private"):
        init_release(patients, out.with_name("x.yaml"), ANSWERS, prior=patients, generator="event-history")
    with pytest.raises(UsageError, match="no generator 'privat'"):
        init_release(patients, out.with_name("x.yaml"), ANSWERS, generator="privat")
    assert not out.with_name("x.yaml").exists()


def test_init_refuses_a_wrong_answer_and_leaves_nothing(patients: Path) -> None:
    out = patients.parent / "trial-release.yaml"
    wrong = {**ANSWERS, "creator": "Meier, Anna; 0000-0002-1825-0098"}
    with pytest.raises(UsageError, match=r"trial-release\.yaml:\d+: .*last digit does not fit"):
        init_release(patients, out, wrong)
    assert sorted(path.name for path in patients.parent.iterdir()) == [
        "trial.parquet",
        "trial.parquet.about.json",
    ]


def test_init_by_the_command(patients: Path) -> None:
    out = patients.parent / "by-command.yaml"
    flags = [part for key, text in ANSWERS.items() for part in (f"--{key.replace('_', '-')}", text)]
    result = CliRunner().invoke(
        cli, ["release", "init", "--cohort", str(patients), "--out", str(out), *flags, "--funder", "A fund"]
    )
    assert result.exit_code == 0, result.output
    assert read_spec(out).funding == ("A fund",)
    again = CliRunner().invoke(cli, ["release", "init", "--cohort", str(patients), "--out", str(out), *flags])
    assert isinstance(again.exception, UsageError)
