"""What the gates of a profile found: the content of gates.json."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import write_text
from amlsynth.gates.profile import Comparison, Entry


class GateResult(Entry):
    """What one gate found; `reason` is a sentence with the figure and why the gate is there."""

    id: str
    label: str
    measure: str
    value: float | None
    threshold: float | None
    comparison: Comparison
    required: bool
    passed: bool | None  # None: not applicable, as the cohort has no such endpoint or response
    reason: str
    undecided: bool = False  # the 95 % interval covers the limit; `passed` is then False

    @property
    def verdict(self) -> Literal["passed", "failed", "undecided", "not applicable"]:
        if self.passed is None:
            return "not applicable"
        return "passed" if self.passed else "undecided" if self.undecided else "failed"


class GateReport(Entry):
    """What all gates of a profile found: the content of gates.json."""

    profile: str
    purpose: str = ""  # what the profile's description says that it is for
    passed: bool
    gates: Annotated[tuple[GateResult, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != all_passed(self.gates):
            raise ValueError("passed contradicts the results of the required gates")
        return self

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The required gates that were not passed."""
        return tuple(gate for gate in self.gates if gate.required and gate.passed is False)

    def raise_if_failed(self, source: str) -> None:
        """Raise a DataError that lists the required gates that were not passed, with their figures."""
        if self.failed:
            many = len(self.failed)
            lines = [f"  {gate.label} ({gate.measure}): {gate.reason}" for gate in self.failed]
            head = f"{source}: {many} required gate{'s' * (many > 1)} of the profile {self.profile!r} failed."
            if undecided := sum(gate.undecided for gate in self.failed):
                head += f" {undecided} of them undecided."
            raise DataError("\n".join([head, *lines]))


def all_passed(results: Iterable[GateResult]) -> bool:
    """Say whether every required gate that is applicable passed, and whether there is one."""
    verdicts = [gate.passed for gate in results if gate.required and gate.passed is not None]
    return bool(verdicts) and all(verdicts)


def write_gates(report: GateReport, path: Path) -> None:
    """Write gates.json: the model's field order, floats in shortest form, LF."""
    write_text(path, report.model_dump_json(indent=1) + "\n")
