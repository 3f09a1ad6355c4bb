"""Forest plots: the effect of each marker in the original and in the other cohorts, with its numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from amlsynth.evaluation.records import CohortSummary, Effect
from amlsynth.foundation.text import listing
from amlsynth.report.context import Context, ties_words
from amlsynth.report.drawing import FAINT, INK, MUTED, WIDTH, Interval, Style, both, styles
from amlsynth.report.effects import main_subjects, subject_label, subjects
from amlsynth.report.svg import INCH, Axes, Svg, legend, pen, room_for
from amlsynth.report.text import escape, image, number

_LONGEST, _SHORTEST = 16.0, 1 / 16.0  # ratios beyond are cut off, with an arrow
_TICKS = (1 / 16, 1 / 8, 0.25, 0.5, 1, 2, 4, 8, 16)
_FOOT = 0.72  # inches below the axes
_MOST = 18  # markers of one figure, which has to fit a page
_OFF = 2.0  # a ratio of ratios from which on an effect is called far from the original's in the text

Which = Literal["main", "other"]


@dataclass(frozen=True)
class Panel:
    """The effects on one outcome: what is drawn beside one axis."""

    endpoint: str
    kind: str  # "hazard ratio"
    more: str  # of what a ratio above one means more
    found: dict[tuple[str, str], Effect]  # by subject and cohort


def overview_figure(context: Context, folder: Path) -> str:
    """Draw the effects of the main markers on every outcome side by side; "" when there are none.

    On phones each outcome has a part of its own, under one another.
    """
    names = [
        s
        for s in main_subjects(context.dictionary)
        if any(s in subjects(context, n) for n in context.outcomes)
    ]
    panels = [panel for name in context.outcomes if (panel := _panel(context, name, names)) is not None]
    if not panels or not names:
        return ""
    labels = [subject_label(context, name) for name in names]
    draw = partial(_draw_overview, panels=panels, names=names, labels=labels, cohorts=context.cohorts)
    wide, narrow = both(draw, folder, "effects")
    outcomes = listing([f"{panel.kind}s for {panel.endpoint}" for panel in panels])
    caption = (
        f"Univariable {escape(outcomes)} with 95 % intervals, log scale. An arrow: the interval goes on. No "
        "symbol: the cohort has no estimate"
    ) + (
        "."
        if context.withheld
        else ", or too few patients of the original are in a cell. The numbers are in the appendix."
    )
    return image(wide, caption, "fig-effects", " ".join(_finding(context, p, names) for p in panels), narrow)


def forest_figures(context: Context, endpoint: str, which: Which, folder: Path) -> str:
    """Draw univariable effects on one endpoint with 95 % intervals and numbers; "" when there are none.

    `which` takes the numbers, risk and markers that the dictionary names, or the others, in figures that fit
    a page.
    """
    main = main_subjects(context.dictionary)
    names = [s for s in subjects(context, endpoint) if (s in main) == (which == "main")]
    parts = -(-len(names) // _MOST)
    size = -(-len(names) // max(parts, 1))
    figures = [
        _figure(context, endpoint, which, names[size * part : size * (part + 1)], part, folder)
        for part in range(parts)
    ]
    return "\n".join(filter(None, figures))


def _figure(
    context: Context, endpoint: str, which: Which, names: Sequence[str], part: int, folder: Path
) -> str:
    panel = _panel(context, endpoint, names)
    if panel is None:
        return ""
    name = f"forest-{endpoint.lower()}-{which}" + (f"-{part + 1}" if part else "")
    labels = [subject_label(context, subject) for subject in names]
    draw = partial(_draw_one, panel=panel, names=names, labels=labels, cohorts=context.cohorts)
    wide, narrow = both(draw, folder, name)
    what = escape(_main_words(context)) if which == "main" else "further markers"
    caption = (
        f"Univariable {escape(panel.kind)}s for {endpoint}{ties_words(context, panel.kind)}: {what}; 95 % "
        "intervals, log scale. An arrow: the interval goes on."
    )
    alt = f"{_finding(context, panel, names)} " + " ".join(
        _describe(context, subject, [panel.found.get((subject, cohort.key)) for cohort in context.cohorts])
        for subject in names
    )
    return image(wide, caption, f"fig-{name}", alt, narrow)


def _panel(context: Context, endpoint: str, names: Sequence[str]) -> Panel | None:
    found = {(e.subject, e.cohort): e for e in context.effects(endpoint, "univariable") if e.subject in names}
    if not any(e.effect.value is not None for e in found.values()):
        return None
    kind = next(iter(found.values())).effect_name
    response = context.response
    more = "responses" if response is not None and endpoint == response.name else "events"
    return Panel(endpoint, kind, more, found)


def _draw_overview(
    path: Path,
    width: float,
    *,
    panels: Sequence[Panel],
    names: Sequence[str],
    labels: Sequence[str],
    cohorts: Sequence[CohortSummary],
) -> None:
    drawn = list(zip(cohorts, styles(cohorts), strict=True))
    limits = _limits([effect for panel in panels for effect in panel.found.values()])
    wide = width == WIDTH
    row = (0.085 if wide else 0.1) * (len(cohorts) + 1)
    band, head = row * len(names), 0.42 + 0.2 * ((len(cohorts) - 1) // (3 if wide else 1))
    stacked = 1 if wide else len(panels)
    part = band + _FOOT + 0.2
    height = head + part * stacked
    written = list(labels) if wide else [textwrap.fill(label, 19) for label in labels]
    left = room_for(written, 8, width)
    with pen(path, width, height) as svg:
        across = (width - left - 0.1) / (len(panels) if wide else 1)
        for place, panel in enumerate(panels):
            x = left + across * place if wide else left
            top = head + 0.2 + (0 if wide else part * place)
            axes = Axes(svg, x, top, across - 0.1, band, limits, (0, len(names)), math.log)
            _rows(axes, panel, names, drawn, limits)
            svg.text(INCH * x, INCH * top - 9, panel.endpoint, 9, INK, bold=True)
            if not wide or place == 0:
                axes.names([(row + 0.5, label) for row, label in enumerate(written)], 8)
            _axis(axes, panel, limits, sparse=True)
        _legend(svg, drawn, 3 if wide else 1)


def _draw_one(
    path: Path,
    width: float,
    *,
    panel: Panel,
    names: Sequence[str],
    labels: Sequence[str],
    cohorts: Sequence[CohortSummary],
) -> None:
    drawn = list(zip(cohorts, styles(cohorts), strict=True))
    limits = _limits(list(panel.found.values()))
    wide = width == WIDTH
    line = 0.128
    row = line * len(cohorts) + (0.07 if wide else 0.2)
    band, head = row * len(names), 0.32 + 0.2 * ((len(cohorts) - 1) // (3 if wide else 1))
    height = head + band + _FOOT
    left, right = (room_for(labels, 8.5, width), 1.3) if wide else (0.08, 1.2)
    with pen(path, width, height) as svg:
        axes = Axes(svg, left, head, width - left - right, band, limits, (0, len(names)), math.log)
        lift = 0.0 if wide else 0.15 / row  # on phones the marker stands above its lines
        _rows(axes, panel, names, drawn, limits, lift=lift, numbers=True)
        if wide:
            axes.names([(place + 0.5, label) for place, label in enumerate(labels)], 8.5)
        else:
            for place, label in enumerate(labels):
                svg.text(INCH * left, axes.down(place + 0.13), label, 8, INK)
        _axis(axes, panel, limits, sparse=not wide)
        _legend(svg, drawn, 3 if wide else 1)


def _rows(
    axes: Axes,
    panel: Panel,
    names: Sequence[str],
    drawn: Sequence[tuple[CohortSummary, Style]],
    limits: tuple[float, float],
    *,
    lift: float = 0.0,
    numbers: bool = False,
) -> None:
    left, right, low = (INCH * place for place in (axes.left, axes.left + axes.width, axes.top + axes.height))
    for row in range(0, len(names), 2):
        y = axes.down(row)
        axes.svg.rect(left, y, right - left, axes.down(row + 1) - y, FAINT, opacity=0.35)
    axes.svg.segments([(axes.across(1), INCH * axes.top, axes.across(1), low)], MUTED, 0.9)
    for place, (cohort, style) in enumerate(drawn):
        intervals: list[Interval] = []
        for row, subject in enumerate(names):
            effect = panel.found.get((subject, cohort.key))
            y = row + lift + (1 - lift) * (place + 0.75) / (len(drawn) + 0.5)
            known = effect is not None and effect.effect.value is not None
            if effect is not None and known:
                intervals.append(_interval(effect, y, limits))
                _arrows(axes, effect, y, style, limits)
            if numbers:
                colour = INK if known else MUTED
                axes.svg.text(right + 0.08 * INCH, axes.down(y), _in_numbers(effect), 6.8, colour)
        axes.intervals(intervals, style, line=style.line, widths=(1.2, 0.8), areas=(14, 40), stroke=1.4)


def _in_numbers(effect: Effect | None) -> str:
    if effect is None or effect.effect.value is None:
        return "not shown"
    ends = [end for end in (effect.effect.low, effect.effect.high) if end is not None]
    span = f" ({number(ends[0], 2)}–{number(ends[1], 2)})" if len(ends) == 2 else ""
    return f"{number(effect.effect.value, 2)}{span}"


def _axis(axes: Axes, panel: Panel, limits: tuple[float, float], *, sparse: bool) -> None:
    ticks = [tick for tick in _TICKS if limits[0] <= tick <= limits[1]]
    if sparse:  # the outermost of two axes side by side would run into one another
        ticks = [t for t in ticks if round(math.log2(t)) % 2 == 0 and limits[0] < t < limits[1]]
    named = [(t, f"1/{round(1 / t)}" if t < 1 else f"{t:.0f}") for t in ticks]
    axes.floor(named, 8, f"{panel.kind.capitalize()}\n← fewer   {panel.more}   more →")


def _legend(svg: Svg, drawn: Sequence[tuple[CohortSummary, Style]], columns: int) -> None:
    entries = [(style, cohort.label) for cohort, style in drawn]
    legend(svg, entries, 8.5, columns=columns, line=1.3, area=20)


def _main_words(context: Context) -> str:
    d = context.dictionary
    numbers = [d[entry.variable].label.lower() for entry in d.roles.effect_numbers]
    risk = [d.roles.classification.label] if d.roles.classification else []
    return listing([*numbers, *risk, "the main markers"])


def _limits(effects: Sequence[Effect]) -> tuple[float, float]:
    ends = [
        end
        for e in effects
        for end in (e.effect.low, e.effect.high, e.effect.value)
        if e.effect.value is not None and end is not None and end > 0
    ]
    low = max(_SHORTEST, min([*ends, 0.5]))
    high = min(_LONGEST, max([*ends, 2.0]))
    return 2.0 ** math.floor(math.log2(low)), 2.0 ** math.ceil(math.log2(high))


def _interval(effect: Effect, y: float, limits: tuple[float, float]) -> Interval:
    value = effect.effect.value
    low, high = _ends(effect, limits)
    inside = value is not None and limits[0] <= value <= limits[1]
    return Interval(y, max(low, limits[0]), min(high, limits[1]), value if inside else None)


def _ends(effect: Effect, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an interval; those of the axis where it has none."""
    low, high = effect.effect.low, effect.effect.high
    return limits[0] if low is None else low, limits[1] if high is None else high


