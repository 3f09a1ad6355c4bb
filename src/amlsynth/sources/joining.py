"""Several tables as one: joined by an id, and long tables (a row a mutation) made wide.

Ids are patients' and never stand in a message; rows are named by their numbers.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.sources.cells import typed, without_codes
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.mapping_file import JoinedTable, Mapping, WideColumns, members
from amlsynth.sources.source_table import SourceTable, as_text, read_source

_CASE_LIST = "case_list_ids:"  # the key of cBioPortal's lists of samples


def source_path(data: Path, plan: Mapping) -> Path:
    """Return the main table's file: DATA itself, or `source.file` in the folder DATA."""
    if plan.source_file is None:
        return data
    folder = data if data.is_dir() else data.parent
    return folder / plan.source_file


def join_tables(table: SourceTable, plan: Mapping, d: Dictionary) -> tuple[SourceTable, list[Path]]:
    """Join the further tables of a mapping to the main one, in their order.

    Returns
    -------
    The table with the columns of all; a column whose name is taken is named TABLE.COLUMN. And the files
    that were read.

    Raises
    ------
    UsageError
        A file or a key is not there.
    DataError
        A table that has one row a patient has several with the same id, or a file cannot be read.
    """
    files = []
    for name, entry in plan.tables.items():
        path = table.path if entry.file is None else table.path.parent / entry.file
        if not path.is_file() and entry.optional:
            table.notes.append(f"{entry.file} is not there; the table {name} was left out.")
            continue
        source = plan.source.model_copy(
            update={key: getattr(entry.format, key) for key in entry.format.model_fields_set}
        )
        other = read_source(path, source, [entry.key])
        files.append(path)
        keys = _ids(other, entry.key, name)
        matched = entry.match or plan.key
        if matched is None:
            raise UsageError(f"tables.{name}: say with key: which column has the patients' ids.")
        wanted = _ids(table, matched, name)
        if entry.wide:
            new = _wide(other, entry, keys, wanted, path.parent, d, table.notes)
            _note_matches(table, name, keys, wanted)
            table = _with_columns(table, new, name)
        else:
            table = _joined(table, other, name, entry, keys, wanted)
    return table, files


def _ids(table: SourceTable, column: str, name: str) -> pd.Series[Any]:
    known = list(table.frame.columns)
    if column not in known:
        raise UsageError(
            f"tables.{name}: {table.path.name} has no column {column!r}.{did_you_mean(column, known)} "
            f"Columns: {', '.join(repr(each) for each in known[:50])}."
        )
    return as_text(table.frame[column])


def _joined(
    table: SourceTable,
    other: SourceTable,
    name: str,
    entry: JoinedTable,
    keys: pd.Series[Any],
    wanted: pd.Series[Any],
) -> SourceTable:
    counting = keys.notna().to_numpy()
    if entry.where is not None:
        counting &= _condition(entry.where, other, entry)
    rows = np.flatnonzero(counting)
    ids = keys.iloc[rows].astype(str)
    again = ids.duplicated().to_numpy()
    if again.any() and entry.rows == "one":
        second = rows[again][0]
        first = rows[(ids == ids[again].iloc[0]).to_numpy()][0]
        raise DataError(
            f"{other.path}: rows {first + 1}{other.place(int(first))} and "
            f"{second + 1}{other.place(int(second))} have the same {entry.key} ({int(again.sum()):,} such "
            f"rows). Say which one counts: tables.{name}.where, or rows: first; or make the table wide."
        )
    if again.any():
        table.notes.append(
            f"Table {name}: {int(again.sum()):,} further rows of the same {entry.key} were left out (rows: "
            "first)."
        )
    place_of = dict(zip(reversed(list(ids)), reversed(rows.tolist()), strict=True))
    places = np.array([place_of.get(key, -1) if isinstance(key, str) else -1 for key in wanted])
    _note_matches(table, name, keys, wanted)
    found = places >= 0
    new = {}
    for column in other.frame.columns:
        if column != entry.key:
            cells = other.frame[column].iloc[np.where(found, places, 0)].reset_index(drop=True)
            blank = "" if cells.dtype == "string" else pd.NaT if cells.dtype.kind == "M" else pd.NA
            new[str(column)] = cells.where(pd.Series(found), blank)
    result = _with_columns(table, new, name)
    for column, flaws in other.flaws.items():
        shown = column if column not in table.frame.columns else f"{name}.{column}"
        result.flaws[shown] = {
            int(row): flaws[int(place)] for row, place in enumerate(places) if int(place) in flaws
        }
    return result


