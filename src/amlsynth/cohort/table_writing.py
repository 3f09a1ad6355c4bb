"""Typed frames written to CSV and Parquet, whole or block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing
from amlsynth.foundation.frames import Table, frame_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ParquetMetadata:
    """What a Parquet file says of itself: of the table, and of each column by its name."""

    table: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def write_table(frame: Table, path: Path, metadata: ParquetMetadata | None = None) -> None:
    """Write a typed frame to CSV or Parquet, by the ending, atomically.

    The same frame gives the same bytes: NA is an empty cell in CSV, integers have no decimals, lines
    end in LF; `pandas.read_parquet` gives the types back.

    Parameters
    ----------
    frame, path : what is written where.
    metadata : what a Parquet file says of itself beside the types; a CSV file has no place for it.

    Examples
    --------
    >>> from amlsynth import read_table, reference_cohort
    >>> frame = reference_cohort(n=5).frame
    >>> write_table(frame, folder / "five.parquet")
    >>> read_table(folder / "five.parquet").equals(frame)
    True
    """
    write_blocks([frame_of(frame)], path, metadata)


def describe_parquet(path: Path, metadata: ParquetMetadata) -> None:
    """Write what a Parquet file says of itself anew, to the bytes that `write_table` gives."""
    import pyarrow.parquet

    table = _described(pyarrow.parquet.read_table(path), metadata)
    with replacing(path) as temporary, ExitStack() as stack:
        _parquet(temporary, table.schema, stack)(table)


def write_blocks(blocks: Iterable[pd.DataFrame], path: Path, metadata: ParquetMetadata | None = None) -> int:
    """Write typed frames, one after the other, into one file; return the number of rows.

    Only one block is held at a time. A failure, also of the iterable, leaves `path` as it was.
    """
    kind = file_kind(path)
    rows = 0
    with replacing(path) as temporary, ExitStack() as stack:
        write: Callable[[pa.Table], None] | None = None
        for block in blocks:
            table = _as_table(block, metadata)
            if write is None:
                write = (
                    _parquet(temporary, table.schema, stack)
                    if kind == "parquet"
                    else _csv(temporary, table, block, stack)
                )
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


def _as_table(frame: pd.DataFrame, metadata: ParquetMetadata | None) -> pa.Table:
    """Return a table with the types that pandas reads back, and `metadata`."""
    import pyarrow as pa

    plain = frame.copy(deep=False)
    plain.attrs = {}  # where a frame was loaded from is no property of the file
    table = pa.Table.from_pandas(plain, preserve_index=False)
    return table if metadata is None else _described(table, metadata)


def _described(table: pa.Table, metadata: ParquetMetadata) -> pa.Table:
    """Return a table that says of itself what `metadata` does, beside what pandas needs."""
    import pyarrow as pa

    fields = [column.with_metadata(metadata.columns.get(column.name) or None) for column in table.schema]
    pandas = {key: text for key, text in (table.schema.metadata or {}).items() if key == b"pandas"}
    return table.cast(pa.schema(fields, {**pandas, **metadata.table}))


def _parquet(path: Path, schema: pa.Schema, stack: ExitStack) -> Callable[[pa.Table], None]:
    import pyarrow.parquet

    writer = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", version="2.6")
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
