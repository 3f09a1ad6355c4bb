"""What is better of two figures, as a measure's direction says."""

from __future__ import annotations

import pytest

from amlsynth.evaluation.records import Figure, Measure
from amlsynth.report.anchors import distance, reading


def _measure(value: float) -> Measure:
    anchors = {"holdout": 0.48, "independent": 0.8, "bootstrap": 0.27}
    return Measure(
        id="m",
        label="M",
        aspect="fidelity",
        better="half",
        description="-",
        source="-",
        figures={"a": Figure(value=value)},
        anchors={name: Figure(value=anchor) for name, anchor in anchors.items()},  # type: ignore[misc]
    )


def test_copies_are_as_far_from_guessing_as_strangers_are() -> None:
    measure = _measure(0.5)
    assert distance(measure.anchors["bootstrap"], measure) == pytest.approx(0.23)
    assert distance(measure.synthetic, measure) == 0
    assert reading(measure) == "like the hold-out"
    assert reading(_measure(0.4)) == "between the hold-out and independent columns, nearer the hold-out"
    assert reading(_measure(0.15)) == "worse than independent columns"
