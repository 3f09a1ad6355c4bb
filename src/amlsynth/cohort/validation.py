"""Validation of a cohort against the dictionary: every failure at once, with a severity by role."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort.failures import Failures
from amlsynth.cohort.tables import check_columns, parse_table
from amlsynth.dictionary.model import Dictionary, Role, dictionary_of
from amlsynth.dictionary.pandera_schema import breaks, is_as_described, pandera_column
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.frames import Table, frame_of

DUPLICATE_RULE = "duplicate_patient"
EMPTY_RULE = "empty_patient"
ALL_COLUMNS = "(all columns)"  # what a failure of a whole row names as its column


@dataclass(frozen=True)
class ValidationReport:
    """What validation found; `failures` has a row for each failing cell (the first 1,000 a rule and column).

    Attributes
    ----------
    role : "original" or "synthetic", which decides the severities.
    n : number of patients.

    Examples
    --------
    >>> from amlsynth import reference_cohort, validate
    >>> report = validate(reference_cohort(n=20).frame.assign(AGE=7), "original")
    >>> report.ok, report.errors
    (False, 20)
    >>> list(report.failures.columns)
    ['rule', 'column', 'row', 'value', 'severity', 'message']
    """

    role: Role
    n: int
    found: Failures

    @property
    def ok(self) -> bool:
        """True when there are no errors; warnings are allowed."""
        return self.errors == 0

    @property
    def errors(self) -> int:
        return self.found.count("error")

    @property
    def warnings(self) -> int:
        return self.found.count("warning")

    @property
    def failures(self) -> pd.DataFrame:
        """Table with the columns rule, column, row (from 1), value, severity, message."""
        return self.found.table()

    def by_rule(self) -> pd.DataFrame:
        """Table of counts with the columns severity, rule, column, failures.

        Examples
        --------
        >>> from amlsynth import reference_cohort, validate
        >>> counts = validate(reference_cohort(n=20).frame.assign(AGE=7), "original").by_rule()
        >>> tuple(counts["rule"]), int(counts["failures"].sum())
        (('range',), 20)
        """
        rows = [(severity, rule, column, n) for (rule, column, severity), n in self.found.counts.items()]
        table = pd.DataFrame(rows, columns=["severity", "rule", "column", "failures"])
        return table.sort_values(["severity", "rule", "column"], kind="stable", ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> from amlsynth import reference_cohort, validate
        >>> validate(reference_cohort(n=20).frame, "original").to_dict()["patients"]
        20
        """
        return {
            "ok": self.ok,
            "role": self.role,
            "patients": self.n,
            "errors": self.errors,
            "warnings": self.warnings,
            "by_rule": self.by_rule().to_dict(orient="records"),
            "failures": self.failures.to_dict(orient="records"),
        }

    def raise_if_failed(self, source: str) -> None:
        """Raise DataError with the first failures when there are errors.

        Examples
        --------
        >>> from amlsynth import reference_cohort, validate
        >>> validate(reference_cohort(n=20).frame, "original").raise_if_failed("my cohort")
        """
        if not self.ok:
            raise DataError(self.found.sentences(source))


def validate(frame: Table, role: Role = "synthetic", d: Dictionary | None = None) -> ValidationReport:
    """Validate a typed frame (see `tables.to_typed`), or that of a cohort or data set.

    What is wrong with columns is listed by Pandera; the rules between columns by their expressions, since
    Pandera would list every cell of a failing row, and a message may show the offending cells only.

    Raises
    ------
    DataError
        A column of the dictionary is missing; columns that it does not know are left alone.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> frame = reference_cohort(n=20).frame
    >>> validate(frame, "original").ok
    True
    >>> frame.loc[0, "EFSTM"] = frame.loc[0, "OSTM"] + 1
    >>> validate(frame, "original").by_rule()["rule"].iloc[0]
    'efs_not_after_os'
    """
    d, frame = dictionary_of(frame, d), frame_of(frame)
    check_columns([str(name) for name in frame.columns if name in d], d, "the table")
    failures = Failures()
    _check_columns(frame, d, failures)
    _check_rules(frame, d, role, failures)
    empty = frame.isna().all(axis="columns").to_numpy()
    nothing = pd.Series("NA in every column", index=frame.index)
    failures.add(EMPTY_RULE, ALL_COLUMNS, empty, nothing, "error", "a patient must have some value")
    _check_duplicates(frame, empty, failures)
    return ValidationReport(role, len(frame), failures)


def validate_file(path: Path, role: Role = "synthetic", d: Dictionary | None = None) -> ValidationReport:
    """Validate a CSV or Parquet file, cells of a wrong type included.

    Raises
    ------
    UsageError, DataError
        The file cannot be read as a table of the dictionary's columns at all.
    """
    parsed = parse_table(path, d)
    report = validate(parsed.frame, role, d)
    parsed.failures.extend(report.found)
    return ValidationReport(role, report.n, parsed.failures)


def _check_columns(frame: pd.DataFrame, d: Dictionary, failures: Failures) -> None:
    if is_as_described(frame, d):
        return
    from pandera.errors import SchemaErrors

    schema = _column_schema(d)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        for (name, check), cases in error.failure_cases.groupby(["column", "check"], sort=False):
            wrong = np.zeros(len(frame), dtype=bool)
            wrong[cases["index"].dropna().astype(int)] = True
            rule, message = _rule_and_message(schema, str(name), str(check))
            failures.add(rule, str(name), wrong, frame[str(name)], "error", message)


_SCHEMAS: dict[Dictionary, Any] = {}


def _column_schema(d: Dictionary) -> Any:
    import pandera.pandas as pa

    if d not in _SCHEMAS:  # building it takes longer than checking a cohort
        _SCHEMAS[d] = pa.DataFrameSchema({v.name: pandera_column(v) for v in d.variables})
    return _SCHEMAS[d]


def _rule_and_message(schema: Any, name: str, check: str) -> tuple[str, str]:
    if check == "not_nullable":
        return "missing", "must not be empty"
    for known in schema.columns[name].checks:
        if known.error == check:
            return str(known.name), str(known.error)
    return "type", f"must be of the type {schema.columns[name].dtype}, which amlsynth.to_typed(frame) gives"


def _check_rules(frame: pd.DataFrame, d: Dictionary, role: Role, failures: Failures) -> None:
    for case in d.rule_cases:
        broken = breaks(d, case, frame)
        if broken.any():
            names = ", ".join(variable.name for variable in case.blamed)
            shown = frame.loc[broken, [variable.name for variable in case.blamed]].astype(object)
            texts = [", ".join("NA" if pd.isna(v) else str(v) for v in row) for row in shown.to_numpy()]
            values = pd.Series(texts, index=shown.index).reindex(frame.index)
            severity = getattr(case.rule.severity, role)
            failures.add(case.rule.id, names, broken, values, severity, case.rule.message)


def _check_duplicates(
    frame: pd.DataFrame, empty: np.ndarray[Any, np.dtype[np.bool_]], failures: Failures
) -> None:
    again = frame.duplicated().to_numpy() & ~empty  # empty rows are alike, and no patients at all
    if again.any():
        keys = pd.util.hash_pandas_object(frame, index=False)
        first = keys.map({key: row for row, key in reversed(list(enumerate(keys, start=1)))})
        values = ("the same as row " + first.astype(str)).astype(object)
        message = "no two patients are the same in every column"
        failures.add(DUPLICATE_RULE, ALL_COLUMNS, again, values, "error", message)
