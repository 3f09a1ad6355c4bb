"""Patients as plain arrays, each row made sound by itself, whatever it holds.

Neighbouring cohorts differ by one patient. So that their sums do too, nothing here looks at more than one
row: a value that is no number, or out of the dictionary's range, is mended from its own row and the
dictionary alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.types import FloatArray


@dataclass(frozen=True)
class Columns:
    """Which columns of a dictionary are described, by their part; what is not assessed is left out.

    Attributes
    ----------
    flags : tri-state variables but the response: alterations, karyotype and the like.
    categories : variables with named categories.
    numbers : integers and numbers that are no survival time.
    response : the response to treatment, where it is assessed.
    terminal, composite : (time, status) of the endpoints; `composite` is None where there is none.
    """

    dictionary: Dictionary
    flags: tuple[Variable, ...]
    categories: tuple[Variable, ...]
    numbers: tuple[Variable, ...]
    response: Variable | None
    terminal: tuple[str, str] | None
    composite: tuple[str, str] | None

    @classmethod
    def of(cls, d: Dictionary, not_assessed: frozenset[str] = frozenset()) -> Columns:
        """Sort the variables of a dictionary into parts."""
        plain = [v for v in d.variables if v.name not in d.outcome_columns and v.name not in not_assessed]
        response = d.response if d.response is not None and d.response.name not in not_assessed else None
        endpoints = [
            (e.time, e.status) if e is not None and not {e.time, e.status} & not_assessed else None
            for e in (d.terminal, d.composite)
        ]
        return cls(
            dictionary=d,
            flags=tuple(v for v in plain if v.type in ("tri-state", "status") and v != response),
            categories=tuple(v for v in plain if v.type == "category"),
            numbers=tuple(v for v in plain if not v.is_categorical),
            response=response,
            terminal=endpoints[0],
            composite=endpoints[1],
        )

    @property
    def units(self) -> tuple[tuple[str, ...], ...]:
        """The columns that are missing together by definition: single ones, and time with status."""
        plain = (*self.flags, *self.categories, *self.numbers, *((self.response,) if self.response else ()))
        single = tuple((v.name,) for v in plain)
        return single + tuple(pair for pair in (self.terminal, self.composite) if pair is not None)


@dataclass(frozen=True)
class Patients:
    """n patients as float64 arrays; NaN is missing.

    Attributes
    ----------
    flags : shape (n, flags), 0 or 1.
    categories : shape (n, categories), the position of the category.
    numbers : shape (n, numbers), within the dictionary's range.
    response : shape (n,), 0 or 1.
    time, event : shape (n,), months and status of the terminal endpoint, both known or both NaN.
    inner_time, inner_event : the same of the composite endpoint, never after the terminal one.
    """

    flags: FloatArray
    categories: FloatArray
    numbers: FloatArray
    response: FloatArray
    time: FloatArray
    event: FloatArray
    inner_time: FloatArray
    inner_event: FloatArray

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Columns) -> Patients:
        """Read a typed frame; rows that break rules are mended, each by itself.

        Death is an event of the composite endpoint, which never lies after the terminal one; a patient
        without its event has the two times equal.
        """
        n = len(frame)
        nothing = np.full(n, np.nan)
        response = _flag(frame, columns.response) if columns.response else nothing
        time, event = _outcome(frame, columns.terminal, columns.dictionary) or (nothing, nothing)
        inner = _outcome(frame, columns.composite, columns.dictionary)
        inner_time, inner_event = _within(inner or (nothing, nothing), time, event)
        return cls(
            flags=_side_by_side([_flag(frame, v) for v in columns.flags], n),
            categories=_side_by_side([_category(frame, v) for v in columns.categories], n),
            numbers=_side_by_side([_number(frame, v) for v in columns.numbers], n),
            response=response,
            time=time,
            event=event,
            inner_time=inner_time,
            inner_event=inner_event,
        )

    def missing(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Return which units of `Columns.units` are missing, shape (n, units)."""
        parts = [np.isnan(self.flags), np.isnan(self.categories), np.isnan(self.numbers)]
        if columns.response is not None:
            parts.append(np.isnan(self.response)[:, None])
        if columns.terminal is not None:
            parts.append(np.isnan(self.time)[:, None])
        if columns.composite is not None:
            parts.append(np.isnan(self.inner_time)[:, None])
        return np.hstack(parts)


def is_skewed(values: FloatArray) -> bool:
    """Whether numbers are better looked at on the log scale, as leukocytes are."""
    centred = values - values.mean()
    return bool((centred**3).mean() > 0.75 * max(float(centred.std()), 1e-9) ** 3)


def on_scale(values: FloatArray, minimum: float | None, log: bool) -> FloatArray:
    """Return numbers on the scale on which they are looked at, the log scale from their minimum on."""
    return np.log1p(np.maximum(values - (minimum or 0.0), 0.0)) if log else values


def from_scale(scores: FloatArray, minimum: float | None, log: bool) -> FloatArray:
    """Return the numbers of scores; the inverse of `on_scale`."""
    return np.expm1(scores) + (minimum or 0.0) if log else scores


def _side_by_side(arrays: list[FloatArray], n: int) -> FloatArray:
    return np.column_stack(arrays) if arrays else np.empty((n, 0))


def _values(frame: pd.DataFrame, name: str) -> FloatArray:
    values = frame[name].to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _flag(frame: pd.DataFrame, variable: Variable) -> FloatArray:
    values = _values(frame, variable.name)
    return np.where((values == 0) | (values == 1), values, np.nan)


def _category(frame: pd.DataFrame, variable: Variable) -> FloatArray:
    column = frame[variable.name]
    if column.dtype != variable.dtype:  # the positions must be the dictionary's
        column = column.astype(variable.dtype)
    codes = column.cat.codes.to_numpy(np.float64)
    return np.where(codes < 0, np.nan, codes)


def _number(frame: pd.DataFrame, variable: Variable) -> FloatArray:
    return np.clip(_values(frame, variable.name), variable.minimum, variable.maximum)


def _outcome(
    frame: pd.DataFrame, endpoint: tuple[str, str] | None, d: Dictionary
) -> tuple[FloatArray, FloatArray] | None:
    if endpoint is None:
        return None
    time, event = _number(frame, d[endpoint[0]]), _flag(frame, d[endpoint[1]])
    unknown = np.isnan(time) | np.isnan(event)
    return np.where(unknown, np.nan, time), np.where(unknown, np.nan, event)


def _within(
    inner: tuple[FloatArray, FloatArray], time: FloatArray, event: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mend the composite endpoint by the terminal one, where both are known."""
    inner_time, inner_event = inner
    both = ~np.isnan(inner_time) & ~np.isnan(time)
    inner_event = np.where(both & (event == 1), 1.0, inner_event)
    inner_time = np.where(both & (inner_event == 0), time, inner_time)
    inner_time = np.where(both, np.fmin(inner_time, time), inner_time)
    return inner_time, inner_event