def _arrows(axes: Axes, effect: Effect, y: float, style: Style, limits: tuple[float, float]) -> None:
    low, high = _ends(effect, limits)
    for end, cut, marker in ((limits[0], low < limits[0], "<"), (limits[1], high > limits[1], ">")):
        if cut:
            axes.svg.symbols([(axes.across(end), axes.down(y))], marker, style.colour, 14, 0)


def _finding(context: Context, panel: Panel, names: Sequence[str]) -> str:
    """Say what the figure shows: how many effects keep their direction, and which are far off."""
    parts = []
    for cohort in context.evaluation.synthetics:
        pairs = []
        for name in names:
            ours, theirs = panel.found.get((name, "original")), panel.found.get((name, cohort.key))
            if ours and theirs and ours.effect.value and theirs.effect.value:
                pairs.append((name, ours.effect.value, theirs.effect.value))
        if not pairs:
            continue
        same = sum((ours > 1) == (theirs > 1) for _, ours, theirs in pairs)
        far = [
            subject_label(context, name)
            for name, ours, theirs in pairs
            if max(ours / theirs, theirs / ours) > _OFF
        ]
        apart = f"; more than {_OFF:g} times apart: {listing(far)}" if far else ""
        parts.append(f"{cohort.label}: {same} of {len(pairs)} point the same way as in the original{apart}.")
    return " ".join([f"Forest plot of {panel.kind}s for {panel.endpoint}.", *parts])


def _describe(context: Context, name: str, effects: Sequence[Effect | None]) -> str:
    parts = []
    for cohort, effect in zip(context.cohorts, effects, strict=True):
        value = effect.effect.value if effect is not None else None
        parts.append(f"{cohort.label} {'not shown' if value is None else f'{value:.2f}'}")
    return f"{subject_label(context, name)}: {', '.join(parts)}."
