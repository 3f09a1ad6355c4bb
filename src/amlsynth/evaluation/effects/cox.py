"""Cox regression on one covariate, vectorised: fast at any number of patients.

Ties are handled by Efron's method, as lifelines does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amlsynth.evaluation.family import NotComputable
from amlsynth.statistics.coding import Floats

_STEPS = 50
_PRECISION = 1e-9


@dataclass(frozen=True)
class CoxEffect:
    """A log hazard ratio with its standard error; `p_value` is Wald's, two-sided."""

    log_hazard_ratio: float
    standard_error: float

    @property
    def p_value(self) -> float:
        return math.erfc(abs(self.log_hazard_ratio / self.standard_error) / math.sqrt(2))


def cox_regression(time: Floats, event: NDArray[np.bool_], covariate: ArrayLike) -> CoxEffect:
    """Fit the proportional hazards model with one covariate by Newton's method.

    Parameters
    ----------
    time : follow-up, shape (n,), any unit.
    event : whether follow-up ended in the event, shape (n,).
    covariate : shape (n,), no NaN.

    Raises
    ------
    NotComputable
        No event, a covariate of one value, or a likelihood without a maximum.
    """
    x = np.asarray(covariate, dtype=np.float64)
    if not event.any():
        raise NotComputable("there is no event, so no hazard ratio")
    if np.ptp(x) == 0:
        raise NotComputable("the covariate has one value only, so no hazard ratio")
    x = x - x.mean()
    blocks = _EventBlocks(time, event, x)
    beta, (likelihood, gradient, information) = 0.0, blocks.derivatives(0.0)
    for _ in range(_STEPS):
        if not information > 1e-12:
            break
        step = gradient / information
        for _ in range(20):  # halve a step that overshoots
            trial = blocks.derivatives(beta + step)
            if trial[0] >= likelihood - _PRECISION:
                break
            step /= 2
        beta += step
        likelihood, gradient, information = trial
        if abs(step) < _PRECISION and information > 1e-12:
            return CoxEffect(beta, 1 / math.sqrt(information))
    raise NotComputable("the hazard ratio has no finite estimate: the covariate separates the events")


class _EventBlocks:
    """The sums of the partial likelihood, over the risk set and over the tied events of each event."""

    def __init__(self, time: Floats, event: NDArray[np.bool_], x: Floats) -> None:
        order = np.lexsort((~event, -time))  # latest first: a risk set is then a prefix
        time, event = time[order], event[order]
        self._x = x[order]
        self._at = np.flatnonzero(event)
        times = time[self._at]
        # Tied events stand side by side; the risk set ends with the last patient of the same time.
        first = np.concatenate(([True], times[1:] != times[:-1]))
        block = np.cumsum(first) - 1
        size = np.bincount(block)
        self._block, self._starts = block, np.flatnonzero(first)
        self._fraction = (np.arange(len(times)) - self._starts[block]) / size[block]
        self._risk_end = (np.searchsorted(-time, -times, side="right") - 1)[self._starts][block]

    def derivatives(self, beta: float) -> tuple[float, float, float]:
        """Return the log likelihood, its derivative and the information at `beta`."""
        exponent = np.clip(beta * self._x, -500, 500)
        weight = np.exp(exponent)
        moments = []
        for power in range(3):
            terms = weight * self._x**power
            tied = np.add.reduceat(terms[self._at], self._starts)[self._block]
            moments.append(np.cumsum(terms)[self._risk_end] - self._fraction * tied)
        mean = moments[1] / moments[0]
        return (
            float(exponent[self._at].sum() - np.log(moments[0]).sum()),
            float((self._x[self._at] - mean).sum()),
            float((moments[2] / moments[0] - mean**2).sum()),
        )
