"""A steward's table as it comes: CSV, XLSX or Parquet, read without guessing what cells mean.

Every column is either numbers (nullable) or text without outer blanks; a missing cell is NA.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.sources.mapping_file import SourceFormat

if TYPE_CHECKING:
    import pyarrow as pa

_READERS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_source(path: Path, source: SourceFormat) -> pd.DataFrame:
    """Read a table by its ending: .csv, .tsv, .txt, .xlsx or .parquet.

    Raises
    ------
    UsageError
        The file is not there, or its ending or its sheet is not known.
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
    if ending == ".xlsx":
        names, columns = _read_xlsx(path, source)
    else:
        table = _read_parquet(path) if ending == ".parquet" else _read_csv(path, source)
        names, columns = [name.strip() for name in table.column_names], [_series(c) for c in table.columns]
    _check_names(path, names)
    if not columns or len(columns[0]) == 0:
        raise DataError(f"{path}: there are no patients in it. Check that the right table was exported.")
    cleaned = [_without_missing(column, source) for column in columns]
    return pd.DataFrame(dict(zip(names, cleaned, strict=True)))


def to_number(text: str, decimal: str) -> float | None:
    """Read a number written with a decimal sign and without thousands' separators; None for other text."""
    if decimal != ".":
        if "." in text:
            return None  # "1.234" could be either
        text = text.replace(decimal, ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def by_value(column: pd.Series[Any], change: Callable[[Any], Any], dtype: Any) -> pd.Series[Any]:
    """Change every distinct value once, however many rows have it; NA stays NA."""
    codes, distinct = pd.factorize(column)
    changed = pd.array([*map(change, distinct), None], dtype=dtype)
    return pd.Series(changed.take(codes), index=column.index)  # the code -1, of NA, picks the None


def _check_names(path: Path, names: Sequence[str]) -> None:
    for position, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}: column {position} has no name. Give it one or remove the column.")
        if name in names[: position - 1]:
            raise DataError(
                f"{path}: two columns are named {name!r} (columns {names.index(name) + 1} and {position}). "
                "Rename or remove one."
            )


def _read_csv(path: Path, source: SourceFormat) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv

    content = path.read_bytes()
    text = _decoded(path, content, source.encoding)
    delimiter = (
        "\t" if source.delimiter is None and path.suffix.lower() == ".tsv" else source.delimiter or ","
    )
    ragged: list[tuple[int, int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number - 1, row.actual_columns, row.expected_columns))
        return "skip"

    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        table = pyarrow.csv.read_csv(
            io.BytesIO(text.encode("utf-8")),
            pyarrow.csv.ReadOptions(use_threads=False),  # rows have numbers only so
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, csv.Error) as error:
        raise DataError(
            f"{path}: not a readable CSV file with the delimiter {delimiter!r}; a quote may be open, or "
            "there is no header. Export it again, or set source.delimiter in the mapping."
        ) from error
    if ragged:
        row, found, expected = ragged[0]
        more = f" ({len(ragged)} such rows in all)" if len(ragged) > 1 else ""
        raise DataError(
            f"{path}: row {row} has {found} cells where the header has {expected} columns{more}. Check for "
            f"unquoted {delimiter!r} in the cells, and source.delimiter in the mapping."
        )
    last = [str(column[-1].as_py()) for column in table.columns if len(column)]
    if text.count('"') % 2 and any("\n" in cell or "\r" in cell for cell in last):
        # Arrow takes all that follows an open quote for one cell, without a word.
        raise DataError(
            f"{path}: a quote that opens in row {table.num_rows} is never closed, so the rest of the file "
            "would be one cell. Close or remove it."
        )
    return table


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    if content.startswith(b"\xef\xbb\xbf") and encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        line = content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        raise DataError(
            f"{path}: line {line} is not {encoding}. Save the file as UTF-8, or name its encoding in the "
            "mapping under source.encoding, such as cp1252 or utf-16."
        ) from error
    if "\x00" in text:
        raise DataError(
            f"{path}: the text has zero bytes, so it is in another encoding (perhaps utf-16) or is no CSV. "
            "Name its encoding in the mapping under source.encoding."
        )
    return text


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: not a readable Parquet file; it is damaged or truncated. Export it again."
        ) from error
    return table


def _read_xlsx(path: Path, source: SourceFormat) -> tuple[list[str], list[pd.Series[Any]]]:
    openpyxl = require_extra("generate", "openpyxl", "Reading an XLSX file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which do not matter here
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            sheets = list(book.sheetnames)
            sheet = source.sheet if source.sheet is not None else sheets[0]
            rows = [list(row) for row in book[sheet].iter_rows(values_only=True)] if sheet in sheets else None
            book.close()
    except Exception as error:  # openpyxl lets whatever zip, XML and its own parts raise through
        raise DataError(
            f"{path}: not a readable XLSX file; it is damaged or truncated. Save it again."
        ) from error
    known = ", ".join(repr(name) for name in sheets)
    if rows is None:
        raise UsageError(f"{path}: there is no sheet {source.sheet!r}. Sheets: {known}.")
    if source.sheet is None and len(sheets) > 1:
        raise UsageError(f"{path}: name one of the sheets in the mapping under source.sheet: {known}.")
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise DataError(f"{path}: the sheet {sheet!r} is empty. Name another under source.sheet.")
    width = max((place for row in rows for place, cell in enumerate(row, 1) if cell is not None), default=0)
    padded = [row[:width] + [None] * (width - len(row)) for row in rows]
    names = ["" if cell is None else str(cell).strip() for cell in padded[0]]
    columns = [_cells([row[place] for row in padded[1:]], source.decimal) for place in range(width)]
    return names, columns


def _cells(cells: list[Any], decimal: str) -> pd.Series[Any]:
    """Return the cells of a sheet's column: as numbers where all are, or else as text."""
    if all(cell is None or isinstance(cell, int | float) for cell in cells):
        return pd.Series([None if cell is None else float(cell) for cell in cells], dtype="Float64")
    return pd.Series([None if cell is None else _as_text(cell, decimal) for cell in cells], dtype="string")


def _as_text(cell: Any, decimal: str) -> str:
    if isinstance(cell, int | float):  # booleans too: TRUE becomes 1
        return f"{float(cell):.15g}".replace(".", decimal)
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)


def _series(column: pa.ChunkedArray) -> pd.Series[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = column.cast(pa.float64()).to_pandas(types_mapper={pa.float64(): pd.Float64Dtype()}.get)
        return pd.Series(number)
    if pa.types.is_null(kind):
        return pd.Series(pd.NA, index=range(len(column)), dtype="string")
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        column = (
            column.cast(pa.string()) if pa.types.is_temporal(kind) else pa.array([str(kind)] * len(column))
        )
    return pd.Series(column.to_pandas(), dtype="string")


def _without_missing(column: pd.Series[Any], source: SourceFormat) -> pd.Series[Any]:
    """Make cells that stand for a missing value NA, and strip blanks off text."""
    if column.dtype == "string":

        def cleaned(cell: str) -> str | None:
            stripped = cell.strip()
            return None if stripped in source.missing else stripped

        return by_value(column, cleaned, "string")
    codes = [number for token in source.missing if (number := to_number(token, source.decimal)) is not None]
    missing = column.isna() | column.isin(codes).fillna(False) | (column != column).fillna(True)
    return column.mask(missing)
