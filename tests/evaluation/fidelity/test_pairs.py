"""Measures of pairs: worked by hand, and caught where columns are shuffled."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.fidelity.pairs import (
    association_error,
    co_occurrence_difference,
    log_odds_ratios,
    missing_pattern_distance,
)
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.statistics.associations import associations

# 40 patients: NPM1 and FLT3I together in 12, one alone in 8 and 4, neither in 16.
NPM1 = [1] * 12 + [1] * 8 + [0] * 4 + [0] * 16
FLT3I = [1] * 12 + [0] * 8 + [1] * 4 + [0] * 16


def co_occurrence_error(original: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    odds, expected = log_odds_ratios(original, dictionary())
    return co_occurrence_difference(odds, expected, log_odds_ratios(synthetic, dictionary())[0])


def place(name: str) -> int:
    return [v.name for v in dictionary().alterations].index(name)


def test_log_odds_ratio_by_hand(make):
    frame = make(fill=0, NPM1=NPM1, FLT3I=FLT3I)
    odds, expected = log_odds_ratios(frame, dictionary())
    pair = place("NPM1"), place("FLT3I")
    assert odds[pair] == pytest.approx(math.log(12.5 * 16.5 / (8.5 * 4.5)))
    assert odds[pair[::-1]] == pytest.approx(odds[pair])
    assert expected[pair] == pytest.approx(20 * 16 / 40)


def test_unknown_states_leave_the_pair(make):
    frame = make(fill=0, NPM1=[*NPM1, None, 1], FLT3I=[*FLT3I, 1, None])
    odds, _ = log_odds_ratios(frame, dictionary())
    assert odds[place("NPM1"), place("FLT3I")] == pytest.approx(math.log(12.5 * 16.5 / (8.5 * 4.5)))


def test_co_occurrence_error_is_over_frequent_pairs(make):
    original = make(fill=0, NPM1=NPM1, FLT3I=FLT3I, KIT=[1] * 2 + [0] * 38)
    shuffled = make(fill=0, NPM1=NPM1, FLT3I=[1] * 8 + [0] * 12 + [1] * 8 + [0] * 12, KIT=[0] * 40)
    independent = math.log(8.5 * 12.5 / (12.5 * 8.5))
    assert co_occurrence_error(original, shuffled) == pytest.approx(
        math.log(12.5 * 16.5 / (8.5 * 4.5)) - independent
    )
    assert co_occurrence_error(original, original) == 0


def test_what_the_synthetic_cohort_never_assessed_counts_as_no_association(make):
    original = make(fill=0, NPM1=NPM1, FLT3I=FLT3I)
    empty = original.assign(FLT3I=pd.array([pd.NA] * 40, dtype="Int8"))
    assert co_occurrence_error(original, empty) == pytest.approx(math.log(12.5 * 16.5 / (8.5 * 4.5)))


def test_without_frequent_pairs_there_is_a_reason(make):
    frame = make(fill=0, NPM1=[1, 0, 0])
    with pytest.raises(NotComputable, match="5 expected"):
        co_occurrence_error(frame, frame)


def test_association_error_leaves_out_the_diagonal_and_what_was_not_assessed(synthetic):
    matrix = associations(synthetic, dictionary())
    assessed = np.ones(len(matrix), dtype=bool)
    assert association_error(matrix, matrix, assessed) == 0
    other = matrix.copy()
    other[0, 1] += 0.5
    n = len(matrix)
    assert association_error(matrix, other, assessed) == pytest.approx(0.5 / (n * (n - 1)))
    assessed[0] = False
    assert association_error(matrix, other, assessed) == 0
    with pytest.raises(NotComputable, match="fewer than two"):
        association_error(matrix, other, np.zeros(n, dtype=bool))


def test_missing_patterns_by_hand(make):
    original = make(fill=0, AGE=[50, 50, None, None], NPM1=[1, 1, None, 1])
    synthetic = make(fill=0, AGE=[50, None, None, None, None], NPM1=[1, None, None, None, None])
    # Nothing missing 1/2 against 1/5, both missing 1/4 against 4/5, AGE alone 1/4 against 0.
    assert missing_pattern_distance(original, synthetic, dictionary()) == pytest.approx(0.55)
    assert missing_pattern_distance(original, original, dictionary()) == 0


def test_shuffled_columns_are_caught(evaluation):
    for name, factor in (("co_occurrence", 1.5), ("associations", 1.5), ("missing_pattern", 2)):
        measure = evaluation.measure(name)
        assert measure.anchors["independent"].value > factor * measure.anchors["bootstrap"].value, name
        assert measure.anchors["independent"].value > measure.anchors["holdout"].value, name
    shares = evaluation.measure("missing_max").anchors
    assert all(shares[name].value < 0.1 for name in ("independent", "bootstrap", "holdout"))
