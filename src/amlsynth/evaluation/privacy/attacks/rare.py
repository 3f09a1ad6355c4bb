"""Copied rare combinations: do alterations that few training patients share come again?

Only rates leave this module: which combinations they are is never said.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import MIN_CELL
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureGroup,
    NotComputable,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.attack_data import MIN_PATIENTS, AttackData
from amlsynth.evaluation.privacy.attacks.rates import Rate, rate_of
from amlsynth.evaluation.privacy.attacks.results import AttackResult, attack_definitions, attack_figures
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.types import BoolArray
from amlsynth.statistics.coding import Floats, codes_of, numbers_of

MAX_CARRIERS = MIN_CELL - 1  # real patients who carry a rare combination: as many as are suppressed


def combination_attack(data: AttackData) -> AttackResult:
    """Look for pairs and triples of alterations that one to four patients carry.

    A target's success is the share of its own rare combinations that some released patient carries.
    """
    d = data.dictionary
    released = _Counts(_carriers(data.released, d))
    real = data.shared.once(
        "combinations of real patients",
        lambda: _Counts(np.vstack([_carriers(side, d) for side in (data.members, data.non_members)])),
    )

    def rare_without(against: pd.DataFrame) -> tuple[BoolArray, BoolArray]:
        """Return which pairs and triples are rare and have no carrier among some patients."""
        absent = _Counts(_carriers(against, d))
        pairs, triples = (
            (total <= MAX_CARRIERS) & (there == 0)
            for total, there in ((real.pairs, absent.pairs), (real.triples, absent.triples))
        )
        return pairs, triples

    def shares(targets: pd.DataFrame, against: pd.DataFrame) -> Floats:
        carriers = _carriers(targets, d)
        pairs, triples = data.shared.once_of(
            against, "combinations that nobody has", lambda: rare_without(against)
        )
        rare = data.shared.once_of(
            targets, f"combinations not in {id(against)}", lambda: _carried(carriers, pairs, triples)
        )
        met = _carried(carriers, pairs & (released.pairs > 0), triples & (released.triples > 0))
        found: Floats = np.divide(met, rare, out=np.full(len(carriers), np.nan), where=rare > 0)
        return found

    return _both_ways(data, shares)


def profile_attack(data: AttackData) -> AttackResult:
    """Look for whole profiles, the states of all alterations, that one to four patients have."""
    d = data.dictionary
    if not d.alterations:
        raise NotComputable("the dictionary has no alterations, which make a profile")
    released = set(_profiles(data.released, d))
    names, counts = np.unique(
        np.concatenate([_profiles(side, d) for side in (data.members, data.non_members)]), return_counts=True
    )
    rare = set(names[counts <= MAX_CARRIERS].tolist())

    def shares(targets: pd.DataFrame, against: pd.DataFrame) -> Floats:
        chosen = rare - set(_profiles(against, d))
        return np.array(
            [float(own in released) if own in chosen else np.nan for own in _profiles(targets, d)]
        )

    return _both_ways(data, shares)


def _both_ways(data: AttackData, shares: Callable[[pd.DataFrame, pd.DataFrame], Floats]) -> AttackResult:
    """Attack members with what no non-member has, and non-members with what no member of a sample has.

    The samples of members have the size of the non-members, so that both sides are alike but for what the
    generator saw. Patients of one profile succeed together and are one group.
    """
    samples = data.member_subsamples
    members = np.concatenate([shares(sample, data.non_members) for sample in samples])
    non_members = np.vstack([shares(data.non_members, sample) for sample in samples])
    # Weighed by the samples in which a patient's combination is rare and absent, as members are: whose is
    # absent in one sample alone would else count as much as whose is in all.
    told = (~np.isnan(non_members)).sum(axis=0)
    some = told > 0
    means = np.nansum(non_members, axis=0)[some] / told[some]
    own = np.concatenate([_profiles(sample, data.dictionary) for sample in samples])
    others = _profiles(data.non_members, data.dictionary)
    known = ~np.isnan(members)
    return AttackResult(_rate(members[known], own[known]), _rate(means, others[some], told[some]))


def _rate(values: Floats, profiles: NDArray[np.bytes_], weights: NDArray[np.int64] | None = None) -> Rate:
    if len(values) < MIN_PATIENTS:
        raise NotComputable(
            f"fewer than {MIN_PATIENTS} training or hold-out patients have a rare combination"
        )
    return rate_of(values, weights, profiles)


def _carried(carriers: NDArray[np.float32], pairs: BoolArray, triples: BoolArray) -> Floats:
    """Return how many of the combinations marked each patient carries, shape (n,).

    A pair stands twice in the matrix and a triple six times in the cube; those of equal alterations are no
    combinations and are not marked.
    """
    found: Floats = ((carriers @ pairs) * carriers).sum(axis=1, dtype=np.float64) / 2
    for own, others in zip(carriers.T > 0, triples, strict=True):
        those = carriers[own]
        found[own] += ((those @ others) * those).sum(axis=1) / 6
    return found


class _Counts:
    """How many patients carry each pair, shape (a, a), and each triple of alterations, shape (a, a, a)."""

    def __init__(self, carriers: NDArray[np.float32]) -> None:
        alterations = carriers.shape[1]
        self.pairs = carriers.T @ carriers
        self.triples = np.empty((alterations,) * 3, dtype=np.float32)
        for place in range(alterations):
            own = carriers[carriers[:, place] > 0]
            self.triples[place] = own.T @ own
        # Not rare, and so never counted: combinations of an alteration with itself.
        every = np.arange(alterations)
        self.pairs[every, every] = np.inf
        self.triples[every, every, :] = np.inf
        self.triples[every, :, every] = np.inf
        self.triples[:, every, every] = np.inf


def _carriers(frame: pd.DataFrame, d: Dictionary) -> NDArray[np.float32]:
    """Return who carries which alteration, shape (n, alterations); NA is not carried."""
    columns = [numbers_of(frame, v.name) == 1 for v in d.alterations]
    return np.column_stack(columns).astype(np.float32) if columns else np.empty((len(frame), 0), np.float32)


def _profiles(frame: pd.DataFrame, d: Dictionary) -> NDArray[np.bytes_]:
    """Return the states of all alterations, NA being one, as one key a patient."""
    if not d.alterations:
        return np.zeros(len(frame), dtype="S1")
    codes = np.column_stack([codes_of(frame, v) + ord("0") for v in d.alterations])
    codes = np.ascontiguousarray(codes)
    return codes.view(f"S{codes.shape[1]}").ravel()


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    return attack_figures(_ATTACKS, cohort, context)


_HOW = (
    f" Rare: one to {MAX_CARRIERS} real patients have it. The attack on training patients looks for what no "
    "hold-out patient has; the control looks for what hold-out patients have and nobody in an equal sample "
    "of training patients, which a synthetic cohort can only meet by knowing the disease. Success is to "
    "come again in the synthetic cohort. It may come again by chance, and what does not come again may be "
    "told by other variables."
)
_SOURCE = (
    "this project, in the manner of the main and control attacks of Giomi et al., PETS 2023, "
    "arXiv:2211.10459; small cells below 5 as in disclosure control of tables"
)
_COMBINATIONS = attack_definitions(
    "rare_combinations",
    "Copied rare combinations",
    "Pairs and triples of alterations. Each patient counts once, with the share of its own rare combinations."
    + _HOW,
    _SOURCE,
    guessing=False,
)
_PROFILES = attack_definitions(
    "rare_profiles",
    "Copied rare profiles",
    "The states of all alterations together, missing being one." + _HOW,
    _SOURCE,
    guessing=False,
)
_ATTACKS = (
    ("rare_combinations", _COMBINATIONS, combination_attack),
    ("rare_profiles", _PROFILES, profile_attack),
)

GROUP = MeasureGroup(
    name="rare combinations", definitions=fixed(*_COMBINATIONS, *_PROFILES), figures=_figures
)
