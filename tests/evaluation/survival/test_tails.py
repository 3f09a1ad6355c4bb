"""Restricted means, five-year tails and joint patterns: against lifelines and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.survival.tails import (
    event_pattern_distance,
    event_patterns,
    restricted_mean_difference,
    share_at_risk,
    survival_at,
)
from amlsynth.survival.endpoint import EndpointData


def data(time, event) -> EndpointData:
    return EndpointData("OS", np.array(time, dtype=float), np.array(event, dtype=bool), 0)


def test_equal_cohorts_have_no_difference_and_short_follow_up_has_a_reason():
    one = data([2, 4, 61], [1, 1, 0])
    found = restricted_mean_difference(one, one)
    assert found.value == 0 and found.low < 0 < found.high
    with pytest.raises(NotComputable, match="before 60 months"):
        restricted_mean_difference(one, data([2, 4, 30], [1, 1, 0]))
    dead = restricted_mean_difference(one, data([2, 4, 30], [1, 1, 1]))
    assert dead.value < 0


def test_survival_and_share_at_five_years():
    some = data([10, 20, 70, 80], [1, 0, 0, 1])
    found = survival_at(some)
    assert found.value == 0.75 and found.low < 0.75 < found.high
    assert share_at_risk(some) == 0.5
    with pytest.raises(NotComputable, match="followed"):
        survival_at(data([10, 20], [1, 0]))
    assert survival_at(data([10, 20], [1, 1])).value == 0
    with pytest.raises(NotComputable, match="no patient"):
        share_at_risk(data([], []))


def test_event_patterns_by_hand(make):
    original = make(OSTM=[5, 9, 9, 7], OSSTAT=[1, 1, 0, 0], EFSTM=[5, 2, 9, 3], EFSSTAT=[1, 1, 0, 1])
    endpoints = (dictionary().terminal, dictionary().composite)
    shares = event_patterns(original, *endpoints)
    assert shares.sum() == 1
    assert (shares[7], shares[6], shares[1], shares[4]) == (0.25, 0.25, 0.25, 0.25)
    impossible = make(OSTM=[5, 9], OSSTAT=[1, 1], EFSTM=[5, 2], EFSSTAT=[0, 1])
    assert event_pattern_distance(original, original, *endpoints) == 0
    # Half in an unknown pattern, half in one that has a quarter: 1/2 + 1/4 on one side.
    assert event_pattern_distance(original, impossible, *endpoints) == pytest.approx(0.75)
    with pytest.raises(NotComputable, match="both"):
        event_patterns(make(OSTM=[5.0], OSSTAT=[1]), *endpoints)


def test_true_samples_are_near_and_shuffled_columns_are_not(evaluation):
    patterns = evaluation.measure("event_patterns")
    assert patterns.anchors["holdout"].value < 0.1 and patterns.anchors["bootstrap"].value < 0.1
    five = evaluation.measure("survival60_os")
    assert abs(five.original.value - five.anchors["bootstrap"].value) < 0.1
    assert five.original.low < five.original.value < five.original.high
    risk = evaluation.measure("at_risk60_efs")
    assert 0 < risk.original.value < 1 and risk.synthetic.value == pytest.approx(
        risk.original.value, abs=0.05
    )
    difference = evaluation.measure("rmst_difference_os")
    assert difference.original is None
    assert difference.anchors["holdout"].low < 0 < difference.anchors["holdout"].high
