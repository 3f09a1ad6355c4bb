"""Tests of the synthetic cohort against the original, as tables 1 and 2 of the paper report them.

Shapiro-Wilk decides between the t-test and Mann-Whitney for numbers; Fisher's exact test compares
categories; logistic and Cox regression on the cohort give the odds ratio of the response and the hazard
ratios (Eckardt et al. 2024, methods, "Statistical analysis"). Patients with a missing value are left
out of that test. With large cohorts small differences are significant: read the effects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.disclosure.rule import NA, OFF, DisclosureRule
from amlsynth.evaluation.effects.sizes import (
    CRAMERS_V,
    SIZE_DECIMALS,
    STANDARDISED,
    adjusted,
    cramers_v,
    standardised_difference,
    standardised_difference_of_shares,
)
from amlsynth.evaluation.measure_group import NotComputable, attempt, figure
from amlsynth.evaluation.outcomes import (
    known_at_diagnosis,
    lacks,
    outcome_columns,
    outcome_names,
    why_lacking,
)
from amlsynth.evaluation.records import Comparison, Figure
from amlsynth.evaluation.summary import hidden_cells
from amlsynth.evaluation.survival.curves import log_rank_p
from amlsynth.evaluation.survival.response import responders
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import codes_of, numbers_of
from amlsynth.statistics.fisher import FisherTest, fisher_test
from amlsynth.statistics.wald import Z95, wald_p
from amlsynth.survival.cox import Ties, cox_fit
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.logistic import woolf

ALPHA = 0.05
EFFECT_DECIMALS = 3
_SHAPIRO_LIMIT = 5000  # beyond it scipy's p-value of the Shapiro-Wilk test is not reliable

Hidden = Mapping[str, frozenset[str]]


def compare(
    original: pd.DataFrame,
    synthetic: pd.DataFrame,
    d: Dictionary,
    *,
    cohort: str = "synthetic",
    rule: DisclosureRule = OFF,
    protect: bool = False,
    ties: Ties = "efron",
) -> tuple[Comparison, ...]:
    """Test every variable, the derived risk, the response and the endpoints between two typed frames.

    Parameters
    ----------
    original : the cohort of reference.
    synthetic : the other one.
    d : the dictionary.
    cohort : the key of the other one.
    rule : what is held back: tests that would tell a hidden cell of the original, and digits.
    protect : whether the other one holds patients too, so that the same holds for it.
    ties : how Cox regression takes events at the same time.
    """
    frames = (original, synthetic) if protect else (original,)
    hidden = [hidden_cells(frame, d, rule) for frame in frames]
    comparisons = _compared(original, synthetic, d, ties)
    shown = [_shown(one, hidden, rule) for one in comparisons]
    return adjusted([one.model_copy(update={"cohort": cohort}) for one in shown])


def _shown(one: Comparison, hidden: Sequence[Hidden], rule: DisclosureRule) -> Comparison:
    """Return the test with rounded figures, or without any where a hidden cell would follow from them."""
    without_figures = all(f is None or f.value is None for f in (one.p_value, one.effect, one.effect_size))
    if not rule.on or without_figures:  # that a column was not assessed tells of no cell
        return one
    if any(_tells(one, cells) for cells in hidden):
        few = Figure(reason=f"not shown: {rule.few} patients in one of the cells, or it would follow")
        return Comparison(subject=one.subject, test=one.test, p_value=few)
    return one.model_copy(
        update={
            "p_value": one.p_value.model_copy(update={"value": rule.p_value(one.p_value.value)}),
            "effect": None if one.effect is None else rounded(one.effect, rule),
            "effect_size": None if one.effect_size is None else rounded(one.effect_size, rule),
        }
    )


def rounded(figure: Figure, rule: DisclosureRule) -> Figure:
    """Return a figure with the digits that the rule leaves: each rests on rows. All where it is off."""
    ends = {name: rule.statistic(getattr(figure, name)) for name in ("value", "low", "high")}
    return figure.model_copy(update=ends)


def _tells(one: Comparison, hidden: Hidden) -> bool:
    """Return whether a test is of cells of which one is hidden.

    A value against the rest needs that value and the number of known values; other tests need all cells.
    """
    name, _, value = one.subject.partition("=")
    cells = hidden.get(name, frozenset())
    return bool({NA, value} & cells if value else cells)


def _compared(
    original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, ties: Ties
) -> tuple[Comparison, ...]:
    comparisons: list[Comparison] = []
    for variable in (d[name] for name in known_at_diagnosis(d)):
        frames = (original, synthetic)
        if not variable.is_categorical:
            comparisons.append(
                compare_numbers(variable.name, *(numbers_of(frame, variable.name) for frame in frames))
            )
            continue
        ours, theirs = (_counts(frame, variable) for frame in frames)
        if variable.type == "category":
            comparisons += compare_categories(variable.name, ours, theirs, [str(v) for v in variable.values])
        else:
            comparisons.append(fisher(variable.name, ours[::-1], theirs[::-1]))
    classification, our_risk, their_risk = d.roles.classification, d.classify(original), d.classify(synthetic)
    if classification is not None and our_risk is not None and their_risk is not None:
        ours, theirs = (risk.value_counts().reindex(d.risks).tolist() for risk in (our_risk, their_risk))
        comparisons += compare_categories(classification.name, ours, theirs, d.risks)
    if d.response is not None:
        comparisons.append(_response(d.response.name, original, synthetic))
    for endpoint in d.endpoints:
        comparisons += _survival(endpoint_data(original, endpoint), endpoint_data(synthetic, endpoint), ties)
    return tuple(_or_lacking(one, original, synthetic, d) for one in comparisons)


def _or_lacking(
    one: Comparison, original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary
) -> Comparison:
    """Return the test, or for an outcome that one of the cohorts lacks, that reason."""
    for name in outcome_names(d):
        if one.subject in (name, *outcome_columns(d, name)):
            for frame, cohort in ((original, "original"), (synthetic, "other cohort")):
                if lacks(frame, d, name):
                    reason = Figure(reason=why_lacking(name, cohort))
                    return Comparison(subject=one.subject, test=one.test, p_value=reason)
    return one


def compare_numbers(subject: str, ours: FloatArray, theirs: FloatArray) -> Comparison:
    """Compare a numeric variable; NaN is missing. The effect is synthetic against original."""
    stats = require_extra("generate", "scipy.stats", "Comparing cohorts")

    ours, theirs = ours[~np.isnan(ours)], theirs[~np.isnan(theirs)]
    if min(ours.size, theirs.size) < 2:
        reason = Figure(reason="fewer than two known values in one of the cohorts")
        return Comparison(subject=subject, test="Mann-Whitney", p_value=reason)
    if np.ptp(np.concatenate((ours, theirs))) == 0:
        reason = Figure(reason="every patient of both cohorts has the same value")
        return Comparison(subject=subject, test="Mann-Whitney", p_value=reason)
    size = _size(lambda: standardised_difference(ours, theirs), STANDARDISED)
    if _looks_normal(ours) and _looks_normal(theirs):
        result = stats.ttest_ind(theirs, ours)
        interval = result.confidence_interval()
        return Comparison(
            subject=subject,
            test="t-test",
            p_value=figure(float(result.pvalue)),
            effect=figure(float(theirs.mean() - ours.mean()), float(interval.low), float(interval.high)),
            effect_name="difference of the means",
            **size,
        )
    result = stats.mannwhitneyu(theirs, ours)
    return Comparison(
        subject=subject,
        test="Mann-Whitney",
        p_value=figure(float(result.pvalue)),
        effect=figure(float(result.statistic) / (ours.size * theirs.size)),
        effect_name="probability that the synthetic value is the larger (0.5 is none)",
        **size,
    )


def compare_categories(
    subject: str, ours: Sequence[int], theirs: Sequence[int], values: Sequence[str]
) -> list[Comparison]:
    """Compare how often each value of a categorical variable is: Fisher's exact test for two values.

    For more values a chi-square test over all (the subject) and Fisher's exact test of each value
    against the rest (subject "NAME=value"), as the rows of the paper's table 1.
    """
    if len(values) == 2:
        return [fisher(subject, ours[::-1], theirs[::-1], f"odds ratio of {values[1]}")]
    p_value = attempt(lambda: chi_square(ours, theirs))
    size = {} if p_value.value is None else _size(lambda: cramers_v(ours, theirs), CRAMERS_V)
    comparisons = [Comparison(subject=subject, test="chi-square", p_value=p_value, **size)]
    for position, value in enumerate(values):
        of_left, of_right = ((row[position], sum(row) - row[position]) for row in (ours, theirs))
        comparisons.append(fisher(f"{subject}={value}", of_left, of_right))
    return comparisons


def _counts(frame: pd.DataFrame, variable: Variable) -> list[int]:
    """Return how many patients have each value of a categorical variable, in the dictionary's order."""
    counts: list[int] = np.bincount(codes_of(frame, variable), minlength=len(variable.values) + 1).tolist()
    return counts[1 : len(variable.values) + 1]


