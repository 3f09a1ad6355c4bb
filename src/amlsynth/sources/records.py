"""Rows of cells as a file has them, and the table that they make: which row is the header, which are no data.

Title lines, comments, an Excel `sep=` line, columns without a name and R's missing header cell are what
exports have around a table. What can be told for sure is left out with a note; what needs the steward's
word is refused with the key of the mapping that says it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources.source_format import SourceFormat

ROW_NAMES = "row.names"  # R's name for the column whose header it leaves out
_LOOKED_AT = 30  # rows at the top among which a header is looked for
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[\d.,]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_NO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


Flaw = Literal["formula", "error", "merged"]


@dataclass(frozen=True)
class NoValue:
    """A cell of a workbook that has a content but no value, and its address, such as F12."""

    flaw: Flaw
    address: str

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class Record:
    """One row of a file: its line (CSV) or row (XLSX), from 1, and its cells; blank cells are "" or None."""

    line: int
    cells: list[Any]

    @property
    def filled(self) -> list[Any]:
        return [cell for cell in self.cells if not is_blank(cell)]


@dataclass
class Tabulated:
    """Names of columns, rows of equal length, the line of each row, the place of each column in the file."""

    names: list[str]
    rows: list[list[Any]]
    lines: list[int]
    places: list[int]
    notes: list[str] = field(default_factory=list)


def is_blank(cell: Any) -> bool:
    """Tell whether nothing stands in a cell; what a merge hides counts as nothing."""
    if isinstance(cell, NoValue):
        return cell.flaw == "merged"
    return cell is None or (isinstance(cell, str) and not cell.strip())


def normalised(text: str) -> str:
    """Return text after NFC and without signs of no width, so that what looks alike is alike."""
    return unicodedata.normalize("NFC", text).translate(_NO_WIDTH)


def first_line(text: str) -> str:
    """Return the first line without its end, which may be that of any system."""
    return _LINE_END.split(text, maxsplit=1)[0]


def separator_line(text: str) -> str | None:
    """Return the delimiter that Excel's first line `sep=;` names, None where there is no such line."""
    first = first_line(text).strip(' "')
    match = _SEPARATOR_LINE.match(first)
    return match.group(1) if match and set(first[4:]) == {match.group(1)} else None


def tabulate(
    path: Path, records: Sequence[Record], source: SourceFormat, wanted: Collection[str], what: str = "line"
) -> Tabulated:
    """Find the header and the rows of data.

    Parameters
    ----------
    wanted : the columns that the mapping names; they tell a header from a title.
    what : what a record is counted in, "line" (CSV) or "row" (XLSX).

    Raises
    ------
    UsageError
        The header seems to stand elsewhere, or the first lines are comments that the mapping does not name.
    DataError
        Nothing is left, a column with cells has no name, names stand twice, rows differ in length.
    """
    kept = [record for record in records if not _is_skipped(record, source)]
    while kept and not kept[-1].filled and what == "row":
        kept.pop()  # formatted rows below a sheet's table
    header, body = _split(path, kept, source, what)
    names = _header_names(header)
    if not _all_there(names, wanted):
        _suspect_header(path, kept, names, source, wanted, what)
    result = Tabulated(names, [], [], [])
    result.rows, result.lines = _even_rows(path, result, body, source, what)
    _drop_unnamed(path, result)
    return result


def likely_header(rows: Iterable[tuple[int, Sequence[Any]]], width: int) -> int | None:
    """Return the number of the row that looks like names: of this width, each cell filled, each another.

    A line of headings above the names leaves cells blank or repeats them. Without such a row, the first of
    the width; None where there is none.
    """
    of_width = [(number, cells) for number, cells in rows if len(cells) == width]
    for number, cells in of_width[:_LOOKED_AT]:
        texts = [str(cell).strip() for cell in cells if not is_blank(cell)]
        if len(texts) == width and len(set(texts)) == width and not any(map(_NUMBER.fullmatch, texts)):
            return number
    return of_width[0][0] if of_width else None


def _is_skipped(record: Record, source: SourceFormat) -> bool:
    first = record.cells[0] if record.cells else None
    is_comment = source.comment is not None and str(first or "").lstrip().startswith(source.comment)
    return is_comment or record.line in source.skip


def _split(
    path: Path, records: list[Record], source: SourceFormat, what: str
) -> tuple[list[Record], list[Record]]:
    """Return the records of the header and those after it."""
    if source.header:
        header = [record for record in records if record.line in source.header]
        if len(header) < len(source.header):
            missing = sorted(set(source.header) - {record.line for record in header})
            raise UsageError(
                f"{path}: source.header names {what} {missing[0]}, which is not in the file, is blank, or is "
                "left out by source.skip or source.comment. Correct it in the mapping."
            )
        return header, [record for record in records if record.line > max(source.header)]
    first = next((place for place, record in enumerate(records) if record.filled), None)
    if first is None:
        raise DataError(f"{path}: the file is empty. Export the table again.")
    return [records[first]], records[first + 1 :]


