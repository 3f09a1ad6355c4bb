"""Cohorts as small whole numbers: category codes, quantile bins, one-hot blocks.

Code 0 is NA for every column; for a categorical variable 1 to k are the dictionary's values in its
order and k + 1 is any other value, so that two cohorts always share one coding.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray

Floats = FloatArray  # the name by which the rooms of privacy take it
Codes = NDArray[np.uint8]

Array = TypeVar("Array", FloatArray, Codes)
Rows = IntArray | BoolArray | slice

BINS = 10  # of a numeric variable, Eckardt et al. 2024, methods, "Assessment of privacy conservation"


def numbers(column: pd.Series) -> FloatArray:
    """Return a column as floats, shape (n,): NA and infinities are NaN."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def category_codes(column: pd.Series, variable: Variable) -> Codes:
    """Return the codes of a categorical column, shape (n,)."""
    other = len(variable.values) + 1
    if variable.type == "category":
        table = column.array if isinstance(column.array, pd.Categorical) else pd.Categorical(column)
        code_of = {value: code for code, value in enumerate(variable.values, start=1)}
        codes_of_table = [code_of.get(value, other) for value in table.categories]
        found: Codes = np.array([*codes_of_table, 0], np.uint8)[table.codes]  # what is missing has code -1
        return found
    array: Any = column.array
    if hasattr(array, "_mask") and array.dtype.kind == "i":
        plain, missing = array._data, array._mask  # whole numbers as they are, without copies as floats
    else:
        plain = numbers(column)
        missing = np.isnan(plain)
    codes = np.full(len(plain), other, dtype=np.uint8)
    for code, value in enumerate(variable.values, start=1):
        codes[plain == value] = code
    codes[missing] = 0
    return codes


@dataclass(frozen=True)
class _Columns:
    """What was read of a frame that is alive; the reference removes it with the frame.

    whole : a frame and the rows of it that this one is, whose columns need not be read again.
    """

    frame: weakref.ref[pd.DataFrame]
    read: dict[str, FloatArray | Codes]
    whole: tuple[pd.DataFrame, Rows] | None = None


_Remembered = dict[int, _Columns]  # by the id of the frame
_REMEMBERED: ContextVar[_Remembered | None] = ContextVar("remembered columns", default=None)


@contextmanager
def columns_remembered() -> Iterator[None]:
    """Within this block `numbers_of` and `codes_of` read each column of a frame once.

    For whoever measures the same cohorts many times, by one dictionary, and does not change them meanwhile.
    """
    token = _REMEMBERED.set({})
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


def rows_of(frame: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Return some rows of a frame, which is itself where they are all of them in order.

    Within `columns_remembered` their columns are those of the whole frame.
    """
    if not isinstance(rows, slice) and np.array_equal(np.arange(len(frame))[rows], np.arange(len(frame))):
        return frame
    part = frame.iloc[rows]
    remembered = _REMEMBERED.get()
    if remembered is not None:
        _remember(remembered, part, (frame, rows))
    return part


def at_most(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a frame, or so many of its rows drawn at random, in their order, where it has more."""
    if len(frame) <= most:
        return frame
    return rows_of(frame, np.sort(rng.choice(len(frame), most, replace=False)))


def numbers_of(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return `numbers` of a column; within `columns_remembered` not to be written to."""
    return _once(frame, f"numbers {name}", lambda whole: numbers(whole[name]))


def numeric_values(frame: pd.DataFrame, d: Dictionary) -> FloatArray:
    """Return the numeric columns, shape (n, columns), NaN for NA."""
    names = [v.name for v in d.variables if not v.is_categorical]
    return np.array([numbers_of(frame, name) for name in names]).reshape(len(names), len(frame)).T


def codes_of(frame: pd.DataFrame, variable: Variable) -> Codes:
    """Return `category_codes` of a column; within `columns_remembered` not to be written to."""
    return _once(
        frame, f"codes {variable.name}", lambda whole: category_codes(whole[variable.name], variable)
    )


def _once(frame: pd.DataFrame, what: str, read: Callable[[pd.DataFrame], Array]) -> Array:
    remembered = _REMEMBERED.get()
    if remembered is None:
        return read(frame)
    known = remembered.get(id(frame)) or _remember(remembered, frame)
    if what not in known.read:
        if known.whole is None:
            known.read[what] = read(frame)
        else:
            whole, rows = known.whole
            known.read[what] = _once(whole, what, read)[rows]
        known.read[what].setflags(write=False)
    column: Array = known.read[what]  # type: ignore[assignment]
    return column


def _remember(
    remembered: _Remembered, frame: pd.DataFrame, whole: tuple[pd.DataFrame, Rows] | None = None
) -> _Columns:
    place = id(frame)
    known = _Columns(weakref.ref(frame, lambda _: remembered.pop(place, None)), {}, whole)
    remembered[place] = known
    return known


def quantile_edges(values: FloatArray, bins: int = BINS) -> FloatArray:
    """Return the edges of the quantile bins of `values`, equal ones once; empty without values.

    A constant column has the one bin [v, v].
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.empty(0)
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, bins + 1)))
    return edges if edges.size > 1 else np.repeat(edges, 2)


def bin_codes(values: FloatArray, edges: FloatArray) -> Codes:
    """Return 0 for NA and 1 to k for the bins, shape (n,).

    Bins are closed on the right, and the outer two are open-ended, so every number has one.
    """
    inner = edges[1:-1]
    codes = np.searchsorted(inner, values, side="left") + 1
    return np.where(np.isnan(values), 0, codes).astype(np.uint8)


class CohortCoding:
    """One coding of whole cohorts: categories as they are, numbers in bins of the original.

    Parameters
    ----------
    original : the typed frame whose quantiles make the bins.
    d : the dictionary.
    binned : whether numeric columns take part at all.
    """

    def __init__(self, original: pd.DataFrame, d: Dictionary, binned: bool = True) -> None:
        self._variables = [v for v in d.variables if binned or v.is_categorical]
        self._edges = {
            v.name: quantile_edges(numbers_of(original, v.name))
            for v in self._variables
            if not v.is_categorical
        }
        self.widths = np.array(
            [len(v.values) + 2 if v.is_categorical else BINS + 1 for v in self._variables], dtype=np.intp
        )
        self.starts = np.concatenate(([0], np.cumsum(self.widths)[:-1])).astype(np.intp)

    @property
    def names(self) -> Sequence[str]:
        return [v.name for v in self._variables]

    def encode(self, frame: pd.DataFrame) -> Codes:
        """Return the codes of a cohort, shape (n, columns)."""
        codes = np.empty((len(frame), len(self._variables)), dtype=np.uint8)
        for position, variable in enumerate(self._variables):
            if variable.is_categorical:
                codes[:, position] = codes_of(frame, variable)
            else:
                codes[:, position] = bin_codes(numbers_of(frame, variable.name), self._edges[variable.name])
        return codes

    def one_hot(self, codes: Codes) -> NDArray[np.float32]:
        """Return the indicator of every code, shape (n, sum of widths)."""
        hot = np.zeros((len(codes), int(self.widths.sum())), dtype=np.float32)
        np.put_along_axis(hot, codes + self.starts, np.float32(1.0), axis=1)
        return hot
