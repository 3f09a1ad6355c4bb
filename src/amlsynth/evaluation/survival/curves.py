"""Survival measures: how far the synthetic curves of each endpoint are from the original's.

Divergence, optimism and short-sightedness are those of Norcliffe et al. (SurvivalGAN,
arXiv:2302.12749) as used in Eckardt et al., npj Digital Medicine 2024.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.dictionary.roles import Endpoint
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation.intervals import with_interval
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
from amlsynth.evaluation.survival.medians import follow_up, median_survival
from amlsynth.evaluation.survival.response import wilson
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.survival.curve_distance import curve_distance, distance_of_curves
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.kaplan_meier import KaplanMeier, kaplan_meier, resampled_curves

_SOURCE = (
    "Norcliffe et al., arXiv:2302.12749; Eckardt et al., npj Digit Med 2024, methods, "
    "'Evaluation of synthetic data performance'"
)
_PAPER = "Eckardt et al., npj Digit Med 2024, table 2 and methods, 'Statistical analysis'"


def log_rank_p(original: EndpointData, synthetic: EndpointData) -> float:
    """Return the two-sided p-value of the log-rank test between two cohorts.

    Raises
    ------
    NotComputable
        A cohort has no known times, or neither has an event.
    """
    stats = require_extra("generate", "scipy.stats", "The log-rank test")

    for data in (original, synthetic):
        if data.n == 0:
            raise NotComputable(f"no patient has a known {data.name} time and status")
    if not (original.event.any() or synthetic.event.any()):
        raise NotComputable(f"neither cohort has an {original.name} event")
    # Without a moment at which both have patients at risk the test's variance is 0.
    first = min(data.time[data.event].min() for data in (original, synthetic) if data.event.any())
    if min(original.time.max(), synthetic.time.max()) < first:
        raise NotComputable("the cohorts have no time in common at which an event occurred")
    times = np.unique(np.concatenate([data.time[data.event] for data in (original, synthetic)]))
    at_risk, events = (
        np.array(counts, dtype=np.float64)
        for counts in zip(*(_at_risk_and_events(data, times) for data in (original, synthetic)), strict=True)
    )
    everybody, all_events = at_risk.sum(axis=0), events.sum(axis=0)
    share = at_risk[0] / everybody
    # Given the margins of each time, events are hypergeometric; of the last patient they are certain.
    left = np.divide(everybody - all_events, everybody - 1, out=np.zeros_like(share), where=everybody > 1)
    variance = float((share * (1 - share) * all_events * left).sum())
    excess = float((events[0] - share * all_events).sum())
    return float(stats.chi2.sf(excess**2 / variance, 1)) if variance > 0 else math.nan


def _at_risk_and_events(data: EndpointData, times: FloatArray) -> tuple[IntArray, IntArray]:
    """Return how many are at risk and how many have the event at each time, shape (times,) twice."""
    at_risk = data.n - np.searchsorted(np.sort(data.time), times, side="left")
    ordered = np.sort(data.time[data.event])
    upper, lower = (np.searchsorted(ordered, times, side=side) for side in ("right", "left"))
    return at_risk, upper - lower


def short_sightedness(original: EndpointData, synthetic: EndpointData, rule: DisclosureRule) -> Figure:
    """Return by which share of the original's longest time the synthetic follow-up ends earlier.

    Of patients, the time that the fewest who may be shown reach stands for the longest, in both cohorts, at
    two decimals: the longest is one patient's.

    Raises
    ------
    NotComputable
        The original is so short that two decimals would tell a time to less than a month.
    """
    last = min(max(rule.min_cell, 1), original.n, synthetic.n)
    ours, theirs = (float(np.sort(data.time)[-last]) for data in (original, synthetic))
    if not rule.on:
        return figure((ours - theirs) / ours, decimals=4)
    if ours < 100:  # months
        raise NotComputable("not shown: follow-up is so short that the longest time would follow")
    return figure((ours - theirs) / ours, decimals=2)


def share_same_time(frame: pd.DataFrame, terminal: Endpoint, composite: Endpoint) -> Figure:
    """Return the share of patients whose two endpoints end at the same time, of those with both known.

    With Wilson's 95 % interval.

    Raises
    ------
    NotComputable
        No patient has both.
    """
    same = (frame[terminal.time] - frame[composite.time]).abs().dropna() < 1e-6  # kept to six decimals
    if len(same) == 0:
        raise NotComputable(f"no patient has both an {terminal.name} and an {composite.name} time")
    return wilson(int(same.sum()), len(same))


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    figures = _own_figures(cohort.frame, context)
    for endpoint in context.dictionary.endpoints:
        ours = endpoint_data(context.original, endpoint)
        theirs = endpoint_data(cohort.frame, endpoint)
        suffix = endpoint.suffix
        try:
            distance = curve_distance(ours, theirs)
        except NotComputable as reason:
            for name in ("km_score", "optimism", "shortsightedness"):
                figures[f"{name}_{suffix}"] = Figure(reason=str(reason))
        else:
            curve = kaplan_meier(ours)

            def scores(
                times: IntArray, curve: KaplanMeier = curve, data: EndpointData = theirs
            ) -> FloatArray:
                distances = (distance_of_curves(curve, other) for other in resampled_curves(data, times))
                return np.array([1 - distance.divergence for distance in distances])

            figures[f"km_score_{suffix}"] = with_interval(
                scores, theirs.n, Stream.CURVE_INTERVALS.rng(context.seed)
            )
            figures[f"optimism_{suffix}"] = figure(distance.optimism)
            figures[f"shortsightedness_{suffix}"] = attempt(
                lambda a=ours, b=theirs: short_sightedness(a, b, context.rule)  # type: ignore[misc]
            )
        figures[f"logrank_{suffix}"] = attempt(lambda a=ours, b=theirs: log_rank_p(a, b))  # type: ignore[misc]
    return figures


def _own_figures(frame: pd.DataFrame, context: EvaluationContext) -> dict[str, Figure]:
    """Return what a cohort has by itself: medians, follow-up, share with both endpoints equal."""
    d = context.dictionary
    figures = {
        f"median_{endpoint.suffix}": attempt(
            lambda endpoint=endpoint: median_survival(endpoint_data(frame, endpoint))  # type: ignore[misc]
        )
        for endpoint in d.endpoints
    }
    figures["follow_up"] = attempt(lambda: follow_up(endpoint_data(frame, d.terminal)))
    if (composite := d.composite) is not None:
        figures[_same_time(d.terminal, composite)] = attempt(
            lambda: share_same_time(frame, d.terminal, composite)
        )
    return figures


def _same_time(terminal: Endpoint, composite: Endpoint) -> str:
    return f"share_{composite.suffix}_equals_{terminal.suffix}"


def _endpoint_definitions(endpoint: Endpoint) -> tuple[MeasureDefinition, ...]:
    name, label, suffix, outcomes = endpoint.name, endpoint.label.lower(), endpoint.suffix, (endpoint.name,)
    return (
        MeasureDefinition(
            id=f"km_score_{suffix}",
            label=f"Kaplan-Meier score, {name}",
            aspect="survival",
            better="higher",
            description=(
                f"1 - the mean absolute difference of the two curves of {label} over 1,000 points up to "
                "the largest time; 1 is the same curve. The hold-out shows what two real samples reach."
            ),
            source=_SOURCE,
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"optimism_{suffix}",
            label=f"Optimism, {name}",
            aspect="survival",
            better="zero",
            description=(
                f"The mean signed difference of the two curves of {label}: positive where synthetic "
                "patients fare better than original ones. The paper reports 1 - its absolute value."
            ),
            source=_SOURCE,
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"shortsightedness_{suffix}",
            label=f"Short-sightedness, {name}",
            aspect="survival",
            better="zero",
            description=(
                f"By which share of the original's longest time the synthetic {label} ends earlier "
                "(negative: later). The paper reports 1 - its absolute value."
            ),
            source=_SOURCE,
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"median_{suffix}",
            label=f"Median {name}",
            aspect="survival",
            better="original",
            unit="months",
            description=f"Median {label} by Kaplan-Meier with its 95 % interval (log(-log) scale).",
            source=_PAPER,
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"logrank_{suffix}",
            label=f"Log-rank p, {name}",
            aspect="survival",
            better="none",
            description=(
                f"p of the log-rank test of {label} against the original. It is no test of likeness: "
                "cohorts with clearly different medians can have a high p, and two real samples a low "
                "one. Read the Kaplan-Meier score instead."
            ),
            source=_PAPER,
            outcomes=outcomes,
        ),
    )


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    terminal, composite = d.terminal, d.composite
    label = terminal.label.lower()
    definitions = [definition for endpoint in d.endpoints for definition in _endpoint_definitions(endpoint)]
    definitions.append(
        MeasureDefinition(
            id="follow_up",
            label="Median follow-up",
            aspect="survival",
            better="original",
            unit="months",
            description=f"Median follow-up for {label} by the reverse Kaplan-Meier method.",
            source="Shuster, J Clin Oncol 1991;9:191; " + _PAPER,
            outcomes=(terminal.name,),
        )
    )
    if composite is not None:
        definitions.append(
            MeasureDefinition(
                id=_same_time(terminal, composite),
                label=f"Share with {composite.name} equal to {terminal.name}",
                aspect="survival",
                better="original",
                description=(
                    f"Share of patients whose {composite.label.lower()} and {label} end at the same time, "
                    "which generators that model the two apart miss."
                ),
                source="amlsynth; the joint pattern of the two endpoints",
                outcomes=(terminal.name, composite.name),
            )
        )
    return tuple(definitions)


GROUP = MeasureGroup(
    name="survival",
    definitions=_definitions,
    figures=_figures,
    original_figures=lambda context: _own_figures(context.original, context),
)
