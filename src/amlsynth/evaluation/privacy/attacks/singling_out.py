"""Singling out: can a synthetic cohort tell what is true of exactly one training patient?"""

from __future__ import annotations

import numpy as np

from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureGroup,
    NotComputable,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.attack_data import MIN_PATIENTS, AttackData
from amlsynth.evaluation.privacy.attacks.predicates import (
    Predicates,
    guessed,
    multivariate,
    predicate_table,
    univariate,
)
from amlsynth.evaluation.privacy.attacks.rates import Rate
from amlsynth.evaluation.privacy.attacks.results import AttackResult, attack_definitions, attack_figures
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import Floats, rows_of

ATTACKS = 2_000  # predicates at most
TERMS = 12  # of a multivariate predicate; with fewer, hardly one is true of one patient only
_TRIED = 16_000  # of which those that single out a released patient are kept


def univariate_attack(data: AttackData) -> AttackResult:
    """Attack with values, and extremes of numbers, that one released patient has."""
    table, numeric = predicate_table(data.released, data.dictionary)
    rng = Stream.SINGLE_PREDICATES.rng(data.seed)
    found = univariate(table, numeric)
    return _result(data, _some(found, rng), guessed(table, numeric, 1, ATTACKS, rng))


def multivariate_attack(data: AttackData) -> AttackResult:
    """Attack with conjunctions of `TERMS` terms that are true of one released patient."""
    table, numeric = predicate_table(data.released, data.dictionary)
    rng = Stream.JOINT_PREDICATES.rng(data.seed)
    terms = min(TERMS, table.shape[1])
    tried = multivariate(table, numeric, terms, _TRIED, rng)
    found = tried.take(tried.count(table) == 1)
    return _result(data, _some(found, rng), guessed(table, numeric, terms, ATTACKS, rng))


def _some(predicates: Predicates, rng: np.random.Generator) -> Predicates:
    if len(predicates) < MIN_PATIENTS:
        raise NotComputable(
            f"fewer than {MIN_PATIENTS} predicates were found that single out one released patient"
        )
    return predicates.take(np.sort(rng.permutation(len(predicates))[:ATTACKS]))


def _result(data: AttackData, predicates: Predicates, guesses: Predicates) -> AttackResult:
    shares, non_members, real = data.shared.once("predicate tables", lambda: _targets(data))
    # Which predicates there are is no chance between members and non-members, who are tried with the same.
    attempts = predicates.independent_attempts(real, len(non_members))
    return AttackResult(
        Rate(_share(predicates, shares), attempts * len(shares)),
        Rate(_share(predicates, [non_members]), attempts),
        Rate(_share(guesses, shares), len(guesses)),
    )


def _targets(data: AttackData) -> tuple[list[Floats], Floats, Floats]:
    """Return the tables of the samples of members, of as many non-members, and of all real patients."""
    samples = data.member_subsamples
    some = rows_of(data.non_members, slice(len(samples[0])))
    *shares, non_members, real = (
        predicate_table(frame, data.dictionary)[0] for frame in (*samples, some, data.real)
    )
    return shares, non_members, real


def _share(predicates: Predicates, tables: list[Floats]) -> float:
    """Return how often a predicate is true of exactly one patient, over tables of one size."""
    return float(np.mean([predicates.count(table) == 1 for table in tables]))


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    return attack_figures(_ATTACKS, cohort, context)


_HOW = (
    " An attack succeeds when the predicate is true of exactly one patient of a sample. As that depends on "
    "the number of patients, training patients are attacked in random samples of the hold-out's size, over "
    "which is averaged; a copy is therefore found only in the sample that it is in, and the risk is smaller "
    "than one of finding a patient in the whole cohort."
)

_UNIVARIATE = attack_definitions(
    "singling_out_univariate",
    "Singling out by one variable",
    "Predicates are values that one synthetic patient has, such as a rare count, and the extremes of numbers."
    + _HOW,
)
_MULTIVARIATE = attack_definitions(
    "singling_out_multivariate",
    "Singling out by several variables",
    f"Predicates join {TERMS} random variables, such as an age of at least 70 and two alterations, so that "
    "they are true of one synthetic patient." + _HOW,
)
_ATTACKS = (
    ("singling_out_univariate", _UNIVARIATE, univariate_attack),
    ("singling_out_multivariate", _MULTIVARIATE, multivariate_attack),
)

GROUP = MeasureGroup(name="singling out", definitions=fixed(*_UNIVARIATE, *_MULTIVARIATE), figures=_figures)
