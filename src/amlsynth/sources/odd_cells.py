"""Cells that are read as they stand and were probably meant otherwise: codes, thousands, zeros, repeated ids.

Nothing of this breaks a rule, so all of it is a warning.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.text import counted
from amlsynth.sources.cells import without_codes
from amlsynth.sources.importing import Importing
from amlsynth.sources.karyotype import unread
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.source_table import as_text

_FEW = 3  # cells of one kind, from which they are no accident
_SHARE = 0.02  # of the cells
_CODE = re.compile(r"(?:9{2,4}|8{2,4}|7{2,4})(?:[.,]9)?")  # how offices write "unknown" in a number column
_THREE_DECIMALS = re.compile(r"\d{1,3}[.,]\d{3}")
_ID = re.compile(
    r"(?:p|pat|pt|patient|patienten|subj|subject|usubj|case|fall|record|proband|studien?|unique)?[ _.-]?"
    r"(?:id|nr|no|num|nummer|number|code|pseudonym)\.?",
    re.IGNORECASE,
)


def odd_cells(importing: Importing, frame: pd.DataFrame) -> list[str]:
    """Return what is odd about the cells of an import.

    Parameters
    ----------
    frame : the dictionary's columns as they were read.
    """
    return [
        *_forgotten_codes(importing),
        *_thousands(importing),
        *zero_times(frame, importing.d),
        *_repeated_ids(importing),
        *_used_twice(importing),
    ]


def karyotype_notes(importing: Importing) -> list[str]:
    """Return how many texts of the columns that `iscn` reads are no karyotype."""
    expressions = [entry.expression for entry in importing.plan.columns.values() if entry.expression]
    columns = {column for text in expressions for column in parse_expression(text).karyotypes}
    notes = []
    for column in sorted(columns & set(importing.table.frame.columns)):
        texts = importing.table.frame[column].iloc[importing.kept]
        no_karyotype = unread(
            without_codes(texts, importing.plan.source.missing, importing.plan.source).values
        )
        if len(no_karyotype):
            known = int((texts.notna() & (texts != "")).sum())
            notes.append(
                f"{int(no_karyotype.sum()):,} of {known:,} texts of {column!r} are no karyotype, and NA. To "
                f"list them: amlsynth cohort karyotypes {importing.data.name} --column {shlex.quote(column)}"
            )
    return notes


def zero_times(frame: pd.DataFrame, d: Dictionary) -> Iterator[str]:
    """Warn of survival times of 0 without an event, which stand for nothing that can be observed."""
    for endpoint in d.endpoints:
        zero = (frame[endpoint.time] == 0).fillna(False) & (frame[endpoint.status] != 1).fillna(True)
        if zero.sum() >= _FEW:
            yield (
                f"{endpoint.time}: {int(zero.sum()):,} patients without the event have a time of 0. If 0 "
                f"stands for unknown, set columns.{endpoint.time}.missing: [0] in the mapping."
            )


def _forgotten_codes(importing: Importing) -> Iterator[str]:
    """Warn of numbers such as 999 that are the largest of a column, stand alone, and repeat."""
    for name, given in importing.numbers.items():
        known = given.known()
        if not known.size:
            continue
        largest, count = float(known.max()), int((known == known.max()).sum())
        others = known[known < largest]
        far = not others.size or largest >= 1.1 * float(others.max())
        if count >= max(_FEW, _SHARE * known.size) and far and _CODE.fullmatch(f"{largest:g}"):
            yield (
                f"{name}: {largest:g} stands in {counted(count, 'cell')} of {given.where}, beyond all other "
                f"values. If it means unknown, set columns.{name}.missing: [{largest:g}]."
            )


def _thousands(importing: Importing) -> Iterator[str]:
    """Warn of columns in which whatever has a decimal sign has three decimals, such as 12.300."""
    for name in importing.numbers:
        entry = importing.plan.columns[name]
        if entry.column is None or importing.plan.source.thousands is not None:
            continue
        column = importing.table.frame[entry.column].iloc[importing.kept]
        if column.dtype != "string":
            continue
        cells = [str(cell) for cell in column[column != ""]]
        signed = [cell for cell in cells if re.search(r"[.,]", cell)]
        if len(signed) >= _FEW and all(_THREE_DECIMALS.fullmatch(cell) for cell in signed):
            sign = signed[0].lstrip("0123456789")[0]
            yield (
                f"{name}: every number of {entry.column!r} with the sign {sign!r} has three digits after it, "
                "as thousands have; it was read as a decimal sign. If it parts thousands, set "
                f"source.thousands: '{sign}'."
            )


def _repeated_ids(importing: Importing) -> Iterator[str]:
    """Warn of a column of ids in which some stand twice: perhaps a row a visit."""
    used = {column for entry in importing.plan.columns.values() for column in entry.sources}
    for column in map(str, importing.table.frame.columns):
        if column == importing.plan.key or (column not in used and _ID.fullmatch(column.strip())):
            ids = as_text(importing.table.frame[column].iloc[importing.kept]).dropna()
            again = int(ids.duplicated().sum())
            if again and again < len(ids) / 2 + 1 and ids.nunique() > _FEW:
                first = int(np.flatnonzero(ids.duplicated())[0])
                row = int(ids.index[first])
                yield (
                    f"An id of the column {column!r} stands again in {counted(again, 'row')}, the first of "
                    f"them row {row + 1}{importing.table.place(row)}. If these are further visits or samples "
                    "of the same patients, leave them out with drop_rows_where."
                )


def _used_twice(importing: Importing) -> Iterator[str]:
    """Warn of two variables that are taken from one column in the same way."""
    entries: dict[tuple[str, str], list[str]] = {}
    for name, entry in importing.plan.columns.items():
        if entry.column is not None and name not in importing.absent:
            entries.setdefault((entry.column, str(entry.values)), []).append(name)
    for (column, _), names in entries.items():
        if len(names) > 1:
            yield f"The column {column!r} is read as {' and as '.join(names)}. Check that both are meant."
