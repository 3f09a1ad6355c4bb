"""What an import did to a table, kept with the cohort so that a reader can retrace it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.failures import Failures
from amlsynth.cohort.tables import type_frame
from amlsynth.cohort.validation import validate
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError


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
    """What was read, dropped, mapped and left out; counts only, no patient's values.

    It travels in the cohort's `about.provenance["import"]`.
    """

    source: str = Field(description="where the files are from")
    files: list[SourceFile]
    rows_read: int
    rows_kept: int
    dropped: list[Dropped] = Field(default_factory=list)
    mapped: dict[str, str] = Field(description="variable -> the source column and its conversion")
    not_assessed: list[str] = Field(description="variables that are NA for every patient")
    set_to_missing: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="variable -> source value without a counterpart -> rows"
    )
    steps: dict[str, float] = Field(
        default_factory=dict,
        description="variable -> step in which the source records it, in the dictionary's unit, where known",
    )
    notes: list[str] = Field(default_factory=list)
    rules_broken: list[Broken] = Field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return the report as sentences for a terminal or a log."""
        lines = [f"Read {self.rows_read:,} rows from {', '.join(file.name for file in self.files)}."]
        lines += [f"Dropped {item.rows:,} rows: {item.reason}." for item in self.dropped]
        lines.append(f"Kept {self.rows_kept:,} patients; {len(self.mapped)} variables are mapped.")
        if self.not_assessed:
            lines.append(f"Not assessed, so NA for all: {', '.join(self.not_assessed)}.")
        for variable, values in self.set_to_missing.items():
            shown = ", ".join(f"{value!r} ({rows:,} rows)" for value, rows in values.items())
            lines.append(f"{variable} is NA where the source has {shown}.")
        lines += self.notes
        lines += [
            f"{item.patients:,} patients break the rule {item.rule} ({item.column}); "
            "in original data this is a warning."
            for item in self.rules_broken
        ]
        return lines


def imported_cohort(
    frame: pd.DataFrame,
    about: About,
    report: ImportReport,
    rows: npt.NDArray[np.int64],
    source: str,
    d: Dictionary,
) -> Cohort:
    """Type and validate what was imported, and add the report to its provenance.

    Parameters
    ----------
    frame : the dictionary's columns, one row a patient.
    rows : for each row of `frame`, the number of the source's row (from 1), for the messages.
    source : the name of the source in messages.

    Raises
    ------
    DataError
        Cells or rules are wrong; the message names rows of the source, not of the result.
    """
    if len(frame) == 0:
        raise DataError(f"{source}: no patients are left after rows were dropped. Check the conditions.")
    parsed = type_frame(frame, d, source)
    _in_source_rows(parsed.failures, rows).raise_if_any(source)
    validation = validate(parsed.frame, "original", d)
    if not validation.ok:
        _in_source_rows(validation.found, rows).raise_if_any(source)
    counts = validation.by_rule()
    broken = [
        Broken(rule=str(item.rule), column=str(item.column), patients=int(str(item.failures)))
        for item in counts.itertuples()
    ]
    full = report.model_copy(update={"rules_broken": broken})
    provenance: dict[str, Any] = {"import": full.model_dump(mode="json")}
    return Cohort(parsed.frame, "original", about.model_copy(update={"provenance": provenance}), d)


def _in_source_rows(failures: Failures, rows: npt.NDArray[np.int64]) -> Failures:
    """Renumber the rows of failures, those in the values of duplicates included."""

    def renumbered(match: re.Match[str]) -> str:
        return f"the same as row {rows[int(match.group(1)) - 1]}"

    for part in failures.parts:
        part["row"] = rows[part["row"].to_numpy() - 1]
        part["value"] = [re.sub(r"^the same as row (\d+)$", renumbered, value) for value in part["value"]]
    return failures
