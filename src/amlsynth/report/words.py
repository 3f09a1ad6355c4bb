"""The parts of the report that speak of the disease: sections and terms, made from the dictionary."""

from __future__ import annotations

import yaml

from amlsynth.foundation.assets import asset
from amlsynth.foundation.text import listing
from amlsynth.inference.measured import coverage_sentences
from amlsynth.report.context import Context
from amlsynth.report.text import definitions, escape


def title(context: Context) -> str:
    """Return the title of a report that is given none."""
    short = context.dictionary.words.short
    if context.is_comparison:
        return f"Two {short} cohorts: comparison report"
    return f"Synthetic {short} cohort: evaluation report"


def effects_lead(context: Context) -> str:
    """Return what the section on effects shows, for the outcomes that the cohort has."""
    d = context.dictionary
    endpoints = listing([f"{e.label.lower()} ({e.name})" for e in reversed(context.endpoints)])
    shown, more = f"hazard ratios for {endpoints}", "more events"
    if context.response is not None:
        response = f"{context.response.label.lower()} ({context.response.name})"
        shown, more = f"odds ratios for {response} and {shown}", "more responses, or more events"
    numbers = [d.words.paper_tables[name] for name in context.outcomes if name in d.words.paper_tables]
    tables = f" follow supplementary tables {listing(numbers)} of the paper and" if numbers else ""
    text = (
        "Does an analysis of the synthetic cohort come to the same findings? The forest plots show "
        f"univariable {shown}; the tables below them{tables} add a multivariable model. A ratio above one "
        f"means {more}."
    )
    return f"{escape(text)}\n"


def lacking(context: Context) -> str:
    """Return which outcomes of the dictionary the original lacks; "" when it has all."""
    d = context.dictionary
    names = {e.name: e.label for e in d.endpoints}
    if d.roles.response is not None:
        names[d.roles.response.name] = d.roles.response.label
    missing = [f"{label.lower()} ({name})" for name, label in names.items() if name not in context.outcomes]
    if not missing:
        return ""
    return f"The original lacks {escape(listing(missing))}: nothing is said of that, here or in the gates.\n"


def uses(context: Context) -> str:
    """Return what the cohort is meant for, as the first item of a list."""
    disease = escape(context.dictionary.words.disease)
    return f"- learning and teaching with data of the form of {disease} trials,\n"


def inferred(context: Context) -> str:
    """Return how often intervals from such cohorts hold the truth, as items of a list; "" where unknown."""
    n = context.evaluation.original.n  # 0 where nothing of the original may be told
    made = dict.fromkeys(
        (
            decision.generator,
            n or decision.patients,
            decision.guarantee.epsilon if decision.guarantee else None,
        )
        for decision in context.decisions
        if decision.generator
    )
    return "\n".join(f"- {escape(coverage_sentences(*of))}" for of in made)


def population(context: Context) -> str:
    """Return whom cohorts of the disease speak of, as an item of a list; "" where nothing is said."""
    limits = context.dictionary.words.limits
    return f"- {escape(limits)}\n" if limits else ""


def glossary(context: Context) -> str:
    """Return the terms of the report and of the disease as a definition list, in order."""
    d = context.dictionary
    general = yaml.safe_load((asset("reports") / "glossary.yaml").read_text(encoding="utf-8"))
    entries = [*general.items(), (d.words.short, f"{d.words.disease[:1].upper()}{d.words.disease[1:]}.")]
    if d.roles.response is not None and d.response is not None:
        entries.append((f"{d.roles.response.label} ({d.roles.response.name})", d.response.description))
    if d.roles.classification is not None:
        levels = f"{', '.join(d.risks[:-1])} or {d.risks[-1]}".capitalize()
        described = d.roles.classification.description
        entries.append((d.roles.classification.label, f"{levels}{f', {described}' if described else ''}."))
    for endpoint in d.endpoints:
        event = f"{endpoint.event[:1].lower()}{endpoint.event[1:]}"
        entries.append((f"{endpoint.label} ({endpoint.name})", f"Time to the first of: {event}."))
    return definitions((escape(term), escape(text)) for term, text in sorted(entries, key=_alphabetical))


def _alphabetical(entry: tuple[str, str]) -> str:
    return entry[0].casefold()
