"""The largest shift of a correlation: one pair turned round is seen, two halves of one cohort are not."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.statistics.associations import NotComputable, correlation_shift

D = dictionary()


def test_two_halves_of_one_cohort_are_alike(reference):
    order = np.random.default_rng(1).permutation(len(reference))
    one, other = reference.iloc[order[:700]], reference.iloc[order[700:1400]]
    assert correlation_shift(one, other, D) == 0


def test_one_pair_turned_round_is_seen(make):
    rng = np.random.default_rng(2)
    n = 400
    age = rng.integers(20, 80, n)
    hb = np.round(8 + age / 40 + rng.normal(0, 0.3, n), 1)
    original = make(AGE=list(age), HB=list(hb))
    turned = make(AGE=list(age), HB=list(np.round(20 - hb, 1)))
    both = [original["AGE"].astype(float).rank(), original["HB"].astype(float).rank()]
    expected = 2 * np.corrcoef(*both)[0, 1] - 4 * np.sqrt(2 / n)
    assert correlation_shift(original, turned, D) == pytest.approx(expected)


def test_nothing_to_compare_is_told(make):
    alone = make(AGE=[30, 40, 50, 60])
    with pytest.raises(NotComputable, match="no two columns"):
        correlation_shift(alone, alone, D)
