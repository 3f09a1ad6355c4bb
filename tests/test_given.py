"""Public functions take cohorts and data sets where they take frames, and refuse the rest with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import amlsynth
from amlsynth.cohort.cohort import Cohort
from amlsynth.evaluation.inputs import SyntheticCohort
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.fitted import measure

TAKE_FRAMES: dict[str, Callable[[Any, Any], Any]] = {
    "validate": lambda given, _: amlsynth.validate(given),
    "to_typed": lambda given, _: amlsynth.to_typed(given),
    "split_cohort": lambda given, _: amlsynth.split_cohort(given, seed=1),
    "survival_frame": lambda given, _: amlsynth.survival_frame(given, "OS", ["AGE"]),
    "km_plot": lambda given, _: amlsynth.km_plot(given, "OS"),
    "eln2022": lambda given, _: amlsynth.eln2022(given),
    "write_table": lambda given, folder: amlsynth.write_table(given, folder / "table.csv"),
}  # fmt: skip
TAKE_COHORTS: dict[str, Callable[[Any, Any], Any]] = {
    "generate": lambda given, _: amlsynth.generate(given, seed=1),
    "generate_file": lambda given, folder: amlsynth.generate_file(given, folder / "made.csv", seed=1),
    "measure": lambda given, _: measure(given),
    "fit": lambda given, _: amlsynth.fit(given, seed=1),
    "tune": lambda given, _: amlsynth.tune(given, trials=1),
    "audit": lambda given, _: amlsynth.audit(given),
    "write_cohort": lambda given, folder: amlsynth.write_cohort(given, folder / "cohort.csv"),
}
NO_TABLES = [3, None, "cohort.parquet", [1, 2]]


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return amlsynth.reference_cohort(n=60, seed=1)


@pytest.mark.parametrize("name", TAKE_FRAMES)
def test_a_cohort_does_where_a_frame_does(name, cohort, tmp_path):
    of_cohort, of_frame = (TAKE_FRAMES[name](given, tmp_path) for given in (cohort, cohort.frame))
    if isinstance(of_frame, pd.DataFrame | pd.Series):
        assert of_cohort.equals(of_frame)
    for wrong in NO_TABLES:
        with pytest.raises(UsageError, match=f"not {type(wrong).__name__}"):
            TAKE_FRAMES[name](wrong, tmp_path)


@pytest.mark.parametrize("name", TAKE_COHORTS)
def test_a_frame_where_a_cohort_is_asked_for_is_refused(name, cohort, tmp_path):
    for wrong in (cohort.frame, *NO_TABLES):
        with pytest.raises(UsageError, match=r"Cohort\.create"):
            TAKE_COHORTS[name](wrong, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cohort_brings_its_dictionary_and_says_whether_it_is_simulated(cohort, mds, mds_dictionary):
    other = Cohort.create(mds, "original", cohort.about, mds_dictionary)
    assert amlsynth.validate(other, "original").ok
    with pytest.raises(DataError, match="missing columns 'AMLSTAT'"):
        amlsynth.validate(mds, "original")
    assert amlsynth.survival_frame(other, "LFS", []).columns.tolist() == ["time", "event"]
    few = amlsynth.compare_cohorts(cohort, cohort, labels=("a", "b"))
    assert few.original_is_simulated


def test_evaluate_says_how_several_are_given(cohort):
    for wrong in ([cohort.frame], (cohort,)):
        with pytest.raises(UsageError, match="by label"):
            amlsynth.evaluate(cohort, wrong)
    for wrong in NO_TABLES[:2]:
        with pytest.raises(UsageError, match="DataFrame, Cohort or Dataset"):
            amlsynth.evaluate(cohort, wrong)
        with pytest.raises(UsageError, match="DataFrame, Cohort or Dataset"):
            amlsynth.evaluate(wrong, cohort)


@pytest.mark.parametrize(
    ("labels", "says"), [(("", "a"), "blank"), (("a", " "), "blank"), (("a", "a"), "'a'")]
)
def test_labels_that_no_table_tells_apart_are_refused(cohort, labels, says):
    with pytest.raises(UsageError, match=f"label.*{says}|{says} label"):
        amlsynth.compare_cohorts(cohort, cohort, labels=labels)
    given = [SyntheticCohort(cohort.frame, label) for label in labels]
    with pytest.raises(UsageError, match=f"label.*{says}|{says} label"):
        amlsynth.evaluate(cohort, given)
