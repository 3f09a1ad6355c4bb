"""The tables of aggregates: baseline, outcomes, alterations and missing values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from amlsynth.dictionary.model import Variable
from amlsynth.dictionary.roles import Response
from amlsynth.evaluation.records import CategoryCount, CohortSummary, Measure, SurvivalSummary
from amlsynth.foundation.text import listing
from amlsynth.report.context import Context, ties_words
from amlsynth.report.text import (
    HIDDEN,
    INDENT,
    MISSING,
    NOT_AVAILABLE,
    Column,
    Notes,
    at_risk,
    code,
    count,
    escape,
    heading_row,
    number,
    quartiles,
    table,
)

PRESENT: Final = "1"
TAILS = {"at_risk60": "At risk after 5 years, share", "survival60": "Free of the event at 5 years (95 % CI)"}


def baseline_table(context: Context) -> str:
    """Return table 1 of the paper: what was known at diagnosis, the alterations apart."""
    columns = [*_columns_with_p(context, "Characteristic"), Column("Test", 15, "left")]
    notes = Notes()
    patients = {cohort.key: number(cohort.n, 0) for cohort in context.cohorts}
    rows: list[list[str]] = [["Patients, n", *_with_p(context, patients, {}), ""]]
    outcomes = _outcome_groups(context)
    for group in context.dictionary.groups:
        if group.panel or group.id in outcomes:
            continue
        for variable in context.dictionary.members(group.id):
            rows += _variable_rows(context, variable, notes)
    rows += _risk_rows(context, notes)
    compared = " *p* compares a cohort with the original; nothing is adjusted for the number of tests."
    if context.withheld:  # nothing was compared, so no column says with which test
        compared, columns, rows = "", columns[:-1], [row[:-1] for row in rows]
    caption = (
        "Baseline characteristics (table 1 of the paper). Numbers: median (quartiles). Categories: n (%), "
        f"percent of the patients with a known value.{compared}"
    )
    return table(columns, rows, caption=caption, label="tbl-baseline", notes=notes.lines())


def outcome_table(context: Context) -> str:
    """Return table 2 of the paper: response, survival by each endpoint that the cohort has, follow-up."""
    columns = _columns(context, "Outcome")
    notes = Notes()
    rows: list[list[str]] = []
    if context.response is not None:
        rows += _response_rows(context, context.response, columns, notes)
    for endpoint in reversed(context.endpoints):
        found = [cohort.endpoint(endpoint.name) for cohort in context.cohorts]
        rows.append(heading_row(f"{escape(endpoint.label)} ({endpoint.name})", columns))
        rows += _survival_rows(found, notes)
        rows += _effect_rows(context, endpoint.name, notes)
    rows += _other_outcomes(context, columns)
    caption = (
        "Outcomes (table 2 of the paper). Medians by Kaplan-Meier and follow-up by reverse Kaplan-Meier, in "
        "months with 95 % confidence interval (CI)."
    )
    if not context.withheld:
        ties = ties_words(context, "hazard ratio")
        caption += f" Ratios and *p*-values compare a cohort with the original{ties}."
    return table(columns, rows, caption=caption, label="tbl-outcomes", notes=notes.lines())


def _outcome_groups(context: Context) -> set[str]:
    """Return the groups of the endpoints' columns, whose members belong to the table of outcomes."""
    return {context.dictionary[column].group for column in context.dictionary.outcome_columns}


def _response_rows(
    context: Context, response: Response, columns: Sequence[Column], notes: Notes
) -> list[list[str]]:
    rows = [heading_row(escape(context.dictionary[response.variable].label), columns)]
    counts = [count(cohort.variable(response.variable).counts, PRESENT) for cohort in context.cohorts]
    rows.append([f"{INDENT}Patients, n (%)", *counts])
    odds = next((m for m in context.evaluation.measures if m.id == f"{response.name.lower()}_odds"), None)
    if odds is not None:
        rows.append([f"{INDENT}{escape(odds.label)} (95 % CI)", *_cohort_figures(context, odds, notes, 2)])
    return rows + _effect_rows(context, response.variable, notes)


