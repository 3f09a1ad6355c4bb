"""Fidelity: do single columns and pairs of columns look like the original's?

The formulas are those of TabSynDex (Chundawat et al., arXiv:2207.05295) as the authors of Eckardt
et al., npj Digital Medicine 2024 ("Evaluation of synthetic data performance") compute them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.intervals import with_interval
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    fixed,
)
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.statistics.associations import associations, log_score
from amlsynth.statistics.coding import numeric_values, rows_of
from amlsynth.statistics.coverage import RARE, SupportCounts

_SOURCE = (
    "Chundawat et al., arXiv:2207.05295; Eckardt et al., npj Digit Med 2024, methods, "
    "'Evaluation of synthetic data performance'"
)


EQUAL_DRAWS = 4  # random parts; their mean varies half as much as one


def basic_statistical_measure(original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """Return BSM in [0, 1], 1 for equal means, medians and standard deviations.

    Per numeric column the absolute differences of mean, median and standard deviation (n - 1), each
    over |mean of the original| and at most 1; 1 - average, averaged over the three. A column that
    the synthetic cohort left empty counts as a difference of 1.

    Raises
    ------
    NotComputable
        No numeric column of the original has values and a mean other than 0.
    """
    return moments_score(*(numeric_moments(numeric_values(frame, d))[0] for frame in (original, synthetic)))


def moments_score(original: FloatArray, synthetic: FloatArray) -> float:
    """Return BSM of two tables of `numeric_moments`; see `basic_statistical_measure`."""
    scale = np.abs(original[:, 0])
    usable = scale > 0  # NaN is not: not assessed
    ours, theirs = original[usable], synthetic[usable]
    lost = np.isnan(theirs) & ~np.isnan(ours)
    relative = np.abs(ours - theirs) / scale[usable, None]
    table = np.where(lost, 1.0, np.minimum(relative, 1.0))
    scores = [1 - column[~np.isnan(column)].mean() for column in table.T if not np.isnan(column).all()]
    if not scores:
        raise NotComputable("no numeric column of the original has values and a mean other than 0")
    return float(np.mean(scores))


def numeric_moments(values: FloatArray, times: IntArray | None = None) -> FloatArray:
    """Return mean, median and standard deviation (n - 1) of every column, shape (resamples, columns, 3).

    Parameters
    ----------
    values : shape (n, columns), NaN where missing.
    times : how often each row is in each resample, shape (resamples, n); by default each is in one, once.
    """
    times = np.ones((1, len(values)), dtype=np.int64) if times is None else times
    moments = [_moments(column, times) for column in values.T]
    return np.stack(moments, axis=1) if moments else np.empty((len(times), 0, 3))


def _moments(column: FloatArray, times: IntArray) -> FloatArray:
    order = np.argsort(column)[: np.count_nonzero(~np.isnan(column))]  # NaN comes last
    values, drawn = column[order], times[:, order]
    if not values.size:
        return np.full((len(times), 3), np.nan)
    n, up_to = drawn.sum(axis=1), np.cumsum(drawn, axis=1)
    middle = [(up_to <= place[:, None]).sum(axis=1) for place in ((n - 1) // 2, n // 2)]
    median = values[np.minimum(middle, len(values) - 1)].mean(axis=0)
    centred = values - values.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = drawn @ centred / n
        variance = (drawn @ centred**2 - n * shift**2) / (n - 1)
        moments = np.array([values.mean() + shift, np.where(n > 0, median, np.nan), np.sqrt(variance)])
    return moments.T


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    cohorts = (context.original, cohort.frame, context.dictionary)
    n, rng = len(cohort.frame), Stream.COLUMN_INTERVALS.rng(context.seed)
    ours, theirs = (numeric_values(frame, context.dictionary) for frame in cohorts[:2])
    moments, counts = numeric_moments(ours)[0], SupportCounts(*cohorts)
    rules, sizes = (context.rule, context.rule_of(cohort)), (len(context.original), n)

    def bsm(times: IntArray) -> FloatArray:
        return np.array([moments_score(moments, drawn) for drawn in numeric_moments(theirs, times)])

    def rare_kept(times: IntArray) -> FloatArray:
        kept = []
        for rates in zip(*counts.rare_states(times), strict=True):
            real, made = (rule.rate(rate, of) for rule, rate, of in zip(rules, rates, sizes, strict=True))
            kept.append(made / real if real > 0 else 1.0)
        return np.array(kept)

    return {
        "bsm": with_interval(bsm, n, rng),
        "rsc": with_interval(counts.coverage, n, rng),
        "rare_states_kept": with_interval(rare_kept, n, rng, (0.0, np.inf)),
        "logcorr": attempt(lambda: log_score(*(associations_of(f, context) for f in cohorts[:2]))),
        "logcorr_at_holdout": attempt(lambda: _logcorr_at_holdout(cohort.frame, context)),
    }


def associations_of(frame: pd.DataFrame, context: EvaluationContext) -> FloatArray:
    """Return the `associations` of the original or of a cohort."""
    return context.once_of(frame, "associations", lambda: associations(frame, context.dictionary))


def _logcorr_at_holdout(frame: pd.DataFrame, context: EvaluationContext) -> float:
    """Return the mean score of random parts that are as large as the hold-out."""
    if context.holdout is None:
        raise NotComputable(NO_HOLDOUT)
    size, ours = min(len(context.holdout), len(frame)), associations_of(context.original, context)
    rng = Stream.EQUAL_SIZES.rng(context.seed)
    draws = [rng.permutation(len(frame))[:size] for _ in range(EQUAL_DRAWS if size < len(frame) else 1)]
    return float(
        np.mean([log_score(ours, associations(rows_of(frame, rows), context.dictionary)) for rows in draws])
    )


GROUP = MeasureGroup(
    name="fidelity",
    definitions=fixed(
        MeasureDefinition(
            id="bsm",
            label="Basic Statistical Measure",
            aspect="fidelity",
            better="higher",
            description=(
                "How near means, medians and standard deviations of the numeric columns are to the "
                "original's; 1 is equal. Shuffled columns score as high as good models do, so alone "
                "it proves nothing."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="rsc",
            label="Regularized Support Coverage",
            aspect="fidelity",
            better="higher",
            description=(
                "How fully every category (NA is one) and every tenth of a numeric column of the "
                "original is represented; 1 is fully. It sees one column at a time, so shuffled "
                "columns score high. Columns that the original never assessed are left out."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="rare_states_kept",
            label="Rare states kept",
            aspect="fidelity",
            better="higher",
            description=(
                f"How many rare states (an alteration, or another category, of at most {RARE:.0%} of the "
                "patients of both cohorts together) a patient has on average, over those of a patient of the "
                "original: 1 is as many, 0 is all lost; 1, too, where the original has none. They are "
                "counted together, since those of a single state are too few to tell loss from chance, and "
                "of real patients in steps of two smallest cells."
            ),
            source="this project",
        ),
        MeasureDefinition(
            id="logcorr",
            label="Log-transformed Correlation Score",
            aspect="fidelity",
            better="higher",
            description=(
                "How near the associations of all pairs of columns are to the original's (Pearson, "
                "correlation ratio, Theil's U; relative error of their logarithms); 1 is equal. Two "
                "real samples of one population stay well below 1, the farther the smaller they are: the "
                "next line compares with the hold-out."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="logcorr_at_holdout",
            label="Log-transformed Correlation Score at the hold-out's size",
            aspect="fidelity",
            better="higher",
            description=(
                f"The same of as many patients as the hold-out has: the mean of {EQUAL_DRAWS} random parts. "
                "The score rises with the number of patients, so that only equal numbers can be compared."
            ),
            source=_SOURCE,
        ),
    ),
    figures=_figures,
)
