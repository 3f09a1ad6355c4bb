"""From cells to values: missing codes, numbers with limits, and the count of what became NA and why."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.sources.mapping_file import ColumnMapping
from amlsynth.sources.source_format import Limits, SourceFormat
from amlsynth.sources.source_table import by_value, to_number

_LIMIT = re.compile(r"[<>≤≥]=?\s*(?P<number>\S.*)")


@dataclass(frozen=True)
class Cells:
    """A column whose missing codes are NA.

    Attributes
    ----------
    values : text ("string"), numbers ("Float64") or dates.
    codes : missing code -> number of cells that it emptied; blank cells are not counted.
    """

    values: pd.Series[Any]
    codes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column, where its text is none, and what became of numbers beyond a limit."""

    values: pd.Series[Any]
    wrong: npt.NDArray[np.bool_]
    lost: dict[str, int] = field(default_factory=dict)
    at_limit: int = 0


def without_codes(column: pd.Series[Any], codes: Collection[str], source: SourceFormat) -> Cells:
    """Make cells that stand for a missing value NA: as they are written, or as a number of the same size.

    A blank cell is NA only where "" is among the codes; a cell of numbers or dates that is blank is always.
    """
    numbers = {number: code for code in codes if (number := _number(code, source)) is not None}

    def code_of(cell: Any) -> str | None:
        if isinstance(cell, str):
            number = None if cell in codes or not numbers else _number(cell, source)
            return cell if cell in codes else None if number is None else numbers.get(number)
        return numbers.get(float(cell))

    if column.dtype.kind == "M":
        return Cells(column)
    found = by_value(column, code_of, "string")
    if found.isna().all():
        return Cells(column)
    counts = found[found != ""].value_counts()
    return Cells(column.mask(found.notna()), {str(code): int(n) for code, n in sorted(counts.items())})


def codes_of(entry: ColumnMapping | None, source: SourceFormat) -> tuple[str, ...]:
    """Return the missing codes of a variable's columns; those that its `values` explain are none."""
    if entry is None:
        return source.missing
    own = entry.values or {}
    return tuple(code for code in (*source.missing, *entry.missing) if code not in own)


def to_numbers(column: pd.Series[Any], source: SourceFormat, limits: Limits | None = None) -> Numbers:
    """Read a column as numbers.

    Parameters
    ----------
    limits : what becomes of `<0.1` and `>100`: the limit itself, NA, or (None) no number at all.
    """
    if column.dtype.kind == "M":
        return Numbers(pd.Series(pd.NA, index=column.index, dtype="Float64"), column.notna().to_numpy())
    if column.dtype != "string":
        return Numbers(column, np.zeros(len(column), dtype=bool))
    limits = limits or source.limits
    beyond = pd.Series(False, index=column.index)
    if limits is not None:
        beyond = by_value(column, lambda cell: _limit(cell, source) is not None, "boolean").fillna(False)

    def number(cell: str) -> float | None:
        found = _number(cell, source)
        return _limit(cell, source) if found is None and limits == "limit" else found

    values = by_value(column, number, "Float64")
    known = column.notna() & (column != "")
    wrong = (known & values.isna() & ~beyond).fillna(False).to_numpy(dtype=bool)
    if limits == "NA":
        lost = column[beyond].value_counts()
        return Numbers(values, wrong, {str(cell): int(n) for cell, n in sorted(lost.items())})
    return Numbers(values, wrong, at_limit=int(beyond.sum()))


def looks_like_a_limit(cell: str, source: SourceFormat) -> bool:
    return _limit(cell, source) is not None


def typed(column: pd.Series[Any], source: SourceFormat) -> pd.Series[Any]:
    """Return a column for expressions: as numbers or dates where every cell is one, or else as text."""
    if column.dtype != "string":
        return column
    column = column.mask(column == "")
    if column.isna().all():
        return column
    numbers = to_numbers(column, source)
    if not numbers.wrong.any():
        return numbers.values
    if source.dates is None:
        return column
    days = pd.to_datetime(column, format=source.dates, errors="coerce")
    return column if (days.isna() & column.notna()).any() else days.astype("datetime64[us]")


def _number(cell: str, source: SourceFormat) -> float | None:
    return to_number(cell, source.decimal, source.thousands)


def _limit(cell: str, source: SourceFormat) -> float | None:
    match = _LIMIT.fullmatch(cell)
    return _number(match["number"], source) if match else None
