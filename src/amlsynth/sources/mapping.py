"""Import of a steward's own table by a mapping: rename, translate, convert, derive, drop, check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.expressions.evaluate import parse
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.files import sha256
from amlsynth.foundation.yamlfile import line_of, read_yaml, read_yaml_model
from amlsynth.sources.import_report import Dropped, ImportReport, SourceFile, imported_cohort
from amlsynth.sources.mapping_file import MISSING, ColumnMapping, Mapping
from amlsynth.sources.source_table import by_value, read_source, to_number
from amlsynth.sources.units import factor

_DECIMALS = 6  # of converted numbers; what a factor adds beyond is noise
_SHOWN = 10  # values of a column in a message
_Place = tuple[str | int, ...]


def import_mapped(data: Path, mapping: Path, *, d: Dictionary | None = None) -> Cohort:
    """Import a table as its mapping says.

    Parameters
    ----------
    data : a CSV, TSV, XLSX or Parquet file, one row a patient.
    mapping : the YAML file; see `cohorts.mapping_file.Mapping` and docs/mapping-example.yaml.
    d : the dictionary that the mapping leads to; that of AML when not given.

    Returns
    -------
    Cohort
        Role "original"; `about.provenance["import"]` tells what was dropped, mapped, converted and not
        assessed, the SHA-256 of both files, and which rules the original breaks.

    Raises
    ------
    UsageError
        The mapping is wrong, or speaks of columns that the table does not have; each place is named as
        FILE:LINE.
    DataError
        The table cannot be read, has values that the mapping does not know, or breaks the dictionary.
    """
    data, mapping = Path(data), Path(mapping)
    d = d or dictionary()
    plan = read_yaml_model(mapping, Mapping, what="mapping", context=d)
    table = read_source(data, plan.source)
    _check_columns(plan, mapping, table, data)
    kept, dropped = _drop(plan, table, mapping)
    importing = _Import(plan, d, table[kept], np.flatnonzero(kept) + 1, data, mapping)
    frame = importing.frame()
    report = ImportReport(
        source="a table of the steward",
        files=[SourceFile(name=path.name, sha256=sha256(path)) for path in (data, mapping)],
        rows_read=len(table),
        rows_kept=int(kept.sum()),
        dropped=dropped,
        mapped=importing.mapped,
        not_assessed=[name for name in d.names if name in plan.not_assessed],
        set_to_missing=importing.set_to_missing,
    )
    statement = plan.statement or f"Imported from {data.name} with the mapping {mapping.name}."
    about = About(name=plan.name, title=plan.title, simulated=plan.simulated, statement=statement)
    return imported_cohort(frame, about, report, importing.rows, str(data), d)


def _check_columns(plan: Mapping, mapping: Path, table: pd.DataFrame, data: Path) -> None:
    """Find every column that the mapping names and the table does not have."""
    wanted: list[tuple[_Place, str]] = []
    for name, entry in plan.columns.items():
        if entry.column is not None:
            wanted.append((("columns", name, "from"), entry.column))
        else:
            names = parse(entry.expression or "").names
            wanted += [(("columns", name, "expression"), column) for column in names]
    for position, rule in enumerate(plan.drop_rows_where):
        names = parse(rule.expression).names
        wanted += [(("drop_rows_where", position, "expression"), column) for column in names]
    known = [str(name) for name in table.columns]
    wrong = [(place, column) for place, column in wanted if column not in known]
    if not wrong:
        return
    _, lines = read_yaml(mapping, what="mapping")
    problems = [
        f"{mapping}:{line_of(lines, place)}: {'.'.join(map(str, place))}: {data.name} has no column "
        f"{column!r}.{did_you_mean(column, known)}"
        for place, column in wrong
    ]
    shown = ", ".join(repr(name) for name in known[:100]) + (", ..." if len(known) > 100 else "")
    if len(known) == 1:
        shown += ". A single column often means another delimiter: set source.delimiter"
    raise UsageError("\n".join([*problems, f"Columns of {data.name}: {shown}."]))


def _drop(plan: Mapping, table: pd.DataFrame, mapping: Path) -> tuple[np.ndarray[Any, Any], list[Dropped]]:
    kept = np.ones(len(table), dtype=bool)
    dropped = []
    for position, rule in enumerate(plan.drop_rows_where):
        place = ("drop_rows_where", position, "expression")
        hit = _evaluated(rule.expression, table, plan, (mapping, place), lambda e, c: e.holds(c)) & kept
        kept &= ~hit
        dropped.append(Dropped(reason=rule.reason, rows=int(hit.sum())))
    return kept, dropped


def _evaluated(
    text: str,
    table: pd.DataFrame,
    plan: Mapping,
    at: tuple[Path, _Place],
    how: Callable[[Any, Any], Any],
) -> Any:
    """Evaluate an expression, with columns of which every cell is a number taken as numbers."""
    expression = parse(text)
    columns = {name: _numbers_or_text(table[name], plan.source.decimal) for name in expression.names}
    if not columns:  # a constant: the length must come from somewhere
        columns = {str(table.columns[0]): table.iloc[:, 0]}
    try:
        return how(expression, columns)
    except UsageError as error:
        text_columns = [repr(name) for name, column in columns.items() if column.dtype == "string"]
        hint = f" Read as text, since not every cell is a number: {', '.join(text_columns)}."
        mapping, place = at
        line = line_of(read_yaml(mapping, what="mapping")[1], place)
        raise UsageError(f"{mapping}:{line}: {error}{hint if text_columns else ''}") from error


def _numbers_or_text(column: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    if column.dtype != "string":
        return column
    numbers, bad = _as_numbers(column, decimal)
    return column if bad.any() or column.isna().all() else numbers


def _as_numbers(column: pd.Series[Any], decimal: str) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the numbers of a text column, and where there is text that is none."""
    numbers = by_value(column, lambda text: to_number(text, decimal), "Float64")
    return numbers, numbers.isna() & column.notna()


