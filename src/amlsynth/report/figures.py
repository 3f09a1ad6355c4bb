"""The figures: frequencies of alterations, scores beside their anchors.

Each function writes SVG files, for wide and for narrow pages, and returns the Markdown that shows them, with
a caption and a text for readers who cannot see them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlsynth.dictionary.model import Group
from amlsynth.evaluation.records import CohortSummary, Figure, Measure, VariableSummary
from amlsynth.foundation.text import listing
from amlsynth.report.anchors import ANCHORS
from amlsynth.report.context import Context
from amlsynth.report.drawing import (
    BOOTSTRAP,
    FAINT,
    HOLDOUT,
    INDEPENDENT,
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
from amlsynth.report.tables import PRESENT
from amlsynth.report.text import find, image, is_rounded
from amlsynth.statistics.proportions import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# Families of scores between 0 and 1; one that names none is shown too.
SCORES = ("", "fidelity", "two samples", "support", "survival")
_ANCHOR_STYLES: dict[str, Style] = {"holdout": HOLDOUT, "independent": INDEPENDENT, "bootstrap": BOOTSTRAP}


@dataclass(frozen=True)
class Entry:
    """A line of the figure: an alteration with its shares, or the head of a panel, which has none."""

    label: str
    shares: tuple[Figure | None, ...] = ()


def alteration_figure(context: Context, folder: Path) -> str:
    """Draw the share of carriers of every alteration with its interval: figure 1 of the paper, all panels."""
    groups = [group for group in context.dictionary.groups if group.panel]
    entries = [entry for group in groups for entry in _entries(context, group)]
    members = [entry for entry in entries if entry.shares]
    if not members:
        return "The dictionary has no panels of alterations.\n"
    draw = partial(_draw_alterations, entries=entries, cohorts=context.cohorts)
    wide, narrow = both(draw, folder, "alterations")
    caption = (
        "Share of patients with each alteration, of those in whom it was assessed, with Wilson's 95 % "
        "interval; square root scale. No symbol: not shown or not assessed."
    )
    alt = f"Dot plot of the percent of patients with each alteration. {_far(context, members)} " + " ".join(
        _describe_alteration(entry, context.cohorts) for entry in members
    )
    return image(wide, caption, "fig-alterations", alt, narrow)


def anchor_figure(context: Context, folder: Path) -> str:
    """Draw the scores for which higher is better beside their anchors; "" when there is none."""
    chosen = [
        m
        for m in context.evaluation.measures
        if m.better == "higher" and m.group in SCORES and any(f.value is not None for f in m.figures.values())
    ]
    if not chosen:
        return ""
    series = _series(context)
    wide, narrow = both(partial(_draw_anchors, chosen=chosen, series=series), folder, "anchors")
    caption = (
        "Scores beside their anchors. A score is worth something only where independent columns stay clearly "
        "behind the hold-out."
    )
    alt = "Dot plot of scores. " + " ".join(_describe_measure(measure, series) for measure in chosen)
    return image(wide, caption, "fig-anchors", alt, narrow)


def _entries(context: Context, group: Group) -> list[Entry]:
    found = [Entry(f"{group.panel}  {group.label}")]
    for variable in context.dictionary.members(group.id):
        shares = [_share(cohort.variable(variable.name)) for cohort in context.cohorts]
        found.append(Entry(variable.label, tuple(shares)))
    return found


def _share(summary: VariableSummary) -> Figure | None:
    """Return the share of carriers in percent with its interval; None where it is held back or too coarse."""
    entry = find(summary.counts, PRESENT)
    if entry is None or entry.share is None or is_rounded(summary.counts):
        return None
    known = summary.n - (summary.missing or 0)
    if known <= 0:
        return None
    low, high = wilson_interval(entry.share, known)
    return Figure(value=100 * entry.share, low=100 * low, high=100 * high)


def _draw_alterations(
    path: Path, width: float, *, entries: Sequence[Entry], cohorts: Sequence[CohortSummary]
) -> None:
    wide = width == WIDTH
    halves = _halves(entries) if wide else [entries]
    row, foot = (0.2 if wide else 0.24), 0.55
    layout = legend_layout([cohort.label for cohort in cohorts], width, 3 if wide else 1)
    head = layout.height
    height = head + row * max(map(len, halves)) + foot
    largest = max((f.high or 0.0 for e in entries for f in e.shares if f is not None), default=1.0)
    with drawing(path, width, height) as figure:
        for place, half in enumerate(halves):
            left = (0.165 if wide else 0.4) + 0.495 * place
            band = row * len(half)
            across = 0.33 if wide else 0.57
            axes = figure.add_axes((left, 1 - (head + band) / height, across, band / height))
            _alteration_axis(axes, half, cohorts, largest)
        _cohort_legend(figure, cohorts, layout)


def _halves(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Split between two panels, where the longer half is shortest."""
    heads = [place for place, entry in enumerate(entries) if not entry.shares and place]
    if not heads:
        return [entries]
    cut = min(heads, key=lambda place: max(place, len(entries) - place))
    return [entries[:cut], entries[cut:]]


