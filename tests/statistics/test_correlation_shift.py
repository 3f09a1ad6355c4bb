"""Shifts of correlations: a pair or a column turned round is seen, two halves of one cohort are not."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.statistics.associations import (
    NotComputable,
    RankCorrelations,
    correlation_reversal,
    correlation_shift,
)

D = dictionary()


def ranked(frame):
    return RankCorrelations.of(frame, D)


def test_two_halves_of_one_cohort_are_alike(reference):
    order = np.random.default_rng(1).permutation(len(reference))
    one, other = (ranked(reference.iloc[part]) for part in (order[:700], order[700:1400]))
    assert correlation_shift(one, other) == 0
    assert correlation_reversal(one, other) < 3


def test_one_pair_turned_round_is_seen(make):
    rng = np.random.default_rng(2)
    n = 400
    age = rng.integers(20, 80, n)
    hb = np.round(8 + age / 40 + rng.normal(0, 0.3, n), 1)
    original = make(AGE=list(age), HB=list(hb))
    turned = make(AGE=list(age), HB=list(np.round(20 - hb, 1)))
    both = [original["AGE"].astype(float).rank(), original["HB"].astype(float).rank()]
    rho = np.corrcoef(*both)[0, 1]
    assert correlation_shift(ranked(original), ranked(turned)) == pytest.approx(2 * rho - 4 * np.sqrt(2 / n))
    # Of one pair: the product, rho^2, over its error without association, rho / sqrt(n)
    assert correlation_reversal(ranked(original), ranked(turned)) == pytest.approx(rho * np.sqrt(n))


def test_many_weak_correlations_that_change_sign_are_seen_together(make):
    rng = np.random.default_rng(3)

    def cohort(sign):
        sex = rng.integers(0, 2, 600)
        markers = {
            name: (rng.random(600) < 0.4 + 0.13 * sign * sex).astype(int)
            for name in ("NPM1", "FLT3I", "DNMT3A", "TET2", "ASXL1", "RUNX1", "IDH2", "SRSF2")
        }
        return ranked(
            make(SEX=list(np.where(sex, "male", "female")), **{k: list(v) for k, v in markers.items()})
        )

    original, innocent, turned = cohort(1), cohort(1), cohort(-1)
    assert correlation_reversal(original, innocent) < 3
    assert correlation_reversal(original, turned) > 5
    assert correlation_shift(original, turned) < 0.15  # no pair alone is beyond its chance by much


def test_nothing_to_compare_is_told(make):
    alone = ranked(make(AGE=[30, 40, 50, 60]))
    for compared in (correlation_shift, correlation_reversal):
        with pytest.raises(NotComputable, match="no two columns"):
            compared(alone, alone)
