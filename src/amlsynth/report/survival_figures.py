"""Figure 3 of the paper: Kaplan-Meier curves with numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.evaluation.records import CohortSummary, CurvePoint, SurvivalSummary
from amlsynth.report.context import Context
from amlsynth.report.drawing import FAINT, HOLDOUT, MUTED, ORIGINAL, WIDTH, Style, drawing, styles
from amlsynth.report.text import at_risk, escape, image, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICK_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_MOST_TICKS = 8
Shown = Sequence[tuple[CohortSummary, SurvivalSummary, Style]]


def survival_figure(context: Context, endpoint: str, folder: Path) -> str:
    """Draw Kaplan-Meier curves with 95 % bands and numbers at risk, figure 3 of the paper.

    Returns a sentence instead of a figure when no cohort has a curve.
    """
    label = context.dictionary.endpoint(endpoint).label
    found = [(cohort, cohort.endpoint(endpoint)) for cohort in context.cohorts]
    shown = [(c, s, style) for (c, s), style in zip(found, styles(context.cohorts), strict=True) if s.curve]
    if not shown:
        return f"No cohort has a curve of {label.lower()} to show.\n"
    ticks = _month_ticks(max(s.curve[-1].months for _, s, _ in shown))
    path = folder / f"survival-{endpoint.lower()}.svg"
    rows = 0.22 * len(shown)
    height = 4.3 + rows
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.125, (0.85 + rows) / height, 0.85, 3.3 / height))
        for _, survival, style in shown:
            months = [point.months for point in survival.curve]
            if style is not HOLDOUT:  # the band of a small hold-out would cover the others
                low, high = [p.low for p in survival.curve], [p.high for p in survival.curve]
                axes.fill_between(months, low, high, step="post", color=style.colour, alpha=0.16, linewidth=0)
            axes.step(
                months,
                [point.survival for point in survival.curve],
                where="post",
                color=style.colour,
                linestyle=style.line,
                linewidth=2.6 if style is ORIGINAL else 1.5,  # it shows beneath a curve that covers it
            )
        axes.set(xlim=(0, ticks[-1]), ylim=(0, 1.02), xlabel="Months", ylabel=label, xticks=ticks)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        _legend(axes, shown)
        _numbers_at_risk(axes, shown, ticks, height)
    caption = (
        f"Kaplan-Meier curves of {escape(label.lower())} at whole months with 95 % confidence bands, and "
        "numbers at risk. Curves end where too few patients are left to be shown."
    )
    if any(cohort.min_cell for cohort, _, _ in shown):
        caption += (
            " Of patients, months are shown between which enough have left, and ranges of those at risk."
        )
    alt = f"Kaplan-Meier curves of {label.lower()}. " + " ".join(
        _describe_curve(cohort.label, survival, ticks) for cohort, survival, _ in shown
    )
    return image(f"{folder.name}/{path.name}", caption, f"fig-survival-{endpoint.lower()}", alt)


def _month_ticks(longest: float) -> list[int]:
    """Return ticks from 0 that reach the last month, at most eight steps apart by a usual number."""
    step = next((step for step in _TICK_STEPS if longest / step <= _MOST_TICKS), _TICK_STEPS[-1])
    steps = max(1, -(-int(longest) // step))
    return [step * place for place in range(steps + 1)]


def _legend(axes: Axes, shown: Shown) -> None:
    labels = []
    for cohort, survival, _ in shown:
        median = survival.median.value
        labels.append(f"{cohort.label}, median " + ("n/a" if median is None else f"{median:.1f} months"))
    axes.legend(axes.get_lines(), labels, loc="upper right", fontsize=9, handlelength=2.6)


def _numbers_at_risk(
    axes: Axes,
    shown: Shown,
    ticks: Sequence[int],
    height: float,
) -> None:
    """Write numbers at risk under the ticks, in the colour of the curve, with the curve's name above."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.figure
    left = ScaledTranslation(-0.62, 0, figure.dpi_scale_trans)
    figure.text(
        0,
        -0.62 / 3.3,
        "Number at risk",
        transform=axes.transAxes + left,
        fontsize=9,
        color=MUTED,
        va="center",
    )
    for row, (cohort, survival, style) in enumerate(shown):
        colour = style.colour
        y = -(0.84 + 0.22 * row) / 3.3
        line = axes.get_lines()[row]
        axes.plot(
            [-0.1, -0.065],
            [y, y],
            transform=axes.transAxes,
            color=colour,
            linestyle=line.get_linestyle(),
            linewidth=1.7,
            clip_on=False,
        )
        for month in ticks:
            text = at_risk(survival, month, cohort.min_cell) or "–"
            axes.text(
                month, y, text, transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=9,
                color=colour,
            )  # fmt: skip


def _describe_curve(label: str, survival: SurvivalSummary, ticks: Sequence[int]) -> str:
    at: dict[int, CurvePoint] = {round(point.months): point for point in survival.curve}
    parts = [f"{100 * at[month].survival:.0f} % at {month}" for month in ticks[1:] if month in at]
    median = survival.median.value
    middle = "median not available" if median is None else f"median {number(median, 1)} months"
    return f"{label}: {middle}" + (f"; {', '.join(parts)} months." if parts else ".")
