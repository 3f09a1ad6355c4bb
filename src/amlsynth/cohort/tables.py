"""Tables read and written: CSV and Parquet to the typed frame and back.

The typed frame has the dictionary's columns in its order; integers are Int16, numbers Float64,
tri-state variables and statuses Int8, categories pandas categoricals, and NA is NA, never NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from amlsynth.cohort.failures import Failures
from amlsynth.cohort.table_writing import file_kind, write_blocks, write_table
from amlsynth.cohort.written_under import check_dictionary
from amlsynth.dictionary.model import Dictionary, Variable, dictionary, dictionary_of
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.frames import Table, frame_of
from amlsynth.foundation.parquet import check_footer
from amlsynth.foundation.types import FloatArray

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "TIME_DECIMALS",
    "ParsedTable",
    "parse_table",
    "read_table",
    "to_typed",
    "type_frame",
    "write_blocks",
    "write_table",
]

TIME_DECIMALS = 6  # of months, 2.6 seconds: so that a gap between two times loses nothing


@dataclass(frozen=True)
class ParsedTable:
    """A typed frame and the cells that could not be typed; those are NA in the frame."""

    frame: pd.DataFrame
    failures: Failures


def read_table(path: Path, d: Dictionary | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file, by its ending, into the typed frame.

    Raises
    ------
    UsageError
        The file is not there, or its ending is neither .csv nor .parquet.
    DataError
        The file is damaged, empty, in another encoding, or has columns or cells that the dictionary
        does not know; the message names them.

    Examples
    --------
    >>> from amlsynth import reference_cohort, write_table
    >>> write_table(reference_cohort(n=3).frame, folder / "three.csv")
    >>> frame = read_table(folder / "three.csv")
    >>> len(frame), frame["AGE"].dtype
    (3, Int16Dtype())
    """
    parsed = parse_table(path, d)
    parsed.failures.raise_if_any(str(path))
    return parsed.frame


def to_typed(frame: Table, d: Dictionary | None = None, source: str = "the table") -> pd.DataFrame:
    """Cast a frame of plain columns (text, objects, floats) to the typed frame.

    Raises
    ------
    DataError
        Missing or unknown columns, or cells that are not of their column's type.

    Examples
    --------
    >>> import pandas as pd
    >>> from amlsynth import dictionary
    >>> row = dict.fromkeys(dictionary().names) | {"AGE": "63", "NPM1": "1"}
    >>> frame = to_typed(pd.DataFrame([row]))
    >>> frame["NPM1"].dtype, int(frame["AGE"].iloc[0])
    (Int8Dtype(), 63)
    """
    parsed = type_frame(frame_of(frame), dictionary_of(frame, d), source)
    parsed.failures.raise_if_any(source)
    return parsed.frame


def parse_table(path: Path, d: Dictionary | None = None) -> ParsedTable:
    """Read a file as `read_table` does, but return cells of a wrong type as failures."""
    d = d or dictionary()
    frame = read_raw(path, d)
    check_dictionary(Path(path), [str(name) for name in frame.columns], d)
    return type_frame(frame, d, str(path))


def type_frame(frame: pd.DataFrame, d: Dictionary | None = None, source: str = "the table") -> ParsedTable:
    """Cast a frame as `to_typed` does, but return cells of a wrong type as failures."""
    d = d or dictionary()
    check_columns([str(name) for name in frame.columns], d, source)
    if len(frame) == 0:
        raise DataError(f"{source}: there are no patients in it. Check that the right file was named.")
    failures = Failures()
    try:
        columns = {v.name: _typed_column(frame[v.name], v, d, failures) for v in d.variables}
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    return ParsedTable(pd.DataFrame(columns).reset_index(drop=True), failures)


def read_raw(path: Path, d: Dictionary) -> pd.DataFrame:
    """Read a file with the dictionary's types where they fit, or else as text."""
    import pyarrow as pa

    path = Path(path)
    kind = file_kind(path)
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file. Check the path.")
    if kind == "parquet":
        check_columns(check_footer(path), d, str(path))  # before a value is read
    try:
        table = _read_parquet(path) if kind == "parquet" else _read_csv(path, d)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, OSError) as error:
        # Arrow's own message can hold a row of the file, so it is not passed on.
        raise DataError(
            f"{path}: not a readable {'Parquet' if kind == 'parquet' else 'CSV'} file; it is damaged, "
            "truncated or of another format. Export it again."
        ) from error
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: the column {twice[0]!r} stands twice. Remove one of the two.")
    nullable = {pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.float64(): pd.Float64Dtype()}
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=nullable.get, self_destruct=True, split_blocks=True, ignore_metadata=True
    )
    return frame


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet

    # The dictionary gives the types. What the file's schema tells pandas is anything, in a file from outside.
    return pyarrow.parquet.read_table(path, memory_map=False).replace_schema_metadata(None)


