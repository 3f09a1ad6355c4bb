"""How strong a signal a measure gives: none, weak, clear or undecided, told by intervals.

A measure is held against the figure that means "no effect": one half for a guess, 0 for a difference or a
risk, the original's own figure, or else that of real patients whom no generator saw. The difference has a 95
% interval by the method of variance estimates recovery (Zou and Donner, Statistics in Medicine 2008), from
the intervals of both. The limit from which on an effect matters is that of the gates, where they have one;
else, where the original's own figure is what counts, half the width of the hold-out's interval to either
side, which is as near as another real sample could be told to be; else the middle between no effect and the
anchor that is bad on purpose.

none       the interval covers "no effect" and keeps the limit
weak       it does not cover "no effect", and the figure keeps the limit
clear      it does not cover "no effect", and the figure is beyond the limit
undecided  it covers "no effect" and a matter beyond the limit alike, or there is no interval
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from amlsynth.evaluation.privacy.attacks.rates import FALSE_POSITIVES
from amlsynth.evaluation.records import Figure, Measure
from amlsynth.gates.verdict import GateReport, GateResult

Signal = Literal["none", "weak", "clear", "undecided"]
Side = Literal["low", "high", ""]  # where the figure stands from "no effect"
_GUESSING = {"_auc": 0.5, "_tpr": FALSE_POSITIVES, "_risk": 0.0, "dcr_share_weighted": 0.5}
_BREACH = 1e9  # a breach of what must not be stands before every matter of degree


@dataclass(frozen=True)
class Graded:
    """The signal of a measure for one cohort.

    signal : how strong it is.
    side : whether the figure is lower or higher than "no effect".
    against : the figure that means "no effect".
    difference : of the figure and `against`, with its 95 % interval.
    strength : the difference as a share of the way to the limit; for the order of alarms alone.
    why : why nothing can be told, where nothing can.
    """

    signal: Signal
    side: Side = ""
    against: Figure | None = None
    difference: Figure | None = None
    strength: float = 0.0
    why: str = ""


def grade(measure: Measure, key: str, gates: GateReport | None = None) -> Graded:
    """Grade the figure of the cohort `key`, within the limits of gates where there are any."""
    figure, against = measure.figures[key], no_effect(measure)
    if figure.value is None:
        return Graded("undecided", why=figure.reason or "there is no figure")
    if against is None or against.value is None:
        return Graded("undecided", why="there is nothing to hold it against")
    if _is_count(measure, against, gates):
        return _graded_count(figure.value, against)
    if figure.low is None and figure.high is None:
        return Graded("undecided", _side(figure.value - against.value), against, why="it has no interval")
    difference = subtract(figure, against)
    low, high = _limits(measure, against, gates)
    return _judge(measure, figure, against, difference, low, high)


def no_effect(measure: Measure) -> Figure | None:
    """Return the figure of a measure that means that there is nothing to find; None where none is known."""
    exact = {"half": 0.5, "zero": 0.0}.get(measure.better)
    if exact is None and measure.aspect == "privacy":
        exact = next((value for end, value in _GUESSING.items() if measure.id.endswith(end)), None)
    if exact is not None:
        return Figure(value=exact)
    if measure.better == "original":
        return measure.original
    return None if measure.better == "none" else measure.anchors.get("holdout")


def subtract(figure: Figure, other: Figure) -> Figure:
    """Return the difference of two independent figures with its 95 % interval; an open end stays open."""
    assert figure.value is not None and other.value is not None
    value = figure.value - other.value
    below = _distance(figure.low, figure.value), _distance(other.high, other.value, exact=_exact(other))
    above = _distance(figure.high, figure.value), _distance(other.low, other.value, exact=_exact(other))
    return Figure(
        value=value,
        low=None if None in below else value - math.hypot(*(part or 0.0 for part in below)),
        high=None if None in above else value + math.hypot(*(part or 0.0 for part in above)),
    )


def _exact(figure: Figure) -> bool:
    return figure.low is None and figure.high is None


def _distance(end: float | None, value: float, *, exact: bool = False) -> float | None:
    return 0.0 if exact else None if end is None else abs(value - end)


def _is_count(measure: Measure, against: Figure, gates: GateReport | None) -> bool:
    """Whether a figure is a count of what must not be, which needs no interval: one is too many."""
    if any(g.measure == measure.id and g.comparison == "equals" for g in (gates.gates if gates else ())):
        return True
    figures = (*measure.figures.values(), *measure.anchors.values())
    whole = all(f.value is None or f.value == round(f.value) for f in figures)
    return measure.better == "zero" and bool(measure.unit) and whole and against.value == 0


def _graded_count(value: float, against: Figure) -> Graded:
    difference = Figure(value=value)
    return Graded("clear" if value else "none", _side(value), against, difference, _BREACH if value else 0.0)


def _judge(
    measure: Measure,
    figure: Figure,
    against: Figure,
    difference: Figure,
    low: float | None,
    high: float | None,
) -> Graded:
    assert figure.value is not None and difference.value is not None
    harmful = {"higher": ("low",), "lower": ("high",)}.get(measure.better, ("low", "high"))
    side = _side(difference.value)
    apart = (difference.low is not None and difference.low > 0) or (
        difference.high is not None and difference.high < 0
    )
    limit = high if side == "high" else low
    way = None if limit is None else abs(limit - (figure.value - difference.value))
    strength = abs(difference.value) / max(way or _width(difference) / 2, 1e-12)
    if side not in harmful:
        apart = False  # better than "no effect" is no harm
    beyond = (low is not None and figure.value < low) or (high is not None and figure.value > high)
    if apart:
        return Graded("clear" if beyond else "weak", side, against, difference, strength)
    reaches = ("low" in harmful and _reaches(figure.low, low, -1)) or (
        "high" in harmful and _reaches(figure.high, high, 1)
    )
    if low is None and high is None:
        return Graded(
            "undecided", side, against, difference, strength, "there is no limit to hold it against"
        )
    if reaches:
        return Graded("undecided", side, against, difference, strength, "too few patients to tell")
    return Graded("none", side, against, difference, strength)


def _reaches(end: float | None, limit: float | None, sign: int) -> bool:
    """Whether an end of an interval lies beyond a limit; an open end lies beyond every limit."""
    return limit is not None and (end is None or sign * (end - limit) > 0)


def _width(figure: Figure) -> float:
    assert figure.value is not None
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    return high - low


def _side(difference: float) -> Side:
    return "high" if difference > 0 else "low" if difference < 0 else ""


def _limits(measure: Measure, against: Figure, gates: GateReport | None) -> tuple[float | None, float | None]:
    """Return the limits of a measure on either side; None where nothing says one."""
    found = [_limit(gate, measure) for gate in (gates.gates if gates else ()) if gate.measure == measure.id]
    lows = [low for low, _ in found if low is not None]
    highs = [high for _, high in found if high is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None or high is not None:
        return low, high
    assert against.value is not None
    bad = measure.anchors.get("bootstrap" if measure.aspect == "privacy" else "independent")
    if measure.better == "original" and measure.aspect != "privacy":
        real = measure.anchors.get("holdout")
        half = _half(real) or _half(against)
        return (None, None) if half is None else (against.value - half[0], against.value + half[1])
    if bad is None or bad.value is None:
        return None, None
    reach = abs(bad.value - against.value) / 2
    return against.value - reach, against.value + reach


def _half(figure: Figure | None) -> tuple[float, float] | None:
    """Return how far an interval reaches to either side; None where it is not known on both."""
    if figure is None or figure.value is None or figure.low is None or figure.high is None:
        return None
    return figure.value - figure.low, figure.high - figure.value


def _limit(gate: GateResult, measure: Measure) -> tuple[float | None, float | None]:
    if (
        gate.threshold is None
    ):  # within the original's interval: a rule for the point, which no interval keeps
        return None, None
    if gate.comparison == "at_least_share_of_holdout":
        real = measure.anchors.get("holdout")
        return (None if real is None or real.value is None else gate.threshold * real.value), None
    low = gate.threshold if gate.comparison in ("at_least", "equals") else None
    high = gate.threshold if gate.comparison not in ("at_least",) else None
    return low, high


def worst_first(graded: Iterable[tuple[Measure, Graded]]) -> list[tuple[Measure, Graded]]:
    """Return graded measures, the clear signals first, and among equals those nearest beyond a limit."""
    order = {"clear": 0, "weak": 1, "undecided": 2, "none": 3}
    return sorted(graded, key=lambda pair: (order[pair[1].signal], -pair[1].strength))
