"""Times that many patients share exactly, such as the end of follow-up at 60 months, and how they stay so.

Trials cut follow-up at 24 or 60 months, count a refractory disease as an event on day 1, and have deaths on
day 0. Generators that see continuous times, most of them as logarithms, smear such mass points out. So before
a fit each mass point is spread over an interval of its own, for which later times make room by a factor;
after sampling, whatever lies in the interval is put back on the point. A generator need not know of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from amlsynth.cohort.tables import TIME_DECIMALS
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.model_space.encoding import PATTERNS, Encoded

_SHARE = 0.02  # of the patients, from which a time counts as a mass point
_STANDS_OUT = 5.0  # times as frequent as its neighbours
_NEIGHBOURS = 10  # distinct times on either side that a time is compared with
_FEWEST_DISTINCT = 5  # of which any could stand out
_NARROWEST = 0.05  # width of an interval, on the log scale; else it is the share of patients on the point
# Generators that draw the gap between the endpoints as a share of the time hit the first endpoint's time only
# roughly, so that its points have an interval that is wide enough to be hit.
_WIDE = 3.0
_MIDDLE = (0.4, 0.6)  # of a wide interval, where its patients are put
_INSIDE = (0.02, 0.98)  # of a narrow one
_BEFORE = [code for code, pattern in enumerate(PATTERNS) if pattern.times == "before"]


@dataclass(frozen=True)
class MassPoints:
    """Mass points in time, of all endpoints together, since their times are compared.

    Attributes
    ----------
    times : months, ascending, shape (k,); the first may be 0.
    widths : of the interval of each, on the log scale; shape (k,).
    wide : which intervals are filled in the middle only; shape (k,).
    step : months in which times are recorded.
    first, last : whether no patient's time lies before the first or beyond the last point.

    Examples
    --------
    >>> points = MassPoints(np.array([60.0]), np.array([0.5]), np.array([False]), 0.01, False, True)
    >>> points.collapsed(np.array([59.0, 60.0, 80.0, 98.0])).tolist()
    [59.0, 60.0, 60.0, 60.0]
    """

    times: FloatArray
    widths: FloatArray
    wide: BoolArray
    step: float
    first: bool
    last: bool

    @classmethod
    def none(cls) -> Self:
        """Return no mass points: times stay as they are."""
        nothing = np.empty(0)
        return cls(nothing, nothing, nothing.astype(bool), 1.0, False, False)

    @classmethod
    def of(cls, encoded: Encoded, step: float, few: int | None, rng: np.random.Generator) -> Self:
        """Find the mass points of a cohort.

        Parameters
        ----------
        step : months in which times are recorded.
        few : patients who decide nothing: what counts as a point is drawn around it, so that no single
            patient tips the scale; None where any number of patients may decide, also one with a time of 0.
        """
        outer, inner = _times(encoded)
        outer, inner = outer[~np.isnan(outer)], inner[np.isin(encoded.pattern, _BEFORE)]
        threshold, share, least = 1, _SHARE, 1
        if few is not None:
            few = min(few, max(2, len(encoded) // 20))
            threshold = int(rng.integers((few + 1) // 2, few + few // 2 + 1))
            share *= rng.uniform(0.75, 1.25)
            least = threshold
        enough = max(threshold, int(np.ceil(share * len(encoded))))
        at = {**_standing_out(outer, enough), **_standing_out(inner, enough)}
        every = np.concatenate((outer, inner))
        if (every == 0).sum() >= least:
            at[0.0] = int((every == 0).sum())
        if not at:
            return cls.none()
        times = np.array(sorted(at))
        wide = np.array([(inner == time).sum() >= threshold for time in times])
        shares = np.array([at[time] for time in times.tolist()]) / len(encoded)
        return cls(
            times,
            np.where(wide, _WIDE, np.maximum(shares, _NARROWEST)),
            wide,
            step,
            bool((every < times[0]).sum() < least),
            bool((every > times[-1]).sum() < least),
        )

    def __len__(self) -> int:
        return len(self.times)

    @property
    def has_zero(self) -> bool:
        """Whether times of 0 stay 0."""
        return bool(len(self) and self.times[0] == 0)

    def at(self, time: FloatArray) -> BoolArray:
        """Return which times are mass points, shape (n,)."""
        return np.isin(np.round(time, TIME_DECIMALS), np.round(self.times, TIME_DECIMALS))

    def end_of_others(self, longest: float) -> float:
        """Return the longest time that is no mass point: just below the last one where nothing is beyond."""
        return float(self.times[-1] - self.step) if self.last else longest

    def spread(self, encoded: Encoded, rng: np.random.Generator) -> Encoded:
        """Return the cohort on the scale on which every mass point has an interval, filled at random."""
        if not len(self):
            return encoded
        place, has_gap = rng.random(len(encoded)), np.isin(encoded.pattern, _BEFORE)
        time, inner = (self._spread(months, place) for months in _times(encoded))
        # Two times before the first point, or beyond the last one, may change their order there.
        gap = np.where(has_gap, np.maximum(time - inner, self.step), 0.0)
        return replace(encoded, time=np.maximum(time, gap + self.step * has_gap / 2), gap=gap)

    def collapse(self, encoded: Encoded) -> Encoded:
        """Return the cohort in months: the inverse of `spread`, for whatever a generator emits."""
        if not len(self):
            return encoded
        time, inner = self.collapsed(encoded.time), self.collapsed(encoded.time - encoded.gap)
        return replace(encoded, time=time, gap=np.maximum(time - inner, 0.0))

    def collapsed(self, spread: FloatArray) -> FloatArray:
        """Return the months of times on the spread scale, shape (n,); NaN stays NaN."""
        starts, ends, factors = self._intervals
        place = np.searchsorted(starts, spread, side="right") - 1
        known = np.clip(place, 0, len(self) - 1)
        inside = (place >= 0) & (spread <= ends[known])
        if self.last:
            inside |= spread > starts[-1]
        if self.first:
            inside |= spread < ends[0]
        months = spread / np.where(place >= 0, factors[known], 1.0)
        collapsed: FloatArray = np.where(inside, self.times[known], months)
        return collapsed

    def _spread(self, time: FloatArray, place: FloatArray) -> FloatArray:
        starts, _, factors = self._intervals
        before = np.searchsorted(self.times, time, side="left") - 1  # the last point before a time
        on = self.at(time)
        at = on.copy()
        if self.first:
            at |= time < self.times[0]
        if self.last:
            at |= time > self.times[-1]
        point = np.clip(np.where(on | (before < 0), before + 1, before), 0, len(self) - 1)
        low, high = np.where(self.wide[point], *np.array([_MIDDLE, _INSIDE])[:, :, None])
        inside = starts[point] * np.exp(self.widths[point] * (low + (high - low) * place))
        outside = time * np.where(before >= 0, factors[np.clip(before, 0, None)], 1.0)
        spread: FloatArray = np.where(at, inside, outside)
        return spread

    @property
    def _intervals(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where the intervals begin and end, and the factor of the times between each and the next."""
        factors = np.exp(np.cumsum(self.widths))
        # Logarithms begin above 0: just below a step, which is the shortest other time.
        starts = np.where(self.times == 0, 0.95 * self.step, self.times) * np.append(1.0, factors[:-1])
        return starts, starts * np.exp(self.widths), factors


def _times(encoded: Encoded) -> tuple[FloatArray, FloatArray]:
    """Return the times of both endpoints, shapes (n,); differences are not exact, so they are rounded."""
    outer: FloatArray = np.round(encoded.time, TIME_DECIMALS)
    inner: FloatArray = np.round(encoded.time - encoded.gap, TIME_DECIMALS)
    return outer, inner


def _standing_out(time: FloatArray, enough: int) -> dict[float, int]:
    """Return the times that so many patients have, and far more than have the times next to it."""
    distinct, counts = np.unique(time, return_counts=True)
    if len(distinct) < _FEWEST_DISTINCT:
        return {}
    found = {}
    for place in np.flatnonzero(counts >= enough).tolist():
        around = slice(max(0, place - _NEIGHBOURS), place + _NEIGHBOURS + 1)
        neighbours = np.delete(counts[around], place - max(0, place - _NEIGHBOURS))
        if counts[place] >= _STANDS_OUT * np.median(neighbours):
            found[float(distinct[place])] = int(counts[place])
    return found
