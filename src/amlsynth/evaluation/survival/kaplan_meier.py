"""Kaplan-Meier estimates in vectorised numpy: curve, interval, numbers at risk, median, follow-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from amlsynth.dictionary.roles import Endpoint
from amlsynth.evaluation.family import NotComputable, figure
from amlsynth.evaluation.records import Figure
from amlsynth.evaluation.representations.coding import Floats, numbers

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
MONTHS_DECIMALS = 1  # three days: as the paper reports, and no patient's exact day
_ROUNDING = 1e-12  # a product of fractions may miss one half by this much


@dataclass(frozen=True)
class EndpointData:
    """Times and events of the patients in whom both are known; months; shape (n,)."""

    name: str
    time: Floats
    event: NDArray[np.bool_]
    left_out: int

    @property
    def n(self) -> int:
        return len(self.time)

    def take(self, rows: NDArray[np.int64]) -> EndpointData:
        """Return the given patients, some perhaps more than once."""
        return EndpointData(self.name, self.time[rows], self.event[rows], self.left_out)

    def reversed(self) -> EndpointData:
        """Return the follow-up: censoring is the event and the event censors."""
        return EndpointData(self.name, self.time, ~self.event, self.left_out)


def endpoint_data(frame: pd.DataFrame, endpoint: Endpoint) -> EndpointData:
    """Take an endpoint from a cohort; a missing or negative time or an unknown status is left out."""
    time, status = numbers(frame[endpoint.time]), numbers(frame[endpoint.status])
    known = (time >= 0) & ((status == 0) | (status == 1))
    return EndpointData(endpoint.name, time[known], status[known] == 1, int((~known).sum()))


@dataclass(frozen=True)
class KaplanMeier:
    """A product-limit estimate; arrays have one entry for each distinct time, ascending.

    The 95 % interval is Greenwood's on the log(-log) scale (Kalbfleisch and Prentice), as Stata's sts
    and lifelines compute it. At survival 1 it is (1, 1); at 0 it is (0, the last upper limit).
    """

    times: Floats
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    survival: Floats
    low: Floats
    high: Floats

    @property
    def n(self) -> int:
        return int(self.at_risk[0])

    def at(self, months: ArrayLike) -> Floats:
        """Return survival at the given months, shape as given; after the last time, its last value."""
        return self._step(self.survival, months, 1.0)

    def band(self, months: ArrayLike) -> tuple[Floats, Floats]:
        """Return the 95 % interval at the given months."""
        return self._step(self.low, months, 1.0), self._step(self.high, months, 1.0)

    def at_risk_at(self, months: ArrayLike) -> NDArray[np.int64]:
        """Return how many are followed up to the given months or longer."""
        position = np.searchsorted(self.times, np.asarray(months), side="left")
        return np.append(self.at_risk, 0)[position]

    def median(self) -> Figure:
        """Return the first time at which survival is one half or less, with its 95 % interval.

        The interval holds the times at which the pointwise interval holds one half (Brookmeyer and
        Crowley). All are rounded to 0.1 months.
        """
        middle = self._first_below(self.survival)
        low, high = self._first_below(self.low), self._first_below(self.high)
        if middle is None:
            return Figure(
                low=None if low is None else round(low, MONTHS_DECIMALS),
                reason="the median is not reached: the curve stays above one half",
            )
        return figure(middle, low, high, decimals=MONTHS_DECIMALS)

    def _first_below(self, curve: Floats) -> float | None:
        below = np.flatnonzero(curve <= 0.5 + _ROUNDING)
        return float(self.times[below[0]]) if below.size else None

    def _step(self, values: Floats, months: ArrayLike, start: float) -> Floats:
        position = np.searchsorted(self.times, np.asarray(months, dtype=np.float64), side="right")
        return np.concatenate(([start], values))[position]


def kaplan_meier(data: EndpointData) -> KaplanMeier:
    """Estimate the survival function.

    Raises
    ------
    NotComputable
        There is no patient with a known time and status.
    """
    if data.n == 0:
        raise NotComputable(f"no patient has a known {data.name} time and status")
    times, position = np.unique(data.time, return_inverse=True)
    leaving = np.bincount(position, minlength=len(times))
    events = np.bincount(position, weights=data.event, minlength=len(times)).astype(np.int64)
    at_risk = data.n - np.concatenate(([0], np.cumsum(leaving)[:-1]))
    survival = np.cumprod(1.0 - events / at_risk)
    low, high = _interval(survival, events, at_risk)
    return KaplanMeier(times, at_risk.astype(np.int64), events, survival, low, high)


def follow_up(data: EndpointData) -> Figure:
    """Return the median follow-up by the reverse Kaplan-Meier method, months with 95 % interval.

    Source: Shuster, J Clin Oncol 1991; Eckardt et al. 2024, methods, "Statistical analysis".
    """
    if not (~data.event).any():
        raise NotComputable("no patient is censored, so follow-up has no median")
    median = kaplan_meier(data.reversed()).median()
    if median.value is None:
        return Figure(low=median.low, reason="the median follow-up is not reached: deaths ended it earlier")
    return median


def _interval(
    survival: Floats, events: NDArray[np.int64], at_risk: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    remaining = (at_risk - events).astype(np.float64)
    terms = np.zeros_like(survival)
    np.divide(events, at_risk * remaining, out=terms, where=remaining > 0)
    spread = np.sqrt(np.cumsum(terms))
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
