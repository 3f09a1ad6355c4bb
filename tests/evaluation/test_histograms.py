"""Histograms: public edges, no bin of a few patients, and every patient in one of them."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.evaluation.histograms import bin_edges, histogram


@pytest.mark.parametrize("name", ["AGE", "WBC", "HB", "PLT"])
def test_edges_come_from_the_dictionary_alone(dictionary, name):
    variable = dictionary[name]
    edges = bin_edges(variable)
    assert edges[0] == variable.minimum and edges[-1] == variable.maximum
    assert (np.diff(edges) > 0).all()
    low, high = variable.typical.values
    assert {low, high} <= set(edges.tolist())


@pytest.mark.parametrize("name", ["AGE", "WBC", "PLT"])
def test_no_bin_holds_a_few_patients_and_none_is_lost(dictionary, name):
    variable = dictionary[name]
    rng = np.random.default_rng(3)
    low, high = variable.typical.values
    for n in (10, 37, 300):
        values = np.round(np.exp(rng.uniform(np.log(max(low, 1)), np.log(high), n)), 1)
        bins = histogram(values, variable, 5)
        counts = [entry.share * n for entry in bins]
        assert sum(counts) == pytest.approx(n, abs=0.01 * n)
        assert all(round(count) == 0 or round(count) >= 5 for count in counts)
        assert [entry.high for entry in bins[:-1]] == [entry.low for entry in bins[1:]]


def test_a_lone_outlier_is_joined_with_its_neighbours(dictionary):
    values = np.array([20.0] * 50 + [21.0] * 6 + [900.0])
    tail = [entry for entry in histogram(values, dictionary["WBC"], 5) if entry.high > 900]
    assert len(tail) == 1 and tail[0].low < 22 and round(tail[0].share * 57) >= 5
    alone = [entry for entry in histogram(values, dictionary["WBC"], 0) if entry.share > 0][-1]
    assert alone.low == 600.0 and round(alone.share * 57) == 1  # which synthetic patients may show


def test_too_few_patients_have_no_histogram(dictionary):
    assert histogram(np.array([30.0] * 9), dictionary["AGE"], 5) == ()
    assert histogram(np.array([]), dictionary["AGE"], 0) == ()
