"""The verdict and its words: for what, for whom, not for what, and at what risk."""

from __future__ import annotations

import math
from collections.abc import Sequence

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import Evaluation, Measure
from amlsynth.gates.outcomes import known_outcomes
from amlsynth.gates.verdict import GateReport
from amlsynth.report.decision.records import RELEASED, Alarm, Guarantee, Named, Verdict
from amlsynth.report.decision.sentences import attack_name
from amlsynth.report.digits import number

_NEVER = (
    "decisions about the care of any patient",
    "evidence of efficacy or safety, or a control arm of a trial",
    "any attempt to find a person of the original",
)


WITHHELD = "Published with a guarantee: what is shown rests on the original through noisy sums alone."
NOT_TOLD = "Which limits it was held against, and what came out, is told to regulators."


def rule(evaluation: Evaluation, gates: GateReport | None, alarms: Sequence[Alarm]) -> Verdict:
    """Return the verdict: the gates decide; what is statistically clear beside them makes reservations."""
    if evaluation.kind == "comparison" or gates is None:
        return "none"
    if gates.failed:
        return "undecided" if all(gate.undecided for gate in gates.failed) else "not publishable"
    return "reservations" if any(alarm.signal == "clear" for alarm in alarms) else "publishable"


def status(evaluation: Evaluation, release: Named | None) -> str:
    """Return what is judged: a release, an evaluation outside one, or a comparison."""
    if evaluation.kind == "comparison":
        return "comparison of two cohorts"
    if release is None:
        return "evaluation, not a release"
    return RELEASED[release.doi is not None]


def headline(
    ruled: Verdict, evaluation: Evaluation, gates: GateReport | None, alarms: Sequence[Alarm]
) -> str:
    """Return the verdict as one sentence."""
    if evaluation.kind == "comparison":
        return "No verdict: two cohorts were compared, and neither is known to be made from the other."
    if gates is None:
        return "No verdict: no limits were applied to these figures."
    required = sum(gate.required and gate.passed is not None for gate in gates.gates)
    if ruled == "not publishable":
        return f"Must not be published: {_limits(len(gates.failed), required)} not kept."
    if ruled == "undecided":
        limits = _limits(len(gates.failed), required)
        return f"Cannot be decided: {limits} within the uncertainty of the figures."

    kept = "the one required limit is kept" if required == 1 else (
        f"all {number(required, 0)} required limits are kept"
    )  # fmt: skip
    if ruled == "reservations":
        clear = sum(alarm.signal == "clear" for alarm in alarms)
        findings = "one finding speaks" if clear == 1 else f"{number(clear, 0)} findings speak"
        return f"Publishable with reservations: {kept}, but {findings} clearly against it."
    weak = len(alarms)  # of privacy alone; weak signals of likeness are no alarm
    rest = "no clear signal speaks against it" if not weak else (
        "one weak signal on privacy was found"
        if weak == 1
        else f"{number(weak, 0)} weak signals on privacy were found"
    )  # fmt: skip
    return f"Publishable: {kept}, and {rest}."


def _limits(failed: int, required: int) -> str:
    """Return how many of the required limits, with the verb."""
    if required == 1:
        return "the one required limit is"
    return f"{number(failed, 0)} of {number(required, 0)} required limits {'is' if failed == 1 else 'are'}"


def readers(ruled: Verdict, gates: GateReport | None) -> str:
    """Return to whom the cohort may be given."""
    if gates is None or ruled == "none":
        return "Not decided."
    if ruled in ("not publishable", "undecided"):
        return "Nobody outside the house that holds the original."
    purpose = gates.purpose or f"the profile “{gates.profile}” does not say for whom."
    return f"As the limits were set: {purpose[:1].lower()}{purpose[1:]}"


def good_for(ruled: Verdict, evaluation: Evaluation, alarms: Sequence[Alarm], d: Dictionary) -> str:
    """Return what the cohort is good for, as far as the figures show it."""
    if ruled in ("not publishable", "undecided"):
        return "Nothing outside the house that holds the original."
    if ruled == "none":
        return "Not decided."
    off = _off(evaluation, alarms)
    kept = [
        e.label.lower() for e in d.endpoints if e.name in known_outcomes(evaluation, d) and e.name not in off
    ]
    base = "Developing and testing methods and software, and teaching"
    if not kept:
        return f"{base}."
    questions = f"exploring questions on {' and '.join(kept)}"
    return f"{base}; {questions}, whose answers are then confirmed in real patients."


def not_for(evaluation: Evaluation, alarms: Sequence[Alarm], d: Dictionary) -> tuple[str, ...]:
    """Return what the cohort is not for: first what its own figures forbid, then what always holds."""
    off = _off(evaluation, alarms)
    names = {e.name: e.label.lower() for e in d.endpoints}
    if d.roles.response is not None:
        names[d.roles.response.name] = d.roles.response.label.lower()
    found = [f"anything that rests on {label}" for name, label in names.items() if name in off]
    if "effects" in off:
        found.append("conclusions about the effects of markers")
    return (*found, *_NEVER)


def _off(evaluation: Evaluation, alarms: Sequence[Alarm]) -> set[str]:
    """Return the outcomes that are clearly off, and "effects" where these are."""
    clear = {alarm.measure for alarm in alarms if alarm.signal == "clear"}
    found = set()
    for measure in evaluation.measures:
        if measure.id in clear and measure.aspect in ("survival", "outcome"):
            found |= {"effects"} if measure.group == "effects" else set(measure.outcomes)
    return found


def privacy(evaluation: Evaluation, guarantee: Guarantee | None, key: str) -> str:
    """Return the guarantee, where there is one, and the risk that the attacks leave."""
    if evaluation.kind == "comparison":
        return "Not assessed, as neither cohort is known to be made from the other."
    return f"{guaranteed(guarantee)} {_residual(evaluation, key)}"


def guaranteed(guarantee: Guarantee | None) -> str:
    """Return what a guarantee promises to each patient; that there is none, where there is none."""
    if guarantee is None:
        return "There is no mathematical guarantee."
    if guarantee.epsilon is None:
        return (
            "Differential privacy bounds what can be learned about any one patient; provenance.json names "
            "the sums that have the figures."
        )
    delta = "" if guarantee.delta is None else f" and δ = {guarantee.delta:g}"
    factor = number(math.exp(guarantee.epsilon), 1)
    return (
        f"Differential privacy with ε = {guarantee.epsilon:g}{delta}: with or without any one patient, no "
        f"outcome is more than {factor} times as likely."
    )


def _residual(evaluation: Evaluation, key: str) -> str:
    worst = _sharpest(evaluation, key)
    if worst is None:
        return "No attack could be measured, so the risk that is left is not known."
    from_limits = "What was not tried may find more."
    figure = worst.figures[key]
    assert figure.value is not None
    ends = ""
    if figure.low is not None and figure.high is not None:
        ends = f" (95 % interval {number(100 * figure.low, 0)} to {number(100 * figure.high, 0)})"
    return (
        f"Of a training patient and an outsider the sharpest attack, “{attack_name(worst)}”, picks the right "
        f"one {number(100 * figure.value, 0)} times in 100{ends}; 50 is guessing. {from_limits}"
    )


def _sharpest(evaluation: Evaluation, key: str) -> Measure | None:
    found = [
        m
        for m in evaluation.measures
        if m.aspect == "privacy" and m.id.endswith("_auc") and m.figures[key].value is not None
    ]
    return max(found, key=lambda m: m.figures[key].value or 0.0, default=None)
