"""Kaplan-Meier, its interval, medians and follow-up against hand-worked cases and lifelines."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times, restricted_mean_survival_time

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.survival.medians import follow_up, median_survival
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier, resampled_curves, restricted_mean


def data(time, event):
    return EndpointData("OS", np.asarray(time, float), np.asarray(event, bool), 0)


@pytest.fixture(params=[1, 2, 3])
def sample(request):
    rng = np.random.default_rng(request.param)
    time = np.ceil(rng.exponential(20, 300) * 10) / 10  # with ties
    return data(time, rng.random(300) < 0.6)


def test_curve_of_four_patients_by_hand():
    fit = kaplan_meier(data([2, 3, 3, 5], [1, 1, 0, 1]))
    assert fit.times.tolist() == [2, 3, 5]
    assert fit.at_risk.tolist() == [4, 3, 1]
    assert fit.survival == pytest.approx([3 / 4, 3 / 4 * 2 / 3, 0])
    assert fit.at([0, 1.9, 2, 4, 99]) == pytest.approx([1, 1, 0.75, 0.5, 0])
    assert fit.at_risk_at([0, 2, 2.1, 5, 6]).tolist() == [4, 4, 3, 1, 0]


def test_curve_and_interval_agree_with_lifelines(sample):
    fit = kaplan_meier(sample)
    theirs = KaplanMeierFitter().fit(sample.time, sample.event)
    assert fit.at(fit.times) == pytest.approx(
        theirs.survival_function_at_times(fit.times).to_numpy(), abs=1e-9
    )
    interval = theirs.confidence_interval_.loc[fit.times]
    inside = (fit.survival > 0) & (fit.survival < 1)
    assert fit.low[inside] == pytest.approx(interval.iloc[:, 0].to_numpy()[inside], abs=1e-6)
    assert fit.high[inside] == pytest.approx(interval.iloc[:, 1].to_numpy()[inside], abs=1e-6)


def test_the_curve_of_a_resample_is_that_of_its_patients(sample):
    rows = np.random.default_rng(5).integers(100, size=300)  # so that two thirds of the times have nobody
    times = np.bincount(rows, minlength=300)
    whole, drawn = resampled_curves(sample, np.array([np.ones(300, dtype=int), times]))
    assert whole.survival.tolist() == kaplan_meier(sample).survival.tolist()
    own = kaplan_meier(data(sample.time[rows], sample.event[rows]))
    assert drawn.times[-1] == own.times[-1] and drawn.n == own.n
    assert drawn.at(own.times) == pytest.approx(own.survival)
    assert drawn.log_error(own.times[5]) == pytest.approx(own.log_error(own.times[5]))


def test_median_and_interval_agree_with_lifelines(sample):
    median = median_survival(sample)
    theirs = KaplanMeierFitter().fit(sample.time, sample.event)
    interval = median_survival_times(theirs.confidence_interval_).to_numpy().ravel()
    assert median.value == pytest.approx(theirs.median_survival_time_)
    assert [median.low, median.high] == pytest.approx(interval.tolist())


def test_follow_up_is_the_median_of_the_reversed_curve(sample):
    theirs = KaplanMeierFitter().fit(sample.time, ~sample.event)
    assert follow_up(sample).value == pytest.approx(theirs.median_survival_time_)


def test_a_median_that_is_not_reached_has_a_reason_and_no_value():
    median = median_survival(data([1, 2, 3, 4], [1, 0, 0, 0]))
    assert median.value is None and "not reached" in median.reason


def test_a_curve_that_ends_at_zero_has_finite_limits():
    fit = kaplan_meier(data([1, 2, 3], [1, 1, 1]))
    assert fit.low[-1] == 0 and fit.high[-1] == fit.high[-2] < 1
    sudden = kaplan_meier(data([1], [1]))
    assert (sudden.low[0], sudden.high[0]) == (0, 1)


def test_follow_up_needs_somebody_who_is_censored():
    with pytest.raises(NotComputable, match="censored"):
        follow_up(data([1, 2], [1, 1]))
    with pytest.raises(NotComputable, match="OS time and status"):
        kaplan_meier(data([], []))


def test_patients_without_time_or_status_are_left_out_and_counted(make):
    frame = make(OSTM=[1.0, None, 3.0, 4.0], OSSTAT=[1, 1, None, 0])
    found = endpoint_data(frame, dictionary().endpoint("OS"))
    assert found.time.tolist() == [1, 4] and found.event.tolist() == [True, False]
    assert found.left_out == 2


def test_the_restricted_mean_is_that_of_lifelines(reference):
    os = endpoint_data(reference, dictionary().endpoint("OS"))
    mean, error = restricted_mean(os, 60)
    fit = KaplanMeierFitter().fit(os.time, os.event)
    assert mean == pytest.approx(restricted_mean_survival_time(fit, t=60), rel=1e-6)
    rng = np.random.default_rng(1)
    again = []
    for _ in range(200):
        rows = rng.integers(os.n, size=os.n)
        again.append(restricted_mean(data(os.time[rows], os.event[rows]), 60)[0])
    assert error == pytest.approx(np.std(again), rel=0.15)


def test_the_restricted_mean_by_hand():
    # Survival 1 to 2, 2/3 to 4, 0 from 6 (after a censoring at 5: the last event ends the curve).
    mean, error = restricted_mean(data([2, 4, 6], [1, 1, 1]), horizon=10)
    assert mean == pytest.approx(2 + 2 * 2 / 3 + 2 / 3)
    assert error == pytest.approx(np.sqrt(2**2 * 1 / (3 * 2) + (2 / 3) ** 2 * 1 / (2 * 1)))
