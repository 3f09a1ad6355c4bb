"""The response to treatment: its rate and its odds, as in table 2 of the paper."""

from __future__ import annotations

import math

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import NA, SHARE_DECIMALS, DisclosureRule
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
)
from amlsynth.evaluation.records import Figure
from amlsynth.statistics.coding import numbers
from amlsynth.statistics.proportions import wilson_interval
from amlsynth.statistics.wald import Z95

_SOURCE = "Eckardt et al., npj Digit Med 2024, table 2"


def responders(response: pd.Series) -> tuple[int, int]:
    """Return the numbers of patients with and without the response, a column; NA is left out."""
    status = numbers(response)
    return int((status == 1).sum()), int((status == 0).sum())


def response_rate(reached: int, missed: int) -> Figure:
    """Return the share with the response and Wilson's 95 % interval.

    Raises
    ------
    NotComputable
        There is no patient.
    """
    n = reached + missed
    if n == 0:
        raise NotComputable("of no patient it is known whether the response was reached")
    return wilson(reached, n)


def wilson(count: int, n: int) -> Figure:
    """Return a share and Wilson's 95 % interval, at three decimals."""
    return figure(count / n, *wilson_interval(count / n, n), decimals=SHARE_DECIMALS)


def response_odds(reached: int, missed: int) -> Figure:
    """Return the odds of the response with Wald's 95 % interval: logistic regression on a constant.

    Raises
    ------
    NotComputable
        Nobody reached it, or nobody missed it.
    """
    if reached == 0 or missed == 0:
        raise NotComputable("the odds need patients with and without the response")
    spread = math.exp(Z95 * math.sqrt(1 / reached + 1 / missed))
    odds = reached / missed
    return figure(odds, odds / spread, odds * spread, decimals=2)


def _own_figures(frame: pd.DataFrame, d: Dictionary, rule: DisclosureRule) -> dict[str, Figure]:
    if d.response is None:
        return {}
    rate, odds = _identifiers(d)
    counts = responders(frame[d.response.name])
    missing = len(frame) - sum(counts)
    if hidden := rule.hidden_cells({"reached": counts[0], "missed": counts[1], NA: missing}):
        few = Figure(reason=f"not shown: {rule.few} patients with, without or of unknown response")
        coarse = rule.coarse(counts[0] / sum(counts), len(frame)) if rule.splits(*counts) else None
        known = NA in hidden and coarse is not None  # two hidden cells bar the number of missing values
        return {rate: figure(coarse, decimals=2) if known and coarse is not None else few, odds: few}
    return {rate: attempt(lambda: response_rate(*counts)), odds: attempt(lambda: response_odds(*counts))}


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    return _own_figures(cohort.frame, context.dictionary, context.rule_of(cohort))


def _identifiers(d: Dictionary) -> tuple[str, str]:
    name = "" if d.roles.response is None else d.roles.response.name.lower()
    return f"{name}_rate", f"{name}_odds"


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    response = d.roles.response
    if response is None:
        return ()
    rate, odds = _identifiers(d)
    label = response.label.lower()
    return (
        MeasureDefinition(
            id=rate,
            label=response.label,
            aspect="outcome",
            better="original",
            description=(
                f"Share of patients who reached {label} ({response.variable}), of those with a known "
                "status, with Wilson's 95 % interval."
            ),
            source=_SOURCE,
            outcomes=(response.name,),
        ),
        MeasureDefinition(
            id=odds,
            label=f"Odds of {label}",
            aspect="outcome",
            better="original",
            description=(
                f"Patients with over patients without {label}, with its 95 % interval by "
                "logistic regression: what the paper's table 2 gives as OR of each cohort."
            ),
            source=_SOURCE,
            outcomes=(response.name,),
        ),
    )


GROUP = MeasureGroup(
    name="outcome",
    definitions=_definitions,
    figures=_figures,
    original_figures=lambda context: _own_figures(context.original, context.dictionary, context.rule),
)
