"""A steward's table as it comes: CSV, XLSX, Parquet or a file of R, read without guessing what cells mean.

Every column is text (without outer blanks, "" for a blank cell), numbers (nullable) or dates. What a cell
stands for, missing codes among it, is the mapping's business, not the reader's.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources import r_file
from amlsynth.sources.delimited import read_delimited
from amlsynth.sources.records import NoValue, Tabulated, check_names, is_blank
from amlsynth.sources.source_format import SourceFormat
from amlsynth.sources.workbook import read_workbook

_READERS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", *r_file.ENDINGS)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DATE = "datetime64[us]"


@dataclass(frozen=True)
class SourceTable:
    """The cells of a table, and where they stand in the file.

    Attributes
    ----------
    frame : the columns, by name; their index counts the rows of data from 0.
    lines : for each row, its line (CSV) or row (XLSX) in the file; empty for Parquet.
    letters : column -> its letters in a sheet; empty for other files.
    flaws : column -> row -> the cell that has no value (XLSX).
    unusable : column -> why its cells cannot be read at all (Parquet).
    lone : for each row, True where only one cell of it is filled: a legend, a total.
    """

    path: Path
    frame: pd.DataFrame
    lines: Sequence[int] = ()
    letters: dict[str, str] = field(default_factory=dict)
    flaws: dict[str, dict[int, NoValue]] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    lone: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    notes: list[str] = field(default_factory=list)

    def place(self, row: int, column: str | None = None) -> str:
        """Return " (line 7)" or " (cell F7)", what a person looks up, or "" where the file has no lines."""
        if not self.lines:
            return ""
        if self.letters:
            if column is None:
                return f" (row {self.lines[row]} of the sheet)"
            return f" (cell {self.letters[column]}{self.lines[row]})" if column in self.letters else ""
        return f" (line {self.lines[row]})"


def read_source(path: Path, source: SourceFormat, wanted: Collection[str] = ()) -> SourceTable:
    """Read a table by its ending: .csv, .tsv, .txt, .xlsx, .parquet, .rdata, .rda or .rds.

    Parameters
    ----------
    wanted : the columns that the mapping names, which tell a header from a title line.

    Raises
    ------
    UsageError
        The file is not there, its ending or its sheet is not known, or its header or delimiter seems to be
        another than the mapping says.
    DataError
        The file is empty, damaged, in another encoding, has rows of another length or two columns of
        one name.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _READERS:
        raise UsageError(f"{path}: the ending {ending!r} is not known. Use one of {', '.join(_READERS)}.")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file. Check the path.")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. Export the table again.")
    if ending == ".parquet":
        table = _read_parquet(path)
    elif ending in r_file.ENDINGS:
        table = SourceTable(path, r_file.read_r_file(path, source))
    elif ending == ".xlsx":
        table = _from_cells(path, read_workbook(path, source, wanted), source.decimal, in_sheet=True)
    else:
        table = _from_cells(path, read_delimited(path, source, wanted), source.decimal, in_sheet=False)
    if len(table.frame) == 0:
        raise DataError(f"{path}: there are no patients in it. Check that the right table was exported.")
    return table


def to_number(text: str, decimal: str, thousands: str | None = None) -> float | None:
    """Read a number; None for other text.

    Parameters
    ----------
    decimal : the decimal sign; with a comma, "1.234" is no number, since it could be either.
    thousands : the sign between groups of three digits, None where there is none. A group is never
        guessed: "1.23" with the sign "." is no number.
    """
    if thousands is not None and thousands in text:
        whole, _, rest = text.partition(decimal)
        if not re.fullmatch(rf"[+-]?\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+", whole, re.ASCII):
            return None
        text = whole.replace(thousands, "") + (decimal + rest if rest else "")
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def by_value(column: pd.Series[Any], change: Callable[[Any], Any], dtype: Any) -> pd.Series[Any]:
    """Change every distinct value once, however many rows have it; NA stays NA."""
    codes, distinct = pd.factorize(column)
    changed = pd.array([*map(change, distinct), None], dtype=dtype)
    return pd.Series(changed.take(codes), index=column.index)  # the code -1, of NA, picks the None


