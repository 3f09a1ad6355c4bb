"""A cohort knows its dictionary, and whatever is made of it is of the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlsynth.cohort.cohort import About, Cohort, read_cohort, write_cohort
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.generation import generate, generate_file
from cohorts import small_cohort


def _cohort(name: str) -> Cohort:
    small = small_cohort(name)
    about = About(name=name, title=name, simulated=True, statement="Simulated.")
    return Cohort.create(small.frame, "original", about, small.d)


@pytest.mark.parametrize(
    ("name", "where"),
    [("mds", "AGE >= 70 and SF3B1 == 1"), ("trial", "ARM == 'drug A, 5 mg'"), ("lymphoma", "STAGE == 'IV'")],
)
def test_a_synthetic_cohort_is_of_the_originals_dictionary(name: str, where: str) -> None:
    original = _cohort(name)
    made = generate(original, "sequential-cart", seed=1, n=40, where=where)
    assert made.synthetic.dictionary == original.dictionary and made.synthetic.validation().ok
    assert len(made.synthetic.frame) == 40
    assert made.split is not None and list(made.split.holdout) == list(original.dictionary.names)


def test_files_of_another_disease_are_read_by_its_dictionary(tmp_path: Path) -> None:
    original = _cohort("trial")
    write_cohort(original, tmp_path / "trial.csv")
    again = read_cohort(tmp_path / "trial.csv", "original", original.dictionary)
    assert again.frame.equals(original.frame) and again.about == original.about
    assert again.dictionary is original.dictionary and again.validation().ok
    written = generate_file(original, tmp_path / "made.parquet", "independent", seed=1, n=30)
    assert written.n == 30
    made = read_cohort(tmp_path / "made.parquet", "synthetic", original.dictionary)
    assert set(made.frame["ARM"]) == {"standard", "drug A, 5 mg"}
    with pytest.raises(DataError, match="differ in the columns ARM, HSCT, BM_BLAST, RELAPSE"):
        read_cohort(tmp_path / "trial.csv", "original")


def test_a_condition_names_columns_of_the_cohorts_dictionary() -> None:
    with pytest.raises(UsageError, match="names 'NPM1', which is no column"):
        generate(_cohort("lymphoma"), "independent", seed=1, n=5, where="NPM1 == 1")
