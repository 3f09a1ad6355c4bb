"""Small safe expressions over the columns of a table, for the rules and for stewards' mappings.

An expression such as ``if_else(os_days > 0, os_days / 30.4375, NA)`` is read into Python's syntax
tree, of which only the nodes listed here pass; nothing is ever run as Python. Logic has three
values (Kleene): NA means "cannot tell", so ``NA and False`` is False while ``NA and True`` is NA.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from amlsynth.errors import UsageError, did_you_mean
from amlsynth.expression_values import (
    NA,
    Number,
    Text,
    Truth,
    Value,
    ValueKindError,
    arithmetic,
    coalesce,
    compare,
    from_series,
    if_else,
    is_na,
    kleene_and,
    kleene_or,
    map_words,
    numeric,
    to_series,
    truth,
)

MAX_LENGTH = 1000  # characters; a rule or a mapping needs far fewer
MAX_DEPTH = 100  # nested parts; keeps the walk below Python's own limit
_LARGEST = 2**53  # beyond this a float no longer holds every whole number

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]+`|`|\#""")
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
# Arguments each function takes: the fewest and the most, where there is a most.
_FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "abs": (1, 1),
    "any_of": (1, None),
    "exp": (1, 1),
    "first_known": (1, None),
    "if_else": (3, 3),
    "is_na": (1, 1),
    "log": (1, 1),
    "lower": (1, 1),
    "max": (1, None),
    "min": (1, None),
    "round": (1, 2),
    "strip": (1, 1),
    "upper": (1, 1),
}
_ALLOWED = (
    "Allowed are names, numbers, 'text', True, False, NA, == != < <= > >=, in (...), not in (...), "
    "and, or, not, + - * / and the functions " + ", ".join(_FUNCTIONS)
)


def parse(text: str) -> Expression:
    """Read an expression.

    Names are columns; a name with characters other than letters, digits and underscores stands in
    backticks. Numbers, quoted text, ``True``, ``False`` and ``NA`` are constants. There are
    comparisons (chained ones, ``in (...)`` and ``not in (...)`` too), ``and``, ``or``, ``not``,
    ``+ - * /`` and the functions ``is_na(x)``, ``if_else(condition, a, b)``, ``min(a, ...)``,
    ``max(a, ...)``, ``round(x, digits)``, ``abs``, ``log``, ``exp``, ``upper``, ``lower``,
    ``strip``, ``first_known(a, ...)`` (the first that is not NA) and ``any_of(a, ...)`` (a
    three-valued ``or`` over tri-state columns). Arithmetic that has no finite result gives NA.

    Parameters
    ----------
    text : at most 1,000 characters.

    Raises
    ------
    UsageError
        When the text is not such an expression; it names the expression, the place in it, and what
        is allowed.
    """
    if not isinstance(text, str):
        raise UsageError(f"An expression must be text, not {type(text).__name__}. Put it in quotes.")
    source = text.strip()
    if not source:
        raise UsageError("The expression is empty. Write one, such as AGE >= 18.")
    if len(source) > MAX_LENGTH:
        raise UsageError(
            f"The expression {source[:40] + '...'!r} has {len(source):,} characters; at most "
            f"{MAX_LENGTH:,} are read. Split it into several."
        )
    return _Parser(source).parse()


