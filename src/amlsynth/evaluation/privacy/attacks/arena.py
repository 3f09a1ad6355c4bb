"""Who is attacked: what is released, the patients in it, and others like them who are not.

Every attack runs twice, on members (training patients) and on others (hold-out patients), as in Giomi et
al., PETS 2023: what succeeds on both is knowledge about the disease, and only the difference is
knowledge about persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.family import NO_HOLDOUT, Candidate, NotComputable, Setting
from amlsynth.foundation.streams import Stream

FEWEST = 10  # members, and others, below which an attack says nothing
MOST_TARGETS = 2_500  # members, and others, attacked at most: an AUC is then known within 0.02
MOST_RELEASED = 20_000  # released patients that are searched at most


@dataclass(frozen=True)
class Arena:
    """The three sides of an attack, as typed frames, drawn with the evaluation's seed.

    released : the cohort that an attacker has.
    members : patients that the generator saw.
    others : patients of the same population that it did not see, none of whom is released.
    real : all real patients, training and hold-out, for scales that favour neither.
    """

    released: pd.DataFrame
    members: pd.DataFrame
    others: pd.DataFrame
    real: pd.DataFrame
    dictionary: Dictionary
    seed: int

    @classmethod
    def of(cls, candidate: Candidate, setting: Setting) -> Self:
        """Set up the attack on a candidate.

        The hold-out as candidate is split: one half is released and the other stands for those who are
        not, as a patient cannot be both. Cohorts above `MOST_TARGETS` and `MOST_RELEASED` are sampled.

        Raises
        ------
        NotComputable
            No hold-out was given, or one side has too few patients.
        """
        if setting.holdout is None:
            raise NotComputable(NO_HOLDOUT)
        rng = Stream.ATTACK_DATA.rng(setting.seed)
        released, others = candidate.frame, setting.holdout
        if candidate.kind == "holdout":
            order = rng.permutation(len(setting.holdout))
            half = len(order) // 2
            released, others = (setting.holdout.iloc[np.sort(part)] for part in (order[:half], order[half:]))
        _enough(setting.original, "training patients")
        _enough(released, "released patients")
        _enough(others, "hold-out patients that are not released")
        return cls(
            _sample(released, MOST_RELEASED, rng),
            _sample(setting.original, MOST_TARGETS, rng),
            _sample(others, MOST_TARGETS, rng),
            pd.concat([setting.original, setting.holdout], ignore_index=True),
            setting.dictionary,
            setting.seed,
        )

    def shares(self) -> list[pd.DataFrame]:
        """Return disjoint random samples of the members, each as large as the others, at least one.

        For attacks whose success depends on how many patients there are to be found.
        """
        size = min(len(self.others), len(self.members))
        order = Stream.MEMBER_SUBSAMPLES.rng(self.seed).permutation(len(self.members))
        return [self.members.iloc[order[top : top + size]] for top in range(0, len(order) - size + 1, size)]


def _enough(frame: pd.DataFrame, what: str) -> None:
    if len(frame) < FEWEST:
        raise NotComputable(f"an attack needs at least {FEWEST} {what}, and there are fewer")


def _sample(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    if len(frame) > most:
        frame = frame.iloc[np.sort(rng.choice(len(frame), most, replace=False))]
    return frame.reset_index(drop=True)
