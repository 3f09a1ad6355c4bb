"""Cox's proportional hazards model, with strata, a ridge penalty, and Efron's or Breslow's way with ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.survival.newton import (
    BOUND,
    PRECISE,
    Derivatives,
    Estimates,
    Standardised,
    maximise,
    maximise_each,
)

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class Baseline:
    """A cumulative hazard: `hazard` at the event times `times`, ascending from 0, shape (events + 1,)."""

    times: FloatArray
    hazard: FloatArray

    def step(self, times: FloatArray) -> FloatArray:
        """Return the cumulative hazard, which jumps at events."""
        at: FloatArray = self.hazard[np.searchsorted(self.times, times, side="right") - 1]
        return at

    def at(self, times: FloatArray) -> FloatArray:
        """Return the cumulative hazard, linear between events and level after the last."""
        return np.interp(times, self.times, self.hazard)

    def inverse(self, hazard: FloatArray) -> FloatArray:
        """Return when `at` reaches a cumulative hazard; infinity beyond the last event."""
        times = np.interp(hazard, self.hazard, self.times)
        return np.where(hazard <= self.hazard[-1], times, np.inf)


@dataclass(frozen=True)
class CoxFit(Estimates):
    """Log hazard ratios `beta`, shape (p,), and the baseline of each stratum that had an event.

    A baseline is the hazard of a patient whose covariates are all 0.
    """

    baselines: dict[int, Baseline]

    def survival(self, covariates: FloatArray, times: FloatArray, stratum: int = 0) -> FloatArray:
        """Return each patient's probability to be free of the event beyond the times, shape (n, times)."""
        hazard = np.outer(relative_hazard(covariates @ self.beta), self.baselines[stratum].step(times))
        return np.exp(-hazard)


def relative_hazard(linear_predictor: FloatArray) -> FloatArray:
    """Return the hazard relative to the baseline, shape as given; extremes are bounded."""
    return np.exp(np.clip(linear_predictor, -BOUND, BOUND))


def cox_fit(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    *,
    strata: IntArray | None = None,
    penalty: FloatArray | float = 0.0,
    ties: Ties = "efron",
    tolerance: float = PRECISE,
) -> CoxFit:
    """Fit the proportional hazards model by the maximum of its partial likelihood.

    Parameters
    ----------
    time, event : follow-up, any unit, and whether it ended in the event, shape (n,).
    covariates : shape (n, p) or (n,), no NaN.
    strata : number of each patient's stratum, shape (n,); without it all are of stratum 0.
    penalty : on half the squared log hazard ratios, shape (p,) or one for all.
    ties : how events at the same time are handled, in the likelihood and the baselines.
    tolerance : see `newton.maximise`.

    Raises
    ------
    NotComputable
        No event; or, without a penalty, a covariate has one value, covariates follow from each other, or
        they separate the events.

    Examples
    --------
    The score equation of a hazard ratio r is here 2 = 2 r / (r + 1) + r / (r + 2), so r = (1 + √17) / 2.

    >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4, dtype=bool)
    >>> fit = cox_fit(time, event, np.array([1.0, 0.0, 1.0, 0.0]))
    >>> float(np.exp(fit.beta[0]).round(4))
    2.5616
    """
    if not event.any():
        raise NotComputable("there is no event, so no hazard ratio")
    x = Standardised.of(covariates, penalty)
    strata = np.zeros(len(time), dtype=np.int64) if strata is None else strata
    likelihood = _PartialLikelihood(time, event, x.values, strata, ties)
    fit = maximise(likelihood.derivatives, np.zeros(len(x.values)), x.penalty, tolerance)
    beta = fit.beta / x.scale
    # The likelihood's patient with covariates 0 is the mean patient.
    to_zero = float(relative_hazard(-x.means @ beta))
    baselines = likelihood.baselines(fit.beta, to_zero)
    return CoxFit(beta, fit.information * np.outer(x.scale, x.scale), baselines)