@dataclass(frozen=True)
class Expression:
    """An expression that was read by `parse`, ready to be evaluated on any table.

    Attributes
    ----------
    text : the expression as it was written, without outer blanks.
    names : the columns it needs, in the order of their first mention.
    """

    text: str
    names: tuple[str, ...]
    _root: ast.expr = field(repr=False, compare=False)
    _parser: _Parser = field(repr=False, compare=False)

    def evaluate(self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame) -> pd.Series[Any]:
        """Return the value for each row.

        Parameters
        ----------
        columns : a data frame, or a mapping from names to series of one length. Numbers may be
            integers, floats or booleans, nullable or not; text may be object, string or category.
            A numpy NaN is missing.

        Returns
        -------
        pandas.Series
            Of dtype "boolean", "Float64" (arithmetic), the column's nullable integer dtype widened
            to "Int64" (whole numbers as they are), or "string"; with the index of the columns.

        Raises
        ------
        UsageError
            For a name that is no column, and for kinds that do not go together, such as text + 1.
        """
        value, index = self._value(columns)
        return to_series(value, index)

    def holds(
        self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return a numpy bool per row: the expression is certainly True (not False, not NA)."""
        value, index = self._value(columns)
        return np.array(np.broadcast_to(self._truth(value).true, len(index)))

    def violates(
        self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return a numpy bool per row: the expression is certainly False (not True, not NA)."""
        value, index = self._value(columns)
        return np.array(np.broadcast_to(self._truth(value).false, len(index)))

    def _truth(self, value: Value) -> Truth:
        try:
            return truth(value)
        except ValueKindError as error:
            raise UsageError(f"The expression {self.text!r} is no condition: {error}.") from error

    def _value(self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame) -> tuple[Value, pd.Index[Any]]:
        known = [str(name) for name in columns]
        for name in self.names:
            if name not in columns:
                hint = did_you_mean(name, [*known, "True", "False", "NA"])
                shown = ", ".join(known[:100]) + (", ..." if len(known) > 100 else "")
                raise UsageError(
                    f"The expression {self.text!r} names the column {name!r}, which does not exist.{hint} "
                    f"Columns: {shown}."
                )
        if isinstance(columns, pd.DataFrame):
            index = columns.index
        else:
            first = next(iter(self.names or known), None)
            index = columns[first].index if first is not None else pd.RangeIndex(0)
        return _Evaluation(self._parser, columns).value(self._root), index


class _Parser:
    """The text, its syntax tree checked against the whitelist, and the places of the parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Every quoted name becomes underscores of the same length, so that places stay; real names are
        # then read from the text itself, which also spares them Python's Unicode normalisation.
        self.plain = re.sub(r"\s", " ", _QUOTED.sub(self._mask, text))
        self._bytes = self.plain.encode("utf-8", errors="surrogatepass")
        self.names: dict[str, None] = {}

    def parse(self) -> Expression:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # such as an unknown escape in a string
                root = ast.parse(self.plain, mode="eval").body
        except SyntaxError as error:
            place = min((error.offset or len(self.text)) - 1, len(self.text) - 1)
            word = re.match(r"\w+|.", self.text[place:], re.DOTALL)
            self.fail_at(place, word.group() if word else "", f"{error.msg}. {_ALLOWED}")
        except (RecursionError, MemoryError):
            self.fail_at(0, self.text[:20], f"parts are nested more than {MAX_DEPTH} deep. Split it")
        except (ValueError, Warning) as error:
            self.fail_at(0, self.text[:20], f"{error}. {_ALLOWED}")
        self._check(root, 1)
        return Expression(self.text, tuple(self.names), root, self)

    def part(self, node: ast.expr) -> str:
        start, end = self._place(node)
        return self.text[start:end]

    def name(self, node: ast.Name) -> str:
        return self.part(node).strip("`")

    def fail(self, node: ast.expr, problem: str) -> NoReturn:
        self.fail_at(self._place(node)[0], self.part(node), problem)

    def fail_at(self, place: int, word: str, problem: str) -> NoReturn:
        raise UsageError(
            f"The expression {self.text!r} is wrong at character {place + 1} ({word!r}): {problem}."
        )

    def _mask(self, match: re.Match[str]) -> str:
        found = match.group()
        if found == "#":
            self.fail_at(match.start(), "#", "comments are not read; put names with '#' in backticks")
        if found == "`":
            self.fail_at(match.start(), "`", "the backtick has no partner, or nothing stands between")
        return "_" * len(found) if found[0] == "`" else found

    def _place(self, node: ast.expr) -> tuple[int, int]:
        def characters(offset: int) -> int:
            return len(self._bytes[:offset].decode("utf-8", errors="surrogatepass"))

        return characters(node.col_offset), characters(node.end_col_offset or node.col_offset)

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.fail(node, f"parts are nested more than {MAX_DEPTH} deep. Split it")
        for child in self._children(node):
            self._check(child, depth + 1)

    def _children(self, node: ast.expr) -> list[ast.expr]:
        """Return the operands of a node that is allowed; fail for any other."""
        match node:
            case ast.Name():
                self._check_name(node)
                return []
            case ast.Constant():
                self._check_constant(node)
                return []
            case ast.BoolOp():
                return node.values
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                return [node.operand]
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                return [node.left, node.right]
            case ast.Compare():
                return self._compared(node)
            case ast.Call():
                self._check_call(node)
                return node.args
            case _:
                self.fail(node, f"{_described(node)} cannot be used here. {_ALLOWED}")

    def _check_name(self, node: ast.Name) -> None:
        written = self.part(node)
        name = written.strip("`")
        quoted = written != name
        if quoted and (written != f"`{name}`" or "`" in name):
            self.fail(node, "a name in backticks stands alone, with an operator before the next")
        if quoted or name != "NA":
            self.names[name] = None

    def _check_constant(self, node: ast.Constant) -> None:
        value = node.value
        if value is None:
            self.fail(node, "write NA for a missing value")
        if not isinstance(value, bool | int | float | str):
            self.fail(node, f"constants of this kind cannot be used. {_ALLOWED}")
        if isinstance(value, int | float) and not abs(value) <= _LARGEST:
            self.fail(node, "the number is too large")

    def _compared(self, node: ast.Compare) -> list[ast.expr]:
        operands = [node.left]
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                if not isinstance(right, ast.Tuple | ast.List | ast.Set):
                    self.fail(right, "after 'in' stands a list, such as in (1, 2) or in ('a',)")
                operands += right.elts
            elif type(operator) in _COMPARISONS:
                operands.append(right)
            else:
                self.fail(right, "'is' cannot be used; write == or is_na(...)")
        for operand in operands:
            if self.is_na_literal(operand):
                self.fail(operand, "nothing compares with NA; write is_na(...) instead")
        return operands

    def is_na_literal(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self.part(node) == "NA"

    def _check_call(self, node: ast.Call) -> None:
        name = self.part(node.func)
        if not isinstance(node.func, ast.Name) or name not in _FUNCTIONS:
            hint = did_you_mean(name, _FUNCTIONS)
            self.fail(node.func, f"there is no such function.{hint} Functions: {', '.join(_FUNCTIONS)}")
        if node.keywords:
            self.fail(node, f"{name} takes no named arguments; note that equality is ==")
        fewest, most = _FUNCTIONS[name]
        if len(node.args) < fewest or (most is not None and len(node.args) > most):
            wanted = f"{fewest}" if most == fewest else f"{fewest} or more" if most is None else "1 or 2"
            self.fail(node, f"{name} takes {wanted} arguments, not {len(node.args)}")
        if name == "round" and len(node.args) == 2:
            digits = node.args[1]
            if not (isinstance(digits, ast.Constant) and type(digits.value) is int and digits.value <= 15):
                self.fail(digits, "the digits of round are a whole number from 0 to 15")


def _described(node: ast.expr) -> str:
    operator = getattr(node, "op", None)
    kind = type(operator if operator is not None else node).__name__
    words = {"Attribute": "a dot", "Pow": "**", "Mod": "%", "FloorDiv": "//", "IfExp": "'... if ... else'"}
    more = {"Tuple": "a list", "List": "a list", "Set": "a list", "BitOr": "| (write or)"}
    even_more = {"BitAnd": "& (write and)", "Invert": "~ (write not)", "UAdd": "a leading +"}
    return (words | more | even_more).get(kind, kind)


def _constant(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    # The narrowest integer that holds it, so that an Int8 column is compared as it is, not widened.
    if isinstance(value, float):
        return np.array(value)
    return np.array(
        value, dtype=next(d for d in ("int8", "int16", "int32", "int64") if value <= np.iinfo(d).max)
    )


class _Evaluation:
    """One walk over the tree, with the columns of one table."""

    def __init__(self, parser: _Parser, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame) -> None:
        self._parser = parser
        self._columns = columns
        self._read: dict[str, Value] = {}

    def value(self, node: ast.expr) -> Value:
        try:
            return self._compute(node)
        except ValueKindError as error:
            self._parser.fail(node, str(error))

    def _compute(self, node: ast.expr) -> Value:
        match node:
            case ast.Name():
                return self._column(node)
            case ast.Constant(value=bool() as flag):
                return Truth(np.array(flag), np.array(not flag))
            case ast.Constant(value=str() as word):
                return Text(np.array(0), (word,))
            case ast.Constant():
                return Number(_constant(node.value), np.array(False))
            case ast.BoolOp():
                join = kleene_and if isinstance(node.op, ast.And) else kleene_or
                result = self._truth(node.values[0])
                for operand in node.values[1:]:
                    result = join(result, self._truth(operand))
                return result
            case ast.UnaryOp(op=ast.Not()):
                inner = self._truth(node.operand)
                return Truth(inner.false, inner.true)
            case ast.UnaryOp():
                return numeric(np.negative, self.value(node.operand))
            case ast.BinOp():
                symbol = _ARITHMETIC[type(node.op)]
                return arithmetic(symbol, self.value(node.left), self.value(node.right))
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self._call(node)
        raise AssertionError(node)  # pragma: no cover - the parser let only the above through

    def _truth(self, node: ast.expr) -> Truth:
        try:
            return truth(self.value(node))
        except ValueKindError as error:
            self._parser.fail(node, str(error))

    def _column(self, node: ast.Name) -> Value:
        if self._parser.is_na_literal(node):
            return NA
        name = self._parser.name(node)
        if name not in self._read:
            self._read[name] = from_series(self._columns[name])
        return self._read[name]

    def _compare(self, node: ast.Compare) -> Value:
        left, result = self.value(node.left), None
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                found = Truth(np.array(False), np.array(True))
                for element in getattr(right, "elts", ()):
                    found = kleene_or(found, compare("==", left, self.value(element)))
                step = found if isinstance(operator, ast.In) else Truth(found.false, found.true)
            else:
                next_left = self.value(right)
                step = compare(_COMPARISONS[type(operator)], left, next_left)
                left = next_left
            result = step if result is None else kleene_and(result, step)
        assert result is not None
        return result

    def _call(self, node: ast.Call) -> Value:
        name = self._parser.part(node.func)
        if name == "round":
            digits = node.args[1].value if len(node.args) == 2 else 0  # type: ignore[attr-defined]
            return numeric(lambda values: np.round(values, digits), self.value(node.args[0]))
        if name == "any_of":
            result = self._truth(node.args[0])
            for argument in node.args[1:]:
                result = kleene_or(result, self._truth(argument))
            return result
        if name == "if_else":
            condition = self._truth(node.args[0])
            return if_else(condition, self.value(node.args[1]), self.value(node.args[2]))
        arguments = [self.value(argument) for argument in node.args]
        match name:
            case "is_na":
                return is_na(arguments[0])
            case "first_known":
                return coalesce(arguments)
            case "min" | "max":
                number: Value = numeric(np.positive, arguments[0])
                for operand in arguments[1:]:
                    number = arithmetic(name, number, operand)
                return number
            case "upper" | "lower" | "strip":
                change: Callable[[str], str] = getattr(str, name)
                return map_words(change, arguments[0])
            case _:
                return numeric({"abs": np.abs, "log": np.log, "exp": np.exp}[name], arguments[0])