def fisher(
    subject: str, ours: Sequence[int], theirs: Sequence[int], effect_name: str = "odds ratio"
) -> Comparison:
    """Compare counts (with, without) of two cohorts; ratio and interval are those of the test."""
    test = "Fisher's exact"
    if sum(ours) == 0 or sum(theirs) == 0:
        which = "the original" if sum(ours) == 0 else "the synthetic cohort"
        reason = Figure(reason=f"not assessed in {which}")
        return Comparison(subject=subject, test=test, p_value=reason)
    found = fisher_test(theirs[0], theirs[1], ours[0], ours[1])
    return Comparison(
        subject=subject,
        test=test,
        p_value=figure(found.p_value),
        effect=_exact_ratio(found),
        effect_name=effect_name,
        **_size(lambda: standardised_difference_of_shares(ours, theirs), STANDARDISED),
    )


def _exact_ratio(found: FisherTest) -> Figure:
    if found.odds_ratio is None:
        reason = "an odds ratio needs patients with and without it in both cohorts"
        ends = (None if end is None else round(end, EFFECT_DECIMALS) for end in (found.low, found.high))
        return Figure(**dict(zip(("low", "high"), ends, strict=True)), reason=reason)
    return figure(found.odds_ratio, found.low, found.high, decimals=EFFECT_DECIMALS)


