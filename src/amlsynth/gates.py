"""Gates: thresholds on the measures of an evaluation that decide whether a cohort may be released.

A gate whose measure has no value never passes; but one on an endpoint or response that the cohort does not
have is not applicable. A gate with `decided_by: interval` asks that the whole 95 % interval keeps the limit:
where the interval covers it, the gate is undecided, which is no pass. Profiles of gates stand in
release/gates.yaml; a steward can write an own file of the same form and name it in the release spec. A limit
may go by the number of patients: of fewer than the least that it names the gate is undecided.
`{endpoint}` in a gate stands for each endpoint of the dictionary, `{response}` for its response.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from amlsynth.dictionary.model import Dictionary, dictionary
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
_BY_INTERVAL = ("at_least", "at_most", "below")  # what `decided_by: interval` goes with
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_PART = r"([a-z0-9]+|\{endpoint\}|\{response\})"
_Text = Annotated[str, Field(min_length=1)]
_Limits = Annotated[dict[Annotated[int, Field(gt=0)], float], Field(min_length=1)]


class _Entry(StrictModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Gate(_Entry):
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


def _at(limits: dict[int, float], patients: int) -> float:
    numbers = sorted(limits, reverse=True)
    scale = [n**-0.5 for n in numbers]
    return round(float(np.interp(max(patients, 1) ** -0.5, scale, [limits[n] for n in numbers])), 6)


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


class GateProfile(_Entry):
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


class _ProfileFile(_Entry):
    profiles: Annotated[dict[str, GateProfile], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, profile in self.profiles.items():
            if found := profile.contradiction():
                position, what = found
                raise misplaced(("profiles", name, "gates", position, "threshold"), what)
        return self


class GateResult(_Entry):
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


class GateReport(_Entry):
    """What all gates of a profile found: the content of gates.json."""

    profile: str
    purpose: str = ""  # what the profile's description says that it is for
    passed: bool
    gates: Annotated[tuple[GateResult, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != _all_passed(self.gates):
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


def _all_passed(results: tuple[GateResult, ...]) -> bool:
    """Say whether every required gate that is applicable passed, and whether there is one."""
    verdicts = [gate.passed for gate in results if gate.required and gate.passed is not None]
    return bool(verdicts) and all(verdicts)


def apply_gates(
    evaluation: Evaluation,
    profile: str | GateProfile,
    cohort: str | None = None,
    d: Dictionary | None = None,
) -> GateReport:
    """Hold the measures of one synthetic cohort against the gates of a profile.

    Parameters
    ----------
    evaluation : what was measured on the synthetic cohort.
    profile : a profile, or the name of one in release/gates.yaml such as "research".
    cohort : the key of the synthetic cohort; needed where the evaluation has several.
    d : the dictionary of the cohorts; that of AML when not given.

    Returns
    -------
    GateReport
        One result for each gate, in the order of the profile; `passed` when every required gate
        passed. A measure that is missing or could not be computed fails its gate; a gate on an endpoint or
        response that the original lacks is not applicable.

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
    d = d or dictionary()
    found = known_outcomes(evaluation, d)
    key = cohort or keys[0]
    patients = patients_compared(evaluation, key)
    results = tuple(
        _apply(evaluation, gate, outcome, found, key, patients)
        for template in profile.gates
        for gate, outcome in _written_out(template, d)
    )
    return GateReport(
        profile=profile.name, purpose=profile.description, passed=_all_passed(results), gates=results
    )


def patients_compared(evaluation: Evaluation, cohort: str) -> int:
    """Return the number of patients that limits go by: those of the smallest of the cohorts compared.

    A hold-out counts four times: limits that go by a number of patients are those of a hold-out of a fifth.
    """
    sizes = [evaluation.original.n, next(one.n for one in evaluation.synthetics if one.key == cohort)]
    if evaluation.holdout is not None:
        sizes.append(4 * evaluation.holdout.n)
    return min(sizes)


