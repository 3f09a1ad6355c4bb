"""The survival scores agree with synthcity's own, of whose authors the formulas are."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pytest

from amlsynth.survival.curve_distance import curve_distance
from amlsynth.survival.endpoint import EndpointData

pytestmark = [
    pytest.mark.synthcity,
    pytest.mark.skipif(
        importlib.util.find_spec("synthcity") is None,
        reason="synthcity needs an environment of its own: make test-synthcity",
    ),
]


def _endpoint(seed: int, n: int, scale: float, end: float) -> EndpointData:
    rng = np.random.default_rng(seed)
    event, censored = rng.exponential(scale, n), rng.uniform(0, end, n)
    return EndpointData("OS", np.minimum(event, censored), event <= censored, 0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (_endpoint(1, 400, 30, 120), _endpoint(2, 400, 30, 120)),
        (_endpoint(3, 300, 20, 150), _endpoint(4, 700, 35, 90)),
        (_endpoint(5, 250, 40, 80), _endpoint(6, 100, 10, 60)),
    ],
)
def test_curve_distance_agrees(ours: EndpointData, theirs: EndpointData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from synthcity.plugins.core.models.survival_analysis.metrics import nonparametric_distance

        optimism, divergence, sight = nonparametric_distance(
            (ours.time, ours.event.astype(int)), (theirs.time, theirs.event.astype(int)), 1000
        )
    found = curve_distance(ours, theirs)
    # synthcity's grid begins at the first time instead of 0 and is integrated by trapezoids.
    assert found.divergence == pytest.approx(divergence, abs=0.003)
    assert found.optimism == pytest.approx(optimism, abs=0.003)
    # It divides by the larger of the two last times, amlsynth by the original's, as the paper defines it.
    end = max(ours.time.max(), theirs.time.max())
    assert found.short_sightedness == pytest.approx(sight * end / ours.time.max(), abs=1e-9)