def _size(compute: Callable[[], float], name: str) -> dict[str, Any]:
    return {
        "effect_size": attempt(lambda: figure(compute(), decimals=SIZE_DECIMALS)),
        "effect_size_name": name,
    }


def chi_square(ours: Sequence[int], theirs: Sequence[int]) -> float:
    stats = require_extra("generate", "scipy.stats", "Comparing cohorts")

    table = np.array([ours, theirs])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        raise NotComputable("fewer than two values occur, or one cohort has none")
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _ratio(log_ratio: float, error: float) -> Figure:
    """Return a ratio and its 95 % interval from the log scale."""
    spread = Z95 * error
    value, low, high = (math.exp(log_ratio + shift) for shift in (0.0, -spread, spread))
    return figure(value, low, high, decimals=EFFECT_DECIMALS)


def _response(variable: str, original: pd.DataFrame, synthetic: pd.DataFrame) -> Comparison:
    """Logistic regression of the response on the cohort; with one binary covariate it has a closed form."""
    log_ratio, error = woolf(np.array([responders(frame[variable]) for frame in (synthetic, original)]))
    if np.isnan(log_ratio):
        p_value = effect = Figure(reason="an odds ratio needs patients in all four cells")
    else:
        p_value = figure(wald_p(float(log_ratio), float(error)))
        effect = _ratio(float(log_ratio), float(error))
    return Comparison(
        subject=variable,
        test="logistic regression",
        p_value=p_value,
        effect=effect,
        effect_name="odds ratio",
    )


def _survival(ours: EndpointData, theirs: EndpointData, ties: Ties) -> list[Comparison]:
    try:
        if not (ours.event.any() and theirs.event.any()):
            raise NotComputable(f"one of the cohorts has no {ours.name} event, so no hazard ratio")
        fit = cox_fit(
            np.concatenate((ours.time, theirs.time)),
            np.concatenate((ours.event, theirs.event)),
            np.repeat([0.0, 1.0], [ours.n, theirs.n]),
            ties=ties,
        )
    except NotComputable as reason:
        p_value = effect = Figure(reason=str(reason))
    else:
        log_ratio, error = float(fit.beta[0]), float(fit.standard_errors[0])
        p_value, effect = figure(wald_p(log_ratio, error)), _ratio(log_ratio, error)
    return [
        Comparison(
            subject=ours.name,
            test="Cox regression",
            p_value=p_value,
            effect=effect,
            effect_name="hazard ratio",
        ),
        Comparison(subject=ours.name, test="log-rank", p_value=attempt(lambda: log_rank_p(ours, theirs))),
    ]


def _looks_normal(values: FloatArray) -> bool:
    stats = require_extra("generate", "scipy.stats", "Comparing cohorts")

    if values.size < 3 or np.ptp(values) == 0:
        return False
    if values.size > _SHAPIRO_LIMIT:
        values = values[np.linspace(0, values.size - 1, _SHAPIRO_LIMIT).astype(np.intp)]
    return float(stats.shapiro(values).pvalue) >= ALPHA
