"""Figure 2 of the paper: how often traits occur together, relative to the original."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amlsynth.evaluation.records import CohortSummary, CoOccurrence
from amlsynth.report.context import Context
from amlsynth.report.drawing import INK, MUTED, WIDTH, both
from amlsynth.report.svg import INCH, Axes, Svg, pen, round_ticks
from amlsynth.report.text import escape, image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOURS = ((0.0, "#0072B2"), (0.5, "#F7F7F7"), (1.0, "#D55E00"))  # ends of Okabe and Ito
_CELL = 0.148  # inches
_LEFT, _BOTTOM, _TOP = 1.25, 1.25, 0.35
_NAMED = 8  # pairs named in the text for readers who cannot see it
_BARS = 16  # pairs in the version for phones
_EMPTY = "#e3e7ea"
NEAR = 25  # percent; pairs that differ by no more are counted as near


def heatmap_figures(context: Context, folder: Path) -> str:
    """Draw one heatmap for each synthetic cohort; a sentence when there are no pairs to show."""
    record = context.evaluation.co_occurrence
    if record is None or not record.shown:
        return (
            "No two traits occur together in enough patients of the original to be shown, so there are no "
            "heatmaps.\n"
        )
    return "\n".join(_heatmap(context, record, c, folder) for c in context.evaluation.synthetics)


def _heatmap(context: Context, record: CoOccurrence, cohort: CohortSummary, folder: Path) -> str:
    values = _matrix(record, cohort.key)
    square = np.where(np.isnan(values), values.T, values)
    kept = _ordered(context, record, np.flatnonzero(~np.isnan(square).all(axis=1)))
    if not kept:
        return f"{escape(cohort.label)} has no pair of traits to compare.\n"
    part = np.where(np.tri(len(kept), k=-1, dtype=bool), square[np.ix_(kept, kept)], np.nan)
    labels = [_label(context, record.traits[place]) for place in kept]
    groups = [_group(context, record.traits[place]) for place in kept]
    known = values[~np.isnan(values)]
    near = int((np.abs(known) <= NEAR).sum())
    largest = _largest(context, record, values)
    draw = partial(_draw, part=part, labels=labels, groups=groups, largest=largest)
    wide, narrow = both(draw, folder, f"co-occurrence-{cohort.key}")
    caption = (
        f"How often two traits occur together in {escape(cohort.label)}, relative to the original, of the "
        "patients in whom both are known, by panel. Blue: less often; orange: more often; grey: too few "
        "patients of the original have both. On narrow screens the largest differences alone are drawn."
    )
    named = ", ".join(f"{name} {value:+.0f} percent" for name, value in largest[:_NAMED])
    counted = f"{near} differ by no more than {NEAR} percent"
    alt = f"Heatmap of {known.size} pairs. {counted}. Largest differences: {named}."
    return image(wide, caption, f"fig-co-occurrence-{cohort.key}", alt, narrow)


def _draw(
    path: Path,
    width: float,
    *,
    part: NDArray[np.float64],
    labels: Sequence[str],
    groups: Sequence[str],
    largest: Sequence[tuple[str, float]],
) -> None:
    if width == WIDTH:
        _draw_pairs(path, part, labels, groups)
    else:
        _draw_largest(path, width, largest)


def _draw_pairs(path: Path, part: NDArray[np.float64], labels: Sequence[str], groups: Sequence[str]) -> None:
    n = len(labels)
    side = _CELL * (n - 1)
    scale = min(1.0, (WIDTH - _LEFT - 0.2) / side)  # many traits shrink; few keep the size of a cell
    side *= scale
    height = side + _BOTTOM + _TOP
    cell = INCH * side / (n - 1)
    left, top = INCH * _LEFT, INCH * _TOP
    with pen(path, WIDTH, height) as svg:
        for row in range(1, n):
            for column in range(row):
                x, y = left + cell * (column + 0.04), top + cell * (row - 1 + 0.04)
                svg.rect(x, y, 0.92 * cell, 0.92 * cell, _colour(float(part[row, column])))
        for line in range(1, n):
            if groups[line] != groups[line - 1]:  # a panel begins
                corner, floor = top + cell * (line - 1), top + cell * (n - 1)
                x = left + cell * line
                svg.segments([(left, corner, x, corner), (x, corner, x, floor)], INK, 0.7)
        letters = max(5.0, 7.5 * scale)
        for place in range(n - 1):
            middle = cell * (place + 0.5)
            svg.text(left - 4, top + middle, labels[place + 1], letters, INK, anchor="right")
            below = top + cell * (n - 1) + 4
            svg.text(left + middle, below, labels[place], letters, INK, anchor="right", turned=True)
        _colour_bar(svg, left + 0.55 * INCH * side, 0.42 * INCH * side)


def _colour(percent: float) -> str:
    """Return the colour of a difference in percent; that of an empty cell where it is not known."""
    if math.isnan(percent):
        return _EMPTY
    middle, end = _COLOURS[1][1], _COLOURS[2 if percent > 0 else 0][1]
    share = min(abs(percent), 100) / 100
    mixed = (
        round(int(middle[i : i + 2], 16) * (1 - share) + int(end[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _colour_bar(svg: Svg, left: float, width: float) -> None:
    steps = 40
    for step in range(steps):
        x, percent = left + width * step / steps, -100 + 200 * (step + 0.5) / steps
        svg.rect(x, 8, width / steps + 0.2, 8, _colour(percent))
    for place, label in enumerate(("−100 %", "−50 %", "0", "+50 %", "≥ +100 %")):
        svg.text(left + width * place / 4, 22, label, 7, INK, anchor="middle")


def _draw_largest(path: Path, width: float, largest: Sequence[tuple[str, float]]) -> None:
    """Draw the largest differences as bars, for screens on which no heatmap can be read."""
    shown = largest[:_BARS]
    height = 0.55 + 0.34 * len(shown)
    reach = max(100.0, *(abs(value) for _, value in shown)) * 1.05
    with pen(path, width, height) as svg:
        axes = Axes(
            svg, 0.05 * width, 0.05, 0.9 * width, height - 0.5, x=(-reach, reach), y=(-0.5, len(shown) - 0.4)
        )
        for place, (name, value) in enumerate(shown):
            left, right = sorted((axes.across(0), axes.across(value)))
            y = axes.down(place + 0.04)
            svg.rect(left, y, right - left, axes.down(place + 0.36) - y, _COLOURS[2 if value > 0 else 0][1])
            svg.text(axes.across(-reach), axes.down(place - 0.2), f"{name}: {value:+.0f} %", 7.5, INK)
        zero = axes.across(0)  # beside the bars alone: it would run through the names
        beside = [(axes.down(place), axes.down(place + 0.4)) for place in range(len(shown))]
        svg.segments([(zero, high, zero, low) for high, low in beside], MUTED, 0.8)
        axes.floor(round_ticks(-reach, reach, 4), 8, "Relative difference, %")


def _ordered(context: Context, record: CoOccurrence, kept: NDArray[np.intp]) -> list[int]:
    """Return the places of traits by the groups of the dictionary, those of a panel together."""
    order = [group.id for group in context.dictionary.groups]

    def key(place: int) -> tuple[int, int]:
        group = _group(context, record.traits[place])
        return (order.index(group) if group in order else len(order), place)

    return sorted((int(place) for place in kept), key=key)


def _group(context: Context, trait: str) -> str:
    name = trait.partition("=")[0]
    return context.dictionary[name].group if name in context.dictionary else ""


def _matrix(record: CoOccurrence, key: str) -> NDArray[np.float64]:
    n = len(record.traits)
    matrix = np.full((n, n), np.nan)
    matrix[np.tril_indices(n, -1)] = [np.nan if v is None else v for v in record.differences[key]]
    return matrix


def _largest(context: Context, record: CoOccurrence, values: NDArray[np.float64]) -> list[tuple[str, float]]:
    """Return the pairs that differ most, by name, the largest difference first."""
    order = np.argsort(-np.abs(np.where(np.isnan(values), 0, values)), axis=None, kind="stable")[:_BARS]
    found = []
    for place in order:
        row, column = divmod(int(place), len(record.traits))
        if not np.isnan(values[row, column]):
            names = f"{_label(context, record.traits[row])} with {_label(context, record.traits[column])}"
            found.append((names, float(values[row, column])))
    return found


def _label(context: Context, trait: str) -> str:
    name, _, value = trait.partition("=")
    d = context.dictionary
    if name not in d:
        return trait
    if d.roles.response is not None and name == d.roles.response.variable:
        return d.roles.response.name
    return d[name].category_labels.get(value, value) if value else d[name].label
