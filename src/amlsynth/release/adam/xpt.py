"""SAS transport files, version 5 (SAS technical note TS-140), written by ReadStat through pyreadstat."""

from __future__ import annotations

import datetime
from pathlib import Path

from amlsynth.release.adam.tables import Dataset

_RECORD = 80  # bytes; headers are made of such records
_STAMP = 16
# TS-140: the library's and the member's "real headers" end in the time of creation; the record after
# each begins with the time of modification.
_STAMPS = (2 * _RECORD - _STAMP, 2 * _RECORD, 6 * _RECORD - _STAMP, 6 * _RECORD)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def write_xpt(dataset: Dataset, path: Path, moment: datetime.datetime) -> None:
    """Write a data set as an XPT file of version 5, with `moment` as time of creation.

    Missing texts are blank, as the format has no other; missing numbers are SAS's missing value ".".
    """
    import pyreadstat

    pyreadstat.write_xport(
        dataset.frame,
        str(path),
        file_label=dataset.label,
        column_labels={column.name: column.label for column in dataset.columns},
        table_name=dataset.name,
        file_format_version=5,
    )
    # ReadStat stamps the time of writing, and has no option for another.
    stamp = _stamp(moment)
    with path.open("r+b") as stream:
        for position in _STAMPS:
            stream.seek(position)
            found = stream.read(_STAMP)
            if not _is_stamp(found):
                raise RuntimeError(f"no time of creation at byte {position} of the XPT file")
            stream.seek(position)
            stream.write(stamp)


def _stamp(moment: datetime.datetime) -> bytes:
    # Not strftime, whose month names follow the locale.
    month = _MONTHS[moment.month - 1]
    return f"{moment.day:02d}{month}{moment.year % 100:02d}:{moment:%H:%M:%S}".encode("ascii")


def _is_stamp(content: bytes) -> bool:
    return (
        len(content) == _STAMP and content[7:8] == b":" and content[2:5].decode("ascii", "replace") in _MONTHS
    )
