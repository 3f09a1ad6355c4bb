"""Text files of a steward: decoded, normalised (Unicode NFC) and cut into records."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources.records import (
    Record,
    Tabulated,
    first_line,
    likely_header,
    normalised,
    separator_line,
    tabulate,
)
from amlsynth.sources.source_format import SourceFormat

_DELIMITERS = {",": "','", ";": "';'", "\t": '"\\t"', "|": "'|'"}  # and how the mapping writes them
_LOOKED_AT = 30  # lines among which another delimiter is looked for


def read_delimited(path: Path, source: SourceFormat, wanted: Collection[str]) -> Tabulated:
    """Read a CSV, TSV or TXT file into a table of text.

    Raises
    ------
    UsageError
        The delimiter or the header seems to be another than the mapping says.
    DataError
        The file is in another encoding, a quote is open, or rows differ in length.
    """
    text = normalised(_decoded(path, path.read_bytes(), source.encoding))
    notes, skipped = [], 0
    named = separator_line(text)
    if named is not None:
        text, skipped = text[len(first_line(text)) :].removeprefix("\r").removeprefix("\n"), 1
        notes.append(f"The first line, sep={named}, is Excel's and was left out.")
    delimiter = source.delimiter or named or ("\t" if path.suffix.lower() == ".tsv" else ",")
    _suspect_delimiter(path, text, delimiter, wanted)
    records = _records(path, text, delimiter, skipped, source.quotes)
    result = tabulate(path, records, source, wanted)
    result.notes = notes + result.notes
    return result


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    if content.startswith(b"\xef\xbb\xbf") and encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        line = content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        raise DataError(
            f"{path}: line {line} is not {encoding}. Save the file as UTF-8, or name its encoding in the "
            "mapping under source.encoding, such as cp1252 or utf-16."
        ) from error
    if "\x00" in text:
        raise DataError(
            f"{path}: the text has zero bytes, so it is in another encoding (perhaps utf-16) or is no CSV. "
            "Name its encoding in the mapping under source.encoding."
        )
    return text


def _suspect_delimiter(path: Path, text: str, delimiter: str, wanted: Collection[str]) -> None:
    """Say which delimiter the file seems to have, when it gives more of the columns that are wanted."""
    lines = text.split("\n", _LOOKED_AT)[:_LOOKED_AT]
    names = set(wanted)

    def best(sign: str) -> int:
        return max(
            (len(names & {cell.strip().strip('"') for cell in line.split(sign)}) for line in lines), default=0
        )

    found = best(delimiter)
    scores = {sign: best(sign) for sign in _DELIMITERS if sign != delimiter}
    other = max(scores, key=lambda sign: scores[sign])
    if scores[other] > max(found, 1) or (scores[other] == 1 and found == 0 and len(names) == 1):
        raise UsageError(
            f"{path}: the columns are separated by {_DELIMITERS[other]}, not by "
            f"{_DELIMITERS.get(delimiter, repr(delimiter))}: another delimiter: set source.delimiter to "
            f"{_DELIMITERS[other]} in the mapping."
        )


def _records(path: Path, text: str, delimiter: str, skipped: int, quotes: bool) -> list[Record]:
    lines = io.StringIO(text, newline="")
    if quotes:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    records: list[Record] = []
    before = 0
    try:
        for cells in reader:
            records.append(Record(before + 1 + skipped, [cell.strip() for cell in cells]))
            before = reader.line_num
    except csv.Error as error:
        number = sum(1 for record in records if record.cells)
        if "unexpected end" in str(error):
            raise DataError(
                f"{path}: a quote that opens in row {number} is never closed (line {before + 1 + skipped}), "
                "so the rest of the file would be one cell. Close or remove it."
            ) from error
        raise DataError(
            f"{path}: line {reader.line_num + skipped} is not readable CSV with the delimiter "
            f"{delimiter!r}: a quote stands in the middle of a cell, or a cell is longer than 131,072 "
            "characters. Double the quotes within quoted cells, or set source.delimiter in the mapping."
        ) from error
    return records


def guess_format(path: Path) -> dict[str, object]:
    """Guess how a text file is written, as the keys of `source` in a mapping that differ from the defaults.

    The encoding is UTF-8 where that can be read, or else cp1252; the delimiter is the one that gives most
    lines the same number of cells; the decimal sign is a comma where cells such as 9,1 stand between other
    delimiters; the header is the first line with as many cells as most have.
    """
    content = path.read_bytes() if path.is_file() else b""
    found: dict[str, object] = {}
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        found["encoding"] = "cp1252"
        text = content.decode("cp1252", errors="replace")
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    named = separator_line(text)
    if lines and lines[0].startswith("#") and named is None:
        found["comment"] = "#"
        lines = [line for line in lines if not line.startswith("#")]

    def common(sign: str) -> tuple[int, int]:
        counts = Counter(line.count(sign) for line in lines)
        count, times = max(counts.items(), key=lambda item: (item[0] > 0, item[1]), default=(0, 0))
        return (times, count) if count else (0, 0)

    delimiter = named or max((";", "\t", "|", ","), key=common)
    if delimiter != ("\t" if path.suffix.lower() == ".tsv" else ","):
        found["delimiter"] = delimiter
    if delimiter != "," and has_decimal_commas(cell for line in lines for cell in line.split(delimiter)):
        found["decimal"] = ","
    width = common(delimiter)[1] + 1
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    body = [item for item in numbered if not (found.get("comment") and item[1].startswith("#"))]
    cells = [(number, next(csv.reader([line], delimiter=delimiter))) for number, line in body]
    header = likely_header(cells, width)
    if header is not None and header != body[named is not None][0]:
        found["header"] = header
    return found


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Tell whether more cells look like 9,1 than like 9.1."""
    signs = Counter(match.group(1) for cell in cells if (match := _DECIMAL.fullmatch(cell.strip())))
    return signs[","] > signs["."]


_DECIMAL = re.compile(r"-?\d+([.,])\d{1,2}")
