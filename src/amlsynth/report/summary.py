"""The summary in words: what, how good, how private, each sentence made of the figures."""

from __future__ import annotations

from collections import Counter

from amlsynth.evaluation.records import CohortSummary, Figure, Measure
from amlsynth.report.anchors import reading
from amlsynth.report.context import Context
from amlsynth.report.text import escape, listing, number

_LIKENESS = ("fidelity", "survival", "outcome")
GUESSING = 0.5  # the AUC of a classifier that knows nothing
_TITLES = {"holdout": "hold-out", "independent": "independent columns", "bootstrap": "bootstrap copy"}


def words(context: Context) -> str:
    """Return the summary as short paragraphs; the verdict of the gates follows it."""
    parts = [f"**What.** {_what(context)}"]
    for cohort in context.evaluation.synthetics:
        of = f", {escape(cohort.label)}" if context.several else ""
        parts.append(f"**How good{of}.** {_how_good(context, cohort)}")
        parts.append(f"**How private{of}.** {_how_private(context, cohort)}")
    return "\n\n".join(parts)


def _what(context: Context) -> str:
    evaluation = context.evaluation
    cohorts = listing([f"*{escape(c.label)}* ({_patients(c)})" for c in evaluation.synthetics])
    original = f"*{escape(evaluation.original.label)}* ({_patients(evaluation.original)})"
    if context.is_comparison:
        return f"This report compares {cohorts} with {original}. Neither is known to be made from the other."
    real = "simulated" if evaluation.original_is_simulated else "real"
    against = f"There was no hold-out, so no figure says what another {real} sample would have reached."
    if evaluation.holdout is not None:
        against = (
            f"A hold-out of {_patients(evaluation.holdout)} that no generator saw shows what another {real} "
            "sample of the same population reaches."
        )
    noun, made = ("cohorts", "they were") if context.several else ("cohort", "it was")
    return (
        f"This report compares the synthetic {noun} {cohorts} with the cohort that {made} made from, "
        f"{original}. {against}"
    )


def _how_good(context: Context, cohort: CohortSummary) -> str:
    chosen = [m for m in context.evaluation.measures if m.aspect in _LIKENESS and m.better != "none"]
    tally = Counter(_place(measure, cohort.key) for measure in chosen)
    known = sum(tally.values()) - tally["unknown"]
    sentences = []
    if known and context.evaluation.holdout is not None:
        rest = "are no better than independent columns, or short of a hold-out that these match"
        bad = f"; {tally['bad']} {rest}" if tally["bad"] else ""
        sentences.append(
            f"Of {known} measures of likeness, {tally['good']} are as good as those of the hold-out and "
            f"{tally['between']} lie between it and independent columns{bad}."
        )
    elif known:
        sentences.append(
            f"Of {known} measures of likeness, {tally['good']} are better than those of independent columns; "
            "how near two samples of one population come is not known."
        )
    if tally["unknown"]:
        sentences.append(f"Of {tally['unknown']} nothing can be said for want of a figure or an anchor.")
    classifier = "A classifier tells its patients from original ones with an AUC of {} (0.5 is guessing{})."
    sentences.append(_beside(context, cohort, "classifier_auc", classifier, ("holdout", "independent")))
    sentences.append(_too_near(context, cohort))
    effects = (
        "Of the original's significant hazard ratios, a share of {} points the same way and is significant "
        "again{}."
    )
    sentences.append(_beside(context, cohort, "effects_significant_hr", effects, ("holdout", "bootstrap")))
    sentences.append(_medians(context, cohort))
    return " ".join(filter(None, sentences)) or "No measure of likeness could be computed."


def _how_private(context: Context, cohort: CohortSummary) -> str:
    if context.is_comparison:
        return "Not assessed, as neither cohort is known to be made from the other."
    sentences = []
    matches = _measure(context, "exact_matches")
    found = matches.figures[cohort.key].value if matches else None
    if found is not None:
        who = {0: "No synthetic patient equals", 1: "One synthetic patient equals"}.get(
            int(found), f"{number(found, 0)} synthetic patients equal"
        )
        sentences.append(f"{who} a training patient in every variable.")
    membership = "The sharpest membership attack reaches an AUC of {} ({}), where 0.5 is guessing"
    risk = "Of the attacks on single patients the highest risk is {} ({}), where 0 is none"
    sentences += [_sharpest(context, cohort, "_auc", membership), _sharpest(context, cohort, "_risk", risk)]
    if not any(sentences):
        return "Not assessed: without a hold-out no attack can be told from chance."
    return " ".join([*filter(None, sentences), "[What these figures cannot prove](#privacy)."])


def _place(measure: Measure, key: str) -> str:
    said = reading(measure, key)
    if said in ("not available", "no anchor available"):
        return "unknown"
    if said.startswith(("as good as", "no worse than", "better than")):
        return "good"
    return "between" if said.startswith("between") else "bad"


def _measure(context: Context, identifier: str) -> Measure | None:
    return next((m for m in context.evaluation.measures if m.id == identifier), None)


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _beside(
    context: Context, cohort: CohortSummary, identifier: str, sentence: str, names: tuple[str, ...]
) -> str:
    """Fill a sentence with the figure of a measure and those of some anchors."""
    measure = _measure(context, identifier)
    value = measure.figures[cohort.key].value if measure else None
    if measure is None or value is None:
        return ""
    anchors = {str(name): _value(figure) for name, figure in measure.anchors.items()}
    known = {name: figure for name in names if (figure := anchors.get(name)) is not None}
    parts = ", ".join(f"{_TITLES[name]} {number(figure, 2)}" for name, figure in known.items())
    pattern = "; {}" if "(" in sentence else " ({})"  # the sentence may have opened a bracket
    shown = pattern.format(parts) if parts else ""
    return sentence.format(number(value, 2), shown)


def _too_near(context: Context, cohort: CohortSummary) -> str:
    measure = _measure(context, "classifier_auc")
    high = measure.figures[cohort.key].high if measure else None
    if high is None or high >= GUESSING:
        return ""
    return (
        "Below 0.5, synthetic patients are nearer to original ones than chance would have it, as near copies "
        "would be."
    )


def _medians(context: Context, cohort: CohortSummary) -> str:
    parts = []
    for endpoint in context.endpoints:
        theirs = cohort.endpoint(endpoint.name).median.value
        ours = context.evaluation.original.endpoint(endpoint.name).median.value
        if theirs is not None and ours is not None:
            parts.append(f"{endpoint.name} is {number(theirs, 1)} against {number(ours, 1)} months")
    return f"Median {listing(parts)}." if parts else ""


def _sharpest(context: Context, cohort: CohortSummary, ending: str, sentence: str) -> str:
    """Tell of the privacy measure with the highest figure among those whose id has an ending."""
    found = [
        (value, measure)
        for measure in context.evaluation.measures
        if measure.aspect == "privacy" and measure.id.endswith(ending)
        if (value := measure.figures[cohort.key].value) is not None
    ]
    if not found:
        return ""
    value, worst = max(found, key=lambda pair: pair[0])
    label = worst.label.removesuffix(": AUC").removesuffix(": risk")
    text = sentence.format(number(value, 2), escape(label[:1].lower() + label[1:]))
    copy = _value(worst.anchors.get("bootstrap"))
    return f"{text}{'' if copy is None else f' and bootstrap copies give {number(copy, 2)}'}."


def _patients(cohort: CohortSummary) -> str:
    return f"{number(cohort.n, 0)} patient{'' if cohort.n == 1 else 's'}"
