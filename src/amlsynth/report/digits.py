"""One rule of digits for every number of the report, the README of a release and the site.

Counts are whole; months have one decimal; all else has two, or three where every figure of the measure is
smaller than a tenth, so that a row never mixes precisions.
"""

from __future__ import annotations

from collections.abc import Iterable

from amlsynth.evaluation.records import Figure, Measure

MINUS, WORD_JOINER = "\u2212", "\u2060"
_SMALL = 0.1


def number(value: float, decimals: int) -> str:
    """Format with thousands separators and a true minus sign.

    >>> number(-1234.56, 1)
    '−1,234.6'
    """
    text = f"{value:,.{decimals}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


def span(low: str, high: str) -> str:
    """Return "(low–high)" that no line break takes apart after the dash."""
    return f"({low}–{WORD_JOINER}{high})"


def decimals(measure: Measure) -> int:
    """Return how many decimals all figures of a measure are shown with."""
    values = [figure.value for figure in all_figures(measure) if figure.value is not None]
    if measure.unit == "months":
        return 1
    if all(value == round(value) for value in values) and not any(f.low for f in all_figures(measure)):
        return 0
    return 2 if max(map(abs, values), default=1.0) >= _SMALL else 3


def all_figures(measure: Measure) -> Iterable[Figure]:
    """Yield the figures of the original, of the synthetic cohorts and of the anchors."""
    if measure.original is not None:
        yield measure.original
    yield from measure.figures.values()
    yield from measure.anchors.values()


def shown(figure: Figure | None, places: int, *, interval: bool = True) -> str:
    """Return a figure with its interval as plain text; "" where there is none."""
    if figure is None or figure.value is None:
        return ""
    text = number(figure.value, places)
    if not interval or (figure.low is None and figure.high is None):
        return text
    ends = ["not reached" if end is None else number(end, places) for end in (figure.low, figure.high)]
    return f"{text} {span(*ends)}"
