"""What every generator of the registry keeps to, whatever the disease and what a cohort lacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators import Generator, create, generator_class, generator_names
from amlsynth.generators.building_blocks.order import synthesis_order
from amlsynth.model_space.encoding import encode
from amlsynth.sources.reference import reference_cohort
from cohorts import OS_ONLY_MISSING, SMALL_COHORTS, small_cohort

EVERY = pytest.mark.parametrize("name", generator_names())
# A generator with a guarantee is not asked to reproduce an exact fact of the training patients.
EXACT = pytest.mark.parametrize("name", [n for n in generator_names() if not generator_class(n).guarantee])


def _fitted(name: str, train: pd.DataFrame, seed: int = 5) -> Generator:
    return create(name, generator_class(name).quick_params).fit(train, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def fitted_small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Generator]:
    """Return a generator fitted to one of the small cohorts."""
    folder = tmp_path_factory.mktemp("priors")

    @cache
    def fitted(name: str, cohort: str) -> Generator:
        small = small_cohort(cohort)
        params = dict(generator_class(name).quick_params)
        if generator_class(name).guarantee:
            # The prior is a cohort of the same kind, and what nobody has is said beforehand.
            path = folder / f"{cohort}.parquet"
            write_table(small.frame, path)
            params |= {
                "prior": str(path),
                "not_assessed": tuple(small.frame.columns[small.frame.isna().all()]),
            }
        return create(name, params, small.d).fit(small.frame, np.random.default_rng(5))

    return fitted


@cache
def _train() -> pd.DataFrame:
    """Return the reference cohort, apart from the fixture, which shows whether a fit changed it."""
    return reference_cohort(n=1606, seed=1).frame


@cache
def _of_reference(name: str) -> Generator:
    """Return a generator fitted to the reference cohort, for several tests: sampling leaves it as it is."""
    return _fitted(name, _train())


@cache
def _many(name: str) -> pd.DataFrame:
    return _of_reference(name).sample(5_000, np.random.default_rng(6))


def _sample(name: str, train: pd.DataFrame, n: int, seed: int = 5) -> pd.DataFrame:
    model = _fitted(name, train, seed)
    return model.sample(n, np.random.default_rng(seed + 1))


def _rules_broken(name: str, frame: pd.DataFrame, d: Dictionary | None = None) -> set[str]:
    allowed = {DUPLICATE_RULE} if generator_class(name).copies_patients else set()
    broken = validate(frame, "synthetic", d).by_rule().query("severity == 'error'")
    return set(broken["rule"]) - allowed


def _blanked(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return frame.assign(**{c: pd.Series([pd.NA] * len(frame)).astype(frame[c].dtype) for c in columns})


@EVERY
@pytest.mark.parametrize("n", [1, 2, 1606, 5000])
def test_any_number_of_valid_patients(name: str, reference: pd.DataFrame, n: int) -> None:
    frame = _many(name) if n == 5000 else _of_reference(name).sample(n, np.random.default_rng(6))
    assert len(frame) == n
    assert _rules_broken(name, frame) == set()
    assert frame.dtypes.equals(reference.dtypes)


@EVERY
@pytest.mark.parametrize("cohort", SMALL_COHORTS)
def test_other_diseases_lacking_endpoints_and_extra_variables(
    name: str, cohort: str, fitted_small: Callable[[str, str], Generator]
) -> None:
    small = small_cohort(cohort)
    frame = fitted_small(name, cohort).sample(150, np.random.default_rng(6))
    assert len(frame) == 150 and frame.dtypes.equals(small.frame.dtypes)
    assert _rules_broken(name, frame, small.d) == set()
    # What nobody has is not made up, and what everybody has is there.
    known = small.frame.notna()
    assert frame.isna().all().equals(~known.any())
    if not generator_class(name).guarantee:
        assert frame.loc[:, known.all()].notna().all(axis=None)
    for variable in small.d.variables:
        if variable.is_categorical:
            assert set(frame[variable.name].dropna()) <= set(small.frame[variable.name].dropna()), (
                variable.name
            )


@EVERY
def test_one_endpoint_alone_is_kept_whole(name: str, fitted_small: Callable[[str, str], Generator]) -> None:
    train = small_cohort("os-only").frame
    frame = fitted_small(name, "os-only").sample(600, np.random.default_rng(6))
    assert frame[list(OS_ONLY_MISSING)].isna().all(axis=None)
    # The standard error of the difference of two shares in 300 and 600 is 0.035, of log times about 0.1.
    assert abs(frame["OSSTAT"].mean() - train["OSSTAT"].mean()) < 0.14
    log_times = [np.log(part["OSTM"].dropna().to_numpy(float)).mean() for part in (frame, train)]
    assert abs(log_times[0] - log_times[1]) < 0.4


def test_the_response_orders_the_synthesis_only_where_there_is_one() -> None:
    mds, trial = small_cohort("mds"), small_cohort("trial")
    for small, last in ((mds, "ANC"), (trial, "RELAPSE")):
        encoded = encode(small.frame, small.d)
        states = {str(name): codes for name, codes in encoded.states.items()}
        order = synthesis_order(states, map(str, encoded.numbers), small.d)
        assert sorted(order) == sorted([*states, *encoded.numbers])
        assert (order[0], order[-1]) == ("AGE", last)


@EXACT  # with a guarantee the noise is the operating system's; see the tests of `private`
def test_seed_decides_the_bytes(name: str, reference: pd.DataFrame, tmp_path: Path) -> None:
    for number, seed in enumerate((5, 5, 6)):
        write_table(_sample(name, reference.head(300), 100, seed), tmp_path / f"{number}.parquet")
    first, again, other = ((tmp_path / f"{number}.parquet").read_bytes() for number in range(3))
    assert first == again != other


@EVERY
def test_fitting_leaves_the_training_data_alone(name: str, reference: pd.DataFrame) -> None:
    _of_reference(name).sample(1, np.random.default_rng(6))
    pd.testing.assert_frame_equal(_train(), reference)


@EXACT
def test_constant_and_missing_columns(name: str, reference: pd.DataFrame) -> None:
    missing = ["NOTCH1", "WBC", "CR1", "EXAML", "EFSTM", "EFSSTAT"]
    train = _blanked(reference.head(500), missing)
    train["AGE"] = pd.array([60] * len(train), dtype="Int16")
    train["SEX"] = pd.Categorical(["male"] * len(train), dtype=train["SEX"].dtype)
    frame = _sample(name, train, 200)
    assert _rules_broken(name, frame) == set()
    assert set(frame["AGE"]) == {60} and set(frame["SEX"]) == {"male"}
    assert frame[missing].isna().all(axis=None)


@EXACT
def test_cohort_without_any_outcome_or_events(name: str, reference: pd.DataFrame) -> None:
    outcome = ["OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]
    assert _sample(name, _blanked(reference.head(500), outcome), 100)[outcome].isna().all(axis=None)
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
        _of_reference(name).sample(0, np.random.default_rng(1))


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
        frame = _many(name)
        for column in ("NPM1", "OSSTAT", "CR1"):
            # Four standard errors of a share in the 1,606 patients would be 0.05.
            assert abs(frame[column].mean() - reference[column].mean()) < 0.03, (name, column)
