"""What every generator of the registry keeps to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators import Generator, create, generator_class, generator_names

EVERY = pytest.mark.parametrize("name", generator_names())
# A generator with a guarantee is not asked to reproduce an exact fact of the training patients.
EXACT = pytest.mark.parametrize("name", [n for n in generator_names() if not generator_class(n).guarantee])


def _fitted(name: str, train: pd.DataFrame, seed: int = 5) -> Generator:
    return create(name, generator_class(name).quick_params).fit(train, np.random.default_rng(seed))


def _sample(name: str, train: pd.DataFrame, n: int, seed: int = 5) -> pd.DataFrame:
    model = _fitted(name, train, seed)
    return model.sample(n, np.random.default_rng(seed + 1))


def _rules_broken(name: str, frame: pd.DataFrame) -> set[str]:
    allowed = {DUPLICATE_RULE} if generator_class(name).copies_patients else set()
    return set(validate(frame, "synthetic").by_rule()["rule"]) - allowed


def _blanked(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return frame.assign(**{c: pd.Series([pd.NA] * len(frame)).astype(frame[c].dtype) for c in columns})


@EVERY
@pytest.mark.parametrize("n", [1, 2, 1606, 5000])
def test_any_number_of_valid_patients(name: str, reference: pd.DataFrame, n: int) -> None:
    frame = _sample(name, reference, n)
    assert len(frame) == n
    assert _rules_broken(name, frame) == set()
    assert frame.dtypes.equals(reference.dtypes)


@EXACT  # with a guarantee the noise is the operating system's; see the tests of `private`
def test_seed_decides_the_bytes(name: str, reference: pd.DataFrame, tmp_path: Path) -> None:
    for number, seed in enumerate((5, 5, 6)):
        write_table(_sample(name, reference, 300, seed), tmp_path / f"{number}.parquet")
    first, again, other = ((tmp_path / f"{number}.parquet").read_bytes() for number in range(3))
    assert first == again != other


@EVERY
def test_fitting_leaves_the_training_data_alone(name: str, reference: pd.DataFrame) -> None:
    before = reference.copy(deep=True)
    _sample(name, reference, 10)
    pd.testing.assert_frame_equal(reference, before)


@EXACT
def test_constant_and_missing_columns(name: str, reference: pd.DataFrame) -> None:
    missing = ["NOTCH1", "WBC", "CR1", "EXAML", "EFSTM", "EFSSTAT"]
    train = _blanked(reference, missing)
    train["AGE"] = pd.array([60] * len(train), dtype="Int16")
    train["SEX"] = pd.Categorical(["male"] * len(train), dtype=train["SEX"].dtype)
    frame = _sample(name, train, 200)
    assert _rules_broken(name, frame) == set()
    assert set(frame["AGE"]) == {60} and set(frame["SEX"]) == {"male"}
    assert frame[missing].isna().all(axis=None)


@EXACT
def test_cohort_without_any_outcome_or_events(name: str, reference: pd.DataFrame) -> None:
    outcome = ["OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]
    assert _sample(name, _blanked(reference, outcome), 100)[outcome].isna().all(axis=None)
    censored = reference[reference["EFSSTAT"] == 0]
    assert (_sample(name, censored, 100)["OSSTAT"].dropna() == 0).all()


@EVERY
def test_tiny_cohorts_are_refused(name: str, reference: pd.DataFrame) -> None:
    least = generator_class(name).minimum_patients
    with pytest.raises(
        DataError, match=f"{name} needs at least {least} training patients and got {least - 1}"
    ):
        _sample(name, reference.head(least - 1), 10)
    assert len(_sample(name, reference.head(least), 10)) == 10


@EVERY
def test_sampling_needs_a_fit_and_a_number(name: str, reference: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="has to be fitted"):
        create(name).sample(5, np.random.default_rng(1))
    with pytest.raises(UsageError, match="0 patients cannot be sampled"):
        _sample(name, reference, 0)


@EVERY
def test_unknown_parameters_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} has no parameter 'min_leef'"):
        create(name, {"min_leef": 3})


def test_unknown_generator_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'sequential-cart'"):
        create("sequential_cart")


def test_only_anchors_may_not_be_released() -> None:
    assert {name for name in generator_names() if not generator_class(name).releasable} == {
        "independent",
        "bootstrap",
    }


def test_margins_are_kept(reference: pd.DataFrame) -> None:
    # What has quick parameters is rough with them; the tests of its module see to its quality.
    for name in (name for name in generator_names() if not generator_class(name).quick_params):
        frame = _sample(name, reference, 20_000)
        for column in ("NPM1", "OSSTAT", "CR1"):
            # Four standard errors of a share in the 1,606 patients would be 0.05.
            assert abs(frame[column].mean() - reference[column].mean()) < 0.03, (name, column)
