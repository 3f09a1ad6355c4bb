"""Effects as measures and records: how many of the original's significant effects a cohort keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from amlsynth.evaluation.comparisons import ALPHA, EFFECT_DECIMALS
from amlsynth.evaluation.effects.effects import Agreement, Answer, Model, Question, agreement, answer, ask
from amlsynth.evaluation.family import Candidate, Family, NotComputable, Setting, Spec, figure
from amlsynth.evaluation.records import SMALL_CELL, Effect, Figure

_SOURCE = (
    "Eckardt et al., npj Digit Med 2024, 'Usability for explorative analyses' and supplementary tables; "
    "shares as in Karr et al., Am Stat 2006;60:224 (interval overlap)"
)
_HIDDEN = f"not shown: fewer than {SMALL_CELL} patients of the original in one of the cells"

# Which effects a measure looks at: name, label, endpoints, models.
_SCOPES: dict[str, tuple[str, tuple[str, ...], tuple[Model, ...]]] = {
    "hr": ("hazard ratios for OS and EFS", ("OS", "EFS"), ("univariable",)),
    "or": ("odds ratios for CR", ("CR",), ("univariable",)),
    "os": ("hazard ratios for OS", ("OS",), ("univariable",)),
    "efs": ("hazard ratios for EFS", ("EFS",), ("univariable",)),
    "multivariable": ("adjusted effects for CR, OS and EFS", ("CR", "OS", "EFS"), ("multivariable",)),
}
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
    setting: Setting, synthetics: Sequence[Candidate], protected: Collection[str]
) -> tuple[Effect, ...]:
    """Return every effect in original, synthetic cohorts and hold-out.

    Small cells of the cohorts whose keys are `protected` are hidden.
    """
    questions, ours = _original(setting)
    cohorts: list[tuple[str, Mapping[Question, Answer], int]] = [("original", ours, len(setting.original))]
    others = [*synthetics]
    if setting.holdout is not None:
        others.append(Candidate("holdout", setting.holdout, "holdout"))
    cohorts += [(other.key, _answers(other, setting), len(other.frame)) for other in others]
    return tuple(
        _record(question, answers[question], key, total, key in protected)
        for question in questions
        for key, answers, total in cohorts
    )


def _record(question: Question, found: Answer, cohort: str, total: int, protect: bool) -> Effect:
    hide = protect and found.small_cell
    reason = _HIDDEN if hide else found.reason
    if reason is None:
        value, low, high = (_exp(x) for x in (found.log_ratio, *found.interval))
        ratio = figure(value, low, high, decimals=EFFECT_DECIMALS)
        p_value = figure(found.p)
    else:
        ratio = p_value = Figure(reason=reason)
    # A missing cell of 1 to 4 would follow from the number analysed.
    few_missing = protect and 0 < total - found.n < SMALL_CELL
    return Effect(
        subject=question.subject,
        contrast=question.contrast,
        endpoint=question.endpoint,
        model=question.model,
        cohort=cohort,
        effect_name="odds ratio" if question.endpoint == "CR" else "hazard ratio",
        effect=ratio,
        p_value=p_value,
        n=None if hide or few_missing or (protect and 0 < found.n < SMALL_CELL) else found.n,
        carriers=None if hide or few_missing else found.carriers,
    )


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _original(setting: Setting) -> tuple[tuple[Question, ...], Mapping[Question, Answer]]:
    d = setting.dictionary
    questions = setting.once("effects asked for", lambda: ask(setting.original, d))
    return questions, setting.once("effects of original", lambda: answer(setting.original, questions, d))


def _answers(candidate: Candidate, setting: Setting) -> Mapping[Question, Answer]:
    questions, _ = _original(setting)
    return setting.once(
        f"effects of {candidate.kind} {candidate.key}",
        lambda: answer(candidate.frame, questions, setting.dictionary),
    )


def _figures(candidate: Candidate, setting: Setting) -> dict[str, Figure]:
    _, ours = _original(setting)
    theirs = _answers(candidate, setting)
    found: dict[str, Figure] = {}
    for scope, (_, endpoints, models) in _SCOPES.items():
        chosen = {q: a for q, a in ours.items() if q.endpoint in endpoints and q.model in models}
        try:
            shares = agreement(chosen, theirs, ALPHA)
        except NotComputable as reason:
            found |= {f"effects_{kind}_{scope}": Figure(reason=str(reason)) for kind in _KINDS}
        else:
            found |= {
                f"effects_{kind}_{scope}": figure(share(shares)) for kind, (*_, share) in _KINDS.items()
            }
    return found


def _spec(kind: str, scope: str) -> Spec:
    title, what, _ = _KINDS[kind]
    label, endpoints, _ = _SCOPES[scope]
    return Spec(
        id=f"effects_{kind}_{scope}",
        label=f"{title}, {label}",
        group="outcome" if endpoints == ("CR",) else "survival",
        better="higher",
        description=(
            f"Of the {label} of markers, age and ELN 2022 risk that are significant in the original "
            f"(p < 0.05), the share that {what}. What has no estimate any more, for want of carriers "
            "or events, is not kept. The bootstrap shows what resampling costs."
        ),
        source=_SOURCE,
    )


FAMILY = Family(
    name="effects",
    specs=tuple(_spec(kind, scope) for scope in _SCOPES for kind in _KINDS),
    figures=_figures,
)
