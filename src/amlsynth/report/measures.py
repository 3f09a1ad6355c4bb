"""Tables of measures: every measure beside its anchors, with the anchors read in words."""

from __future__ import annotations

from collections.abc import Iterable

from amlsynth.evaluation.records import Figure, Measure
from amlsynth.report.anchors import ANCHORS, reading
from amlsynth.report.context import Context
from amlsynth.report.text import INDENT, Column, Notes, code, definitions, escape, heading_row, table

TITLES = {
    "fidelity": "Fidelity",
    "survival": "Survival",
    "outcome": "Remission",
    "privacy": "Privacy",
    "validity": "Validity",
}
DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "zero": "nearer to 0 is better",
    "original": "nearer to the original is better",
    "none": "no value is better",
}
# The questions of the one-minute summary, and the measures that answer them where there are any.
KEY_MEASURES = {
    "Does it keep the rules?": ("rules_broken",),
    "Do the variables hang together?": ("logcorr",),
    "Do patients fare alike?": ("km_score_os", "km_score_efs", "median_os", "median_efs", "cr_rate"),
    "Does it give patients away?": ("exact_matches", "leakage"),
}


def measure_table(context: Context, group: str) -> str:
    """Return the table of one group of measures, or a sentence when the evaluation has none of it."""
    measures = [measure for measure in context.evaluation.measures if measure.group == group]
    if not measures:
        return f"The evaluation has no {TITLES[group].lower()} measures.\n"
    with_original = any(measure.original is not None for measure in measures)
    columns = [Column("Measure", 26, "left")]
    columns += [Column("Original", 13)] if with_original else []
    columns += [Column("Synthetic", 13), *(Column(title, 13) for title in ANCHORS.values())]
    columns += [Column("Reading", 22, "left")]
    notes = Notes()
    rows = []
    for measure in measures:
        row = [f"{escape(measure.label)}{_unit(measure)}"]
        row += [_cell(measure.original, measure, notes)] if with_original else []
        row += [f"**{_cell(measure.synthetic, measure, notes)}**"]
        row += [_cell(measure.anchors.get(name), measure, notes) for name in ANCHORS]
        rows.append([*row, reading(measure)])
    caption = f"{TITLES[group]} measures beside their anchors. Brackets: 95 % interval."
    return table(columns, rows, caption=caption, label=f"tbl-{group}", notes=notes.lines())


def measure_meanings(context: Context, group: str) -> str:
    """Return what each measure of a group means, which direction is better, and its source."""
    return definitions(
        (
            f"{escape(measure.label)} ({code(measure.id)})",
            f"{escape(measure.description)} *{DIRECTIONS[measure.better].capitalize()}. "
            f"Source: {escape(measure.source).rstrip('.')}.*",
        )
        for measure in context.evaluation.measures
        if measure.group == group
    )


def key_table(context: Context) -> str:
    """Return the key figures of the summary: the questions, and the measures that answer them."""
    columns = [Column("Question and measure", 33, "left"), Column("Synthetic", 19)]
    columns += [Column(ANCHORS["holdout"], 18), Column("Reading", 34, "left")]
    present = {measure.id: measure for measure in context.evaluation.measures}
    notes = Notes()
    rows = []
    for question, identifiers in KEY_MEASURES.items():
        found = [present[name] for name in identifiers if name in present]
        rows += [heading_row(question, columns)] if found else []
        for measure in found:
            rows.append(
                [
                    f"{INDENT}{escape(measure.label)}{_unit(measure)}",
                    f"**{_cell(measure.synthetic, measure, notes)}**",
                    _cell(measure.anchors.get("holdout"), measure, notes),
                    reading(measure),
                ]
            )
    return table(columns, rows, notes=notes.lines()) if rows else ""


def decimals(measure: Measure) -> int:
    """Return how many decimals the figures of a measure are shown with."""
    values = [figure.value for figure in _figures(measure) if figure.value is not None]
    if all(value == round(value) for value in values) and measure.unit != "months":
        return 0
    if measure.unit == "months":
        return 1
    return 2 if max(map(abs, values)) >= 2 else 3


def _figures(measure: Measure) -> Iterable[Figure]:
    own = () if measure.original is None else (measure.original,)
    return (*own, measure.synthetic, *measure.anchors.values())


def _cell(figure: Figure | None, measure: Measure, notes: Notes) -> str:
    if figure is not None and measure.id.startswith("logrank") and figure.value is not None:
        return notes.p_value(figure)
    return notes.figure(figure, decimals(measure)) or "–"


def _unit(measure: Measure) -> str:
    return f", {escape(measure.unit)}" if measure.unit else ""
