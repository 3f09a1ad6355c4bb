"""The anchors in words: what each is, and where a synthetic figure stands between them."""

from __future__ import annotations

from typing import Literal

from amlsynth.evaluation.records import Figure, Measure
from amlsynth.report.decision.signal import subtract

AnchorName = Literal["holdout", "independent", "bootstrap"]

EQUAL = 0.1  # of the way from the hold-out to the bad anchor
ANCHORS: dict[AnchorName, str] = {
    "holdout": "Hold-out",
    "independent": "Independent columns",
    "bootstrap": "Bootstrap copy",
}


def distance(figure: Figure | None, measure: Measure) -> float | None:
    """Return how far a figure is from the best one, in the measure's own unit; None where unknown.

    For "higher" only the order of two distances means something.
    """
    if figure is None or figure.value is None:
        return None
    if measure.better == "higher":
        return -figure.value
    if measure.better == "lower":
        return figure.value
    if measure.better == "zero":
        return abs(figure.value)
    if measure.better == "half":
        return abs(figure.value - 0.5)
    if measure.better == "original" and measure.original and measure.original.value is not None:
        return abs(figure.value - measure.original.value)
    return None


def reading(measure: Measure, key: str | None = None) -> str:
    """Say in words where a synthetic figure stands between the hold-out and the bad anchor.

    `key` is that of the cohort, by default the first.

    The bad anchor is the bootstrap copy for privacy, which gives every patient away, and independent
    columns for the rest, which keep nothing between variables. A figure whose interval does not tell it
    from the
    hold-out's is not placed; one within a tenth of the way counts as equal, since that is what chance does.
    """
    figure = measure.synthetic if key is None else measure.figures[key]
    if figure.value is None:
        return "not available"
    if measure.better == "none":
        return "for information"
    if measure.aspect == "validity" and measure.better == "zero":
        # What is required is known; the anchors break rules for reasons of their own.
        return "as required" if figure.value == 0 else "not as required"
    private = measure.aspect == "privacy"
    bad: AnchorName = "bootstrap" if private else "independent"
    name = "bootstrap copies" if private else "independent columns"
    real, worst = measure.anchors.get("holdout"), measure.anchors.get(bad)
    ours, good, far = (distance(f, measure) for f in (figure, real, worst))
    if ours is None or (good is None and far is None):
        return "no anchor available"
    if good is None or real is None:
        assert far is not None
        return f"better than {name}" if ours < far else f"no better than {name}"
    if _covers_zero(figure, real):
        return "not told apart from the hold-out"
    if far is None or far <= good:
        place = "as good as the hold-out" if ours <= good else "short of the hold-out"
        return place if far is None else f"{place}; {name} do as well, so it tells little"
    way = (ours - good) / (far - good)
    if way < -EQUAL:
        return _better(measure, ours, good)
    if way <= EQUAL:
        return "like the hold-out"
    if way >= 1 - EQUAL:
        return f"like {name}" if way <= 1 + EQUAL else f"worse than {name}"
    return f"between the hold-out and {name}, nearer {'the hold-out' if way <= 0.5 else name}"


def _better(measure: Measure, ours: float, good: float) -> str:
    """Tell what is better than the hold-out from what comes as near as copies do."""
    if measure.aspect == "privacy":
        return "less than the hold-out"
    copies = distance(measure.anchors.get("bootstrap"), measure)
    if copies is not None and copies < good and (good - ours) / (good - copies) >= 0.5:
        return "nearer than the hold-out, as copies are"
    return "better than the hold-out"


def _covers_zero(figure: Figure, real: Figure) -> bool:
    """Whether both have intervals, and the interval of their difference covers 0."""
    if None in (figure.low, figure.high, real.low, real.high):
        return False
    difference = subtract(figure, real)
    assert difference.low is not None and difference.high is not None
    return difference.low <= 0 <= difference.high
