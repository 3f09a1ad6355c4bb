"""The syntax of expressions in SQL: DuckDB's tree, of which only what is listed here passes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from amlsynth.expressions.sql_connection import OWN_FUNCTIONS, locked_connection
from amlsynth.foundation.errors import UsageError, did_you_mean

MAX_LENGTH = 4000  # characters
MAX_DEPTH = 100  # nested parts
_LONGEST_REPLACEMENT = 100  # characters of text that no function may repeat
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


@dataclass(frozen=True)
class PythonCall:
    """A call of a function that the caller brings: its name, its column, its constant arguments."""

    function: str
    column: str
    arguments: tuple[str, ...]


def read_tree(source: str) -> dict[str, Any]:
    """Return the syntax tree of one expression: a select list of one, from nothing, with nothing after it."""
    import duckdb

    with locked_connection() as connection:
        try:
            text = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {source}"]).fetchall()[0][0]
        except duckdb.Error as error:
            raise UsageError(f"The expression {short(source)} is not SQL: {first_line(error)}.") from error
    read = json.loads(text)
    if read.get("error"):
        problem = (
            str(read.get("error_message", "")).splitlines()[0] if read.get("error_message") else "unknown"
        )
        raise UsageError(f"The expression {short(source)} is not SQL: {problem.rstrip('.')}.")
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
            f"The expression {short(source)} is more than one value expression. Write one, without SELECT, "
            "FROM, WHERE, AS and semicolons."
        )
    return dict(node)


class Walk:
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
        alias = f"c{list(self.names).index(name)}"
        if call is not None:
            self.calls.append(call)
            alias = f"f{len(self.calls) - 1}"
        plain = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [alias]}
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
        raise UsageError(f"The expression {short(self.source)} is wrong{where}: {problem}.")


def _shrinks(arguments: list[dict[str, Any]]) -> bool:
    texts = [_constant_text(argument) for argument in arguments[1:]]
    if len(texts) != 2 or texts[0] is None or texts[1] is None:
        return False
    return len(texts[0]) > 0 and len(texts[1]) <= len(texts[0]) <= _LONGEST_REPLACEMENT


def _constant_text(node: dict[str, Any]) -> str | None:
    literal = node.get("literal") if node.get("class") == "CONSTANT" else None
    return str(literal["text"]) if literal and literal.get("kind") == "STRING" else None


def first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")


def short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
