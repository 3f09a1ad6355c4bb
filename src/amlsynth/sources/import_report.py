"""What an import did to a table, kept with the cohort so that a reader can retrace it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.failures import Failures
from amlsynth.cohort.tables import type_frame
from amlsynth.cohort.validation import ALL_COLUMNS, DUPLICATE_RULE, EMPTY_RULE, validate
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.text import counted
from amlsynth.sources.import_summary import VariableSummary, summarise, table_lines
from amlsynth.sources.plausibility import column_warnings


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceFile(_Record):
    name: str
    sha256: str


class Dropped(_Record):
    reason: str
    rows: int


class Broken(_Record):
    """A rule of the dictionary that the original breaks, with the severity of a warning."""

    rule: str
    column: str
    patients: int


class ImportReport(_Record):
    """What was read, dropped, mapped, lost and left out.

    It travels in the cohort's `about.provenance["import"]`, beside the original, and holds statistics of it
    (`summary`); no row.
    """

    source: str = Field(description="where the files are from")
    files: list[SourceFile]
    rows_read: int
    rows_kept: int
    dropped: list[Dropped] = Field(default_factory=list)
    mapped: dict[str, str] = Field(description="variable -> the source column and its conversion")
    not_assessed: list[str] = Field(description="variables that are NA for every patient")
    panels: list[list[str]] = Field(
        default_factory=list, description="variables that are assessed together or not at all, as declared"
    )
    set_to_missing: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="variable -> source value without a counterpart, or missing code -> cells that became NA",
    )
    na_from_expressions: dict[str, int] = Field(
        default_factory=dict, description="variable -> rows in which its expression could not be told"
    )
    steps: dict[str, float] = Field(
        default_factory=dict,
        description="variable -> step in which the source records it, in the dictionary's unit, where known",
    )
    notes: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list, description="what looks wrong and breaks no rule")
    rules_broken: list[Broken] = Field(default_factory=list)
    summary: list[VariableSummary] = Field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return the report as sentences, and a table, for a terminal or a log."""
        lines = [f"Read {counted(self.rows_read, 'row')} from {', '.join(file.name for file in self.files)}."]
        lines += [f"Dropped {counted(item.rows, 'row')}: {item.reason}." for item in self.dropped]
        lines.append(
            f"Kept {counted(self.rows_kept, 'patient')}, with {counted(len(self.mapped), 'variable')} mapped."
        )
        if self.not_assessed:
            lines.append(f"Not assessed, so NA for all: {', '.join(self.not_assessed)}.")
        lines += [f"Assessed together or not at all: {', '.join(panel)}." for panel in self.panels]
        for variable, values in self.set_to_missing.items():
            shown = ", ".join(f"{value!r} ({counted(rows, 'row')})" for value, rows in values.items())
            lines.append(f"{variable} is NA where the source has {shown}.")
        lines += self.notes
        lines += [
            f"The rule {item.rule} ({item.column}) is broken by {counted(item.patients, 'patient')}; "
            "in original data this is a warning."
            for item in self.rules_broken
        ]
        if self.summary:
            lines += ["", *table_lines(self.summary), ""]
        assumed = [item for item in self.summary if item.assumed and item.n]
        if assumed:
            shown = ", ".join(
                f"{item.variable} in {item.unit} (median {item.median:.3g})" for item in assumed
            )
            lines.append(f"Units assumed, since the mapping names none: {shown}. Add unit: to be sure.")
        lines += [f"Warning: {warning}" for warning in self.warnings]
        return lines


