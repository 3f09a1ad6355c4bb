"""C-index and Brier score agree with lifelines and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines.utils import concordance_index

from amlsynth.foundation.errors import NotComputable
from amlsynth.survival.accuracy import concordance, integrated_brier_score
from amlsynth.survival.endpoint import EndpointData


def data(time, event) -> EndpointData:
    return EndpointData("OS", np.array(time, dtype=float), np.array(event, dtype=bool), 0)


@pytest.mark.parametrize("decimals", [0, 3])
def test_concordance_agrees_with_lifelines(decimals):
    rng = np.random.default_rng(2)
    time, event = rng.exponential(20, 500).round(decimals), rng.random(500) < 0.6
    score = (-time + rng.normal(0, 20, 500)).round(0)  # ties in both
    ours = concordance(data(time, event), score).value
    assert ours == pytest.approx(concordance_index(time, -score, event), abs=1e-3 if decimals == 0 else 1e-9)


def test_concordance_by_hand():
    # Comparable: (1, 2), (1, 3), (3, 2) of times 1 event, 4 censored, 2 event; all but the last agree.
    found = concordance(data([1, 4, 2], [1, 0, 1]), np.array([3.0, 2.0, 1.0]))
    assert found.value == pytest.approx(2 / 3)
    with pytest.raises(NotComputable, match="too few"):
        concordance(data([1, 4], [0, 0]), np.array([1.0, 2.0]))


def test_the_standard_error_is_that_of_the_bootstrap():
    rng = np.random.default_rng(3)
    time, event = rng.exponential(20, 300), rng.random(300) < 0.6
    scores = [-time + rng.normal(0, 30, 300), -time + rng.normal(0, 30, 300)]
    found = [concordance(data(time, event), score) for score in scores]
    draws = [rng.integers(300, size=300) for _ in range(200)]
    again = np.array([[concordance(data(time[i], event[i]), s[i]).value for s in scores] for i in draws])
    assert found[0].standard_error == pytest.approx(again[:, 0].std(), rel=0.15)
    difference = (again[:, 0] - again[:, 1]).std()
    assert found[0].difference_error(found[1]) == pytest.approx(difference, rel=0.15)


def test_the_brier_score_without_censoring_is_the_mean_squared_error():
    months = np.linspace(0, 10, 101)
    time = np.array([2.05, 4.05, 6.05, 30.0])
    predicted = np.full((4, 101), 0.3)
    truth = time[:, None] > months
    errors = ((truth - predicted) ** 2).mean(axis=0)
    expected = np.trapezoid(errors, months) / 10
    assert integrated_brier_score(data(time, [1, 1, 1, 1]), predicted, months) == pytest.approx(expected)


def test_the_brier_score_weights_for_censoring_by_hand():
    # Censored at 1: G = 2/3 from there on. At 2 the dead counts 1 / G, the one alive as well.
    months = np.array([0.0, 2.0])
    predicted = np.array([[1.0, 0.5]] * 3)
    score = integrated_brier_score(data([1, 1.5, 5], [0, 1, 0]), predicted, months)
    at_two = (0.25 / (2 / 3) + 0.25 / (2 / 3)) / 3
    assert score == pytest.approx((0 + at_two) / 2)


def test_the_brier_score_needs_patients_followed_to_its_end():
    months = np.array([0.0, 2.0])
    with pytest.raises(NotComputable, match="followed"):
        integrated_brier_score(data([1, 1.5], [1, 0]), np.ones((2, 2)), months)
    with pytest.raises(NotComputable, match="too early"):
        integrated_brier_score(data([1, 1.5], [1, 0]), np.ones((2, 1)), months[:1])
