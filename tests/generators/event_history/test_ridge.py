"""The regressions agree with statsmodels' and lifelines' where those have the same penalty."""

from __future__ import annotations

import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from amlsynth.generators.event_history.ridge import ridge_cox, ridge_linear, ridge_logistic

N, P = 400, 4


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(N, P))


def test_linear_without_penalty_is_least_squares(features: np.ndarray) -> None:
    centred = features - features.mean(axis=0)
    target = centred @ [1.0, -2.0, 0.5, 0.0] + np.random.default_rng(2).normal(size=N) + 3
    expected = sm.OLS(target, sm.add_constant(centred)).fit().params
    np.testing.assert_allclose(ridge_linear(centred, target, 1e-9), expected, rtol=1e-6, atol=1e-9)


def test_logistic_without_penalty_is_maximum_likelihood(features: np.ndarray) -> None:
    target = features @ [1.0, -1.0, 0.0, 0.5] + np.random.default_rng(3).logistic(size=N) > 0.5
    expected = sm.Logit(target, sm.add_constant(features)).fit(disp=False).params
    np.testing.assert_allclose(ridge_logistic(features, target, np.full(P, 1e-9)), expected, atol=1e-4)


def test_logistic_repeats_the_sums_over_the_events(features: np.ndarray) -> None:
    target = features[:, 0] + np.random.default_rng(4).logistic(size=N) > 0
    beta = ridge_logistic(features, target, np.full(P, 1e-6))
    share = 1 / (1 + np.exp(-(beta[0] + features @ beta[1:])))
    np.testing.assert_allclose(features.T @ share, features.T @ target, atol=0.05)
    assert share.sum() == pytest.approx(target.sum(), abs=0.05)


def test_separated_events_have_finite_estimates_with_a_penalty(features: np.ndarray) -> None:
    target = features[:, 0] > 0
    beta = ridge_logistic(features, target, np.full(P, 0.5))
    assert np.isfinite(beta).all() and 2 < beta[1] < 20


@pytest.mark.parametrize("penalizer", [1e-6, 0.05])
def test_cox_agrees_with_lifelines(features: np.ndarray, penalizer: float) -> None:
    rng = np.random.default_rng(5)
    strata = rng.integers(0, 2, N)
    time = rng.exponential(1 / np.exp(features @ [0.8, -0.5, 0.0, 0.3])) * (1 + strata)
    event = rng.random(N) < 0.7
    frame = pd.DataFrame(features).assign(time=time, event=event, strata=strata)
    fit = lifelines.CoxPHFitter(penalizer=penalizer).fit(frame, "time", "event", strata="strata")
    # lifelines scales its penalty by the number of patients and standardises the features.
    penalty = penalizer * N * features.std(axis=0, ddof=1) ** 2
    model = ridge_cox(features, time, event, strata, penalty)
    np.testing.assert_allclose(model.beta, fit.params_, atol=2e-3)
    for number, baseline in model.baselines.items():
        shift = np.exp(features.mean(axis=0) @ model.beta)  # lifelines centres its features
        theirs = fit.baseline_cumulative_hazard_[number].reindex(baseline.times[1:])
        np.testing.assert_allclose(baseline.at(theirs.index.to_numpy()) * shift, theirs, rtol=0.02)


def test_cox_with_ties_has_the_breslow_estimate() -> None:
    time = np.array([1.0, 1.0, 2.0, 3.0, 3.0, 4.0])
    event = np.array([True, True, False, True, True, False])
    model = ridge_cox(np.zeros((6, 1)), time, event, np.zeros(6, dtype=int), np.ones(1))
    baseline = model.baselines[0]
    np.testing.assert_allclose(baseline.times, [0, 1, 3])
    np.testing.assert_allclose(baseline.hazard, [0, 2 / 6, 2 / 6 + 2 / 3])
    assert baseline.inverse(np.array([1 / 6]))[0] == pytest.approx(0.5)
    assert np.isinf(baseline.inverse(np.array([1.01]))[0])


def test_cox_without_events_has_no_baseline() -> None:
    nothing = ridge_cox(np.ones((3, 1)), np.arange(1.0, 4), np.zeros(3, bool), np.zeros(3, int), np.ones(1))
    assert nothing.baselines == {} and (nothing.beta == 0).all()
