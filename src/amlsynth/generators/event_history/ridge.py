"""Regressions with a ridge penalty, by Newton's method: linear, logistic, and Cox with strata.

The penalty on a coefficient is that of a normal prior with variance 1 / penalty; intercepts have none. A
maximum of the likelihood meets the score equations, that is the fitted model repeats the sums of each
feature over the events; the less penalty, the nearer it comes to repeating every univariable effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_STEPS = 30
_PRECISION = 1e-7  # of the penalised log likelihood, relative
_BOUND = 30.0  # of a linear predictor, so that its exponential stays finite


def ridge_linear(features: Floats, target: Floats, penalty: float) -> Floats:
    """Return intercept and coefficients of least squares, shape (1 + p,), for features (n, p)."""
    centre = target.mean()
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += penalty
    return np.concatenate(([centre], np.linalg.solve(gram, features.T @ (target - centre))))


def ridge_logistic(features: Floats, target: Bools, penalty: Floats) -> Floats:
    """Return intercept and log odds ratios, shape (1 + p,).

    Parameters
    ----------
    features : shape (n, p). target : shape (n,), both values present. penalty : shape (p,), positive.
    """
    y = target.astype(np.float64)
    x = np.column_stack((np.ones(len(y)), features))
    weights = np.concatenate(([1e-8], penalty))

    def loss(beta: Floats) -> float:
        eta = x @ beta
        return float((np.logaddexp(0.0, eta) - y * eta).sum() + 0.5 * (weights * beta**2).sum())

    beta = np.zeros(x.shape[1])
    beta[0] = np.log(y.mean() / (1 - y.mean()))
    value = loss(beta)
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-np.clip(x @ beta, -_BOUND, _BOUND)))
        gradient = x.T @ (y - share) - weights * beta
        hessian = x.T @ (x * (share * (1 - share))[:, None])
        hessian[np.diag_indices_from(hessian)] += weights
        step = np.linalg.solve(hessian, gradient)
        beta, before, value = _halved(loss, beta, step, value)
        if before - value < _PRECISION * max(1.0, abs(before)):
            break
    return beta


@dataclass(frozen=True)
class Baseline:
    """A cumulative hazard: `hazard` at `times`, both ascending from 0, shape (events + 1,)."""

    times: Floats
    hazard: Floats

    def at(self, times: Floats) -> Floats:
        """Return the cumulative hazard, linear between events and level after the last."""
        return np.interp(times, self.times, self.hazard)

    def inverse(self, hazard: Floats) -> Floats:
        """Return when the cumulative hazard is reached; infinity beyond the last event."""
        times = np.interp(hazard, self.hazard, self.times)
        return np.where(hazard <= self.hazard[-1], times, np.inf)


@dataclass(frozen=True)
class CoxModel:
    """Log hazard ratios, shape (p,), and the baseline of each stratum that had an event."""

    beta: Floats
    baselines: dict[int, Baseline]


def relative_hazard(effects: Floats) -> Floats:
    """Return the exponential of linear predictors, shape as given; extremes are bounded."""
    return np.exp(np.clip(effects, -_BOUND, _BOUND))


def ridge_cox(features: Floats, time: Floats, event: Bools, strata: Ints, penalty: Floats) -> CoxModel:
    """Fit Cox's model with Breslow's handling of ties and Breslow's baselines.

    Parameters
    ----------
    features : shape (n, p). time, event, strata : shape (n,). penalty : shape (p,), positive.
    """
    beta = np.zeros(features.shape[1])
    if not event.any():
        return CoxModel(beta, {})
    likelihood = _PartialLikelihood(features, time, event, strata)

    def loss(beta: Floats) -> float:
        return float(0.5 * (penalty * beta**2).sum() - likelihood.value(beta))

    value = loss(beta)
    for _ in range(_STEPS):
        gradient, information = likelihood.derivatives(beta)
        information[np.diag_indices_from(information)] += penalty
        step = np.linalg.solve(information, gradient - penalty * beta)
        beta, before, value = _halved(loss, beta, step, value)
        if before - value < _PRECISION * max(1.0, abs(before)):
            break
    return CoxModel(beta, likelihood.baselines(beta))


def _halved(
    loss: Callable[[Floats], float], beta: Floats, step: npt.NDArray[Any], value: float
) -> tuple[Floats, float, float]:
    """Take a Newton step, halved until it does not overshoot; return where it leads, old and new loss."""
    for _ in range(12):
        trial = beta + step
        found = loss(trial)
        if found <= value + 1e-9:
            return trial, value, found
        step = step / 2
    return beta, value, value


class _PartialLikelihood:
    """Patients by stratum, latest first, so that a risk set is a running sum within the stratum."""

    def __init__(self, features: Floats, time: Floats, event: Bools, strata: Ints) -> None:
        order = np.lexsort((-time, strata))
        self._x, self._event = features[order], event[order]
        self._time, self._strata = time[order], strata[order]
        starts = np.concatenate(([True], self._strata[1:] != self._strata[:-1]))
        tied = np.concatenate(([True], starts[1:] | (self._time[1:] != self._time[:-1])))
        self._first = np.flatnonzero(starts)
        self._stratum = np.cumsum(starts) - 1
        ties = np.flatnonzero(tied)
        block = np.cumsum(tied) - 1
        self._tie_start = ties[block]
        self._tie_end = np.append(ties[1:] - 1, len(order) - 1)[block]

    def _running(self, values: Floats) -> Floats:
        sums = np.cumsum(values, axis=0)
        before = np.zeros((len(self._first), *values.shape[1:]))
        before[1:] = sums[self._first[1:] - 1]
        running: Floats = sums - before[self._stratum]
        return running

    def _at_risk(self, weight: Floats) -> Floats:
        running: Floats = self._running(weight)[self._tie_end]
        return running

    def value(self, beta: Floats) -> float:
        eta = np.clip(self._x @ beta, -_BOUND, _BOUND)
        at_risk = self._at_risk(np.exp(eta))
        return float((eta - np.log(at_risk))[self._event].sum())

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        """Return gradient and observed information."""
        weight = relative_hazard(self._x @ beta)
        at_risk = self._at_risk(weight)
        mean = (self._running(self._x * weight[:, None])[self._tie_end] / at_risk[:, None])[self._event]
        hazard = np.where(self._event, 1 / at_risk, 0.0)
        # What a patient has been exposed to: the events of the stratum at the same time or earlier.
        total = np.bincount(self._stratum, weights=hazard)[self._stratum]
        exposure = total - (self._running(hazard) - hazard)[self._tie_start]
        gradient = self._x[self._event].sum(axis=0) - mean.sum(axis=0)
        information = self._x.T @ (self._x * (weight * exposure)[:, None]) - mean.T @ mean
        return gradient, information

    def baselines(self, beta: Floats) -> dict[int, Baseline]:
        at_risk = self._at_risk(relative_hazard(self._x @ beta))
        found = {}
        for stratum in np.unique(self._strata[self._event]):
            here = self._event & (self._strata == stratum)
            times, position = np.unique(self._time[here], return_inverse=True)
            jumps = np.bincount(position, weights=1 / at_risk[here])
            found[int(stratum)] = Baseline(
                np.concatenate(([0.0], times)), np.concatenate(([0.0], np.cumsum(jumps)))
            )
        return found