def endpoints_in(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names of the endpoints that the original has, in the order of the dictionary."""
    return tuple(summary.endpoint for summary in evaluation.original.survival if summary.n != 0)


def known_outcomes(evaluation: Evaluation, d: Dictionary) -> frozenset[str]:
    """Return the names of the endpoints, and of the response, that the original has."""
    found = set(endpoints_in(evaluation))
    if d.roles.response is not None:
        name = d.roles.response.variable
        if any(s.name == name and s.missing != s.n for s in evaluation.original.variables):
            found.add(d.roles.response.name)
    return frozenset(found)


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


def write_gates(report: GateReport, path: Path) -> None:
    """Write gates.json: the model's field order, floats in shortest form, LF."""
    write_text(path, report.model_dump_json(indent=1) + "\n")


class _Outcome(NamedTuple):
    """An endpoint or the response that a gate is about."""

    name: str  # "OS"
    suffix: str  # "os", as measures are called
    label: str  # "overall survival"


def _outcomes(d: Dictionary) -> tuple[list[_Outcome], list[_Outcome]]:
    """Return the endpoints of a dictionary, and its response where it has one."""
    endpoints = [_Outcome(e.name, e.suffix, e.label.lower()) for e in d.endpoints]
    response = d.roles.response
    return endpoints, [
        _Outcome(response.name, response.name.lower(), response.label.lower())
    ] if response else []


def _written_out(gate: Gate, d: Dictionary) -> Iterator[tuple[Gate, _Outcome | None]]:
    """Yield the gates that one in a file stands for, each with the outcome that it is about."""
    endpoints, responses = _outcomes(d)
    for key, outcomes in (("endpoint", endpoints), ("response", responses)):
        if key in _placeholders(gate.measure):
            for outcome in outcomes:
                words = {key: outcome.suffix, "label": outcome.label}
                texts = {
                    name: _PLACEHOLDER.sub(lambda place, words=words: words[place[1]], getattr(gate, name))  # type: ignore[misc]
                    for name in ("id", "measure", "label")
                }
                yield gate.model_copy(update=texts), outcome
            return
    # A steward may also name the measure of one endpoint, such as km_score_os, or of the response.
    about = [o for o in endpoints if gate.measure.endswith(f"_{o.suffix}")]
    about += [o for o in responses if gate.measure.startswith(f"{o.suffix}_")]
    yield gate, about[0] if about else None


def _apply(
    evaluation: Evaluation,
    template: Gate,
    outcome: _Outcome | None,
    found: frozenset[str],
    cohort: str,
    patients: int,
) -> GateResult:
    value: float | None = None
    passed: bool | None
    undecided = False
    gate = template.for_patients(patients)
    if outcome is not None and outcome.name not in found:
        passed, words = None, f"not applicable: the original has no {outcome.label} ({outcome.name})"
    else:
        value, passed, undecided, words = _held(evaluation, gate, cohort)
        if value is not None and patients < template.least_patients:
            passed, undecided, words = False, True, _too_few(value, patients, template.least_patients)
    why = [gate.harm, gate.reason, "" if passed is not False else gate.remedy]
    return GateResult(
        id=gate.id,
        label=gate.label,
        measure=gate.measure,
        value=value,
        threshold=next(iter(gate.limits), None),
        comparison=gate.comparison,
        required=gate.required,
        passed=passed,
        reason=" ".join([f"{words[0].upper()}{words[1:]}.", *filter(None, why)]),
        undecided=undecided,
    )


def _too_few(value: float, patients: int, least: int) -> str:
    return (
        f"undecided: {value:.6g} of {patients:,} patients (the smallest of original, synthetic cohort and "
        f"four times the hold-out) tells good from bad too rarely; {least:,} would decide it"
    )


def _held(evaluation: Evaluation, gate: Gate, cohort: str) -> tuple[float | None, bool, bool, str]:
    """Return a measure's figure, whether its gate passes, whether it is undecided, and a clause on it."""
    try:
        measure = evaluation.measure(gate.measure)
    except KeyError:
        hint = did_you_mean(gate.measure, [one.id for one in evaluation.measures])
        return None, False, False, f"the evaluation has no measure {gate.measure!r}.{hint}".rstrip(".")
    figure = measure.figures[cohort]
    value = _known(figure)
    if gate.decided_by == "interval" and value is not None:
        return value, *_decide_by_interval(gate, figure, value)
    passed, words = _decide(gate, measure, figure)
    if not passed and value is not None and _kept_by_chance(gate, value):
        more = f"{gate.fails_beyond:.6g}, which innocent cohorts of so few patients reach by chance"
        words = f"undecided: {words}, but not beyond {more}; more patients would decide it"
        return value, False, True, words
    return value, passed, False, words


def _kept_by_chance(gate: Gate, value: float) -> bool:
    """Say whether a figure that does not keep the threshold is one that innocent cohorts have by chance."""
    if not isinstance(gate.fails_beyond, float):
        return False
    return value >= gate.fails_beyond if gate.comparison == "at_least" else value <= gate.fails_beyond


def _decide_by_interval(gate: Gate, figure: Figure, value: float) -> tuple[bool, bool, str]:
    """Return whether the whole interval keeps the limit, whether it covers it, and a clause."""
    low, high, limit = figure.low, figure.high, gate.limits[0]  # the model requires one
    if low is None or high is None:
        return False, False, "not available: the figure has no 95 % interval"
    interval = f"{value:.6g} with the 95 % interval {low:.6g} to {high:.6g}"
    nearest, furthest = (high, low) if gate.comparison == "at_least" else (low, high)
    side = gate.comparison.replace("_", " ")

    def keeps(number: float) -> bool:
        return {"at_least": number >= limit, "at_most": number <= limit, "below": number < limit}[
            gate.comparison
        ]

    if keeps(furthest):
        return True, False, f"{interval} is {side} {limit:g}"
    if keeps(nearest):
        words = f"undecided: {interval} covers {limit:g}, and all of it must be {side} that"
        return False, True, f"{words}; more patients in the original and the hold-out would decide it"
    return False, False, f"{interval} is not {side} {limit:g}"


def _decide(gate: Gate, measure: Measure, figure: Figure) -> tuple[bool, str]:
    """Return whether a gate passes and a clause that says so with the figures."""
    value = _known(figure)
    if value is None:
        return False, f"not available: {figure.reason or 'the evaluation gives no value'}"
    shown = f"{value:.6g}"
    if gate.comparison == "within_original_interval":
        return _within_interval(shown, value, measure.original)
    limit = gate.limits[0]  # the model requires one for all other comparisons
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
