"""Order of times: among patients to whom the same happens, do those of higher risk have it earlier?

Hazard ratios and C-indices owe most of what they are to who has the event. Where the times are shuffled among
patients with the same pattern of events, both are mostly kept, and this is lost.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.dictionary.roles import Endpoint
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    figure,
)
from amlsynth.evaluation.prediction.prediction import (
    FOLDS,
    MAX_PATIENTS,
    MIN_PATIENTS,
    RiskModel,
)
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.coding import at_most, numbers_of, rows_of
from amlsynth.statistics.wald import Z95
from amlsynth.survival.endpoint import known_endpoint

MIN_PATTERN = 10  # patients with the event and the same pattern, whose times are ranked among each other


def time_order(
    frame: pd.DataFrame, scores: FloatArray, endpoint: Endpoint, d: Dictionary
) -> tuple[float, float]:
    """Return minus the correlation of scores with the times of events, and its standard error.

    Over the patients with the event. Times are normal scores of their ranks among patients with the same
    pattern of events and response, and both are taken as differences from the mean of that pattern, so that
    what goes with the pattern does not count.

    Raises
    ------
    NotComputable
        Fewer than `MIN_PATIENTS` events in patterns of `MIN_PATTERN` and more, or no variation.
    """
    known = known_endpoint(frame, endpoint) & (numbers_of(frame, endpoint.status) == 1)
    times, centred, used = np.zeros(len(frame)), np.zeros(len(frame)), np.zeros(len(frame), dtype=np.bool_)
    for rows in _patterns(frame, known, d):
        if len(rows) < MIN_PATTERN:
            continue
        used[rows] = True
        times[rows] = _normal_scores(numbers_of(frame, endpoint.time)[rows])
        centred[rows] = scores[rows] - scores[rows].mean()
    n = int(used.sum())
    if n < MIN_PATIENTS:
        raise NotComputable(
            f"fewer than {MIN_PATIENTS} patients with an {endpoint.name} event in one pattern"
        )
    size = math.sqrt(float(times @ times) * float(centred @ centred))
    if size == 0:
        raise NotComputable(f"the risk or the {endpoint.name} times do not vary")
    return -float(times @ centred) / size, 1 / math.sqrt(n - 3)


def _patterns(frame: pd.DataFrame, among: BoolArray, d: Dictionary) -> list[np.ndarray]:
    """Return the rows of each pattern of statuses and response, NA being a state of it."""
    columns = [endpoint.status for endpoint in d.endpoints]
    columns += [] if d.response is None else [d.response.name]
    states = np.nan_to_num(np.column_stack([numbers_of(frame, name) for name in columns]), nan=-1.0)
    rows = np.flatnonzero(among)
    _, pattern = np.unique(states[rows], axis=0, return_inverse=True)
    return [rows[pattern.ravel() == number] for number in range(int(pattern.max(initial=-1)) + 1)]


def _normal_scores(times: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    ranks = pd.Series(times).rank().to_numpy(dtype=np.float64)
    scores: FloatArray = ndtri((ranks - 0.5) / len(ranks))
    return scores - float(scores.mean())


def _training(context: EvaluationContext) -> pd.DataFrame:
    return context.once(
        "original whose times are ordered",
        lambda: at_most(context.original, MAX_PATIENTS, Stream.TIME_ORDER.rng(context.seed)),
    )


def _of_original(context: EvaluationContext, endpoint: Endpoint) -> tuple[float, float]:
    """Return the original's own figure, each fifth scored by a model of the others."""
    frame, d = _training(context), context.dictionary
    fold = Stream.TIME_ORDER.rng_of(context.seed, 0).permutation(len(frame)) % FOLDS

    def fifths() -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        return [(rows_of(frame, fold != part), rows_of(frame, fold == part)) for part in range(FOLDS)]

    def cross_fitted() -> tuple[float, float]:
        scores = np.empty(len(frame))
        for part, (others, fifth) in enumerate(context.once("fifths of the original", fifths)):
            scores[fold == part] = RiskModel(others, endpoint, d).risk(fifth)
        return time_order(frame, scores, endpoint, d)

    return context.once(f"order of times of {endpoint.name} in the original", cross_fitted)


def _of_cohort(
    cohort: EvaluatedCohort, context: EvaluationContext, endpoint: Endpoint
) -> tuple[float, float]:
    model = RiskModel.of(_training(context), endpoint, context)
    return time_order(cohort.frame, model.risk(cohort.frame), endpoint, context.dictionary)


def _figure(value: float, error: float) -> Figure:
    return figure(value, value - Z95 * error, value + Z95 * error)


def _original_order(context: EvaluationContext, endpoint: Endpoint) -> Figure:
    return _figure(*_of_original(context, endpoint))


def _order(cohort: EvaluatedCohort, context: EvaluationContext, endpoint: Endpoint) -> Figure:
    return _figure(*_of_cohort(cohort, context, endpoint))


def _lost(cohort: EvaluatedCohort, context: EvaluationContext, endpoint: Endpoint) -> Figure:
    ours, theirs = _of_original(context, endpoint), _of_cohort(cohort, context, endpoint)
    return _figure(ours[0] - theirs[0], math.hypot(ours[1], theirs[1]))


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    how = (
        " Over patients with the event, times as ranks among those with the same pattern of events and "
        "response; the risk is that of a ridge Cox model of the original on all that is known at diagnosis. "
        "Hazard ratios are mostly kept where times are shuffled within such patterns, and this is lost."
    )
    source = "this project; normal scores after van der Waerden, Indag Math 1952;14:453"
    return tuple(
        definition
        for endpoint in d.endpoints
        for definition in (
            MeasureDefinition(
                id=f"time_order_{endpoint.suffix}",
                label=f"Order of times, {endpoint.name}",
                aspect="survival",
                better="original",
                description=(
                    f"Correlation of risk with early {endpoint.name} events, 95 % interval." + how + " The "
                    "original's figure is cross-fitted by fifths."
                ),
                source=source,
                outcomes=(endpoint.name,),
                compute=partial(_order, endpoint=endpoint),
                compute_original=partial(_original_order, endpoint=endpoint),
            ),
            MeasureDefinition(
                id=f"time_order_lost_{endpoint.suffix}",
                label=f"Order of times lost, {endpoint.name}",
                aspect="survival",
                better="zero",
                description=(
                    f"The original's correlation of risk with early {endpoint.name} events less the "
                    "cohort's, 95 % interval." + how
                ),
                source=source,
                outcomes=(endpoint.name,),
                compute=partial(_lost, endpoint=endpoint),
            ),
        )
    )


GROUP = MeasureGroup(name="order of times", definitions=_definitions)
