"""Pairs of columns: which alterations occur together, how columns hang together, what is missing together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.fidelity.columns import associations_of
from amlsynth.evaluation.intervals import with_interval
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
    fixed,
)
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.statistics.associations import (
    RankCorrelations,
    correlation_reversal,
    correlation_shift,
)
from amlsynth.statistics.coding import numbers_of

# Below five expected co-occurrences a log odds ratio is mostly noise (Cochran's rule for 2 x 2 tables).
MIN_EXPECTED = 5.0
_CORRECTION = 0.5  # Haldane and Anscombe: added to every cell, so that empty ones have a logarithm


def log_odds_ratios(frame: pd.DataFrame, d: Dictionary) -> tuple[FloatArray, FloatArray]:
    """Return log odds ratios and expected co-occurrences of all pairs of alterations.

    Returns
    -------
    Two arrays of shape (alterations, alterations), over the patients in whom both are known. One half is
    added to each of the four cells; expected is (carriers of one) x (carriers of the other) / patients. A
    pair that nobody has assessed has log odds ratio 0 and 0 expected.
    """
    return _States(frame, d).log_odds(np.ones(len(frame), dtype=np.int64))


class _States:
    """Who is known to carry, and to lack, which alteration, shape (n, alterations) each."""

    def __init__(self, frame: pd.DataFrame, d: Dictionary) -> None:
        exact = np.float32 if len(frame) < 1 << 24 else np.float64  # for counts
        values = [numbers_of(frame, v.name) for v in d.alterations]
        states = np.column_stack(values) if values else np.empty((len(frame), 0))
        self._present, self._absent = ((states == state).astype(exact) for state in (1, 0))

    def log_odds(self, times: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return `log_odds_ratios` of a resample in which each patient is so many times, shape (n,)."""
        present, absent = self._present, self._absent
        carried, lacked = (side.T * times.astype(side.dtype) for side in (present, absent))
        both, neither, first = (
            counts.astype(np.float64) for counts in (carried @ present, lacked @ absent, carried @ absent)
        )
        second, half = first.T, _CORRECTION
        odds = np.log((both + half) * (neither + half) / ((first + half) * (second + half)))
        patients, carriers = both + neither + first + second, both + first
        expected = np.zeros_like(odds)
        np.divide(carriers * carriers.T, patients, out=expected, where=patients > 0)
        return odds, expected


def co_occurrence_difference(ours: FloatArray, expected: FloatArray, theirs: FloatArray) -> float:
    """Return the mean absolute difference of the log odds ratios of two cohorts' pairs of alterations.

    Over the pairs with at least `MIN_EXPECTED` expected co-occurrences in the original.

    Parameters
    ----------
    ours, expected : of `log_odds_ratios` of the original. theirs : log odds ratios of the other cohort.

    Raises
    ------
    NotComputable
        The original has no such pair.
    """
    chosen = np.triu(expected >= MIN_EXPECTED, k=1)
    if not chosen.any():
        raise NotComputable(
            f"no two alterations of the original have {MIN_EXPECTED:.0f} expected co-occurrences"
        )
    return float(np.abs(ours - theirs)[chosen].mean())


def association_error(ours: FloatArray, theirs: FloatArray, assessed: BoolArray) -> float:
    """Return the mean absolute difference of two matrices of associations.

    Parameters
    ----------
    ours, theirs : of `fidelity.associations`, shape (columns, columns).
    assessed : columns that the original assessed, shape (columns,); others say nothing. The diagonal is
        left out.

    Raises
    ------
    NotComputable
        The original has not two such columns.
    """
    pairs = np.outer(assessed, assessed) & ~np.eye(len(assessed), dtype=bool)
    if not pairs.any():
        raise NotComputable("fewer than two columns of the original were assessed")
    return float(np.abs(ours - theirs)[pairs].mean())


def missing_shares(frame: pd.DataFrame, d: Dictionary) -> FloatArray:
    """Return the share of NA of every column, shape (columns,)."""
    shares: FloatArray = _missing(frame, d).mean(axis=0)
    return shares


