"""Kaplan-Meier curves of patients: which months may be shown, and what can be read back from those shown.

Between two shown months at least `min_cell` patients leave, numbers at risk are rounded down to a multiple
of it, and survival is rounded. What an attacker then knows of the interval is bounded: with r at risk before
and r' after it, d events and c = r - r' - d censored, the ratio of survival lies between r' / (r' + d), where
all who are censored leave first, and (r - d) / r, where they leave last. A month is shown only where these
bounds, over all numbers that fit what is published, leave more than one answer to how many had the event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.survival.kaplan_meier import log_log_interval

_EPSILON = 1e-9
SURVIVAL_DECIMALS = 4  # of a curve of no patients; the rule leaves fewer of patients


@dataclass(frozen=True)
class ShownPoint:
    """A published point: survival to `decimals`, and the numbers at risk that fit what is published."""

    months: float
    survival: float
    at_risk: range


@dataclass(frozen=True)
class Bounds:
    """What is known of the time between two published points: least and most, inclusive."""

    start: float
    end: float
    leaving: tuple[int, int]
    events: tuple[int, int]
    censored: tuple[int, int]

    def determined(self, rule: DisclosureRule) -> str | None:
        """Return which small number follows, in words, or None."""
        for what, (low, high) in (
            ("patients who left", self.leaving),
            ("events", self.events),
            ("censored patients", self.censored),
        ):
            if low == high and rule.is_small(low):
                return f"{low} {what}"
        return None


def shown_months(
    months: FloatArray, at_risk: IntArray, survival: FloatArray, rule: DisclosureRule, *, n_is_shown: bool
) -> list[int]:
    """Return the places of the months to show, the first always among them.

    Parameters
    ----------
    months, at_risk, survival : at whole months, ascending, shape (m,).
    rule : when it is off, all months are shown.
    n_is_shown : whether the number of patients is published.
    """
    if not rule.on:
        return list(range(len(months)))
    kept: list[int] = []
    for place, left in enumerate(at_risk):
        if left >= rule.min_cell and (not kept or at_risk[kept[-1]] - left >= rule.min_cell):
            kept.append(place)
    n = int(at_risk[0]) if len(at_risk) else 0
    decimals = rule.decimals(n, SURVIVAL_DECIMALS)
    while True:
        points = shown_points(months, at_risk, survival, kept, decimals, rule)
        if points and n_is_shown:
            points[0] = ShownPoint(points[0].months, points[0].survival, range(n, n + 1))
        told = {b.end for b in bounds(points, decimals) if b.determined(rule)}
        if not told:
            return kept
        kept = [place for place in kept if float(months[place]) not in told]


def shown_points(
    months: FloatArray,
    at_risk: IntArray,
    survival: FloatArray,
    places: Sequence[int],
    decimals: int,
    rule: DisclosureRule,
) -> list[ShownPoint]:
    """Return the points at some places of a curve as they are published: what is audited is what is shown."""
    return [
        ShownPoint(
            float(months[place]),
            round(float(survival[place]), decimals),
            at_risk_of(rounded_down(int(at_risk[place]), rule), rule),
        )
        for place in places
    ]


def rounded_down(at_risk: int, rule: DisclosureRule) -> int:
    """Return a number at risk as it is published."""
    return at_risk if not rule.on else at_risk // rule.min_cell * rule.min_cell


def at_risk_of(published: int, rule: DisclosureRule) -> range:
    """Return the numbers at risk that are published as this one."""
    return range(published, published + max(rule.min_cell, 1))


def bounds(points: Sequence[ShownPoint], decimals: int) -> list[Bounds]:
    """Return what follows of each interval between published points, the points before and after considered.

    An interval that nothing fits (rounding of ties at whole months) is left out.
    """
    half = 0.5 * 10.0**-decimals
    spans = [(p.survival - half, p.survival + half) for p in points]
    spans[:1] = [(1.0, 1.0)]
    ratios = [_ratio(before, after) for before, after in pairwise(spans)]
    ahead: list[set[int]] = [set(points[0].at_risk)] if points else []
    for (_, after), ratio in zip(pairwise(points), ratios, strict=True):
        ahead.append({r for r in after.at_risk if any(_events(s, r, ratio) for s in ahead[-1])})
    back: list[set[int]] = [ahead[-1]] if points else []
    for reached, ratio in zip(ahead[-2::-1], ratios[::-1], strict=True):
        back.insert(0, {s for s in reached if any(_events(s, r, ratio) for r in back[0])})
    found = []
    for place, ((a, b), ratio) in enumerate(zip(pairwise(points), ratios, strict=True)):
        fitting = [
            (s - r, events)
            for s in back[place]
            for r in back[place + 1]
            if (events := _events(s, r, ratio)) is not None
        ]
        if fitting:
            found.append(
                Bounds(
                    a.months,
                    b.months,
                    _span([leaving for leaving, _ in fitting]),
                    _span([end for _, events in fitting for end in events]),
                    _span([leaving - end for leaving, events in fitting for end in events]),
                )
            )
    return found


def _span(values: list[int]) -> tuple[int, int]:
    return min(values), max(values)


def _ratio(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    """Return the least and the largest ratio of two survivals that are known within limits."""
    low = max(0.0, after[0]) / before[1]
    high = 1.0 if before[0] <= 0 else min(1.0, after[1] / before[0])
    return low, high


def _events(before: int, after: int, ratio: tuple[float, float]) -> tuple[int, int] | None:
    """Return the least and the most events between two numbers at risk, or None where nothing fits."""
    leaving = before - after
    if leaving < 0:
        return None
    most = min(leaving, math.floor(before * (1 - ratio[0]) + _EPSILON))
    if ratio[1] <= 0:
        least = leaving if after == 0 else leaving + 1
    else:
        least = max(0, math.ceil(after * (1 / ratio[1] - 1) - _EPSILON))
    return (least, most) if least <= most else None


def band(points: Sequence[ShownPoint], decimals: int) -> tuple[FloatArray, FloatArray]:
    """Return the 95 % interval of a published curve, computed from what is published and nothing else.

    Greenwood's variance on the log(-log) scale, with the numbers at risk in the middle of their ranges.
    """
    survival = np.array([point.survival for point in points])
    middle = np.array([(point.at_risk[0] + point.at_risk[-1]) / 2 for point in points])
    steps = np.zeros(len(points))
    for place in range(1, len(points)):
        ratio = survival[place] / survival[place - 1] if survival[place - 1] > 0 else 1.0
        at_risk = (middle[place] + middle[place - 1]) / 2
        steps[place] = (1 - ratio) / (ratio * at_risk) if ratio > 0 else 0.0
    low, high = log_log_interval(survival, steps)
    return np.round(low, decimals), np.round(high, decimals)
