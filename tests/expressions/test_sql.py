"""Expressions in SQL: what they compute, and that nothing but a value expression is ever run."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from amlsynth.expressions import sql
from amlsynth.expressions.sql import parse_sql
from amlsynth.expressions.sql_connection import locked_connection
from amlsynth.expressions.sql_syntax import MAX_LENGTH
from amlsynth.foundation.errors import UsageError

FRAME = pd.DataFrame(
    {
        "a": pd.array([1, 2, None], dtype="Float64"),
        "Text, lang": pd.array(["x1,5 y", None, "ß"], dtype="string"),
        "start": np.array(["2020-01-31", "NaT", "2020-03-01"], dtype="datetime64[us]"),
        "stop": np.array(["2021-01-30", "2021-01-30", "2021-03-02"], dtype="datetime64[us]"),
        "flag": pd.array([True, False, None], dtype="boolean"),
    },
    index=[10, 11, 12],
)


def values(text: str) -> list[Any]:
    result = parse_sql(text).evaluate(FRAME)
    assert list(result.index) == [10, 11, 12]
    return [None if value is pd.NA else value for value in result]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + 1", [2, 3, None]),
        ("a > 1 AND \"Text, lang\" = 'ß'", [False, None, None]),
        ("a > 1 OR flag", [True, True, None]),
        ("a IN (1, 3)", [True, False, None]),
        ("a BETWEEN 1 AND 1.5", [True, False, None]),
        ("a IS NULL", [False, False, True]),
        ("coalesce(a, 9)", [1, 2, 9]),
        ("CASE WHEN a = 1 THEN 'one' WHEN a = 2 THEN 'two' END", ["one", "two", None]),
        ("days_between(start, stop)", [365, None, 366]),
        ("months_between(start, stop) * 30.4375 = 365", [True, None, False]),
        ("age_at(start, stop)", [0, None, 1]),  # a day short of a year, and a day more
        ("to_date('31.12.2020', '%d.%m.%Y') > start", [True, None, True]),
        ("to_date(\"Text, lang\", '%d.%m.%Y') IS NULL", [True] * 3),
        ('number_in("Text, lang")', [1.5, None, None]),
        ("number_in(a)", [1, 2, None]),  # of a column of which every cell is a number
        ("floor(a / 2)", [0, 1, None]),
        ("contains(\"Text, lang\", 'y')", [True, None, False]),
        ("matches(\"Text, lang\", '^x[0-9]')", [True, None, False]),
        ("a / 0", [None] * 3),
        ('try_cast("Text, lang" AS double)', [None] * 3),
        ("least(a, 1.5)", [1, 1.5, 1.5]),
        ("is_na(a) or a == 2", [False, True, True]),
        ("'text'", ["text"] * 3),
    ],
)
def test_values(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


def test_names_and_conditions() -> None:
    expression = parse_sql('stop > start AND "Text, lang" IS NOT NULL AND a = 1')
    assert expression.names == ("stop", "start", "Text, lang", "a")
    assert expression.holds(FRAME).tolist() == [True, False, False]
    assert parse_sql("a - 1").holds(FRAME.iloc[:2]).tolist() == [False, True]  # 0 and 1 are truths
    with pytest.raises(UsageError, match="no condition"):
        parse_sql("a").holds(FRAME)
    with pytest.raises(UsageError, match=r"'aa', which does not exist. Did you mean 'a'"):
        parse_sql("aa = 1").evaluate(FRAME)


def test_columns_that_differ_by_case_alone_are_two() -> None:
    frame = pd.DataFrame({"x": [1.0], "X": [2.0]})
    assert parse_sql("X - x").evaluate(frame).tolist() == [1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a +", "not SQL"),
        ("a" * (MAX_LENGTH + 1), "4,001 characters"),
        ("a\x00", "zero byte"),
        ("a FROM t", "more than one value"),
        ("a; DROP TABLE t", "not SQL"),
        ("1; SELECT 2", "more than one value"),
        ("a UNION SELECT 1", "more than one value"),
        ("a LIMIT 1", "more than one value"),
        ("a AS b", "more than one value"),
        ("a, a", "more than one value"),
        ("$1", "more than one value"),
        ("* ", "star"),
        ("COLUMNS('a')", "star"),
        ("(SELECT 1)", "subquery"),
        ("EXISTS (SELECT 1)", "subquery"),
        ("a IN (SELECT 1)", "subquery"),
        ("sum(a) OVER ()", "window"),
        ("sum(a)", "sum cannot be used"),
        ("min(a)", "write least"),
        ("x -> x + 1", "lambda"),
        ("[x FOR x IN [1]]", "cannot be used"),
        ("[a]", "cannot be used"),
        ("{'a': a}", "cannot be used"),
        ("#1", "cannot be used"),
        ("a COLLATE nocase", "collate"),
        ("read_text('/etc/passwd')", "read_text cannot be used"),
        ("getenv('HOME')", "getenv cannot be used"),
        ("current_setting('threads')", "cannot be used"),
        ("pragma_version()", "cannot be used"),
        ("random()", "cannot be used"),
        ("nextval('s')", "cannot be used"),
        ("main.abs(a)", "cannot be used"),
        ("query('SELECT 1')", "cannot be used"),
        ("json_execute_serialized_sql('x')", "cannot be used"),
        ("a::JSON", "type json"),
        ("CAST(a AS INTEGER[])", "type"),
        ("a LIKE '%x%'", "write contains"),
        ("repeat('x', 1000000000)", "repeat cannot be used"),
        ("lpad('x', 1000000000, 'x')", "lpad cannot be used"),
        ("range(1000000000)", "range cannot be used"),
        ("replace(a, 'x', 'xxxxxxxx')", "no longer than"),
        ("replace(a, 'x', a)", "two texts in quotes"),
        ("regexp_matches(a, a)", "pattern is a text"),
        ("matches('x', lower('x'))", "pattern is a text"),
        ("(" * 400 + "1" + ")" * 400 + " + (" * 200 + "1" + ")" * 200, "nested|not SQL"),
        ("NOT " * 150 + "flag", "nested"),
        ("COPY t TO 'x'", "not SQL"),
        ("ATTACH 'x.db'", "type attach cannot be used"),
        ("INSTALL httpfs", "more than one value"),
        ("SET threads = 4", "not SQL"),
    ],
)
def test_everything_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_sql(text).evaluate(FRAME)


def test_the_connection_itself_is_locked(tmp_path: Path) -> None:
    """Even if something passed the whitelist."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for text in (
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",  # noqa: S608
        f"SELECT * FROM '{tmp_path}/secret.csv'",  # noqa: S608
        f"COPY (SELECT 1) TO '{tmp_path}/out'",
        f"ATTACH '{tmp_path}/x.db'",
        "INSTALL httpfs",
        "SET threads = 4",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SELECT * FROM FRAME",
    ):
        with locked_connection() as connection, pytest.raises(Exception, match=r"Error|error"):
            connection.execute(text).fetchall()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv"]


