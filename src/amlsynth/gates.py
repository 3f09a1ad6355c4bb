"""Gates: thresholds on the measures of an evaluation that decide whether a cohort may be released.

A gate whose measure has no value never passes. Profiles of gates stand in release/gates.yaml; a
steward can write an own file of the same form and name it in the release spec.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from amlsynth.evaluation.records import Evaluation, Figure, Measure
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.files import write_text
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
_Text = Annotated[str, Field(min_length=1)]


class _Entry(StrictModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Gate(_Entry):
    """One threshold on one measure, and why it stands where it stands."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    label: _Text
    measure: _Text
    comparison: Comparison
    threshold: float | None = None
    required: bool
    reason: _Text
    source: _Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.comparison == "within_original_interval") != (self.threshold is None):
            needs = "takes no threshold" if self.threshold is not None else "needs a threshold"
            raise misplaced(("comparison",), f"{self.comparison} {needs}")
        return self


class GateProfile(_Entry):
    """A named list of gates for one purpose."""

    name: str = ""  # the key under which it stands in the file
    description: _Text
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


class _ProfileFile(_Entry):
    profiles: Annotated[dict[str, GateProfile], Field(min_length=1)]


class GateResult(_Entry):
    """What one gate found; `reason` is a sentence with the figure and why the gate is there."""

    id: str
    label: str
    measure: str
    value: float | None
    threshold: float | None
    comparison: Comparison
    required: bool
    passed: bool
    reason: str


class GateReport(_Entry):
    """What all gates of a profile found: the content of gates.json."""

    profile: str
    passed: bool
    gates: Annotated[tuple[GateResult, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != all(gate.passed for gate in self.gates if gate.required):
            raise ValueError("passed contradicts the results of the required gates")
        return self

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The required gates that were not passed."""
        return tuple(gate for gate in self.gates if gate.required and not gate.passed)

    def raise_if_failed(self, source: str) -> None:
        """Raise a DataError that lists the required gates that were not passed, with their figures."""
        if self.failed:
            many = len(self.failed)
            lines = [f"  {gate.label} ({gate.measure}): {gate.reason}" for gate in self.failed]
            head = f"{source}: {many} required gate{'s' * (many > 1)} of the profile {self.profile!r} failed."
            raise DataError("\n".join([head, *lines]))


def apply_gates(evaluation: Evaluation, profile: str | GateProfile, cohort: str | None = None) -> GateReport:
    """Hold the measures of one synthetic cohort against the gates of a profile.

    Parameters
    ----------
    evaluation : what was measured on the synthetic cohort.
    profile : a profile, or the name of one in release/gates.yaml such as "research".
    cohort : the key of the synthetic cohort; needed where the evaluation has several.

    Returns
    -------
    GateReport
        One result for each gate, in the order of the profile; `passed` when every required gate
        passed. A measure that is missing or could not be computed fails its gate.

    Raises
    ------
    UsageError
        There is no profile of that name, no cohort of that key, or several and none is named.
    """
    if isinstance(profile, str):
        profile = gate_profile(profile)
    keys = evaluation.keys
    if (cohort is None and len(keys) > 1) or (cohort is not None and cohort not in keys):
        raise UsageError(
            f"gates: the evaluation has the synthetic cohorts {', '.join(keys)}; name one of them"
            f"{'' if cohort is None else f' instead of {cohort!r}'}."
        )
    results = tuple(_apply(evaluation, gate, cohort or keys[0]) for gate in profile.gates)
    passed = all(result.passed for result in results if result.required)
    return GateReport(profile=profile.name, passed=passed, gates=results)


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
    path = path or asset("release/gates.yaml")
    profiles = read_yaml_model(path, _ProfileFile, what="gates file").profiles
    return {name: profile.model_copy(update={"name": name}) for name, profile in profiles.items()}


def write_gates(report: GateReport, path: Path) -> None:
    """Write gates.json: the model's field order, floats in shortest form, LF."""
    write_text(path, report.model_dump_json(indent=1) + "\n")


def _apply(evaluation: Evaluation, gate: Gate, cohort: str) -> GateResult:
    try:
        measure = evaluation.measure(gate.measure)
    except KeyError:
        value, passed, found = None, False, f"the evaluation has no measure {gate.measure!r}"
    else:
        found_figure = measure.figures[cohort]
        value = _known(found_figure)
        passed, found = _decide(gate, measure, found_figure)
    return GateResult(
        id=gate.id,
        label=gate.label,
        measure=gate.measure,
        value=value,
        threshold=gate.threshold,
        comparison=gate.comparison,
        required=gate.required,
        passed=passed,
        reason=f"{found[0].upper()}{found[1:]}. {gate.reason}",
    )


def _decide(gate: Gate, measure: Measure, figure: Figure) -> tuple[bool, str]:
    """Return whether a gate passes and a clause that says so with the figures."""
    value = _known(figure)
    if value is None:
        return False, f"not available: {figure.reason or 'the evaluation gives no value'}"
    shown = f"{value:.6g}"
    if gate.comparison == "within_original_interval":
        return _within_interval(shown, value, measure.original)
    limit = gate.threshold
    assert limit is not None  # the model requires it for all other comparisons
    if gate.comparison == "interval_low_at_most":
        low = figure.low
        if low is None:
            return False, "not available: the figure has no 95 % interval"
        passed = low <= limit
        return passed, f"the 95 % interval of {shown} begins at {low:.6g}, {_not(passed)}at most {limit:g}"
    if gate.comparison == "at_least_share_of_holdout":
        holdout = measure.anchors.get("holdout")
        real = _known(holdout) if holdout else None
        if real is None:
            why = holdout.reason if holdout and holdout.reason else "the evaluation has none"
            return False, f"not available: the figure of the hold-out is needed, but {why}"
        passed = value >= limit * real
        return passed, f"{shown} is {_not(passed)}at least {limit:g} times the hold-out's {real:.6g}"
    passed, words = {
        "at_least": (value >= limit, "at least"),
        "at_most": (value <= limit, "at most"),
        "below": (value < limit, "below"),
        "equals": (value == limit, "equal to"),
    }[gate.comparison]
    return passed, f"{shown} is {_not(passed)}{words} {limit:g}"


def _within_interval(shown: str, value: float, original: Figure | None) -> tuple[bool, str]:
    low, high = (original.low, original.high) if original else (None, None)
    if original is None or _known(original) is None or (low is None and high is None):
        return False, "not available: the original has no 95 % interval"
    # A median whose upper limit was not reached has an interval that is open above.
    passed = (low is None or value >= low) and (high is None or value <= high)
    interval = f"{'open' if low is None else f'{low:.6g}'} to {'open' if high is None else f'{high:.6g}'}"
    return passed, f"{shown} is {_not(passed)}within the original's 95 % interval, {interval}"


def _known(figure: Figure) -> float | None:
    if figure.value is None or not math.isfinite(figure.value):
        return None
    return figure.value


def _not(passed: bool) -> str:
    return "" if passed else "not "
