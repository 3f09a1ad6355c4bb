"""A small survival curve for a card: the synthetic cohort over the original, as SVG in the page."""

from __future__ import annotations

from collections.abc import Sequence

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import CohortSummary, CurvePoint, Evaluation
from amlsynth.site.markup import Markup, el

_WIDTH, _HEIGHT = 220, 90
_EVEN = {"vector_effect": "non-scaling-stroke"}  # as thick at every width


def curve(evaluation: Evaluation, d: Dictionary) -> Markup | None:
    """Return the curves of the first endpoint that both cohorts have; None where there is none."""
    for endpoint in d.endpoints:
        ours, theirs = (
            _points(cohort, endpoint.name) for cohort in (evaluation.original, evaluation.synthetic)
        )
        if not ours or not theirs:
            continue
        end = min(ours[-1].months, theirs[-1].months)
        theirs_median, ours_median = (
            _median(cohort, endpoint.name) for cohort in (evaluation.synthetic, evaluation.original)
        )
        label = (
            f"{endpoint.label} over {end:.0f} months: median {theirs_median} in synthetic and "
            f"{ours_median} in original patients."
        )
        return el(
            "figure",
            el(
                "svg",
                el("polyline", points=_line(ours, end), class_="original", **_EVEN),
                el("polyline", points=_line(theirs, end), class_="synthetic", **_EVEN),
                viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
                role="img",
                aria_label=label,
            ),
            el("figcaption", label),
            class_="curve",
        )
    return None


def _points(cohort: CohortSummary, endpoint: str) -> Sequence[CurvePoint]:
    return next((s.curve for s in cohort.survival if s.endpoint == endpoint), ())


def _median(cohort: CohortSummary, endpoint: str) -> str:
    value = cohort.endpoint(endpoint).median.value
    return "not reached" if value is None else f"{value:.1f} months"


def _line(points: Sequence[CurvePoint], end: float) -> str:
    """Return a step function as the points of a line, in the coordinates of the picture."""
    steps, height = [], 0.0
    for point in points:
        if point.months > end:
            break
        x, y = _WIDTH * point.months / max(end, 1.0), _HEIGHT * (1 - point.survival)
        steps += [f"{x:.1f},{height:.1f}", f"{x:.1f},{y:.1f}"]
        height = y
    return " ".join(steps)
