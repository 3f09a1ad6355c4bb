"""Distance to the closest record, training against hold-out, and near matches.

A generator that copies makes patients that are nearer to training patients than to non-members. The share
is of synthetic patients, so it turns the question of membership inference round.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    size = min(len(members), len(non_members))

    def half(side: NDArray[np.intp]) -> NDArray[np.intp]:
        return rng.permutation(side)[: (len(side) + 1) // 2]

    def weighted(share: float) -> float:
        ours, theirs = share / len(members), (1 - share) / len(non_members)
        return ours / (ours + theirs)

    plain, halved, all_halved = np.empty(DRAWS), np.empty(DRAWS), np.empty(DRAWS)
    for draw in range(DRAWS):
        one, other = (rng.permutation(side)[:size] for side in (all_members, all_others))
        plain[draw] = nearest.share(one, other)
        ours, theirs, some = half(all_members), half(all_others), half(np.arange(len(nearest.order)))
        least = min(len(ours), len(theirs))
        halved[draw] = nearest.share(ours[:least], theirs[:least], some)
        all_halved[draw] = weighted(nearest.share(ours, theirs, some))
    # Draws of halves vary twice as much as draws of the whole do.
    of_mean = max(float(halved.var(ddof=1)) - 2 * float(plain.var(ddof=1)), 0.0)
    return {
        "dcr_share": _share_figure(float(plain.mean()), of_mean),
        "dcr_share_weighted": _share_figure(
            weighted(nearest.share(all_members, all_others)), float(all_halved.var(ddof=1))
        ),
    }


def _share_figure(value: float, variance: float) -> Figure:
    half = Z95 * variance**0.5
    return figure(value, max(0.0, value - half), min(1.0, value + half), decimals=DECIMALS)


@dataclass(frozen=True)
class _Nearest:
    """The nearest real patients of each released one, in order, shapes (released, kept).

    order : their positions among members and, behind them, non-members.
    ranks : of their distances, 0 for the nearest and all that are no farther.
    """

    order: NDArray[np.intp]
    ranks: NDArray[np.intp]

    @classmethod
    def of(cls, space: MixedSpace, released: Points, real: Points) -> _Nearest:
        kept = min(_NEAREST_KEPT, len(real))
        order = np.empty((len(released), kept), dtype=np.intp)
        ranks = np.zeros((len(released), kept), dtype=np.intp)
        for part, distances in space.blocks(released, real):
            near = np.argpartition(distances, kept - 1, axis=1)[:, :kept]
            gaps = np.take_along_axis(distances, near, axis=1)
            by_gap = np.argsort(gaps, axis=1, kind="stable")
            order[part] = np.take_along_axis(near, by_gap, axis=1)
            farther = np.diff(np.take_along_axis(gaps, by_gap, axis=1), axis=1) > 0
            np.cumsum(farther, axis=1, out=ranks[part, 1:])
        return cls(order, ranks)

    def share(
        self,
        members: NDArray[np.intp],
        non_members: NDArray[np.intp],
        released: NDArray[np.intp] | slice = slice(None),
    ) -> float:
        """Return the share of the released that are nearer to these members than to these non-members.

        Ties count half, as does one who is near to nobody of either.
        """
        side = np.zeros(int(self.order.max()) + 1, dtype=np.int8)
        for patients, number in ((members, 1), (non_members, 2)):
            side[patients[patients < len(side)]] = number
        rows = np.arange(len(self.order))[released]
        sides = side.take(self.order[rows])

        def rank_of_first(number: int) -> NDArray[np.intp]:
            first = (sides == number).argmax(axis=1)
            found = sides[np.arange(len(rows)), first] == number
            ranks: NDArray[np.intp] = np.where(found, self.ranks[rows, first], self.order.shape[1])
            return ranks

        to_members, to_others = rank_of_first(1), rank_of_first(2)
        return float(((to_members < to_others) + 0.5 * (to_members == to_others)).mean())


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
