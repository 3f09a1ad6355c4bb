"""Figure 2 of the paper: how often traits occur together, relative to the original."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amlsynth.evaluation.records import CohortSummary, CoOccurrence
from amlsynth.report.context import Context
from amlsynth.report.drawing import INK, MUTED, WIDTH, both, drawing
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
    from matplotlib.colors import LinearSegmentedColormap

    n = len(labels)
    side = _CELL * (n - 1)
    scale = min(1.0, (WIDTH - _LEFT - 0.2) / side)  # many traits shrink; few keep the size of a cell
    side *= scale
    height = side + _BOTTOM + _TOP
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((_LEFT / WIDTH, _BOTTOM / height, side / WIDTH, side / height))
        colours = LinearSegmentedColormap.from_list("differences", _COLOURS)
        # Symbols and not a mesh, which would write every empty cell above the diagonal into the file as well.
        size = (72 * 0.92 * _CELL * scale) ** 2
        rows, columns = np.nonzero(np.isnan(part) & np.tri(n, k=-1, dtype=bool))
        axes.scatter(columns + 0.5, rows - 0.5, color=_EMPTY, marker="s", s=size, linewidth=0)
        rows, columns = np.nonzero(~np.isnan(part))
        mesh = axes.scatter(
            columns + 0.5, rows - 0.5, c=part[rows, columns], cmap=colours, vmin=-100, vmax=100, marker="s",
            s=size, linewidth=0,
        )  # fmt: skip
        axes.set_xlim(0, n - 1)
        axes.set_ylim(0, n - 1)
        for line in range(1, n):
            if groups[line] != groups[line - 1]:  # a panel begins
                axes.plot([0, line], [line - 1, line - 1], color=INK, linewidth=0.7, clip_on=False)
                axes.plot([line, line], [line - 1, n - 1], color=INK, linewidth=0.7, clip_on=False)
        letters = max(5.0, 7.5 * scale)
        places = np.arange(n - 1) + 0.5
        axes.set_xticks(places, labels[:-1], rotation=90, fontsize=letters)
        axes.set_yticks(places, labels[1:], fontsize=letters)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.add_axes(
            ((_LEFT + 0.55 * side) / WIDTH, 1 - 0.22 / height, 0.42 * side / WIDTH, 0.11 / height)
        )
        scale_bar = figure.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[-100, -50, 0, 50, 100])
        scale_bar.ax.set_xticklabels(["−100 %", "−50 %", "0", "+50 %", "≥ +100 %"], fontsize=7)
        scale_bar.outline.set_visible(False)


def _draw_largest(path: Path, width: float, largest: Sequence[tuple[str, float]]) -> None:
    """Draw the largest differences as bars, for screens on which no heatmap can be read."""
    shown = largest[:_BARS]
    height = 0.55 + 0.34 * len(shown)
    with drawing(path, width, height) as figure:
        axes = figure.add_axes((0.05, 0.42 / height, 0.9, (height - 0.5) / height))
        reach = max(100.0, *(abs(value) for _, value in shown)) * 1.05
        for place, (name, value) in enumerate(shown):
            colour = _COLOURS[2][1] if value > 0 else _COLOURS[0][1]
            axes.barh(place + 0.2, value, height=0.32, color=colour)
            axes.vlines(0, place + 0.02, place + 0.38, color=MUTED, linewidth=0.8)  # not through names
            axes.text(-reach, place - 0.2, f"{name}: {value:+.0f} %", fontsize=7.5, va="center")
        axes.set(xlim=(-reach, reach), ylim=(len(shown) - 0.4, -0.5), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.set_xlabel("Relative difference, %", fontsize=8)


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
