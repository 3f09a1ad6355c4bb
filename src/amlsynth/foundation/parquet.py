"""Parquet files from outside: their footer is checked, and a process with little memory reads them first.

A few hundred bytes can stand for any number of rows or for strings of any length, and a damaged file can stop
the process that reads it. The footer tells names, types and rows before a value is read; what only reading
shows is found out by a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import sha256

_MAX_FOOTER = 20_000_000  # bytes; that of 60 columns has some 20,000
_MAX_COLUMNS = 10_000
_MAX_LENGTH = 10_000  # characters of a cell
_BASE_MEMORY = 256 << 20  # bytes for a process that reads a small table, over what its libraries take
_CELL_MEMORY = 24  # bytes of a cell, at most
_BASE_TIME = 30.0  # seconds
_CELLS_A_SECOND = 2_000_000
_read_before: set[tuple[str, int, int]] = set()  # what could be read here: SHA-256, columns, rows

# Arguments: path, bytes of memory, seconds, longest text. Exit code 0: readable within these.
_READER = """
import os, sys
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
import pyarrow as pa, pyarrow.parquet as pq
path, memory, seconds, longest = sys.argv[1], *map(int, sys.argv[2:])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass
pa.set_cpu_count(1)
with pq.ParquetFile(path, memory_map=False) as opened:
    table = opened.read(use_threads=False)
for column in table.columns:
    for part in column.chunks:
        part.validate(full=True)
        values = part.dictionary if pa.types.is_dictionary(part.type) else part
        text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
        if text and values.nbytes > longest:  # few columns of a cohort: its import takes time
            import pyarrow.compute as pc
            if (pc.max(pc.binary_length(values)).as_py() or 0) > longest:
                os._exit(3)
os._exit(0)
"""


def check_footer(path: Path, rows: int | None = None) -> list[str]:
    """Check what a Parquet file says of itself, and return the names of its columns.

    Parameters
    ----------
    path : the file.
    rows : how many rows it must have; None for any.

    Raises
    ------
    DataError
        It is no Parquet file, or has other rows, or a column that is a list, a map, a structure
        or of a type that no table of a cohort has.
    """
    import pyarrow as pa
    import pyarrow.parquet

    damaged = DataError(
        f"{path}: not a readable Parquet file; it is damaged, truncated or of another format. "
        "Export it again."
    )
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 8))
            tail = stream.read(8)
        length = int.from_bytes(tail[:4], "little")
        if size < 12 or tail[4:] != b"PAR1" or not 0 < length <= min(size - 8, _MAX_FOOTER):
            raise damaged
        limits = {"thrift_string_size_limit": _MAX_FOOTER, "thrift_container_size_limit": 1_000_000}
        with pyarrow.parquet.ParquetFile(path, memory_map=False, **limits) as opened:
            found, schema = opened.metadata, opened.schema_arrow
            parts = map(found.schema.column, range(min(found.num_columns, _MAX_COLUMNS)))
            nested = any(part.max_repetition_level or part.max_definition_level > 1 for part in parts)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged from error
    if found.num_columns > _MAX_COLUMNS or found.num_columns != len(schema.names) or nested:
        raise DataError(
            f"{path}: it has columns that are lists, maps or structures, or too many. Export it flat."
        )
    for field in schema:
        if not _is_expected(field.type):
            raise DataError(
                f"{path}: the column {field.name[:40]!r} holds neither numbers nor text. Export it as one."
            )
    if rows is not None and found.num_rows != rows:
        raise DataError(f"{path}: it has {found.num_rows:,} rows where {rows:,} were expected.")
    return list(schema.names)


def try_reading(path: Path, columns: int, rows: int) -> None:
    """Read a Parquet file in a process of its own, with no more memory and time than its table needs.

    The process takes half a second, so that what it could read is remembered by its bytes: a release is
    verified several times on its way.

    Raises
    ------
    DataError
        The file cannot be read so.
    """
    content = (sha256(path), columns, rows)
    if not sys.executable or content in _read_before:  # without one Python is within another program
        return
    cells = max(1, columns * rows)
    memory, seconds = _BASE_MEMORY + cells * _CELL_MEMORY, _BASE_TIME + cells / _CELLS_A_SECOND
    numbers = [str(int(number)) for number in (memory, seconds, _MAX_LENGTH)]
    try:
        done = subprocess.run(
            # -P: nothing is imported from the current folder
            [sys.executable, "-P", "-c", _READER, str(path), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2 * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        code = -1
    else:
        code = done.returncode
    if code == 0:
        _read_before.add(content)
        return
    why = (
        f"it has cells of more than {_MAX_LENGTH:,} bytes"
        if code == 3
        else (f"it cannot be read in {memory >> 20:,} MB of memory and {seconds:.0f} s, or is damaged")
    )
    raise DataError(f"{path}: not a table of {rows:,} rows that can be used: {why}. Get the file again.")


def _is_expected(kind: Any) -> bool:
    import pyarrow as pa

    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    return any(is_one(values) for is_one in (*plain, pa.types.is_string, pa.types.is_large_string))