def _header_names(header: Sequence[Record]) -> list[str]:
    """Join header rows, one below the other; a cell that spans several columns stands in the first."""
    width = max(len(record.cells) for record in header)
    parts: list[list[str]] = [[] for _ in range(width)]
    for level, record in enumerate(header):
        last = ""
        for place in range(width):
            cell = record.cells[place] if place < len(record.cells) else None
            text = "" if is_blank(cell) else " ".join(str(cell).split())
            last = text or last
            shown = last if level < len(header) - 1 else text
            if shown:
                parts[place].append(shown)
    return [" ".join(dict.fromkeys(words)) for words in parts]


def _all_there(names: Collection[str], wanted: Collection[str]) -> bool:
    return set(wanted) <= set(names)


def _suspect_header(
    path: Path,
    records: Sequence[Record],
    names: Sequence[str],
    source: SourceFormat,
    wanted: Collection[str],
    what: str,
) -> None:
    """Say where the header seems to be, when another row has more of the columns that are wanted."""
    scores = [
        (len(set(wanted) & set(_header_names([record]))), -place)
        for place, record in enumerate(records[:_LOOKED_AT])
        if record.cells
    ]
    score, place = max(scores, default=(0, 0))
    if source.header or score <= len(set(wanted) & set(names)):
        return
    line, first = records[-place].line, str(records[0].cells[0] if records[0].cells else "")
    if first.lstrip().startswith("#"):
        raise UsageError(
            f"{path}: the first lines begin with '#', so they seem to be comments above the header in {what} "
            f"{line}. Set source.comment: '#' in the mapping, or name the lines in source.skip."
        )
    raise UsageError(
        f"{path}: the header seems to be in {what} {line}, which has {score} of the {len(set(wanted))} "
        f"columns that the mapping names; {what} {records[0].line} reads {first[:40]!r}. Set source.header: "
        f"{line} in the mapping."
    )


def _even_rows(
    path: Path, result: Tabulated, body: Sequence[Record], source: SourceFormat, what: str
) -> tuple[list[list[Any]], list[int]]:
    """Give every row the length of the header; what cannot be explained is refused."""
    names = result.names
    rows = [record for record in body if record.cells]
    longer = [record for record in rows if len(record.cells) > len(names)]
    if longer and all(is_blank(cell) for record in longer for cell in record.cells[len(names) :]):
        longer = []  # delimiters at the ends of lines
    if longer and len(longer) >= len(rows) - _footers(rows, len(names)) and _one_more(longer, len(names)):
        names.insert(0, ROW_NAMES)
        result.notes.append(
            f"The header has one name less than the rows have cells, as R writes it; the first column is "
            f"read as {ROW_NAMES!r}."
        )
    width = len(names)
    footers = _footers(rows, width)
    ragged = [
        (number, record)
        for number, record in enumerate(rows, start=1)
        if (len(record.cells) < width and number <= len(rows) - footers)
        or any(not is_blank(cell) for cell in record.cells[width:])
    ]
    if ragged:
        number, record = ragged[0]
        more = f" ({len(ragged)} such rows in all)" if len(ragged) > 1 else ""
        raise DataError(
            f"{path}: row {number} has {len(record.cells)} cells where the header has {width} columns{more}; "
            f"it is {what} {record.line}. Check for unquoted delimiters in the cells, and source.delimiter, "
            "source.header and source.skip in the mapping."
        )
    even = [record.cells[:width] + [None] * (width - len(record.cells)) for record in rows]
    return even, [record.line for record in rows]


def _one_more(records: Sequence[Record], width: int) -> bool:
    return all(len(record.cells) == width + 1 for record in records)


def _footers(rows: Sequence[Record], width: int) -> int:
    """Count the last rows that have one cell where the table has three or more: a legend, a total."""
    count = 0
    while width >= 3 and count < len(rows) and len(rows[-1 - count].cells) == 1:
        count += 1
    return count


def _drop_unnamed(path: Path, result: Tabulated) -> None:
    """Leave out columns with neither name nor cells; refuse those that have cells, and names that repeat."""
    places = list(range(len(result.names)))
    unnamed = [place for place in places if not result.names[place]]
    for place in unnamed:
        if any(not is_blank(row[place]) for row in result.rows):
            raise DataError(
                f"{path}: column {place + 1} has no name. Give it one, remove the column, or name the "
                "header's row in the mapping under source.header."
            )
    if unnamed:
        places = [place for place in places if place not in unnamed]
        result.names = [result.names[place] for place in places]
        result.rows = [[row[place] for place in places] for row in result.rows]
    result.places = places
    check_names(path, result.names)


def check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse two columns of one name."""
    for position, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}: column {position} has no name. Give it one or remove the column.")
        if name in names[: position - 1]:
            raise DataError(
                f"{path}: two columns are named {name!r} (columns {names.index(name) + 1} and {position}). "
                "Rename or remove one."
            )