def log_hazard_ratios(
    time: FloatArray, event: BoolArray, markers: FloatArray, ties: Ties = "efron"
) -> tuple[FloatArray, FloatArray]:
    """Fit a model of each binary marker alone, to the patients in whom it is known.

    Parameters
    ----------
    time, event : follow-up, any unit, and whether it ended in the event, shape (n,).
    markers : 1, 0 or NaN, shape (n, p).
    ties : how events at the same time are handled.

    Returns
    -------
    Log hazard ratios and their standard errors, shape (p,) each; NaN where there is no finite estimate.

    Notes
    -----
    Of a binary marker the likelihood knows no more than how many with and without it are at risk at each
    event, so that all markers are fitted at once; the estimates are those of `cox_fit`.

    Examples
    --------
    >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4, dtype=bool)
    >>> log_ratios, errors = log_hazard_ratios(time, event, np.array([[1.0], [0.0], [1.0], [0.0]]))
    >>> float(np.exp(log_ratios[0]).round(4))
    2.5616
    """
    if not event.any():
        none = np.full(markers.shape[1], np.nan)
        return none, none
    likelihoods = _MarkerLikelihoods(time, event, markers, ties)
    beta, information = maximise_each(likelihoods.of_each, np.zeros(markers.shape[1]))
    return beta / likelihoods.scale, 1 / (np.sqrt(information) * likelihoods.scale)


class _PartialLikelihood:
    """Patients by stratum, latest first: a risk set is a running sum within the stratum, up to its last.

    Of n patients, e with the event, these first within a time. Running sums begin with an entry of 0.
    """

    def __init__(
        self, time: FloatArray, event: BoolArray, x: FloatArray, strata: IntArray, ties: Ties
    ) -> None:
        order = np.lexsort((~event, -time, strata))
        time, event, strata = time[order], event[order], strata[order]
        # The covariates of the patients, shape (p, n), below a row of 1.
        self._x = np.vstack((np.ones(len(time)), x[:, order]))
        self._at = np.flatnonzero(event)
        self._observed = self._x[1:, self._at].sum(axis=1)
        new_stratum = np.concatenate(([True], strata[1:] != strata[:-1]))
        new_time = np.concatenate(([True], new_stratum[1:] | (time[1:] != time[:-1])))
        ends = np.append(np.flatnonzero(new_time)[1:], len(time))  # of each time, behind its last patient
        moment = (np.cumsum(new_time) - 1)[self._at]
        self._risk_end = ends[moment]
        # A risk set begins with its stratum.
        firsts = np.flatnonzero(new_stratum)
        number = np.cumsum(new_stratum) - 1
        self._is_stratified = len(firsts) > 1
        self._risk_start = firsts[number[self._at]]
        self._stratum_end = np.append(firsts[1:], len(time))[number]
        # Efron takes a growing share of the tied events out of the risk set, Breslow none.
        self._starts = np.flatnonzero(np.concatenate(([True], moment[1:] != moment[:-1])))
        size = np.diff(np.append(self._starts, len(moment)))
        self._tie = np.repeat(np.arange(len(size)), size)
        self._taken = (np.arange(len(moment)) - self._starts[self._tie]) / size[self._tie]
        self._is_tied = ties == "efron" and len(size) < len(moment)
        self._tie_start = self._at[self._starts][self._tie]
        self._tie_end = self._tie_start + size[self._tie]
        self._times, self._strata = time[self._at][self._starts], strata[self._at][self._starts]

    def derivatives(self, beta: FloatArray) -> Derivatives:
        x = self._x[1:]
        linear = np.clip(beta @ x, -BOUND, BOUND)
        weight = np.exp(linear)
        sums = self._risk_sums(self._x * weight)
        at_risk, mean = sums[0], sums[1:] / sums[0]
        # Second moments need no running sums of matrices: what each patient was exposed to comes first.
        root = x * np.sqrt(weight * self._exposure(1 / at_risk))
        value = float(linear.take(self._at).sum() - np.log(at_risk).sum())
        return value, self._observed - mean.sum(axis=1), root @ root.T - mean @ mean.T

    def baselines(self, beta: FloatArray, factor: float) -> dict[int, Baseline]:
        """Return the cumulative hazards of the strata, times the factor."""
        jumps = np.add.reduceat(factor / self._risk_sums(relative_hazard(beta @ self._x[1:])), self._starts)
        baselines = {}
        for stratum in np.unique(self._strata):
            rows = np.flatnonzero(self._strata == stratum)[::-1]
            baselines[int(stratum)] = Baseline(
                np.append(0.0, self._times[rows]), np.append(0.0, np.cumsum(jumps[rows]))
            )
        return baselines

    def _risk_sums(self, values: FloatArray) -> FloatArray:
        """Sum values, shape (..., n), over the risk set of each event, shape (..., e)."""
        running = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
        np.cumsum(values, axis=-1, out=running[..., 1:])
        sums: FloatArray = running.take(self._risk_end, axis=-1)
        if self._is_stratified:
            sums -= running.take(self._risk_start, axis=-1)
        if self._is_tied:
            tied = running.take(self._tie_end, axis=-1) - running.take(self._tie_start, axis=-1)
            sums -= self._taken * tied
        return sums

    def _exposure(self, hazard: FloatArray) -> FloatArray:
        """Sum the hazards of events, shape (e,), over those whose risk sets hold a patient, shape (n,)."""
        at_end = np.bincount(self._risk_end, weights=hazard, minlength=len(self._stratum_end) + 2)
        later: FloatArray = np.cumsum(at_end[::-1], dtype=np.float64)[::-1]
        exposure = later[1:-1]
        if self._is_stratified:
            exposure = exposure - later[self._stratum_end + 1]
        if self._is_tied:
            exposure[self._at] -= np.add.reduceat(self._taken * hazard, self._starts)[self._tie]
        return np.maximum(exposure, 0.0)  # rounding