def _read_csv(path: Path, d: Dictionary) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv

    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty. Export the table again.")
    arrow = {"integer": pa.int16(), "number": pa.float64(), "tri-state": pa.int8(), "status": pa.int8()}
    wanted = {v.name: arrow.get(v.type, pa.dictionary(pa.int32(), pa.string())) for v in d.variables}
    try:
        return _arrow_csv(path, d, wanted, None)
    except pa.ArrowInvalid:
        pass  # a cell of another type, a row of another length or another encoding: look closely
    _check_encoding(path)
    ragged: list[tuple[int, int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    table = _arrow_csv(path, d, {v.name: pa.string() for v in d.variables}, note)
    if ragged:
        line, found, expected = ragged[0]
        more = f" ({len(ragged)} such lines in all)" if len(ragged) > 1 else ""
        raise DataError(
            f"{path}: line {line} has {found} cells where the header has {expected} columns{more}. "
            "Check for missing or unquoted commas."
        )
    return table


def _arrow_csv(path: Path, d: Dictionary, types: dict[str, Any], note: Any) -> pa.Table:
    import pyarrow.csv

    return pyarrow.csv.read_csv(
        path,
        # Row numbers of bad lines are known only when one thread reads.
        pyarrow.csv.ReadOptions(use_threads=note is None),
        pyarrow.csv.ParseOptions(invalid_row_handler=note),
        pyarrow.csv.ConvertOptions(
            column_types=types, null_values=list(d.missing_values), strings_can_be_null=True
        ),
    )


def _check_encoding(path: Path) -> None:
    line = 0
    with path.open("rb") as stream:
        for line, content in enumerate(stream, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}: line {line} is not UTF-8 (byte {error.start + 1} of the line). "
                    "Save the file as UTF-8."
                ) from error


def check_columns(found: list[str], d: Dictionary, source: str) -> None:
    """Refuse a table that lacks columns or has others; DataError that names them."""
    if len(found) == 1 and any(sign in found[0] for sign in ";\t"):
        sign = "a semicolon" if ";" in found[0] else "a tab"
        raise DataError(
            f"{source}: the columns are separated by {sign}. Save it with commas, or import it with a "
            "mapping that names the delimiter."
        )
    unknown = [name for name in found if name not in d]
    missing = [name for name in d.names if name not in found]
    sentences = []
    if unknown:
        hints = "".join(did_you_mean(name, missing) for name in unknown[:1])
        sentences.append(
            f"{source}: unknown column{'s' if len(unknown) > 1 else ''} {_listed(unknown)}.{hints} "
            "Rename or remove what the dictionary does not know."
        )
    if missing:
        sentences.append(
            f"{source}: missing column{'s' if len(missing) > 1 else ''} {_listed(missing)}. "
            "Add what was not assessed as an empty column."
        )
    if sentences:
        raise DataError("\n".join(sentences))


def _listed(names: list[str], most: int = 10) -> str:
    shown = ", ".join(repr(name if len(name) <= 40 else name[:40] + "...") for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _typed_column(column: pd.Series, variable: Variable, d: Dictionary, failures: Failures) -> pd.Series:
    if column.dtype == variable.dtype and (
        # Unordered categoricals are equal in any order; here the order is the dictionary's.
        variable.type != "category" or tuple(column.cat.categories) == variable.values
    ):
        typed = column
    elif variable.type == "category":
        typed = _as_category(column, variable, d, failures)
    else:
        typed = _as_number(column, variable, d, failures)
    if typed.dtype == "Float64":
        typed = _without_nan(typed)
        if variable.unit == "months":
            typed = typed.round(TIME_DECIMALS)
    return typed


def _without_nan(column: pd.Series) -> pd.Series:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(_floating(values), index=column.index, name=column.name)


def _floating(values: FloatArray) -> pd.arrays.FloatingArray:
    return pd.arrays.FloatingArray(values, np.isnan(values))


def _as_text(column: pd.Series, variable: Variable) -> pd.Series:
    try:
        return column.astype("string")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the column {variable.name} holds bytes that are not UTF-8 text. Export it as text or numbers."
        ) from error


def _as_category(column: pd.Series, variable: Variable, d: Dictionary, failures: Failures) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        # A few categories stand for many rows: look at those alone.
        names = [str(name) for name in column.cat.categories]
        known_as = {value: code for code, value in enumerate(variable.values)}
        codes = np.array([*(known_as.get(name, -1) for name in names), -1], dtype=np.int8)
        typed = pd.Categorical.from_codes(codes[column.cat.codes], dtype=variable.dtype)
        named = np.array([*(name not in d.missing_values for name in names), False], dtype=bool)
        given = named[column.cat.codes]
    else:
        text = _as_text(column, variable)
        given = (text.notna() & ~text.isin(d.missing_values)).to_numpy(dtype=bool)
        typed = pd.Categorical(text.astype(object).where(given, None), dtype=variable.dtype)
    wrong = given & (typed.codes < 0)
    if wrong.any():
        known = ", ".join(repr(value) for value in variable.values)
        failures.add("value_known", variable.name, wrong, column, "error", f"must be one of {known} or empty")
    return pd.Series(typed, index=column.index, name=column.name)


def _as_number(column: pd.Series, variable: Variable, d: Dictionary, failures: Failures) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype) or not (
        pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    ):
        text = _as_text(column, variable)
        text = text.mask(text.isin(d.missing_values))
        numbers = pd.to_numeric(text.replace({"True": "1", "False": "0"}), errors="coerce")
        given = text.notna().to_numpy(dtype=bool)
    else:
        numbers = column
        given = column.notna().to_numpy(dtype=bool)
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = given & np.isnan(values)
    if variable.type == "number":
        failures.add("type", variable.name, wrong, column, "error", "must be a number or empty")
        return pd.Series(_floating(values), index=column.index, name=column.name)
    wrong |= given & ((values != np.round(values)) | np.isinf(values))
    whole = "a whole number" if variable.type == "integer" else "1, 0"
    failures.add("type", variable.name, wrong, column, "error", f"must be {whole} or empty")
    info = np.iinfo(np.int16 if variable.type == "integer" else np.int8)
    # What the dtype cannot hold cannot wait for the range check, so it is reported here.
    outside = given & ~wrong & ((values < info.min) | (values > info.max))
    failures.add("range", variable.name, outside, column, "error", "is outside the range of the dictionary")
    missing = wrong | outside | np.isnan(values)
    typed = pd.arrays.IntegerArray(np.where(missing, 1, values).astype(info.dtype), missing)
    return pd.Series(typed, index=column.index, name=column.name)
