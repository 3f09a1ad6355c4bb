"""Requests for patients of a kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.tables import read_table
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.conditions import FEW, Condition
from amlsynth.generators.generation import generate, generate_file
from amlsynth.sources.reference import reference_cohort


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return reference_cohort(n=600, seed=1)


def test_names_and_ids_are_read_and_missing_values_do_not_meet(reference: pd.DataFrame) -> None:
    by_name = Condition.read("`t8.21` == 1 and AGE < 60").holds(reference)
    by_id = Condition.read("t8_21 == 1 and AGE < 60").holds(reference)
    expected = (reference["t8.21"].eq(1) & reference["AGE"].lt(60)).fillna(False).to_numpy(bool)
    assert (by_name == expected).all() and (by_id == expected).all() and expected.any()


def test_every_patient_meets_the_condition(cohort: Cohort) -> None:
    made = generate(cohort, "event-history", seed=1, n=300, where="AGE >= 60 and NPM1 == 1")
    frame = made.synthetic.frame
    assert len(frame) == 300 and (frame["AGE"] >= 60).all() and (frame["NPM1"] == 1).all()
    assert made.warnings == ()
    assert "AGE >= 60 and NPM1 == 1" in made.synthetic.about.statement
    # They are drawn from the model, so they differ from all patients as the original's do.
    original = cohort.frame.query("AGE >= 60 and NPM1 == 1")
    assert abs(frame["FLT3I"].mean() - original["FLT3I"].mean()) < 0.2


def test_too_few_training_patients_give_a_warning(cohort: Cohort) -> None:
    made = generate(cohort, seed=1, n=5, where="AGE >= 75 and NPM1 == 1")
    assert len(made.synthetic.frame) == 5
    assert len(made.warnings) == 1 and f"Fewer than {FEW} training patients" in made.warnings[0]


def test_a_condition_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch, cohort: Cohort) -> None:
    monkeypatch.setattr("amlsynth.generators.conditions._MOST_DRAWN", 60_000)
    with pytest.raises(DataError, match="None of 100,000 patients drawn in a row meets"):
        generate(cohort, "independent", seed=1, n=5, where="CGNK == 1 and CGCX == 1")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("AEG > 3", "names 'AEG', which is no column. Did you mean 'AGE'?"),
        ("1 == 1", "names no column"),
        ("AGE + 1", "is no condition"),
        ("AGE >", "AGE >"),
        ("SEX > 3", "SEX"),
    ],
)
def test_wrong_conditions_are_refused(cohort: Cohort, text: str, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        generate(cohort, "independent", seed=1, n=5, where=text)
    assert problem in str(error.value)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_has_what_a_frame_has(
    cohort: Cohort, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amlsynth.generators import base

    monkeypatch.setattr(base, "BLOCK", 2_000)
    path = tmp_path / f"made.{ending}"
    written = generate_file(cohort, path, "sequential-cart", seed=3, n=base.BLOCK + 10)
    frame = generate(cohort, "sequential-cart", seed=3, n=base.BLOCK + 10).synthetic.frame
    pd.testing.assert_frame_equal(read_table(path), frame)
    assert written.n == base.BLOCK + 10
    about = json.loads(path.with_name(f"made.{ending}.about.json").read_text())
    assert about["provenance"]["n"] == base.BLOCK + 10
    assert not frame.duplicated().any()


def test_a_failure_leaves_the_file_as_it_was(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.parquet"
    path.write_bytes(b"older")
    monkeypatch.setattr("amlsynth.generators.conditions._MOST_DRAWN", 60_000)
    with pytest.raises(DataError):
        generate_file(cohort, path, "independent", seed=1, n=5, where="CGNK == 1 and CGCX == 1")
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]


def test_chance_repeats_are_drawn_again() -> None:
    from amlsynth.generators.building_blocks.seen_rows import SeenRows

    frame = reference_cohort(n=50, seed=1).frame
    seen = SeenRows()
    doubled = pd.concat([frame, frame.head(7)], ignore_index=True)
    assert seen.new(doubled).tolist() == [True] * 50 + [False] * 7
    assert not seen.new(frame).any()
    other = frame.copy()
    other.loc[3, "NPM1"] = 1 - other.loc[3, "NPM1"] if pd.notna(other.loc[3, "NPM1"]) else 1
    assert seen.new(other).tolist() == [row == 3 for row in range(50)]


def test_a_cohort_of_few_possible_patients_tells_that_they_repeat() -> None:
    frame = reference_cohort(n=200, seed=1).frame
    constant = frame.copy()
    for name in constant:
        constant[name] = constant[name].iloc[[0] * len(constant)].array
    constant["AGE"] = pd.array(np.arange(200) % 3 + 50, dtype="Int16")
    about = About(name="small", title="small", simulated=True, statement="three patients, many times")
    with pytest.raises(DataError, match="the same as row"):
        generate(Cohort(constant, "original", about), "independent", seed=1, n=50)
