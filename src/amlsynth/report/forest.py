"""Forest plots: the effect of each marker in the original and in the other cohorts, with its numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from amlsynth.evaluation.records import CohortSummary, Effect
from amlsynth.foundation.text import listing
from amlsynth.report.context import Context, ties_words
from amlsynth.report.drawing import (
    FAINT,
    HOLDOUT,
    INK,
    MUTED,
    WIDTH,
    Interval,
    LegendLayout,
    Style,
    both,
    draw_intervals,
    drawing,
    legend_layout,
    styles,
)
from amlsynth.report.effects import main_subjects, subject_label, subjects
from amlsynth.report.text import escape, image, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

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
    layout = legend_layout([cohort.label for cohort in cohorts], width, 3 if wide else 1)
    band, head = row * len(names), 0.12 + layout.height
    stacked = 1 if wide else len(panels)
    part = band + _FOOT + 0.2
    height = head + part * stacked
    left = (1.85 if wide else 1.32) / width
    written = [textwrap.fill(label, 30 if wide else 19) for label in labels]
    with drawing(path, width, height) as figure:
        across = (1 - left - 0.1 / width) / (len(panels) if wide else 1)
        for place, panel in enumerate(panels):
            x = left + across * place if wide else left
            top = head + 0.2 + (0 if wide else part * place)
            axes = figure.add_axes((x, 1 - (top + band) / height, across - 0.1 / width, band / height))
            _rows(axes, panel, names, drawn, limits)
            axes.set_title(panel.endpoint, fontsize=9, loc="left", fontweight="bold")
            axes.set_yticks([place + 0.5 for place in range(len(names))])
            axes.set_yticklabels(written if not wide or place == 0 else [""] * len(names), fontsize=8)
            _axis(axes, panel, limits, sparse=True)
        _legend(figure, drawn, layout)


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
    layout = legend_layout([cohort.label for cohort in cohorts], width, 3 if wide else 1)
    band, head = row * len(names), 0.02 + layout.height
    height = head + band + _FOOT
    left, right = (2.0 / width, 1.3 / width) if wide else (0.08 / width, 1.2 / width)
    with drawing(path, width, height) as figure:
        axes = figure.add_axes((left, _FOOT / height, 1 - left - right, band / height))
        lift = 0.0 if wide else 0.15 / row  # on phones the marker stands above its lines
        _rows(axes, panel, names, drawn, limits, lift=lift, numbers=True)
        if wide:
            written = [textwrap.fill(label, 34) for label in labels]
            axes.set_yticks([place + 0.5 for place in range(len(names))], written, fontsize=8.5)
        else:
            axes.set_yticks([])
            for place, label in enumerate(labels):
                axes.text(
                    0.0, place + 0.13, label, transform=axes.get_yaxis_transform(), fontsize=8, va="center"
                )
        _axis(axes, panel, limits, sparse=not wide)
        _legend(figure, drawn, layout)


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
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(len(names), 0)
    for row in range(0, len(names), 2):
        axes.axhspan(row, row + 1, color=FAINT, alpha=0.35, linewidth=0)
    axes.axvline(1, color=MUTED, linewidth=0.9, zorder=1)
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
                axes.text(
                    1.02, y, _in_numbers(effect), transform=axes.get_yaxis_transform(), fontsize=6.8,
                    va="center",
                    color=INK if known else MUTED,
                )  # fmt: skip
        widths = (1.2, 0.8, 1.4)
        draw_intervals(axes, intervals, style, line=style.line, widths=widths, size=14, holdout_size=40)


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
    axes.set_xticks(ticks, [f"1/{round(1 / t)}" if t < 1 else f"{t:.0f}" for t in ticks], fontsize=8)
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{panel.kind.capitalize()}\n← fewer   {panel.more}   more →", fontsize=8)


def _legend(figure: object, drawn: Sequence[tuple[CohortSummary, Style]], layout: LegendLayout) -> None:
    figure.legend(  # type: ignore[attr-defined]
        [_handle(style) for _, style in drawn], layout.labels, loc="upper left",
        ncols=layout.columns, fontsize=8.5, handletextpad=0.3, columnspacing=1.4, borderaxespad=0.2,
        labelspacing=0.2,
    )  # fmt: skip


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
            axes.scatter(
                [end], [y], marker=marker, color=style.colour, s=14, linewidth=0, clip_on=False, zorder=3
            )


def _handle(style: Style) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle=style.line,  # type: ignore[arg-type]  # which its stubs do not know
        linewidth=1.3, marker=style.marker, color=style.colour,
        markersize=9 if style is HOLDOUT else 5, markeredgewidth=1.6 if style is HOLDOUT else 0.8,
    )  # fmt: skip


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