def _alteration_axis(
    axes: Axes, entries: Sequence[Entry], cohorts: Sequence[CohortSummary], largest: float
) -> None:
    axes.set_xscale("function", functions=(_root, _square))
    end = min(100.0, largest * 1.08)
    axes.set_xlim(0, end)
    ticks = [tick for tick in (0, 1, 5, 10, 20, 40, 60, 80) if tick <= end]
    axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(len(entries) - 0.5, -0.5)
    step = 0.62 / len(cohorts)
    for column, style in enumerate(styles(cohorts)):
        intervals = [
            Interval(place - 0.31 + step * (column + 0.5), share.low or 0, share.high or 0, share.value)
            for place, entry in enumerate(entries)
            if entry.shares and (share := entry.shares[column]) is not None and share.value is not None
        ]
        draw_intervals(axes, intervals, style, line="-", widths=(1.0, 0.6, 1.2), size=9, holdout_size=34)
    names = [entry.label if entry.shares else "" for entry in entries]
    axes.set_yticks(range(len(entries)), names, fontsize=7.5)
    for place, entry in enumerate(entries):
        if not entry.shares:  # the head of a panel stands over its lines
            axes.text(
                0.0, place + 0.1, entry.label, transform=axes.get_yaxis_transform(), fontsize=7.5,
                fontweight="bold", va="center", backgroundcolor="white",
            )  # fmt: skip
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Patients with the alteration, %", fontsize=8)


def _root(values: Any) -> Any:
    import numpy as np

    return np.sqrt(np.maximum(values, 0))


def _square(values: Any) -> Any:
    return values**2


def _far(context: Context, members: Sequence[Entry]) -> str:
    """Say what the figure shows: whose interval does not meet the original's."""
    keys = [cohort.key for cohort in context.cohorts]
    if "original" not in keys:
        return ""
    parts = []
    for cohort in context.evaluation.synthetics:
        apart, known = [], 0
        for entry in members:
            ours, theirs = entry.shares[keys.index("original")], entry.shares[keys.index(cohort.key)]
            if ours is None or theirs is None:
                continue
            known += 1
            if (theirs.low or 0) > (ours.high or 0) or (theirs.high or 0) < (ours.low or 0):
                apart.append(entry.label)
        which = f": {listing(apart)}" if apart else ""
        parts.append(
            f"In {cohort.label} {len(apart)} of {known} intervals do not meet the original's{which}."
        )
    return " ".join(parts)


def _draw_anchors(
    path: Path, width: float, *, chosen: Sequence[Measure], series: Sequence[tuple[str, str, Style]]
) -> None:
    wide = width == WIDTH
    layout = legend_layout([label for _, label, _ in series], width, 4 if wide else 2)
    legend = layout.height - 0.3
    height = 1.05 + legend + 0.32 * len(chosen)
    with drawing(path, width, height) as figure:
        left, across = (0.36, 0.61) if wide else (0.47, 0.5)
        axes = figure.add_axes((left, 0.5 / height, across, (height - 0.95 - legend) / height))
        values = [value for measure in chosen for value in _values(measure).values()]
        margin = 0.05 * (max(values) - min(values) or 1.0)
        axes.set_xlim(min(values) - margin, max(values) + margin)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.hlines(range(len(chosen)), *axes.get_xlim(), color=FAINT, linewidth=0.8, zorder=0)
        for (name, _, style), label in zip(series, layout.labels, strict=True):
            points = [(_values(m)[name], place) for place, m in enumerate(chosen) if name in _values(m)]
            thin = style in (HOLDOUT, INDEPENDENT, BOOTSTRAP)
            axes.scatter(
                [value for value, _ in points],
                [place for _, place in points],
                marker=style.marker,
                s=110 if style is HOLDOUT else 48,
                color=style.colour,
                linewidth=2 if thin else 0.8,
                label=label,
                zorder=2 if thin else 3,
            )
        labels = [textwrap.fill(measure.label, 36 if wide else 22) for measure in chosen]
        axes.set_yticks(range(len(chosen)), labels, fontsize=9 if wide else 7.5)
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Score; 1 is equal to the original", fontsize=9 if wide else 8)
        figure.legend(
            loc="upper left", ncols=layout.columns, handletextpad=0.2, columnspacing=1.2,
            fontsize=8.5, borderaxespad=0.2,
        )  # fmt: skip


def _cohort_legend(figure: Drawing, cohorts: Sequence[CohortSummary], layout: LegendLayout) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour,
               markersize=10 if style is HOLDOUT else 6, markeredgewidth=1.8 if style is HOLDOUT else 0.8)
        for style in styles(cohorts)
    ]  # fmt: skip
    figure.legend(
        handles, layout.labels, loc="upper left", ncols=layout.columns, fontsize=8.5,
        handletextpad=0.2, columnspacing=1.4, borderaxespad=0.2, labelspacing=0.2,
    )  # fmt: skip


def _series(context: Context) -> list[tuple[str, str, Style]]:
    """Return key, label and style of everything that a measure has figures of, the anchors first."""
    anchors: list[tuple[str, str, Style]] = [
        (name, label, _ANCHOR_STYLES[name])
        for name, label in ANCHORS.items()
        if name != "holdout" or context.evaluation.holdout is not None
    ]
    cohorts = context.evaluation.synthetics
    drawn = zip(cohorts, styles(cohorts), strict=True)
    return anchors[::-1] + [(cohort.key, cohort.label, style) for cohort, style in drawn]


def _values(measure: Measure) -> dict[str, float]:
    found: dict[str, Figure] = dict(measure.figures)
    found |= {str(name): figure for name, figure in measure.anchors.items()}
    return {name: figure.value for name, figure in found.items() if figure.value is not None}


def _describe_measure(measure: Measure, series: Sequence[tuple[str, str, Style]]) -> str:
    values = _values(measure)
    parts = [f"{label} {values[name]:.2f}" for name, label, _ in series if name in values]
    return f"{measure.label}: {', '.join(parts)}."


def _describe_alteration(entry: Entry, cohorts: Sequence[CohortSummary]) -> str:
    parts = [
        f"{cohort.label} {'not shown' if share is None else f'{share.value:.1f}'}"
        for cohort, share in zip(cohorts, entry.shares, strict=True)
    ]
    return f"{entry.label}: {', '.join(parts)}."
