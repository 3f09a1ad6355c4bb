"""Tables of effects: the paper's supplementary tables 5 to 7, for all cohorts side by side."""

from __future__ import annotations

from amlsynth.evaluation.effects.effects import named_subjects
from amlsynth.report.context import Context
from amlsynth.report.text import INDENT, NOT_AVAILABLE, Column, Notes, escape, heading_row, table

MODELS = {"univariable": "One marker at a time", "multivariable": "Adjusted for each other, in one model"}
_TABLES = {"CR": "5", "EFS": "6", "OS": "7"}


def subjects(context: Context, endpoint: str, model: str = "univariable") -> list[str]:
    """Return the subjects of the effects on an endpoint, those that the dictionary names first."""
    named = named_subjects(context.dictionary)
    found = dict.fromkeys(e.subject for e in context.effects(endpoint, model))
    return [name for name in named if name in found] + [name for name in found if name not in named]


def subject_label(context: Context, subject: str) -> str:
    """Name a subject, such as "ELN 2022 adverse" for "ELN2022=adverse"."""
    name, _, value = subject.partition("=")
    if value:
        return f"{'ELN 2022' if name == 'ELN2022' else name} {value}"
    if name == "AGE":
        return "Age, per 10 years"
    d = context.dictionary
    return d[name].label if name in d else name


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
    caption = (
        f"{escape(kind.capitalize())}s for {endpoint} with 95 % interval, and *p* by Wald's test, not "
        f"adjusted: present against absent, ELN 2022 against favorable (supplementary table "
        f"{_TABLES[endpoint]} of the paper)."
    )
    return table(columns, rows, caption=caption, label=f"tbl-effects-{endpoint.lower()}", notes=notes.lines())
