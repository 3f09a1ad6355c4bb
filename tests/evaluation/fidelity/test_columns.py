"""BSM, RSC and LogCorr against hand-worked cases and plain implementations of the associations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.family import NotComputable
from amlsynth.evaluation.fidelity.columns import (
    associations,
    basic_statistical_measure,
    log_correlation_score,
    log_score,
    regularized_support_coverage,
)
from amlsynth.evaluation.representations.coding import bin_codes, category_codes, quantile_edges

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


def test_rsc_of_categories_scales_by_size_and_counts_na(make):
    original = make(SEX=["female", "female", "male", None])
    synthetic = make(SEX=["female"] * 2 + ["male"] * 6)
    # n_orig / n_syn is 1/2: female 2/2 * 1/2, male 6/1 * 1/2 clipped to 1, NA never.
    assert regularized_support_coverage(original, synthetic, D) == pytest.approx((0.5 + 1 + 0) / 3)


def test_rsc_of_numbers_uses_tenths_of_the_original(make):
    original = make(AGE=list(range(20, 31)))  # the bins are [20, 21) to [29, 30]
    everyone_twenty = make(AGE=[20] * 11)
    last_bin = make(AGE=[30] * 11)
    beyond = make(AGE=[90] * 11)
    assert regularized_support_coverage(original, everyone_twenty, D) == pytest.approx(1 / 10)
    assert regularized_support_coverage(original, last_bin, D) == pytest.approx(1 / 10)
    assert regularized_support_coverage(original, beyond, D) == 0
    assert regularized_support_coverage(original, original, D) == 1


def test_rsc_leaves_out_what_the_original_never_assessed(make):
    original = make(SEX=["female", "male"])
    assert regularized_support_coverage(original, make(SEX=["female", "male"], AGE=[50, 60]), D) == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (0.5, 0.5, 1.0),
        (0.5, 0.25, 0.0),  # ln 0.25 is twice ln 0.5: relative error 1
        (0.5, 0.5**0.5, 0.5),
        (0.25, 0.5, 0.5),
        (0.5, 0.0, 0.0),  # lost association
        (0.0, 0.5, 0.0),  # invented association: infinite error, clipped
        (0.5, -0.5, 0.0),  # the sign counts
    ],
)
def test_log_score_of_two_columns(ours, theirs, expected):
    left, right = (np.array([[1.0, r], [r, 1.0]]) for r in (ours, theirs))
    assert log_score(left, right) == pytest.approx(expected)


def test_log_score_leaves_out_cells_that_are_undefined():
    left = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0.0]])
    assert log_score(left, left) == 1
    with pytest.raises(NotComputable):
        log_score(np.eye(3), np.eye(3))


def test_associations_equal_plain_computations(split):
    frame = split.train
    matrix = associations(frame, D)
    place = {name: i for i, name in enumerate(D.names)}
    filled = frame[["AGE", "WBC"]].astype(float).fillna(-1)
    pearson = np.corrcoef(filled["AGE"], filled["WBC"])[0, 1]
    assert matrix[place["AGE"], place["WBC"]] == pytest.approx(pearson)

    groups = filled["WBC"].groupby(frame["NPM1"].astype("Float64").fillna(-1).to_numpy())
    between = sum(len(g) * (g.mean() - filled["WBC"].mean()) ** 2 for _, g in groups)
    ratio = np.sqrt(between / ((filled["WBC"] - filled["WBC"].mean()) ** 2).sum())
    assert matrix[place["NPM1"], place["WBC"]] == pytest.approx(ratio)
    assert matrix[place["WBC"], place["NPM1"]] == pytest.approx(ratio)

    x, y = (frame[name].astype("string").fillna("NA") for name in ("FLT3I", "AMLSTAT"))

    def entropy(keys):
        share = pd.Series(keys).value_counts(normalize=True).to_numpy()
        return -(share * np.log(share)).sum()

    joint = entropy([f"{a}|{b}" for a, b in zip(x, y, strict=True)])
    for first, second, names in ((x, y, ("FLT3I", "AMLSTAT")), (y, x, ("AMLSTAT", "FLT3I"))):
        u = (entropy(first) + entropy(second) - joint) / entropy(first)
        assert matrix[place[names[0]], place[names[1]]] == pytest.approx(u)


def test_a_constant_column_has_no_association(make):
    matrix = associations(make(AGE=[40, 50, 60], WBC=[1.0, 2.0, 9.0], NPM1=[1, 1, 1]), D)
    place = D.names.index("NPM1")
    assert not matrix[place].any() and not matrix[:, place].any()
    assert matrix[0, 0] == 1


def test_logcorr_of_the_same_cohort_is_one(split):
    assert log_correlation_score(split.train, split.train, D) == 1


def test_codes_tell_missing_known_and_unknown_values_apart():
    sex = pd.Series(["male", None, "other", "female"], dtype="category")
    assert category_codes(sex, D["SEX"]).tolist() == [2, 0, 3, 1]
    status = pd.Series([1, None, 7, 0], dtype="Int8")
    assert category_codes(status, D["NPM1"]).tolist() == [2, 0, 3, 1]


def test_bins_are_closed_on_the_right_and_open_ended():
    edges = quantile_edges(np.arange(11.0))
    assert bin_codes(np.array([-99, 1, 1.5, 99, np.nan]), edges).tolist() == [1, 1, 2, 10, 0]
    assert quantile_edges(np.array([5.0, 5.0])).tolist() == [5, 5]
    assert bin_codes(np.array([4.0, 5.0, 6.0]), np.array([5.0, 5.0])).tolist() == [1, 1, 1]
