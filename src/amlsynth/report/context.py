"""What a report is made of: evaluation.json and, where there are any, gates.json and provenance.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation.records import CohortSummary, Comparison, Effect, Evaluation, read_evaluation
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.gates import GateReport

EVALUATION, GATES, PROVENANCE = "evaluation.json", "gates.json", "provenance.json"
INPUTS = (EVALUATION, GATES, PROVENANCE)


@dataclass(frozen=True)
class Context:
    """Everything a cell of the report may show.

    `gates` and `provenance` are None where the folder has none: the evaluation was then made
    outside a release.
    """

    evaluation: Evaluation
    gates: GateReport | None
    provenance: dict[str, Any] | None
    dictionary: Dictionary

    @property
    def cohorts(self) -> tuple[CohortSummary, ...]:
        """Original, synthetic ones and, where there is one, the hold-out: the order of all columns."""
        found = (self.evaluation.original, *self.evaluation.synthetics, self.evaluation.holdout)
        return tuple(cohort for cohort in found if cohort is not None)

    @property
    def several(self) -> bool:
        """Whether there is more than one synthetic cohort."""
        return len(self.evaluation.synthetics) > 1

    @property
    def is_comparison(self) -> bool:
        """Whether two cohorts were compared of which none is known to be made from the other."""
        return self.evaluation.kind == "comparison"

    def comparisons(self, subject: str, cohort: str | None = None) -> tuple[Comparison, ...]:
        """Return the tests of one subject, such as "AGE", "AMLSTAT=tAML" or "OS".

        They are those of the cohort with that key, by default of the first synthetic one.
        """
        key = cohort or self.evaluation.keys[0]
        return tuple(c for c in self.evaluation.comparisons if c.subject == subject and c.cohort == key)

    def effects(self, endpoint: str, model: str) -> tuple[Effect, ...]:
        """Return the effects on an endpoint in one kind of model, of all cohorts."""
        return tuple(e for e in self.evaluation.effects if e.endpoint == endpoint and e.model == model)

    def known(self, *keys: str) -> str | None:
        """Return a text of provenance.json by its path, such as ("cohort", "title"), or None."""
        found: Any = self.provenance
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, str) and found else None


def read_context(directory: Path) -> Context:
    """Read the folder of an evaluation or of a release.

    Raises
    ------
    UsageError
        The folder does not exist or holds no evaluation.json.
    DataError
        One of the files is not what its name says; the sentence names the first wrong field.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UsageError(f"{directory}: there is no such folder; name the one that amlsynth evaluate wrote.")
    if not (directory / EVALUATION).is_file():
        raise UsageError(
            f"{directory}: there is no {EVALUATION} in this folder. Make it with: amlsynth evaluate "
            f"--original FILE --synthetic FILE --out {directory}"
        )
    return Context(
        evaluation=read_evaluation(directory / EVALUATION),
        gates=_read_gates(directory / GATES),
        provenance=_read_provenance(directory / PROVENANCE),
        dictionary=dictionary(),
    )


def _read_gates(path: Path) -> GateReport | None:
    if not path.exists():
        return None
    try:
        return GateReport.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DataError(
            f"{path}: not a gate report that this version reads, at {where}: {first['msg']}. "
            "Build the release again, or remove the file to report without gates."
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error


def _read_provenance(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    remedy = "Build the release again, or remove the file to report without provenance."
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}). {remedy}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text. {remedy}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: a JSON object is expected, not a {type(found).__name__}. {remedy}")
    return found
