"""What a measure says of a cohort, as a person would say it: one sentence, each number from the figures."""

from __future__ import annotations

from collections.abc import Callable

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.privacy.attacks.rates import FALSE_POSITIVES
from amlsynth.evaluation.records import Figure, Measure
from amlsynth.report.decision.signal import Graded
from amlsynth.report.digits import decimals, number, shown

_READINGS = {"none": "no signal", "weak": "weak signal", "clear": "clear signal", "undecided": "undecided"}
_OF_100 = 100


def sentence(measure: Measure, graded: Graded, key: str, d: Dictionary) -> str:
    """Return what the figure of the cohort `key` says, with its interval and what it is held against."""
    figure = measure.figures[key]
    if figure.value is None:
        return f"{measure.label}: not known, since {_lowered(graded.why)}."
    for matches, words in _WORDS:
        if matches(measure):
            return words(measure, figure, graded, d)
    return _plainly(measure, figure, graded, d)


def reading(measure: Measure, graded: Graded) -> str:
    """Return the signal of a row in a few words."""
    words = _READINGS[graded.signal]
    if graded.signal in ("weak", "clear"):
        return f"{words}: {_where(measure, graded)}"
    if graded.signal == "undecided" and graded.why:
        return f"{words}: {_lowered(graded.why)}"
    return words


def _where(measure: Measure, graded: Graded) -> str:
    if measure.id == "classifier_auc":
        return "nearer than chance" if graded.side == "low" else "can be told apart"
    if measure.better == "original":
        return f"{graded.side}er than in the original" if graded.side else "differs"
    if measure.aspect == "privacy":
        return "more than guessing" if graded.side == "high" else "less than expected"
    if measure.better == "zero":
        return "above 0" if graded.side == "high" else "below 0"
    return "short of the hold-out"


def _membership(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    who = "Outlying training patients" if "outlying" in measure.id else "Training patients"
    assert figure.value is not None
    return (
        f"{who} can be recognised: of {_OF_100} pairs of a training patient and an outsider, the attack "
        f"“{attack_name(measure)}” picks the training patient in {_hundredths(figure)}; 50 is guessing."
    )


def _found(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    wrong = number(_OF_100 * FALSE_POSITIVES, 0)
    return (
        f"Some training patients can be recognised: with {wrong} of {_OF_100} outsiders wrongly accused, the "
        f"attack “{attack_name(measure)}” finds {_hundredths(figure)} of {_OF_100} training patients; "
        f"{wrong} is guessing."
    )


def _risk(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    return (
        f"The attack “{attack_name(measure)}” succeeds more often on training patients than on outsiders: of "
        f"{_OF_100} attempts that fail on outsiders, {_hundredths(figure)} succeed on them; 0 is no risk."
    )


def _copies(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    assert figure.value is not None
    n = number(figure.value, 0)
    who = "hold-out" if measure.id.endswith("holdout") else "training"
    many = "synthetic patient equals" if figure.value == 1 else "synthetic patients equal"
    return f"Real patients are handed out: {n} {many} a {who} patient in every variable."


def _nearest(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    return (
        "Synthetic patients lie nearer to training patients than to outsiders: of "
        f"{_OF_100} of them, {_hundredths(figure)} have a training patient as the nearest real one, with as "
        "many of both to choose from; 50 is chance."
    )


def _order(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    endpoint = next(e for e in d.endpoints if e.name in measure.outcomes)
    closer = "more" if graded.side == "high" else "less"
    return (
        f"Those at higher risk have their {endpoint.name} events earlier, and {closer} so in synthetic "
        f"patients than in the original: the correlation is {shown(figure, 2)} in synthetic patients and "
        f"{shown(measure.original, 2)} in the original."
    )


def _classifier(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    auc = shown(figure, 2)
    if graded.side == "low":
        return (
            "The synthetic patients are too near to the training patients: a classifier that tries to tell "
            f"them apart does worse than guessing, with an AUC of {auc} where 0.50 is guessing, as it would "
            "with near copies."
        )
    return (
        "The synthetic patients can be told from real ones: a classifier does so with an AUC of "
        f"{auc}, where 0.50 is guessing."
    )


def _mean_time(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    endpoint = next(e for e in d.endpoints if measure.id.endswith(f"_{e.suffix}"))
    assert figure.value is not None
    more = "longer" if figure.value > 0 else "shorter"
    size = _flipped(figure) if figure.value < 0 else figure
    return (
        f"{endpoint.label} is off: within five years it lasts {shown(size, 1, interval=False)} months {more} "
        f"in synthetic patients than in the original{_interval(size, 1)}."
    )


def _against_original(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    places = decimals(measure)
    unit = f" {measure.unit}" if measure.unit else ""
    return (
        f"{measure.label} is {shown(figure, places)}{unit} in synthetic patients and "
        f"{shown(measure.original, places)} in the original."
    )


def _rules(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    assert figure.value is not None
    many = "breach" if figure.value == 1 else "breaches"
    return f"The cohort contradicts itself: {number(figure.value, 0)} {many} of the dictionary's rules."


def _plainly(measure: Measure, figure: Figure, graded: Graded, d: Dictionary) -> str:
    places = decimals(measure)
    what = {"half": "guessing", "zero": "no effect"}.get(measure.better, "the hold-out")
    if measure.aspect == "privacy" and graded.against is not measure.anchors.get("holdout"):
        what = "no effect"
    against = f"; {shown(graded.against, places, interval=False)} is {what}" if graded.against else ""
    return f"{measure.label}: {shown(figure, places)}{against}."


_Words = Callable[[Measure, Figure, Graded, Dictionary], str]
_WORDS: tuple[tuple[Callable[[Measure], bool], _Words], ...] = (
    (lambda m: m.id == "classifier_auc", _classifier),
    (lambda m: m.id == "rules_broken", _rules),
    (lambda m: m.id in ("exact_matches", "exact_matches_holdout"), _copies),
    (lambda m: m.aspect == "privacy" and m.id.endswith("_auc"), _membership),
    (lambda m: m.aspect == "privacy" and m.id.endswith("_tpr"), _found),
    (lambda m: m.aspect == "privacy" and m.id.endswith("_risk"), _risk),
    (lambda m: m.id.startswith("rmst_difference_"), _mean_time),
    (lambda m: m.id in ("dcr_share", "dcr_share_weighted"), _nearest),
    (lambda m: m.id.startswith("time_order_") and m.better == "original", _order),
    (lambda m: m.better == "original", _against_original),
)


def attack_name(measure: Measure) -> str:
    """Return what an attack is called within a sentence."""
    name = measure.label.partition(":")[0]
    return name[:1].lower() + name[1:]


def _hundredths(figure: Figure) -> str:
    ends = [None if end is None else _OF_100 * end for end in (figure.low, figure.high)]
    assert figure.value is not None
    value = number(_OF_100 * figure.value, 0)
    if None in ends:
        return value
    low, high = (number(end, 0) for end in ends if end is not None)
    return f"{value} (95 % interval {low} to {high})"


def _interval(figure: Figure, places: int) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" (95 % interval {number(figure.low, places)} to {number(figure.high, places)})"


def _flipped(figure: Figure) -> Figure:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return Figure(value=minus(figure.value), low=minus(figure.high), high=minus(figure.low))


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
