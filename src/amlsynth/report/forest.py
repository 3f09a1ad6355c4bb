"""Forest plots: the effect of each marker in the original and in the other cohorts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from amlsynth.evaluation.records import Effect
from amlsynth.report.context import Context, ties_words
from amlsynth.report.drawing import FAINT, HOLDOUT, MUTED, WIDTH, Style, drawing, styles
from amlsynth.report.effects import main_subjects, subject_label, subjects
from amlsynth.report.text import escape, image, listing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_LONGEST, _SHORTEST = 32.0, 1 / 32.0  # ratios beyond are cut off, with an arrow
_TICKS = (1 / 32, 1 / 16, 1 / 8, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
_ROW, _HEAD, _FOOT = 0.115, 0.55, 0.65  # inches a cohort, above and below the axes
_MOST = 18  # markers of one figure, which has to fit a page

Which = Literal["main", "other"]


def forest_figures(context: Context, endpoint: str, which: Which, folder: Path) -> str:
    """Draw univariable effects on one endpoint with 95 % intervals; "" when there are none.

    `which` takes the numbers, risk and markers that the dictionary names, or the others, in figures that fit
    a page.
    """
    main = main_subjects(context.dictionary)
    names = [s for s in subjects(context, endpoint) if (s in main) == (which == "main")]
    parts = -(-len(names) // _MOST)
    size = -(-len(names) // max(parts, 1))
    return "\n".join(
        _figure(context, endpoint, which, names[size * part : size * (part + 1)], part, folder)
        for part in range(parts)
    )


def _figure(
    context: Context, endpoint: str, which: Which, names: Sequence[str], part: int, folder: Path
) -> str:
    cohorts = context.cohorts
    found = {(e.subject, e.cohort): e for e in context.effects(endpoint, "univariable") if e.subject in names}
    if not any(e.effect.value is not None for e in found.values()) or not names:
        return ""
    drawn = list(zip(cohorts, styles(cohorts), strict=True))
    band = _ROW * (len(cohorts) + 1)
    legend = 0.2 * ((len(cohorts) - 1) // 3)
    height = _HEAD + legend + _FOOT + band * len(names)
    name = f"forest-{endpoint.lower()}-{which}" + (f"-{part + 1}" if part else "")
    path = folder / f"{name}.svg"
    kind = next(iter(found.values())).effect_name
    with drawing(path, WIDTH, height) as figure:
        axes = figure.add_axes((0.27, _FOOT / height, 0.7, (height - _HEAD - _FOOT - legend) / height))
        axes.set_xscale("log")
        low, high = _limits(list(found.values()))
        axes.set_xlim(low, high)
        axes.set_ylim(len(names) * band, 0)
        for row in range(0, len(names), 2):
            axes.axhspan(row * band, (row + 1) * band, color=FAINT, alpha=0.35, linewidth=0)
        axes.axvline(1, color=MUTED, linewidth=0.9, zorder=1)
        for row, subject in enumerate(names):
            for place, (cohort, style) in enumerate(drawn):
                effect = found.get((subject, cohort.key))
                y = row * band + _ROW * (place + 1)
                if effect is not None and effect.effect.value is not None:
                    _draw(axes, effect, y, style, (low, high))
        axes.set_yticks([(row + 0.5) * band for row in range(len(names))])
        axes.set_yticklabels([subject_label(context, name) for name in names])
        ticks = [tick for tick in _TICKS if low <= tick <= high]
        axes.set_xticks(ticks, [f"1/{round(1 / t)}" if t < 1 else f"{t:.0f}" for t in ticks])
        axes.minorticks_off()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{kind.capitalize()} (log scale), 95 % interval")
        handles = [_handle(style) for _, style in drawn]
        figure.legend(
            handles, [cohort.label for cohort in cohorts], loc="upper left", ncols=min(3, len(cohorts)),
            fontsize=9, handletextpad=0.3, columnspacing=1.4, borderaxespad=0.2,
        )  # fmt: skip
    what = escape(_main_words(context)) if which == "main" else "other markers"
    caption = (
        f"Univariable {escape(kind)}s for {endpoint}{ties_words(context, kind)}: {what}. No symbol: the "
        "cohort has no estimate, or too few patients of the original are in one of the cells."
    )
    alt = f"Forest plot of {kind}s for {endpoint}. " + " ".join(
        _describe(context, name, [found.get((name, cohort.key)) for cohort in cohorts]) for name in names
    )
    return image(f"{folder.name}/{path.name}", caption, f"fig-{name}", alt)


def _main_words(context: Context) -> str:
    d = context.dictionary
    numbers = [d[entry.variable].label.lower() for entry in d.roles.effect_numbers]
    risk = [d.roles.classification.label] if d.roles.classification else []
    return listing([*numbers, *risk, "the main markers"])


def _limits(effects: Sequence[Effect]) -> tuple[float, float]:
    ends = [
        end
        for e in effects
        for end in (e.effect.low, e.effect.high, e.effect.value)
        if e.effect.value is not None and end is not None and end > 0
    ]
    low = max(_SHORTEST, min([*ends, 0.5]))
    high = min(_LONGEST, max([*ends, 2.0]))
    return 2.0 ** math.floor(math.log2(low)), 2.0 ** math.ceil(math.log2(high))


def _draw(axes: Axes, effect: Effect, y: float, style: Style, limits: tuple[float, float]) -> None:

    assert effect.effect.value is not None
    value = effect.effect.value
    low = limits[0] if effect.effect.low is None else max(effect.effect.low, limits[0])
    high = limits[1] if effect.effect.high is None else min(effect.effect.high, limits[1])
    axes.plot([low, high], [y, y], color=style.colour, linewidth=1.3, linestyle=style.line, zorder=2)
    if limits[0] <= value <= limits[1]:
        axes.scatter(
            [value], [y], marker=style.marker, color=style.colour, s=60 if style is HOLDOUT else 20,
            linewidth=1.6 if style is HOLDOUT else 0.8, zorder=3,
        )  # fmt: skip


def _handle(style: Style) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle=style.line,  # type: ignore[arg-type]  # which its stubs do not know
        linewidth=1.3, marker=style.marker, color=style.colour,
        markersize=9 if style is HOLDOUT else 5, markeredgewidth=1.6 if style is HOLDOUT else 0.8,
    )  # fmt: skip


def _describe(context: Context, name: str, effects: Sequence[Effect | None]) -> str:
    parts = []
    for cohort, effect in zip(context.cohorts, effects, strict=True):
        value = effect.effect.value if effect is not None else None
        parts.append(f"{cohort.label} {'not shown' if value is None else f'{value:.2f}'}")
    return f"{subject_label(context, name)}: {', '.join(parts)}."