@dataclass
class _Import:
    """The rows that were kept, on their way to the dictionary's columns."""

    plan: Mapping
    d: Dictionary
    table: pd.DataFrame
    rows: np.ndarray[Any, Any]
    data: Path
    mapping: Path
    mapped: dict[str, str] = field(default_factory=dict)
    set_to_missing: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """Return the dictionary's columns; raise DataError with the problems of all of them."""
        columns = {}
        for variable in self.d.variables:
            entry = self.plan.columns.get(variable.name)
            columns[variable.name] = (
                pd.Series(pd.NA, index=self.table.index, dtype=variable.dtype)
                if entry is None
                else self._column(variable, entry)
            )
        if self.problems:
            raise DataError("\n".join(self.problems))
        return pd.DataFrame(columns).reset_index(drop=True)

    def _column(self, variable: Variable, entry: ColumnMapping) -> pd.Series[Any]:
        if entry.column is not None:
            where, column = f"column {entry.column!r}", self.table[entry.column]
            self.mapped[variable.name] = entry.column
        else:
            text = entry.expression or ""
            where = f"the expression of {variable.name}"
            at = (self.mapping, ("columns", variable.name, "expression"))
            column = _evaluated(text, self.table, self.plan, at, lambda e, c: e.evaluate(c))
            self.mapped[variable.name] = f"expression {text}"
        if variable.is_categorical:
            return self._categories(variable, entry, column, where)
        return self._numbers(variable, entry, column, where)

    def _categories(
        self, variable: Variable, entry: ColumnMapping, column: pd.Series[Any], where: str
    ) -> pd.Series[Any]:
        text = column if column.dtype == "string" else _numbers_as_text(column)
        translation: dict[str, Any] = {str(value): value for value in variable.values}
        if entry.values is not None:
            translation = {given: translation.get(target) for given, target in entry.values.items()}
        elif variable.type != "category":
            translation |= {"1.0": 1, "0.0": 0}
        counts = text.value_counts()
        self._check_values(variable, counts, translation, where, entry)
        if entry.values is not None:
            pairs = ", ".join(f"{given} is {target}" for given, target in entry.values.items())
            self.mapped[variable.name] += f" ({pairs})"
            lost = {str(v): int(n) for v, n in counts.items() if translation.get(str(v), 0) is None}
            if lost:
                self.set_to_missing[variable.name] = dict(sorted(lost.items()))
        return by_value(text, translation.get, variable.dtype)

    def _check_values(
        self,
        variable: Variable,
        counts: pd.Series[Any],
        translation: dict[str, Any],
        where: str,
        entry: ColumnMapping,
    ) -> None:
        unknown = [(str(value), int(n)) for value, n in counts.items() if value not in translation]
        if not unknown:
            return
        shown = ", ".join(f"{value[:40]!r} ({n:,} rows)" for value, n in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        remedy = (
            f"Add them to columns.{variable.name}.values in {self.mapping.name}, with {MISSING} for what "
            "has no counterpart."
        )
        if entry.values is None:
            choices = ", ".join(str(value) for value in variable.values)
            remedy = (
                f"Say in {self.mapping.name} under columns.{variable.name}.values what each means: {choices}."
            )
        self.problems.append(
            f"{self.data}: {where} has values that the mapping does not know for {variable.name}: "
            f"{shown}{more}. {remedy}"
        )

    def _numbers(
        self, variable: Variable, entry: ColumnMapping, column: pd.Series[Any], where: str
    ) -> pd.Series[Any]:
        if column.dtype == "string":
            numbers, bad = _as_numbers(column, self.plan.source.decimal)
            if bad.any():
                first = int(np.flatnonzero(bad)[0])
                more = f"; {int(bad.sum()) - 1:,} more such cells" if bad.sum() > 1 else ""
                self.problems.append(
                    f"{self.data}: row {self.rows[first]}, {where}: {str(column.iloc[first])[:40]!r} is no "
                    f"number for {variable.name} with the decimal sign {self.plan.source.decimal!r}{more}. "
                    "Correct the cell, or set source.decimal or source.missing in the mapping."
                )
            column = numbers
        if entry.unit is None:
            return column
        times = factor(variable, entry.unit, self.d)
        if times == 1.0:
            self.mapped[variable.name] += f" ({entry.unit})"
            return column
        per = 1 / times
        shown = f"/ {per:.10g}" if times < 0.1 and variable.unit == "months" else f"x {times:.10g}"
        self.mapped[variable.name] += f" ({entry.unit} {shown})"
        return (column.astype("Float64") * times).round(_DECIMALS)


def _numbers_as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return the shortest text of each number, 1 for 1.0 and for True."""
    return by_value(column.astype("Float64"), lambda number: f"{number:.15g}", "string")
