"""Tables of effects: the paper's supplementary tables 5 to 7, for all cohorts side by side."""

from __future__ import annotations

from amlsynth.dictionary.model import Dictionary
from amlsynth.report.context import Context, ties_words
from amlsynth.report.text import INDENT, NOT_AVAILABLE, Column, Notes, escape, heading_row, table

MODELS = {"univariable": "One marker at a time", "multivariable": "Adjusted for each other, in one model"}


def main_subjects(d: Dictionary) -> tuple[str, ...]:
    """Return the subjects that are shown first: numbers, levels of the derived risk, the main markers."""
    numbers = [entry.variable for entry in d.roles.effect_numbers]
    chosen = d.roles.classification
    risks = [f"{chosen.name}={level}" for level in d.risks[1:]] if chosen else []
    return (*numbers, *risks, *d.roles.effect_markers)


def subjects(context: Context, endpoint: str, model: str = "univariable") -> list[str]:
    """Return the subjects of the effects on an endpoint, those of the dictionary's effect roles first."""
    found = dict.fromkeys(e.subject for e in context.effects(endpoint, model))
    main = main_subjects(context.dictionary)
    return [name for name in main if name in found] + [name for name in found if name not in main]


def subject_label(context: Context, subject: str) -> str:
    """Name a subject: "Age at diagnosis, per 10 years", or "Sex: Male" for "SEX=male"."""
    d = context.dictionary
    name, _, value = subject.partition("=")
    chosen = d.roles.classification
    label = chosen.label if chosen and name == chosen.name else d[name].label if name in d else name
    if value:
        return f"{label}: {d[name].category_labels.get(value, value) if name in d else value}"
    step = next((entry.per for entry in d.roles.effect_numbers if entry.variable == name), None)
    return label if step is None else f"{label}, per {step:g} {d[name].unit or ''}".rstrip()


def effect_table(context: Context, endpoint: str) -> str:
    """Return every effect on an endpoint with p, of all cohorts; "" when the evaluation has none."""
    columns = [Column("Marker", 26, "left")]
    for cohort in context.cohorts:
        columns += [Column(escape(cohort.label), 20), Column("p", 10)]
    notes = Notes()
    rows: list[list[str]] = []
    kind = "ratio"
    for model, title in MODELS.items():
        names = subjects(context, endpoint, model)
        found = {(e.subject, e.cohort): e for e in context.effects(endpoint, model)}
        rows += [heading_row(title, columns)] if names else []
        for name in names:
            row = [f"{INDENT}{escape(subject_label(context, name))}"]
            for cohort in context.cohorts:
                effect = found.get((name, cohort.key))
                if effect is None:
                    row += [NOT_AVAILABLE, ""]
                    continue
                kind = effect.effect_name
                shown = notes.figure(effect.effect, 2)
                row += [shown, "" if effect.effect.value is None else notes.p_value(effect.p_value)]
            rows.append(row)
    if not rows:
        return ""
    d = context.dictionary
    number, chosen = d.words.paper_tables.get(endpoint), d.roles.classification
    risks = f", {escape(chosen.label)} against {escape(d.risks[0])}" if chosen else ""
    paper = f" (supplementary table {escape(number)} of the paper)" if number else ""
    caption = (
        f"{escape(kind.capitalize())}s for {endpoint} with 95 % interval, and *p* by Wald's test, not "
        f"adjusted{ties_words(context, kind)}: present against absent{risks}{paper}."
    )
    return table(columns, rows, caption=caption, label=f"tbl-effects-{endpoint.lower()}", notes=notes.lines())
