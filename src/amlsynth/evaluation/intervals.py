"""Bootstrap intervals of measures: how much a figure owes to which patients were drawn.

The cohort is resampled; the original stands. A resample differs from the original more than the cohort
itself does, so quantiles of the resampled figures would lie beside the figure: the interval is the figure
plus and minus 1.96 times their standard deviation, within the measure's bounds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from amlsynth.evaluation.measure_group import NotComputable, attempt, figure
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.statistics.wald import Z95

RESAMPLES = 100
MIN_PATIENTS = 10  # patients; fewer say nothing of their own variation
MAX_PATIENTS = 20_000  # patients; beyond it the intervals are narrower than the figures' digits


def with_interval(
    measure: Callable[[IntArray], FloatArray],
    n: int,
    rng: np.random.Generator,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """Return a figure with its bootstrap interval.

    Parameters
    ----------
    measure : gives the figures of resamples, shape (resamples,), from how often each patient is in each,
        shape (resamples, n); the cohort itself is the one that has each patient once.
    n : patients of the cohort; below `MIN_PATIENTS` and above `MAX_PATIENTS` there is no interval.
    bounds : between which the measure lies.
    """
    estimate = attempt(lambda: float(measure(np.ones((1, n), dtype=np.int64))[0]))
    if estimate.value is None or not MIN_PATIENTS <= n <= MAX_PATIENTS:
        return estimate
    times = np.array([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)])
    try:
        draws = measure(times)
    except NotComputable:
        return estimate
    spread = Z95 * float(np.std(draws, ddof=1))
    low, high = max(bounds[0], estimate.value - spread), min(bounds[1], estimate.value + spread)
    return figure(estimate.value, low, high)
