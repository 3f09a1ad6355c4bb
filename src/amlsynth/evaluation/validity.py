"""Validity: does the cohort keep the dictionary's rules?"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    figure,
    fixed,
)
from amlsynth.evaluation.records import Figure, RuleCount

Broken = dict[tuple[str, str, str], int]  # rule, columns, severity -> patients


def rule_counts(cohorts: Sequence[EvaluatedCohort], context: EvaluationContext) -> tuple[RuleCount, ...]:
    """Return every rule that a cohort breaks, with the severities of a synthetic cohort.

    Small counts of cohorts of patients are held back.
    """
    rules = {cohort.key: context.rule_of(cohort) for cohort in cohorts}
    broken_rules = {cohort.key: _of(cohort, context) for cohort in cohorts}
    messages = {rule.id: rule.message for rule in context.dictionary.rules}
    places = sorted({place for broken in broken_rules.values() for place in broken})

    def count(key: str, place: tuple[str, str, str]) -> int | None:
        return rules[key].count(broken_rules[key].get(place, 0))

    return tuple(
        RuleCount(
            rule=rule,
            columns=columns,
            message=messages.get(rule, "a value that the dictionary does not allow"),
            severity="error" if severity == "error" else "warning",
            counts={key: count(key, (rule, columns, severity)) for key in broken_rules},
        )
        for rule, columns, severity in places
    )


def _broken(frame: pd.DataFrame, d: Dictionary) -> Broken:
    from amlsynth.cohort.validation import validate

    return dict(validate(frame, "synthetic", d).found.counts)


def _of(cohort: EvaluatedCohort, context: EvaluationContext) -> Broken:
    return context.once_of(cohort.frame, "rules broken", lambda: _broken(cohort.frame, context.dictionary))


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    from amlsynth.cohort.validation import DUPLICATE_RULE

    broken = _of(cohort, context)
    if cohort.kind == "bootstrap":  # it draws patients again, which is no rule that it breaks
        broken = {place: count for place, count in broken.items() if place[0] != DUPLICATE_RULE}
    errors = [count for (_, _, severity), count in broken.items() if severity == "error"]
    rule = context.rule_of(cohort)
    if not rule.splits(*errors):
        return {"rules_broken": Figure(reason=f"not shown: {rule.few} patients break a rule")}
    return {"rules_broken": figure(float(sum(errors)))}


GROUP = MeasureGroup(
    name="validity",
    definitions=fixed(
        MeasureDefinition(
            id="rules_broken",
            label="Rules broken",
            aspect="validity",
            better="zero",
            unit="errors",
            description=(
                "Errors that validation finds: values outside the dictionary, rules between variables "
                "and repeated rows, with the severities that hold for synthetic cohorts. Rows "
                "that the bootstrap repeats, since it draws patients again, are not counted."
            ),
            source="amlsynth dictionary, rules",
        ),
    ),
    figures=_figures,
    original_figures=lambda context: _figures(
        EvaluatedCohort("synthetic", context.original, "original", holds_patients=True), context
    ),
)
