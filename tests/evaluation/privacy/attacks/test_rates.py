"""Intervals and AUCs against hand-worked and independent values."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.privacy.attacks.rates import (
    Rate,
    RocEstimate,
    Scores,
    rate_of,
    risk_figure,
    true_positive_figure,
)


def scores(members, non_members):
    return Scores(np.array(members, dtype=float), np.array(non_members, dtype=float))


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (3, 40), (40, 40), (700, 1285)])
def test_wilson_is_that_of_statsmodels(hits, n):
    from statsmodels.stats.proportion import proportion_confint  # each worker would import it

    assert Rate(hits / n, n).interval == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)


def test_shares_of_a_patient_count_as_one_attempt_or_more():
    plain = rate_of(np.array([1, 0, 1, 1]) > 0)
    assert plain.share == 0.75 and plain.n == 4
    assert rate_of(np.array([0.5, 0.5, 0.5])).n == 3
    assert rate_of(np.array([0.4, 0.6, 0.5, 0.5])).n > 4
    with pytest.raises(NotComputable):
        rate_of(np.array([]))


def test_the_risk_by_hand():
    found = risk_figure(Rate(0.6, 100), Rate(0.2, 100))
    # Less the bias: 1 - control has the relative variance 0.2 * 0.8 / 100 / 0.8^2 = 0.0025.
    assert found.value == pytest.approx(1 - 0.5 / 1.0025, abs=1e-4)
    # Where the interval of the ratio r of failures, 0.4 to 0.8, ends, their difference 0.4 - 0.8 r is as
    # large as what the nearer ends of both Wilson intervals make of it.
    (low, high), (least, most) = Rate(0.4, 100).interval, Rate(0.8, 100).interval
    for ratio, end, other in ((1 - found.high, low, most), (1 - found.low, high, least)):
        assert abs(0.4 - 0.8 * ratio) == pytest.approx(np.hypot(0.4 - end, ratio * (other - 0.8)), abs=1e-4)


def test_a_risk_of_few_successes_has_an_interval_that_is_wider_below():
    found = risk_figure(Rate(0.8, 40), Rate(0.85, 20))
    assert found.low < found.value < found.high
    assert found.value - found.low > found.high - found.value


def test_patients_of_one_group_count_once():
    together = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    groups = np.array(["a", "a", "a", "b", "b", "b", "c", "c", "d"])
    # Kish: 9 of groups of 3, 3, 2 and 1
    assert rate_of(together, groups=groups).n == pytest.approx(9**2 / (9 + 9 + 4 + 1))
    apart = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    # Sums of what deviates from 5 / 9: 3 / 9, -6 / 9, -1 / 9 and 4 / 9, whose squares sum to 62 / 81
    assert rate_of(apart, groups=groups).n == pytest.approx(5 / 9 * 4 / 9 / (62 / 81 * 4 / (3 * 9**2)))
    assert rate_of(together).n == pytest.approx(9)
    assert risk_figure(Rate(0.1, 50), Rate(0.2, 50)).value < 0
    with pytest.raises(NotComputable, match="always succeeds"):
        risk_figure(Rate(1, 50), Rate(1, 50))


def test_the_risk_is_0_on_average_where_there_is_none():
    rng = np.random.default_rng(1)
    hits = rng.binomial((240, 60), 0.85, size=(2000, 2)) / (240, 60)
    values = [risk_figure(Rate(main, 240), Rate(control, 60)).value for main, control in hits if control < 1]
    assert abs(np.mean(values)) < 0.03  # without the correction -0.1
    assert np.mean([1 - (1 - main) / (1 - control) for main, control in hits if control < 1]) < -0.08


def test_the_auc_counts_pairs_and_ties_half():
    assert RocEstimate.of(scores([3, 2, 1], [2, 0])).auc == pytest.approx((1 + 1 + 0.5 + 1 + 0 + 1) / 6)
    rng = np.random.default_rng(0)
    members, non_members = rng.integers(0, 9, 300), rng.integers(0, 7, 90)
    truth = np.repeat([1, 0], [300, 90])
    expected = roc_auc_score(truth, np.concatenate((members, non_members)))
    assert RocEstimate.of(scores(members, non_members)).auc == pytest.approx(expected)


def test_the_interval_of_an_auc_covers_half_where_there_is_nothing():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        found = RocEstimate.of(scores(rng.normal(size=120), rng.normal(size=40))).figure
        covered += found.low <= 0.5 <= found.high
    assert 270 <= covered <= 298


def test_two_rounds_are_averaged():
    one, two = scores([2, 4], [1, 3]), scores([5, 9], [1, 2])
    assert RocEstimate.of(one, two).auc == pytest.approx((0.75 + 1) / 2)


def test_perfect_separation_has_an_interval_that_is_no_point():
    found = RocEstimate.of(scores(range(10, 30), range(10))).figure
    assert found.value == found.high == 1 and 0.6 < found.low < 0.8


def test_true_positives_at_a_rate_of_false_ones():
    # Just above 8, the second of ten, one more non-member would be accused with a chance of 2 in 11.
    non_members = range(10)
    assert true_positive_figure(scores([9, 9, 3, 1], non_members), at=2 / 11).value == 0.5
    assert true_positive_figure(scores([1, 1], [1] * 10)).value == pytest.approx(0.1)  # guessing
    found = true_positive_figure(scores(range(20, 30), non_members))
    assert found.value == 1