def _other_outcomes(context: Context, columns: Sequence[Column]) -> list[list[str]]:
    """Return the further variables of the outcomes' groups, such as relapse in a steward's dictionary."""
    d = context.dictionary
    shown = {*d.outcome_columns, *([d.roles.response.variable] if d.roles.response else [])}
    groups = _outcome_groups(context)
    others = [v for v in d.variables if v.group in groups and v.name not in shown]
    rows = [heading_row("Further outcomes", columns)] if others else []
    for variable in others:
        found = [cohort.variable(variable.name) for cohort in context.cohorts]
        if not variable.is_categorical:
            unit = f", {escape(variable.unit)}" if variable.unit else ""
            cells = [quartiles(summary.quartiles, variable.decimals) for summary in found]
            rows.append([f"{INDENT}{escape(variable.label)}{unit}", *cells])
        for value, label in _values_shown(variable).items():
            cells = [count(summary.counts, value) for summary in found]
            rows.append([f"{INDENT}{escape(variable.label)}{label}, n (%)", *cells])
    return rows


def _values_shown(variable: Variable) -> dict[str, str]:
    """Return the values that get a line, each with what follows the variable's label."""
    if variable.type == "category":
        return {value: escape(f": {label}") for value, label in variable.category_labels.items()}
    return {PRESENT: ""} if variable.is_categorical else {}


def tail_table(context: Context) -> str:
    """Return supplementary table 4 of the paper: who is followed beyond five years, and ten."""
    columns = _columns(context, "Tail")
    notes = Notes()
    rows: list[list[str]] = []
    present = {measure.id: measure for measure in context.evaluation.measures}
    for endpoint in reversed(context.endpoints):
        rows.append(heading_row(f"{escape(endpoint.label)} ({endpoint.name})", columns))
        rows += [
            [
                f"{INDENT}At risk after {years} years, n",
                *(_at_risk(cohort, endpoint.name, 12 * years) for cohort in context.cohorts),
            ]
            for years in (5, 10)
        ]
        for name, title in TAILS.items():
            measure = present.get(f"{name}_{endpoint.suffix}")
            if measure is not None:
                cells = _cohort_figures(context, measure, notes, 3)
                rows.append([f"{INDENT}{title}", *cells])
    caption = (
        "Tails beyond five years (supplementary table 4 of the paper): patients at risk, their share, and "
        "the Kaplan-Meier estimate at five years with its 95 % interval."
    )
    return table(columns, rows, caption=caption, label="tbl-tails", notes=notes.lines())


def _at_risk(cohort: CohortSummary, endpoint: str, months: int) -> str:
    survival = cohort.endpoint(endpoint)
    if shown := at_risk(survival, months, cohort.min_cell):
        return shown
    return NOT_AVAILABLE if not survival.curve else "none shown"


