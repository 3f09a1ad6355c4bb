"""Small safe expressions over the columns of a table, for the rules and for stewards' mappings.

An expression such as ``if_else(os_days > 0, os_days / 30.4375, NA)`` is read into Python's syntax
tree, of which only the nodes listed here pass; nothing is ever run as Python. Logic has three
values (Kleene): NA means "cannot tell", so ``NA and False`` is False while ``NA and True`` is NA.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.expressions.syntax import ARITHMETIC, COMPARISONS, Syntax
from amlsynth.expressions.values import (
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
from amlsynth.foundation.errors import UsageError, did_you_mean

MAX_LENGTH = 1000  # characters; a rule or a mapping needs far fewer


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
    syntax = Syntax(source)
    root = syntax.tree()
    return Expression(source, tuple(syntax.names), root, syntax)


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
    _syntax: Syntax = field(repr=False, compare=False)

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
        for name in self.names:
            if name not in columns:
                known = [str(name) for name in columns]
                hint = did_you_mean(name, [*known, "True", "False", "NA"])
                listed = ", ".join(known[:100]) + (", ..." if len(known) > 100 else "")
                raise UsageError(
                    f"The expression {self.text!r} names the column {name!r}, which does not exist.{hint} "
                    f"Columns: {listed}."
                )
        if isinstance(columns, pd.DataFrame):
            index = columns.index
        else:
            first = next(iter(self.names or columns), None)
            index = columns[first].index if first is not None else pd.RangeIndex(0)
        return _Evaluation(self._syntax, columns).value(self._root), index


def _constant(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    # The narrowest integer that holds it, so that an Int8 column is compared as it is, not widened.
    if isinstance(value, float):
        return np.array(value)
    return np.array(
        value, dtype=next(d for d in ("int8", "int16", "int32", "int64") if value <= np.iinfo(d).max)
    )


class _Evaluation:
    """One walk over the tree, with the columns of one table."""

    def __init__(self, syntax: Syntax, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame) -> None:
        self._syntax = syntax
        self._columns = columns
        self._read: dict[str, Value] = {}

    def value(self, node: ast.expr) -> Value:
        try:
            return self._compute(node)
        except ValueKindError as error:
            self._syntax.fail(node, str(error))

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
                symbol = ARITHMETIC[type(node.op)]
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
            self._syntax.fail(node, str(error))

    def _column(self, node: ast.Name) -> Value:
        if self._syntax.is_na_literal(node):
            return NA
        name = self._syntax.name(node)
        if name not in self._read:
            self._read[name] = from_series(self._columns[name])
        return self._read[name]

    def _compare(self, node: ast.Compare) -> Value:
        left, result = self.value(node.left), None
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                member = Truth(np.array(False), np.array(True))
                for element in getattr(right, "elts", ()):
                    member = kleene_or(member, compare("==", left, self.value(element)))
                step = member if isinstance(operator, ast.In) else Truth(member.false, member.true)
            else:
                next_left = self.value(right)
                step = compare(COMPARISONS[type(operator)], left, next_left)
                left = next_left
            result = step if result is None else kleene_and(result, step)
        assert result is not None
        return result

    def _call(self, node: ast.Call) -> Value:
        name = self._syntax.part(node.func)
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
