"""Columns as the expressions see them: numbers, text and three-valued truths, on numpy arrays.

Every array is either one value per row or 0-dimensional (a constant); numpy broadcasts the two, so
that a constant costs nothing. Columns are taken over without a copy where their dtype allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

_Array = np.ndarray[Any, np.dtype[Any]]


class ValueKindError(Exception):
    """Values of kinds that do not go together, such as text and a sum."""


@dataclass(frozen=True)
class Truth:
    """A condition: where it is certainly true and where it is certainly false; elsewhere NA."""

    true: _Array
    false: _Array


@dataclass(frozen=True)
class Number:
    """Numbers of any width and where they are missing (there, the value means nothing)."""

    values: _Array
    missing: _Array


@dataclass(frozen=True)
class Text:
    """Text as positions in `words`; -1 is missing."""

    codes: _Array
    words: tuple[str, ...]


class Unknown:
    """NA of no kind: the constant, or a column without a single value."""


Value = Truth | Number | Text | Unknown
NA = Unknown()
_NEVER = np.array(False)


def from_series(column: pd.Series[Any]) -> Value:
    """Take over a column; a category or a string column becomes text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _from_category(column.array)
    array: Any = column.array
    if pd.api.types.is_numeric_dtype(column.dtype):
        if hasattr(array, "_mask"):  # the nullable dtypes
            values, missing = array._data, array._mask
        else:
            values = column.to_numpy()
            missing = np.isnan(values) if values.dtype.kind == "f" else _NEVER
        if values.dtype.kind == "b":
            return Truth(values & ~missing, ~values & ~missing)
        if values.dtype.kind == "f" and missing is not _NEVER:
            missing = missing | np.isnan(values)  # a nullable column can still hold a NaN
        if values.dtype.kind in "iuf":
            return Number(values, missing)
    try:
        codes, uniques = pd.factorize(column, use_na_sentinel=True)
    except TypeError as error:
        raise ValueKindError("the column holds neither text nor numbers") from error
    words = list(uniques)
    if not words:
        return NA
    if all(isinstance(word, str) for word in words):
        return Text(codes, tuple(words))
    if all(isinstance(word, int | float | np.number | np.bool_) for word in words):
        return from_series(column.astype("Float64"))
    raise ValueKindError("the column mixes text with other things, or holds neither text nor numbers")


def _from_category(array: Any) -> Value:
    codes, categories = array.codes, array.categories
    if not len(categories):
        return NA
    if all(isinstance(word, str) for word in categories):
        return Text(codes, tuple(categories))
    if pd.api.types.is_numeric_dtype(categories.dtype):
        return Number(np.asarray(categories)[codes], codes < 0)
    raise ValueKindError("the categories are neither text nor numbers")


def to_series(value: Value, index: pd.Index[Any]) -> pd.Series[Any]:
    """Return a value as a pandas series with a nullable dtype."""
    n = len(index)
    if isinstance(value, Unknown):
        return pd.Series(pd.NA, index=index, dtype="Float64")
    if isinstance(value, Truth):
        true = np.array(np.broadcast_to(value.true, n))
        known = true | np.broadcast_to(value.false, n)
        return pd.Series(pd.arrays.BooleanArray(true, ~known), index=index)
    if isinstance(value, Number):
        missing = np.array(np.broadcast_to(value.missing, n))
        if value.values.dtype.kind == "f":
            floats = np.array(np.broadcast_to(value.values, n), dtype="float64")
            return pd.Series(pd.arrays.FloatingArray(floats, missing), index=index)
        whole = np.array(np.broadcast_to(value.values, n), dtype="int64")
        return pd.Series(pd.arrays.IntegerArray(whole, missing), index=index)
    words = np.array([*value.words, None], dtype=object)  # the code -1 picks the None
    return pd.Series(np.broadcast_to(words[value.codes], n), index=index, dtype="string")


def truth(value: Value) -> Truth:
    """Read a value as a condition: True and False, or a tri-state's 1 and 0."""
    if isinstance(value, Truth):
        return value
    if isinstance(value, Unknown):
        return Truth(_NEVER, _NEVER)
    if isinstance(value, Number):
        true = (value.values == 1) & ~value.missing
        false = (value.values == 0) & ~value.missing
        if not np.all(true | false | value.missing):
            raise ValueKindError("it has numbers other than 0 and 1; compare it with something, as in x > 0")
        return Truth(true, false)
    raise ValueKindError("it is text, which is neither true nor false; compare it, as in x == 'yes'")


def kleene_and(a: Truth, b: Truth) -> Truth:
    return Truth(a.true & b.true, a.false | b.false)


def kleene_or(a: Truth, b: Truth) -> Truth:
    return Truth(a.true | b.true, a.false & b.false)


def is_na(value: Value) -> Truth:
    if isinstance(value, Unknown):
        return Truth(~_NEVER, _NEVER)
    missing = _missing(value)
    return Truth(missing, ~missing)


