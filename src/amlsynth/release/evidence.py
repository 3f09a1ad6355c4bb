"""What verification goes by: the records and tables of a release, as far as they can be read.

Nothing is parsed whose checksum is not as listed. What cannot be read is a problem, and missing in the
evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.carried import read_carried
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation.records import Evaluation
from amlsynth.foundation.defaults import DECISION_FILE, DICTIONARY_FILE
from amlsynth.foundation.errors import AmlsynthError, MissingExtraError, PlaceError
from amlsynth.foundation.files import is_full
from amlsynth.foundation.text import unprintable_at
from amlsynth.gates.verdict import GateReport
from amlsynth.release.checksums import Problem
from amlsynth.release.file_names import PACKAGE, PROVENANCE
from amlsynth.release.integrity import PrivateCopy, rows_problems
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.report.decision import Decision

_MAX_RECORD = 50_000_000  # bytes; evaluation.json, the largest, has about a million
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Evidence:
    """A release as it was read; None or missing what is not there, or could not be read.

    copy : the private copy, with the checksums that hold.
    d : the dictionary that the data have to follow.
    package, provenance, evaluation, gates, decision : its records.
    frames : its tables by their paths, typed.
    """

    copy: PrivateCopy
    d: Dictionary
    package: DataPackage | None
    provenance: Provenance | None
    evaluation: Evaluation | None
    gates: GateReport | None
    decision: Decision | None
    frames: Mapping[str, pd.DataFrame]

    @property
    def folder(self) -> Path:
        return self.copy.folder

    @property
    def sums(self) -> dict[str, str]:
        """The checksums of the files whose bytes are as listed."""
        return self.copy.sums

    @property
    def frame(self) -> pd.DataFrame | None:
        """The cohort, if its Parquet file could be read."""
        return None if self.package is None else self.frames.get(self.package.tables[0][1])


def read_evidence(copy: PrivateCopy, d: Dictionary | None = None) -> tuple[Evidence, list[Problem]]:
    """Read the records and tables of a private copy.

    Parameters
    ----------
    copy : the copy.
    d : the dictionary to follow instead of the one that the release carries.

    Returns
    -------
    The evidence, and what could not be read.
    """
    problems: list[Problem] = []
    own = [d] if d else []
    if d is None and DICTIONARY_FILE in copy.sums:
        path = copy.folder / DICTIONARY_FILE
        problems += attempt(copy, DICTIONARY_FILE, "dictionary", lambda: own.append(read_carried(path)))
    follows = own[0] if own else dictionary()

    def record(name: str, model: type[_Model]) -> _Model | None:
        read, problem = _record(copy, name, model)
        problems.extend(filter(None, [problem]))
        return read

    package = record(PACKAGE, DataPackage)
    provenance = record(PROVENANCE, Provenance)
    # Of a release with a guarantee neither is there.
    evaluation = record("evaluation.json", Evaluation)
    gates = record("gates.json", GateReport)
    decides = package is not None and package.decision is not None
    decision = record(DECISION_FILE, Decision) if decides else None
    frames: dict[str, pd.DataFrame] = {}
    for table in package.tables if package else ():
        read, unreadable = read_frames(copy, table, follows)
        frames |= read
        problems += unreadable
    return Evidence(copy, follows, package, provenance, evaluation, gates, decision, frames), problems


def read_frames(
    copy: PrivateCopy, table: tuple[str, str], d: Dictionary
) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Read both files of a table, CSV and Parquet; return the typed frames by path, and what is wrong."""
    frames: dict[str, pd.DataFrame] = {}
    if not all(path in copy.sums for path in table):
        return frames, []
    problems = list(attempt(copy, table[1], "data", lambda: rows_problems(copy, table, len(d.names))))
    for path in () if problems else table:
        problems += attempt(copy, path, "data", partial(_read_into, frames, copy, path, d))
    return frames, problems


def _read_into(frames: dict[str, pd.DataFrame], copy: PrivateCopy, path: str, d: Dictionary) -> None:
    frames[path] = read_table(copy.folder / path, d)


def attempt(
    copy: PrivateCopy, file: str, check: str, step: Callable[[], Iterable[Problem] | None]
) -> list[Problem]:
    """Run a step; whatever a library raises on a hostile file is a problem of the release."""
    problems: list[Problem] = []
    try:
        for problem in step() or ():
            problems.append(problem)  # noqa: PERF402  what was found before an error counts
    except (MissingExtraError, PlaceError):
        raise
    except AmlsynthError as error:
        message = str(error).replace(f"{copy.folder}/", "").replace(str(copy.folder), "the release")
        problems.append(Problem(file=file, check=check, message=message))
    except Exception as error:
        if is_full(error):
            raise
        message = f"the check could not be finished ({type(error).__name__})"
        problems.append(Problem(file=file, check=check, message=message))
    return problems


def _record(copy: PrivateCopy, name: str, model: type[_Model]) -> tuple[_Model | None, Problem | None]:
    """Read a JSON record whose checksum is right; otherwise a problem is known already."""

    def wrong(message: str) -> tuple[None, Problem]:
        return None, Problem(file=name, check="record", message=message)

    if name not in copy.sums:
        return None, None
    try:
        content = (copy.folder / name).read_bytes()
        if len(content) > _MAX_RECORD:
            raise ValueError("too many bytes")
        odd = unprintable_at(json.loads(content))
        if odd:
            return wrong(f"it has control characters at {odd}, which no release has")
        return model.model_validate_json(content), None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        return wrong(f"not as this version of amlsynth writes it, at {place}: {first['msg']}")
    except (OSError, ValueError, RecursionError) as error:
        return wrong(f"cannot be read ({type(error).__name__})")