def test_no_cell_stands_in_an_error() -> None:
    frame = FRAME.assign(a=pd.array(["geheim"] * 3, dtype="string"))
    for text in ("CAST(a AS double)", "a + 1", "strptime(a, '%d.%m.%Y') > start", "CAST(a AS date) > start"):
        with pytest.raises(UsageError) as caught:
            parse_sql(text).evaluate(frame)
        assert "geheim" not in str(caught.value)
    with pytest.raises(UsageError, match="no variable is made"):
        parse_sql("start").evaluate(FRAME)


def test_patterns_take_linear_time() -> None:
    frame = pd.DataFrame({"x": pd.array(["a" * 5_000 + "b"] * 20, dtype="string")})
    start = time.perf_counter()
    assert not parse_sql("matches(x, '^(a+)+$')").holds(frame).any()
    assert time.perf_counter() - start < 5  # for ever with backtracking


def test_an_evaluation_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "SECONDS", 0.01)
    n = 2_000_000
    frame = pd.DataFrame({"x": np.arange(n, dtype=float)})
    text = " + ".join(["exp(ln(x + 1))"] * 60)
    with pytest.raises(UsageError, match="took longer than"):
        parse_sql(text).evaluate(frame)
    assert threading.active_count() < 20
    monkeypatch.undo()
    assert parse_sql("x + 1").evaluate(frame.head(2)).tolist() == [1, 2]


def test_functions_that_the_caller_brings() -> None:
    expression = parse_sql("double(\"Text, lang\", 'n') > 2", ("double",))
    assert expression.calls[0].arguments == ("n",)
    given = {"double": lambda column, word: column.str.len().astype("Float64") * 2}
    assert expression.evaluate(FRAME, given).tolist() == [True, pd.NA, False]
    with pytest.raises(UsageError, match="takes a column"):
        parse_sql("double(a + 1)", ("double",))
