"""A cohort as one matrix of numbers, as the passes of an audit read it.

Codes of categories, numbers as they are, and the gap between the two endpoints as a column of its own, since
generators model it. NA is a value like others, far below all numbers, so that every question about a patient
is whether a column lies within two bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.statistics.coding import category_codes, numbers

NA = -1e12  # in the place of a missing number or category


@dataclass(frozen=True)
class Columns:
    """The columns of an audit, made of a dictionary.

    `names` has every variable in the dictionary's order, and `gap` where one endpoint is within the other.
    """

    dictionary: Dictionary

    @cached_property
    def names(self) -> tuple[str, ...]:
        return (*self.dictionary.names, *((self._gap,) if self._gap else ()))

    @cached_property
    def numeric(self) -> BoolArray:
        """Which columns are numbers, shape (columns,)."""
        d = self.dictionary
        return np.array([name not in d or not d[name].is_categorical for name in self.names])

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        return tuple(name for name, numeric in zip(self.names, self.numeric, strict=True) if numeric)

    @property
    def _gap(self) -> str:
        """The name of the column of the time between the endpoints, such as "OSTM - EFSTM", or ""."""
        terminal, composite = self.dictionary.terminal, self.dictionary.composite
        return f"{terminal.time} - {composite.time}" if composite else ""

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return a typed frame as a matrix, shape (n, columns), with `NA` where a value is missing."""
        values = np.empty((len(frame), len(self.names)))
        for place, variable in enumerate(self.dictionary.variables):
            column = frame[variable.name]
            if variable.is_categorical:
                codes = category_codes(column, variable).astype(np.float64)
                values[:, place] = np.where(codes == 0, NA, codes)
            else:
                known = numbers(column)
                values[:, place] = np.where(np.isnan(known), NA, known)
        if self._gap:
            terminal, composite = self.dictionary.terminal, self.dictionary.composite
            assert composite is not None
            both = [values[:, self.names.index(e.time)] for e in (terminal, composite)]
            known = (both[0] != NA) & (both[1] != NA)
            values[:, -1] = np.where(known, np.round(both[0] - both[1], 6), NA)
        return values

    def describe(self, name: str, value: float) -> str:
        """Return a value of a column in words, such as "IKZF1 = 1" or "WBC missing"."""
        if value == NA:
            return f"{name} missing"
        if name in self.dictionary and self.dictionary[name].is_categorical:
            known = self.dictionary[name].values
            return f"{name} = {known[int(value) - 1]}" if value <= len(known) else f"{name} unlisted"
        return f"{name} = {value:g}"

    def event_pattern(self, matrix: FloatArray) -> FloatArray:
        """Return one number for each patient's event pattern, shape (n,).

        The pattern says the status of each endpoint, which times are missing, and whether they are equal.
        """
        code = np.zeros(len(matrix))
        for endpoint in self.dictionary.endpoints:
            status = matrix[:, self.names.index(endpoint.status)]
            missing = matrix[:, self.names.index(endpoint.time)] == NA
            code = code * 8 + np.where(status == NA, 0, status) * 2 + missing
        return code * 2 + (matrix[:, -1] == 0 if self._gap else 0)

    def missing_pattern(self, matrix: FloatArray) -> IntArray:
        """Return a number for each patient's combination of missing values, shape (n,), from 0."""
        missing = (matrix[:, : len(self.dictionary.names)] == NA).astype(np.uint8)
        _, number = np.unique(missing, axis=0, return_inverse=True)
        return np.asarray(number.ravel(), dtype=np.int64)
