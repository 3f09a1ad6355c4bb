"""Fisher's exact test against scipy, and its interval against the test."""

from __future__ import annotations

import pytest
from scipy import stats

from amlsynth.statistics.fisher import fisher_test


@pytest.mark.parametrize(
    "table", [(3, 1, 1, 3), (40, 600, 12, 300), (5, 635, 20, 300), (200, 440, 90, 70), (1, 9, 11, 3)]
)
def test_p_ratio_and_interval_are_those_of_scipy(table):
    a, b, c, d = table
    ours, theirs = fisher_test(*table), stats.contingency.odds_ratio([[a, b], [c, d]], kind="conditional")
    interval = theirs.confidence_interval(0.95)
    assert ours.p_value == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue, rel=1e-6)
    assert ours.odds_ratio == pytest.approx(theirs.statistic, rel=1e-4)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-4)


def test_an_empty_cell_leaves_one_end_open():
    none = fisher_test(0, 30, 8, 22)
    assert none.odds_ratio is None and none.low is None and 0 < none.high < 1
    every = fisher_test(30, 0, 22, 8)
    assert every.odds_ratio is None and every.high is None and every.low > 1
    nothing = fisher_test(0, 30, 0, 22)
    assert (nothing.p_value, nothing.low, nothing.high) == (1.0, None, None)
