"""The figures: survival curves, frequencies of alterations, measures beside their anchors.

Each function writes one SVG file and returns the Markdown that shows it, with a caption and a text
for readers who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.dictionary import Group, Variable
from amlsynth.evaluation.records import (
    CategoryCount,
    CohortSummary,
    CurvePoint,
    Figure,
    Measure,
    SurvivalSummary,
)
from amlsynth.report.anchors import ANCHORS
from amlsynth.report.context import Context
from amlsynth.report.drawing import (
    BOOTSTRAP,
    COHORTS,
    FAINT,
    HOLDOUT,
    INDEPENDENT,
    MUTED,
    ORIGINAL,
    SYNTHETIC,
    drawing,
    percent_axis,
)
from amlsynth.report.tables import PRESENT
from amlsynth.report.text import escape, find, image, listing, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 7.0  # inches; all figures share it, so that their letters have the same size on the page
_TICK_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_MOST_TICKS = 8
_ANCHOR_STYLES = {"holdout": HOLDOUT, "independent": INDEPENDENT, "bootstrap": BOOTSTRAP}


def survival_figure(context: Context, endpoint: str, folder: Path) -> str:
    """Draw Kaplan-Meier curves with 95 % bands and numbers at risk, figure 3 of the paper.

    Returns a sentence instead of a figure when no cohort has a curve.
    """
    label = context.dictionary.endpoint(endpoint).label
    found = [(cohort, cohort.endpoint(endpoint)) for cohort in context.cohorts]
    shown = [(c, s, style) for (c, s), style in zip(found, COHORTS, strict=False) if s.curve]
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
    alt = f"Kaplan-Meier curves of {label.lower()}. " + " ".join(
        _describe_curve(cohort.label, survival, ticks) for cohort, survival, _ in shown
    )
    return image(f"{folder.name}/{path.name}", caption, f"fig-survival-{endpoint.lower()}", alt)


def alteration_figure(context: Context, group: Group, folder: Path) -> str:
    """Draw the share of carriers of each alteration of one group: a panel of figure 1 of the paper."""
    members = context.dictionary.members(group.id)
    shares = [[_percent(cohort.variable(v.name).counts) for v in members] for cohort in context.cohorts]
    known = [share for row in shares for share in row if share is not None]
    path = folder / f"alterations-{group.id}.svg"
    height = 1.15 + 0.31 * len(members)
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.23, 0.5 / height, 0.5, (height - 1.0) / height))
        percent_axis(axes, max(known, default=1.0))
        for place in range(len(members)):
            ends = [share for row in shares[:2] if (share := row[place]) is not None]
            if len(ends) == 2:
                axes.plot(ends, [place, place], color=MUTED, linewidth=1.0, zorder=1)
        for row, style in reversed(list(zip(shares, COHORTS, strict=False))):
            points = [(share, place) for place, share in enumerate(row) if share is not None]
            axes.scatter(
                [share for share, _ in points],
                [place for _, place in points],
                marker=style.marker,
                s=90 if style is HOLDOUT else 34,
                color=style.colour,
                linewidth=1.8 if style is HOLDOUT else 0.8,
                zorder=2,
            )
        axes.set_yticks(range(len(members)), [variable.label for variable in members])
        axes.set_ylim(len(members) - 0.4, -0.6)
        axes.set_xlabel("Patients with the alteration, %")
        _share_columns(axes, context.cohorts, members, above=0.16 / (height - 1.0))
        _cohort_legend(axes, context.cohorts)
    title = f"{group.label} (panel {group.panel})" if group.panel else group.label
    names = listing([escape(cohort.label) for cohort in context.cohorts])
    caption = (
        f"{escape(title)}: share of patients with each alteration, of those in whom it was assessed; "
        f"{names}. Each panel has its own scale. No symbol: suppressed or not assessed."
    )
    alt = f"Dot plot. {title}, percent of patients with the alteration. " + " ".join(
        _describe_alteration(variable, [row[i] for row in shares], context.cohorts)
        for i, variable in enumerate(members)
    )
    return image(f"{folder.name}/{path.name}", caption, f"fig-alterations-{group.id}", alt)


def anchor_figure(context: Context, folder: Path) -> str:
    """Draw every measure for which higher is better beside its anchors; "" when there is none."""
    chosen = [
        m for m in context.evaluation.measures if m.better == "higher" and m.synthetic.value is not None
    ]
    if not chosen:
        return ""
    path = folder / "anchors.svg"
    height = 1.05 + 0.36 * len(chosen)
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.39, 0.5 / height, 0.58, (height - 0.95) / height))
        values = [value for measure in chosen for value in _anchor_values(measure).values()]
        margin = 0.05 * (max(values) - min(values) or 1.0)
        axes.set_xlim(min(values) - margin, max(values) + margin)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.hlines(range(len(chosen)), *axes.get_xlim(), color=FAINT, linewidth=0.8, zorder=0)
        for name in ("independent", "bootstrap", "holdout", "synthetic"):
            style = _ANCHOR_STYLES.get(name, SYNTHETIC)
            points = [
                (_anchor_values(measure)[name], place)
                for place, measure in enumerate(chosen)
                if name in _anchor_values(measure)
            ]
            axes.scatter(
                [value for value, _ in points],
                [place for _, place in points],
                marker=style.marker,
                s=110 if name == "holdout" else 48,
                color=style.colour,
                linewidth=2 if name == "holdout" else 0.8,
                label=_anchor_label(name),
                zorder=3 if name == "synthetic" else 2,
            )
        axes.set_yticks(range(len(chosen)), [measure.label for measure in chosen])
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Score; 1 is equal to the original")
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=4,
            handletextpad=0.2,
            columnspacing=1.2,
            fontsize=9,
        )
    caption = (
        "Scores of the synthetic cohort beside its anchors. A score is worth something only where "
        "independent columns stay clearly behind the hold-out."
    )
    alt = "Dot plot of scores. " + " ".join(_describe_measure(measure) for measure in chosen)
    return image(f"{folder.name}/{path.name}", caption, "fig-anchors", alt)


def _month_ticks(longest: float) -> list[int]:
    """Return ticks from 0 that reach the last month, at most eight steps apart by a usual number."""
    step = next((step for step in _TICK_STEPS if longest / step <= _MOST_TICKS), _TICK_STEPS[-1])
    steps = max(1, -(-int(longest) // step))
    return [step * place for place in range(steps + 1)]


def _legend(axes: Axes, shown: Sequence[tuple[CohortSummary, SurvivalSummary, object]]) -> None:
    labels = []
    for cohort, survival, _ in shown:
        median = survival.median.value
        labels.append(f"{cohort.label}, median " + ("n/a" if median is None else f"{median:.1f} months"))
    axes.legend(axes.get_lines(), labels, loc="upper right", fontsize=9, handlelength=2.6)


def _numbers_at_risk(
    axes: Axes,
    shown: Sequence[tuple[CohortSummary, SurvivalSummary, object]],
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
    for row, (_, survival, _) in enumerate(shown):
        colour = COHORTS[row].colour
        y = -(0.84 + 0.22 * row) / 3.3
        at_risk = {round(point.months): point.at_risk for point in survival.curve}
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
            left_over = at_risk.get(month)
            text = "–" if left_over is None else f"{left_over:,}"
            axes.text(
                month, y, text, transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=9,
                color=colour,
            )  # fmt: skip


def _cohort_legend(axes: Axes, cohorts: Sequence[CohortSummary]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour,
               markersize=10 if style is HOLDOUT else 6, markeredgewidth=1.8 if style is HOLDOUT else 0.8)
        for _, style in zip(cohorts, COHORTS, strict=False)
    ]  # fmt: skip
    axes.figure.legend(
        handles, [cohort.label for cohort in cohorts], loc="upper left", ncols=len(cohorts), fontsize=9,
        handletextpad=0.2, columnspacing=1.4, borderaxespad=0.2,
    )  # fmt: skip


def _share_columns(
    axes: Axes, cohorts: Sequence[CohortSummary], members: Sequence[Variable], above: float
) -> None:
    """Write the shares in percent beside the plot, one column a cohort, under the cohort's symbol."""
    for column, cohort in enumerate(cohorts):
        x = 1.13 + 0.155 * column
        style = COHORTS[column]
        axes.scatter(
            [x], [1.0 + above], transform=axes.transAxes, marker=style.marker, color=style.colour,
            clip_on=False, s=90 if style is HOLDOUT else 34, linewidth=1.8 if style is HOLDOUT else 0.8,
        )  # fmt: skip
        for place, variable in enumerate(members):
            share = percent(cohort.variable(variable.name).counts, PRESENT)
            axes.text(
                x, place, share or "–", transform=axes.get_yaxis_transform(),
                ha="center", va="center", fontsize=9, color=style.colour if column < 2 else MUTED,
            )  # fmt: skip