def missing_pattern_distance(original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """Return the total variation distance of the patterns of NA over all columns, in [0, 1].

    0: each set of columns that is missing together is as frequent in both; 1: no pattern is in both.
    """
    rows = np.vstack([_missing(frame, d) for frame in (original, synthetic)])
    packed = np.packbits(rows, axis=1)
    _, pattern = np.unique(packed, axis=0, return_inverse=True)
    pattern = pattern.ravel()
    ours, theirs = (
        np.bincount(part, minlength=int(pattern.max()) + 1) / len(part)
        for part in (pattern[: len(original)], pattern[len(original) :])
    )
    return float(np.abs(ours - theirs).sum() / 2)


def _missing(frame: pd.DataFrame, d: Dictionary) -> BoolArray:
    return frame[list(d.names)].isna().to_numpy()


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    d, original, frame = context.dictionary, context.original, cohort.frame
    ours, expected = context.once("log odds ratios of original", lambda: log_odds_ratios(original, d))
    our_matrix, their_matrix = (associations_of(one, context) for one in (original, frame))
    shares = context.once("missing shares of original", lambda: missing_shares(original, d))
    ranked = context.once("rank correlations of original", lambda: RankCorrelations.of(original, d))
    theirs = RankCorrelations.of(frame, d)
    states = _States(frame, d)
    missing = np.abs(missing_shares(frame, d) - shares)

    def differences(times: IntArray) -> FloatArray:
        return np.array(
            [co_occurrence_difference(ours, expected, states.log_odds(drawn)[0]) for drawn in times]
        )

    return {
        "co_occurrence": with_interval(
            differences,
            len(frame),
            Stream.CO_OCCURRENCE_INTERVALS.rng(context.seed),
            bounds=(0.0, np.inf),
        ),
        "associations": attempt(lambda: association_error(our_matrix, their_matrix, shares < 1)),
        "correlation_shift": attempt(lambda: correlation_shift(ranked, theirs)),
        "correlation_reversal": attempt(lambda: correlation_reversal(ranked, theirs)),
        "missing_mean": figure(float(missing.mean())),
        "missing_max": figure(float(missing.max())),
        "missing_pattern": figure(missing_pattern_distance(original, frame, d)),
    }


GROUP = MeasureGroup(
    name="pairs",
    definitions=fixed(
        MeasureDefinition(
            id="co_occurrence",
            label="Co-occurrence error",
            aspect="fidelity",
            better="lower",
            description=(
                "Mean absolute difference of the log odds ratios of pairs of alterations, over the pairs "
                "with five or more expected co-occurrences in the original; one half is added to each "
                "cell. Small cohorts err by chance: compare with the bootstrap."
            ),
            source="amlsynth; Haldane, Ann Hum Genet 1956;20:309 (correction)",
        ),
        MeasureDefinition(
            id="associations",
            label="Association error",
            aspect="fidelity",
            better="lower",
            description=(
                "Mean absolute difference of the associations of all pairs of columns: Pearson's r, "
                "correlation ratio or Theil's U, as in the log-transformed correlation score, but not "
                "ruled by pairs that have next to none."
            ),
            source="amlsynth; associations as in Eckardt et al., npj Digit Med 2024",
        ),
        MeasureDefinition(
            id="correlation_shift",
            label="Largest shift of a correlation",
            aspect="fidelity",
            better="lower",
            description=(
                "Largest difference of the rank correlation of two columns from the original's, less four "
                "standard errors of chance, at least 0. One pair that is turned round shows, which the mean "
                "over all pairs hides."
            ),
            source="this project; Spearman's correlation",
        ),
        MeasureDefinition(
            id="correlation_reversal",
            label="Correlations of a column that are turned round",
            aspect="fidelity",
            better="lower",
            unit="standard errors",
            description=(
                "Of the column whose rank correlations with all others are most clearly turned round, as "
                "where the labels of the sexes are swapped: the sum of their products with those of the "
                "original, below 0, over its standard error where it goes with nothing. 0 where no "
                "column's sum is below 0."
            ),
            source="this project; Spearman's correlation",
        ),
        MeasureDefinition(
            id="missing_mean",
            label="Missing values, mean difference",
            aspect="fidelity",
            better="lower",
            description="Mean absolute difference of the share of missing values, over all columns.",
            source="amlsynth",
        ),
        MeasureDefinition(
            id="missing_max",
            label="Missing values, largest difference",
            aspect="fidelity",
            better="lower",
            description="Largest absolute difference of the share of missing values among all columns.",
            source="amlsynth",
        ),
        MeasureDefinition(
            id="missing_pattern",
            label="Missing values, joint pattern",
            aspect="fidelity",
            better="lower",
            description=(
                "Total variation distance of the patterns of missing values: 0 when every set of columns "
                "is missing together as often as in the original, 1 when no pattern is shared. Rare "
                "patterns differ between any two samples: compare with the hold-out."
            ),
            source="amlsynth",
        ),
    ),
    figures=_figures,
)
