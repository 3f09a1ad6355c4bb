"""The aggregates of one cohort: quartiles, counts, derived risk, Kaplan-Meier curves on a grid.

For real patients, counts from 1 to 4 are held back, and with them a second cell of the variable
where the first would follow by subtraction; curves end when fewer than 5 are at risk. What is
protected is one variable at a time; zeros are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.dictionary.roles import Endpoint
from amlsynth.evaluation.histograms import histogram
from amlsynth.evaluation.measure_group import attempt
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.records import (
    SMALL_CELL,
    CategoryCount,
    CohortSummary,
    CurvePoint,
    Figure,
    Origin,
    SurvivalSummary,
    VariableSummary,
)
from amlsynth.evaluation.survival.medians import MONTHS_DECIMALS, follow_up, median_survival
from amlsynth.evaluation.survival.response import SHARE_DECIMALS
from amlsynth.statistics.coding import category_codes, numbers
from amlsynth.survival.endpoint import EndpointData, endpoint_data
from amlsynth.survival.kaplan_meier import KaplanMeier, kaplan_meier

MISSING = "NA"
OTHER = "not in the dictionary"
_SURVIVAL_DECIMALS = 4


def summarise(
    frame: pd.DataFrame,
    label: str,
    d: Dictionary,
    *,
    protect: bool,
    key: str = "synthetic",
    origin: Origin | None = None,
) -> CohortSummary:
    """Summarise a typed frame.

    Parameters
    ----------
    frame : typed frame, shape (n, columns).
    label : how tables and figures name the cohort.
    d : the dictionary.
    protect : whether these are real patients, whose small cells are held back.
    key : how measures and comparisons refer to it.
    origin : where its file came from.
    """
    times = {endpoint.time for endpoint in d.endpoints}
    return CohortSummary(
        key=key,
        label=label,
        n=len(frame),
        origin=origin,
        variables=tuple(_variable(frame[v.name], v, v.name in times, protect) for v in d.variables),
        risk=_risk_counts(frame, d, protect),
        survival=tuple(_survival(frame, endpoint, d, protect) for endpoint in d.endpoints),
    )


def cells_to_hide(counts: Mapping[str, int]) -> frozenset[str]:
    """Return the cells to hold back when the total of all cells is known.

    Cells of 1 to 4 are hidden. One hidden cell would follow from the total, and several that make
    fewer than 5 together would be a small cell themselves: then the largest cell is hidden too, the
    one a reader misses least (absent, in most variables).
    """
    hidden = {cell for cell, count in counts.items() if 0 < count < SMALL_CELL}
    others = [cell for cell, count in counts.items() if count >= SMALL_CELL]
    if hidden and others and (len(hidden) == 1 or sum(counts[cell] for cell in hidden) < SMALL_CELL):
        hidden.add(max(others, key=lambda cell: counts[cell]))
    return frozenset(hidden)


def category_counts(counts: Mapping[str, int], protect: bool) -> tuple[CategoryCount, ...]:
    """Turn counts by value, the cell "NA" among them, into records.

    Shares are of the patients with a known value, that of NA is of all. Where NA is a hidden cell the
    shares are coarse, whole percents at best, so that the number of known values does not follow.
    """
    total = sum(counts.values())
    known = total - counts[MISSING]
    hidden = cells_to_hide(counts) if protect else frozenset()
    records = []
    for value, count in counts.items():
        share = None
        if value == MISSING:
            share = None if value in hidden or total == 0 else round(count / total, SHARE_DECIMALS)
        elif MISSING in hidden:
            small = 0 < count < SMALL_CELL
            share = None if small or known == 0 else _coarse(count / known, total)
        elif value not in hidden and known > 0:
            share = round(count / known, SHARE_DECIMALS)
        records.append(CategoryCount(value=value, n=None if value in hidden else count, share=share))
    return tuple(records)


def _coarse(share: float, total: int) -> float | None:
    """Round a share to a step that two times SMALL_CELL patients fit in.

    None in cohorts too small for it, and where rounding would say "nobody" or "all" of a share that is not.
    """
    for step in (0.01, 0.02, 0.05, 0.1):
        if step * total >= 2 * SMALL_CELL:
            rounded = round(round(share / step) * step, 2)
            return rounded if 0 < rounded < 1 else None
    return None


def _variable(column: pd.Series, variable: Variable, is_time: bool, protect: bool) -> VariableSummary:
    if variable.is_categorical:
        values = [str(value) for value in variable.values]
        tally = np.bincount(category_codes(column, variable), minlength=len(values) + 2)
        counts = {value: int(tally[place + 1]) for place, value in enumerate(values)}
        if tally[-1]:
            counts[OTHER] = int(tally[-1])
        counts[MISSING] = int(tally[0])
        records = category_counts(counts, protect)
        return VariableSummary(name=variable.name, n=len(column), missing=records[-1].n, counts=records)
    known = numbers(column)
    known = known[~np.isnan(known)]
    missing = len(column) - known.size
    # The number analysed stands beside every curve, so a missing time is no secret.
    hide = protect and not is_time and 0 < missing < SMALL_CELL
    decimals = MONTHS_DECIMALS if is_time else max(variable.decimals, 1)
    return VariableSummary(
        name=variable.name,
        n=len(column),
        missing=None if hide else missing,
        quartiles=_quartiles(known, decimals, protect),
        # Survival has its curves; and beside a hidden number of missing values shares would tell it.
        histogram=() if is_time or hide else histogram(known, variable, SMALL_CELL if protect else 0),
    )


def _quartiles(known: np.ndarray, decimals: int, protect: bool) -> tuple[float, float, float] | None:
    # Each quarter of real patients must hold SMALL_CELL of them.
    if known.size == 0 or (protect and known.size < 4 * SMALL_CELL):
        return None
    low, middle, high = (round(float(q), decimals) + 0.0 for q in np.quantile(known, (0.25, 0.5, 0.75)))
    return low, middle, high


def _risk_counts(frame: pd.DataFrame, d: Dictionary, protect: bool) -> tuple[CategoryCount, ...]:
    risk = d.classify(frame)
    if risk is None:
        return ()
    counts = {name: int(risk.eq(name).sum()) for name in d.risks}
    return category_counts({**counts, MISSING: int(risk.isna().sum())}, protect)


def _survival(frame: pd.DataFrame, endpoint: Endpoint, d: Dictionary, protect: bool) -> SurvivalSummary:
    data = endpoint_data(frame, endpoint)
    events = int(data.event.sum())
    if lacks(frame, d, endpoint.name):
        lacking = Figure(reason=why_lacking(endpoint.name))
        return SurvivalSummary(
            endpoint=endpoint.name, n=0, events=0, median=lacking, follow_up=lacking, curve=()
        )
    if protect and (0 < events < SMALL_CELL or data.n < SMALL_CELL):
        hidden = Figure(reason=f"not shown: fewer than {SMALL_CELL} patients or events")
        return SurvivalSummary(
            endpoint=endpoint.name, n=data.n, events=None, median=hidden, follow_up=hidden, curve=()
        )
    few_censored = protect and 0 < data.n - events < SMALL_CELL
    return SurvivalSummary(
        endpoint=endpoint.name,
        n=data.n,
        events=None if few_censored else events,
        median=attempt(lambda: median_survival(data)),
        follow_up=attempt(lambda: follow_up(data)),
        curve=_curve(data, d[endpoint.time].maximum or 0.0, protect),
    )


def _curve(data: EndpointData, longest: float, protect: bool) -> tuple[CurvePoint, ...]:
    """Return the curve at whole months, from 0 to the last month of follow-up."""
    if data.n == 0:
        return ()
    fit: KaplanMeier = kaplan_meier(data)
    months = np.arange(0, int(min(float(fit.times[-1]), longest)) + 1)
    at_risk = fit.at_risk_at(months)
    if protect:
        months = months[at_risk >= SMALL_CELL]  # a prefix: numbers at risk never grow
    columns: Sequence[np.ndarray] = (fit.at(months), *fit.band(months))
    survival, low, high = (np.round(values, _SURVIVAL_DECIMALS) for values in columns)
    return tuple(
        CurvePoint(
            months=float(month),
            survival=float(survival[i]),
            low=float(low[i]),
            high=float(high[i]),
            at_risk=int(at_risk[i]),
        )
        for i, month in enumerate(months)
    )
