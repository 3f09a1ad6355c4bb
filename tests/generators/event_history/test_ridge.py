"""The regressions of event-history: least squares as statsmodels has it, and transitions without events."""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm

from amlsynth.generators.event_history.ridge import ridge_cox, ridge_linear


def test_linear_without_penalty_is_least_squares() -> None:
    features = np.random.default_rng(1).normal(size=(400, 4))
    centred = features - features.mean(axis=0)
    target = centred @ [1.0, -2.0, 0.5, 0.0] + np.random.default_rng(2).normal(size=400) + 3
    expected = sm.OLS(target, sm.add_constant(centred)).fit().params
    np.testing.assert_allclose(ridge_linear(centred, target, 1e-9), expected, rtol=1e-6, atol=1e-9)


def test_a_transition_without_events_has_no_baseline() -> None:
    nothing = ridge_cox(np.ones((3, 1)), np.arange(1.0, 4), np.zeros(3, bool), np.zeros(3, int), np.ones(1))
    assert nothing.baselines == {} and (nothing.beta == 0).all()
