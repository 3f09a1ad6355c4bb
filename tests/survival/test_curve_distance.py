"""Curve distances of hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.survival.curve_distance import curve_distance
from amlsynth.survival.endpoint import EndpointData


def data(time, event):
    return EndpointData("OS", np.asarray(time, float), np.asarray(event, bool), 0)


def test_equal_curves_have_no_distance():
    one = data([1, 2, 5, 9], [1, 0, 1, 0])
    distance = curve_distance(one, one)
    assert (distance.divergence, distance.optimism, distance.short_sightedness) == (0, 0, 0)


def test_distance_by_hand():
    # The original falls to 0 at 5 of 10 months, nobody in the synthetic cohort dies: half of the
    # grid differs by 1.
    distance = curve_distance(data([5, 5], [1, 1]), data([10, 10], [0, 0]))
    assert distance.divergence == pytest.approx(0.5, abs=1e-3)
    assert distance.optimism == pytest.approx(0.5, abs=1e-3)
    assert distance.short_sightedness == pytest.approx(-1)  # followed twice as long
    back = curve_distance(data([10, 10], [0, 0]), data([5, 5], [1, 1]))
    assert back.optimism == pytest.approx(-0.5, abs=1e-3)
    assert back.short_sightedness == pytest.approx(0.5)
