"""What an audit says, as typed records: audit.json, and internal.json, which stays with the data's steward.

audit.json has no row, no value and no variable of a single patient; internal.json names the rows, and by
which feature each of them is found.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from amlsynth.evaluation.records import Figure
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.strict_model import StrictModel

SCHEMA_VERSION = "1"


class StaticCount(StrictModel):
    """One way in which a patient can decide something alone: how many do, and in how many things."""

    kind: str
    what: str
    patients: int
    findings: int
    chance: float = Field(description="that a release shows it when states come with their frequencies")


class PresenceCount(StrictModel):
    """How many of the patients who were left out are given away by what they alone decide."""

    patients: int
    given_away: int
    findings: int
    findings_given_away: int
    releases: int


class Group(StrictModel):
    """An attack's success on one kind of targets."""

    kind: str  # all, singular, lonely, random
    targets: int
    auc: Figure
    true_positives_1: Figure = Field(description="at 1 % false positives")
    true_positives_10: Figure = Field(description="at 10 % false positives")


class TargetResult(StrictModel):
    """One target, without saying who it is."""

    kind: Literal["singular", "lonely", "random"]
    reason: str
    auc: Figure
    epsilon: Annotated[float, Field(ge=0, description="lower bound, for the worst of all targets")]
    certain: bool = Field(description="found in a quarter of its releases with no false positive at all")
    exposed: bool = Field(description="its AUC's interval, corrected for all targets, lies above 0.5")
    by: str = Field(description="the family of features that finds it best")


class ShadowResult(StrictModel):
    """The shadow pass."""

    world: Literal["fixed", "resampled"]
    shadows: int
    groups: list[Group]
    attacks: dict[str, Figure] = Field(description="mean AUC over all targets of each attack")
    families: dict[str, Figure] = Field(description="mean AUC of one attack on each family of features")
    control: Group = Field(description="the same attack after memberships were exchanged between releases")
    epsilon_pooled: float
    epsilon_worst: float
    targets: list[TargetResult]

    def group(self, kind: str) -> Group:
        """Return one kind of targets; KeyError where there is none."""
        for group in self.groups:
            if group.kind == kind:
                return group
        raise KeyError(kind)


class AuditResult(StrictModel):
    """The content of audit.json."""

    schema_version: Literal["1"] = "1"
    generator: str
    params: dict[str, Any]
    cohort: str
    dictionary: str
    patients: int
    released: int
    replicates: int = Field(0, description="cohorts beside it, which the attacker has as well")
    seed: int
    static: list[StaticCount]
    presence: PresenceCount | None = None
    shadow: ShadowResult | None = None


class ExposedPatient(StrictModel):
    """What the audit found about one patient, by row from 1; for the steward alone."""

    row: int
    target: str | None = Field(None, description="why it was attacked")
    auc: Figure | None = None
    epsilon: float | None = None
    exposed: bool = False
    decides: list[str] = Field([], description="what the patient alone decides")
    seen: list[str] = Field([], description="in how many releases with and without the patient")
    features: list[str] = Field([], description="single features that tell most, with their AUC")


class InternalResult(StrictModel):
    """The content of internal.json."""

    schema_version: Literal["1"] = "1"
    patients: list[ExposedPatient]


def read_audit(path: Path) -> AuditResult:
    """Read an audit.json.

    Raises
    ------
    DataError
        It is missing, damaged, or of another version.
    """
    try:
        return AuditResult.model_validate(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"{path}: no result of an audit. Make it with amlsynth audit.") from error
