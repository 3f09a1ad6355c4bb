"""Expressions of a mapping: the small form of the dictionary's rules, or SQL where that says more.

`AGE >= 60 and NPM1 == 1` is read by the package's own parser, needs nothing installed, and means in a
mapping what it means in a rule. What that parser does not know (dates, `floor`, numbers out of text,
`contains`, `CASE` ...) is read as SQL and run by DuckDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Variable
from amlsynth.expressions.evaluate import Expression, parse
from amlsynth.expressions.sql import SqlExpression, parse_sql
from amlsynth.foundation.errors import UsageError
from amlsynth.sources.karyotype import iscn

BROUGHT = ("iscn",)


@dataclass(frozen=True)
class MappingExpression:
    """An expression that was read by `parse_expression`.

    Attributes
    ----------
    text, names : as it was written, and the columns it needs.
    """

    text: str
    names: tuple[str, ...]
    _inner: Expression | SqlExpression

    @property
    def is_sql(self) -> bool:
        return isinstance(self._inner, SqlExpression)

    @property
    def karyotypes(self) -> tuple[str, ...]:
        """The columns whose texts `iscn` reads."""
        calls = self._inner.calls if isinstance(self._inner, SqlExpression) else ()
        return tuple(dict.fromkeys(call.column for call in calls if call.function == "iscn"))

    def evaluate(
        self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame, variable: Variable | None = None
    ) -> pd.Series[Any]:
        """Return the value for each row; `variable` is the one that `iscn(column)` is asked about.

        Raises
        ------
        UsageError
            For a name that is no column, and for kinds that do not go together.
        """
        if isinstance(self._inner, SqlExpression):
            return self._inner.evaluate(columns, _functions(variable))
        return self._inner.evaluate(columns)

    def holds(self, columns: Mapping[str, pd.Series[Any]] | pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Return per row whether the expression is certainly true."""
        if isinstance(self._inner, SqlExpression):
            return self._inner.holds(columns, _functions(None))
        return self._inner.holds(columns)


@cache
def parse_expression(text: str) -> MappingExpression:
    """Read an expression in the small form, or else in SQL.

    Raises
    ------
    UsageError
        When it is neither; the sentence says what is wrong in both.
    MissingExtraError
        It is not in the small form, and duckdb is not installed.
    """
    try:
        small = parse(text)
    except UsageError as error:
        sql = text.replace("`", '"') if '"' not in text else text
        try:
            read = parse_sql(sql, BROUGHT)
        except UsageError as other:
            raise UsageError(f"{str(error).rstrip('.')}. As SQL: {other}") from error
        return MappingExpression(text.strip(), read.names, read)
    return MappingExpression(small.text, small.names, small)


def _functions(variable: Variable | None) -> dict[str, Any]:
    def read(column: pd.Series[Any], name: str | None = None) -> pd.Series[Any]:
        asked = name or (variable.name if variable is not None else None)
        if asked is None:
            raise UsageError("iscn(column) needs a second argument here, the alteration, such as 'minus.7'.")
        return iscn(column, asked)

    return {"iscn": read}
