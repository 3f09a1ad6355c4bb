"""The anchors: cohorts of known worth that every measure is computed for as well.

Shuffled columns keep every single column and nothing between them; a bootstrap keeps everything and
no privacy; the real hold-out shows what another sample of the same population reaches.
"""

from __future__ import annotations

from typing import Literal

from amlsynth.evaluation.measure_group import NO_HOLDOUT, AnchorName, EvaluatedCohort, EvaluationContext
from amlsynth.foundation.errors import AmlsynthError
from amlsynth.foundation.streams import Stream

_STREAMS: dict[Literal["independent", "bootstrap"], Stream] = {
    "independent": Stream.INDEPENDENT_ANCHOR,
    "bootstrap": Stream.BOOTSTRAP_ANCHOR,
}


def make_anchors(context: EvaluationContext, n: int) -> dict[AnchorName, EvaluatedCohort | str]:
    """Return the anchors of an evaluation, or the reason why one cannot be made.

    Parameters
    ----------
    context : the original and the hold-out.
    n : patients in each anchor that is drawn: as many as the synthetic cohort has.
    """
    anchors: dict[AnchorName, EvaluatedCohort | str] = {
        name: _generated(name, stream, context, n) for name, stream in _STREAMS.items()
    }
    anchors["holdout"] = NO_HOLDOUT
    if context.holdout is not None:
        anchors["holdout"] = EvaluatedCohort("holdout", context.holdout)
    return anchors


def _generated(
    name: Literal["independent", "bootstrap"], stream: Stream, context: EvaluationContext, n: int
) -> EvaluatedCohort | str:
    from amlsynth.generators import create

    rng = stream.rng(context.seed)
    generator = create(name, {}, context.dictionary)
    try:
        generator.fit(context.original, rng)
        return EvaluatedCohort(name, generator.sample(n, rng))
    except AmlsynthError as error:
        return f"the anchor cannot be drawn: {error}"
