"""The decision as typed records: the content of decision.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from amlsynth.evaluation.records import Figure
from amlsynth.foundation.defaults import DECISION_FILE as DECISION_FILE
from amlsynth.foundation.files import write_text
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.report.decision.signal import Signal

MAX_ROWS = 10
RELEASED = {True: "release with a DOI", False: "release, no DOI reserved yet"}

Verdict = Literal["publishable", "reservations", "undecided", "not publishable", "none"]


class Named(StrictModel):
    """A release by its name."""

    name: str
    title: str
    version: str
    doi: str | None = None  # None until one is reserved
    date: str | None = None  # as the spec says, YYYY-MM-DD
    authors: tuple[str, ...] = ()


class OriginalCohort(StrictModel):
    """The cohort that the synthetic one was made from."""

    label: str
    title: str | None = None
    patients: int
    holdout: int | None = None  # patients whom no generator saw
    simulated: bool


class Guarantee(StrictModel):
    """Differential privacy, for one patient added or removed; None where the record does not say."""

    epsilon: float | None = None
    delta: float | None = None


class Row(StrictModel):
    """One line of the decision's table."""

    question: str
    measure: str
    label: str
    unit: str = ""
    digits: int
    original: Figure | None = None
    synthetic: Figure
    holdout: Figure | None = None
    signal: Signal
    reading: str  # the signal in words


class Alarm(StrictModel):
    """A finding that speaks against publishing, or a gate that was not passed."""

    kind: Literal["gate", "privacy", "likeness"]
    measure: str
    label: str  # of the measure, or of the gate
    signal: Signal
    sentence: str


class Decision(StrictModel):
    """All that the first page says; each sentence is made of the figures beside it."""

    schema_version: Literal["1"] = "1"
    status: str
    release: Named | None = None
    original: OriginalCohort
    cohort: str  # the key of the synthetic cohort in evaluation.json
    label: str
    patients: int
    generator: str | None = None
    guarantee: Guarantee | None = None
    gate_profile: str | None = None
    verdict: Verdict
    headline: str
    good_for: str
    readers: str  # to whom it may be given
    not_for: tuple[str, ...]
    privacy: str  # the guarantee where there is one, and the residual risk
    limits_by: str  # who decided the limits
    statements: tuple[str, ...]  # what bounds the verdict: few patients, lacking endpoints
    alarms: tuple[Alarm, ...]
    rows: Annotated[tuple[Row, ...], Field(max_length=MAX_ROWS)]

    def with_doi(self, doi: str | None) -> Decision:
        """Return the same decision on a release with this DOI, or with none."""
        if self.release is None:
            return self
        release = self.release.model_copy(update={"doi": doi})
        return self.model_copy(update={"release": release, "status": RELEASED[doi is not None]})


def write_decision(decision: Decision, path: Path) -> None:
    """Write decision.json: the model's field order, floats in shortest form, LF."""
    write_text(path, decision_text(decision))


def decision_text(decision: Decision) -> str:
    """Return the content of decision.json."""
    return decision.model_dump_json(indent=1) + "\n"
