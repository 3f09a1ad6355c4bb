"""`pool` takes fits of lifelines and statsmodels as they are, and its estimates agree with theirs."""

from __future__ import annotations

import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines.utils import concordance_index, restricted_mean_survival_time

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.inference.estimates import Estimate, concordance, median_of, restricted_mean, survival_at
from amlsynth.inference.pool import pool
from amlsynth.inference.rules import combine


def _cohort(seed: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    marker, age = rng.integers(0, 2, n), rng.normal(0, 1, n)
    time = rng.exponential(20 * np.exp(0.7 * marker - 0.3 * age))
    end = rng.uniform(5, 60, n)
    return pd.DataFrame(
        {
            "time": np.round(np.minimum(time, end), 1) + 0.1,
            "event": (time <= end).astype(int),
            "marker": marker,
            "age": age,
        }
    )


@pytest.fixture(scope="module")
def cohorts() -> list[pd.DataFrame]:
    return [_cohort(seed) for seed in range(4)]


def test_cox_fits_of_lifelines(cohorts: list[pd.DataFrame]) -> None:
    fits = [lifelines.CoxPHFitter().fit(frame, "time", "event") for frame in cohorts]
    table = pool(fits)
    assert table.index.tolist() == ["marker", "age"]
    expected = combine(
        [fit.params_.to_numpy() for fit in fits], [fit.standard_errors_.to_numpy() ** 2 for fit in fits]
    )
    np.testing.assert_allclose(table["estimate"], expected.estimate)
    np.testing.assert_allclose(table["standard_error"] ** 2, expected.variance)
    assert (table["lower"] < table["estimate"]).all() and (table["estimate"] < table["upper"]).all()


def test_logistic_fits_of_statsmodels(cohorts: list[pd.DataFrame]) -> None:
    fits = [
        sm.Logit(frame["event"], sm.add_constant(frame[["marker", "age"]])).fit(disp=0) for frame in cohorts
    ]
    table = pool(fits, rule="one-fit")
    assert table.index.tolist() == ["const", "marker", "age"]
    assert table.loc["marker", "estimate"] == pytest.approx(np.mean([fit.params["marker"] for fit in fits]))


def test_medians_are_pooled_on_the_log_scale(cohorts: list[pd.DataFrame]) -> None:
    fits = [lifelines.KaplanMeierFitter().fit(frame["time"], frame["event"]) for frame in cohorts]
    table = pool(fits)
    medians = [fit.median_survival_time_ for fit in fits]
    assert table.loc["median", "value"] == pytest.approx(np.exp(np.mean(np.log(medians))))
    assert (
        table.loc["median", "value_lower"] < table.loc["median", "value"] < table.loc["median", "value_upper"]
    )


def test_survival_at_a_time_has_the_interval_of_lifelines() -> None:
    frame = _cohort(1)
    fit = lifelines.KaplanMeierFitter().fit(frame["time"], frame["event"])
    low, high = fit.confidence_interval_survival_function_.loc[:24].iloc[-1]
    one = survival_at(frame["time"], frame["event"], 24)
    table = pool([one], rule="one-fit", size_ratio=1e-12)  # T = U: the interval of this cohort alone
    row = table.iloc[0]
    assert row["value"] == pytest.approx(float(fit.predict(24)))
    assert (row["value_lower"], row["value_upper"]) == pytest.approx((low, high), rel=1e-6)


def test_restricted_mean_is_that_of_lifelines() -> None:
    frame = _cohort(2)
    fit = lifelines.KaplanMeierFitter().fit(frame["time"], frame["event"])
    mean = restricted_mean_survival_time(fit, t=24)
    estimate = restricted_mean(frame["time"], frame["event"], 24)
    assert estimate.value == pytest.approx(float(mean), rel=1e-6)
    again = [
        restricted_mean(sample["time"], sample["event"], 24).value
        for sample in (frame.sample(len(frame), replace=True, random_state=seed) for seed in range(200))
    ]
    assert estimate.standard_error == pytest.approx(np.std(again), rel=0.2)  # the bootstrap's


def test_a_mean_beyond_follow_up_is_told() -> None:
    with pytest.raises(DataError, match="follow-up ends before 24 months"):
        restricted_mean([5.0, 6.0], [1, 0], 24)


def test_concordance_is_that_of_lifelines() -> None:
    frame = _cohort(3)
    score = -0.7 * frame["marker"] + 0.3 * frame["age"].round(1)
    estimate = concordance(frame["time"], frame["event"], score)
    expected = concordance_index(frame["time"], -score, frame["event"])
    assert 1 / (1 + np.exp(-estimate.value)) == pytest.approx(expected)
    samples = (frame.sample(len(frame), replace=True, random_state=seed) for seed in range(150))
    again = [
        concordance_index(s["time"], 0.7 * s["marker"] - 0.3 * s["age"].round(1), s["event"]) for s in samples
    ]
    spread = np.std(np.log(again) - np.log1p(-np.array(again)))
    assert estimate.standard_error == pytest.approx(spread, rel=0.25)


def test_share_of_variance_that_one_cohort_does_not_see() -> None:
    table = pool([Estimate("x", value, 0.1) for value in (0.0, 1.0, 2.0)])
    # B = 1, T = 4/3 - 0.01, U = 0.01
    assert table.loc["x", "synthesis_share"] == pytest.approx(1 - 0.01 / (4 / 3 - 0.01))


@pytest.mark.parametrize(
    ("fits", "error", "says"),
    [
        ([], UsageError, "no fits to pool"),
        ([object(), object()], UsageError, "pool cannot read object"),
        ([Estimate("a", 1, 1), Estimate("b", 1, 1)], DataError, "no estimand in common"),
        ([Estimate("a", np.nan, 1), Estimate("a", 1, 1)], DataError, "a: a fit has no finite estimate"),
        ([Estimate("a", 1, 1, "log"), Estimate("a", 1, 1)], UsageError, "different scales"),
    ],
)
def test_what_cannot_be_pooled_is_told(fits: list, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        pool(fits)


def test_a_level_is_a_share() -> None:
    with pytest.raises(UsageError, match="The level is 95"):
        pool([Estimate("a", 1, 1)], level=95)


def test_a_median_that_is_not_reached_is_told() -> None:
    fit = lifelines.KaplanMeierFitter().fit([1.0, 2, 3, 4, 5], [1, 0, 0, 0, 0])
    with pytest.raises(DataError, match="does not reach one half"):
        median_of(fit)


def test_survival_without_events_before_is_told() -> None:
    with pytest.raises(DataError, match="no event before 3 months"):
        survival_at([5.0, 6.0], [1, 1], 3)