def compare(symbol: str, a: Value, b: Value) -> Truth:
    """Compare two values; NA on either side gives NA."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return Truth(_NEVER, _NEVER)
    if isinstance(a, Text) != isinstance(b, Text):
        raise ValueKindError("text is compared with a number or a condition; put text in quotes")
    if isinstance(a, Text) and isinstance(b, Text):
        if symbol not in ("==", "!="):
            raise ValueKindError(f"text has no order, so {symbol} cannot be used; only == and != can")
        left, right, _ = _aligned(a, b)
        same = left == right
        known = (left >= 0) & (right >= 0)
    else:
        x, y = _number(a), _number(b)
        same = _COMPARE[symbol](x.values, y.values)
        known = ~(x.missing | y.missing)
    if symbol == "!=" and isinstance(a, Text):
        same = ~same
    return Truth(same & known, ~same & known)


def arithmetic(symbol: str, a: Value, b: Value) -> Value:
    """Compute + - * / min max in floating point; NA on either side, or no finite result, gives NA."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return NA
    x, y = _number(a), _number(b)
    with np.errstate(all="ignore"):
        values = _ARITHMETIC[symbol](x.values.astype("float64"), y.values.astype("float64"))
    return _finite(values, x.missing | y.missing)


def numeric(function: Callable[[Any], Any], value: Value) -> Value:
    """Apply a function of one number; no finite result gives NA."""
    if isinstance(value, Unknown):
        return NA
    number = _number(value)
    with np.errstate(all="ignore"):
        values = np.asarray(function(number.values.astype("float64")))
    return _finite(values, number.missing)


def map_words(change: Callable[[str], str], value: Value) -> Value:
    """Change every distinct word of a text, not every row."""
    if isinstance(value, Unknown):
        return NA
    if not isinstance(value, Text):
        raise ValueKindError("a number or a condition stands where text is needed")
    changed = [change(word) for word in value.words]
    words = tuple(dict.fromkeys(changed))
    place = {word: position for position, word in enumerate(words)}
    table = np.array([*(place[word] for word in changed), -1])
    return Text(table[value.codes], words)


def if_else(condition: Truth, a: Value, b: Value) -> Value:
    """Take `a` where the condition holds, `b` where it does not, NA where it cannot be told."""
    return _choose(condition.true, a, _choose(condition.false, b, NA))


def coalesce(values: Sequence[Value]) -> Value:
    """Take, for each row, the first value that is not NA."""
    result = values[-1]
    for value in reversed(values[:-1]):
        result = _choose(is_na(value).false, value, result)
    return result


def _choose(where: _Array, a: Value, b: Value) -> Value:
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        return NA
    if isinstance(a, Unknown):
        a = _all_missing(b)
    elif isinstance(b, Unknown):
        b = _all_missing(a)
    if isinstance(a, Truth) and isinstance(b, Truth):
        return Truth(np.where(where, a.true, b.true), np.where(where, a.false, b.false))
    if isinstance(a, Text) and isinstance(b, Text):
        left, right, words = _aligned(a, b)
        return Text(np.where(where, left, right), words)
    if isinstance(a, Text) or isinstance(b, Text):
        raise ValueKindError("the results mix text with numbers or conditions; let them be of one kind")
    x, y = _number(cast(Truth | Number, a)), _number(cast(Truth | Number, b))
    values = np.where(where, x.values, y.values)
    return Number(values, np.where(where, x.missing, y.missing))


def _all_missing(like: Value) -> Value:
    if isinstance(like, Truth):
        return Truth(_NEVER, _NEVER)
    if isinstance(like, Text):
        return Text(np.array(-1), like.words)
    dtype = like.values.dtype if isinstance(like, Number) else np.dtype("float64")
    return Number(np.array(0, dtype=dtype), ~_NEVER)


def _missing(value: Truth | Number | Text) -> _Array:
    if isinstance(value, Truth):
        return np.asarray(~(value.true | value.false))
    return np.asarray(value.codes < 0) if isinstance(value, Text) else value.missing


def _number(value: Truth | Number | Text) -> Number:
    if isinstance(value, Text):
        raise ValueKindError("text stands where a number is needed")
    return value if isinstance(value, Number) else Number(value.true.astype("int8"), _missing(value))


def _finite(values: _Array, missing: _Array) -> Number:
    finite = np.isfinite(values)
    return Number(np.where(finite, values, 0.0), missing | ~finite)


def _aligned(a: Text, b: Text) -> tuple[_Array, _Array, tuple[str, ...]]:
    """Return the codes of both in one list of words."""
    if a.words == b.words:
        return a.codes, b.codes, a.words
    words = tuple(dict.fromkeys(a.words + b.words))
    place = {word: position for position, word in enumerate(words)}
    table = np.array([*(place[word] for word in b.words), -1])
    return a.codes, table[b.codes], words


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
}
