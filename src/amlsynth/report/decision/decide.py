"""From the figures, the gates and the record of a release to a decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import CohortSummary, Evaluation, Measure
from amlsynth.foundation.text import listing
from amlsynth.gates.outcomes import known_outcomes
from amlsynth.gates.verdict import GateReport
from amlsynth.report.decision import facts, verdict
from amlsynth.report.decision.records import MAX_ROWS, Alarm, Decision, OriginalCohort, Row
from amlsynth.report.decision.sentences import reading, sentence
from amlsynth.report.decision.signal import Graded, grade, worst_first
from amlsynth.report.digits import decimals, number

# The questions of a decision, and the measures that answer them: the first that the evaluation has, of
# each line.
QUESTIONS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("Is it valid?", (("rules_broken",),)),
    ("Is it like the original?", (("classifier_auc",),)),
    ("Do patients fare alike?", (("median_{endpoint}", "survival60_{endpoint}"), ("{response}_rate",))),
    ("Do effects of markers hold?", (("effects_slope_hr", "effects_significant_hr"),)),
    (
        "Does it give patients away?",
        (
            ("exact_matches", "numbers_copied"),
            ("membership_density_auc", "membership_nearest_auc"),
            ("membership_density_outlying_auc", "membership_nearest_outlying_auc"),
            ("attribute_inference_risk",),
        ),
    ),
)
_ENDPOINTS = 2  # that have a line of their own
NOT_COMPARED = "not compared: the original is not told"


def decide(
    evaluation: Evaluation,
    gates: GateReport | None,
    provenance: facts.Provenance | None,
    d: Dictionary,
    *,
    cohort: str | None = None,
    doi: str | None = None,
    withheld: bool = False,
) -> Decision:
    """Return the decision on one synthetic cohort.

    Parameters
    ----------
    evaluation, gates, provenance : the content of evaluation.json, gates.json and provenance.json; the latter
        two None where there are none, as outside a release.
    d : the dictionary of the cohorts.
    cohort : the key of the synthetic cohort, by default the first.
    doi : the DOI of the release, once one is reserved.
    withheld : whether nothing that rests on the original may be said, as to the public with a guarantee.
    """
    key = cohort or evaluation.keys[0]
    summary = next(c for c in evaluation.synthetics if c.key == key)
    graded = {m.id: grade(m, key, gates) for m in evaluation.measures}
    alarms = _alarms(evaluation, gates, graded, key, d)
    rows = _rows(evaluation, graded, key, d)
    if withheld:
        rows = tuple(row.model_copy(update={"reading": NOT_COMPARED}) for row in rows)
    ruled = "publishable" if withheld else verdict.rule(evaluation, gates, alarms)
    release = facts.release_of(provenance, doi)
    guarantee = facts.guarantee_of(provenance)
    return Decision(
        status=verdict.status(evaluation, release),
        release=release,
        original=_original(evaluation, provenance),
        cohort=key,
        label=summary.label,
        patients=summary.n,
        generator=facts.text(provenance, "generator", "name") or _generator(summary),
        guarantee=guarantee,
        gate_profile=gates.profile if gates else None,
        verdict=ruled,
        headline=verdict.WITHHELD if withheld else verdict.headline(ruled, evaluation, gates, alarms),
        good_for=verdict.good_for(ruled, evaluation, alarms, d),
        readers="Anyone." if withheld else verdict.readers(ruled, gates),
        not_for=verdict.not_for(evaluation, alarms, d),
        privacy=verdict.guaranteed(guarantee) if withheld else verdict.privacy(evaluation, guarantee, key),
        limits_by=verdict.NOT_TOLD
        if withheld
        else facts.limits_by(provenance, gates.profile if gates else None),
        statements=() if withheld else _statements(evaluation, rows, d),
        alarms=alarms,
        rows=rows,
    )


def _original(evaluation: Evaluation, provenance: facts.Provenance | None) -> OriginalCohort:
    return OriginalCohort(
        label=evaluation.original.label,
        title=facts.text(provenance, "cohort", "title"),
        patients=evaluation.original.n,
        holdout=evaluation.holdout.n if evaluation.holdout else None,
        simulated=evaluation.original_is_simulated,
    )


def _generator(summary: CohortSummary) -> str | None:
    return summary.origin.generator if summary.origin else None


def _rows(evaluation: Evaluation, graded: dict[str, Graded], key: str, d: Dictionary) -> tuple[Row, ...]:
    present = {measure.id: measure for measure in evaluation.measures if measure.applicable}
    rows: list[Row] = []
    for question, lines in QUESTIONS:
        for line in lines:
            for choice in _written_out(line, evaluation, d):
                measure = next((present[name] for name in choice if _known(present.get(name), key)), None)
                if measure is not None:
                    rows.append(_row(question, measure, graded[measure.id], key))
    return tuple(rows[:MAX_ROWS])


def _known(measure: Measure | None, key: str) -> bool:
    return measure is not None and measure.figures[key].value is not None


def _row(question: str, measure: Measure, graded: Graded, key: str) -> Row:
    return Row(
        question=question,
        measure=measure.id,
        label=measure.label,
        unit=measure.unit,
        digits=decimals(measure),
        original=measure.original,
        synthetic=measure.figures[key],
        holdout=measure.anchors.get("holdout"),
        signal=graded.signal,
        reading=reading(measure, graded),
    )


def _written_out(line: Sequence[str], evaluation: Evaluation, d: Dictionary) -> Iterable[list[str]]:
    """Yield the identifiers that a line stands for: once for each endpoint, or for the response."""
    known = known_outcomes(evaluation, d)
    if "{endpoint}" in line[0]:
        for endpoint in [e for e in d.endpoints if e.name in known][:_ENDPOINTS]:
            yield [pattern.format(endpoint=endpoint.suffix) for pattern in line]
    elif "{response}" in line[0]:
        response = d.roles.response
        if response is not None and response.name in known:
            yield [pattern.format(response=response.name.lower()) for pattern in line]
    else:
        yield list(line)


def _alarms(
    evaluation: Evaluation, gates: GateReport | None, graded: dict[str, Graded], key: str, d: Dictionary
) -> tuple[Alarm, ...]:
    """Return what speaks against publishing, gates first; one alarm a subject, by its worst measure."""
    if evaluation.kind == "comparison":
        return ()
    measures = {measure.id: measure for measure in evaluation.measures}
    failed = {g.measure: g for g in (gates.failed if gates else ())}
    alarms = []
    for name, gate in failed.items():
        measure = measures.get(name)
        said = sentence(measure, graded[name], key, d) if measure else f"{gate.label}: {gate.reason}"
        how = "undecided" if gate.undecided else "not kept"
        alarms.append(
            Alarm(
                kind="gate",
                measure=name,
                label=measure.label if measure else gate.label,
                signal="undecided" if gate.undecided else "clear",
                sentence=f"{said} The limit “{gate.label}” is {how}.",
            )
        )
    told = {topic(measures[name]) for name in failed if name in measures}
    by_topic: dict[str, list[tuple[Measure, Graded]]] = defaultdict(list)
    for measure, found in worst_first((m, graded[m.id]) for m in evaluation.measures if m.better != "none"):
        private = measure.aspect == "privacy"
        if found.signal == "clear" or (private and found.signal == "weak"):
            by_topic[topic(measure)].append((measure, found))
    for subject, members in by_topic.items():
        if subject in told:
            continue
        measure, found = members[0]
        others = len(members) - 1
        also = f" {_also(others)}" if others else ""
        alarms.append(
            Alarm(
                kind="privacy" if measure.aspect == "privacy" else "likeness",
                measure=measure.id,
                label=measure.label,
                signal=found.signal,
                sentence=sentence(measure, found, key, d) + also,
            )
        )
    return tuple(alarms)


def _also(others: int) -> str:
    return "Another measure of the same says so too." if others == 1 else (
        f"{number(others, 0)} other measures of the same say so too."
    )  # fmt: skip


def topic(measure: Measure) -> str:
    """Return what a measure is about, so that measures of one effect make one alarm.

    An endpoint, the response, the effects of markers, predictions; of privacy the kind of the attack.
    """
    if measure.aspect == "privacy" or measure.group in ("effects", "prediction"):
        return measure.group or measure.id
    return measure.outcomes[0] if len(measure.outcomes) == 1 else measure.group or measure.id


def _statements(evaluation: Evaluation, rows: Sequence[Row], d: Dictionary) -> tuple[str, ...]:
    """Return what bounds the verdict: a simulated original, few patients, lacking outcomes, no hold-out."""
    found = []
    if evaluation.original_is_simulated:
        found.append(
            "The original is simulated and holds no patient: the figures show that the method works and are "
            f"no evidence about people with {d.words.disease}."
        )
    undecided = [row for row in rows if row.signal == "undecided" and "too few" in row.reading]
    original = f"{number(evaluation.original.n, 0)} training"
    holdout = f" and {number(evaluation.holdout.n, 0)} hold-out" if evaluation.holdout else ""
    if undecided:
        of_all = f"{number(len(undecided), 0)} of {number(len(rows), 0)} key figures"
        count = of_all if len(rows) > 1 else "the one key figure"
        fit = "fits" if len(undecided) == 1 else "fit"
        found.append(
            f"Too few patients to tell: with {original}{holdout} patients, {count} {fit} "
            "both “no effect” and an effect beyond the limit."
        )
    if evaluation.holdout is None and evaluation.kind != "comparison":
        found.append(
            "There was no hold-out: no attack can be told from chance, and likeness has no yardstick."
        )
    known = known_outcomes(evaluation, d)
    have = [e.label.lower() for e in d.endpoints if e.name in known]
    lack = [e.label.lower() for e in d.endpoints if e.name not in known]
    if d.roles.response is not None and d.roles.response.name not in known:
        lack.append(d.roles.response.label.lower())
    if lack:
        only = f"Only {listing(have)} was recorded" if len(have) == 1 else "Not every outcome was recorded"
        found.append(f"{only}: nothing is said of {listing(lack)}.")
    return tuple(found)
