"""Cox and logistic regression agree with lifelines and statsmodels, and refuse what has no estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines import CoxPHFitter

from amlsynth.evaluation.effects.regression import cox_model, logistic_model, p_value
from amlsynth.evaluation.family import NotComputable


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.normal(60, 12, 400), rng.random(400) < 0.2, rng.random(400) < 0.5]).astype(float)
    time = np.round(rng.exponential(20 * np.exp(-0.02 * (x[:, 0] - 60) - 0.7 * x[:, 1])), 0) + 1  # many ties
    event = rng.random(400) < 0.7
    return time, event, x


@pytest.mark.parametrize("penalised", [False, True])
def test_cox_agrees_with_lifelines(data, penalised):
    time, event, x = data
    frame = pd.DataFrame(x, columns=list("abc")).assign(time=time, event=event)
    # lifelines divides the likelihood by the number of patients, and penalises log ratios per standard
    # deviation with the denominator n - 1, where ours has n.
    n = len(x)
    ours = cox_model(time, event, x, ridge=0.1 * n * n / (n - 1) if penalised else 0.0)
    fit = CoxPHFitter(penalizer=0.1 if penalised else 0.0).fit(frame, "time", "event")
    np.testing.assert_allclose(ours.estimate.log_ratios, fit.params_.to_numpy(), rtol=1e-4)
    if not penalised:
        np.testing.assert_allclose(ours.estimate.standard_errors, fit.standard_errors_.to_numpy(), rtol=1e-4)
        assert p_value(ours.estimate.log_ratios[0], ours.estimate.standard_errors[0]) == pytest.approx(
            fit.summary["p"].iloc[0], rel=1e-2
        )


def test_predicted_survival_is_near_that_of_lifelines(data):
    time, event, x = data
    frame = pd.DataFrame(x, columns=list("abc")).assign(time=time, event=event)
    months = np.array([5.0, 20.0, 60.0])
    ours = cox_model(time, event, x).survival(x[:5], months)
    theirs = CoxPHFitter().fit(frame, "time", "event").predict_survival_function(frame[:5], times=months)
    assert ours.shape == (5, 3)
    np.testing.assert_allclose(ours, theirs.to_numpy().T, atol=0.01)  # Efron's baseline against Breslow's


def test_survival_starts_at_one_and_falls(data):
    model = cox_model(*data)
    curve = model.survival(data[2][:3], np.linspace(0, 200, 50))
    assert (curve[:, 0] == 1).all() and (np.diff(curve, axis=1) <= 0).all() and (curve >= 0).all()


def test_logistic_agrees_with_statsmodels(data):
    _, _, x = data
    rng = np.random.default_rng(5)
    y = rng.random(len(x)) < 1 / (1 + np.exp(0.05 * (x[:, 0] - 60) - x[:, 1]))
    ours = logistic_model(y, x)
    fit = sm.Logit(y.astype(float), sm.add_constant(x)).fit(disp=0)
    np.testing.assert_allclose(ours.log_ratios, fit.params[1:], rtol=1e-5)
    np.testing.assert_allclose(ours.standard_errors, fit.bse[1:], rtol=1e-5)


def test_one_binary_covariate_gives_woolfs_odds_ratio():
    y = np.repeat([True, False, True, False], [30, 10, 20, 40])
    x = np.repeat([1.0, 0.0], [40, 60])[:, None]
    fit = logistic_model(y, x)
    assert fit.log_ratios[0] == pytest.approx(np.log(30 * 40 / (10 * 20)))
    assert fit.standard_errors[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40))


def test_what_has_no_estimate_is_refused(data):
    time, event, x = data
    with pytest.raises(NotComputable, match="no event"):
        cox_model(time, np.zeros(len(time), dtype=bool), x)
    with pytest.raises(NotComputable, match="one value"):
        cox_model(time, event, np.column_stack([x, np.ones(len(x))]))
    with pytest.raises(NotComputable, match="follow from each other"):
        cox_model(time, event, np.column_stack([x, x[:, 0] + x[:, 1]]))
    with pytest.raises(NotComputable, match="same outcome"):
        logistic_model(np.ones(len(x), dtype=bool), x)
    with pytest.raises(NotComputable, match="separate"):
        logistic_model(x[:, 0] > 60, x)
    with pytest.raises(NotComputable):  # the marked patients never have the event
        cox_model(time, event & (x[:, 1] == 0), x)
    constant = np.column_stack([x, np.ones(len(x))])
    assert cox_model(time, event, constant, ridge=1.0).estimate.log_ratios[3] == 0
