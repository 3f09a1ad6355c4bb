"""Typed frames: read without the dictionary when it is known that they fit it, and given in other types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary

FrameKind = Literal["pandas", "polars", "pyarrow"]
_THREADS_PAY = 4_000_000  # bytes of a Parquet file, some 100,000 patients
KINDS: tuple[FrameKind, ...] = ("pandas", "polars", "pyarrow")


def check_kind(kind: str) -> None:
    """Refuse a kind of frame that is not known, or whose package is not installed."""
    if kind not in KINDS:
        raise UsageError(f"as_={kind!r} is not known.{did_you_mean(kind, KINDS)} Use {', '.join(KINDS)}.")
    if kind == "polars":
        require_extra("polars", "polars", "A polars frame")


def converted(frame: pd.DataFrame, kind: FrameKind) -> Any:
    """Return a typed frame as what was asked for: a pandas or polars DataFrame, or a pyarrow Table.

    Polars and pyarrow get integers of 8 and 16 bits, doubles, and dictionary-encoded texts, with null
    for NA. `attrs` goes with pandas and, as text, with the metadata of the pyarrow schema.
    """
    if kind == "pandas":
        return frame
    import pyarrow as pa

    polars = require_extra("polars", "polars", "A polars frame") if kind == "polars" else None
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if polars is not None:
        return polars.from_arrow(table.replace_schema_metadata(None))
    known = {key: str(value) for key, value in frame.attrs.items() if value is not None}
    return table.replace_schema_metadata(known)


def layout(d: Dictionary) -> list[list[Any]]:
    """Return names and types of the typed frame as plain data: a dtype's name, or the categories."""
    return [[v.name, list(v.values) if v.type == "category" else str(v.dtype)] for v in d.variables]


def read_plain(content: bytes, columns: list[list[Any]]) -> pd.DataFrame | None:
    """Read the bytes of a Parquet file that `write_table` wrote, without the dictionary.

    Parameters
    ----------
    content : the file's bytes.
    columns : what `layout` returned.

    Returns
    -------
    DataFrame of shape (patients, columns), None when the file is not exactly of this layout.
    """
    import pyarrow as pa
    import pyarrow.parquet

    nullable = {pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.float64(): pd.Float64Dtype()}
    # Threads do not pay for a few rows, and a process that ends just after Arrow started some can abort.
    many = len(content) > _THREADS_PAY
    with pyarrow.parquet.ParquetFile(pa.BufferReader(content), pre_buffer=False) as opened:
        table = opened.read(use_threads=many).replace_schema_metadata(None)  # of which pandas would read some
    if table.column_names != [name for name, _ in columns]:
        return None
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=nullable.get,
        self_destruct=True,
        split_blocks=True,
        use_threads=many,
        ignore_metadata=True,
    )
    for name, kind in columns:
        column = frame[name]
        if isinstance(kind, str):
            if column.dtype != kind:
                return None
        elif not isinstance(column.dtype, pd.CategoricalDtype) or set(column.cat.categories) - set(kind):
            return None
        elif list(column.cat.categories) != kind or column.cat.ordered:
            frame[name] = column.cat.set_categories(kind, ordered=False)
    return frame
