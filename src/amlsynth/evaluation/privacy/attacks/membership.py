"""Membership inference: can an attacker tell who was in the training cohort?

The attacker has the released cohort and the whole record of a patient, the most that anybody can know,
and asks only whether that patient was in the training cohort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.attack_data import MIN_PATIENTS, AttackData
from amlsynth.evaluation.privacy.attacks.density import Density, category_shares, likeliest
from amlsynth.evaluation.privacy.attacks.mixed import Points
from amlsynth.evaluation.privacy.attacks.rates import (
    FALSE_POSITIVES,
    RocEstimate,
    Scores,
    true_positive_figure,
)
from amlsynth.evaluation.privacy.hamming import minimum_distances
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import CohortCoding, Floats

OUTLYING = 0.1  # the share of real patients that count as outlying
NEIGHBOURS = 5  # a patient is outlying who is far from the fifth nearest real patient


def nearest_scores(data: AttackData) -> Scores:
    """Score by minus the mixed distance to the nearest released patient."""
    released, *sides = data.points
    members, non_members = (-data.space.nearest(side, released).astype(np.float64) for side in sides)
    return Scores(members, non_members)


def hamming_scores(data: AttackData) -> Scores:
    """Score by minus the Hamming distance, numbers in tenths, to the nearest released patient."""
    coding = CohortCoding(data.real, data.dictionary)
    released = coding.encode(data.released)
    members, non_members = (
        -minimum_distances(coding.encode(side), released, coding).astype(np.float64)
        for side in (data.members, data.non_members)
    )
    return Scores(members, non_members)


def density_scores(data: AttackData) -> tuple[Scores, Scores]:
    """Score by the log ratio of the density among the released to that in a reference cohort.

    The reference must be neither members nor those who are tested, so the non-members are halved: each half
    is tested with the other as reference. Both rounds are returned; the members stand in both.
    """
    space, (released, members, non_members) = data.space, data.points
    halves = reference_halves(data)
    rounds = []
    for tested, reference in (halves, halves[::-1]):
        against = non_members.take(reference)
        shares = category_shares(space, released, against)
        smoothing = likeliest(space, against, shares)
        ours = Density(space, released, shares, smoothing)
        theirs = Density(space, against, shares, smoothing)

        def score(rows: Points, ours: Density = ours, theirs: Density = theirs) -> Floats:
            return np.round(ours.log(rows) - theirs.log(rows), 6)  # less is rounding, and no difference

        rounds.append(Scores(score(members), score(non_members.take(tested))))
    return rounds[0], rounds[1]


def reference_halves(data: AttackData) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the non-members who are tested in the first and in the second round."""
    order = Stream.REFERENCE_HALVES.rng(data.seed).permutation(len(data.non_members))
    return np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])


