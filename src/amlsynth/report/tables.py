"""The tables of aggregates: baseline, outcomes, alterations and missing values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from amlsynth.dictionary import Variable
from amlsynth.evaluation.records import CategoryCount, Comparison, Measure, SurvivalSummary
from amlsynth.report.context import Context
from amlsynth.report.text import (
    INDENT,
    MISSING,
    NOT_AVAILABLE,
    SUPPRESSED,
    Column,
    Notes,
    code,
    count,
    escape,
    heading_row,
    listing,
    number,
    quartiles,
    table,
)

ELN2022: Final = "ELN2022"
OUTCOME: Final = "outcome"
PRESENT: Final = "1"


def baseline_table(context: Context) -> str:
    """Return table 1 of the paper: what was known at diagnosis, the alterations apart."""
    columns = [*_columns(context, "Characteristic"), Column("p", 9), Column("Test", 15, "left")]
    notes = Notes()
    rows: list[list[str]] = [["Patients, n", *(number(c.n, 0) for c in context.cohorts), "", ""]]
    for group in context.dictionary.groups:
        if group.panel or group.id == OUTCOME:
            continue
        for variable in context.dictionary.members(group.id):
            rows += _variable_rows(context, variable, notes)
        if group.id == "disease":
            rows += _risk_rows(context, notes)
    caption = (
        "Baseline characteristics. Numbers: median (quartiles). Categories: n (%), percent of the patients "
        "with a known value. *p* compares the synthetic with the original cohort; nothing is adjusted for "
        "the number of tests."
    )
    return table(columns, rows, caption=caption, label="tbl-baseline", notes=notes.lines())


def outcome_table(context: Context) -> str:
    """Return table 2 of the paper: remission, event-free and overall survival, follow-up."""
    columns = _columns(context, "Outcome")
    notes = Notes()
    rows = [heading_row("Complete remission after induction", columns)]
    counts = [count(cohort.variable("CR1").counts, PRESENT) for cohort in context.cohorts]
    rows.append([f"{INDENT}Patients, n (%)", *counts])
    odds = next((m for m in context.evaluation.measures if m.id == "cr_odds"), None)
    if odds is not None:
        rows.append([f"{INDENT}{escape(odds.label)} (95 % CI)", *_cohort_figures(context, odds, notes)])
    rows += _effect_rows(context, "CR1", notes)
    for endpoint in reversed(context.dictionary.endpoints):
        found = [cohort.endpoint(endpoint.name) for cohort in context.cohorts]
        rows.append(heading_row(f"{escape(endpoint.label)} ({endpoint.name})", columns))
        rows += _survival_rows(found, notes)
        rows += _effect_rows(context, endpoint.name, notes)
    caption = (
        "Outcomes. Medians by Kaplan-Meier and follow-up by reverse Kaplan-Meier, in months with 95 % "
        "confidence interval (CI). Ratios and *p*-values compare the synthetic with the original cohort."
    )
    return table(columns, rows, caption=caption, label="tbl-outcomes", notes=notes.lines())


def alteration_table(context: Context) -> str:
    """Return carriers of every alteration with odds ratio and p: figure 1 of the paper in numbers."""
    columns = [*_columns(context, "Alteration"), Column("Odds ratio (95 % CI)", 20), Column("p", 10)]
    notes = Notes()
    rows: list[list[str]] = []
    for group in context.dictionary.groups:
        if not group.panel:
            continue
        rows.append(heading_row(escape(group.label), columns))
        for variable in context.dictionary.members(group.id):
            counts = [count(cohort.variable(variable.name).counts, PRESENT) for cohort in context.cohorts]
            test = next(iter(context.comparisons(variable.name)), None)
            effect = notes.figure(test.effect, 2) if test else ""
            shown = effect or NOT_AVAILABLE, notes.p_value(test.p_value) if test else NOT_AVAILABLE
            rows.append([f"{INDENT}{escape(variable.label)}", *counts, *shown])
    caption = (
        "Carriers of each alteration, n (%), percent of the patients in whom it was assessed. Odds ratio of "
        "carrying it, synthetic against original; *p* by Fisher's exact test, not adjusted."
    )
    return table(columns, rows, caption=caption, label="tbl-alterations", notes=notes.lines())


def missing_table(context: Context) -> str:
    """Return missing values of every variable that has some in any cohort, and name the rest."""
    columns = _columns(context, "Variable")
    rows: list[list[str]] = []
    complete: list[str] = []
    for variable in context.dictionary.variables:
        summaries = [cohort.variable(variable.name) for cohort in context.cohorts]
        if all(summary.missing == 0 for summary in summaries):
            complete.append(variable.name)
            continue
        cells = [
            SUPPRESSED
            if summary.missing is None
            else f"{number(summary.missing, 0)} ({100 * summary.missing / max(summary.n, 1):.1f})"
            for summary in summaries
        ]
        rows.append([f"{escape(variable.label)} ({code(variable.name)})", *cells])
    rest = [f"No value is missing in any cohort in {listing([code(name) for name in complete])}."]
    if not rows:
        return rest[0] + "\n"
    caption = "Missing values, n (%), percent of all patients."
    return table(columns, rows, caption=caption, label="tbl-missing", notes=rest if complete else ())


def other_tests(context: Context) -> str:
    """Return the tests that no other table shows, or "" when there are none."""
    d = context.dictionary
    shown = {*d.names, ELN2022, *(endpoint.name for endpoint in d.endpoints)}
    rest = [c for c in context.evaluation.comparisons if c.subject.partition("=")[0] not in shown]
    if not rest:
        return ""
    notes = Notes()
    columns = [
        Column("Subject", 30, "left"),
        Column("Test", 30, "left"),
        Column("Effect", 20),
        Column("p", 10),
    ]
    rows = [
        [escape(c.subject), escape(c.test), notes.figure(c.effect, 2), notes.p_value(c.p_value)] for c in rest
    ]
    return table(columns, rows, caption="Further tests.", label="tbl-tests", notes=notes.lines())


def _columns(context: Context, first: str) -> list[Column]:
    return [Column(first, 32, "left"), *(Column(escape(cohort.label), 20) for cohort in context.cohorts)]


def _variable_rows(context: Context, variable: Variable, notes: Notes) -> Iterable[list[str]]:
    summaries = [cohort.variable(variable.name) for cohort in context.cohorts]
    tests = context.comparisons(variable.name)
    if not variable.is_categorical:
        cells = [quartiles(summary.quartiles, variable.decimals) for summary in summaries]
        unit = f", {escape(variable.unit)}" if variable.unit else ""
        return [[f"{escape(variable.label)}{unit}", *cells, *_p_cells(tests, notes)]]
    found = [summary.counts for summary in summaries]
    if variable.type != "category":
        cells = [count(counts, PRESENT) for counts in found]
        return [[f"{escape(variable.label)}, n (%)", *cells, *_p_cells(tests, notes)]]
    labels = variable.category_labels
    return _category_rows(context, variable.name, f"{variable.label}, n (%)", labels, found, notes)


def _risk_rows(context: Context, notes: Notes) -> list[list[str]]:
    found = [cohort.eln2022 for cohort in context.cohorts]
    labels = {entry.value: entry.value.capitalize() for entry in found[0] if entry.value != MISSING}
    rows = _category_rows(context, ELN2022, "ELN 2022 risk, n (%)", labels, found, notes)
    unknown = [count(counts, MISSING) for counts in found]
    return [*rows, [f"{INDENT}Cannot be told, n (% of all)", *unknown, "", ""]]


def _category_rows(
    context: Context,
    subject: str,
    title: str,
    labels: dict[str, str],
    found: Sequence[tuple[CategoryCount, ...]],
    notes: Notes,
) -> list[list[str]]:
    whole = _p_cells(context.comparisons(subject), notes)
    rows = [[escape(title), *[""] * len(found), *whole]]
    for value, label in labels.items():
        cells = [count(counts, value) for counts in found]
        tests = context.comparisons(f"{subject}={value}")
        rows.append([f"{INDENT}{escape(label)}", *cells, *(_p_cells(tests, notes) if tests else ["", ""])])
    return rows


def _p_cells(tests: Sequence[Comparison], notes: Notes) -> list[str]:
    if not tests:
        return [NOT_AVAILABLE, ""]
    return [
        "; ".join(notes.p_value(test.p_value) for test in tests),
        "; ".join(escape(test.test) for test in tests),
    ]


def _survival_rows(found: Sequence[SurvivalSummary], notes: Notes) -> list[list[str]]:
    events = [SUPPRESSED if s.events is None else number(s.events, 0) for s in found]
    return [
        [f"{INDENT}Patients with a known time, n", *(number(s.n, 0) for s in found)],
        [f"{INDENT}Events, n", *events],
        [f"{INDENT}Median, months (95 % CI)", *(notes.figure(s.median, 1) for s in found)],
        [f"{INDENT}Follow-up, months (95 % CI)", *(notes.figure(s.follow_up, 1) for s in found)],
    ]


def _effect_rows(context: Context, subject: str, notes: Notes) -> list[list[str]]:
    """Return effects and p-values in the column of the synthetic cohort; the original is 1."""
    rows = []
    rest = [""] * (len(context.cohorts) - 2)
    for test in context.comparisons(subject):
        if test.effect is not None:
            name = (test.effect_name or "effect").capitalize()
            rows.append(
                [f"{INDENT}{escape(name)} (95 % CI)", "reference", notes.figure(test.effect, 2), *rest]
            )
        rows.append([f"{INDENT}*p*, {escape(test.test)}", "", notes.p_value(test.p_value), *rest])
    return rows


def _cohort_figures(context: Context, measure: Measure, notes: Notes) -> list[str]:
    found = [measure.original, measure.synthetic, measure.anchors.get("holdout")]
    return [notes.figure(figure, 2) or NOT_AVAILABLE for figure in found[: len(context.cohorts)]]
