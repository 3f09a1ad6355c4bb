"""Linkability: does a synthetic cohort help to join two data sets of the same patients?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureGroup,
    NotComputable,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.mixed import STEP, MixedSpace, Points
from amlsynth.evaluation.privacy.attacks.rates import Rate, rate_of
from amlsynth.evaluation.privacy.attacks.results import AttackResult, attack_definitions, no_figures
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream

NEIGHBOURS = 5  # synthetic patients that are looked at on each side
_MEMBER_STREAMS = (Stream.LINKED_MEMBERS_CLINICAL, Stream.LINKED_MEMBERS_GENETIC)
_NON_MEMBER_STREAMS = (Stream.LINKED_NON_MEMBERS_CLINICAL, Stream.LINKED_NON_MEMBERS_GENETIC)


def genetic_columns(d: Dictionary) -> tuple[list[str], list[str]]:
    """Return the two data sets that are joined: what a clinic knows, and what a laboratory knows.

    The latter are the alterations and what else the dictionary calls genetic.
    """
    genetic = {v.name for v in d.alterations} | set(d.roles.genetic)
    return [name for name in d.names if name not in genetic], [name for name in d.names if name in genetic]


def linkability_attack(data: AttackData) -> AttackResult:
    """Join the clinical and the genetic record of a patient through synthetic patients near to both.

    Each of the two records has `NEIGHBOURS` nearest synthetic patients, ties in random order. The attack
    succeeds when one synthetic patient is among both: it tells that the records are of one patient.

    Raises
    ------
    NotComputable
        One of the data sets has no column.
    """
    sides = genetic_columns(data.dictionary)
    if not all(sides):
        raise NotComputable("the dictionary has no clinical or no genetic variable to be linked")
    k = min(NEIGHBOURS, len(data.released))
    rates = []
    for frame, streams in ((data.members, _MEMBER_STREAMS), (data.non_members, _NON_MEMBER_STREAMS)):
        near = []
        for names, stream in zip(sides, streams, strict=True):
            space = MixedSpace(data.real, data.dictionary, names)
            rng = stream.rng(data.seed)
            near.append(_nearest(space, space.points(frame), space.points(data.released), k, rng))
        rates.append(rate_of((near[0][:, :, None] == near[1][:, None, :]).any(axis=(1, 2))))
    m = len(data.released)
    chance = 1 - math.comb(m - k, k) / math.comb(m, k)
    return AttackResult(rates[0], rates[1], Rate(chance, len(data.members)))


def _nearest(
    space: MixedSpace, rows: Points, released: Points, k: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the positions of the k nearest released patients, shape (rows, k)."""
    tie_breaker = rng.permutation(len(released)) * (STEP / (2 * len(released)))
    found = np.empty((len(rows), k), dtype=np.intp)
    for part, distances in space.blocks(rows, released):
        keys = distances.astype(np.float64) + tie_breaker
        found[part] = np.argpartition(keys, k - 1, axis=1)[:, :k]
    return found


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    try:
        return linkability_attack(AttackData.of(cohort, context)).figures("linkability")
    except NotComputable as reason:
        return no_figures(GROUP.definitions(context.dictionary), str(reason))


GROUP = MeasureGroup(
    name="linkability",
    definitions=fixed(
        *attack_definitions(
            "linkability",
            "Linkability of clinical and genetic records",
            "One party knows the clinical course of a patient, another the genetic findings. They find the "
            f"{NEIGHBOURS} synthetic patients that are nearest to either record, and link the records when "
            "one synthetic patient is among both. Mixed distance, ties in random order.",
        )
    ),
    figures=_figures,
)
