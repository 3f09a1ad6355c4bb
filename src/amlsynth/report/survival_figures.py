"""Figure 3 of the paper: Kaplan-Meier curves, their difference from the original's, and numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from amlsynth.evaluation.records import CohortSummary, CurvePoint, Figure, SurvivalSummary
from amlsynth.report.context import Context
from amlsynth.report.decision.signal import subtract
from amlsynth.report.drawing import HOLDOUT, INK, MUTED, ORIGINAL, WIDTH, Style, both, styles
from amlsynth.report.svg import INCH, Axes, Svg, band, legend, pen, steps
from amlsynth.report.text import at_risk, escape, image, number

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
    columns = 2 if width == WIDTH else 1
    top, foot = 0.2 * -(-len(shown) // columns) + 0.1, 0.62 + _LINE * len(shown)
    gap = _DIFFERENCE + 0.15 if compared else 0.0
    height = top + _CURVES + gap + foot
    left = 0.8
    across = width - left - 0.2
    months = [(tick, str(tick)) for tick in ticks]
    with pen(path, width, height) as svg:
        axes = Axes(svg, left, top, across, _CURVES, (0, ticks[-1]), (1.02, 0))
        shares = [(0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %")]
        axes.wall(shares, 10, label if width == WIDTH else "", grid=True)
        _curves(axes, shown)
        lowest = axes
        if compared:
            axes.floor([(tick, "") for tick in ticks], 10, "")
            lowest = _difference_panel(svg, compared, (left, top + _CURVES + 0.15, across), ticks)
        lowest.floor(months, 10, "Months")
        _legend(svg, shown, columns)
        _numbers_at_risk(lowest, shown, ticks)


def _curves(axes: Axes, shown: Shown) -> None:
    end = _end(shown)
    for _, survival, style in shown:
        points = [point for point in survival.curve if point.months <= end]
        months = [axes.across(point.months) for point in points]
        if style is not HOLDOUT:  # the band of a small hold-out would cover the others
            low, high = (
                [axes.down(v) for v in ends] for ends in zip(*((p.low, p.high) for p in points), strict=True)
            )
            axes.svg.path(band(months, low, high), "none", 0, fill=style.colour, opacity=0.16)
        heights = [axes.down(point.survival) for point in points]
        # That of the original shows beneath a curve that covers it.
        axes.svg.path(steps(months, heights), style.colour, 2.6 if style is ORIGINAL else 1.5, style.line)


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


def _difference_panel(
    svg: Svg, compared: Sequence[Difference], place: tuple[float, float, float], ticks: Sequence[int]
) -> Axes:
    """Draw the differences below the curves, at a left end, a height and a width in inches."""
    ends = (abs(e or 0.0) for _, _, points in compared for _, f in points for e in (f.low, f.high))
    largest = max(ends, default=0.0)
    reach = next((reach for reach in (0.1, 0.2, 0.5) if largest <= reach), 1.0)
    left, top, across = place
    axes = Axes(svg, left, top, across, _DIFFERENCE, (0, ticks[-1]), (reach, -reach))
    shown = f"{100 * reach:.0f} %"
    axes.wall([(-reach, f"−{shown}"), (0, "0"), (reach, f"+{shown}")], 8, "Difference")
    svg.segments([(axes.across(0), axes.down(0), axes.across(ticks[-1]), axes.down(0))], INK, 1.4)
    for _, style, points in compared:
        months = [axes.across(month) for month, _ in points]
        low, high, values = (
            [axes.down(end or 0.0) for end in ends]
            for ends in zip(*((f.low, f.high, f.value) for _, f in points), strict=True)
        )
        svg.path(band(months, low, high), "none", 0, fill=style.colour, opacity=0.2)
        svg.path(steps(months, values), style.colour, 1.4, style.line)
    return axes


def _month_ticks(longest: float, most: int = _MOST_TICKS) -> list[int]:
    """Return ticks from 0 that reach the last month, at most `most` steps apart by a usual number."""
    step = next((step for step in _TICK_STEPS if longest / step <= most), _TICK_STEPS[-1])
    steps = max(1, -(-int(longest) // step))
    return [step * place for place in range(steps + 1)]


def _legend(svg: Svg, shown: Shown, columns: int) -> None:
    entries = []
    for cohort, survival, style in shown:
        median = survival.median.value
        middle = "n/a" if median is None else f"{median:.1f} months"
        entries.append((style, f"{cohort.label}, median {middle}"))
    legend(svg, entries, 8.5, columns=columns, line=1.5, area=0)


def _numbers_at_risk(axes: Axes, shown: Shown, ticks: Sequence[int]) -> None:
    """Write numbers at risk under the ticks in ink, each line after a piece of its curve."""
    left, floor = INCH * (axes.left - 0.72), INCH * (axes.top + axes.height)
    axes.svg.text(left, floor + 0.47 * INCH, "At risk", 8, MUTED)
    for row, (cohort, survival, style) in enumerate(shown):
        y = floor + (0.62 + _LINE * row) * INCH
        axes.svg.segments([(left, y, left + 0.36 * INCH, y)], style.colour, 1.7, style.line)
        for month in ticks:
            text = at_risk(survival, month, cohort.min_cell) or "–"
            axes.svg.text(axes.across(month), y, text, 8, INK, anchor="middle")


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
