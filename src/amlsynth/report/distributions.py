"""The distributions of numbers: the paper's supplementary figure 1, in bins instead of patients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from amlsynth.dictionary.model import Variable
from amlsynth.evaluation.histograms import is_skewed
from amlsynth.evaluation.records import Bin, CohortSummary, VariableSummary
from amlsynth.report.context import Context
from amlsynth.report.drawing import HOLDOUT, INK, ORIGINAL, WIDTH, Style, both, styles
from amlsynth.report.svg import INCH, Axes, Svg, legend, pen, round_ticks, steps
from amlsynth.report.text import image, number

_PANEL = 2.12  # inches a panel is high, with its axis and title
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
    columns = min(_COLUMNS if width == WIDTH else 1, len(variables))
    rows = -(-len(variables) // columns)
    head = 0.3 if width == WIDTH else 0.2 * len(cohorts) + 0.1
    height = head + _PANEL * rows
    drawn = list(zip(cohorts, styles(cohorts), strict=True))
    across = (width - 0.1) / columns
    with pen(path, width, height) as svg:
        for place, variable in enumerate(variables):
            row, column = divmod(place, columns)
            shown = [(cohort.variable(variable.name), style) for cohort, style in drawn]
            _panel(svg, variable, shown, (0.55 + across * column, head + _PANEL * row + 0.47, across - 0.7))
        entries = [(style, cohort.label) for cohort, style in drawn]
        legend(svg, entries, 8.5, columns=3 if width == WIDTH else 1, line=1.5, area=0)


def _panel(
    svg: Svg,
    variable: Variable,
    shown: Sequence[tuple[VariableSummary, Style]],
    place: tuple[float, float, float],
) -> None:
    """Draw one variable at a left end, a height and a width in inches."""
    heights = [(s.histogram, _heights(variable, s.histogram), style) for s, style in shown if s.histogram]
    largest = max((height for _, found, _ in heights for height in found), default=0.0) or 1.0
    ends = _reach(variable, [summary for summary, _ in shown])
    left, top, width = place
    scale = math.log if is_skewed(variable) else float
    axes = Axes(svg, left, top, width, _PANEL - 1.2, ends, (math.sqrt(largest * 1.05), 0), scale)
    ticks = _powers(*ends) if is_skewed(variable) else round_ticks(*ends, 6)
    unit = f", {variable.unit}" if variable.unit else ""
    # The lines of medians and quartiles stand between the axis and its labels.
    axes.floor(ticks, 8, f"{variable.name}{unit}", grid=True, apart=7.0 * len(shown))
    other = variable.other_units[0] if variable.other_units else None
    title = INCH * top - (25 if other else 9)
    svg.text(INCH * left, title, variable.label, 9, INK, bold=True)
    if other is not None:  # the same axis in the unit that others know it by
        low, high = ends[0] / other.factor, ends[1] / other.factor
        own = [(value * other.factor, label) for value, label in round_ticks(low, high, 6)]
        axes.ceiling(own, 7, other.unit)
    for bins, tall, style in heights:
        inside = [
            (max(bin_.low, ends[0]), min(bin_.high, ends[1]), axes.down(math.sqrt(height)))
            for bin_, height in zip(bins, tall, strict=True)
            if bin_.high > ends[0] and bin_.low < ends[1]
        ]
        if inside:
            floor = axes.down(0)
            xs = [axes.across(low) for low, _, _ in inside] + [axes.across(inside[-1][1])]
            ys = [y for _, _, y in inside] + [floor]
            line = f"M{xs[0]:.2f} {floor:.2f}L{steps(xs, ys)[1:]}"
            svg.path(line, style.colour, 2.2 if style is ORIGINAL else 1.2, style.line)
    for row, (summary, style) in enumerate(shown):
        _quartiles(axes, summary, style, axes.down(0) + 6 + 6 * row)


def _powers(low: float, high: float) -> list[tuple[float, str]]:
    """Return the powers of ten between two values, with their labels."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return [(10.0**power, f"{10.0**power:g}") for power in powers]


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
    low, middle, high = (axes.across(min(max(q, axes.x[0]), axes.x[1])) for q in summary.quartiles)
    axes.svg.segments([(low, y, high, y)], style.colour, 2)
    unseen = style is HOLDOUT
    axes.svg.symbols([(middle, y)], style.marker, style.colour, 50 if unseen else 16, 1.5 if unseen else 0.8)


def _describe(context: Context, variable: Variable) -> str:
    """Say the medians, and the share of patients beyond the original's last bin."""
    parts = []
    for cohort in context.cohorts:
        quartiles = cohort.variable(variable.name).quartiles
        shown = "not shown" if quartiles is None else number(quartiles[1], variable.decimals)
        parts.append(f"{cohort.label} median {shown}")
    unit = f" in {variable.unit}" if variable.unit else ""
    return f"{variable.label}{unit}: {', '.join(parts)}."
