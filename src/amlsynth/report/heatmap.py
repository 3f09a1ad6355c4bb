"""Figure 2 of the paper: how often traits occur together, relative to the original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amlsynth.evaluation.records import CohortSummary, CoOccurrence
from amlsynth.report.context import Context
from amlsynth.report.drawing import FAINT, WIDTH, drawing
from amlsynth.report.text import escape, image, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOURS = ((0.0, "#0072B2"), (0.5, "#F7F7F7"), (1.0, "#D55E00"))  # ends of Okabe and Ito
_CELL = 0.148  # inches
_LEFT, _BOTTOM, _TOP = 1.25, 1.25, 0.35
_NAMED = 8  # pairs named in the text for readers who cannot see it


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
    kept = np.flatnonzero(~np.isnan(square).all(axis=1))
    if kept.size == 0:
        return f"{escape(cohort.label)} has no pair of traits to compare.\n"
    part = np.where(np.tri(len(kept), k=-1, dtype=bool), square[np.ix_(kept, kept)], np.nan)
    labels = [_label(context, record.traits[place]) for place in kept]
    side = _CELL * (len(kept) - 1)
    scale = min(1.0, (WIDTH - _LEFT - 0.2) / side)  # many traits shrink; few keep the size of a cell
    side *= scale
    height = side + _BOTTOM + _TOP
    path = folder / f"co-occurrence-{cohort.key}.svg"
    with drawing(path, WIDTH, height) as figure:
        from matplotlib.colors import LinearSegmentedColormap

        axes = figure.add_axes((_LEFT / WIDTH, _BOTTOM / height, side / WIDTH, side / height))
        colours = LinearSegmentedColormap.from_list("differences", _COLOURS)
        rows, columns = np.nonzero(~np.isnan(part))
        # Symbols and not a mesh, which would write every empty cell into the file as well.
        mesh = axes.scatter(
            columns + 0.5, rows - 0.5, c=part[rows, columns], cmap=colours, vmin=-100, vmax=100, marker="s",
            s=(72 * 0.9 * _CELL * scale) ** 2, linewidth=0,
        )  # fmt: skip
        axes.set_xlim(0, len(kept) - 1)
        axes.set_ylim(0, len(kept) - 1)
        for line in range(len(kept)):
            axes.plot([0, line], [line, line], color=FAINT, linewidth=0.4, zorder=0)
            axes.plot([line, line], [max(0, line - 1), len(kept) - 1], color=FAINT, linewidth=0.4, zorder=0)
        size = max(4.0, 7.5 * scale)
        places = np.arange(len(kept) - 1) + 0.5
        axes.set_xticks(places, labels[:-1], rotation=90, fontsize=size)
        axes.set_yticks(places, labels[1:], fontsize=size)
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
    known = values[~np.isnan(values)]
    near = int((np.abs(known) <= 25).sum())
    caption = (
        f"How often two traits occur together in {escape(cohort.label)}, relative to the original, of the "
        "patients in whom both are known. Blue: less often; orange: more often. Empty: fewer than five "
        f"patients of the original have both. {number(near, 0)} of {number(known.size, 0)} pairs differ "
        "by no more than a quarter."
    )
    return image(
        f"{folder.name}/{path.name}",
        caption,
        f"fig-co-occurrence-{cohort.key}",
        f"Heatmap of {known.size} pairs. {near} differ by no more than 25 percent. Largest differences: "
        + _largest(context, record, values),
    )


def _matrix(record: CoOccurrence, key: str) -> NDArray[np.float64]:
    n = len(record.traits)
    matrix = np.full((n, n), np.nan)
    matrix[np.tril_indices(n, -1)] = [np.nan if v is None else v for v in record.differences[key]]
    return matrix


def _largest(context: Context, record: CoOccurrence, values: NDArray[np.float64]) -> str:
    order = np.argsort(-np.abs(np.where(np.isnan(values), 0, values)), axis=None, kind="stable")[:_NAMED]
    parts = []
    for place in order:
        row, column = divmod(int(place), len(record.traits))
        if not np.isnan(values[row, column]):
            names = f"{_label(context, record.traits[row])} with {_label(context, record.traits[column])}"
            parts.append(f"{names} {values[row, column]:+.0f} percent")
    return ", ".join(parts) + "."


def _label(context: Context, trait: str) -> str:
    name, _, value = trait.partition("=")
    d = context.dictionary
    if name not in d:
        return trait
    return d[name].category_labels.get(value, value) if value else d[name].label
