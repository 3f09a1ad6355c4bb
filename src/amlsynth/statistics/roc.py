"""The area under the ROC curve and its variance."""

from __future__ import annotations

import numpy as np

from amlsynth.foundation.types import FloatArray


def area_under_curve(positive: FloatArray, negative: FloatArray) -> tuple[float, float]:
    """Return the area under the ROC curve of two sets of scores and DeLong's variance of it.

    Source: DeLong et al., Biometrics 1988;44:837. A side of one score has no part in the variance.

    >>> area_under_curve(np.array([3.0, 1.0]), np.array([0.0, 1.0, 2.0]))[0]
    0.75
    """
    sides = placements(positive, negative), 1 - placements(negative, positive)
    variance = sum(float(side.var(ddof=1)) / len(side) for side in sides if len(side) > 1)
    return float(sides[0].mean()), variance


def placements(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return for each score the share of the others below it, ties one half, shape (scores,)."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    share: FloatArray = (below + up_to) / (2 * len(others))
    return share
