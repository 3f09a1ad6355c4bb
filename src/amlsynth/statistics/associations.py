"""Associations of all pairs of columns, and the score of how near two cohorts' are.

The score is that of TabSynDex (Chundawat et al., arXiv:2207.05295) as the authors of Eckardt et al., npj
Digital Medicine 2024 ("Evaluation of synthetic data performance") compute it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.coding import CohortCoding, numbers_of

_BLOCK = 65_536  # rows turned into indicators at a time; bounds memory, and float32 counts stay exact
_ZERO = 1e-12  # an association below this is rounding of an exact 0


def log_correlation_score(original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """Return the log-transformed correlation score in [0, 1], 1 for equal associations.

    Each association r becomes sign(r) * ln|r| (0 stays 0); the relative error against the original,
    at most 1, is averaged over a column's partners and then over the columns; 1 - that. Cells that
    are 0 in both (constant columns, the diagonal) are undefined and left out.

    Raises
    ------
    NotComputable
        The original has no two columns that vary.
    """
    return log_score(associations(original, d), associations(synthetic, d))


def log_score(ours: FloatArray, theirs: FloatArray) -> float:
    """Return the score of two matrices of associations; see `log_correlation_score`."""
    left, right = _signed_log(ours), _signed_log(theirs)
    difference = np.abs(left - right)
    # Where the original is 0 and the other is not, the relative error is infinite: clipped, it is 1.
    errors = np.ones_like(difference)
    np.divide(difference, np.abs(left), out=errors, where=left != 0)
    errors = np.where((left == 0) & (right == 0), np.nan, np.minimum(errors, 1.0))
    columns = [column[~np.isnan(column)].mean() for column in errors.T if not np.isnan(column).all()]
    if not columns:
        raise NotComputable("the original has no two columns that vary together")
    return float(1 - np.mean(columns))


def associations(frame: pd.DataFrame, d: Dictionary) -> FloatArray:
    """Return every pair's association, shape (columns, columns), in the dictionary's order.

    Pearson's r for two numbers, the correlation ratio for a number and a category, Theil's U(row |
    column) for two categories; NA counts as the value -1 of a number and as a category of its own. A
    column of one value has 0 everywhere; elsewhere the diagonal is 1.
    """
    coding = CohortCoding(frame, d, binned=False)
    numeric = [v.name for v in d.variables if not v.is_categorical]
    values = np.column_stack([np.nan_to_num(numbers_of(frame, name), nan=-1.0) for name in numeric])
    values = values - values.mean(axis=0)
    counts, sums = _cross_counts(coding, frame, values)
    spread = (values**2).sum(axis=0)
    varies = np.ptp(values, axis=0) > 0

    order = {name: position for position, name in enumerate(d.names)}
    at_categories = np.array([order[name] for name in coding.names])
    at_numbers = np.array([order[name] for name in numeric])
    matrix = np.zeros((len(order), len(order)))
    matrix[np.ix_(at_categories, at_categories)] = _theils_u(counts, coding)
    matrix[np.ix_(at_numbers, at_numbers)] = _pearson(values, spread, varies)
    ratio = _correlation_ratio(np.diag(counts), sums, spread, varies, coding)
    matrix[np.ix_(at_categories, at_numbers)] = ratio
    matrix[np.ix_(at_numbers, at_categories)] = ratio.T
    constant = np.diag(matrix) == 0
    matrix[constant, :] = 0.0
    matrix[:, constant] = 0.0
    return np.where(np.abs(matrix) < _ZERO, 0.0, matrix)


def _cross_counts(
    coding: CohortCoding, frame: pd.DataFrame, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return joint counts of all codes, shape (K, K), and sums of the numbers per code, (K, numbers)."""
    codes = coding.encode(frame)
    slots = int(coding.widths.sum())
    counts, sums = np.zeros((slots, slots)), np.zeros((slots, values.shape[1]))
    for start in range(0, len(codes), _BLOCK):
        hot = coding.one_hot(codes[start : start + _BLOCK])
        counts += hot.T @ hot
        sums += hot.T.astype(np.float64) @ values[start : start + _BLOCK]
    return counts, sums


def _theils_u(counts: FloatArray, coding: CohortCoding) -> FloatArray:
    """U(x | y) = (H(x) + H(y) - H(x, y)) / H(x), shape (categories, categories)."""
    n = np.diag(counts)[: coding.widths[0]].sum()
    share = counts / n
    terms = np.zeros_like(share)
    np.log(share, out=terms, where=share > 0)
    terms *= -share
    joint = np.add.reduceat(np.add.reduceat(terms, coding.starts, axis=0), coding.starts, axis=1)
    entropy = np.diag(joint)  # the table of a column with itself is diagonal
    shared = entropy[:, None] + entropy[None, :] - joint
    u = np.zeros_like(shared)
    np.divide(shared, entropy[:, None], out=u, where=(entropy > _ZERO)[:, None])
    bounded: FloatArray = np.clip(u, 0.0, 1.0)  # rounding
    return bounded


def _pearson(values: FloatArray, spread: FloatArray, varies: BoolArray) -> FloatArray:
    scale = np.sqrt(np.outer(spread, spread))
    r = np.zeros_like(scale)
    np.divide(values.T @ values, scale, out=r, where=np.outer(varies, varies))
    np.fill_diagonal(r, varies.astype(np.float64))
    return np.clip(r, -1.0, 1.0)


