"""Expressions in SQL over the columns of a table, run by DuckDB in a connection that can do nothing else.

The text is read into DuckDB's own syntax tree, of which only the kinds of nodes, functions and types listed
here pass; what runs is written from that tree, never from the text. The connection has no files, no network,
no extensions and fixed settings, and memory and time are limited. SQL's logic has three values, as the
dictionary's has: NULL is NA. All text functions take linear time (regular expressions are RE2's).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra

MAX_LENGTH = 4000  # characters
MAX_DEPTH = 100  # nested parts
SECONDS = 60.0  # of one evaluation
_MEMORY = "1GB"
_LONGEST_REPLACEMENT = 100  # characters of text that no function may repeat

# What the mappings' own functions are in SQL. A month is that of the dictionary.
_MACROS = (
    "days_between(a, b) AS date_diff('day', CAST(a AS DATE), CAST(b AS DATE))",
    "months_between(a, b) AS date_diff('day', CAST(a AS DATE), CAST(b AS DATE)) / 30.4375",
    "age_at(birth, d) AS date_sub('year', CAST(birth AS DATE), CAST(d AS DATE))",
    "to_date(t, f) AS CAST(try_strptime(t, f) AS DATE)",
    "number_in(t) AS TRY_CAST(replace(regexp_extract(t, '[-+]?[0-9]+(?:[.,][0-9]+)?'), ',', '.') AS DOUBLE)",
    "matches(t, p) AS regexp_matches(t, p)",
    "strip(t) AS trim(t)",
    "is_na(x) AS (x IS NULL)",
    "if_else(c, a, b) AS CASE WHEN c THEN a WHEN NOT c THEN b END",
)
OWN_FUNCTIONS = tuple(macro.split("(")[0] for macro in _MACROS)
FUNCTIONS = frozenset(
    """abs floor ceil ceiling round trunc ln log10 exp sqrt greatest least lower upper trim ltrim rtrim length
    substr substring left right split_part concat contains starts_with ends_with prefix suffix strip_accents
    replace regexp_matches regexp_full_match regexp_extract try_strptime strptime date_diff datediff date_sub
    datesub date_trunc date_part year month day make_date to_days to_months to_years nullif""".split()  # noqa: SIM905
).union(OWN_FUNCTIONS)
_OPERATORS = frozenset(("+", "-", "*", "/", "//", "%", "||"))
_NODES = {  # class -> types, None for all
    "CASE": None,
    "BETWEEN": None,
    "CONSTANT": None,
    "COMPARISON": None,
    "CONJUNCTION": None,
    "OPERATOR": {
        "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "COMPARE_IN",
        "COMPARE_NOT_IN", "OPERATOR_NULLIF",
    },
}  # fmt: skip
_TYPES = frozenset(
    ("boolean", "bool", "tinyint", "smallint", "integer", "int", "bigint", "double", "float", "real")
).union(("varchar", "text", "string", "date", "timestamp"))
_HINTS = {
    "min": "write least(a, b), which takes the least of those that are known",
    "max": "write greatest(a, b), which takes the greatest of those that are known",
    "log": "write ln(x) for the natural logarithm or log10(x)",
    "first_known": "write coalesce(a, b)",
    "any_of": "write a OR b",
    "~~": "write contains(x, 'text') or matches(x, 'pattern') for LIKE",
    "!~~": "write NOT contains(x, 'text') for NOT LIKE",
    "~~*": "write contains(lower(x), 'text') for ILIKE",
}
Functions = Mapping[str, Callable[..., pd.Series]]


@dataclass(frozen=True)
class PythonCall:
    """A call of a function that the caller brings: its name, its column, its constant arguments."""

    function: str
    column: str
    arguments: tuple[str, ...]


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
    ) -> npt.NDArray[np.bool_]:
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
                    "Compare "
                    "it with something, as in x > 0."
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
    tree = _tree(source)
    walk = _Walk(source, brought)
    node = walk.checked(tree["select_list"][0], 1)
    tree["select_list"] = [node]
    statement = {"node": tree, "named_param_map": []}
    with _connection() as connection:
        content = json.dumps({"error": False, "statements": [statement]})
        written = connection.execute("SELECT json_deserialize_sql(?)", [content]).fetchall()[0][0]
    return SqlExpression(source, tuple(walk.names), tuple(walk.calls), str(written).removeprefix("SELECT "))


def _tree(source: str) -> dict[str, Any]:
    """Return the syntax tree of one expression: a select list of one, from nothing, with nothing after it."""
    import duckdb

    with _connection() as connection:
        try:
            text = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {source}"]).fetchall()[0][0]
        except duckdb.Error as error:
            raise UsageError(f"The expression {_short(source)} is not SQL: {_first_line(error)}.") from error
    read = json.loads(text)
    if read.get("error"):
        problem = (
            str(read.get("error_message", "")).splitlines()[0] if read.get("error_message") else "unknown"
        )
        raise UsageError(f"The expression {_short(source)} is not SQL: {problem.rstrip('.')}.")
    statements = read["statements"]
    node = statements[0]["node"] if statements else {}
    alone = (
        len(statements) == 1
        and not statements[0].get("named_param_map")
        and node.get("type") == "SELECT_NODE"
        and len(node.get("select_list", ())) == 1
        and node["select_list"][0].get("alias", "") == ""
        and node["from_table"]["type"] == "EMPTY"
        and not node["cte_map"]["map"]
        and node.get("aggregate_handling") == "STANDARD_HANDLING"
        and not any(
            node.get(key)
            for key in (
                "modifiers",
                "where_clause",
                "group_expressions",
                "group_sets",
                "having",
                "sample",
                "qualify",
            )
        )
    )
    if not alone:
        raise UsageError(
            f"The expression {_short(source)} is more than one value expression. Write one, without "
            "SELECT, FROM, "
            "WHERE, AS and semicolons."
        )
    return dict(node)


class _Walk:
    """The walk over the tree: what is not listed is refused, and columns get names that mean nothing."""

    def __init__(self, source: str, brought: tuple[str, ...]) -> None:
        self.source, self.brought = source, brought
        self.names: dict[str, None] = {}
        self.calls: list[PythonCall] = []

    def checked(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            self._fail(node, f"parts are nested more than {MAX_DEPTH} deep. Split it")
        kind, form = node.get("class"), node.get("type")
        if kind == "COLUMN_REF":
            return self._column(".".join(node["column_names"]), node)
        if kind == "FUNCTION":
            return self._function(node, depth)
        if kind == "CAST":
            name = str(node["type_expr"].get("type_name", "")).lower()
            if name not in _TYPES or node["type_expr"].get("children"):
                self._fail(node, f"the type {name} cannot be used. Types: {', '.join(sorted(_TYPES))}")
            return node | {"child": self.checked(node["child"], depth + 1)}
        if kind not in _NODES or (_NODES[kind] is not None and form not in (_NODES[kind] or ())):
            self._fail(node, f"{str(form or kind).replace('_', ' ').lower()} cannot be used in an expression")
        return {key: self._part(value, depth) for key, value in node.items()}

    def _part(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            if "class" in value:
                return self.checked(value, depth + 1)
            return {key: self._part(part, depth) for key, part in value.items()}
        return [self._part(part, depth) for part in value] if isinstance(value, list) else value

    def _column(self, name: str, node: dict[str, Any], call: PythonCall | None = None) -> dict[str, Any]:
        self.names.setdefault(name)
        shown = f"c{list(self.names).index(name)}"
        if call is not None:
            self.calls.append(call)
            shown = f"f{len(self.calls) - 1}"
        plain = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [shown]}
        return plain | {key: node[key] for key in ("query_location", "query_location_length") if key in node}

    def _function(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        name = str(node["function_name"]).lower()
        arguments = [argument["expression"] for argument in node["arguments"]]
        odd = any(node.get(key) for key in ("schema", "catalog", "filter", "distinct", "export_state"))
        odd = odd or bool((node.get("order_bys") or {}).get("orders"))
        odd = odd or len((node.get("qualified_name") or {"path": [name]})["path"]) != 1
        if name in self.brought and not odd:
            return self._brought(name, arguments, node)
        allowed = _OPERATORS if node.get("is_operator") else FUNCTIONS
        if odd or name not in allowed:
            hint = _HINTS.get(name) or did_you_mean(name, FUNCTIONS).strip().rstrip("?")
            self._fail(node, f"{name} cannot be used{f': {hint}' if hint else ''}")
        if name == "replace" and not _shrinks(arguments):
            self._fail(node, "replace takes two texts in quotes, the second no longer than the first")
        if name.startswith("regexp") or name == "matches":
            self._check_pattern(node, arguments)
        parts = [
            argument | {"expression": self.checked(argument["expression"], depth + 1)}
            for argument in node["arguments"]
        ]
        return node | {"arguments": parts}

    def _brought(self, name: str, arguments: list[dict[str, Any]], node: dict[str, Any]) -> dict[str, Any]:
        constants = [_constant_text(argument) for argument in arguments[1:]]
        if not arguments or arguments[0].get("class") != "COLUMN_REF" or None in constants:
            self._fail(node, f"{name} takes a column, and texts in quotes")
        column = ".".join(arguments[0]["column_names"])
        call = PythonCall(name, column, tuple(str(text) for text in constants))
        return self._column(column, node, call)

    def _check_pattern(self, node: dict[str, Any], arguments: list[dict[str, Any]]) -> None:
        if len(arguments) < 2 or _constant_text(arguments[1]) is None:
            self._fail(node, "the pattern is a text in quotes")

    def _fail(self, node: dict[str, Any], problem: str) -> None:
        start = node.get("query_location", 0) - len("SELECT ")
        length = node.get("query_location_length", 0) or 1
        raw = self.source.encode()
        inside = 0 <= start < len(raw)
        word = raw[start : start + length].decode(errors="replace")[:40] if inside else ""
        where = f" at character {start + 1} ({word!r})" if inside else ""
        raise UsageError(f"The expression {_short(self.source)} is wrong{where}: {problem}.")


def _shrinks(arguments: list[dict[str, Any]]) -> bool:
    texts = [_constant_text(argument) for argument in arguments[1:]]
    if len(texts) != 2 or texts[0] is None or texts[1] is None:
        return False
    return len(texts[0]) > 0 and len(texts[1]) <= len(texts[0]) <= _LONGEST_REPLACEMENT


def _constant_text(node: dict[str, Any]) -> str | None:
    literal = node.get("literal") if node.get("class") == "CONSTANT" else None
    return str(literal["text"]) if literal and literal.get("kind") == "STRING" else None


@cache
def _database() -> Any:
    """Return the one database in memory: locked, with the macros."""
    duckdb = require_extra("import", "duckdb", "An expression in SQL")
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": _MEMORY,
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
def _connection() -> Iterator[Any]:
    with _LOCK:  # one table at a time is registered
        yield _database()


def _run(expression: SqlExpression, table: pd.DataFrame, index: pd.Index[Any]) -> pd.Series:
    import duckdb

    sql = expression._sql
    with _connection() as connection:
        connection.register("t", table)
        try:
            with _interrupted_after(connection, SECONDS):
                # What runs is written by DuckDB from the checked tree, with names that are ours.
                described = connection.execute(f"DESCRIBE SELECT {sql} AS x FROM t").fetchall()  # noqa: S608
                wanted = _wanted_type(expression, str(described[0][1]))
                query = f"SELECT CAST({sql} AS {wanted}) AS x FROM t ORDER BY r"  # noqa: S608
                found = connection.execute(query).fetchnumpy()["x"]
        except duckdb.Error as error:
            raise UsageError(_problem(expression, error)) from error
        finally:
            connection.unregister("t")
    return _as_series(found, wanted, index)


@contextmanager
def _interrupted_after(connection: Any, seconds: float) -> Iterator[None]:
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


def _wanted_type(expression: SqlExpression, kind: str) -> str:
    if kind == "BOOLEAN":
        return "BOOLEAN"
    if kind == "VARCHAR":
        return "VARCHAR"
    if kind in ("DATE", "TIMESTAMP", "INTERVAL") or kind.startswith("TIMESTAMP"):
        raise UsageError(
            f"The expression {_short(expression.text)} is a {kind.lower()}, of which no variable is "
            "made. Write "
            "days_between(a, b), months_between(a, b) or age_at(birth, day)."
        )
    return "DOUBLE"


def _as_series(found: Any, wanted: str, index: pd.Index[Any]) -> pd.Series:
    missing = np.array(np.ma.getmaskarray(found))
    values = np.ma.getdata(found)
    if wanted == "VARCHAR":
        return _text(values, missing, index)
    if wanted == "BOOLEAN":
        truth = np.where(missing, False, values).astype(bool)
        return pd.Series(pd.arrays.BooleanArray(truth, missing), index=index)
    numbers = np.where(missing, 0.0, values).astype(np.float64)
    missing = missing | ~np.isfinite(numbers)
    return pd.Series(pd.arrays.FloatingArray(np.where(missing, 0.0, numbers), missing), index=index)


def _text(values: Any, missing: npt.NDArray[np.bool_], index: pd.Index[Any]) -> pd.Series:
    words = [None if gone else str(word) for word, gone in zip(values, missing, strict=True)]
    return pd.Series(words, index=index, dtype="string")


def _problem(expression: SqlExpression, error: Exception) -> str:
    """Return what is wrong without DuckDB's words on cells, which could be a patient's."""
    kind = type(error).__name__
    start = f"The expression {_short(expression.text)}"
    if kind == "InterruptException":
        return f"{start} took longer than {SECONDS:g} seconds. Simplify it."
    if kind == "OutOfMemoryException":
        return f"{start} took more memory than {_MEMORY}. Simplify it."
    if kind == "BinderException":
        named = _first_line(error)
        for i, name in enumerate(expression.names):
            named = named.replace(f'"c{i}"', repr(name)).replace(f"c{i}", repr(name))
        return f"{start} cannot be computed: {named}."
    return (
        f"{start} meets a cell that cannot be converted or computed. Use try_cast(x AS double), "
        "number_in(x) or "
        "to_date(x, '%d.%m.%Y'), which give NA for such cells."
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
