"""The anchors: cohorts of known worth that every measure is computed for as well.

Shuffled columns keep every single column and nothing between them; a bootstrap keeps everything and
no privacy; the real hold-out shows what another sample of the same population reaches.
"""

from __future__ import annotations

from typing import Literal

from amlsynth.evaluation.family import NO_HOLDOUT, AnchorName, Candidate, Setting
from amlsynth.foundation.errors import AmlsynthError
from amlsynth.foundation.streams import Stream

_STREAMS: dict[Literal["independent", "bootstrap"], Stream] = {
    "independent": Stream.INDEPENDENT_ANCHOR,
    "bootstrap": Stream.BOOTSTRAP_ANCHOR,
}


def make_anchors(setting: Setting, n: int) -> dict[AnchorName, Candidate | str]:
    """Return the anchors of an evaluation, or the reason why one cannot be made.

    Parameters
    ----------
    setting : the original and the hold-out.
    n : patients in each anchor that is drawn: as many as the synthetic cohort has.
    """
    anchors: dict[AnchorName, Candidate | str] = {
        name: _generated(name, stream, setting, n) for name, stream in _STREAMS.items()
    }
    anchors["holdout"] = NO_HOLDOUT
    if setting.holdout is not None:
        anchors["holdout"] = Candidate("holdout", setting.holdout)
    return anchors


def _generated(
    name: Literal["independent", "bootstrap"], stream: Stream, setting: Setting, n: int
) -> Candidate | str:
    from amlsynth.generators import create

    rng = stream.rng(setting.seed)
    generator = create(name, {}, setting.dictionary)
    try:
        generator.fit(setting.original, rng)
        return Candidate(name, generator.sample(n, rng))
    except AmlsynthError as error:
        return f"the anchor cannot be drawn: {error}"
