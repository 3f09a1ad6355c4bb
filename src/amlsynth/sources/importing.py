"""The columns of a table turned into the dictionary's, as a mapping says: translate, convert, derive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.text import counted
from amlsynth.foundation.yamlfile import line_of, read_yaml
from amlsynth.sources.cells import codes_of, looks_like_a_limit, to_numbers, typed, without_codes
from amlsynth.sources.empty_rows import empty_rows, summary_rows
from amlsynth.sources.import_report import Dropped
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.mapping_file import MISSING, ColumnMapping, DropRule, Mapping
from amlsynth.sources.plausibility import GivenNumbers, as_floats
from amlsynth.sources.source_table import SourceTable, as_text, by_value
from amlsynth.sources.steps import stated_step
from amlsynth.sources.units import factor

_DECIMALS = 6  # of converted numbers; what a factor adds beyond is noise
_SHOWN = 10  # values of a column, or rows, in a message
# Rows without any mapped value that are left out without a question: what legends and totals need.
_FEW_EMPTY = 5
_FEW_EMPTY_SHARE = 0.02
_FLAWS = {
    "formula": "formulas without a stored result; open the file in Excel or LibreOffice and save it",
    "error": "errors such as #DIV/0!; correct the formulas or empty the cells",
    "merged": "hidden by merged cells; unmerge them and fill in every row",
}
_LIKE_A_DATE = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
_Place = tuple[str | int, ...]


@dataclass
class Importing:
    """The rows of a source, on their way to the dictionary's columns; what went wrong is kept, not raised."""

    plan: Mapping
    d: Dictionary
    table: SourceTable
    data: Path
    mapping: Path
    kept: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    absent: set[str] = field(default_factory=set)  # variables whose column the source does not have
    mapped: dict[str, str] = field(default_factory=dict)
    set_to_missing: dict[str, dict[str, int]] = field(default_factory=dict)
    na_from_expressions: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    misuse: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    numbers: dict[str, GivenNumbers] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)  # (column, flaw) that are problems already

    def check_columns(self) -> None:
        """Find every column that the mapping names and the table does not have, or cannot give."""
        known = list(self.table.frame.columns)
        wanted: list[tuple[str | None, _Place, str]] = []
        for name, entry in self.plan.columns.items():
            key = "from" if entry.column is not None else "expression"
            wanted += [(name, ("columns", name, key), column) for column in entry.sources]
        for position, rule in self._drop_rules():
            place: _Place = ("drop_rows_where", position, "expression")
            wanted += [(None, place, column) for column in parse_expression(rule.expression).names]
        optional = {name for name, entry in self.plan.columns.items() if entry.optional}
        wrong = [item for item in wanted if item[2] not in known]
        self.absent = {name for name, _, _ in wrong if name is not None}
        skipped = [name for name in self.d.names if name in self.absent & optional]
        if skipped:
            self.notes.append(f"Not in {self.data.name}, so not assessed: {', '.join(skipped)}.")
        wrong = [item for item in wrong if item[0] not in optional]
        for variable, place, column in wanted:
            if column in self.table.unusable and variable not in self.absent:
                self.misuse.append(f"{self._at(place)}: the column {column!r} {self.table.unusable[column]}.")
                self.absent |= {variable} if variable else set()
        if not wrong:
            return
        self.misuse += [
            f"{self._at(place)}: {self.data.name} has no column {column!r}.{did_you_mean(column, known)}"
            for _, place, column in wrong
        ]
        shown = ", ".join(repr(name) for name in known[:100]) + (", ..." if len(known) > 100 else "")
        if len(known) == 1:
            shown += ". A single column often means another delimiter: set source.delimiter"
        self.misuse.append(f"Columns of {self.data.name}: {shown}.")
        if any(name is None for name, _, _ in wrong):
            raise UsageError("\n".join(self.misuse))  # without the rows to drop nothing else can be judged

    def leave_out_rows(self, allow_empty_rows: bool) -> list[Dropped]:
        """Leave out rows without a mapped value, then those that the mapping drops."""
        empty = empty_rows(self.table, self.plan, self.d, self.absent)
        summaries = summary_rows(self.table, self.plan) & ~empty
        dropped = []
        if summaries.any():
            rows = [f"{row + 1}{self.table.place(row)}" for row in np.flatnonzero(summaries).tolist()]
            reason = f"sums, means or counts of the others, so no patients (row {', '.join(rows[:_SHOWN])})"
            dropped.append(Dropped(reason=reason, rows=int(summaries.sum())))
        n = int(empty.sum())
        if n:
            rows = [f"{row + 1}{self.table.place(row)}" for row in np.flatnonzero(empty).tolist()]
            shown = ", ".join(rows[:_SHOWN]) + (", ..." if n > _SHOWN else "")
            if n > max(_FEW_EMPTY, _FEW_EMPTY_SHARE * len(empty)) and not allow_empty_rows:
                raise DataError(
                    f"{self.data}: {n:,} of {len(empty):,} rows have no value in any mapped column: rows "
                    f"{shown}. Check that the right columns are mapped; if these rows are no patients, "
                    "import with --allow-empty-rows to leave them out."
                )
            reason = f"no value in any mapped column, so no patients (row{'s' * (n > 1)} {shown})"
            dropped.append(Dropped(reason=reason, rows=n))
        kept = ~(empty | summaries)
        self.kept = np.flatnonzero(kept)
        for position, rule in self._drop_rules():
            place = ("drop_rows_where", position, "expression")
            hit = np.zeros(len(empty), dtype=bool)
            hit[self.kept] = self._evaluated(rule.expression, None, place, lambda e, c: e.holds(c))
            kept &= ~hit
            self.kept = np.flatnonzero(kept)
            dropped.append(Dropped(reason=rule.reason, rows=int(hit.sum())))
        return dropped

    def _drop_rules(self) -> list[tuple[int, DropRule]]:
        """Return the rules that apply, with their positions: optional ones only where their columns are."""
        known = self.table.frame.columns
        return [
            (position, rule)
            for position, rule in enumerate(self.plan.drop_rows_where)
            if not rule.optional or all(name in known for name in parse_expression(rule.expression).names)
        ]

    def frame(self) -> pd.DataFrame:
        """Return the dictionary's columns of the rows that are kept."""
        columns = {}
        for variable in self.d.variables:
            entry = self.plan.columns.get(variable.name)
            columns[variable.name] = (
                pd.Series(pd.NA, index=self.kept, dtype=variable.dtype)
                if entry is None or variable.name in self.absent
                else self._column(variable, entry)
            )
        return pd.DataFrame(columns).reset_index(drop=True)

    def _at(self, place: _Place) -> str:
        _, lines = read_yaml(self.mapping, what="mapping", aliases=True)
        return f"{self.mapping}:{line_of(lines, place)}: {'.'.join(map(str, place))}"

    def _evaluated(
        self,
        text: str,
        entry: ColumnMapping | None,
        place: _Place,
        how: Callable[[Any, Any], Any],
    ) -> Any:
        """Evaluate an expression on the kept rows; columns of which every cell is a number are numbers."""
        expression = parse_expression(text)
        source, frame = self.plan.source, self.table.frame.loc[self.kept]
        columns = {}
        for name in expression.names:
            cells = without_codes(frame[name], codes_of(entry, source), source)
            columns[name] = typed(cells.values, source)
            self._count_codes(place, cells.codes)
            self._refuse_flaws(name)
        if not columns:  # a constant: the length must come from somewhere
            columns = {str(frame.columns[0]): frame.iloc[:, 0]}
        try:
            return how(expression, columns)
        except UsageError as error:
            hint = self._text_hint(columns)
            at = self._at(place).removesuffix(": " + ".".join(map(str, place)))
            self.misuse.append(f"{at}: {error}{hint}")
            if place[0] == "columns":
                self.unsure.add(str(place[1]))
                return pd.Series(pd.NA, index=self.kept, dtype="Float64")
            raise UsageError("\n".join(self.misuse)) from error

    def _text_hint(self, columns: dict[str, pd.Series[Any]]) -> str:
        """Return which columns of an expression are text, and the first cell for which they are."""
        source, shown = self.plan.source, []
        for name, column in columns.items():
            if column.dtype != "string" or column.isna().all():
                continue
            as_dates = source.dates is not None and pd.to_datetime(
                column, format=source.dates, errors="coerce"
            )
            if source.dates is not None and pd.Series(as_dates).notna().any():
                first = np.flatnonzero((pd.Series(as_dates).isna() & column.notna()).to_numpy(dtype=bool))[0]
                row = int(self.kept[first])
                cell = str(column.iloc[first])[:40]
                shown.append(
                    f" Read as text, since not every cell is a date: {name!r} (row {row + 1}"
                    f"{self.table.place(row, name)}: {cell!r})."
                )
            elif source.dates is None and column.str.fullmatch(_LIKE_A_DATE).any():
                shown.append(
                    f" {name!r} seems to hold dates: say how they are written, such as source.dates: "
                    "'%d.%m.%Y'."
                )
            else:
                shown.append(f" Read as text, since not every cell is a number: {name!r}.")
        return "".join(shown)

    def _count_codes(self, place: _Place, codes: dict[str, int]) -> None:
        if codes and place[0] == "columns":
            counts = self.set_to_missing.setdefault(str(place[1]), {})
            for code, n in codes.items():
                counts[code] = counts.get(code, 0) + n

    def _column(self, variable: Variable, entry: ColumnMapping) -> pd.Series[Any]:
        name, source = variable.name, self.plan.source
        place: _Place = ("columns", name, "expression")
        if entry.column is not None:
            where = f"column {entry.column!r}"
            self._refuse_flaws(entry.column)
            cells = without_codes(
                self.table.frame[entry.column].iloc[self.kept], codes_of(entry, source), source
            )
            self._count_codes(place, cells.codes)
            column = cells.values
            self.mapped[name] = entry.column
        else:
            text = entry.expression or ""
            where = f"the expression of {name}"
            column = self._evaluated(text, entry, place, lambda e, c: e.evaluate(c, variable))
            self.mapped[name] = f"expression {text}"
            missing = int(column.isna().sum())
            if missing:
                self.na_from_expressions[name] = missing
        if variable.is_categorical:
            return self._categories(variable, entry, column, where)
        return self._numbers(variable, entry, column, where)

    def _categories(
        self, variable: Variable, entry: ColumnMapping, column: pd.Series[Any], where: str
    ) -> pd.Series[Any]:
        text = as_text(column, self.plan.source.decimal)
        translation: dict[str, Any] = {str(value): value for value in variable.values}
        if entry.values is not None:
            translation = {given: translation.get(target) for given, target in entry.values.items()}
        elif variable.type != "category":
            translation |= {"1.0": 1, "0.0": 0}
        if entry.values is not None and "" in entry.values:
            text = text.fillna("")
        counts = text.value_counts()
        self._check_values(variable, counts, translation, where, entry)
        if entry.values is not None:
            pairs = ", ".join(f"{given} is {target}" for given, target in entry.values.items())
            self.mapped[variable.name] += f" ({pairs})"
            lost = {str(v): int(n) for v, n in counts.items() if translation.get(str(v), 0) is None}
            if lost:
                known = self.set_to_missing.get(variable.name, {})
                self.set_to_missing[variable.name] = dict(sorted((known | lost).items()))
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
        shown = ", ".join(f"{value[:40]!r} ({counted(n, 'row')})" for value, n in unknown[:_SHOWN])
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
        self.unsure.add(variable.name)
        self.problems.append(
            f"{self.data}: {where} has values that the mapping does not know for {variable.name}: "
            f"{shown}{more}. {remedy}"
        )

    def _numbers(
        self, variable: Variable, entry: ColumnMapping, column: pd.Series[Any], where: str
    ) -> pd.Series[Any]:
        read = to_numbers(column, self.plan.source, entry.limits)
        if read.wrong.any():
            self._refuse_text(variable, column, read.wrong, where)
        if read.lost:
            self.set_to_missing[variable.name] = self.set_to_missing.get(variable.name, {}) | read.lost
        if read.at_limit:
            self.notes.append(
                f"{variable.name}: {read.at_limit:,} values beyond a limit, such as <0.1, are kept at "
                "the limit."
            )
        numbers = read.values
        self.numbers[variable.name] = GivenNumbers(as_floats(numbers), entry.unit, where)
        times = factor(variable, entry.unit, self.d) if entry.unit is not None else 1.0
        step = stated_step(variable, entry)
        if step is not None:
            self.steps[variable.name] = float(f"{step * times:.15g}")
        if entry.unit is None:
            return numbers
        if times == 1.0:
            self.mapped[variable.name] += f" ({entry.unit})"
            return numbers
        per = 1 / times
        divided = times < 0.1 and variable.unit in ("months", "years")
        shown = f"/ {per:.10g}" if divided else f"x {times:.10g}"
        converted = (numbers.astype("Float64") * times).round(_DECIMALS)
        if variable.type == "integer":  # completed years
            shown += ", rounded down"
            converted = converted.map(np.floor, na_action="ignore").astype("Float64")
        self.mapped[variable.name] += f" ({entry.unit} {shown})"
        return converted

    def _refuse_text(
        self, variable: Variable, column: pd.Series[Any], wrong: npt.NDArray[np.bool_], where: str
    ) -> None:
        first = int(np.flatnonzero(wrong)[0])
        cell = str(column.iloc[first])[:40]
        more = f"; {int(wrong.sum()) - 1:,} more such cells" if wrong.sum() > 1 else ""
        source, name = self.plan.source, self.plan.columns[variable.name].column
        remedy = "Correct the cell, or set source.decimal, source.thousands or source.missing in the mapping."
        if looks_like_a_limit(cell, source):
            remedy = (
                f"Say under columns.{variable.name} what such values become: limits: limit keeps them at the "
                "limit, limits: NA takes them as missing."
            )
        self.unsure.add(variable.name)
        self.problems.append(
            f"{self.data}: row {self.kept[first] + 1}, "
            f"{where}{self.table.place(int(self.kept[first]), name)}: {cell!r} is no number for "
            f"{variable.name} with the decimal sign {source.decimal!r}{more}. {remedy}"
        )

    def _refuse_flaws(self, column: str) -> None:
        """Refuse cells of a needed column that have no value; rows that are left out do not matter."""
        rows = set(self.kept.tolist())
        for flaw, remedy in _FLAWS.items():
            cells = [
                c for row, c in self.table.flaws.get(column, {}).items() if c.flaw == flaw and row in rows
            ]
            if not cells or (column, flaw) in self.told:
                continue
            self.told.add((column, flaw))
            shown = ", ".join(cell.address for cell in cells[:_SHOWN]) + (
                ", ..." if len(cells) > _SHOWN else ""
            )
            self.problems.append(
                f"{self.data}: column {column!r}: {len(cells):,} cell{'s' * (len(cells) > 1)} without a "
                f"value ({shown}): {remedy}."
            )

    def cells(self, variable: str, row: int) -> str:
        """Return the cells that a value was made from: column, place and text."""
        entry = self.plan.columns.get(variable)
        if entry is None:
            return ""
        at = int(self.kept[row])
        parts = []
        for column in entry.sources:
            cell = as_text(self.table.frame[column].loc[[at]], self.plan.source.decimal).iloc[0]
            shown = "blank" if pd.isna(cell) else repr(str(cell)[:40])
            parts.append(f"column {column!r}{self.table.place(at, column)}: {shown}")
        return ", ".join(parts)
