"""Tests of the synthetic cohort against the original, as tables 1 and 2 of the paper report them.

Shapiro-Wilk decides between the t-test and Mann-Whitney for numbers; Fisher's exact test compares
categories; logistic and Cox regression on the cohort give the odds ratio of the response and the hazard
ratios (Eckardt et al. 2024, methods, "Statistical analysis"). Patients with a missing value are left
out of that test. With large cohorts small differences are significant: read the effects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
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
from amlsynth.evaluation.records import SMALL_CELL, Comparison, Figure
from amlsynth.evaluation.survival.curves import log_rank_p
from amlsynth.evaluation.survival.response import responders
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import numbers
from amlsynth.statistics.wald import Z95, wald_p
from amlsynth.survival.cox import cox_fit
from amlsynth.survival.endpoint import EndpointData, endpoint_data

ALPHA = 0.05
EFFECT_DECIMALS = 3
_SHAPIRO_LIMIT = 5000  # beyond it scipy's p-value of the Shapiro-Wilk test is not reliable
_HIDDEN = f"not shown: fewer than {SMALL_CELL} patients of the original in one of the cells"
_HIDDEN_IN_ONE = f"not shown: fewer than {SMALL_CELL} patients of one of the cohorts in one of the cells"


def compare(
    original: pd.DataFrame,
    synthetic: pd.DataFrame,
    d: Dictionary,
    *,
    cohort: str = "synthetic",
    protect: bool = False,
) -> tuple[Comparison, ...]:
    """Test every variable, the derived risk, the response and the endpoints between two typed frames.

    Parameters
    ----------
    original : the cohort of reference, whose small cells are always held back.
    synthetic : the other one.
    d : the dictionary.
    cohort : the key of the other one.
    protect : whether the other one holds patients too, so that its small cells are held back as well.
    """
    if protect:  # a ratio whose other side is small would tell that side
        hidden = {one.subject for one in compare(synthetic, original, d) if _is_hidden(one)}
        comparisons = compare(original, synthetic, d)
        return adjusted([_with_cohort(one, cohort, one.subject in hidden) for one in comparisons])
    return tuple(_with_cohort(one, cohort, hide=False) for one in _compared(original, synthetic, d))


def _with_cohort(one: Comparison, cohort: str, hide: bool) -> Comparison:
    if not hide:
        return one.model_copy(update={"cohort": cohort})
    return Comparison(
        cohort=cohort, subject=one.subject, test=one.test, p_value=Figure(reason=_HIDDEN_IN_ONE)
    )


def _is_hidden(one: Comparison) -> bool:
    return one.p_value.reason == _HIDDEN


def _compared(original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> tuple[Comparison, ...]:
    comparisons: list[Comparison] = []
    for variable in (d[name] for name in known_at_diagnosis(d)):
        ours, theirs = original[variable.name], synthetic[variable.name]
        if not variable.is_categorical:
            comparisons.append(compare_numbers(variable.name, numbers(ours), numbers(theirs)))
        elif variable.type == "category":
            comparisons += compare_categories(variable.name, ours, theirs, [str(v) for v in variable.values])
        else:
            comparisons.append(_fisher(variable.name, _counts(ours, [1, 0]), _counts(theirs, [1, 0])))
    classification, our_risk, their_risk = d.roles.classification, d.classify(original), d.classify(synthetic)
    if classification is not None and our_risk is not None and their_risk is not None:
        comparisons += compare_categories(classification.name, our_risk, their_risk, d.risks)
    if d.response is not None:
        comparisons.append(_response(d.response.name, original, synthetic))
    for endpoint in d.endpoints:
        comparisons += _survival(endpoint_data(original, endpoint), endpoint_data(synthetic, endpoint))
    return adjusted([_or_lacking(one, original, synthetic, d) for one in comparisons])


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
    subject: str, ours: pd.Series, theirs: pd.Series, values: Sequence[str]
) -> list[Comparison]:
    """Compare a categorical variable: Fisher's exact test for two values.

    For more values a chi-square test over all (the subject) and Fisher's exact test of each value
    against the rest (subject "NAME=value"), as the rows of the paper's table 1.
    """
    left, right = _counts(ours, values), _counts(theirs, values)
    if len(values) == 2:
        return [_fisher(subject, left[::-1], right[::-1], f"odds ratio of {values[1]}")]
    p_value = attempt(lambda: _chi_square(left, right))
    size = {} if p_value.value is None else _size(lambda: cramers_v(left, right), CRAMERS_V)
    comparisons = [Comparison(subject=subject, test="chi-square", p_value=p_value, **size)]
    for position, value in enumerate(values):
        of_left, of_right = ((row[position], sum(row) - row[position]) for row in (left, right))
        comparisons.append(_fisher(f"{subject}={value}", of_left, of_right))
    return comparisons


def _counts(column: pd.Series, values: Sequence[str] | Sequence[int]) -> tuple[int, ...]:
    return tuple(int(column.eq(value).fillna(False).sum()) for value in values)


def _fisher(
    subject: str, ours: Sequence[int], theirs: Sequence[int], effect_name: str = "odds ratio"
) -> Comparison:
    """Compare counts (with, without) of two cohorts; p and odds ratio are held back for small cells."""
    test = "Fisher's exact"
    if any(0 < count < SMALL_CELL for count in ours):
        return Comparison(subject=subject, test=test, p_value=Figure(reason=_HIDDEN))
    if sum(ours) == 0 or sum(theirs) == 0:
        which = "the original" if sum(ours) == 0 else "the synthetic cohort"
        reason = Figure(reason=f"not assessed in {which}")
        return Comparison(subject=subject, test=test, p_value=reason)
    stats = require_extra("generate", "scipy.stats", "Comparing cohorts")

    p_value = min(1.0, float(stats.fisher_exact([list(theirs), list(ours)]).pvalue))
    return Comparison(
        subject=subject,
        test=test,
        p_value=figure(p_value),
        effect=attempt(lambda: _ratio(*_log_odds_ratio(ours, theirs))),
        effect_name=effect_name,
        **_size(lambda: standardised_difference_of_shares(ours, theirs), STANDARDISED),
    )


def _size(compute: Callable[[], float], name: str) -> dict[str, Any]:
    return {
        "effect_size": attempt(lambda: figure(compute(), decimals=SIZE_DECIMALS)),
        "effect_size_name": name,
    }


def _chi_square(ours: Sequence[int], theirs: Sequence[int]) -> float:
    stats = require_extra("generate", "scipy.stats", "Comparing cohorts")

    if any(0 < count < SMALL_CELL for count in ours):
        raise NotComputable(_HIDDEN)
    table = np.array([ours, theirs])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        raise NotComputable("fewer than two values occur, or one cohort has none")
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _log_odds_ratio(ours: Sequence[int], theirs: Sequence[int]) -> tuple[float, float]:
    """Return the log odds ratio and its standard error (Woolf)."""
    cells = (*theirs, *ours)
    if 0 in cells:
        raise NotComputable("an odds ratio needs patients in all four cells")
    log_ratio = math.log(theirs[0] / theirs[1]) - math.log(ours[0] / ours[1])
    return log_ratio, math.sqrt(sum(1 / cell for cell in cells))


def _ratio(log_ratio: float, error: float) -> Figure:
    """Return a ratio and its 95 % interval from the log scale."""
    spread = Z95 * error
    value, low, high = (math.exp(log_ratio + shift) for shift in (0.0, -spread, spread))
    return figure(value, low, high, decimals=EFFECT_DECIMALS)


def _response(variable: str, original: pd.DataFrame, synthetic: pd.DataFrame) -> Comparison:
    """Logistic regression of the response on the cohort; with one binary covariate it has a closed form."""
    ours, theirs = responders(original[variable]), responders(synthetic[variable])
    try:
        if any(0 < count < SMALL_CELL for count in ours):
            raise NotComputable(_HIDDEN)
        log_ratio, error = _log_odds_ratio(ours, theirs)
    except NotComputable as reason:
        p_value = effect = Figure(reason=str(reason))
    else:
        p_value = figure(wald_p(log_ratio, error))
        effect = _ratio(log_ratio, error)
    return Comparison(
        subject=variable,
        test="logistic regression",
        p_value=p_value,
        effect=effect,
        effect_name="odds ratio",
    )


def _survival(ours: EndpointData, theirs: EndpointData) -> list[Comparison]:
    try:
        if not (ours.event.any() and theirs.event.any()):
            raise NotComputable(f"one of the cohorts has no {ours.name} event, so no hazard ratio")
        fit = cox_fit(
            np.concatenate((ours.time, theirs.time)),
            np.concatenate((ours.event, theirs.event)),
            np.repeat([0.0, 1.0], [ours.n, theirs.n]),
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
