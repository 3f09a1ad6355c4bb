"""Cohorts as matrices of numbers, for distances, clusters and tree models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.kernels import one_thread_of
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import CohortCoding, codes_of, numbers_of


def tree_features(frame: pd.DataFrame, d: Dictionary, names: Sequence[str]) -> FloatArray:
    """Return columns as tree models take them, shape (n, names): codes or numbers, NaN for NA.

    Numbers are rounded to the dictionary's decimals: trees would find out which cohort gives more digits, or
    converts from other units, and tell the cohorts apart by that alone.
    """
    features = np.empty((len(frame), len(names)))
    for position, name in enumerate(names):
        variable = d[name]
        if variable.is_categorical:
            codes = codes_of(frame, variable).astype(np.float64)
            features[:, position] = np.where(codes == 0, np.nan, codes)
        else:
            features[:, position] = np.round(numbers_of(frame, name), variable.decimals)
    return features


def fill_empty(features: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the features with 0 in columns that are NaN throughout in `reference`, the training rows.

    Tree models refuse such columns.
    """
    return np.where(np.isnan(reference).all(axis=0), 0.0, features)


def one_thread() -> AbstractContextManager[object]:
    """Keep scikit-learn to one thread: on busy machines its threads wait for each other for minutes."""
    return one_thread_of("sklearn.ensemble", "Measuring with scikit-learn")


class Embedding:
    """Euclidean coordinates in which every column of a cohort weighs about the same.

    Numbers are standardised by mean and standard deviation of `reference`; a missing one stands at the
    mean and is told by an indicator. Categories, NA among them, are indicators.
    """

    def __init__(self, reference: pd.DataFrame, d: Dictionary) -> None:
        self._coding = CohortCoding(reference, d, binned=False)
        self._names = [v.name for v in d.variables if not v.is_categorical]
        values = self._numbers(reference)
        known = ~np.isnan(values)
        count = known.sum(axis=0)
        total = np.where(known, values, 0.0).sum(axis=0)
        self._mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        squares = np.where(known, (values - self._mean) ** 2, 0.0).sum(axis=0)
        spread = np.sqrt(np.divide(squares, count, out=np.zeros_like(squares), where=count > 0))
        self._scale = np.where(spread > 0, spread, 1.0)

    def __call__(self, frame: pd.DataFrame) -> FloatArray:
        """Return the coordinates of a cohort, shape (n, dimensions)."""
        values = self._numbers(frame)
        missing = np.isnan(values)
        standard = np.where(missing, 0.0, (values - self._mean) / self._scale)
        indicators = self._coding.one_hot(self._coding.encode(frame))
        return np.hstack((standard, missing.astype(np.float64), indicators.astype(np.float64)))

    def _numbers(self, frame: pd.DataFrame) -> FloatArray:
        if not self._names:
            return np.empty((len(frame), 0))
        return np.column_stack([numbers_of(frame, name) for name in self._names])
