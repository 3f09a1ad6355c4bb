"""Hold an evaluation against the gates of a profile.

A gate whose measure has no value never passes; but one on an endpoint or response that the cohort does not
have is not applicable. Where an interval covers the limit that it must keep, or chance alone reaches beyond
the limit, the gate is undecided, which is no pass.
"""

from __future__ import annotations

import math

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation.records import Evaluation, Figure, Measure
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.gates.outcomes import Outcome, known_outcomes, written_out
from amlsynth.gates.profile import Gate, GateProfile, gate_profile
from amlsynth.gates.verdict import GateReport, GateResult, all_passed


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
        for gate, outcome in written_out(template, d)
    )
    return GateReport(
        profile=profile.name, purpose=profile.description, passed=all_passed(results), gates=results
    )


def patients_compared(evaluation: Evaluation, cohort: str) -> int:
    """Return the number of patients that limits go by: those of the smallest of the cohorts compared.

    A hold-out counts four times: limits that go by a number of patients are those of a hold-out of a fifth.
    """
    sizes = [evaluation.original.n, next(one.n for one in evaluation.synthetics if one.key == cohort)]
    if evaluation.holdout is not None:
        sizes.append(4 * evaluation.holdout.n)
    return min(sizes)


def _apply(
    evaluation: Evaluation,
    template: Gate,
    outcome: Outcome | None,
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
    sentence = f"{words[0].upper()}{words[1:]}{'' if words.endswith('?') else '.'}"
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
        reason=" ".join([sentence, *filter(None, why)]),
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
