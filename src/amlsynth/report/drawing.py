"""How the figures of the report look: their widths, their colours, and how cohorts are told apart in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amlsynth.evaluation.records import CohortSummary

WIDTH = 7.0  # inches; all figures share it, so that their letters have the same size on the page
NARROW = 3.5  # of the version for phones, which is drawn anew and never shrunk
INK = "#1b2a38"
MUTED = "#5b6772"
FAINT = "#d5dbe1"


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
