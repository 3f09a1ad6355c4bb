"""The figures: frequencies of alterations, measures beside their anchors.

Each function writes one SVG file and returns the Markdown that shows it, with a caption and a text
for readers who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.dictionary.model import Group, Variable
from amlsynth.evaluation.records import (
    CategoryCount,
    CohortSummary,
    Figure,
    Measure,
)
from amlsynth.report.anchors import ANCHORS
from amlsynth.report.context import Context
from amlsynth.report.drawing import (
    BOOTSTRAP,
    FAINT,
    HOLDOUT,
    INDEPENDENT,
    MUTED,
    WIDTH,
    Style,
    drawing,
    percent_axis,
    styles,
)
from amlsynth.report.tables import PRESENT
from amlsynth.report.text import escape, find, image, is_rounded, listing, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Families of scores between 0 and 1; one that names none is shown too.
SCORES = ("", "fidelity", "two samples", "support", "survival")
_ANCHOR_STYLES: dict[str, Style] = {"holdout": HOLDOUT, "independent": INDEPENDENT, "bootstrap": BOOTSTRAP}


def alteration_figure(context: Context, group: Group, folder: Path) -> str:
    """Draw the share of carriers of each alteration of one group: a panel of figure 1 of the paper."""
    members = context.dictionary.members(group.id)
    shares = [[_percent(cohort.variable(v.name).counts) for v in members] for cohort in context.cohorts]
    known = [share for row in shares for share in row if share is not None]
    path = folder / f"alterations-{group.id}.svg"
    legend = 0.2 * ((len(context.cohorts) - 1) // 3)
    height = 1.15 + legend + 0.31 * len(members)
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.23, 0.5 / height, 0.5, (height - 1.0 - legend) / height))
        percent_axis(axes, max(known, default=1.0))
        for place in range(len(members)):
            ends = [share for row in shares[:-1] or shares if (share := row[place]) is not None]
            if len(ends) > 1:
                axes.plot([min(ends), max(ends)], [place, place], color=MUTED, linewidth=1.0, zorder=1)
        for row, style in reversed(list(zip(shares, styles(context.cohorts), strict=True))):
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
        _share_columns(axes, context.cohorts, members, above=0.16 / (height - 1.0 - legend))
        _cohort_legend(axes, context.cohorts)
    title = f"{group.label} (panel {group.panel})" if group.panel else group.label
    names = listing([escape(cohort.label) for cohort in context.cohorts])
    caption = (
        f"{escape(title)}: share of patients with each alteration, of those in whom it was assessed; "
        f"{names}. Each panel has its own scale. No symbol: not shown or not assessed."
    )
    alt = f"Dot plot. {title}, percent of patients with the alteration. " + " ".join(
        _describe_alteration(variable, [row[i] for row in shares], context.cohorts)
        for i, variable in enumerate(members)
    )
    return image(f"{folder.name}/{path.name}", caption, f"fig-alterations-{group.id}", alt)


def anchor_figure(context: Context, folder: Path) -> str:
    """Draw the scores for which higher is better beside their anchors; "" when there is none."""
    chosen = [
        m
        for m in context.evaluation.measures
        if m.better == "higher" and m.group in SCORES and any(f.value is not None for f in m.figures.values())
    ]
    if not chosen:
        return ""
    path = folder / "anchors.svg"
    series = _series(context)
    legend = 0.2 * ((len(series) - 1) // 4)
    height = 1.05 + legend + 0.36 * len(chosen)
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.36, 0.5 / height, 0.61, (height - 0.95 - legend) / height))
        values = [value for measure in chosen for value in _values(measure).values()]
        margin = 0.05 * (max(values) - min(values) or 1.0)
        axes.set_xlim(min(values) - margin, max(values) + margin)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.hlines(range(len(chosen)), *axes.get_xlim(), color=FAINT, linewidth=0.8, zorder=0)
        for name, label, style in series:
            points = [(_values(m)[name], place) for place, m in enumerate(chosen) if name in _values(m)]
            wide = style in (HOLDOUT, INDEPENDENT, BOOTSTRAP)
            axes.scatter(
                [value for value, _ in points],
                [place for _, place in points],
                marker=style.marker,
                s=110 if style is HOLDOUT else 48,
                color=style.colour,
                linewidth=2 if wide else 0.8,
                label=label,
                zorder=2 if wide else 3,
            )
        axes.set_yticks(range(len(chosen)), [measure.label for measure in chosen])
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Score; 1 is equal to the original")
        axes.figure.legend(
            loc="upper right", ncols=min(4, len(series)), handletextpad=0.2, columnspacing=1.2, fontsize=9,
            borderaxespad=0.2,
        )  # fmt: skip
    caption = (
        "Scores beside their anchors. A score is worth something only where independent columns stay clearly "
        "behind the hold-out."
    )
    alt = "Dot plot of scores. " + " ".join(_describe_measure(measure, series) for measure in chosen)
    return image(f"{folder.name}/{path.name}", caption, "fig-anchors", alt)


def _cohort_legend(axes: Axes, cohorts: Sequence[CohortSummary]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour,
               markersize=10 if style is HOLDOUT else 6, markeredgewidth=1.8 if style is HOLDOUT else 0.8)
        for style in styles(cohorts)
    ]  # fmt: skip
    axes.figure.legend(
        handles, [cohort.label for cohort in cohorts], loc="upper left", ncols=min(len(cohorts), 3),
        fontsize=9, handletextpad=0.2, columnspacing=1.4, borderaxespad=0.2,
    )  # fmt: skip


def _share_columns(
    axes: Axes, cohorts: Sequence[CohortSummary], members: Sequence[Variable], above: float
) -> None:
    """Write the shares in percent beside the plot, one column a cohort, under the cohort's symbol."""
    step = 0.155 * min(1.0, 3 / len(cohorts))
    for column, (cohort, style) in enumerate(zip(cohorts, styles(cohorts), strict=True)):
        x = 1.1 + step * (column + 0.2)
        axes.scatter(
            [x], [1.0 + above], transform=axes.transAxes, marker=style.marker, color=style.colour,
            clip_on=False, s=90 if style is HOLDOUT else 34, linewidth=1.8 if style is HOLDOUT else 0.8,
        )  # fmt: skip
        for place, variable in enumerate(members):
            share = percent(cohort.variable(variable.name).counts, PRESENT)
            axes.text(
                x, place, share or "–", transform=axes.get_yaxis_transform(),
                ha="center", va="center", fontsize=9, color=style.colour if style is not HOLDOUT else MUTED,
            )  # fmt: skip


def _percent(counts: Sequence[CategoryCount]) -> float | None:
    """Return the share of carriers in percent; None where it is held back, or only roughly known."""
    entry = find(counts, PRESENT)
    return None if entry is None or entry.share is None or is_rounded(counts) else 100 * entry.share


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
    parts = [f"{label} {values[name]:.3f}" for name, label, _ in series if name in values]
    return f"{measure.label}: {', '.join(parts)}."


def _describe_alteration(
    variable: Variable, row: Sequence[float | None], cohorts: Sequence[CohortSummary]
) -> str:
    parts = [
        f"{cohort.label} {'not shown' if share is None else f'{share:.1f}'}"
        for cohort, share in zip(cohorts, row, strict=True)
    ]
    return f"{variable.label}: {', '.join(parts)}."
