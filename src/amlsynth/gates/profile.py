"""Profiles of gates, as they stand in release/gates.yaml or in a steward's own file of the same form.

A limit may go by the number of patients: of fewer than the least that it names the gate is undecided. A gate
with `decided_by: interval` asks that the whole 95 % interval keeps the limit. `{endpoint}` in a gate stands
for each endpoint of the dictionary, `{response}` for its response.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.yamlfile import misplaced, read_yaml_model

Comparison = Literal[
    "at_least",
    "at_most",
    "below",
    "equals",
    "interval_low_at_most",
    "within_original_interval",
    "at_least_share_of_holdout",
]
_BY_INTERVAL = ("at_least", "at_most", "below")  # what `decided_by: interval` goes with
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_PART = r"([a-z0-9]+|\{endpoint\}|\{response\})"
_Text = Annotated[str, Field(min_length=1)]
_Limits = Annotated[dict[Annotated[int, Field(gt=0)], float], Field(min_length=1)]


class Entry(StrictModel):
    """A strict record of finite numbers."""

    model_config = ConfigDict(allow_inf_nan=False)


class Gate(Entry):
    """One threshold on one measure, and why it stands where it stands.

    With `{endpoint}` (or `{response}`) in `id` and `measure` it is one gate for each endpoint (or for the
    response) of the dictionary; `{label}` in `label` is then its name in words.
    """

    id: Annotated[str, Field(pattern=rf"^{_PART}(-{_PART})*$")]
    label: _Text
    measure: _Text
    comparison: Comparison
    # By number of patients where it is several: what chance makes of few would else be taken for harm
    threshold: float | _Limits | None = None
    # Beyond the threshold but not beyond this, which innocent cohorts reach by chance, the gate is undecided
    fails_beyond: float | _Limits | None = None
    required: bool
    required_from: Annotated[int, Field(ge=0)] = 0  # patients; of fewer it is advice
    # "interval": the whole 95 % interval must keep the limit, or the gate is failed or undecided
    decided_by: Literal["value", "interval"] = "value"
    harm: str = ""  # what happens to whom where the limit is passed over
    reason: _Text  # why the limit stands where it stands
    source: _Text
    date: Annotated[datetime.date | None, Field(strict=False)] = None  # when the limit was set
    remedy: str = ""  # what helps where the gate fails

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.comparison == "within_original_interval") != (self.threshold is None):
            needs = "takes no threshold" if self.threshold is not None else "needs a threshold"
            raise misplaced(("comparison",), f"{self.comparison} {needs}")
        if self.decided_by == "interval" and self.comparison not in _BY_INTERVAL:
            raise misplaced(("decided_by",), f"{self.comparison} is not decided by an interval")
        if self.fails_beyond is not None and (
            self.comparison not in _BY_INTERVAL or self.decided_by == "interval"
        ):
            raise misplaced(
                ("fails_beyond",), "it goes with at_least, at_most or below, decided by the value"
            )
        of, in_id, in_label = (_placeholders(text) for text in (self.measure, self.id, self.label))
        if of not in (set(), {"endpoint"}, {"response"}):
            raise misplaced(("measure",), "it may hold {endpoint} or {response}, and no other placeholder")
        if in_id != of:
            raise misplaced(("id",), "it needs the placeholder of the measure, and no other")
        if of and not in_label <= {"label", *of}:
            raise misplaced(("label",), "it may hold {label} and the placeholder of the measure")
        return self

    @property
    def limits(self) -> tuple[float, ...]:
        """The threshold, or all of them where they go by the number of patients."""
        if isinstance(self.threshold, dict):
            return tuple(self.threshold.values())
        return () if self.threshold is None else (self.threshold,)

    @property
    def least_patients(self) -> int:
        """Of fewer patients the gate has no limit, and is undecided."""
        return max(min(_patients_named(limit)) for limit in (self.threshold, self.fails_beyond))

    def for_patients(self, patients: int) -> Self:
        """Return the gate with the one limit of each kind that it has for this many patients.

        Between two numbers of patients it goes by one over their root, as chance does; beyond the last and
        before the first it is theirs.
        """
        both = {"threshold": self.threshold, "fails_beyond": self.fails_beyond}
        limits = {name: _at(limit, patients) for name, limit in both.items() if isinstance(limit, dict)}
        required = self.required and patients >= self.required_from
        return self.model_copy(update={**limits, "required": required})

    def about(self, words: Mapping[str, str]) -> Self:
        """Return the gate with the placeholders of its id, measure and label filled in."""
        texts = {
            name: _PLACEHOLDER.sub(lambda place: words[place[1]], getattr(self, name))
            for name in ("id", "measure", "label")
        }
        return self.model_copy(update=texts)

    @property
    def placeholders(self) -> set[str]:
        """What stands in braces in the measure."""
        return _placeholders(self.measure)


def _at(limits: dict[int, float], patients: int) -> float:
    numbers = sorted(limits, reverse=True)
    scale = [n**-0.5 for n in numbers]
    return round(float(np.interp(max(patients, 1) ** -0.5, scale, [limits[n] for n in numbers])), 6)


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


class GateProfile(Entry):
    """A named list of gates for one purpose."""

    name: str = ""  # the key under which it stands in the file
    description: _Text
    replicates: bool = Field(
        True, strict=True, description="whether cohorts of further fits to patients may be beside the cohort"
    )
    gates: tuple[Gate, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[str] = set()
        for position, gate in enumerate(self.gates):
            if gate.id in seen:
                raise misplaced(("gates", position, "id"), f"the gate {gate.id!r} stands twice")
            seen.add(gate.id)
        if not any(gate.required for gate in self.gates):
            raise misplaced(("gates",), "at least one gate must be required, or anything would pass")
        return self

    def contradiction(self) -> tuple[int, str] | None:
        """Return the place of a required gate that no figure keeps together with another, and why."""
        required = [(position, gate) for position, gate in enumerate(self.gates) if gate.required]
        floors = {gate.measure: gate for _, gate in required if gate.comparison == "at_least"}
        for position, gate in required:
            other = floors.get(gate.measure)
            if other is None or gate.comparison not in ("at_most", "below"):
                continue
            for patients in sorted({*_patients_named(gate.threshold), *_patients_named(other.threshold)}):
                floor, ceiling = (one.for_patients(patients).limits[0] for one in (other, gate))
                if ceiling < floor or (gate.comparison == "below" and ceiling == floor):
                    side = gate.comparison.replace("_", " ")
                    return position, f"no {gate.measure} is at least {floor:g} and {side} {ceiling:g}"
        return None


def _patients_named(limit: float | dict[int, float] | None) -> tuple[int, ...]:
    """Return the numbers of patients that a limit goes by; between them it goes straight."""
    return tuple(limit) if isinstance(limit, dict) else (0,)


class _ProfileFile(Entry):
    profiles: Annotated[dict[str, GateProfile], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, profile in self.profiles.items():
            if found := profile.contradiction():
                position, what = found
                raise misplaced(("profiles", name, "gates", position, "threshold"), what)
        return self


def gate_profile(name: str, path: Path | None = None) -> GateProfile:
    """Return a profile of the gates file `path`, by default of the package's release/gates.yaml.

    Raises
    ------
    UsageError
        The file is wrong (the sentence names the line) or has no profile of that name.
    """
    profiles = read_profiles(path)
    if name not in profiles:
        raise UsageError(
            f"{path or 'release/gates.yaml'}: there is no gate profile {name!r}."
            f"{did_you_mean(name, profiles)} Profiles: {', '.join(profiles)}."
        )
    return profiles[name]


def read_profiles(path: Path | None = None) -> dict[str, GateProfile]:
    """Read all profiles of a gates file, by name in the order of the file."""
    return dict(_package_profiles()) if path is None else _profiles_of(path)


@cache
def _package_profiles() -> dict[str, GateProfile]:
    return _profiles_of(asset("release/gates.yaml"))


def _profiles_of(path: Path) -> dict[str, GateProfile]:
    profiles = read_yaml_model(path, _ProfileFile, what="gates file").profiles
    return {name: profile.model_copy(update={"name": name}) for name, profile in profiles.items()}
