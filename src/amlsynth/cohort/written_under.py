"""The dictionary that a cohort's file was written under, kept in FILE.about.json and checked on reading.

Cells tell neither their unit nor what other columns their dictionary has, so a file that is read under
another dictionary than its own could be misread without a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from amlsynth.dictionary.carried import dictionary_yaml
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.strict_model import StrictModel

KEY = "dictionary"  # in FILE.about.json
_SHOWN = 5  # columns that a sentence names


class WrittenUnder(StrictModel):
    """Which dictionary it was: name, version, SHA-256 of its YAML as a release carries it, units by column.

    Examples
    --------
    >>> from amlsynth import dictionary
    >>> record = WrittenUnder.of(dictionary())
    >>> record.name, record.units["AGE"]
    ('aml', 'years')
    """

    name: str
    version: str
    sha256: str
    units: dict[str, str]

    @classmethod
    def of(cls, d: Dictionary) -> Self:
        units = {variable.name: variable.unit for variable in d.variables if variable.unit is not None}
        return cls(name=d.name, version=d.version, sha256=_sha256(d), units=units)


def about_path(path: Path) -> Path:
    """Return the path of the file that tells about a cohort's file."""
    return path.with_name(path.name + ".about.json")


def check_dictionary(path: Path, columns: Collection[str], d: Dictionary) -> None:
    """Refuse a file that was written under another dictionary than `d`, where the two read it differently.

    Parameters
    ----------
    path : the file. columns : its columns. d : the dictionary that it is to be read under.

    Raises
    ------
    DataError
        The file has other columns than `d`, or the unit of one differs. Without a record nothing is said.
    """
    record = _record(about_path(path))
    if record is None or record.sha256 == _sha256(d):
        return
    own, other = f"{record.name} {record.version}", f"{d.name} {d.version}"
    remedy = "Give the dictionary that it was written under with --dictionary, or import the cohort again."
    differing = [*(name for name in columns if name not in d), *(v for v in d.names if v not in columns)]
    if differing and own != other:
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise DataError(
            f"{path}: it was written under the dictionary {own} and not under {other}; they differ in the "
            f"columns {', '.join(differing[:_SHOWN])}{more}. {remedy}"
        )
    for column, unit in record.units.items():
        if column in d and column in columns and d[column].unit != unit:
            raise DataError(
                f"{path}: the unit of the column {column} is {unit} by the dictionary {own}, under which the "
                f"file was written, and {d[column].unit} by {other}. {remedy}"
            )


def _record(beside: Path) -> WrittenUnder | None:
    """Return the record; None where there is none, or none that can be read, which `read_about` tells."""
    try:
        return WrittenUnder.model_validate(json.loads(beside.read_text(encoding="utf-8"))[KEY])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


@cache
def _sha256(d: Dictionary) -> str:
    return hashlib.sha256(dictionary_yaml(d).encode("utf-8")).hexdigest()
