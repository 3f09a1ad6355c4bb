"""The expressions of rules and mappings: what they compute, and that nothing else is ever run."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.expressions.evaluate import MAX_LENGTH, parse
from amlsynth.expressions.syntax import MAX_DEPTH
from amlsynth.foundation.errors import UsageError

FRAME = pd.DataFrame(
    {
        "AGE": pd.array([30, 61, None, 75], dtype="Int16"),
        "OSTM": pd.array([10.0, 2.5, 0.0, None], dtype="Float64"),
        "EFSTM": [10.0, 3.0, np.nan, 1.0],
        "NPM1": pd.array([1, 0, None, 1], dtype="Int8"),
        "TP53": pd.array([0, 0, None, None], dtype="Int8"),
        "SEX": pd.Categorical(["male", "female", None, "male"], categories=["female", "male"]),
        "site": np.array([" Ulm", "ulm ", None, "Köln"], dtype=object),
        "alter (Jahre)": [1, 2, 3, 4],
        "empty": np.array([None] * 4, dtype=object),
        "flag": [True, False, True, False],
    },
    index=[10, 11, 12, 13],
)


def values(text: str) -> list[Any]:
    result = parse(text).evaluate(FRAME)
    assert list(result.index) == [10, 11, 12, 13]
    return [None if value is pd.NA else value for value in result]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AGE >= 61", [False, True, None, True]),
        ("18 <= AGE < 75", [True, True, None, False]),
        ("EFSTM <= OSTM", [True, False, None, None]),
        ("SEX == 'male'", [True, False, None, True]),
        ("SEX != 'male'", [False, True, None, False]),
        ("'divers' == SEX", [False, False, None, False]),
        ("SEX in ('female', 'x')", [False, True, None, False]),
        ("SEX not in ('female',)", [True, False, None, True]),
        ("AGE in (30, 75)", [True, False, None, True]),
        ("site == SEX", [False, False, None, False]),
        ("strip(lower(site)) == 'ulm'", [True, True, None, False]),
        ("NPM1 and TP53", [False, False, None, None]),
        ("NPM1 or TP53", [True, False, None, True]),
        ("not NPM1", [False, True, None, False]),
        ("any_of(TP53, NPM1, empty)", [True, None, None, True]),
        ("any_of(TP53)", [False, False, None, None]),
        ("is_na(AGE)", [False, False, True, False]),
        ("is_na(empty) and not is_na(NA)", [False] * 4),
        ("flag == True", [True, False, True, False]),
        ("flag or NPM1", [True, False, True, True]),
        ("True", [True] * 4),
    ],
)
def test_conditions_have_three_values(text: str, expected: list[Any]) -> None:
    assert parse(text).evaluate(FRAME).dtype == "boolean"
    assert values(text) == expected
    assert list(parse(text).holds(FRAME)) == [value is True for value in expected]
    assert list(parse(text).violates(FRAME)) == [value is False for value in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AGE + 1", [31.0, 62.0, None, 76.0]),
        ("NPM1 * 1000", [1000.0, 0.0, None, 1000.0]),
        ("-AGE", [-30.0, -61.0, None, -75.0]),
        ("AGE", [30, 61, None, 75]),
        ("1 / OSTM", [0.1, 0.4, None, None]),
        ("min(OSTM, EFSTM)", [10.0, 2.5, None, None]),
        ("max(OSTM, 3, AGE)", [30.0, 61.0, None, None]),
        ("round(EFSTM / 7, 2)", [1.43, 0.43, None, 0.14]),
        ("round(OSTM)", [10.0, 2.0, 0.0, None]),
        ("abs(OSTM - EFSTM)", [0.0, 0.5, None, None]),
        ("round(exp(log(OSTM)), 6)", [10.0, 2.5, None, None]),
        ("exp(AGE * 1000)", [None] * 4),
        ("first_known(AGE, OSTM, 99)", [30.0, 61.0, 0.0, 75.0]),
        ("first_known(TP53, NA)", [0, 0, None, None]),
        ("if_else(AGE > 60, 1, 0)", [0, 1, None, 1]),
        ("if_else(SEX == 'male', OSTM, NA)", [10.0, None, None, None]),
        ("if_else(AGE > 60, upper(SEX), 'young')", ["young", "FEMALE", None, "MALE"]),
        ("if_else(AGE > 60, TP53 == 0, False)", [False, True, None, None]),
        ("`alter (Jahre)` * 2", [2.0, 4.0, 6.0, 8.0]),
        ("NA", [None] * 4),
        ("empty + 1", [None] * 4),
        ("site", [" Ulm", "ulm ", None, "Köln"]),
        ("'text'", ["text"] * 4),
        ("3", [3] * 4),
    ],
)
def test_values(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


def test_names_are_listed_once_in_order() -> None:
    expression = parse(" b + a * `c d` - b + `größe` ")
    assert expression.names == ("b", "a", "c d", "größe")
    assert expression.text == "b + a * `c d` - b + `größe`"


def test_names_keep_their_exact_characters_and_quotes_may_hold_backticks() -> None:
    columns = {"ﬁeld": pd.Series([1]), "class": pd.Series(["a`b#c"])}
    assert parse("ﬁeld").names == ("ﬁeld",)  # Python itself would normalise the ligature
    assert parse("`class` == 'a`b#c'").violates(columns).tolist() == [False]
    assert parse("`class` == 'a`b#c'\n  and ﬁeld == 1").holds(columns).tolist() == [True]


@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=2))
def test_logic_is_that_of_pandas(pair: list[bool | None]) -> None:
    columns = {name: pd.Series([value], dtype="boolean") for name, value in zip("ab", pair, strict=True)}
    for text, expected in [
        ("a and b", columns["a"] & columns["b"]),
        ("a or b", columns["a"] | columns["b"]),
        ("not a", ~columns["a"]),
    ]:
        pd.testing.assert_series_equal(parse(text).evaluate(columns), expected, check_names=False)


@pytest.mark.parametrize(
    "dtype", ["Int8", "Int64", "Float32", "Float64", "float32", "float64", "int16", "uint8"]
)
def test_any_numeric_dtype_compares_alike(dtype: str) -> None:
    assert list(parse("x > 1").holds({"x": pd.Series([1, 2, 0]).astype(dtype)})) == [False, True, False]


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_any_text_dtype_compares_alike(dtype: str) -> None:
    column = pd.Series(["a", None, "b"]).astype(dtype)
    assert list(parse("x == 'a'").violates({"x": column})) == [False, False, True]


@pytest.mark.parametrize("text", ["a + 1 == 2", "a", "a == b", "is_na(a)", "5"])
def test_a_table_without_rows_gives_no_rows(text: str) -> None:
    columns = pd.DataFrame({"a": pd.array([], dtype="Int8"), "b": pd.array([], dtype="Int8")})
    assert len(parse(text).evaluate(columns)) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("AGE >", "character 5"),
        ("AGE = 3", "character"),
        ("(AGE", "character 1"),
        ("AGE ** 99", re.escape("**")),
        ("AGE % 2", "% cannot be used"),
        ("AGE & 2", "write and"),
        ("AGE.values", "a dot"),
        ("AGE[0]", "Subscript"),
        ("[x for x in AGE]", "ListComp"),
        ("lambda: 1", "Lambda"),
        ("1 if AGE else 2", "if"),
        ("(x := 1)", "NamedExpr"),
        ("f'{AGE}'", "JoinedStr"),
        ("b'x' == AGE", "constants of this kind"),
        ("1j", "constants of this kind"),
        ("...", "constants of this kind"),
        ("AGE == None", "write NA"),
        ("AGE == NA", "is_na"),
        ("AGE in (1, NA)", "is_na"),
        ("AGE is 3", "character"),
        ("AGE in 3", "stands a list"),
        ("AGE in OSTM", "stands a list"),
        ("(1, 2)", "a list"),
        ("__import__('os')", "no such function"),
        ("open('x')", "no such function"),
        ("rnd(AGE)", "Did you mean 'round'"),
        ("AGE.sum()", "no such function"),
        ("`max`(AGE)", "no such function"),
        ("is_na(x=1)", "no named arguments"),
        ("max(*AGE)", "Starred"),
        ("if_else(AGE, 1)", "takes 3 arguments, not 2"),
        ("max()", "1 or more"),
        ("round(AGE, 1, 2)", "1 or 2"),
        ("round(AGE, OSTM)", "whole number"),
        ("round(AGE, 99)", "whole number"),
        ("1e999", "too large"),
        ("9" * 900, "too large"),
        ("AGE # note", "comments"),
        ("`AGE", "no partner"),
        ("`` + 1", "nothing stands between"),
        ("`AGE``x`", "stands alone"),
        ("AGE\x00", "character"),
        ("'\\d' == site", "character"),
        ("AGE\ud800", "character"),
        ("import os", "character"),
        ("1;2", "character"),
        ("a" * (MAX_LENGTH + 1), "1,001 characters"),
        ("(" * 400 + "1" + ")" * 400, "nested"),
        ("not " * (MAX_DEPTH + 1) + "AGE", "nested"),
        ("-" * 900 + "1", "nested"),
        ("+".join(["1"] * 400), "nested"),
    ],
)
def test_everything_else_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse(text)


@pytest.mark.parametrize("thing", [None, 3, ["AGE"]])
def test_only_text_is_read(thing: Any) -> None:
    with pytest.raises(UsageError, match="must be text"):
        parse(thing)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("agee > 1", "'agee', which does not exist. Did you mean 'AGE'"),
        ("true", "Did you mean 'True'"),
        ("SEX > 'a'", "no order"),
        ("SEX == 1", "text is compared"),
        ("SEX + 1", "text stands"),
        ("lower(AGE)", "where text is needed"),
        ("AGE and NPM1", r"character 1 \('AGE'\).*0 and 1"),
        ("not SEX", "text, which is neither"),
        ("if_else(AGE > 1, 'a', 2)", "one kind"),
        ("any_of(NPM1, OSTM)", r"\('OSTM'\).*0 and 1"),
    ],
)
def test_wrong_names_and_kinds_are_named(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        parse(text).evaluate(FRAME)
    assert "75" not in str(caught.value)  # no patient's value


@pytest.mark.parametrize(
    "column", [pd.Series(["a", 1]), pd.Series([[1], [2]]), pd.to_datetime(pd.Series(["2020-01-01"]))]
)
def test_columns_that_are_neither_text_nor_numbers_are_refused(column: pd.Series[Any]) -> None:
    with pytest.raises(UsageError, match="neither text nor numbers"):
        parse("x == 1").evaluate({"x": column})


def test_a_condition_is_needed_where_one_is_asked_for() -> None:
    with pytest.raises(UsageError, match="no condition"):
        parse("AGE").violates(FRAME)


def test_object_columns_of_numbers_are_numbers() -> None:
    assert parse("x + 1").evaluate({"x": pd.Series([1, None, 2.5], dtype=object)}).tolist() == [
        2.0,
        pd.NA,
        3.5,
    ]


def test_a_million_rows_take_milliseconds() -> None:
    n = 1_000_000
    rng = np.random.default_rng(1)
    columns = pd.DataFrame(
        {
            "CGNK": pd.array(rng.integers(0, 2, n), dtype="Int8"),
            "OSTM": pd.array(rng.random(n), dtype="Float64"),
            "EFSTM": pd.array(rng.random(n), dtype="Float64"),
        }
    )
    expression = parse("EFSTM <= OSTM or CGNK == 1")
    start = time.perf_counter()
    broken = expression.violates(columns)
    assert time.perf_counter() - start < 0.5  # about 0.01 s when nothing else runs
    assert 0.2 < broken.mean() < 0.3
