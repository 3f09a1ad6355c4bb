"""What a report is made of: evaluation.json and, where there are any, gates.json and provenance.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from amlsynth.dictionary.carried import carried_dictionary
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.dictionary.roles import Endpoint, Response
from amlsynth.evaluation.records import CohortSummary, Comparison, Effect, Evaluation, read_evaluation
from amlsynth.foundation.addresses import plain_doi
from amlsynth.foundation.defaults import PACKAGE
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.gates.outcomes import known_outcomes
from amlsynth.gates.verdict import GateReport
from amlsynth.report.decision import Decision, decide

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
    withheld: bool = False  # no figure of the original may be shown; see `audience`
    doi: str | None = None  # of the release, once one is reserved

    @property
    def cohorts(self) -> tuple[CohortSummary, ...]:
        """Original, synthetic ones and, where there is one, the hold-out: the order of all columns."""
        if self.withheld:
            return self.evaluation.synthetics
        found = (self.evaluation.original, *self.evaluation.synthetics, self.evaluation.holdout)
        return tuple(cohort for cohort in found if cohort is not None)

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """The names of the outcomes that the original has: response first, then endpoints, inner first."""
        known = known_outcomes(self.evaluation, self.dictionary)
        response = self.dictionary.roles.response
        names = ([response.name] if response else []) + [e.name for e in reversed(self.dictionary.endpoints)]
        return tuple(name for name in names if name in known)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that the original has, in the order of the dictionary."""
        return tuple(e for e in self.dictionary.endpoints if e.name in self.outcomes)

    @property
    def response(self) -> Response | None:
        """The response to treatment, where the original has it."""
        response = self.dictionary.roles.response
        return response if response and response.name in self.outcomes else None

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """The decision on each synthetic cohort; gates and record are those of a release, which has one."""
        of_release = len(self.evaluation.keys) == 1
        return tuple(
            decide(
                self.evaluation,
                self.gates if of_release else None,
                self.provenance,
                self.dictionary,
                cohort=key,
                withheld=self.withheld,
                doi=self.doi,
            )
            for key in self.evaluation.keys
        )

    @property
    def several(self) -> bool:
        """Whether there is more than one synthetic cohort."""
        return len(self.evaluation.synthetics) > 1

    @property
    def is_comparison(self) -> bool:
        """Whether two cohorts were compared of which none is known to be made from the other."""
        return self.evaluation.kind == "comparison"

    def comparisons(self, subject: str, cohort: str | None = None) -> tuple[Comparison, ...]:
        """Return the tests of one subject, a variable, one of its values ("SEX=male") or an endpoint.

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


def ties_words(context: Context, kind: str) -> str:
    """Return how Cox regression took ties, for a caption of hazard ratios; "" for other ratios."""
    if kind != "hazard ratio":
        return ""
    return f", by Cox regression with ties after {context.evaluation.cox_ties.capitalize()}"


def read_context(directory: Path, d: Dictionary | None = None) -> Context:
    """Read the folder of an evaluation or of a release.

    Without a dictionary the one that the folder carries is taken, and else that of AML.

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
        dictionary=d or carried_dictionary(directory) or dictionary(),
        doi=_read_doi(directory / PACKAGE),
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


def _read_doi(path: Path) -> str | None:
    """Return the DOI of a data package; None where there is no package, or none that says one."""
    try:
        return plain_doi(str(json.loads(path.read_text(encoding="utf-8"))["id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
