"""Sheets of an XLSX workbook, with the cells that look like values and are none.

A formula that was never calculated, an error such as #DIV/0! and a cell that a merge hides have no value
that could be read; each is kept with its address, so that an import can refuse those it needs.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.sources.records import NoValue, Record, Tabulated, likely_header, normalised, tabulate
from amlsynth.sources.source_format import SourceFormat

_LOOKED_AT = 30  # rows at the top among which a header is looked for


def read_workbook(path: Path, source: SourceFormat, wanted: Collection[str]) -> Tabulated:
    """Read a sheet into a table of Python values: text, numbers, booleans, dates, None and `NoValue`.

    Raises
    ------
    MissingExtraError
        openpyxl is not installed.
    UsageError
        The sheet is not there or not named, or the header seems to be in another row.
    DataError
        The file is damaged, the sheet is empty, or a column with cells has no name.
    """
    openpyxl = require_extra("import", "openpyxl", "Reading an XLSX file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
            # Formulas and what was calculated for them are in two views of the same file.
            written = openpyxl.load_workbook(path, data_only=False)
            stored = openpyxl.load_workbook(path, data_only=True)
            sheets = [sheet.title for sheet in written.worksheets]
            sheet = source.sheet if source.sheet is not None else sheets[0]
            records = _records(written[sheet], stored[sheet]) if sheet in sheets else None
    except Exception as error:  # openpyxl lets whatever zip, XML and its own parts raise through
        raise DataError(
            f"{path}: not a readable XLSX file; it is damaged or truncated. Save it again."
        ) from error
    known = ", ".join(repr(name) for name in sheets)
    if records is None:
        raise UsageError(f"{path}: there is no sheet {source.sheet!r}. Sheets: {known}.")
    if source.sheet is None and len(sheets) > 1:
        raise UsageError(f"{path}: name one of the sheets in the mapping under source.sheet: {known}.")
    if not any(record.filled for record in records):
        raise DataError(f"{path}: the sheet {sheet!r} is empty. Name another under source.sheet.")
    return tabulate(path, records, source, wanted, "row")


def guess_header(path: Path, sheet: str | None) -> dict[str, object]:
    """Guess in which row of a sheet the names stand, as the keys of `source` that differ from the default."""
    openpyxl = require_extra("import", "openpyxl", "Reading an XLSX file")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        chosen = book[sheet] if sheet is not None else book.worksheets[0]
        rows = list(enumerate(chosen.iter_rows(max_row=_LOOKED_AT, values_only=True), start=1))
        book.close()
    except Exception:  # what is wrong with the file is said when it is read
        return {}
    filled = [(number, cells) for number, cells in rows if any(cell is not None for cell in cells)]
    header = likely_header(filled, max((len(cells) for _, cells in filled), default=0))
    return {"header": header} if filled and header != filled[0][0] else {}


def _records(written: Any, stored: Any) -> list[Record]:
    hidden = {
        (row, column)
        for area in written.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
        if (row, column) != (area.min_row, area.min_col)
    }
    # The cells that the file has: going through all rows would make the million that a format spans.
    cells: dict[int, dict[int, Any]] = {}
    for (row, column), formula in written._cells.items():
        value = stored._cells[row, column]
        if (row, column) in hidden:
            content: Any = NoValue("merged", value.coordinate)
        elif value.data_type == "e":
            content = NoValue("error", value.coordinate)
        elif value.value is None and formula.data_type == "f":
            content = NoValue("formula", value.coordinate)
        else:
            content = _plain(value.value)
        if content is not None:
            cells.setdefault(row, {})[column] = content
    width = max((column for row in cells.values() for column in row), default=0)
    return [
        Record(row, [cells.get(row, {}).get(column) for column in range(1, width + 1)])
        for row in range(1, max(cells, default=0) + 1)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return normalised(value).strip()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value
