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
        lambda times: times @ values / times.sum(axis=1),
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

    def lost(times):
        raise NotComputable("there is nothing to compute with")

    assert "nothing" in with_interval(lost, 50, np.random.default_rng(1)).reason


def test_bounds_hold():
    found = with_interval(lambda times: times[:, 0] * 0.99, 50, np.random.default_rng(1))
    assert found.high == 1 and 0 <= found.low < 0.99


def test_a_resample_is_measured_as_the_cohort_of_its_rows(split, synthetic):
    d, n = dictionary(), len(synthetic)
    rows = np.random.default_rng(3).integers(n, size=n)
    times, drawn = np.bincount(rows, minlength=n)[None], synthetic.iloc[rows].reset_index(drop=True)
    coverage = SupportCounts(split.train, synthetic, d).coverage(times)
    assert coverage == pytest.approx(regularized_support_coverage(split.train, drawn, d))
    values = numeric_values(drawn, d)
    moments = numeric_moments(numeric_values(synthetic, d), times)[0]
    own = [np.nanmean(values, axis=0), np.nanmedian(values, axis=0), np.nanstd(values, axis=0, ddof=1)]
    assert moments == pytest.approx(np.transpose(own))
    ours = numeric_moments(numeric_values(split.train, d))[0]
    assert moments_score(ours, moments) == pytest.approx(basic_statistical_measure(split.train, drawn, d))


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
