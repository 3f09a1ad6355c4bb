"""The one connection in which SQL is run: in memory, locked, with the mappings' own functions as macros."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from amlsynth.foundation.errors import require_extra

MEMORY = "1GB"
# What the mappings' own functions are in SQL. A month is that of the dictionary.
_MACROS = (
    "days_between(a, b) AS date_diff('day', CAST(a AS DATE), CAST(b AS DATE))",
    "months_between(a, b) AS date_diff('day', CAST(a AS DATE), CAST(b AS DATE)) / 30.4375",
    "age_at(birth, d) AS date_sub('year', CAST(birth AS DATE), CAST(d AS DATE))",
    "to_date(t, f) AS CAST(try_strptime(t, f) AS DATE)",
    "number_in(t) AS TRY_CAST(replace("
    "regexp_extract(CAST(t AS VARCHAR), '[-+]?[0-9]+(?:[.,][0-9]+)?'), ',', '.') AS DOUBLE)",
    "matches(t, p) AS regexp_matches(t, p)",
    "strip(t) AS trim(t)",
    "is_na(x) AS (x IS NULL)",
    "if_else(c, a, b) AS CASE WHEN c THEN a WHEN NOT c THEN b END",
)
OWN_FUNCTIONS = tuple(macro.split("(")[0] for macro in _MACROS)


@cache
def _database() -> Any:
    """Return the one database in memory: locked, with the macros."""
    duckdb = require_extra("import", "duckdb", "An expression in SQL")
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": MEMORY,
            "max_temp_directory_size": "0KB",
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        },
    )
    for macro in _MACROS:
        connection.execute(f"CREATE MACRO {macro}").fetchall()
    connection.execute("SET lock_configuration = true").fetchall()
    return connection


_LOCK = threading.Lock()


@contextmanager
def locked_connection() -> Iterator[Any]:
    with _LOCK:  # one table at a time is registered
        yield _database()


@contextmanager
def interrupted_after(connection: Any, seconds: float) -> Iterator[None]:
    """Interrupt what the connection runs in this block when the time is over, and again until it ends.

    Once would not do: between two queries an interrupt is lost.
    """
    ended = threading.Event()

    def watch() -> None:
        over = ended.wait(seconds)
        while not over:
            connection.interrupt()
            over = ended.wait(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
