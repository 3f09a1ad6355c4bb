"""Figure 3 of the paper: Kaplan-Meier curves, their difference from the original's, and numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.evaluation.records import CohortSummary, CurvePoint, Figure, SurvivalSummary
from amlsynth.report.context import Context
from amlsynth.report.decision.signal import subtract
from amlsynth.report.drawing import (
    FAINT,
    HOLDOUT,
    INK,
    MUTED,
    ORIGINAL,
    WIDTH,
    LegendLayout,
    Style,
    both,
    drawing,
    legend_layout,
    styles,
)
from amlsynth.report.text import at_risk, escape, image, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_TICK_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_MOST_TICKS, _MOST_TICKS_NARROW = 8, 4
# Inches: the height of the panels and of a line at risk. Both endpoints fit a page of paper together.
_CURVES, _DIFFERENCE, _LINE = 1.85, 0.65, 0.18
Shown = Sequence[tuple[CohortSummary, SurvivalSummary, Style]]


def survival_figure(context: Context, endpoint: str, folder: Path) -> str:
    """Draw Kaplan-Meier curves with 95 % bands, differences and numbers at risk, figure 3 of the paper.

    All curves end with the original's, beyond which there is nothing to compare them with. Returns a sentence
    instead of a figure when no cohort has a curve.
    """
    label = context.dictionary.endpoint(endpoint).label
    found = [(cohort, cohort.endpoint(endpoint)) for cohort in context.cohorts]
    shown = [(c, s, style) for (c, s), style in zip(found, styles(context.cohorts), strict=True) if s.curve]
    if not shown:
        return f"No cohort has a curve of {label.lower()} to show.\n"
    name = f"survival-{endpoint.lower()}"
    wide, narrow = both(partial(_draw, label=label, shown=shown), folder, name)
    caption = f"Kaplan-Meier curves of {escape(label.lower())} at whole months with 95 % bands"
    if context.withheld:
        caption += ", and numbers at risk."
    else:
        caption += (
            " (without that of the small hold-out), their difference from the original's with its 95 % "
            "interval, and numbers at risk. Curves end where too few patients of the original are left to be "
            "shown."
        )
    if any(cohort.min_cell for cohort, _, _ in shown):
        caption += (
            " Of patients, months are shown between which enough have left, and ranges of those at risk."
        )
    ticks = _month_ticks(_end(shown))
    alt = f"Kaplan-Meier curves of {label.lower()}. {_finding(shown)} " + " ".join(
        _describe_curve(cohort.label, survival, ticks) for cohort, survival, _ in shown
    )
    return image(wide, caption, f"fig-{name}", alt, narrow)


def _end(shown: Shown) -> float:
    """Return the last month that is drawn: that of the original's curve, or the longest without it."""
    ends = {cohort.key: survival.curve[-1].months for cohort, survival, _ in shown}
    return ends.get("original", max(ends.values()))


def _draw(path: Path, width: float, *, label: str, shown: Shown) -> None:
    ticks = _month_ticks(_end(shown), _MOST_TICKS if width == WIDTH else _MOST_TICKS_NARROW)
    compared = _differences(shown)
    layout = legend_layout(_labels(shown), width, 2 if width == WIDTH else 1)
    top, foot = layout.height, 0.58 + _LINE * len(shown)
    gap = _DIFFERENCE + 0.15 if compared else 0.0
    height = top + _CURVES + gap + foot
    left = 0.8 / width
    with drawing(path, width, height) as figure:
        across = 1 - left - 0.25 / width
        axes = figure.add_axes((left, (foot + gap) / height, across, _CURVES / height))
        _curves(axes, shown, ticks)
        axes.set_ylabel(label if width == WIDTH else "")
        lowest = axes
        if compared:
            axes.tick_params(labelbottom=False)
            lowest = figure.add_axes((left, foot / height, across, _DIFFERENCE / height))
            _difference_panel(lowest, compared, ticks)
        lowest.set_xlabel("Months")
        _legend(figure, axes, layout)
        _numbers_at_risk(lowest, shown, ticks, foot, (width, height))


def _curves(axes: Axes, shown: Shown, ticks: Sequence[int]) -> None:
    end = _end(shown)
    for _, survival, style in shown:
        points = [point for point in survival.curve if point.months <= end]
        months = [point.months for point in points]
        if style is not HOLDOUT:  # the band of a small hold-out would cover the others
            low, high = [p.low for p in points], [p.high for p in points]
            axes.fill_between(months, low, high, step="post", color=style.colour, alpha=0.16, linewidth=0)
        axes.step(
            months,
            [point.survival for point in points],
            where="post",
            color=style.colour,
            linestyle=style.line,
            linewidth=2.6 if style is ORIGINAL else 1.5,  # it shows beneath a curve that covers it
        )
    axes.set(xlim=(0, ticks[-1]), ylim=(0, 1.02), xticks=ticks)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.grid(axis="y", color=FAINT, linewidth=0.6)


Difference = tuple[CohortSummary, Style, list[tuple[float, Figure]]]