def outlying(data: AttackData) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which members and which non-members are outlying; what is released plays no part.

    They are the tenth of all members and non-members who are farthest from their fifth nearest real patient.

    Raises
    ------
    NotComputable
        There are too few on one side.
    """
    real = data.real_points
    apart = data.shared.once(
        "distances to the fifth nearest",
        lambda: data.space.kth_nearest(real, real, NEIGHBOURS, without_self=True),
    )
    count = round(OUTLYING * len(apart))
    chosen = np.zeros(len(apart), dtype=bool)
    chosen[np.argsort(-apart, kind="stable")[:count]] = True
    found = chosen[: len(data.members)], chosen[len(data.members) :]
    if min(side.sum() for side in found) < MIN_PATIENTS:
        raise NotComputable(
            f"fewer than {MIN_PATIENTS} of the training or the hold-out patients are in the outlying tenth"
        )
    return found


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    try:
        data = AttackData.of(cohort, context)
    except NotComputable as reason:
        return {
            definition.id: Figure(reason=str(reason)) for definition in GROUP.definitions(context.dictionary)
        }
    nearest, rounds = nearest_scores(data), density_scores(data)

    try:
        members, non_members = outlying(data)
    except NotComputable as reason:
        of_outlying = [Figure(reason=str(reason))] * 2
    else:
        density = zip(rounds, reference_halves(data), strict=True)
        of_outlying = [
            RocEstimate.of(nearest.of(members, non_members)).figure,
            RocEstimate.of(*(scores.of(members, non_members[half]) for scores, half in density)).figure,
        ]

    return {
        "membership_nearest_auc": RocEstimate.of(nearest).figure,
        "membership_hamming_auc": RocEstimate.of(hamming_scores(data)).figure,
        "membership_nearest_tpr": true_positive_figure(nearest),
        "membership_nearest_outlying_auc": of_outlying[0],
        "membership_density_auc": RocEstimate.of(*rounds).figure,
        "membership_density_tpr": true_positive_figure(*rounds),
        "membership_density_outlying_auc": of_outlying[1],
    }


_AUC = (
    " AUC: the share of pairs of a training and a hold-out patient whom the attack puts in the right order; "
    "0.5 is guessing. DeLong's 95 % interval. For the hold-out as anchor, one half is released and the "
    "other half are those who are not."
)
_TPR = (
    f" Share of training patients found when {100 * FALSE_POSITIVES:.0f} % of the hold-out patients are "
    f"wrongly accused; {FALSE_POSITIVES} is guessing. An AUC can hide that a few are found with certainty."
)
_WHO = (
    " Only for the tenth of the real patients who are farthest from others, chosen without a look at the "
    "synthetic cohort: they have most to lose."
)
_NEAREST = "The attacker takes for training patients those who have a synthetic patient near."
_MIXED = (
    " Distance: the number of unequal categories (NA is one) plus, for numbers, the differences of their "
    "ranks among real patients, from 0 to 1."
)
_DENSITY = (
    "The attacker takes for training patients those who are likelier among the synthetic patients than in "
    "a reference cohort, half of the hold-out, while the other half is tested, and the other way round. "
    "Densities by a product kernel, in which sharing what is rare counts more; it assumes that variables "
    "are independent around a patient, so a better model of density may find more."
)
_NEAREST_SOURCE = "Chen et al., GAN-Leaks, CCS 2020; Gower, Biometrics 1971; DeLong et al., Biometrics 1988"
_DENSITY_SOURCE = (
    "van Breugel et al., Membership inference attacks against synthetic data through overfitting "
    "detection, AISTATS 2023, arXiv:2302.12580; kernel after Aitchison and Aitken, Biometrika 1976"
)
_BLIND = " That this attack fails does not prove that all do."


def _definition(identifier: str, label: str, description: str, source: str) -> MeasureDefinition:
    return MeasureDefinition(
        id=identifier,
        label=label,
        aspect="privacy",
        better="lower",
        description=description + _BLIND,
        source=source,
    )


GROUP = MeasureGroup(
    name="membership inference",
    definitions=fixed(
        _definition(
            "membership_nearest_auc",
            "Membership, nearest record: AUC",
            _NEAREST
            + _MIXED
            + " The headline of the two distances, as it sees numbers near one another."
            + _AUC,
            _NEAREST_SOURCE,
        ),
        _definition(
            "membership_hamming_auc",
            "Membership, nearest record by Hamming: AUC",
            _NEAREST + " Distance: unequal variables, numbers by tenths, as in the paper's table 3." + _AUC,
            _NEAREST_SOURCE,
        ),
        _definition(
            "membership_nearest_tpr",
            "Membership, nearest record: true positives",
            _NEAREST + _MIXED + _TPR,
            _NEAREST_SOURCE,
        ),
        _definition(
            "membership_nearest_outlying_auc",
            "Membership of outlying patients, nearest record: AUC",
            _NEAREST + _MIXED + _WHO + _AUC,
            _NEAREST_SOURCE,
        ),
        _definition(
            "membership_density_auc", "Membership, density ratio: AUC", _DENSITY + _AUC, _DENSITY_SOURCE
        ),
        _definition(
            "membership_density_tpr",
            "Membership, density ratio: true positives",
            _DENSITY + _TPR,
            _DENSITY_SOURCE,
        ),
        _definition(
            "membership_density_outlying_auc",
            "Membership of outlying patients, density ratio: AUC",
            _DENSITY + _WHO + _AUC,
            _DENSITY_SOURCE,
        ),
    ),
    figures=_figures,
)
