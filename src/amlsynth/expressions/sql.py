"""Expressions in SQL over the columns of a table, run by DuckDB in a connection that can do nothing else.

The text is read into DuckDB's own syntax tree, of which only the kinds of nodes, functions and types listed
here pass; what runs is written from that tree, never from the text. The connection has no files, no network,
no extensions and fixed settings, and memory and time are limited. SQL's logic has three values, as the
dictionary's has: NULL is NA. All text functions take linear time (regular expressions are RE2's).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.expressions.sql_connection import MEMORY, interrupted_after, locked_connection
from amlsynth.expressions.sql_syntax import MAX_LENGTH, PythonCall, Walk, first_line, read_tree, short
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.types import BoolArray

SECONDS = 60.0  # of one evaluation

Functions = Mapping[str, Callable[..., pd.Series]]


@dataclass(frozen=True)
class SqlExpression:
    """An expression that passed the whitelist.

    Attributes
    ----------
    text : the expression as it was written.
    names : the columns it needs, in the order of their first mention.
    calls : the calls of functions that the caller brings.
    """

    text: str
    names: tuple[str, ...]
    calls: tuple[PythonCall, ...]
    _sql: str = field(repr=False)

    def evaluate(
        self, columns: Mapping[str, pd.Series] | pd.DataFrame, functions: Functions | None = None
    ) -> pd.Series:
        """Return the value for each row, as "boolean", "Float64" or "string", NULL being NA.

        Parameters
        ----------
        columns : name -> numbers, text, dates (datetime64) or truths, of one length and index.
        functions : what the calls mean: from a column, and constants, to a column.

        Raises
        ------
        UsageError
            For a name that is no column, types that do not go together, cells that cannot be converted,
            and an evaluation that takes too long or too much memory.
        """
        table, index = self._table(columns, functions or {})
        return _run(self, table, index)

    def holds(
        self, columns: Mapping[str, pd.Series] | pd.DataFrame, functions: Functions | None = None
    ) -> BoolArray:
        """Return per row whether the expression is certainly true."""
        value = self.evaluate(columns, functions)
        if value.dtype == "string":
            raise UsageError(
                f"The expression {self.text!r} is no condition: it is text. Compare it, as in x = 'a'."
            )
        if value.dtype == "Float64":
            if not value.dropna().isin([0, 1]).all():
                raise UsageError(
                    f"The expression {self.text!r} is no condition: it has numbers other than 0 and 1. "
                    "Compare it with something, as in x > 0."
                )
            value = value == 1
        return np.asarray(value.fillna(False).to_numpy(dtype=bool))

    def _table(
        self, columns: Mapping[str, pd.Series] | pd.DataFrame, functions: Functions
    ) -> tuple[pd.DataFrame, pd.Index[Any]]:
        known = [str(name) for name in columns]
        for name in self.names:
            if name not in columns:
                raise UsageError(
                    f"The expression {self.text!r} names the column {name!r}, which does not exist."
                    f"{did_you_mean(name, known)} Columns: {', '.join(known[:100])}."
                )
        index = columns[known[0]].index if known else pd.RangeIndex(0)
        table = {f"c{i}": _with_nulls(columns[name]) for i, name in enumerate(self.names)}
        for i, call in enumerate(self.calls):
            result = functions[call.function](columns[call.column], *call.arguments)
            table[f"f{i}"] = result.reset_index(drop=True)
        frame = pd.DataFrame(table, index=range(len(index)))
        return frame.assign(r=np.arange(len(index))), index


def _with_nulls(column: pd.Series) -> pd.Series:
    """Return a column whose missing numbers are NULL to DuckDB, not NaN."""
    plain = column.reset_index(drop=True)
    return plain.astype("Float64") if str(plain.dtype).startswith("float") else plain


def parse_sql(text: str, brought: tuple[str, ...] = ()) -> SqlExpression:
    """Read an expression in SQL.

    Parameters
    ----------
    text : a value expression of DuckDB's SQL, at most 4,000 characters: columns (in double quotes where they
        hold more than letters, digits and underscores), constants, comparisons, `IN`, `BETWEEN`, `IS NULL`,
        `CASE`, `CAST`, arithmetic and the functions of `FUNCTIONS`.
    brought : names of functions that the caller brings; they take a column and constant texts.

    Raises
    ------
    UsageError
        When the text is anything else; it says which part, and what to write instead where that is known.
    MissingExtraError
        duckdb is not installed.

    Examples
    --------
    >>> parse_sql("floor(x / 2) > 0").evaluate({"x": pd.Series([3.0, 1.0, None])}).tolist()
    [True, False, <NA>]
    """
    source = text.strip()
    if not source:
        raise UsageError("The expression is empty. Write one, such as AGE >= 18.")
    if len(source) > MAX_LENGTH:
        raise UsageError(
            f"The expression has {len(source):,} characters; at most {MAX_LENGTH:,} are read. Split it."
        )
    if "\x00" in source:
        raise UsageError("The expression has a zero byte. Remove it.")
    tree = read_tree(source)
    walk = Walk(source, brought)
    node = walk.checked(tree["select_list"][0], 1)
    tree["select_list"] = [node]
    statement = {"node": tree, "named_param_map": []}
    with locked_connection() as connection:
        content = json.dumps({"error": False, "statements": [statement]})
        written = connection.execute("SELECT json_deserialize_sql(?)", [content]).fetchall()[0][0]
    return SqlExpression(source, tuple(walk.names), tuple(walk.calls), str(written).removeprefix("SELECT "))


def _run(expression: SqlExpression, table: pd.DataFrame, index: pd.Index[Any]) -> pd.Series:
    import duckdb

    sql = expression._sql
    with locked_connection() as connection:
        connection.register("t", table)
        try:
            with interrupted_after(connection, SECONDS):
                # What runs is written by DuckDB from the checked tree, with names that are ours.
                described = connection.execute(f"DESCRIBE SELECT {sql} AS x FROM t").fetchall()  # noqa: S608
                wanted = _wanted_type(expression, str(described[0][1]))
                query = f"SELECT CAST({sql} AS {wanted}) AS x FROM t ORDER BY r"  # noqa: S608
                column = connection.execute(query).fetchnumpy()["x"]
        except duckdb.Error as error:
            raise UsageError(_problem(expression, error)) from error
        finally:
            connection.unregister("t")
    return _as_series(column, wanted, index)


def _wanted_type(expression: SqlExpression, kind: str) -> str:
    if kind == "BOOLEAN":
        return "BOOLEAN"
    if kind == "VARCHAR":
        return "VARCHAR"
    if kind in ("DATE", "TIMESTAMP", "INTERVAL") or kind.startswith("TIMESTAMP"):
        raise UsageError(
            f"The expression {short(expression.text)} is a {kind.lower()}, of which no variable is made. "
            "Write days_between(a, b), months_between(a, b) or age_at(birth, day)."
        )
    return "DOUBLE"


def _as_series(column: Any, wanted: str, index: pd.Index[Any]) -> pd.Series:
    missing = np.array(np.ma.getmaskarray(column))
    values = np.ma.getdata(column)
    if wanted == "VARCHAR":
        return _text(values, missing, index)
    if wanted == "BOOLEAN":
        truth = np.where(missing, False, values).astype(bool)
        return pd.Series(pd.arrays.BooleanArray(truth, missing), index=index)
    numbers = np.where(missing, 0.0, values).astype(np.float64)
    missing = missing | ~np.isfinite(numbers)
    return pd.Series(pd.arrays.FloatingArray(np.where(missing, 0.0, numbers), missing), index=index)


def _text(values: Any, missing: BoolArray, index: pd.Index[Any]) -> pd.Series:
    words = [None if gone else str(word) for word, gone in zip(values, missing, strict=True)]
    return pd.Series(words, index=index, dtype="string")


def _problem(expression: SqlExpression, error: Exception) -> str:
    """Return what is wrong without DuckDB's words on cells, which could be a patient's."""
    kind = type(error).__name__
    start = f"The expression {short(expression.text)}"
    if kind == "InterruptException":
        return f"{start} took longer than {SECONDS:g} seconds. Simplify it."
    if kind == "OutOfMemoryException":
        return f"{start} took more memory than {MEMORY}. Simplify it."
    if kind == "BinderException":
        named = first_line(error)
        for i, name in enumerate(expression.names):
            named = named.replace(f'"c{i}"', repr(name)).replace(f"c{i}", repr(name))
        return f"{start} cannot be computed: {named}."
    return (
        f"{start} meets a cell that cannot be converted or computed. Use try_cast(x AS double), "
        "number_in(x) or to_date(x, '%d.%m.%Y'), which give NA for such cells."
    )