def as_text(column: pd.Series[Any], decimal: str = ".") -> pd.Series[Any]:
    """Return a column as text: the shortest of each number (1 for 1.0 and for True), ISO dates; "" is NA."""
    if column.dtype == "string":
        return column.mask(column == "")
    if column.dtype.kind == "M":
        return by_value(column, lambda day: _iso(day.to_pydatetime()), "string")

    def shortest(number: float) -> str:
        return f"{number:.15g}".replace(".", decimal)

    return by_value(column.astype("Float64"), shortest, "string")


def _from_cells(path: Path, read: Tabulated, decimal: str, in_sheet: bool) -> SourceTable:
    columns, flaws = {}, {}
    for place, name in enumerate(read.names):
        cells = [row[place] for row in read.rows]
        columns[name] = _cells(cells, decimal) if in_sheet else pd.Series(cells, dtype="string").fillna("")
        wrong = {row: cell for row, cell in enumerate(cells) if isinstance(cell, NoValue)}
        if wrong:
            flaws[name] = wrong
    letters = {}
    if in_sheet:
        from openpyxl.utils import get_column_letter

        letters = {
            name: get_column_letter(place + 1) for name, place in zip(read.names, read.places, strict=True)
        }
    lone = np.array([sum(not is_blank(cell) for cell in row) == 1 for row in read.rows], dtype=bool)
    return SourceTable(
        path,
        pd.DataFrame(columns, index=range(len(read.rows))),
        read.lines,
        letters,
        flaws,
        lone=lone if len(read.names) > 2 else np.zeros(len(read.rows), dtype=bool),
        notes=read.notes,
    )


def _cells(cells: list[Any], decimal: str) -> pd.Series[Any]:
    """Return the cells of a sheet's column: as numbers or dates where all are, or else as text."""
    values = [None if isinstance(cell, NoValue) or is_blank(cell) else cell for cell in cells]
    known = [cell for cell in values if cell is not None]
    if all(isinstance(cell, int | float) for cell in known) and known:
        return pd.Series([None if cell is None else float(cell) for cell in values], dtype="Float64")
    if all(isinstance(cell, datetime.date) for cell in known) and known:
        return pd.Series(np.array(values, dtype=_DATE))  # years that nanoseconds cannot hold, too
    return pd.Series(["" if cell is None else _written(cell, decimal) for cell in values], dtype="string")


def _written(cell: Any, decimal: str) -> str:
    if isinstance(cell, int | float):  # booleans too: TRUE becomes 1
        return f"{float(cell):.15g}".replace(".", decimal)
    return _iso(cell) if isinstance(cell, datetime.date | datetime.time) else str(cell)


def _iso(moment: datetime.date | datetime.time) -> str:
    if isinstance(moment, datetime.datetime) and moment.time() == datetime.time():
        return moment.date().isoformat()
    return moment.isoformat()


def _read_parquet(path: Path) -> SourceTable:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: not a readable Parquet file; it is damaged or truncated. Export it again."
        ) from error
    names = [unicodedata.normalize("NFC", name).strip() for name in table.column_names]
    check_names(path, names)
    columns, unusable = {}, {}
    for name, column in zip(names, table.columns, strict=True):
        columns[name], problem = _arrow_column(column)
        if problem:
            unusable[name] = problem
    return SourceTable(path, pd.DataFrame(columns, index=range(table.num_rows)), unusable=unusable)


def _arrow_column(column: Any) -> tuple[pd.Series[Any], str | None]:
    """Return a column of a Parquet file, and why it cannot be used where it cannot."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = column.cast(pa.float64()).to_pandas(types_mapper={pa.float64(): pd.Float64Dtype()}.get)
        number = pd.Series(number)
        return number.mask((number != number).fillna(False)), None
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        try:
            moments = column.cast(pa.timestamp("us")).to_pandas()
        except (pa.ArrowException, ValueError):
            return _blank(len(column)), "has dates outside the range that can be read; export it as text"
        return pd.Series(np.asarray(moments, dtype=_DATE)), None
    if pa.types.is_null(kind):
        return _blank(len(column)), None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pd.Series(column.to_pandas(), dtype="string").fillna("").str.strip()
        return text.str.normalize("NFC"), None
    if pa.types.is_duration(kind):
        return _blank(len(column)), (
            "holds durations (timedelta), of which it cannot be told whether days, weeks or months were "
            "meant; export it as a number, such as days with .dt.total_seconds() / 86400"
        )
    return _blank(len(column)), f"holds neither text, numbers nor dates ({kind}); export it as one of these"


def _blank(n: int) -> pd.Series[Any]:
    return pd.Series("", index=range(n), dtype="string")
