"""The anchors in words: what each is, and where a synthetic figure stands between them."""

from __future__ import annotations

from typing import Literal

from amlsynth.evaluation.records import Figure, Measure

AnchorName = Literal["holdout", "independent", "bootstrap"]

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
    columns for the rest, which keep nothing between variables.
    """
    figure = measure.synthetic if key is None else measure.figures[key]
    if figure.value is None:
        return "not available"
    if measure.better == "none":
        return "for information"
    if measure.aspect == "validity" and measure.better == "zero":
        # What is required is known; the anchors break rules for reasons of their own.
        return "as required" if figure.value == 0 else "not as required"
    # More likeness than that of unseen patients is no merit where copying is the danger.
    good = "no worse than" if measure.aspect == "privacy" else "as good as"
    bad: AnchorName = "bootstrap" if measure.aspect == "privacy" else "independent"
    name = "bootstrap copies" if measure.aspect == "privacy" else "independent columns"
    ours = distance(figure, measure)
    real = distance(measure.anchors.get("holdout"), measure)
    worst = distance(measure.anchors.get(bad), measure)
    if ours is None or (real is None and worst is None):
        return "no anchor available"
    if real is None:
        assert worst is not None
        return f"better than {name}" if ours < worst else f"no better than {name}"
    if worst is None:
        return f"{good} the hold-out" if ours <= real else "short of the hold-out"
    if worst <= real:
        place = f"{good} the hold-out" if ours <= real else "short of the hold-out"
        return f"{place}; {name} do as well, so it tells little"
    if ours <= real:
        return f"{good} the hold-out"
    if ours >= worst:
        return f"no better than {name}"
    nearer = "the hold-out" if ours - real <= worst - ours else name
    return f"between the hold-out and {name}, nearer {nearer}"
