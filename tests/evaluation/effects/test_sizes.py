"""Effect sizes by hand, and adjusted p-values against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats.contingency import association

from amlsynth.evaluation.effects.sizes import (
    adjusted,
    cramers_v,
    standardised_difference,
    standardised_difference_of_shares,
)
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.records import Comparison, Figure


def test_standardised_differences_by_hand():
    assert standardised_difference(np.array([1.0, 3.0]), np.array([4.0, 8.0])) == pytest.approx(
        4 / math.sqrt((2 + 8) / 2)
    )
    found = standardised_difference_of_shares((20, 80), (40, 60))
    assert found == pytest.approx(0.2 / math.sqrt((0.16 + 0.24) / 2))
    for bad in (((0, 0), (1, 2)), ((5, 0), (5, 0))):
        with pytest.raises(NotComputable):
            standardised_difference_of_shares(*bad)
    with pytest.raises(NotComputable, match="varies"):
        standardised_difference(np.ones(5), np.ones(5))


def test_cramers_v_is_that_of_scipy():
    table = np.array([[50, 30, 20], [40, 40, 20]])
    assert cramers_v(*table.tolist()) == pytest.approx(association(table, method="cramer"))
    with pytest.raises(NotComputable):
        cramers_v([5, 0], [7, 0])


def test_p_values_are_adjusted_for_their_number():
    values = [0.01, 0.04, 0.03, None]
    tests = [
        Comparison(
            subject=str(place),
            test="t-test",
            p_value=Figure(reason="not assessed in one") if p is None else Figure(value=p),
        )
        for place, p in enumerate(values)
    ]
    found = adjusted(tests)
    assert [one.adjusted_p.value for one in found] == pytest.approx([0.03, 0.04, 0.04, None])
    assert found[3].adjusted_p.reason == "not assessed in one"
    assert adjusted([]) == ()


def test_every_comparison_of_variables_has_a_size(evaluation):
    for one in evaluation.comparisons:
        assert one.adjusted_p is not None
        if one.p_value.value is not None:
            assert one.adjusted_p.value >= one.p_value.value - 1e-12
        if one.test in ("Mann-Whitney", "t-test", "chi-square", "Fisher's exact") and one.effect_size:
            assert one.effect_size_name in ("standardised difference", "Cramér's V")
            if one.effect_size.value is not None:
                assert abs(one.effect_size.value) < 0.5  # both are samples of one population