def _differences(shown: Shown) -> list[Difference]:
    """Return each synthetic curve less the original's at every month that both have, with its interval."""
    original = [
        point for cohort, survival, _ in shown if cohort.key == "original" for point in survival.curve
    ]
    found = []
    for cohort, survival, style in shown:
        if cohort.key in ("original", "holdout"):
            continue
        points = [
            (point.months, subtract(_as_figure(point), _as_figure(_last(original, point.months))))
            for point in survival.curve
            if original and point.months <= original[-1].months
        ]
        found += [(cohort, style, points)] if points else []
    return found


def _last(curve: Sequence[CurvePoint], month: float) -> CurvePoint:
    """Return the last point of a curve that is not after a month; months of patients may be left out."""
    return next((point for point in reversed(curve) if point.months <= month), curve[0])


def _as_figure(point: CurvePoint) -> Figure:
    return Figure(value=point.survival, low=point.low, high=point.high)


def _difference_panel(axes: Axes, compared: Sequence[Difference], ticks: Sequence[int]) -> None:
    largest = 0.1
    for _, style, points in compared:
        months = [month for month, _ in points]
        low, high = [f.low or 0.0 for _, f in points], [f.high or 0.0 for _, f in points]
        axes.fill_between(months, low, high, step="post", color=style.colour, alpha=0.2, linewidth=0)
        values = [f.value or 0.0 for _, f in points]
        axes.step(months, values, where="post", color=style.colour, linestyle=style.line, linewidth=1.4)
        largest = max([largest, *(abs(end) for ends in (low, high) for end in ends)])
    axes.axhline(0, color=ORIGINAL.colour, linewidth=1.4, zorder=1)
    reach = 0.1 if largest <= 0.1 else 0.2 if largest <= 0.2 else 0.5 if largest <= 0.5 else 1.0
    axes.set(xlim=(0, ticks[-1]), ylim=(-reach, reach), xticks=ticks)
    axes.set_yticks([-reach, 0, reach], [f"−{100 * reach:.0f} %", "0", f"+{100 * reach:.0f} %"])
    axes.set_ylabel("Difference", fontsize=8)
    axes.tick_params(axis="y", labelsize=8)


def _month_ticks(longest: float, most: int = _MOST_TICKS) -> list[int]:
    """Return ticks from 0 that reach the last month, at most `most` steps apart by a usual number."""
    step = next((step for step in _TICK_STEPS if longest / step <= most), _TICK_STEPS[-1])
    steps = max(1, -(-int(longest) // step))
    return [step * place for place in range(steps + 1)]


def _labels(shown: Shown) -> list[str]:
    labels = []
    for cohort, survival, _ in shown:
        median = survival.median.value
        labels.append(f"{cohort.label}, median " + ("n/a" if median is None else f"{median:.1f} months"))
    return labels


def _legend(figure: Drawing, axes: Axes, layout: LegendLayout) -> None:
    figure.legend(
        axes.get_lines(), layout.labels, loc="upper left", fontsize=8.5, handlelength=2.4, borderaxespad=0.1,
        labelspacing=0.2, bbox_to_anchor=(0.02, 1.0), ncols=layout.columns, columnspacing=1.5,
    )  # fmt: skip


def _numbers_at_risk(
    axes: Axes, shown: Shown, ticks: Sequence[int], foot: float, size: tuple[float, float]
) -> None:
    """Write numbers at risk under the ticks in ink, each line after a piece of its curve."""
    width, height = size
    inch = 1 / (axes.get_position().height * height)  # in the axes' own height
    left = -0.72 / (axes.get_position().width * width)
    axes.text(left, -0.5 * inch, "At risk", transform=axes.transAxes, fontsize=8, color=MUTED, va="center")
    for row, (cohort, survival, style) in enumerate(shown):
        y = -(0.66 + _LINE * row) * inch
        axes.plot(
            [left, left * 0.5], [y, y], transform=axes.transAxes, color=style.colour, linestyle=style.line,
            linewidth=1.7, clip_on=False,
        )  # fmt: skip
        for month in ticks:
            text = at_risk(survival, month, cohort.min_cell) or "–"
            axes.text(
                month, y, text, transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=8,
                color=INK,
            )  # fmt: skip


def _finding(shown: Shown) -> str:
    """Say what the figure shows: where a synthetic curve is farthest from the original's."""
    parts = []
    for cohort, _, points in _differences(shown):
        month, worst = max(points, key=lambda point: abs(point[1].value or 0.0))
        assert worst.value is not None
        ends = [100 * end for end in (worst.low, worst.high) if end is not None]
        span = f" (95 % interval {number(ends[0], 1)} to {number(ends[1], 1)})" if len(ends) == 2 else ""
        points_of = f"{number(100 * worst.value, 1)} percentage points{span}"
        parts.append(f"{cohort.label} is farthest from the original at {month:.0f} months, by {points_of}.")
    return " ".join(parts)


def _describe_curve(label: str, survival: SurvivalSummary, ticks: Sequence[int]) -> str:
    at: dict[int, CurvePoint] = {round(point.months): point for point in survival.curve}
    parts = [f"{100 * at[month].survival:.0f} % at {month}" for month in ticks[1:] if month in at]
    median = survival.median.value
    middle = "median not available" if median is None else f"median {number(median, 1)} months"
    return f"{label}: {middle}" + (f"; {', '.join(parts)} months." if parts else ".")
