"""The log-rank test of two cohorts."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.survival.curves import log_rank_p
from amlsynth.survival.endpoint import EndpointData


def data(time, event):
    return EndpointData("OS", np.asarray(time, float), np.asarray(event, bool), 0)


def test_log_rank_by_hand():
    # Deaths at 1 (first cohort, 2 + 2 at risk) and 2 (second, 1 + 2 at risk): expected in the first
    # 1/2 + 1/3, observed 1, variance 1/4 + 2/9.
    from scipy.stats import chi2

    p = log_rank_p(data([1, 3], [1, 0]), data([2, 3], [1, 0]))
    assert p == pytest.approx(chi2.sf((1 - 5 / 6) ** 2 / (1 / 4 + 2 / 9), 1))


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (data([], []), data([1], [1]), "known OS time"),
        (data([1, 2], [0, 0]), data([3], [0]), "neither cohort has an OS event"),
        (data([1, 2], [0, 0]), data([5, 6], [1, 1]), "no time in common"),
    ],
)
def test_log_rank_gives_a_reason(ours, theirs, reason):
    with pytest.raises(NotComputable, match=reason):
        log_rank_p(ours, theirs)
