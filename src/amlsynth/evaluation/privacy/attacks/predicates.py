"""Predicates over patients, such as "AGE >= 81 and TP53 = 1", and how many patients they hold for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.privacy.attacks.mixed import CELLS
from amlsynth.statistics.coding import Floats, codes_of, numbers_of

_PAIRED = 500  # predicates that are taken in pairs
_BITS_SET = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)
MISSING = -1.0  # a number that is not known; all numbers of the dictionary are 0 or more


class Sign(IntEnum):
    EQUAL = 0
    AT_LEAST = 1
    AT_MOST = 2


@dataclass(frozen=True)
class Predicates:
    """Conjunctions of terms "column sign value", shapes (predicates, terms)."""

    columns: NDArray[np.intp]
    signs: NDArray[np.int8]
    values: Floats

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Predicates:
        return Predicates(self.columns[rows], self.signs[rows], self.values[rows])

    def count(self, table: Floats) -> NDArray[np.intp]:
        """Return for how many rows of a table each holds, shape (predicates,)."""
        counts = [_BITS_SET[holds].sum(axis=1, dtype=np.intp) for holds in self._holds(table)]
        return np.concatenate(counts) if counts else np.zeros(0, dtype=np.intp)

    def independent_attempts(self, table: Floats, rows: int) -> float:
        """Return as how many independent attempts they count, of being true of exactly one of some patients.

        One patient can decide for many predicates. `rows` patients are drawn from those like the table's, so
        that the counts of patients are Poisson's: those of two predicates share the patients for whom both
        hold. Of more than `_PAIRED` predicates the mean covariance is that of the first.
        """
        some = self.take(slice(_PAIRED))
        holds = np.concatenate(list(some._holds(table)))
        hold = np.unpackbits(holds, axis=1, count=len(table)).astype(np.float32)
        both = (hold @ hold.T).astype(np.float64) * (rows / len(table))
        expected = np.diag(both)
        single = expected * np.exp(-expected)
        one, other = expected[:, None] - both, expected[None, :] - both
        covariance = np.exp(-(one + other + both)) * (both + one * other) - np.outer(single, single)
        own = float((single * (1 - single)).mean())
        np.fill_diagonal(covariance, 0.0)
        between = float(covariance.sum()) / max(len(some) * (len(some) - 1), 1)
        if own == 0:  # true of nobody
            return len(self)
        variance = own / len(self) + max(between, 0.0) * (len(self) - 1) / len(self)
        mean = float(single.mean())
        return min(mean * (1 - mean) / variance, len(self))

    def _holds(self, table: Floats) -> Iterator[NDArray[np.uint8]]:
        """Yield for some predicates after the other in which rows they hold, shape (some, rows / 8).

        Each different term is evaluated once, to one bit a row; a predicate joins the bits of its terms.
        """
        if not len(self):
            return
        terms, inverse = self._terms
        bits = _bits(table, *terms)
        height = max(1, CELLS // bits.shape[1])
        for top in range(0, len(self), height):
            part = slice(top, top + height)
            holds = bits[inverse[part, 0]]
            for term in range(1, inverse.shape[1]):
                holds &= bits[inverse[part, term]]
            yield holds

    @cached_property
    def _terms(self) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp], Floats], NDArray[np.intp]]:
        """Columns, signs and values of the different terms, and which of them each predicate joins."""
        known, value = np.unique(self.values, return_inverse=True)
        keys = (self.columns * len(Sign) + self.signs) * len(known) + value.reshape(self.values.shape)
        different, inverse = np.unique(keys, return_inverse=True)
        which, value = np.divmod(different, len(known))
        column, sign = np.divmod(which, len(Sign))
        return (column, sign, known[value]), inverse.reshape(keys.shape)


def _bits(
    table: Floats, columns: NDArray[np.intp], signs: NDArray[np.intp], values: Floats
) -> NDArray[np.uint8]:
    """Return for each term in which rows it is true, eight rows a byte, shape (terms, rows / 8)."""
    # A missing number is equal to a missing one, and neither large nor small.
    known = values != MISSING
    low = np.where((signs == Sign.AT_MOST) & known, 0.0, values)
    high = np.where((signs == Sign.AT_LEAST) & known, np.inf, values)
    by_column = np.ascontiguousarray(table.T)
    found = np.empty((len(columns), -(-len(table) // 8)), dtype=np.uint8)
    height = max(1, CELLS // max(1, len(table)))
    for top in range(0, len(columns), height):
        part = slice(top, top + height)
        cells = by_column[columns[part]]
        true = (cells >= low[part, None]) & (cells <= high[part, None])
        found[part] = np.packbits(true, axis=1)
    return found


def predicate_table(frame: pd.DataFrame, d: Dictionary) -> tuple[Floats, NDArray[np.bool_]]:
    """Return a cohort as numbers, shape (n, columns), and which columns are numeric.

    Categories are their codes (0 for NA), numbers are themselves, `MISSING` for NA.
    """
    columns = [
        codes_of(frame, v).astype(np.float64)
        if v.is_categorical
        else np.nan_to_num(numbers_of(frame, v.name), nan=MISSING)
        for v in d.variables
    ]
    return np.column_stack(columns), np.array([not v.is_categorical for v in d.variables])


def univariate(table: Floats, numeric: NDArray[np.bool_]) -> Predicates:
    """Return the predicates of one term that hold for exactly one row.

    The values that one row has, and for numbers also what is beyond all others: the largest and smallest.
    """
    columns: list[int] = []
    signs: list[int] = []
    values: list[float] = []
    for place, is_number in enumerate(numeric):
        known, counts = np.unique(table[:, place], return_counts=True)
        single = known[counts == 1]
        found = [(Sign.EQUAL, value) for value in single]
        present = known[known != MISSING]
        if is_number and present.size and present[0] in single:
            found.append((Sign.AT_MOST, present[0]))
        if is_number and present.size and present[-1] in single:
            found.append((Sign.AT_LEAST, present[-1]))
        columns += [place] * len(found)
        signs += [sign for sign, _ in found]
        values += [float(value) for _, value in found]
    return _column(columns, signs, values)


def _column(columns: list[int], signs: list[int], values: list[float]) -> Predicates:
    return Predicates(
        np.array(columns, dtype=np.intp)[:, None],
        np.array(signs, dtype=np.int8)[:, None],
        np.array(values, dtype=np.float64)[:, None],
    )


def multivariate(
    table: Floats, numeric: NDArray[np.bool_], terms: int, n: int, rng: np.random.Generator
) -> Predicates:
    """Return `n` predicates of several terms, each true of a random row, whether or not of it alone.

    A category is equal to the row's; a number is at least the row's where that is above the median, and
    at most the row's otherwise.
    """
    rows = rng.integers(0, len(table), n)
    columns = _draw_columns(table.shape[1], terms, n, rng)
    values = table[rows[:, None], columns]
    middle = np.array(
        [np.median(known) if (known := column[column != MISSING]).size else 0.0 for column in table.T]
    )
    signs = np.where(values > middle[columns], Sign.AT_LEAST, Sign.AT_MOST)
    signs = np.where(numeric[columns], signs, Sign.EQUAL).astype(np.int8)
    return Predicates(columns, signs, values)


def guessed(
    table: Floats, numeric: NDArray[np.bool_], terms: int, n: int, rng: np.random.Generator
) -> Predicates:
    """Return `n` predicates of random columns, signs and values: a value from between the extremes."""
    columns = _draw_columns(table.shape[1], terms, n, rng)
    present = np.where(table == MISSING, np.nan, table)
    empty = np.isnan(present).all(axis=0)
    present[:, empty] = 0.0
    low, high = np.nanmin(present, axis=0)[columns], np.nanmax(present, axis=0)[columns]
    values = low + (high - low) * rng.random(columns.shape)
    signs = rng.integers(Sign.AT_LEAST, Sign.AT_MOST + 1, columns.shape)
    values = np.where(numeric[columns], values, np.round(values))
    return Predicates(columns, np.where(numeric[columns], signs, Sign.EQUAL).astype(np.int8), values)


def _draw_columns(columns: int, terms: int, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return different columns for each predicate, shape (n, terms)."""
    return np.argpartition(rng.random((n, columns)), terms - 1, axis=1)[:, :terms]
