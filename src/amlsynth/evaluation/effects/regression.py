"""Cox and logistic regression on several covariates, by Newton's method on plain matrices.

Ties in the Cox model are handled by Efron's method. An optional ridge penalty keeps models with many
covariates estimable. One covariate alone is faster with `cox.cox_regression`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amlsynth.evaluation.family import NotComputable
from amlsynth.statistics.coding import Floats

_STEPS = 40
_PRECISION = 1e-8  # of the largest step, in standard deviations of a covariate
_LARGEST_CONDITION = 1e12  # of the information; beyond it covariates follow from each other
_SEPARATED = "an effect has no finite estimate: the covariates separate the outcomes"


@dataclass(frozen=True)
class Estimate:
    """Log ratios of the covariates with their covariance, shapes (p,) and (p, p)."""

    log_ratios: Floats
    covariance: Floats

    @property
    def standard_errors(self) -> Floats:
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class CoxModel:
    """A fitted proportional hazards model with its baseline, for predictions.

    times, hazard : cumulative baseline hazard of a patient with the mean covariates, at event times.
    """

    estimate: Estimate
    means: Floats
    times: Floats
    hazard: Floats

    def score(self, covariates: Floats) -> Floats:
        """Return the log hazard ratio against the mean patient, shape (n,)."""
        score: Floats = (covariates - self.means) @ self.estimate.log_ratios
        return score

    def survival(self, covariates: Floats, months: Floats) -> Floats:
        """Return each patient's probability to survive beyond the months, shape (n, months)."""
        position = np.searchsorted(self.times, months, side="right")
        hazard = np.concatenate(([0.0], self.hazard))[position]
        survival: Floats = np.exp(-np.outer(np.exp(np.clip(self.score(covariates), -50, 50)), hazard))
        return survival


def cox_model(time: Floats, event: NDArray[np.bool_], covariates: Floats, ridge: float = 0.0) -> CoxModel:
    """Fit the proportional hazards model.

    Parameters
    ----------
    time, event : follow-up and whether it ended in the event, shape (n,).
    covariates : shape (n, p), no NaN.
    ridge : penalty on half the squared log ratios per standard deviation of each covariate.

    Raises
    ------
    NotComputable
        No event, a covariate of one value (unless penalised), covariates that follow from each other,
        or a likelihood without a maximum.
    """
    if not event.any():
        raise NotComputable("there is no event, so no hazard ratio")
    standard, means, scale = _standardised(covariates, ridge)
    order = np.lexsort((~event, -time))  # latest first: a risk set is then a prefix
    likelihood = _EfronLikelihood(time[order], event[order], standard[order])
    beta, information = _maximise(likelihood.derivatives, np.full(standard.shape[1], ridge))
    times, hazard = likelihood.baseline(beta)
    return CoxModel(_estimate(beta, information, scale), means, times, hazard)


def logistic_model(outcome: NDArray[np.bool_], covariates: Floats, ridge: float = 0.0) -> Estimate:
    """Fit logistic regression with an intercept, which the estimate leaves out; see `cox_model`.

    Raises
    ------
    NotComputable
        As for `cox_model`, and when all patients have the same outcome.
    """
    if outcome.all() or not outcome.any():
        raise NotComputable("every patient has the same outcome, so no odds ratio")
    standard, _, scale = _standardised(covariates, ridge)
    design = np.column_stack((np.ones(len(standard)), standard))
    y = outcome.astype(np.float64)

    def derivatives(beta: Floats) -> tuple[float, Floats, Floats]:
        linear = np.clip(design @ beta, -500, 500)
        probability = 1 / (1 + np.exp(-linear))
        weight = probability * (1 - probability)
        value = float(y @ linear - np.logaddexp(0.0, linear).sum())
        return value, design.T @ (y - probability), design.T @ (design * weight[:, None])

    penalty = np.concatenate(([0.0], np.full(standard.shape[1], ridge)))
    beta, information = _maximise(derivatives, penalty)
    full = np.linalg.inv(information)
    return Estimate(beta[1:] / scale, full[1:, 1:] / np.outer(scale, scale))


