"""Rows of a table that are no patients: blank lines, separators, totals, means, ids alone, legends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.sources.cells import codes_of, to_numbers, without_codes
from amlsynth.sources.mapping_file import ColumnMapping, Mapping
from amlsynth.sources.source_table import SourceTable, as_text

_SUMMARY = (
    r"(?:summe|sum|gesamt|total|mittel(?:wert)?|mean|average|durchschnitt|median|min(?:imum)?|max(?:imum)?|sd|std|"
    r"stabw|standardabweichung|anzahl|count|n|iqr|range|\d?\.?\s*quartile?)\s*(?:[:=(].*)?"
)


def empty_rows(
    table: SourceTable, plan: Mapping, d: Dictionary, absent: Collection[str]
) -> npt.NDArray[np.bool_]:
    """Return the rows in which no mapped column has a value; flawed cells count as values.

    A row with one cell in all, which cannot be read as its variable, is a legend and empty too.

    Parameters
    ----------
    absent : variables whose columns the table does not have.

    Returns
    -------
    Shape (n,), True where a row is no patient.
    """
    frame = table.frame
    filled = np.zeros(len(frame), dtype=bool)
    readable = np.zeros(len(frame), dtype=bool)
    used = False
    for name, entry in plan.columns.items():
        for column in () if name in absent else entry.sources:
            used = True
            cells = without_codes(frame[column], codes_of(entry, plan.source), plan.source).values
            present = (cells.notna() & (cells != "")).fillna(False).to_numpy(dtype=bool)
            for row, cell in table.flaws.get(column, {}).items():
                present[row] |= cell.flaw != "merged"
            filled |= present
            readable |= present & _is_readable(plan, d[name], entry, cells)
    if not used:
        return np.zeros(len(frame), dtype=bool)
    legend = table.lone & ~readable if len(table.lone) else np.zeros(len(frame), dtype=bool)
    # A legend stands below or above the patients, never among them.
    patients = np.flatnonzero(filled & ~legend)
    if patients.size:
        legend[patients[0] : patients[-1]] = False
    return ~filled | legend


def summary_rows(table: SourceTable, plan: Mapping) -> npt.NDArray[np.bool_]:
    """Return the last rows that sum up the others: a word such as "Mean" in a column that is not mapped."""
    used = {column for entry in plan.columns.values() for column in entry.sources}
    found = np.zeros(len(table.frame), dtype=bool)
    for column in table.frame.columns:
        if column not in used and table.frame[column].dtype == "string":
            found |= table.frame[column].str.fullmatch(_SUMMARY, case=False).to_numpy(dtype=bool)
    others = np.flatnonzero(~found)
    if others.size:
        found[: others[-1]] = False  # a patient's cell may read so, too
    return found


def _is_readable(
    plan: Mapping, variable: Variable, entry: ColumnMapping, cells: pd.Series[Any]
) -> npt.NDArray[np.bool_]:
    if entry.column is None:
        return np.ones(len(cells), dtype=bool)
    if not variable.is_categorical:
        return ~to_numbers(cells, plan.source, entry.limits).wrong
    known = entry.values if entry.values is not None else [*map(str, variable.values), "1.0", "0.0"]
    return as_text(cells).isin(list(known)).to_numpy(dtype=bool, na_value=False)
