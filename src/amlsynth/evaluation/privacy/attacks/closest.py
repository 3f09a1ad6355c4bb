"""Distance to the closest record, training against hold-out, and near matches.

A generator that copies makes patients that are nearer to training patients than to non-members. The share
is of synthetic patients, so it turns the question of membership inference round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.attack_data import MIN_PATIENTS, AttackData
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace, Points
from amlsynth.evaluation.privacy.attacks.rates import DECIMALS, Rate
from amlsynth.evaluation.privacy.hamming import minimum_distances
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.coding import at_most
from amlsynth.statistics.wald import Z95

LOW_PERCENTILE = 5
MIN_FOR_PERCENTILE = 40  # patients, so that the fifth percentile lies between the second and third of them
NEAR = 3  # variables, of all that there are, in which a near match may differ
DRAWS = 200  # of real patients, for the interval of the share
_NEAREST_KEPT = 60  # real patients kept for each released one; every draw has some of them
_MAX_PATIENTS = 2_500  # patients of a cohort for percentiles and near matches


def nearer_to_training(data: AttackData) -> dict[str, Figure]:
    """Return the share of released patients that are nearer to members than to non-members, in two ways.

    `dcr_share` draws the members down to the number of non-members `DRAWS` times and takes the mean; a copy
    of a member that is not drawn counts as chance, so with few non-members it sees little.
    `dcr_share_weighted` takes all members and weighs each real patient by one over the size of its side: with
    a share s of m members against o non-members it is (s / m) / (s / m + (1 - s) / o). Ties count half, and
    0.5 is chance.

    The 95 % intervals hold the chance in which patients are members, non-members and released: random halves
    of all three are taken `DRAWS` times, whose figures vary as those of the whole do (the jackknife that
    leaves out a half; drawn with replacement, patients would have twins). The mean over draws of members
    varies less than one draw does, by the variance of the draws.
    """
    released, members, non_members = data.points
    nearest = _Nearest.of(data.space, released, data.real_points)
    rng = Stream.CLOSEST_RECORD_DRAWS.rng(data.seed)
    all_members, all_others = np.arange(len(members)), np.arange(len(non_members)) + len(members)
    everyone, size = np.arange(len(released)), min(len(members), len(non_members))

    def half(side: NDArray[np.intp]) -> NDArray[np.intp]:
        return rng.permutation(side)[: (len(side) + 1) // 2]

    def weighted(share: FloatArray) -> FloatArray:
        ours, theirs = share / len(members), (1 - share) / len(non_members)
        return ours / (ours + theirs)

    of_equal_size, halves, equal_halves = [], [], []
    for _ in range(DRAWS):
        ours, theirs = (rng.permutation(side)[:size] for side in (all_members, all_others))
        of_equal_size.append(_Draw(ours, theirs, everyone))
        ours, theirs, some = half(all_members), half(all_others), half(everyone)
        halves.append(_Draw(ours, theirs, some))
        least = min(len(ours), len(theirs))
        equal_halves.append(_Draw(ours[:least], theirs[:least], some))
    plain, halved = nearest.shares(of_equal_size), nearest.shares(equal_halves)
    # Draws of halves vary twice as much as draws of the whole do.
    of_mean = max(float(halved.var(ddof=1)) - 2 * float(plain.var(ddof=1)), 0.0)
    whole = weighted(nearest.shares([_Draw(all_members, all_others, everyone)]))
    return {
        "dcr_share": _share_figure(float(plain.mean()), of_mean),
        "dcr_share_weighted": _share_figure(
            float(whole[0]), float(weighted(nearest.shares(halves)).var(ddof=1))
        ),
    }


def _share_figure(value: float, variance: float) -> Figure:
    half = Z95 * variance**0.5
    return figure(value, max(0.0, value - half), min(1.0, value + half), decimals=DECIMALS)


class _Draw(NamedTuple):
    """Positions of the patients who are drawn, members and non-members among the real ones."""

    members: NDArray[np.intp]
    non_members: NDArray[np.intp]
    released: NDArray[np.intp]


@dataclass(frozen=True)
class _Nearest:
    """The nearest real patients of each released one, in order, shapes (released, kept).

    order : their positions among members and, behind them, non-members.
    is_last : whether the next one is farther, or not kept.
    real : how many real patients there are.
    """

    order: NDArray[np.intp]
    is_last: BoolArray
    real: int

    @classmethod
    def of(cls, space: MixedSpace, released: Points, real: Points) -> _Nearest:
        kept = min(_NEAREST_KEPT, len(real))
        order = np.empty((len(released), kept), dtype=np.intp)
        is_last = np.ones((len(released), kept), dtype=np.bool_)
        for part, distances in space.blocks(released, real):
            near = np.argpartition(distances, kept - 1, axis=1)[:, :kept]
            gaps = np.take_along_axis(distances, near, axis=1)
            by_gap = np.argsort(gaps, axis=1, kind="stable")
            order[part] = np.take_along_axis(near, by_gap, axis=1)
            is_last[part, :-1] = np.diff(np.take_along_axis(gaps, by_gap, axis=1), axis=1) > 0
        return cls(order, is_last, len(real))

    def shares(self, draws: Sequence[_Draw]) -> FloatArray:
        """Return the share of the released drawn who are nearer to a member drawn than to a non-member.

        Ties count half, as does one who is near to nobody of either. Shape (draws,); all draws are looked
        up at once, each being one bit of a patient.
        """
        members, non_members = (_bits(side, self.real) for side in zip(*(d[:2] for d in draws), strict=True))
        released = _bits([draw.released for draw in draws], len(self.order))
        # Whom each of the released has met, from the nearest on, and whether the first of them decides.
        ours, theirs, nearer, farther = np.zeros((4, *released.shape), dtype=np.uint8)
        is_open = released.copy()
        for place in range(self.order.shape[1]):
            ours |= members[self.order[:, place]]
            theirs |= non_members[self.order[:, place]]
            decided = (ours | theirs) & is_open
            decided[~self.is_last[:, place]] = 0  # others are as near
            nearer |= decided & ~theirs
            farther |= decided & ~ours
            is_open &= ~decided
        drawn, wins, losses = (
            np.unpackbits(bits, axis=1, count=len(draws)).sum(axis=0, dtype=np.int64)
            for bits in (released, nearer, farther)
        )
        shares: FloatArray = (drawn + wins - losses) / (2 * drawn)
        return shares


def _bits(draws: Sequence[NDArray[np.intp]], n: int) -> NDArray[np.uint8]:
    """Return in which draws each of n patients is, eight draws a byte, shape (n, draws / 8)."""
    chosen = np.zeros((n, len(draws)), dtype=np.bool_)
    for draw, patients in enumerate(draws):
        chosen[patients, draw] = True
    return np.packbits(chosen, axis=1)


def low_percentile(distances: NDArray[np.float32]) -> Figure:
    """Return the fifth percentile with the 95 % interval of its order statistics.

    Raises
    ------
    NotComputable
        There are fewer than `MIN_FOR_PERCENTILE` distances.
    """
    n = len(distances)
    if n < MIN_FOR_PERCENTILE:
        raise NotComputable(f"a fifth percentile needs at least {MIN_FOR_PERCENTILE} patients")
    share = LOW_PERCENTILE / 100
    half = Z95 * float(np.sqrt(share * (1 - share) / n))
    low, value, high = np.quantile(distances, np.clip([share - half, share, share + half], 0, 1)).tolist()
    return figure(value, low, high, decimals=2)


def _to_training(frame: pd.DataFrame, context: EvaluationContext) -> dict[str, Figure]:
    """The measures that need no hold-out: how near a cohort is to the training patients."""
    if min(len(frame), len(context.original)) < MIN_PATIENTS:
        few = Figure(
            reason=f"distances need at least {MIN_PATIENTS} patients on either side, and there are fewer"
        )
        return {"dcr_p5": few, "near_matches": few}
    rng = Stream.CLOSEST_RECORDS.rng(context.seed)
    rows, training = (
        at_most(side, most, rng)
        for side, most in ((frame, _MAX_PATIENTS), (context.original, 8 * _MAX_PATIENTS))
    )
    space, coding = MixedSpace(context.everybody, context.dictionary), context.coding
    near = minimum_distances(coding.encode(rows), coding.encode(training), coding) <= NEAR
    return {
        "dcr_p5": attempt(lambda: low_percentile(space.nearest(space.points(rows), space.points(training)))),
        "near_matches": Rate(float(near.mean()), len(near)).figure,
    }


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    found = _to_training(cohort.frame, context)
    try:
        return found | nearer_to_training(AttackData.of(cohort, context))
    except NotComputable as reason:
        return found | dict.fromkeys(("dcr_share", "dcr_share_weighted"), Figure(reason=str(reason)))


def _original_figures(context: EvaluationContext) -> dict[str, Figure]:
    if context.holdout is None:
        return dict.fromkeys(("dcr_p5", "near_matches"), Figure(reason=NO_HOLDOUT))
    return _to_training(context.holdout, context)


_SOURCE = "Platzer and Reutterer, Front Big Data 2021 (share against a hold-out); Gower, Biometrics 1971"

_SHARE = (
    " Ties count half; 0.5 shows no copying. Mixed distance: unequal categories plus differences of ranks. "
    "The 95 % interval is over draws of the real patients. For the hold-out as anchor, one half is released "
    "and the other half stands against training patients. A few copies among many do not move it."
)

GROUP = MeasureGroup(
    name="closest records",
    definitions=fixed(
        MeasureDefinition(
            id="dcr_share",
            label="Nearer to training than to hold-out",
            aspect="privacy",
            better="lower",
            description=(
                "Share of synthetic patients whose nearest real patient is a training patient, of as many "
                "training as hold-out patients." + _SHARE
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="dcr_share_weighted",
            label="Nearer to training than to hold-out, all training patients",
            aspect="privacy",
            better="lower",
            description=(
                "The same with all training patients, each weighed by one over the number on its side. It "
                "sees copies of every training patient, not only of those drawn." + _SHARE
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="dcr_p5",
            label="Distance to the nearest training patient, fifth percentile",
            aspect="privacy",
            better="original",
            unit="variables",
            description=(
                "A twentieth of the synthetic patients are as near or nearer to a training patient, by the "
                "mixed distance. The original's figure is that of hold-out patients: unseen patients come "
                "as near by chance. Common profiles are near to somebody without being copies, and rare ones "
                "can be copied without being the nearest."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="near_matches",
            label="Near matches",
            aspect="privacy",
            better="original",
            description=(
                f"Share of synthetic patients within a Hamming distance of {NEAR} variables of a training "
                "patient, numbers by tenths, with Wilson's 95 % interval. The original's figure is that of "
                "hold-out patients. A near match need not be a copy, and no near match is no proof."
            ),
            source="stricter than the exact matches of Eckardt et al., npj Digit Med 2024, table 3",
        ),
    ),
    figures=_figures,
    original_figures=_original_figures,
)
