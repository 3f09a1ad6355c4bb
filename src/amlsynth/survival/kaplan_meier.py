"""Kaplan-Meier estimates in vectorised numpy: curve, Greenwood's interval, numbers at risk, median."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.statistics.wald import Z95
from amlsynth.survival.endpoint import EndpointData

_ROUNDING = 1e-12  # a product of fractions may miss one half by this much


@dataclass(frozen=True)
class Median:
    """A median time with its 95 % interval, in the unit of the times; None for what is not reached."""

    time: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class KaplanMeier:
    """A product-limit estimate; arrays have one entry for each distinct time, ascending.

    The 95 % interval is Greenwood's on the log(-log) scale (Kalbfleisch and Prentice), as Stata's sts
    and lifelines compute it. At survival 1 it is (1, 1); at 0 it is (0, the last upper limit). The sum of
    `greenwood` up to a time is the variance of the log of survival there.
    """

    times: FloatArray
    at_risk: IntArray
    events: IntArray
    survival: FloatArray
    greenwood: FloatArray

    @property
    def n(self) -> int:
        return int(self.at_risk[0])

    @property
    def low(self) -> FloatArray:
        return self._interval[0]

    @property
    def high(self) -> FloatArray:
        return self._interval[1]

    @cached_property
    def _interval(self) -> tuple[FloatArray, FloatArray]:
        return log_log_interval(self.survival, self.greenwood)

    def at(self, months: ArrayLike) -> FloatArray:
        """Return survival at the given months, shape as given; after the last time, its last value."""
        return self._step(self.survival, months, 1.0)

    def log_error(self, time: float) -> float:
        """Return the standard error of the log of survival at a time (Greenwood)."""
        return math.sqrt(float(self.greenwood[self.times <= time].sum()))

    def band(self, months: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the 95 % interval at the given months."""
        return self._step(self.low, months, 1.0), self._step(self.high, months, 1.0)

    def at_risk_at(self, months: ArrayLike) -> IntArray:
        """Return how many are followed up to the given months or longer."""
        position = np.searchsorted(self.times, np.asarray(months), side="left")
        return np.append(self.at_risk, 0)[position]

    def median(self) -> Median:
        """Return the first time at which survival is one half or less, with its 95 % interval.

        The interval holds the times at which the pointwise interval holds one half (Brookmeyer and
        Crowley).
        """
        return Median(*(self._first_below(curve) for curve in (self.survival, self.low, self.high)))

    def _first_below(self, curve: FloatArray) -> float | None:
        below = np.flatnonzero(curve <= 0.5 + _ROUNDING)
        return float(self.times[below[0]]) if below.size else None

    def _step(self, values: FloatArray, months: ArrayLike, start: float) -> FloatArray:
        position = np.searchsorted(self.times, np.asarray(months, dtype=np.float64), side="right")
        return np.concatenate(([start], values))[position]


def kaplan_meier(data: EndpointData) -> KaplanMeier:
    """Estimate the survival function.

    Raises
    ------
    NotComputable
        There is no patient with a known time and status.
    """
    return resampled_curves(data, np.ones((1, data.n), dtype=np.int64))[0]


def resampled_curves(data: EndpointData, times: IntArray) -> list[KaplanMeier]:
    """Return the estimate of each resample, from how often each patient is in it, shape (resamples, n).

    A curve ends with the last time in its resample; at earlier times nobody of it need have left.

    Raises
    ------
    NotComputable
        There is no patient with a known time and status.
    """
    if data.n == 0:
        raise NotComputable(f"no patient has a known {data.name} time and status")
    order = np.argsort(data.time, kind="stable")
    moments, starts = np.unique(data.time[order], return_index=True)
    leaving, events = (
        np.add.reduceat(counts[:, order], starts, axis=1) for counts in (times, times * data.event)
    )
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    survival = np.cumprod(1.0 - events / np.maximum(at_risk, 1), axis=1)
    remaining = (at_risk - events).astype(np.float64)
    greenwood = np.zeros_like(survival)
    np.divide(events, at_risk * remaining, out=greenwood, where=remaining > 0)
    ends = np.count_nonzero(at_risk, axis=1)
    return [
        KaplanMeier(moments[:end], *(values[row, :end] for values in (at_risk, events, survival, greenwood)))
        for row, end in enumerate(ends)
    ]


def restricted_mean(data: EndpointData, horizon: float) -> tuple[float, float]:
    """Return the mean time free of the event up to the horizon, and its standard error, units of the times.

    The area under the Kaplan-Meier curve, with Greenwood's variance of it (Klein and Moeschberger,
    Survival Analysis, 2003, section 4.5).

    Raises
    ------
    NotComputable
        No patient has a known time, or follow-up ends before the horizon with patients alive.
    """
    fit = kaplan_meier(data)
    if fit.times[-1] < horizon and fit.survival[-1] > 0:
        raise NotComputable(f"{data.name} follow-up ends before {horizon:.0f} months, so the mean is unknown")
    inside = fit.times < horizon
    edges = np.concatenate(([0.0], fit.times[inside], [horizon]))
    pieces = np.diff(edges) * np.concatenate(([1.0], fit.survival[inside]))
    after = np.cumsum(pieces[::-1])[::-1][1:]  # area from each time on
    return float(pieces.sum()), math.sqrt(float((after**2 * fit.greenwood[inside]).sum()))


def log_log_interval(survival: FloatArray, greenwood: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 95 % interval of survival, given each step's part of the variance of its logarithm."""
    spread = np.sqrt(np.cumsum(greenwood))
    inside = (survival > 0) & (survival < 1)
    log_survival = np.log(survival, out=np.full_like(survival, -1.0), where=inside)
    exponent = np.exp(Z95 * spread / log_survival)  # below 1, for the log of survival is negative
    low = np.where(inside, survival ** (1.0 / exponent), survival)
    high = np.where(inside, survival**exponent, survival)
    # Survival 0 comes last, if at all; Greenwood's variance is undefined there.
    end = np.flatnonzero(survival <= 0)
    if end.size:
        high[end] = high[end[0] - 1] if end[0] > 0 else 1.0
    return low, high
