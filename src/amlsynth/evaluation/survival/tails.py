"""Survival beyond the curve's middle: restricted means, five-year tails, joint patterns of two endpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.dictionary.roles import Endpoint
from amlsynth.disclosure.rule import SHARE_DECIMALS, DisclosureRule
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
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import numbers_of
from amlsynth.statistics.wald import Z95
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier, restricted_mean

FIVE_YEARS = 60.0  # months
SAME_TIME = 1e-6  # months; times are kept to six decimals
PATTERNS = 8  # status of the one x status of the other x whether both end at the same time


def restricted_mean_difference(
    original: EndpointData, synthetic: EndpointData, horizon: float = FIVE_YEARS
) -> Figure:
    """Return synthetic less original restricted mean, months, with its 95 % interval."""
    ours, theirs = restricted_mean(original, horizon), restricted_mean(synthetic, horizon)
    value, spread = theirs[0] - ours[0], Z95 * math.hypot(ours[1], theirs[1])
    return figure(value, value - spread, value + spread, decimals=2)


def survival_at(data: EndpointData, months: float = FIVE_YEARS) -> Figure:
    """Return the Kaplan-Meier estimate at a time, with its 95 % interval.

    Raises
    ------
    NotComputable
        No patient has a known time, or nobody is followed that long although the curve has not ended.
    """
    fit = kaplan_meier(data)
    if fit.times[-1] < months and fit.survival[-1] > 0:
        raise NotComputable(f"no patient is followed for {months:.0f} months")
    low, high = fit.band(months)
    return figure(float(fit.at(months)), float(low), float(high), decimals=SHARE_DECIMALS)


def share_at_risk(data: EndpointData, months: float = FIVE_YEARS) -> float:
    """Return the share of patients who are followed beyond a time, free of the event until then."""
    if data.n == 0:
        raise NotComputable(f"no patient has a known {data.name} time and status")
    return float((data.time > months).mean())


def event_patterns(frame: pd.DataFrame, terminal: Endpoint, composite: Endpoint) -> FloatArray:
    """Return how often each joint pattern of two endpoints occurs, shape (PATTERNS,), sum 1.

    A pattern is the status of the composite one, that of the terminal one, and whether both end at the same
    time.

    Raises
    ------
    NotComputable
        No patient has both endpoints known.
    """
    names = (composite.status, terminal.status, composite.time, terminal.time)
    columns = np.column_stack([numbers_of(frame, name) for name in names])
    columns = columns[~np.isnan(columns).any(axis=1)]
    if len(columns) == 0:
        raise NotComputable(f"no patient has both {terminal.name} and {composite.name} known")
    same = np.abs(columns[:, 2] - columns[:, 3]) < SAME_TIME
    code = 4 * (columns[:, 0] == 1) + 2 * (columns[:, 1] == 1) + same
    return np.bincount(code.astype(np.intp), minlength=PATTERNS) / len(columns)


def event_pattern_distance(
    original: pd.DataFrame, synthetic: pd.DataFrame, terminal: Endpoint, composite: Endpoint
) -> float:
    """Return the total variation distance of the joint patterns of two endpoints, in [0, 1]."""
    ours, theirs = (event_patterns(frame, terminal, composite) for frame in (original, synthetic))
    return float(np.abs(ours - theirs).sum() / 2)


def _own_figures(frame: pd.DataFrame, d: Dictionary, rule: DisclosureRule) -> dict[str, Figure]:
    computed: dict[str, Figure] = {}
    for endpoint in d.endpoints:
        data, suffix = endpoint_data(frame, endpoint), endpoint.suffix
        late = int((data.time > FIVE_YEARS).sum())
        figures: dict[str, Callable[[], float | Figure]] = {
            f"survival60_{suffix}": partial(survival_at, data),
            f"at_risk60_{suffix}": partial(share_at_risk, data),
        }
        for name, compute in figures.items():
            if rule.is_small(late):
                computed[name] = Figure(reason=f"not shown: {rule.few} patients are followed longer")
            else:
                computed[name] = attempt(compute)
        # As exact as the curve and its numbers at risk are shown, or single patients would follow.
        curve, share = computed[f"survival60_{suffix}"], computed[f"at_risk60_{suffix}"]
        if curve.value is not None and rule.on:
            decimals = rule.decimals(data.n, SHARE_DECIMALS)
            computed[f"survival60_{suffix}"] = figure(curve.value, curve.low, curve.high, decimals=decimals)
        if share.value is not None:
            coarse = rule.coarse(share.value, data.n)
            computed[f"at_risk60_{suffix}"] = (
                Figure(reason="not shown: too few patients for a share")
                if coarse is None
                else figure(coarse, decimals=SHARE_DECIMALS)
            )
    return computed


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    d, original, frame = context.dictionary, context.original, cohort.frame
    figures = _own_figures(frame, d, context.rule_of(cohort))
    for endpoint in d.endpoints:
        pair = endpoint_data(original, endpoint), endpoint_data(frame, endpoint)
        figures[f"rmst_difference_{endpoint.suffix}"] = attempt(partial(restricted_mean_difference, *pair))
    if (composite := d.composite) is not None:
        figures["event_patterns"] = attempt(
            lambda: event_pattern_distance(original, frame, d.terminal, composite)
        )
    return figures


def _endpoint_definitions(endpoint: Endpoint) -> tuple[MeasureDefinition, ...]:
    name, label, suffix, outcomes = endpoint.name, endpoint.label.lower(), endpoint.suffix, (endpoint.name,)
    return (
        MeasureDefinition(
            id=f"rmst_difference_{suffix}",
            label=f"Restricted mean difference, {name}",
            aspect="survival",
            better="zero",
            unit="months",
            description=(
                f"Mean time of {label} within five years, synthetic less original, with its 95 % interval: "
                "positive where synthetic patients fare better."
            ),
            source="Royston and Parmar, BMC Med Res Methodol 2013;13:152",
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"survival60_{suffix}",
            label=f"Five-year {name}",
            aspect="survival",
            better="original",
            description=f"Kaplan-Meier estimate of {label} at five years, with its 95 % interval.",
            source="Kaplan and Meier, J Am Stat Assoc 1958;53:457; tails: Eckardt et al. 2024",
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"at_risk60_{suffix}",
            label=f"At risk after five years, {name}",
            aspect="survival",
            better="original",
            description=(
                f"Share of patients who are followed for {label} beyond five years: what the tail of the "
                "curve stands on."
            ),
            source="amlsynth; tails: Eckardt et al. 2024",
            outcomes=outcomes,
        ),
    )


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    definitions = tuple(
        definition for endpoint in d.endpoints for definition in _endpoint_definitions(endpoint)
    )
    terminal, composite = d.terminal, d.composite
    if composite is None:
        return definitions
    return (
        *definitions,
        MeasureDefinition(
            id="event_patterns",
            label=f"Joint pattern of {terminal.name} and {composite.name}",
            aspect="survival",
            better="lower",
            description=(
                f"Total variation distance of how often each pattern occurs of {composite.name} event, "
                f"{terminal.event.lower()}, and both ending at the same time; 0 is as often as in the "
                "original. Generators that model the two apart make patterns that do not exist."
            ),
            source="amlsynth; the joint pattern of the two endpoints",
            outcomes=(terminal.name, composite.name),
        ),
    )


GROUP = MeasureGroup(
    name="tails",
    definitions=_definitions,
    figures=_figures,
    original_figures=lambda context: _own_figures(context.original, context.dictionary, context.rule),
)
