"""Attribute inference: does a synthetic cohort tell what is not known of a patient?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
)
from amlsynth.evaluation.outcomes import outcome_columns, outcome_names
from amlsynth.evaluation.privacy.attacks.attack_data import MIN_PATIENTS, AttackData
from amlsynth.evaluation.privacy.attacks.mixed import STEP, MixedSpace, Points, number_gaps
from amlsynth.evaluation.privacy.attacks.rates import rate_of, risk_figure
from amlsynth.evaluation.privacy.attacks.results import (
    AttackResult,
    attack_definitions,
    no_figures,
    risk_definition,
)
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import Floats, codes_of, numbers_of

TOLERANCE = 0.05  # relative, within which a guessed number is right, as in Giomi et al., section 5

Hits = NDArray[np.float64]  # 1 right, 0 wrong, NaN where the patient has no secret


@dataclass(frozen=True)
class Guesses:
    """What was guessed of each secret of each target, shapes (targets, secrets), NaN as in `Hits`."""

    main: Hits
    control: Hits
    baseline: Hits

    def result(self, secret: int | None = None) -> AttackResult:
        """Return the rates for one secret, or over all: then each patient counts once.

        Raises
        ------
        NotComputable
            Too few training or hold-out patients have the secret.
        """
        rates = []
        for hits in (self.main, self.control, self.baseline):
            chosen = hits if secret is None else hits[:, [secret]]
            known = ~np.isnan(chosen)
            told = known.any(axis=1)
            if told.sum() < MIN_PATIENTS:
                raise NotComputable(
                    f"fewer than {MIN_PATIENTS} patients have a known value that could be guessed"
                )
            rates.append(rate_of(np.nansum(chosen[told], axis=1) / known[told].sum(axis=1)))
        return AttackResult(*rates)


def attribute_attack(data: AttackData) -> Guesses:
    """Guess each secret of each patient from the nearest released patient by all other variables."""
    d = data.dictionary
    secrets = _secrets(d)
    space, (released, *sides) = data.space, data.points
    answers = [_values(data.released, v) for v in secrets]
    rng = Stream.ATTRIBUTE_GUESSES.rng(data.seed)
    tie_breaker = rng.permutation(len(released)) * (STEP / (2 * len(released)))
    hits = []
    for frame, rows in zip((data.members, data.non_members), sides, strict=True):
        truth = [_values(frame, v) for v in secrets]
        found = np.full((len(frame), len(secrets)), np.nan)
        for part, distances in space.blocks(rows, released):
            keys = distances.astype(np.float64) + tie_breaker
            for place, variable in enumerate(secrets):
                guesses = _guess(space, variable, rows.take(part), released, keys, answers[place])
                found[part, place] = _right(guesses, truth[place][part], variable)
        hits.append(found)
    return Guesses(hits[0], hits[1], _random(data, secrets, answers, rng))


def _guess(
    space: MixedSpace, secret: Variable, rows: Points, released: Points, keys: Floats, answers: Floats
) -> Floats:
    """Return the secret of the nearest released patient who has one, shape (rows,); NaN without any."""
    known = ~np.isnan(answers)
    if not known.any():
        return np.full(len(rows), np.nan)
    if secret.is_categorical:
        place = [v.name for v in space.categorical].index(secret.name)
        own = (rows.codes[:, place][:, None] != released.codes[:, place][None, :]).astype(np.float64)
    else:
        place = space.numeric.index(secret.name)
        own = number_gaps(rows.ranks[:, place], released.ranks[:, place]).astype(np.float64)
    np.subtract(keys, own, out=own)
    own[:, ~known] = np.inf
    guesses: Floats = answers[own.argmin(axis=1)]
    return guesses


def _random(
    data: AttackData, secrets: list[Variable], answers: list[Floats], rng: np.random.Generator
) -> Hits:
    """Guess with the secret of a released patient drawn at random."""
    found = np.full((len(data.members), len(secrets)), np.nan)
    for place, (variable, values) in enumerate(zip(secrets, answers, strict=True)):
        known = values[~np.isnan(values)]
        guesses = rng.choice(known, len(found)) if known.size else np.full(len(found), np.nan)
        found[:, place] = _right(guesses, _values(data.members, variable), variable)
    return found


def _values(frame: pd.DataFrame, variable: Variable) -> Floats:
    """Return a column as numbers, categories by their codes; NaN for NA."""
    if not variable.is_categorical:
        return numbers_of(frame, variable.name)
    codes = codes_of(frame, variable).astype(np.float64)
    return np.where(codes == 0, np.nan, codes)


def _right(guesses: Floats, truth: Floats, secret: Variable) -> Hits:
    near = guesses == truth if secret.is_categorical else np.abs(guesses - truth) <= TOLERANCE * np.abs(truth)
    # Without any answer among the released there is no guess, which is neither right nor wrong.
    return np.where(np.isnan(truth) | np.isnan(guesses), np.nan, near.astype(np.float64))


def _secrets(d: Dictionary) -> list[Variable]:
    """Return what the dictionary calls a secret, in the order of its variables."""
    return [variable for variable in d.variables if variable.name in d.roles.secrets]


def _identifier(secret: str) -> str:
    return f"attribute_inference_{secret.lower()}_risk"


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    d = context.dictionary
    secrets = [variable.name for variable in _secrets(d)]
    if not secrets:
        return {}
    try:
        guesses = attribute_attack(AttackData.of(cohort, context))
    except NotComputable as reason:
        return no_figures(_definitions(d), str(reason))

    def risk(name: str) -> Figure:
        result = guesses.result(secrets.index(name))
        return risk_figure(result.main, result.control)

    found = {_identifier(name): attempt(partial(risk, name)) for name in secrets}
    try:
        return found | guesses.result().figures("attribute_inference")
    except NotComputable as reason:
        return found | no_figures(_overall(d), str(reason))


_HOW = (
    "The attacker knows everything else about a patient and guesses the value of the nearest synthetic "
    f"patient, by the mixed distance. A number is right within {100 * TOLERANCE:.0f} %. Patients whose "
    "value is missing are left out."
)


def _overall(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    return attack_definitions(
        "attribute_inference",
        "Attribute inference",
        f"{_HOW} Over {', '.join(d.roles.secrets)}: one at a time, and each patient counts once.",
    )


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    if not d.roles.secrets:
        return ()
    return (
        *_overall(d),
        *(
            risk_definition(
                _identifier(name),
                f"Attribute inference of {name}: risk",
                f"{_HOW} Here: {name}.",
                outcomes=tuple(o for o in outcome_names(d) if name in outcome_columns(d, o)),
            )
            for name in d.roles.secrets
        ),
    )


GROUP = MeasureGroup(name="attribute inference", definitions=_definitions, figures=_figures)
