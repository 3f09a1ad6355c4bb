"""What one cohort covers of another, against hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.statistics.coverage import SupportCounts, regularized_support_coverage

D = dictionary()


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


def test_rare_states_are_those_that_few_of_both_cohorts_have(make):
    # NPM1 is known in 150 patients, of whom 7 have it; TP53 have 20 of 200, too many, though none is left;
    # secondary AML have 2 of 200.
    original = make(
        NPM1=[1] * 3 + [0] * 47 + [None] * 50,
        TP53=[1] * 20 + [0] * 80,
        AMLSTAT=["sAML"] * 2 + ["de novo"] * 98,
    )
    other = make(NPM1=[1] * 4 + [0] * 96, TP53=[0] * 100, AMLSTAT=["de novo"] * 100)
    times = np.ones((1, 100), dtype=np.int64)
    ours, theirs = SupportCounts(original, other, D).rare_states(times)
    assert (ours, theirs) == (pytest.approx(3 / 50 + 2 / 100), pytest.approx(4 / 100))
    # The rows without NPM1 have lost all.
    times[:, :4] = 0
    assert SupportCounts(original, other, D).rare_states(times)[1] == 0
