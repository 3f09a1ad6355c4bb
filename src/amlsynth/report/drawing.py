"""How every figure of the report looks: colours, fonts, and SVG files with the same bytes each time."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amlsynth.evaluation.records import CohortSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0  # inches; all figures share it, so that their letters have the same size on the page
NARROW = 3.5  # of the version for phones, which is drawn anew and never shrunk
INK = "#1b2a38"
MUTED = "#5b6772"
FAINT = "#d5dbe1"
_LETTER, _HANDLE = 0.066, 0.6  # inches in a legend: a letter at 8.5 points, and a column's handle and spaces


@dataclass(frozen=True)
class Style:
    """How a cohort or an anchor is drawn; line and marker differ too, for print in grey."""

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str


# Colours of Okabe and Ito ("Color universal design", 2008), told apart with every colour blindness, darkened
# to a contrast of 4.5 to 1 against white.
ORIGINAL = Style("#000000", "-", "o")
HOLDOUT = Style("#a65e00", (0, (4, 2)), "|")
INDEPENDENT = Style("#b84a00", ":", "x")
BOOTSTRAP = Style("#007a59", "-.", "+")
SYNTHETICS = (
    Style("#0072b2", "-", "D"),
    Style("#a04d7c", (0, (6, 1.5)), "s"),
    Style("#007a59", "-.", "^"),
    Style("#b84a00", ":", "v"),
    Style("#1f6f9e", (0, (3, 1, 1, 1)), "P"),
)


def styles(cohorts: Sequence[CohortSummary]) -> tuple[Style, ...]:
    """Return how each cohort is drawn; with more than five synthetic ones colours come again."""
    found = []
    for cohort in cohorts:
        if cohort.key == "original":
            found.append(ORIGINAL)
        elif cohort.key == "holdout":
            found.append(HOLDOUT)
        else:
            place = sum(style not in (ORIGINAL, HOLDOUT) for style in found)
            found.append(SYNTHETICS[place % len(SYNTHETICS)])
    return tuple(found)


_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "amlsynth",  # ids inside the SVG follow from it, instead of from chance
    "svg.fonttype": "path",  # glyphs as outlines: the same on every reader's machine
    "font.family": "DejaVu Sans",  # the font that matplotlib brings with it
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class LegendLayout:
    """Labels of a legend broken into lines, in how many columns, and how high they are in inches."""

    labels: list[str]
    columns: int
    height: float


def legend_layout(labels: Sequence[str], width: float, most: int) -> LegendLayout:
    """Lay a legend out so that it is no wider than its figure: fewer columns, then broken labels.

    Parameters
    ----------
    labels : what is written, at 8.5 points.
    width : of the figure, in inches.
    most : columns at most.
    """
    for columns in range(min(most, len(labels)), 0, -1):
        parts = [list(part) for part in np.array_split(np.array(labels, dtype=object), columns)]
        across = sum(_LETTER * max(map(len, part)) + _HANDLE for part in parts)
        if across <= width:
            return LegendLayout(list(labels), columns, 0.1 + 0.2 * max(map(len, parts)))
    letters = int((width - _HANDLE) / _LETTER)
    broken = [textwrap.fill(label, letters) for label in labels]
    return LegendLayout(broken, 1, 0.1 + 0.2 * sum(1 + label.count("\n") for label in broken))


def both(draw: Callable[[Path, float], None], folder: Path, name: str) -> tuple[str, str]:
    """Draw a figure for wide pages and anew for narrow ones; return how Markdown refers to the two files.

    `draw` takes the file to write and the width in inches.
    """
    for suffix, width in (("", WIDTH), ("-narrow", NARROW)):
        draw(folder / f"{name}{suffix}.svg", width)
    return f"{folder.name}/{name}.svg", f"{folder.name}/{name}-narrow.svg"


@dataclass(frozen=True)
class Interval:
    """An estimate of one cohort at a height of its axes: where its line begins and ends, and its symbol."""

    y: float
    low: float
    high: float
    value: float | None


def draw_intervals(
    axes: Axes, intervals: Sequence[Interval], style: Style, *, line: Any, widths: tuple[float, float, float],
    size: float, holdout_size: float,
) -> None:  # fmt: skip
    """Draw all intervals of a cohort at once: an artist for each would take most of the report's time.

    `widths` are those of the lines, of the edges of symbols, and of those of the hold-out, whose symbol is a
    stroke.
    """
    axes.hlines(
        [one.y for one in intervals], [one.low for one in intervals], [one.high for one in intervals],
        colors=style.colour, linewidth=widths[0], linestyles=line, zorder=2,
    )  # fmt: skip
    marked = [(one.value, one.y) for one in intervals if one.value is not None]
    axes.scatter(
        [value for value, _ in marked], [y for _, y in marked], marker=style.marker, color=style.colour,
        s=holdout_size if style is HOLDOUT else size,
        linewidth=widths[2] if style is HOLDOUT else widths[1], zorder=3,
    )  # fmt: skip


@contextmanager
def drawing(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of a size in inches; write it to `path` as SVG when the block ends."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a reader's own matplotlibrc must not change the bytes
        matplotlib.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(width, height))
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        # The date and the version of matplotlib would change the bytes.
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