def alteration_table(context: Context) -> str:
    """Return carriers of every alteration with odds ratio and p: figure 1 of the paper in numbers."""
    columns = [Column("Alteration", 26, "left"), Column(escape(context.evaluation.original.label), 16)]
    for cohort in context.evaluation.synthetics:
        columns += [Column(escape(cohort.label), 16), Column("Odds ratio (95 % CI)", 18), Column("p", 9)]
    if context.evaluation.holdout is not None:
        columns.append(Column(escape(context.evaluation.holdout.label), 16))
    notes = Notes()
    rows: list[list[str]] = []
    for group in context.dictionary.groups:
        if not group.panel:
            continue
        rows.append(heading_row(escape(group.label), columns))
        for variable in context.dictionary.members(group.id):
            row = [f"{INDENT}{escape(variable.label)}"]
            for cohort in context.cohorts:
                row.append(count(cohort.variable(variable.name).counts, PRESENT))
                if cohort.key in context.evaluation.keys:
                    test = next(iter(context.comparisons(variable.name, cohort.key)), None)
                    effect = notes.figure(test.effect, 2) if test else ""
                    row += [effect or NOT_AVAILABLE, notes.p_value(test.p_value) if test else NOT_AVAILABLE]
            rows.append(row)
    caption = (
        "Carriers of each alteration (figure 1 and supplementary table 3 of the paper), n (%), percent of "
        "the patients in whom it was assessed. Odds ratio of carrying it against the original; *p* by "
        "Fisher's exact test, not adjusted."
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
            HIDDEN
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


def test_table(context: Context, cohort: str, subjects: Sequence[str], caption: str, label: str) -> str:
    """Return the tests of some subjects between a cohort and the original; "" when there are none."""
    tests = [c for name in subjects for c in context.comparisons(name, cohort)]
    if not tests:
        return ""
    notes = Notes()
    columns = [
        Column("Subject", 26, "left"),
        Column("Test", 20, "left"),
        Column("Effect (95 % CI)", 20),
        Column("Effect size", 14),
        Column("p", 10),
        Column("Adjusted p", 10),
    ]
    rows = [
        [
            escape(_subject(context, c.subject)),
            escape(c.test),
            notes.figure(c.effect, 2),
            notes.figure(c.effect_size, 3),
            notes.p_value(c.p_value),
            "" if c.adjusted_p is None or c.adjusted_p.value is None else notes.p_value(c.adjusted_p),
        ]
        for c in tests
    ]
    return table(columns, rows, caption=caption, label=label, notes=notes.lines())


def split_table(context: Context) -> str:
    """Return supplementary table 2 of the paper: how alike training part and hold-out are."""
    if context.evaluation.holdout is None:
        return "There was no hold-out, so there is no split to compare.\n"
    subjects = dict.fromkeys(c.subject for c in context.evaluation.comparisons if c.cohort == "holdout")
    caption = (
        "Hold-out against training part (in the place of supplementary table 2 of the paper, which compares "
        "their trials). *p* is adjusted for the number of tests by the false discovery rate."
    )
    found = test_table(context, "holdout", list(subjects), caption, "tbl-split")
    return found or "The evaluation has no tests between training part and hold-out.\n"


def other_tests(context: Context) -> str:
    """Return the tests that no other table shows, or "" when there are none."""
    d = context.dictionary
    shown = {*d.names, *(endpoint.name for endpoint in d.endpoints)}
    shown |= {d.roles.classification.name} if d.roles.classification else set()
    found = []
    for key in context.evaluation.keys:
        rest = [
            c.subject
            for c in context.evaluation.comparisons
            if c.cohort == key and c.subject.partition("=")[0] not in shown
        ]
        found.append(
            test_table(context, key, list(dict.fromkeys(rest)), "Further tests.", f"tbl-tests-{key}")
        )
    return "\n".join(found)


def rule_table(context: Context) -> str:
    """Return which rules of the dictionary each cohort breaks, or a sentence when none does."""
    if not context.evaluation.rules:
        return "No cohort breaks a rule of the dictionary.\n"
    columns = [Column("Rule", 40, "left"), Column("Severity", 10, "left")]
    columns += [Column(escape(cohort.label), 16) for cohort in context.cohorts]
    rows = [
        [
            f"{escape(rule.message)} ({code(rule.rule)}; {escape(rule.columns)})",
            rule.severity,
            *(_broken(rule.counts, cohort.key) for cohort in context.cohorts),
        ]
        for rule in context.evaluation.rules
    ]
    caption = "Patients who break a rule of the dictionary, n, with the severities of synthetic cohorts."
    return table(columns, rows, caption=caption, label="tbl-rules")


def _broken(counts: dict[str, int | None], key: str) -> str:
    if key not in counts:
        return NOT_AVAILABLE
    n = counts[key]
    return HIDDEN if n is None else number(n, 0)


def _subject(context: Context, subject: str) -> str:
    name, _, value = subject.partition("=")
    label = context.dictionary[name].label if name in context.dictionary else name
    return f"{label}: {value}" if value else label


def _columns(context: Context, first: str) -> list[Column]:
    return [Column(first, 32, "left"), *(Column(escape(cohort.label), 20) for cohort in context.cohorts)]


def _columns_with_p(context: Context, first: str) -> list[Column]:
    columns = [Column(first, 30, "left")]
    for cohort in context.cohorts:
        columns.append(Column(escape(cohort.label), 18))
        columns += [Column("p", 9)] if cohort.key in context.evaluation.keys and not context.withheld else []
    return columns


def _with_p(context: Context, cells: dict[str, str], p_values: dict[str, str]) -> list[str]:
    row = []
    for cohort in context.cohorts:
        row.append(cells.get(cohort.key, ""))
        tested = cohort.key in context.evaluation.keys and not context.withheld
        row += [p_values.get(cohort.key, "")] if tested else []
    return row


def _tested(context: Context, subject: str, title: str, cells: dict[str, str], notes: Notes) -> list[str]:
    """Return a row with the cells of each cohort, p beside those that are compared, and the tests."""
    tests = {key: context.comparisons(subject, key) for key in context.evaluation.keys}
    p_values = {
        key: "; ".join(notes.p_value(test.p_value) for test in found) or NOT_AVAILABLE
        for key, found in tests.items()
    }
    names = dict.fromkeys(test.test for found in tests.values() for test in found)
    return [title, *_with_p(context, cells, p_values), "; ".join(map(escape, names))]


def _variable_rows(context: Context, variable: Variable, notes: Notes) -> Iterable[list[str]]:
    summaries = {cohort.key: cohort.variable(variable.name) for cohort in context.cohorts}
    if not variable.is_categorical:
        cells = {key: quartiles(s.quartiles, variable.decimals) for key, s in summaries.items()}
        unit = f", {escape(variable.unit)}" if variable.unit else ""
        return [_tested(context, variable.name, f"{escape(variable.label)}{unit}", cells, notes)]
    found = {key: summary.counts for key, summary in summaries.items()}
    if variable.type != "category":
        cells = {key: count(counts, PRESENT) for key, counts in found.items()}
        return [_tested(context, variable.name, f"{escape(variable.label)}, n (%)", cells, notes)]
    labels = variable.category_labels
    return _category_rows(context, variable.name, f"{variable.label}, n (%)", labels, found, notes)


def _risk_rows(context: Context, notes: Notes) -> list[list[str]]:
    chosen = context.dictionary.roles.classification
    if chosen is None:
        return []
    found = {cohort.key: cohort.risk for cohort in context.cohorts}
    labels = {value: value.capitalize() for value in context.dictionary.risks}
    rows = _category_rows(context, chosen.name, f"{chosen.label}, n (%)", labels, found, notes)
    unknown = {key: count(counts, MISSING) for key, counts in found.items()}
    return [*rows, [f"{INDENT}Cannot be told, n (% of all)", *_with_p(context, unknown, {}), ""]]


def _category_rows(
    context: Context,
    subject: str,
    title: str,
    labels: dict[str, str],
    found: dict[str, tuple[CategoryCount, ...]],
    notes: Notes,
) -> list[list[str]]:
    rows = [_tested(context, subject, escape(title), {}, notes)]
    for value, label in labels.items():
        cells = {key: count(counts, value) for key, counts in found.items()}
        name = f"{subject}={value}"
        tests = [context.comparisons(name, key) for key in context.evaluation.keys]
        row = [f"{INDENT}{escape(label)}", *_with_p(context, cells, {}), ""]
        if any(tests):
            row = _tested(context, name, row[0], cells, notes)
        rows.append(row)
    return rows


def _survival_rows(found: Sequence[SurvivalSummary], notes: Notes) -> list[list[str]]:
    n, events = (
        [HIDDEN if value is None else number(value, 0) for value in values]
        for values in ([s.n for s in found], [s.events for s in found])
    )
    return [
        [f"{INDENT}Patients with a known time, n", *n],
        [f"{INDENT}Events, n", *events],
        [f"{INDENT}Median, months (95 % CI)", *(notes.figure(s.median, 1) for s in found)],
        [f"{INDENT}Follow-up, months (95 % CI)", *(notes.figure(s.follow_up, 1) for s in found)],
    ]


def _effect_rows(context: Context, subject: str, notes: Notes) -> list[list[str]]:
    """Return effects and p-values in the column of each cohort; the original is the reference."""
    tests = {c.key: context.comparisons(subject, c.key) for c in context.cohorts if c.key != "original"}
    rows: list[list[str]] = []
    for name in dict.fromkeys(test.test for found in tests.values() for test in found):
        here = {key: next((t for t in found if t.test == name), None) for key, found in tests.items()}
        effects = {key: t for key, t in here.items() if t is not None and t.effect is not None}
        if effects:
            title = next((t.effect_name for t in effects.values() if t.effect_name), "effect").capitalize()
            cells = [notes.figure(effects[key].effect, 2) if key in effects else "" for key in here]
            rows.append([f"{INDENT}{escape(title)} (95 % CI)", "reference", *cells])
        p_values = [notes.p_value(t.p_value) if t is not None else "" for t in here.values()]
        rows.append([f"{INDENT}*p*, {escape(name)}", "", *p_values])
    return rows


def _cohort_figures(context: Context, measure: Measure, notes: Notes, decimals: int) -> list[str]:
    found = {"original": measure.original, **measure.figures, "holdout": measure.anchors.get("holdout")}
    return [notes.figure(found[cohort.key], decimals) or NOT_AVAILABLE for cohort in context.cohorts]
