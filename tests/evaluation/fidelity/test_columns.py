"""BSM against hand-worked cases."""

from __future__ import annotations

import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.fidelity.columns import basic_statistical_measure
from amlsynth.evaluation.measure_group import NotComputable

D = dictionary()


def test_bsm_of_a_shifted_column(make):
    # Mean and median move by 10 of 50, the deviation stays: (0.8 + 0.8 + 1) / 3.
    score = basic_statistical_measure(make(AGE=[40, 60]), make(AGE=[50, 70]), D)
    assert score == pytest.approx(2.6 / 3)


def test_bsm_averages_over_columns_and_clips(make):
    original = make(AGE=[40, 60], WBC=[1.0, 3.0])
    synthetic = make(AGE=[40, 60], WBC=[101.0, 103.0])
    # WBC: mean and median are off by more than the mean (1 each), the deviation agrees (0).
    assert basic_statistical_measure(original, synthetic, D) == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_bsm_ignores_missing_values_and_punishes_a_lost_column(make):
    original = make(AGE=[40, None, 60])
    assert basic_statistical_measure(original, make(AGE=[40, 60, None, None]), D) == 1
    assert basic_statistical_measure(original, make(AGE=[None, None, None]), D) == 0


def test_bsm_without_numbers_gives_a_reason(make):
    frame = make(SEX=["male", "female"])
    with pytest.raises(NotComputable, match="no numeric column"):
        basic_statistical_measure(frame, frame, D)
