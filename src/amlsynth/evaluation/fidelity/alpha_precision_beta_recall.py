"""Alpha-precision and beta-recall: do synthetic patients lie where original ones do, and everywhere there?

Alaa et al., ICML 2022, arXiv:2102.08921, in plain standardised coordinates in place of the paper's
one-class network, so that nothing is trained and the figures can be computed again.
"""

from __future__ import annotations

import numpy as np

from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    figure,
    fixed,
)
from amlsynth.evaluation.records import Figure
from amlsynth.evaluation.representations.embedding import Embedding
from amlsynth.foundation.numeric import trapezoid
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import rows_of

MIN_PATIENTS = 10  # patients, for a neighbourhood
MAX_PATIENTS = 5_000  # patients of each cohort; larger ones are sampled
_ROWS = 1024
_LEVELS = np.linspace(0.0, 1.0, 101)


def alpha_precision(original: FloatArray, synthetic: FloatArray) -> float:
    """Return 1 - 2 times the mean |P(alpha) - alpha|, in [0, 1]; 1 is best.

    P(alpha) is the share of synthetic patients in the smallest ball around the original's mean that holds
    the share alpha of the original. Too many outside (unrealistic) and too many inside (all typical) both
    cost.

    Parameters
    ----------
    original, synthetic : coordinates, shapes (n, dimensions) and (m, dimensions).
    """
    centre = original.mean(axis=0)
    ours, theirs = (np.linalg.norm(points - centre, axis=1) for points in (original, synthetic))
    return _agreement(ours, theirs)


def beta_recall(original: FloatArray, synthetic: FloatArray) -> float:
    """Return 1 - 2 times the mean |R(beta) - beta|, in [0, 1]; 1 is best.

    R(beta) is the share of original patients whose nearest synthetic patient is as near as their nearest
    original one, and lies in the smallest ball around the synthetic mean that holds the share beta of
    the synthetic patients. A cohort that leaves out kinds of patients covers too little of the original.

    Raises
    ------
    NotComputable
        Fewer than `MIN_PATIENTS` original patients.
    """
    if len(original) < MIN_PATIENTS:
        raise NotComputable(f"fewer than {MIN_PATIENTS} patients, too few for a neighbourhood")
    radii = np.linalg.norm(synthetic - synthetic.mean(axis=0), axis=1)
    nearest_radius = np.full(len(original), np.inf)
    for start in range(0, len(original), _ROWS):
        rows = slice(start, start + _ROWS)
        among = _distances(original[rows], original)
        among[np.arange(len(among)), np.arange(start, start + len(among))] = np.inf
        reach = among.min(axis=1)
        to_synthetic = _distances(original[rows], synthetic)
        near = to_synthetic.min(axis=1) <= reach + 1e-9
        nearest_radius[rows] = np.where(near, radii[to_synthetic.argmin(axis=1)], np.inf)
    return _agreement(radii, nearest_radius)


def _agreement(reference: FloatArray, tested: FloatArray) -> float:
    """Compare the share of `tested` within each quantile of `reference` with the quantile's level."""
    inside = np.searchsorted(np.sort(tested), np.quantile(reference, _LEVELS) + 1e-9, side="right")
    share = inside / len(tested)
    return 1 - 2 * trapezoid(np.abs(share - _LEVELS), _LEVELS)


def _distances(rows: FloatArray, points: FloatArray) -> FloatArray:
    squares = (rows**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * rows @ points.T
    distances: FloatArray = np.sqrt(np.maximum(squares, 0.0))
    return distances


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    rng = Stream.NEIGHBOURHOODS.rng(context.seed)
    # Of equal sizes, for the nearest of many is nearer than the nearest of few.
    size = min(len(context.original), len(cohort.frame), MAX_PATIENTS)
    if size < MIN_PATIENTS:
        lost = Figure(reason=f"a cohort has fewer than {MIN_PATIENTS} patients, too few for a neighbourhood")
        return {"alpha_precision": lost, "beta_recall": lost}
    embedding = context.once("embedding", lambda: Embedding(context.original, context.dictionary))
    ours, theirs = (
        embedding(rows_of(frame, np.sort(rng.choice(len(frame), size, replace=False))))
        for frame in (context.original, cohort.frame)
    )
    return {
        "alpha_precision": figure(alpha_precision(ours, theirs)),
        "beta_recall": figure(beta_recall(ours, theirs)),
    }


GROUP = MeasureGroup(
    name="support",
    definitions=fixed(
        MeasureDefinition(
            id="alpha_precision",
            label="Alpha-precision",
            aspect="fidelity",
            better="higher",
            description=(
                "Whether synthetic patients are as typical and as odd as original ones: their distances "
                "from the original's mean are distributed alike. 1 is alike, 0 is all outside or all in "
                "the middle. Shuffled columns keep much of it."
            ),
            source="Alaa et al., ICML 2022, arXiv:2102.08921, in standardised coordinates",
        ),
        MeasureDefinition(
            id="beta_recall",
            label="Beta-recall",
            aspect="fidelity",
            better="higher",
            description=(
                "Whether every kind of original patient has a synthetic one near, as near as the nearest "
                "other original one. Another sample of the population reaches about one half, copies reach "
                "1: compare with the hold-out, from which it should not be far in either direction."
            ),
            source="Alaa et al., ICML 2022, arXiv:2102.08921, in standardised coordinates",
        ),
    ),
    figures=_figures,
)