def p_value(log_ratio: float, standard_error: float) -> float:
    """Return Wald's two-sided p-value."""
    return math.erfc(abs(log_ratio / standard_error) / math.sqrt(2))


class _EfronLikelihood:
    """The partial likelihood of patients sorted by falling time, events first within a time."""

    def __init__(self, time: Floats, event: NDArray[np.bool_], x: Floats) -> None:
        self._x = x
        self._at = np.flatnonzero(event)
        times = time[self._at]
        first = np.concatenate(([True], times[1:] != times[:-1]))
        self._block = np.cumsum(first) - 1
        self._starts = np.flatnonzero(first)
        self._fraction = (np.arange(len(times)) - self._starts[self._block]) / np.bincount(self._block)[
            self._block
        ]
        self._risk_end = np.searchsorted(-time, -times, side="right") - 1
        self._times = times

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Return log likelihood, gradient (p,) and information (p, p)."""
        linear = np.clip(self._x @ beta, -500, 500)
        weight = np.exp(linear)
        weighted = self._x * weight[:, None]
        share = self._fraction[:, None]
        denominator = self._denominator(weight)
        at_risk = np.cumsum(weighted, axis=0)[self._risk_end]
        tied = np.add.reduceat(weighted[self._at], self._starts)[self._block]
        mean = (at_risk - share * tied) / denominator[:, None]
        # Second moments need no cumulative matrices: each patient's weight in all risk sets is summed first.
        in_sets = np.zeros(len(weight))
        np.add.at(in_sets, self._risk_end, 1 / denominator)
        in_sets = np.cumsum(in_sets[::-1])[::-1].copy()
        in_sets[self._at] -= np.add.reduceat(self._fraction / denominator, self._starts)[self._block]
        information = self._x.T @ (weighted * in_sets[:, None]) - mean.T @ mean
        value = float(linear[self._at].sum() - np.log(denominator).sum())
        return value, self._x[self._at].sum(axis=0) - mean.sum(axis=0), information

    def baseline(self, beta: Floats) -> tuple[Floats, Floats]:
        """Return the distinct event times, ascending, and the cumulative baseline hazard there."""
        weight = np.exp(np.clip(self._x @ beta, -500, 500))
        steps = np.add.reduceat(1 / self._denominator(weight), self._starts)
        return self._times[self._starts][::-1], np.cumsum(steps[::-1])

    def _denominator(self, weight: Floats) -> Floats:
        tied = np.add.reduceat(weight[self._at], self._starts)[self._block]
        result: Floats = np.cumsum(weight)[self._risk_end] - self._fraction * tied
        return result


def _standardised(covariates: Floats, ridge: float) -> tuple[Floats, Floats, Floats]:
    means, scale = covariates.mean(axis=0), covariates.std(axis=0)
    constant = np.ptp(covariates, axis=0) == 0
    if constant.any() and ridge == 0:
        raise NotComputable("a covariate has one value only, so no effect")
    scale = np.where(constant, 1.0, scale)
    return (covariates - means) / scale, means, scale


def _maximise(
    derivatives: Callable[[Floats], tuple[float, Floats, Floats]], penalty: Floats
) -> tuple[Floats, Floats]:
    """Return the maximum of a concave function less the penalty, and the information there."""

    def penalised(beta: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, information = derivatives(beta)
        return (
            value - 0.5 * float(penalty @ beta**2),
            gradient - penalty * beta,
            information + np.diag(penalty),
        )

    beta = np.zeros(len(penalty))
    value, gradient, information = penalised(beta)
    for _ in range(_STEPS):
        if not np.linalg.cond(information) < _LARGEST_CONDITION:
            raise NotComputable("covariates follow from each other, or " + _SEPARATED)
        step = np.linalg.solve(information, gradient)
        for _ in range(20):  # halve a step that overshoots
            trial = penalised(beta + step)
            if trial[0] >= value - _PRECISION:
                break
            step /= 2
        beta = beta + step
        value, gradient, information = trial
        if np.abs(step).max(initial=0.0) < _PRECISION:
            return beta, information
    raise NotComputable(_SEPARATED)


def _estimate(beta: Floats, information: Floats, scale: Floats) -> Estimate:
    return Estimate(beta / scale, np.linalg.inv(information) / np.outer(scale, scale))
