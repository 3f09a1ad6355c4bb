"""Intervals of proportions."""

from __future__ import annotations

import math

from amlsynth.statistics.wald import Z95


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of n independent patients; n may be an effective number.

    Source: Wilson, J Am Stat Assoc 1927;22:209.

    >>> [round(limit, 4) for limit in wilson_interval(0.0, 10)]
    [0.0, 0.2775]
    """
    z2 = Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)