@dataclass(frozen=True)
class SourceWords:
    """How an import speaks of its source.

    Attributes
    ----------
    rows : for each row of the frame, the number of the source's row (from 1).
    cells : (variable, row of the frame from 0) -> its cells, as "column 'hb' (line 2): '105'", or "".
    hints : variable -> what may be wrong with all of its column.
    problems, misuse : sentences about data and about the mapping that were found before; with the failures
        they are raised as one error.
    unsure : variables that could not be read, of which no rule is held.
    limit : failures to list; 0 lists all.
    """

    rows: npt.NDArray[np.int64]
    cells: Callable[[str, int], str] = lambda variable, row: ""
    hints: Callable[[str], str] = lambda variable: ""
    problems: Sequence[str] = ()
    misuse: Sequence[str] = ()
    unsure: Collection[str] = ()
    limit: int = 10

    def sentences(self, failures: pd.DataFrame, total: int, source: str) -> list[str]:
        """Return hints, then a sentence a failure in the source's words, then how to list the rest."""
        names = dict.fromkeys(name for text in failures["column"] for name in text.split(", "))
        lines = [f"{source}: {hint}" for name in names if (hint := self.hints(name))]
        shown = failures if self.limit == 0 else failures.head(self.limit)
        lines += [self._sentence(item, source) for item in shown.itertuples()]
        if total > len(shown):
            lines.append(f"{source}: {total - len(shown):,} more; import with --limit 0 to list them all.")
        return lines

    def _sentence(self, item: Any, source: str) -> str:
        row = item.row - 1
        start = f"{source}: row {self.rows[row]}, "
        if item.rule in (DUPLICATE_RULE, EMPTY_RULE):
            value = item.value.removeprefix("the same as row ")
            same = f"the same as row {self.rows[int(value) - 1]}; " if value.isdigit() else ""
            return f"{start}{same}breaks the rule {item.rule}: {item.message}."
        cells = [text for name in item.column.split(", ") if (text := self.cells(name, row))]
        if not cells:
            return f"{start}column {item.column}: {item.value!r} breaks the rule {item.rule}: {item.message}."
        return (
            f"{start}{', '.join(cells)}: {item.column} would be {item.value}, which breaks the rule "
            f"{item.rule}: {item.message}."
        )


def imported_cohort(
    frame: pd.DataFrame,
    about: About,
    report: ImportReport,
    words: SourceWords,
    source: str,
    d: Dictionary,
    units: dict[str, str | None] | None = None,
) -> Cohort:
    """Type and validate what was imported, and add the report to its provenance.

    Parameters
    ----------
    frame : the dictionary's columns, one row a patient.
    words : how messages speak of the source's rows and cells.
    source : the name of the source in messages.
    units : mapped variable -> the unit that the mapping names; None where it names none.

    Raises
    ------
    UsageError, DataError
        The mapping, cells or rules are wrong: every problem in one list. Rows are those of the source.
    """
    if len(frame) == 0 and not words.problems and not words.misuse:
        raise DataError(f"{source}: no patients are left after rows were dropped. Check the conditions.")
    problems = [*words.misuse, *words.problems]
    found = Failures()
    if len(frame):
        parsed = type_frame(frame, d, source)
        validation = validate(parsed.frame, "original", d)
        found = parsed.failures
        found.extend(validation.found)
        errors, total = _errors(found, words.unsure)
        if total:
            problems += words.sentences(errors, total, source)
    if problems:
        raise (UsageError if words.misuse else DataError)("\n".join(problems))
    counts = validation.by_rule()
    broken = [
        Broken(rule=str(item.rule), column=str(item.column), patients=int(str(item.failures)))
        for item in counts.itertuples()
    ]
    mapped = units if units is not None else {name: d[name].unit for name in report.mapped}
    full = report.model_copy(
        update={
            "rules_broken": broken,
            "summary": summarise(parsed.frame, d, mapped),
            "warnings": [*report.warnings, *column_warnings(parsed.frame, d, list(mapped))],
        }
    )
    provenance: dict[str, Any] = {"import": full.model_dump(mode="json")}
    return Cohort(parsed.frame, "original", about.model_copy(update={"provenance": provenance}), d)


def _is_of_one_cell(column: str) -> bool:
    return ", " not in column and column != ALL_COLUMNS


def _errors(found: Failures, unsure: Collection[str]) -> tuple[pd.DataFrame, int]:
    """Return the errors that stand on their own, and how many there are beyond those listed.

    A rule between variables says nothing where one of its cells is already wrong.
    """
    table = found.table()
    table = table[table["severity"] == "error"]
    places = [(int(row), str(column)) for row, column in zip(table["row"], table["column"], strict=True)]
    single = {(row, column) for row, column in places if _is_of_one_cell(column)}
    rows = {row for row, _ in single}

    def alone(row: int, column: str) -> bool:
        if column == ALL_COLUMNS:  # what was left of a row says nothing about the whole
            return not unsure and row not in rows
        return not any((row, name) in single or name in unsure for name in column.split(", "))

    stands = [_is_of_one_cell(column) or alone(row, column) for row, column in places]
    unlisted = found.count("error") - len(table)
    kept = table[np.array(stands, dtype=bool)] if len(table) else table
    return kept, len(kept) + unlisted