def _correlation_ratio(
    counts: FloatArray, sums: FloatArray, spread: FloatArray, varies: BoolArray, coding: CohortCoding
) -> FloatArray:
    """Square root of the variance between the categories over the whole, shape (categories, numbers)."""
    between = np.zeros_like(sums)
    np.divide(sums**2, counts[:, None], out=between, where=(counts > 0)[:, None])
    between = np.add.reduceat(between, coding.starts, axis=0)
    ratio = np.zeros_like(between)
    np.divide(between, spread[None, :], out=ratio, where=varies[None, :])
    return np.sqrt(np.clip(ratio, 0.0, 1.0))


def _signed_log(matrix: FloatArray) -> FloatArray:
    logs = np.zeros_like(matrix)
    np.log(np.abs(matrix), out=logs, where=matrix != 0)
    return np.sign(matrix) * logs


MIN_SHARE = 0.05  # of either state of a binary column; the normal limit of a correlation fails below
_TAIL = 4.0  # standard errors: among two thousand pairs of two innocent cohorts about one in ten goes beyond


@dataclass(frozen=True)
class RankCorrelations:
    """Spearman's correlations of all pairs of columns that have an order, shapes (columns, columns).

    values : NaN where a pair does not vary; the diagonal is 0.
    patients : in whom both are known.
    usable : numbers, and binary columns and two-valued categories of which either state has a share of
        `MIN_SHARE`, shape (columns,).
    """

    values: FloatArray
    patients: FloatArray
    usable: BoolArray

    @classmethod
    def of(cls, frame: pd.DataFrame, d: Dictionary) -> Self:
        columns = _ordered_columns(frame, d)
        return cls(*_rank_correlations(columns), np.array([_usable(column) for column in columns]))


def correlation_shift(original: RankCorrelations, other: RankCorrelations) -> float:
    """Return the largest difference of a pair's rank correlation that chance does not explain, at least 0.

    Over the pairs of columns that the original can use. Of each difference four standard errors (of two
    cohorts of these sizes without association, 1 / n1 + 1 / n2) are taken off.

    Raises
    ------
    NotComputable
        The original has not two such columns.
    """
    left, n_left, right, n_right = _compared(original, other)
    with np.errstate(divide="ignore"):
        error = np.sqrt(1 / n_left + 1 / n_right)
    excess = np.abs(left - right) - _TAIL * error
    return max(0.0, float(np.nanmax(excess, initial=0.0)))


def correlation_reversal(original: RankCorrelations, other: RankCorrelations) -> float:
    """Return how clearly all correlations of some column are turned round, in standard errors, at least 0.

    For each column that the original can use the products of its correlations in both cohorts are summed,
    over the error that the sum has where the column goes with nothing in the other; the least of these sums,
    negated. Many weak correlations that all change sign show, of which each alone is lost in chance.

    Raises
    ------
    NotComputable
        The original has not two such columns.
    """
    left, _, right, patients = (np.nan_to_num(each) for each in _compared(original, other))
    weights = np.divide(left, np.sqrt(patients), out=np.zeros_like(left), where=patients > 0)
    # Errors of one column's correlations go together as its partners do.
    variances = np.einsum("ij,jk,ik->i", weights, right + np.eye(len(right)), weights)
    errors = np.sqrt(np.maximum(variances, 0.0))
    sums = (left * right).sum(axis=1)
    return max(0.0, float(-np.divide(sums, errors, out=np.zeros_like(sums), where=errors > 0).min()))


def _compared(
    original: RankCorrelations, other: RankCorrelations
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return correlations and patients of the original and of the other, of the columns that it can use."""
    if original.usable.sum() < 2:
        raise NotComputable("the original has no two columns whose correlation can be compared")
    pairs = np.ix_(original.usable, original.usable)
    return original.values[pairs], original.patients[pairs], other.values[pairs], other.patients[pairs]


def _usable(column: FloatArray) -> bool:
    values = np.unique(column[~np.isnan(column)])
    return len(values) > 2 or (len(values) == 2 and _least_share(column) >= MIN_SHARE)


def _least_share(column: FloatArray) -> float:
    _, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    return float(counts.min() / counts.sum())


def _ordered_columns(frame: pd.DataFrame, d: Dictionary) -> list[FloatArray]:
    """Return the columns that have an order, shape (n,) each: numbers, binary columns, two categories."""
    columns = []
    for v in d.variables:
        if v.type != "category":
            columns.append(numbers_of(frame, v.name))
        elif len(v.values) == 2:
            marked = frame[v.name].eq(v.values[1]).fillna(False).to_numpy(dtype=np.float64)
            columns.append(np.where(frame[v.name].isna(), np.nan, marked))
    return columns


def _rank_correlations(columns: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return Spearman's correlations of all pairs and how many patients have both, shape (columns,) twice.

    Ranks are those among all who have a value; a pair without variation is NaN.
    """
    ranks = np.column_stack([pd.Series(column).rank().to_numpy() for column in columns])
    known = ~np.isnan(ranks)
    n = known.astype(np.float64).T @ known
    filled = np.where(known, ranks, 0.0)
    # Sums over the patients in whom both are known.
    first = filled.T @ known
    squares = (filled**2).T @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = filled.T @ filled / n - first * first.T / n**2
        variance = squares / n - (first / n) ** 2
        correlations = covariance / np.sqrt(variance * variance.T)
    correlations[np.diag_indices_from(correlations)] = 0.0
    correlations[~np.isfinite(correlations)] = np.nan
    return correlations, n
