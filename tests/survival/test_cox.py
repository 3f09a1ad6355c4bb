"""Cox regression agrees with lifelines, or with hand-worked cases, and refuses what has no estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from amlsynth.foundation.errors import NotComputable
from amlsynth.statistics.wald import wald_p
from amlsynth.survival.cox import cox_fit, log_hazard_ratios


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.normal(60, 12, 400), rng.random(400) < 0.2, rng.random(400) < 0.5]).astype(float)
    time = np.round(rng.exponential(20 * np.exp(-0.02 * (x[:, 0] - 60) - 0.7 * x[:, 1])), 0) + 1  # many ties
    event = rng.random(400) < 0.7
    return time, event, x


@pytest.mark.parametrize("penalizer", [0.0, 0.1])
def test_cox_agrees_with_lifelines(data, penalizer):
    time, event, x = data
    frame = pd.DataFrame(x, columns=list("abc")).assign(time=time, event=event)
    # lifelines scales the likelihood by the number of patients and penalises standardised covariates.
    ours = cox_fit(time, event, x, penalty=penalizer * len(x) * x.std(axis=0, ddof=1) ** 2)
    fit = CoxPHFitter(penalizer=penalizer).fit(frame, "time", "event")
    np.testing.assert_allclose(ours.beta, fit.params_.to_numpy(), rtol=1e-4)
    if not penalizer:
        np.testing.assert_allclose(ours.standard_errors, fit.standard_errors_.to_numpy(), rtol=1e-4)
        assert wald_p(ours.beta[0], ours.standard_errors[0]) == pytest.approx(
            fit.summary["p"].iloc[0], rel=1e-2
        )


@pytest.mark.parametrize("covariate", ["binary", "continuous"])
def test_one_covariate_agrees_with_lifelines(covariate):
    rng = np.random.default_rng(4)
    x = (rng.random(250) < 0.3).astype(float) if covariate == "binary" else rng.normal(50, 10, 250)
    time = np.ceil(rng.exponential(20 * np.exp(-0.4 * (x - x.mean()) / x.std())))  # many ties
    event = rng.random(250) < 0.7
    fit = cox_fit(time, event, x)
    frame = pd.DataFrame({"time": time, "event": event, "x": x})
    theirs = CoxPHFitter().fit(frame, "time", "event")
    assert fit.beta[0] == pytest.approx(theirs.params_["x"], abs=1e-5)
    assert fit.standard_errors[0] == pytest.approx(theirs.standard_errors_["x"], rel=1e-4)
    assert wald_p(fit.beta[0], fit.standard_errors[0]) == pytest.approx(
        theirs.summary.loc["x", "p"], rel=1e-3
    )


@pytest.mark.parametrize("penalizer", [1e-6, 0.05])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_strata_agree_with_lifelines(penalizer, ties):
    features = np.random.default_rng(1).normal(size=(400, 4))
    rng = np.random.default_rng(5)
    strata = rng.integers(0, 2, len(features))
    time = rng.exponential(1 / np.exp(features @ [0.8, -0.5, 0.0, 0.3])) * (1 + strata)
    event = rng.random(len(features)) < 0.7
    frame = pd.DataFrame(features).assign(time=time, event=event, strata=strata)
    theirs = CoxPHFitter(penalizer=penalizer).fit(frame, "time", "event", strata="strata")
    penalty = penalizer * len(features) * features.std(axis=0, ddof=1) ** 2
    fit = cox_fit(time, event, features, strata=strata, penalty=penalty, ties=ties)  # there are no ties
    np.testing.assert_allclose(fit.beta, theirs.params_, atol=1e-4)
    assert set(fit.baselines) == {0, 1}
    for number, baseline in fit.baselines.items():
        shift = np.exp(features.mean(axis=0) @ fit.beta)  # lifelines centres its covariates
        hazard = theirs.baseline_cumulative_hazard_[number].reindex(baseline.times[1:])
        np.testing.assert_allclose(baseline.at(hazard.index.to_numpy()) * shift, hazard, rtol=0.02)


def test_tied_events_in_strata_have_efrons_likelihood(data):
    time, event, x = data
    strata = (np.arange(len(x)) % 3).astype(np.int64)
    frame = pd.DataFrame(x, columns=list("abc")).assign(time=time, event=event, strata=strata)
    theirs = CoxPHFitter().fit(frame, "time", "event", strata="strata")
    fit = cox_fit(time, event, x, strata=strata)
    np.testing.assert_allclose(fit.beta, theirs.params_, rtol=1e-4)
    np.testing.assert_allclose(fit.standard_errors, theirs.standard_errors_, rtol=1e-4)


def test_ties_have_the_breslow_baseline():
    time = np.array([1.0, 1.0, 2.0, 3.0, 3.0, 4.0])
    event = np.array([True, True, False, True, True, False])
    fit = cox_fit(time, event, np.zeros(6), penalty=1.0, ties="breslow")
    baseline = fit.baselines[0]
    np.testing.assert_allclose(baseline.times, [0, 1, 3])
    np.testing.assert_allclose(baseline.hazard, [0, 2 / 6, 2 / 6 + 2 / 3])
    assert baseline.inverse(np.array([1 / 6]))[0] == pytest.approx(0.5)
    assert np.isinf(baseline.inverse(np.array([1.01]))[0])
    assert baseline.step(np.array([0.5, 1.0, 2.9])).tolist() == pytest.approx([0, 2 / 6, 2 / 6])
    assert baseline.at(np.array([0.5, 2.0])).tolist() == pytest.approx([1 / 6, 2 / 3])


def test_predicted_survival_is_near_that_of_lifelines(data):
    time, event, x = data
    frame = pd.DataFrame(x, columns=list("abc")).assign(time=time, event=event)
    months = np.array([5.0, 20.0, 60.0])
    ours = cox_fit(time, event, x).survival(x[:5], months)
    theirs = CoxPHFitter().fit(frame, "time", "event").predict_survival_function(frame[:5], times=months)
    assert ours.shape == (5, 3)
    np.testing.assert_allclose(ours, theirs.to_numpy().T, atol=0.01)  # Efron's baseline against Breslow's


def test_survival_starts_at_one_and_falls(data):
    curve = cox_fit(*data).survival(data[2][:3], np.linspace(0, 200, 50))
    assert (curve[:, 0] == 1).all() and (np.diff(curve, axis=1) <= 0).all() and (curve >= 0).all()


def test_units_of_covariates_do_not_matter(data):
    time, event, x = data
    ours, scaled = cox_fit(time, event, x), cox_fit(time, event, x * 1e6 + 1e7)
    np.testing.assert_allclose(scaled.beta * 1e6, ours.beta, rtol=1e-6)
    np.testing.assert_allclose(scaled.standard_errors * 1e6, ours.standard_errors, rtol=1e-6)


def test_what_has_no_estimate_is_refused(data):
    time, event, x = data
    with pytest.raises(NotComputable, match="no event"):
        cox_fit(time, np.zeros(len(time), dtype=bool), x)
    with pytest.raises(NotComputable, match="one value"):
        cox_fit(time, event, np.column_stack([x, np.ones(len(x))]))
    with pytest.raises(NotComputable, match="follow from each other"):
        cox_fit(time, event, np.column_stack([x, x[:, 0] + x[:, 1]]))
    with pytest.raises(NotComputable, match="separate the outcomes"):  # the marked never have the event
        cox_fit(time, event & (x[:, 1] == 0), x)
    constant = np.column_stack([x, np.ones(len(x))])
    assert cox_fit(time, event, constant, penalty=1.0).beta[3] == 0


def test_one_covariate_without_an_estimate_is_refused():
    time, event = np.arange(1.0, 9.0), np.ones(8, dtype=bool)
    with pytest.raises(NotComputable, match="one value only"):
        cox_fit(time, event, np.ones(8))
    with pytest.raises(NotComputable, match="no event"):
        cox_fit(time, ~event, np.arange(8))
    with pytest.raises(NotComputable, match="separate the outcomes"):
        cox_fit(time, event, time <= 4)  # all deaths of one group come first


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_markers_fitted_at_once_are_those_fitted_one_by_one(data, ties):
    time, event, x = data
    rng = np.random.default_rng(6)
    markers = np.column_stack([x[:, 1], x[:, 2], rng.random((len(x), 4)) < [0.02, 0.1, 0.5, 0.9]])
    markers[:, 2:] = np.where(rng.random((len(x), 4)) < [0.0, 0.1, 0.5, 0.9], np.nan, markers[:, 2:])
    beta, errors = log_hazard_ratios(time, event, markers, ties)
    for marker, one, error in zip(markers.T, beta, errors, strict=True):
        known = ~np.isnan(marker)
        fit = cox_fit(time[known], event[known], marker[known], ties=ties)
        assert [one, error] == pytest.approx([fit.beta[0], fit.standard_errors[0]], rel=1e-10)


def test_a_marker_without_an_estimate_leaves_the_others_theirs():
    time, event = np.arange(1.0, 9.0), np.ones(8, dtype=bool)
    apart, other = time <= 4, time % 2 == 0  # of the first all deaths come first
    markers = np.column_stack([apart, other, np.ones(8), np.full(8, np.nan)]).astype(float)
    beta, errors = log_hazard_ratios(time, event, markers)
    assert np.isnan([beta, errors]).tolist() == [[True, False, True, True]] * 2
    assert beta[1] == pytest.approx(cox_fit(time, event, other.astype(float)).beta[0], rel=1e-10)
    assert np.isnan(log_hazard_ratios(time, ~event, markers)[0]).all()