def _wide(
    long: SourceTable,
    entry: JoinedTable,
    keys: pd.Series[Any],
    wanted: pd.Series[Any],
    folder: Path,
    d: Dictionary,
    notes: list[str],
) -> dict[str, pd.Series[Any]]:
    """Make columns of 1, 0 and NA: whether any row of a patient fulfils a condition."""
    present = set(keys.dropna())
    tested = wanted.isin(present).to_numpy(dtype=bool, na_value=False)
    if entry.absent == "0":
        tested = wanted.notna().to_numpy()
    listed = folder / entry.tested if entry.tested is not None else None
    if listed is not None and listed.is_file():
        tested |= wanted.isin(_case_list(listed)).to_numpy(dtype=bool, na_value=False)
    elif listed is not None:
        notes.append(
            f"{entry.tested}, which lists who was tested, is not there: patients without a row in "
            f"{long.path.name} are NA."
        )
    counting = np.ones(len(long.frame), dtype=bool)
    if entry.where is not None:
        counting = _condition(entry.where, long, entry)
    columns = {}
    for wide in entry.wide:
        for column, condition in _conditions(wide, d):
            hit = _condition(condition, long, entry)
            carriers = set(keys[hit & counting].dropna())
            value = wanted.isin(carriers).astype("Float64").mask(~pd.Series(tested, index=wanted.index))
            if wide.unseen == "NA" and not hit.any():
                value = pd.Series(pd.NA, index=wanted.index, dtype="Float64")  # perhaps not on the panel
            columns[column] = value
    return columns


def _conditions(wide: WideColumns, d: Dictionary) -> list[tuple[str, str]]:
    if not wide.variables:
        return [(wide.name, wide.any)]
    names = [name for word in wide.variables for name in members(word, d) or []]

    def filled(text: str, each: str) -> str:
        gene = wide.called.get(each, each)
        return text.replace("{name}", each).replace("{id}", d[each].id).replace("{gene}", gene)

    return [(filled(wide.name, each), filled(wide.any, each)) for each in names]


def _condition(text: str, table: SourceTable, entry: JoinedTable) -> npt.NDArray[np.bool_]:
    expression = parse_expression(text)
    known = list(table.frame.columns)
    for name in expression.names:
        if name not in known:
            raise UsageError(
                f"The expression {text!r} names the column {name!r}, which {table.path.name} does not have."
                f"{did_you_mean(name, known)}"
            )
    source = entry.format
    columns = {
        name: typed(without_codes(table.frame[name], source.missing, source).values, source)
        for name in expression.names
    }
    if not columns:
        columns = {str(known[0]): table.frame.iloc[:, 0]}
    return expression.holds(columns)


def _with_columns(table: SourceTable, new: dict[str, pd.Series[Any]], name: str) -> SourceTable:
    renamed = {
        column if column not in table.frame.columns else f"{name}.{column}": values.set_axis(
            table.frame.index
        )
        for column, values in new.items()
    }
    frame = pd.concat([table.frame, pd.DataFrame(renamed)], axis="columns")
    return SourceTable(
        table.path,
        frame,
        table.lines,
        table.letters,
        dict(table.flaws),
        table.unusable,
        table.lone,
        table.notes,
    )


def _note_matches(table: SourceTable, name: str, keys: pd.Series[Any], wanted: pd.Series[Any]) -> None:
    matched = wanted.isin(set(keys.dropna())).sum()
    unknown = set(keys.dropna()) - set(wanted.dropna())
    strangers = len(unknown)
    nearly = {_plain_id(key) for key in unknown} & {
        _plain_id(key) for key in set(wanted.dropna()) - set(keys.dropna())
    }
    if nearly:
        raise DataError(
            f"{table.path}: {len(nearly):,} ids of the table {name} are ids of the main table but for "
            "leading zeros, signs or upper and lower case, and would not be found. Write them alike in both "
            "files."
        )
    note = f"Table {name}: {int(matched):,} of {len(wanted):,} rows have an entry"
    table.notes.append(f"{note}; {strangers:,} ids in it belong to nobody." if strangers else f"{note}.")
    if not matched:
        raise DataError(
            f"{table.path}: no id of the table {name} is one of the main table's. Check "
            f"tables.{name}.key and match."
        )


def _plain_id(key: str) -> str:
    """Return an id without what changes between files: signs, upper and lower case, leading zeros."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", "-", key).casefold())


def _case_list(path: Path) -> set[str]:
    """Read the ids of a cBioPortal case list, or of a text file with an id a line."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if _CASE_LIST in text:
        text = text.split(_CASE_LIST, 1)[1].split("\n", 1)[0]
    return set(text.split())