class _MarkerLikelihoods(_PartialLikelihood):
    """Those of models of one binary marker each, shape (n, p), among the patients in whom it is known.

    At each event there are so many patients at risk with it and without, shapes (p, e).
    """

    def __init__(self, time: FloatArray, event: BoolArray, markers: FloatArray, ties: Ties) -> None:
        states = np.vstack((markers.T == 1, markers.T == 0)).astype(np.float64)
        super().__init__(time, event, states, np.zeros(len(time), dtype=np.int64), ties)
        with_it, without = np.split(self._x[1:, self._at], 2)
        known = with_it + without
        # Among tied events those count in whom the marker is known.
        size = np.add.reduceat(known, self._starts, axis=1)[:, self._tie]
        before = np.cumsum(known, axis=1) - known
        place = before - before[:, self._starts][:, self._tie]
        self._taken = np.tile(np.divide(place, size, out=np.zeros_like(size), where=size > 0), (2, 1))
        at_risk = np.split(self._risk_sums(self._x[1:]), 2)
        # An event of somebody in whom it is not known takes no part: the logarithm of 1 is 0.
        self._with, self._without = np.where(known, at_risk[0], 0.0), np.where(known, at_risk[1], 1.0)
        self._observed = with_it.sum(axis=1)
        carriers, others = np.split(self._x[1:].sum(axis=1), 2)
        varies = carriers * others > 0
        deviation = np.sqrt(carriers * others) / np.maximum(carriers + others, 1)
        self.scale = np.where(varies, deviation, 1.0)

    def of_each(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return value and derivatives of each, shape (p,), for a marker of standard deviation 1."""
        linear = beta / self.scale
        hazard = self._with * relative_hazard(linear)[:, None]
        at_risk = hazard + self._without
        share = hazard / at_risk
        value = linear * self._observed - np.log(at_risk).sum(axis=1)
        gradient = (self._observed - share.sum(axis=1)) / self.scale
        return value, gradient, (share * (1 - share)).sum(axis=1) / self.scale**2
