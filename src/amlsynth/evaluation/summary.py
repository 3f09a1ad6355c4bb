"""The aggregates of one cohort: quartiles, counts, derived risk, Kaplan-Meier curves on a grid.

What is shown of patients is decided by the rule of `disclosure.rule`, one variable at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.dictionary.roles import Endpoint
from amlsynth.disclosure.curves import SURVIVAL_DECIMALS, band, shown_months, shown_points
from amlsynth.disclosure.rule import NA, OFF, DisclosureRule
from amlsynth.evaluation.histograms import histogram
from amlsynth.evaluation.measure_group import attempt
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.records import (
    CategoryCount,
    CohortSummary,
    CurvePoint,
    Figure,
    Origin,
    SurvivalSummary,
    VariableSummary,
)
from amlsynth.evaluation.survival.medians import MONTHS_DECIMALS, follow_up, median_survival
from amlsynth.statistics.coding import category_codes, numbers
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.kaplan_meier import KaplanMeier, kaplan_meier

OTHER = "not in the dictionary"


def summarise(
    frame: pd.DataFrame,
    label: str,
    d: Dictionary,
    rule: DisclosureRule = OFF,
    *,
    key: str = "synthetic",
    origin: Origin | None = None,
) -> CohortSummary:
    """Summarise a typed frame.

    Parameters
    ----------
    frame : typed frame, shape (n, columns).
    label : how tables and figures name the cohort.
    d : the dictionary.
    rule : what is held back; `OFF` where these are no patients.
    key : how measures and comparisons refer to it.
    origin : where its file came from.
    """
    times = {endpoint.time for endpoint in d.endpoints}
    return CohortSummary(
        key=key,
        label=label,
        n=len(frame),
        min_cell=rule.min_cell,
        origin=origin,
        variables=tuple(_variable(frame[v.name], v, v.name in times, rule) for v in d.variables),
        risk=_risk_counts(frame, d, rule),
        survival=tuple(_survival(frame, endpoint, d, rule) for endpoint in d.endpoints),
    )


def hidden_cells(frame: pd.DataFrame, d: Dictionary, rule: DisclosureRule) -> dict[str, frozenset[str]]:
    """Return the cells that are held back of every categorical variable and of the derived risk, by name.

    Variables of which everything is shown are left out. NA is a cell of each.
    """
    if not rule.on:
        return {}
    found = {name: rule.hidden_cells(counts) for name, counts in cell_counts(frame, d).items()}
    return {name: cells for name, cells in found.items() if cells}


def cell_counts(frame: pd.DataFrame, d: Dictionary) -> dict[str, dict[str, int]]:
    """Return the patients by value of every categorical variable and of the derived risk, by its name."""
    tables = {v.name: _counts(frame[v.name], v) for v in d.variables if v.is_categorical}
    if d.roles.classification is not None and (counts := _counts_of_risk(frame, d)):
        tables[d.roles.classification.name] = counts
    return tables


def category_counts(counts: Mapping[str, int], rule: DisclosureRule) -> tuple[CategoryCount, ...]:
    """Turn counts by value, the cell "NA" among them, into records."""
    return tuple(
        CategoryCount(value=value, n=cell.n, share=cell.share) for value, cell in rule.table(counts).items()
    )


def _counts(column: pd.Series, variable: Variable) -> dict[str, int]:
    values = [str(value) for value in variable.values]
    tally = np.bincount(category_codes(column, variable), minlength=len(values) + 2)
    counts = {value: int(tally[place + 1]) for place, value in enumerate(values)}
    if tally[-1]:
        counts[OTHER] = int(tally[-1])
    return {**counts, NA: int(tally[0])}


def _variable(column: pd.Series, variable: Variable, is_time: bool, rule: DisclosureRule) -> VariableSummary:
    if variable.is_categorical:
        records = category_counts(_counts(column, variable), rule)
        return VariableSummary(name=variable.name, n=len(column), missing=records[-1].n, counts=records)
    known = numbers(column)
    known = known[~np.isnan(known)]
    missing = rule.count(len(column) - known.size)
    decimals = MONTHS_DECIMALS if is_time else max(variable.decimals, 1)
    return VariableSummary(
        name=variable.name,
        n=len(column),
        missing=missing,
        quartiles=_quartiles(known, decimals, rule),
        # Survival has its curves; and beside a hidden number of missing values shares would tell it.
        histogram=() if is_time or missing is None else histogram(known, variable, rule.min_cell),
    )


def _quartiles(known: np.ndarray, decimals: int, rule: DisclosureRule) -> tuple[float, float, float] | None:
    # Each quarter of real patients must hold enough of them.
    if known.size == 0 or known.size < 4 * rule.min_cell:
        return None
    low, middle, high = (round(float(q), decimals) + 0.0 for q in np.quantile(known, (0.25, 0.5, 0.75)))
    return low, middle, high


def _counts_of_risk(frame: pd.DataFrame, d: Dictionary) -> dict[str, int]:
    risk = d.classify(frame)
    if risk is None:
        return {}
    return {**{name: int(risk.eq(name).sum()) for name in d.risks}, NA: int(risk.isna().sum())}


def _risk_counts(frame: pd.DataFrame, d: Dictionary, rule: DisclosureRule) -> tuple[CategoryCount, ...]:
    counts = _counts_of_risk(frame, d)
    return category_counts(counts, rule) if counts else ()


def _survival(
    frame: pd.DataFrame, endpoint: Endpoint, d: Dictionary, rule: DisclosureRule
) -> SurvivalSummary:
    data = endpoint_data(frame, endpoint)
    events = int(data.event.sum())
    if lacks(frame, d, endpoint.name):
        lacking = Figure(reason=why_lacking(endpoint.name))
        return SurvivalSummary(
            endpoint=endpoint.name, n=0, events=0, median=lacking, follow_up=lacking, curve=()
        )
    hidden = rule.hidden_cells({"event": events, "none": data.n - events, NA: len(frame) - data.n})
    n = None if NA in hidden else data.n
    if rule.is_small(events) or rule.is_small(data.n):
        few = Figure(reason=f"not shown: {rule.few} patients or events")
        return SurvivalSummary(endpoint=endpoint.name, n=n, events=None, median=few, follow_up=few, curve=())
    return SurvivalSummary(
        endpoint=endpoint.name,
        n=n,
        events=None if "event" in hidden or rule.is_small(data.n - events) else events,
        median=attempt(lambda: median_survival(data)),
        follow_up=attempt(lambda: follow_up(data)),
        curve=_curve(data, d[endpoint.time].maximum or 0.0, rule, n_is_shown=n is not None),
    )


def _curve(
    data: EndpointData, longest: float, rule: DisclosureRule, *, n_is_shown: bool
) -> tuple[CurvePoint, ...]:
    """Return the curve at whole months, from 0 to the last month of follow-up."""
    if data.n == 0:
        return ()
    fit: KaplanMeier = kaplan_meier(data)
    months = np.arange(0, int(min(float(fit.times[-1]), longest)) + 1, dtype=np.float64)
    at_risk, survival = fit.at_risk_at(months), fit.at(months)
    places = shown_months(months, at_risk, survival, rule, n_is_shown=n_is_shown)
    decimals = rule.decimals(data.n, SURVIVAL_DECIMALS)
    shown = shown_points(months, at_risk, survival, places, decimals, rule)
    low, high = band(shown, decimals) if rule.on else (np.round(x, decimals) for x in fit.band(months))
    return tuple(
        CurvePoint(
            months=point.months,
            survival=point.survival,
            low=min(float(low[i]), point.survival),
            high=max(float(high[i]), point.survival),
            at_risk=point.at_risk[0],
        )
        for i, point in enumerate(shown)
    )
