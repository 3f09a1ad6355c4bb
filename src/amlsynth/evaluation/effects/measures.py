"""Effects as measures and records: how many of the original's significant effects a cohort keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.comparisons import ALPHA, EFFECT_DECIMALS
from amlsynth.evaluation.effects.effects import (
    Agreement,
    EffectDefinition,
    EffectEstimate,
    Model,
    agreement,
    calibration_slope,
    estimate_effects,
    list_effects,
    time_effects,
)
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
)
from amlsynth.evaluation.outcomes import outcome_names
from amlsynth.evaluation.records import Effect, Figure
from amlsynth.evaluation.summary import hidden_cells
from amlsynth.foundation.text import listing
from amlsynth.statistics.wald import Z95

_SOURCE = (
    "Eckardt et al., npj Digit Med 2024, 'Usability for explorative analyses' and supplementary tables; "
    "shares as in Karr et al., Am Stat 2006;60:224 (interval overlap)"
)


@dataclass(frozen=True)
class _Scope:
    """Which effects a measure looks at; `name` is part of its identifier."""

    name: str
    label: str
    endpoints: tuple[str, ...]
    model: Model
    is_response: bool = False


def _scopes(d: Dictionary) -> tuple[_Scope, ...]:
    response = d.roles.response
    endpoints = tuple(endpoint.name for endpoint in d.endpoints)
    scopes = [_Scope("hr", f"hazard ratios for {listing(endpoints)}", endpoints, "univariable")]
    if response is not None:
        label = f"odds ratios for {response.name}"
        scopes.append(_Scope("or", label, (response.name,), "univariable", is_response=True))
    scopes += [_Scope(e.suffix, f"hazard ratios for {e.name}", (e.name,), "univariable") for e in d.endpoints]
    names = outcome_names(d)
    return (
        *scopes,
        _Scope("multivariable", f"adjusted effects for {listing(names)}", names, "multivariable"),
    )


_KINDS: dict[str, tuple[str, str, Callable[[Agreement], float]]] = {
    "sign": ("Same sign", "point the same way", lambda found: found.same_sign),
    "significant": (
        "Still significant",
        "point the same way and are significant (p < 0.05) again",
        lambda found: found.significant,
    ),
    "overlap": (
        "Overlapping intervals",
        "have a 95 % interval that overlaps the original's",
        lambda found: found.overlapping,
    ),
}


def effect_records(
    context: EvaluationContext, synthetics: Sequence[EvaluatedCohort], protected: Collection[str]
) -> tuple[Effect, ...]:
    """Return every effect in original, synthetic cohorts and hold-out.

    What the rule holds back of the cohorts whose keys are `protected` is hidden.
    """
    d = context.dictionary
    effects, ours = _original(context)
    found = {"original": (context.original, ours)}
    found |= {other.key: (other.frame, _estimates(other, context)) for other in synthetics}
    if context.holdout is not None:
        holdout = EvaluatedCohort("holdout", context.holdout)
        found["holdout"] = (context.holdout, _estimates(holdout, context))
    response = d.roles.response
    odds = None if response is None else response.name
    rules = {key: context.rule if key in protected else OFF for key in found}
    hidden = {key: hidden_cells(frame, d, rules[key]) for key, (frame, _) in found.items()}
    return tuple(
        _record(effect, estimates[effect], key, len(frame), rules[key], hidden[key], effect.endpoint == odds)
        for effect in effects
        for key, (frame, estimates) in found.items()
    )


def _record(
    effect: EffectDefinition,
    estimate: EffectEstimate,
    cohort: str,
    total: int,
    rule: DisclosureRule,
    hidden: Mapping[str, frozenset[str]],
    is_odds: bool,
) -> Effect:
    tells = effect.subject.partition("=")[0] in hidden  # who is known, and so which cell is hidden
    # An odds ratio and its interval give its four cells, a hazard ratio does not.
    hide = rule.is_small(estimate.smallest) or (tells and is_odds and effect.model == "univariable")
    why = f"not shown: {rule.few} patients in one of the cells, or it would follow"
    reason = why if hide else estimate.reason
    if reason is None:
        value, low, high = (_exp(x) for x in (estimate.log_ratio, *estimate.interval))
        ratio = figure(value, low, high, decimals=EFFECT_DECIMALS)
        p_value = figure(estimate.p)
        p_value = p_value.model_copy(update={"value": rule.p_value(p_value.value)})
    else:
        ratio = p_value = Figure(reason=reason)
    # Missing values would follow from the number analysed.
    hide_n = hide or tells or rule.is_small(total - estimate.n) or rule.is_small(estimate.n)
    return Effect(
        subject=effect.subject,
        contrast=effect.contrast,
        endpoint=effect.endpoint,
        model=effect.model,
        cohort=cohort,
        effect_name="odds ratio" if is_odds else "hazard ratio",
        effect=ratio,
        p_value=p_value,
        n=None if hide_n else estimate.n,
        carriers=None if hide_n else estimate.carriers,
    )


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _original(
    context: EvaluationContext,
) -> tuple[tuple[EffectDefinition, ...], Mapping[EffectDefinition, EffectEstimate]]:
    d = context.dictionary
    effects = context.once("effects asked for", lambda: list_effects(context.original, d))
    return effects, context.once(
        "effects of original", lambda: estimate_effects(context.original, effects, d, context.ties)
    )


def _estimates(
    cohort: EvaluatedCohort, context: EvaluationContext
) -> Mapping[EffectDefinition, EffectEstimate]:
    effects, _ = _original(context)
    return context.once_of(
        cohort.frame,
        "effects",
        lambda: estimate_effects(cohort.frame, effects, context.dictionary, context.ties),
    )


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    d = context.dictionary
    effects, ours = _original(context)
    theirs = _estimates(cohort, context)
    figures: dict[str, Figure] = {}
    for scope in _scopes(d):
        chosen = {q: a for q, a in ours.items() if q.endpoint in scope.endpoints and q.model == scope.model}
        try:
            shares = agreement(chosen, theirs, ALPHA)
        except NotComputable as reason:
            figures |= {f"effects_{kind}_{scope.name}": Figure(reason=str(reason)) for kind in _KINDS}
        else:
            figures |= {
                f"effects_{kind}_{scope.name}": figure(share(shares)) for kind, (*_, share) in _KINDS.items()
            }
        figures[_slope_id(scope)] = attempt(lambda chosen=chosen: _slope(chosen, theirs))  # type: ignore[misc]
    figures["effects_slope_time"] = attempt(
        lambda: _slope(
            context.once("time effects of original", lambda: time_effects(context.original, effects, d)),
            time_effects(cohort.frame, effects, d),
        )
    )
    return figures


def _slope(
    ours: Mapping[EffectDefinition, EffectEstimate], theirs: Mapping[EffectDefinition, EffectEstimate]
) -> Figure:
    slope, error = calibration_slope(ours, theirs, ALPHA)
    return figure(slope, slope - Z95 * error, slope + Z95 * error)


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    classification = d.roles.classification
    subjects = ["markers", *(_in_a_sentence(d[number.variable].label) for number in d.roles.effect_numbers)]
    subjects += [] if classification is None else [classification.label]
    by_scope = (
        definition
        for scope in _scopes(d)
        for definition in (
            *(_definition(kind, scope, listing(subjects)) for kind in _KINDS),
            _slope_definition(scope, listing(subjects)),
        )
    )
    return (*by_scope, _TIME_SLOPE)


def _in_a_sentence(label: str) -> str:
    return label[0].lower() + label[1:]


def _definition(kind: str, scope: _Scope, subjects: str) -> MeasureDefinition:
    title, what, _ = _KINDS[kind]
    return MeasureDefinition(
        id=f"effects_{kind}_{scope.name}",
        label=f"{title}, {scope.label}",
        aspect="outcome" if scope.is_response else "survival",
        better="higher",
        description=(
            f"Of the {scope.label} of {subjects} that are significant in the original "
            f"(p < 0.05), the share that {what}. What has no estimate any more, for want of carriers "
            "or events, is not kept. The bootstrap shows what resampling costs."
        ),
        source=_SOURCE,
        # Where a measure is of several outcomes, a cohort may lack some of them.
        outcomes=scope.endpoints if len(scope.endpoints) == 1 else (),
    )


def _slope_id(scope: _Scope) -> str:
    """Return the identifier; for the response it has its name, by which a gate finds it."""
    return f"effects_slope_{scope.endpoints[0].lower() if scope.is_response else scope.name}"


def _slope_definition(scope: _Scope, subjects: str) -> MeasureDefinition:
    return MeasureDefinition(
        id=_slope_id(scope),
        label=f"Strength of effects kept, {scope.label}",
        aspect="outcome" if scope.is_response else "survival",
        better="higher",
        description=(
            f"Slope of the cohort's {scope.label} of {subjects} on those of the original, as logarithms, "
            "over those significant in the original (p < 0.05), weighted by their precision: 1 is as strong, "
            "0 is gone, below 0 is turned round. Unlike the share that stays significant it does not fall "
            "with the number of patients. The 95 % interval takes effects as independent."
        ),
        source="slope of calibration: Cox, Biometrika 1958;45:562; applied to effects by this project",
        outcomes=scope.endpoints if len(scope.endpoints) == 1 else (),
    )


_TIME_SLOPE = MeasureDefinition(
    id="effects_slope_time",
    label="Strength of effects kept, on the time to the event",
    aspect="survival",
    better="higher",
    description=(
        "The same slope of the rank correlations of markers with the time to the event, among those who had "
        "it. Where the right patients have events at the wrong times, hazard ratios are mostly kept and this "
        "is lost. Chance in the original draws it below 1."
    ),
    source="this project; Spearman's correlation, Fisher's z",
)

GROUP = MeasureGroup(name="effects", definitions=_definitions, figures=_figures)
