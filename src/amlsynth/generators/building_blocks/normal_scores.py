"""Numbers as standard normal scores, through a smoothed empirical distribution function."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray

_LAST_SHARE = 1e-4  # scores are bounded by those of this share, +-3.7


def score_of(share: npt.ArrayLike) -> FloatArray:
    """Return the standard normal scores below which these shares lie, in the shape given."""
    scores: FloatArray = _special().ndtri(np.asarray(share, dtype=np.float64))
    return scores


class NormalScores:
    """A smoothed empirical distribution function, read as standard normal scores and back.

    It is linear between knots, which lie halfway between neighbouring patients; so what is read off it is not
    a patient's value by construction, and it ends half a distance beyond the outermost patients.

    Parameters
    ----------
    values : shape (m,), m >= 1, no NaN.
    step : the precision with which values are recorded; equal ones are spread over one step.
    low, high : bounds of what `value` returns.
    """

    def __init__(self, values: FloatArray, step: float, low: float = -np.inf, high: float = np.inf) -> None:
        ordered = np.sort(_spread(np.sort(values), step))
        between = (ordered[1:] + ordered[:-1]) / 2
        reach = np.array([step, step]) / 2
        if len(ordered) > 1:
            reach = np.maximum(np.diff(ordered)[[0, -1]] / 2, reach / len(ordered))
        knots = np.concatenate(([ordered[0] - reach[0]], between, [ordered[-1] + reach[1]]))
        self._knots = np.clip(knots, low, high)
        self._shares = np.linspace(0.0, 1.0, len(knots))

    def score(self, values: FloatArray) -> FloatArray:
        """Return standard normal scores, within +-3.7."""
        share = np.interp(values, self._knots, self._shares)
        return score_of(np.clip(share, _LAST_SHARE, 1 - _LAST_SHARE))

    def value(self, scores: FloatArray) -> FloatArray:
        """Return the values of scores, which may be any number."""
        values: FloatArray = np.interp(_special().ndtr(scores), self._shares, self._knots)
        return values


def _special() -> Any:
    return require_extra("generate", "scipy.special", "A normal score")


def _spread(ordered: FloatArray, step: float) -> FloatArray:
    """Spread equal values evenly over one step around them."""
    _, start, count = np.unique(ordered, return_index=True, return_counts=True)
    place = np.arange(len(ordered)) - np.repeat(start, count)
    return ordered + step * ((place + 0.5) / np.repeat(count, count) - 0.5)
