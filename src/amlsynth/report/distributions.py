"""The distributions of numbers: the paper's supplementary figure 1, in bins instead of patients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amlsynth.dictionary.model import Variable
from amlsynth.evaluation.histograms import is_skewed
from amlsynth.evaluation.records import Bin, CohortSummary, VariableSummary
from amlsynth.foundation.types import FloatArray
from amlsynth.report.context import Context
from amlsynth.report.drawing import (
    FAINT,
    HOLDOUT,
    ORIGINAL,
    WIDTH,
    Style,
    both,
    drawing,
    legend_layout,
    styles,
)
from amlsynth.report.text import image, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 2.35  # inches a panel is high, with its axis and title
_COLUMNS = 2


def distribution_figure(context: Context, folder: Path) -> str:
    """Draw the distribution of every number that is no outcome, with quartiles; "" where none is known."""
    d = context.dictionary
    times = {endpoint.time for endpoint in d.endpoints}
    chosen = [
        v
        for v in d.variables
        if not v.is_categorical
        and v.name not in times
        and any(cohort.variable(v.name).histogram for cohort in context.cohorts)
    ]
    if not chosen:
        return ""
    wide, narrow = both(partial(_draw, variables=chosen, cohorts=context.cohorts), folder, "distributions")
    caption = (
        "Distributions of numbers (supplementary figure 1 of the paper): share of the patients a bin, with "
        "median and quartiles below. The vertical scale is that of square roots, which shows the tails"
    ) + ("." if context.withheld else "; bins are joined where few patients of the original are in them.")
    alt = "Histograms. " + " ".join(_describe(context, variable) for variable in chosen)
    return image(wide, caption, "fig-distributions", alt, narrow)


def _draw(
    path: Path, width: float, *, variables: Sequence[Variable], cohorts: Sequence[CohortSummary]
) -> None:
    from matplotlib.lines import Line2D

    columns = min(_COLUMNS if width == WIDTH else 1, len(variables))
    rows = -(-len(variables) // columns)
    layout = legend_layout([cohort.label for cohort in cohorts], width, 3 if width == WIDTH else 1)
    head = layout.height
    height = head + _PANEL * rows
    with drawing(path, width, height) as figure:
        drawn = list(zip(cohorts, styles(cohorts), strict=True))
        for place, variable in enumerate(variables):
            row, column = divmod(place, columns)
            axes = figure.add_axes(
                (
                    (0.55 + (width - 0.1) / columns * column) / width,
                    1 - (head + _PANEL * (row + 1) - 0.78) / height,
                    ((width - 0.1) / columns - 0.7) / width,
                    (_PANEL - 1.35) / height,
                )
            )
            _panel(axes, variable, [(cohort.variable(variable.name), style) for cohort, style in drawn])
        handles = [Line2D([], [], color=style.colour, linestyle=style.line) for _, style in drawn]  # type: ignore[arg-type]  # which its stubs do not know
        figure.legend(
            handles, layout.labels, loc="upper left", fontsize=8.5, handlelength=2.4,
            ncols=layout.columns, borderaxespad=0.1, labelspacing=0.2,
        )  # fmt: skip


def _panel(axes: Axes, variable: Variable, shown: Sequence[tuple[VariableSummary, Style]]) -> None:
    axes.set_title(
        variable.label, fontsize=9, loc="left", fontweight="bold", pad=18 if variable.other_units else 4
    )
    if is_skewed(variable):
        axes.set_xscale("log")
    axes.set_yscale("function", functions=(_root, np.square))
    largest = 0.0
    for summary, style in shown:
        bins = summary.histogram
        if not bins:
            continue
        heights = _heights(variable, bins)
        largest = max([largest, *heights])
        axes.stairs(
            heights, [*(b.low for b in bins), bins[-1].high], color=style.colour,

            linestyle=style.line, linewidth=2.2 if style is ORIGINAL else 1.2,
        )  # fmt: skip
    low, high = _reach(variable, [summary for summary, _ in shown])
    axes.set_xlim(low, high)
    axes.set_ylim(0, largest * 1.05 or 1.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.tick_params(labelsize=8)
    unit = f", {variable.unit}" if variable.unit else ""
    axes.set_xlabel(f"{variable.name}{unit}", fontsize=8, labelpad=1)
    axes.tick_params(axis="x", pad=3 + 7 * len(shown))
    for place, (summary, style) in enumerate(shown):
        _quartiles(axes, summary, style, -0.08 - 0.085 * place)
    if variable.other_units:  # the same axis in the unit that others know it by
        other = variable.other_units[0]
        top = axes.secondary_xaxis(
            "top",
            functions=(lambda x: np.divide(x, other.factor), lambda x: np.multiply(x, other.factor)),
        )
        top.tick_params(labelsize=7, pad=1)
        top.set_xlabel(other.unit, fontsize=7, labelpad=4)


def _heights(variable: Variable, bins: Sequence[Bin]) -> list[float]:
    """Return the share of each bin by its width on the axis, so that joined bins are no taller for it."""
    heights = []
    for entry in bins:
        low = (
            max(entry.low, variable.typical.values[0] / 2)
            if is_skewed(variable) and variable.typical
            else entry.low
        )

        width = np.log(entry.high / low) if is_skewed(variable) else entry.high - low
        heights.append(entry.share / max(float(width), 1e-9))
    return heights


def _reach(variable: Variable, summaries: Sequence[VariableSummary]) -> tuple[float, float]:
    """Return the ends of the axis: the typical values, or farther where patients are."""
    assert variable.minimum is not None and variable.maximum is not None
    low, high = variable.typical.values if variable.typical else (variable.minimum, variable.maximum)
    for summary in summaries:
        filled = [entry for entry in summary.histogram if entry.share > 0]
        if filled and filled[-1].low >= high:
            high = min(variable.maximum, filled[-1].low * 1.5)
    return low, high


def _quartiles(axes: Axes, summary: VariableSummary, style: Style, y: float) -> None:
    if summary.quartiles is None:
        return
    low, middle, high = summary.quartiles
    across = axes.get_xaxis_transform()
    axes.plot([low, high], [y, y], color=style.colour, linewidth=2, transform=across, clip_on=False)
    axes.scatter(
        [middle], [y], marker=style.marker, color=style.colour, s=50 if style is HOLDOUT else 16,
        transform=across,
        clip_on=False, zorder=3,
    )  # fmt: skip


def _root(values: FloatArray) -> FloatArray:
    roots: FloatArray = np.sqrt(np.maximum(values, 0))
    return roots


def _describe(context: Context, variable: Variable) -> str:
    """Say the medians, and the share of patients beyond the original's last bin."""
    parts = []
    for cohort in context.cohorts:
        quartiles = cohort.variable(variable.name).quartiles
        shown = "not shown" if quartiles is None else number(quartiles[1], variable.decimals)
        parts.append(f"{cohort.label} median {shown}")
    unit = f" in {variable.unit}" if variable.unit else ""
    return f"{variable.label}{unit}: {', '.join(parts)}."
