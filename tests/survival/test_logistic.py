"""Logistic regression agrees with statsmodels, and refuses what has no estimate."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from amlsynth.foundation.errors import NotComputable
from amlsynth.survival.logistic import log_odds_ratios, logistic_fit

N, P = 400, 4


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(N, P))


def test_logistic_agrees_with_statsmodels():
    rng = np.random.default_rng(5)
    x = np.column_stack([rng.normal(60, 12, N), rng.random(N) < 0.2, rng.random(N) < 0.5]).astype(float)
    y = rng.random(N) < 1 / (1 + np.exp(0.05 * (x[:, 0] - 60) - x[:, 1]))
    ours = logistic_fit(y, x)
    fit = sm.Logit(y.astype(float), sm.add_constant(x)).fit(disp=0)
    np.testing.assert_allclose(ours.beta, fit.params[1:], rtol=1e-5)
    np.testing.assert_allclose(ours.standard_errors, fit.bse[1:], rtol=1e-5)
    assert ours.intercept == pytest.approx(fit.params[0], rel=1e-5)


def test_one_binary_covariate_gives_woolfs_odds_ratio():
    y = np.repeat([True, False, True, False], [30, 10, 20, 40])
    fit = logistic_fit(y, np.repeat([1.0, 0.0], [40, 60]))
    assert fit.beta[0] == pytest.approx(np.log(30 * 40 / (10 * 20)))
    assert fit.intercept == pytest.approx(np.log(20 / 40))
    assert fit.standard_errors[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40))
    # In closed form, of several: one is unknown in some, and who has the last has the outcome.
    marker = np.repeat([1.0, 0.0], [40, 60])
    beta, errors = log_odds_ratios(
        y, np.column_stack([marker, np.where(np.arange(100) < 5, np.nan, marker), y])
    )
    fits = [fit, logistic_fit(y[5:], marker[5:])]
    assert beta[:2] == pytest.approx([one.beta[0] for one in fits], rel=1e-10)
    assert errors[:2] == pytest.approx([one.standard_errors[0] for one in fits], rel=1e-10)
    assert np.isnan([beta[2], errors[2]]).all()


def test_a_vanishing_penalty_gives_maximum_likelihood(features: np.ndarray) -> None:
    target = features @ [1.0, -1.0, 0.0, 0.5] + np.random.default_rng(3).logistic(size=N) > 0.5
    expected = sm.Logit(target, sm.add_constant(features)).fit(disp=False).params
    fit = logistic_fit(target, features, penalty=np.full(P, 1e-9))
    np.testing.assert_allclose([fit.intercept, *fit.beta], expected, atol=1e-6)


def test_the_fit_repeats_the_sums_over_the_events(features: np.ndarray) -> None:
    target = features[:, 0] + np.random.default_rng(4).logistic(size=N) > 0
    fit = logistic_fit(target, features, penalty=np.full(P, 1e-6))
    share = 1 / (1 + np.exp(-(fit.intercept + features @ fit.beta)))
    np.testing.assert_allclose(features.T @ share, features.T @ target, atol=1e-4)
    assert share.sum() == pytest.approx(target.sum(), abs=1e-6)


def test_separated_outcomes_have_finite_estimates_with_a_penalty(features: np.ndarray) -> None:
    fit = logistic_fit(features[:, 0] > 0, features, penalty=np.full(P, 0.5))
    assert np.isfinite(fit.beta).all() and 2 < fit.beta[0] < 20


def test_what_has_no_estimate_is_refused(features: np.ndarray) -> None:
    with pytest.raises(NotComputable, match="same outcome"):
        logistic_fit(np.ones(N, dtype=bool), features)
    with pytest.raises(NotComputable, match="separate"):
        logistic_fit(features[:, 0] > 0, features)
    with pytest.raises(NotComputable, match="separate"):
        logistic_fit(features[:, 0] > 0, features[:, 0])
