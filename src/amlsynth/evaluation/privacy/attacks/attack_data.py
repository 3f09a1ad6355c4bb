"""Who is attacked: what is released, the patients in it, and patients like them who are not.

Every attack runs twice, on members (training patients) and on non-members (hold-out patients), as in Giomi et
al., PETS 2023: what succeeds on both is knowledge about the disease, and only the difference is
knowledge about persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    EvaluatedCohort,
    EvaluationContext,
    Memory,
    NotComputable,
)
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace, Points
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import at_most, rows_of

MIN_PATIENTS = 10  # members, and non-members, below which an attack says nothing
MAX_TARGETS = 2_500  # members, and non-members, attacked at most: an AUC is then known within 0.02
MAX_RELEASED = 20_000  # released patients that are searched at most


class Sides(NamedTuple):
    """The three sides of an attack in a mixed space."""

    released: Points
    members: Points
    non_members: Points


@dataclass(frozen=True)
class AttackData:
    """The three sides of an attack, as typed frames, drawn with the evaluation's seed.

    released : the cohort that an attacker has.
    members : patients that the generator saw.
    non_members : patients of the same population that it did not see, none of whom is released.
    real : all real patients, training and hold-out, for scales that favour neither.
    shared : what was computed of members and non-members alone, for attacks on other cohorts too.
    """

    released: pd.DataFrame
    members: pd.DataFrame
    non_members: pd.DataFrame
    real: pd.DataFrame
    dictionary: Dictionary
    seed: int
    shared: Memory

    @classmethod
    def of(cls, cohort: EvaluatedCohort, context: EvaluationContext) -> Self:
        """Set up the attack on a cohort; all attacks of an evaluation share it.

        A hold-out that is evaluated is split: one half is released and the other stands for those who are
        not, as a patient cannot be both. Cohorts above `MAX_TARGETS` and `MAX_RELEASED` are sampled.

        Raises
        ------
        NotComputable
            No hold-out was given, or one side has too few patients.
        """
        return context.once_of(
            cohort.frame, f"attack data of {cohort.kind}", lambda: cls._of(cohort, context)
        )

    @classmethod
    def _of(cls, cohort: EvaluatedCohort, context: EvaluationContext) -> Self:
        if context.holdout is None:
            raise NotComputable(NO_HOLDOUT)
        rng = Stream.ATTACK_DATA.rng(context.seed)
        released, non_members = cohort.frame, context.holdout
        if cohort.kind == "holdout":
            order = rng.permutation(len(context.holdout))
            half = len(order) // 2
            released, non_members = (
                rows_of(context.holdout, np.sort(part)) for part in (order[:half], order[half:])
            )
        _enough(context.original, "training patients")
        _enough(released, "released patients")
        _enough(non_members, "hold-out patients that are not released")
        released = _sample(released, MAX_RELEASED, rng)
        members = _sample(context.original, MAX_TARGETS, rng)
        non_members = _sample(non_members, MAX_TARGETS, rng)
        # Both are kept, the one with the memory and the other in what is returned, as are their ids.
        shared = context.once_of(members, f"attacks beside {id(non_members)}", Memory)
        return cls(
            released, members, non_members, context.everybody, context.dictionary, context.seed, shared
        )

    @property
    def space(self) -> MixedSpace:
        """The variables of all that is known of a patient, on the scale of all real patients."""
        return self.shared.once("space", lambda: MixedSpace(self.real, self.dictionary))

    @cached_property
    def points(self) -> Sides:
        """The three sides as points of that space."""
        return Sides(*(self.space.points(side) for side in (self.released, self.members, self.non_members)))

    @cached_property
    def real_points(self) -> Points:
        """Members and, behind them, non-members."""
        return self.points.members + self.points.non_members

    @property
    def member_subsamples(self) -> list[pd.DataFrame]:
        """Return disjoint random samples of the members, each as large as the non-members, at least one.

        For attacks whose success depends on how many patients there are to be found.
        """
        size = min(len(self.non_members), len(self.members))

        def samples() -> list[pd.DataFrame]:
            order = Stream.MEMBER_SUBSAMPLES.rng(self.seed).permutation(len(self.members))
            tops = range(0, len(order) - size + 1, size)
            return [rows_of(self.members, order[top : top + size]) for top in tops]

        return self.shared.once("member subsamples", samples)


def _enough(frame: pd.DataFrame, what: str) -> None:
    if len(frame) < MIN_PATIENTS:
        raise NotComputable(f"an attack needs at least {MIN_PATIENTS} {what}, and there are fewer")


def _sample(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    frame = at_most(frame, most, rng)
    if frame.index.equals(pd.RangeIndex(len(frame))):
        return frame  # itself, so that its columns are read once for all cohorts
    return frame.reset_index(drop=True)
