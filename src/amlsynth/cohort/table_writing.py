"""Typed frames written to CSV and Parquet, whole or block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a typed frame to CSV or Parquet, by the ending, atomically.

    The same frame gives the same bytes: NA is an empty cell in CSV, integers have no decimals, lines
    end in LF; Parquet carries no pandas metadata.

    Examples
    --------
    >>> from amlsynth import read_table, reference_cohort
    >>> frame = reference_cohort(n=5).frame
    >>> write_table(frame, folder / "five.parquet")
    >>> read_table(folder / "five.parquet").equals(frame)
    True
    """
    write_blocks([frame], path)


def write_blocks(blocks: Iterable[pd.DataFrame], path: Path) -> int:
    """Write typed frames, one after the other, into one file; return the number of rows.

    Only one block is held at a time. A failure, also of the iterable, leaves `path` as it was.
    """
    kind = file_kind(path)
    rows = 0
    with replacing(path) as temporary, ExitStack() as stack:
        write: Callable[[pa.Table], None] | None = None
        for block in blocks:
            table = _as_table(block)
            if write is None:
                write = (_parquet if kind == "parquet" else _csv)(temporary, table, block, stack)
            write(table)
            rows += len(block)
        if write is None:
            raise UsageError(f"{path}: there are no rows to write.")
        stack.close()  # what is buffered must be in the file before it is renamed
    return rows


def file_kind(path: Path) -> str:
    """Return "csv" or "parquet" by a path's ending; UsageError for another one."""
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise UsageError(f"{path}: the ending {ending!r} is not known. Use .csv or .parquet.")
    return ending[1:]


def _as_table(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _parquet(
    path: Path, first: pa.Table, block: pd.DataFrame, stack: ExitStack
) -> Callable[[pa.Table], None]:
    import pyarrow.parquet

    writer = pyarrow.parquet.ParquetWriter(path, first.schema, compression="zstd", version="2.6")
    stack.callback(writer.close)

    def write(table: pa.Table) -> None:
        writer.write_table(table)

    return write


def _csv(path: Path, first: pa.Table, block: pd.DataFrame, stack: ExitStack) -> Callable[[pa.Table], None]:
    import pyarrow.csv

    stream = stack.enter_context(path.open("wb"))
    # Arrow quotes every name of a header; frames have plain names, so write it here.
    stream.write((",".join(first.column_names) + "\n").encode())
    # "needed" would quote every text; without quotes Arrow refuses what needs them.
    plain = all(_is_plain(column) for column in block.columns.map(str)) and all(
        _is_plain(str(value))
        for column in block.select_dtypes("category")
        for value in block[column].cat.categories
    )
    style = "none" if plain else "needed"
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style=style)

    def write(table: pa.Table) -> None:
        pyarrow.csv.write_csv(_decoded(table), stream, options)

    return write


def _is_plain(text: str) -> bool:
    return not any(character in text for character in ',"\r\n')


def _decoded(table: pa.Table) -> pa.Table:
    """Return the table with dictionary columns as plain text, which is what CSV can hold."""
    import pyarrow as pa

    fields = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, fields, strict=True))))