def _percent(counts: Sequence[CategoryCount]) -> float | None:
    """Return the share of carriers in percent; None where it is suppressed or too coarse for a plot."""
    entry = find(counts, PRESENT)
    return None if entry is None or entry.share is None or not percent(counts, PRESENT) else 100 * entry.share


def _anchor_values(measure: Measure) -> dict[str, float]:
    found: dict[str, Figure] = {"synthetic": measure.synthetic}
    found |= {name: figure for name, figure in measure.anchors.items()}
    return {name: figure.value for name, figure in found.items() if figure.value is not None}


def _anchor_label(name: str) -> str:
    return next((label for anchor, label in ANCHORS.items() if anchor == name), "Synthetic")


def _describe_measure(measure: Measure) -> str:
    parts = [f"{_anchor_label(name).lower()} {value:.3f}" for name, value in _anchor_values(measure).items()]
    return f"{measure.label}: {', '.join(parts)}."


def _describe_alteration(
    variable: Variable, row: Sequence[float | None], cohorts: Sequence[CohortSummary]
) -> str:
    parts = [
        f"{cohort.label} {'not shown' if share is None else f'{share:.1f}'}"
        for cohort, share in zip(cohorts, row, strict=True)
    ]
    return f"{variable.label}: {', '.join(parts)}."


def _describe_curve(label: str, survival: SurvivalSummary, ticks: Sequence[int]) -> str:
    at: dict[int, CurvePoint] = {round(point.months): point for point in survival.curve}
    parts = [f"{100 * at[month].survival:.0f} % at {month}" for month in ticks[1:] if month in at]
    median = survival.median.value
    middle = "median not available" if median is None else f"median {number(median, 1)} months"
    return f"{label}: {middle}" + (f"; {', '.join(parts)} months." if parts else ".")
