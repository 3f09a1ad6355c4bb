"""How every figure of the report looks: colours, fonts, and SVG files with the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlsynth.evaluation.records import CohortSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0  # inches; all figures share it, so that their letters have the same size on the page
INK = "#1b2a38"
MUTED = "#5b6772"
FAINT = "#d5dbe1"


@dataclass(frozen=True)
class Style:
    """How a cohort or an anchor is drawn; line and marker differ too, for print in grey."""

    colour: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str


# Colours of Okabe and Ito ("Color universal design", 2008), told apart with every colour blindness.
ORIGINAL = Style("#000000", "-", "o")
HOLDOUT = Style("#E69F00", (0, (4, 2)), "|")
INDEPENDENT = Style("#D55E00", ":", "x")
BOOTSTRAP = Style("#009E73", "-.", "+")
SYNTHETICS = (
    Style("#0072B2", "-", "D"),
    Style("#CC79A7", (0, (6, 1.5)), "s"),
    Style("#009E73", "-.", "^"),
    Style("#D55E00", ":", "v"),
    Style("#56B4E9", (0, (3, 1, 1, 1)), "P"),
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


def percent_axis(axes: Axes, largest: float) -> None:
    """Set up a horizontal axis in percent from 0 to a little beyond `largest`."""
    axes.set_xlim(0, max(largest, 1.0) * 1.06)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
