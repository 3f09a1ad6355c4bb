"""Bootstrap intervals hold the figure, and widen with what they should."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.fidelity.columns import (
    basic_statistical_measure,
    moments_score,
    numeric_moments,
)
from amlsynth.evaluation.intervals import MAX_PATIENTS, with_interval
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.survival.response import wilson
from amlsynth.statistics.coding import numeric_values
from amlsynth.statistics.coverage import SupportCounts, regularized_support_coverage

MEASURES = ("bsm", "rsc", "co_occurrence", "km_score_os", "km_score_efs")


def mean_of(values, seed=1):
    return with_interval(
        lambda: float(values.mean()),
        lambda rows: float(values[rows].mean()),
        len(values),
        np.random.default_rng(seed),
        bounds=(-np.inf, np.inf),
    )


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(2).normal(3, 2, 400)
    found = mean_of(values)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 2 / 20, rel=0.25)
    assert mean_of(values) == found and mean_of(values, seed=2) != found


def test_no_interval_where_it_says_nothing():
    assert mean_of(np.arange(5.0)).low is None
    assert mean_of(np.zeros(MAX_PATIENTS + 1)).low is None

    def lost() -> float:
        raise NotComputable("there is nothing to compute with")

    assert "nothing" in with_interval(lost, lambda rows: 0.0, 50, np.random.default_rng(1)).reason


def test_bounds_hold():
    found = with_interval(lambda: 0.99, lambda rows: float(rows.mean()) / 25, 50, np.random.default_rng(1))
    assert found.high == 1 and 0 <= found.low < 0.99


def test_all_rows_give_the_measure_itself(split, synthetic):
    d = dictionary()
    rows = np.arange(len(synthetic))
    counts = SupportCounts(split.train, synthetic, d)
    assert counts.coverage(rows) == regularized_support_coverage(split.train, synthetic, d)
    ours, theirs = (numeric_moments(numeric_values(f, d)) for f in (split.train, synthetic))
    assert moments_score(ours, theirs) == basic_statistical_measure(split.train, synthetic, d)


@pytest.mark.parametrize("name", MEASURES)
def test_figures_stand_within_their_intervals(evaluation, name):
    measure = evaluation.measure(name)
    for figure in (measure.synthetic, *measure.anchors.values()):
        assert figure.low < figure.value < figure.high or figure.value in (0, 1), name
    if name == "rsc":
        return  # its rarest categories are all or nothing at any size
    small, large = measure.anchors["holdout"], measure.anchors["bootstrap"]
    assert small.high - small.low > large.high - large.low  # a fifth of the patients


def test_wilsons_interval_is_that_of_statsmodels(evaluation):
    from statsmodels.stats.proportion import proportion_confint

    found = wilson(30, 200)
    assert (found.low, found.high) == pytest.approx(proportion_confint(30, 200, method="wilson"), abs=1e-3)
    same = evaluation.measure("share_efs_equals_os")
    assert same.original.low < same.original.value < same.original.high
