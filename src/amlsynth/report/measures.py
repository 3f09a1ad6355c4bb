"""Tables of measures: every measure beside its anchors, with the anchors read in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from amlsynth.evaluation.records import CohortSummary, Figure, Measure
from amlsynth.report.anchors import ANCHORS, reading
from amlsynth.report.context import Context
from amlsynth.report.text import (
    INDENT,
    Column,
    Notes,
    code,
    definitions,
    escape,
    fold,
    heading_row,
    number,
    table,
)

TITLES = {
    "fidelity": "Fidelity",
    "survival": "Survival",
    "outcome": "Response",
    "privacy": "Privacy",
    "validity": "Validity",
}
# How the groups of measures are called; one that is not here goes by its own name.
GROUP_TITLES = {
    "fidelity": "Single variables and their associations",
    "two samples": "Can synthetic patients be told from original ones?",
    "pairs": "Pairs of variables and missing values",
    "support": "Typical and unusual patients",
    "survival": "Kaplan-Meier curves",
    "tails": "Mean survival, five-year figures, and how the endpoints go together",
    "outcome": "Response to treatment",
    "prediction": "Models trained on the cohort and tested on the hold-out",
    "effects": "Effects of markers that are kept",
    "privacy": "Hamming distances (table 3 of the paper)",
    "near copies": "Near copies of real patients",
    "membership inference": "Membership inference: who was a training patient?",
    "closest records": "Distances to the closest record",
    "singling out": "Singling out",
    "linkability": "Linkability",
    "attribute inference": "Attribute inference",
    "rare combinations": "Copied rare combinations",
    "validity": "Rules of the dictionary",
}
DIRECTIONS = {
    "higher": "Higher is better.",
    "lower": "Lower is better.",
    "zero": "Nearer to 0 is better.",
    "half": "Nearer to 0.5 is better.",
    "original": "Nearer to the original is better.",
    "none": "For information.",
}
# The paper's supplementary table 1, for the response and the endpoints of the dictionary.
PERFORMANCE = (
    "rsc", "bsm", "logcorr", "discriminator", "k_means", "mcc_{variable}", "mcc_death24",
    "km_score_{endpoint}", "optimism_{endpoint}", "shortsightedness_{endpoint}",
)  # fmt: skip
# One figure for each attack; the tables of the attacks have the rest.
ATTACKS = (
    "exact_matches", "exact_matches_holdout", "numbers_copied", "near_matches", "leakage",
    "dcr_share_weighted", "membership_nearest_auc",
    "membership_nearest_outlying_auc", "membership_density_auc", "membership_density_tpr",
    "singling_out_univariate_risk", "singling_out_multivariate_risk", "linkability_risk",
    "attribute_inference_risk", "rare_combinations_risk", "rare_profiles_risk",
)  # fmt: skip
# The questions of the one-minute summary, and the measures that answer them where there are any.
KEY_MEASURES = {
    "Does it keep the rules?": ("rules_broken",),
    "Is it like the original?": ("logcorr", "classifier_auc"),
    "Do patients fare alike?": ("km_score_{endpoint}", "median_{endpoint}", "{response}_rate"),
    "Do effects of markers hold?": ("effects_sign_hr", "effects_significant_hr"),
    "Does it give patients away?": (
        "exact_matches", "leakage", "membership_density_auc", "attribute_inference_risk",
    ),
}  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.:])\s+(?=[A-Z0-9])")
_LINE = 150  # characters of a description beside its measure


def measures_of(context: Context, aspect: str, *, without: Sequence[str] = ()) -> str:
    """Return every group of an aspect as a table, all but the first folded, and what the measures mean."""
    chosen = [m for m in context.evaluation.measures if m.aspect == aspect and m.aspect not in without]
    if not chosen:
        return f"The evaluation has no {TITLES[aspect].lower()} measures.\n"
    groups = list(dict.fromkeys(measure.aspect for measure in chosen))
    parts = []
    for place, group in enumerate(groups):
        members = [measure for measure in chosen if measure.aspect == group]
        shown = _group_table(context, members, aspect, group)
        parts.append(shown if place == 0 else fold(_title(group, aspect), shown))
    parts.append(fold(f"{TITLES[aspect]}: what the measures mean, and their sources", meanings(chosen)))
    return "\n".join(parts)


def group_of(context: Context, group: str) -> str:
    """Return one group of measures as a table with their meanings; "" when there is none."""
    chosen = [measure for measure in context.evaluation.measures if measure.aspect == group]
    if not chosen:
        return ""
    return _group_table(context, chosen, chosen[0].aspect, group) + "\n" + meanings(chosen)


def _group_table(context: Context, chosen: Sequence[Measure], aspect: str, group: str) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", f"{aspect}-{group}".lower()).strip("-")
    caption = f"{escape(_title(group, aspect))}, beside the anchors. Brackets: 95 % interval."
    shown = measure_table(context, chosen, caption, f"tbl-{label}")
    return shown + seeds_table(context, chosen, label)


def _title(group: str, aspect: str) -> str:
    return GROUP_TITLES.get(group, group.capitalize() or f"{TITLES[aspect]} measures")


def measure_table(
    context: Context, chosen: Sequence[Measure], caption: str, label: str, *, own: bool = True
) -> str:
    """Return a table of measures beside their anchors; "" when there are none to show.

    `own` says whether the figures that the original itself has are shown too.
    """
    if not chosen:
        return ""
    cohorts = context.evaluation.synthetics
    anchors = {k: t for k, t in ANCHORS.items() if k != "holdout" or context.evaluation.holdout is not None}
    with_original = own and any(measure.original is not None for measure in chosen)
    columns = [Column("Measure", 46, "left")]
    columns += [Column(_original_title(context), 13)] if with_original else []
    columns += [Column(_title_of(context, cohort), 18) for cohort in cohorts]
    columns += [Column(title, 13) for title in anchors.values()]
    notes = Notes()
    rows = []
    for measure in chosen:
        row = [f"{escape(measure.label)}{_unit(measure)} [{escape(how_to_read(measure))}]{{.how}}"]
        row += [_cell(measure.original, measure, notes)] if with_original else []
        for cohort in cohorts:
            shown = _cell(measure.figures[cohort.key], measure, notes)
            row.append(f"**{shown}** [{reading(measure, cohort.key)}]{{.how}}")
        rows.append([*row, *(_cell(measure.anchors.get(name), measure, notes) for name in anchors)])
    return table(columns, rows, caption=caption, label=label, notes=notes.lines())


def seeds_table(context: Context, chosen: Sequence[Measure], label: str) -> str:
    """Return mean and spread over the cohorts of one generator, folded; "" where none has several."""
    generators = list(dict.fromkeys(name for measure in chosen for name in measure.seeds))
    if not generators:
        return ""
    columns = [Column("Measure", 30, "left")]
    for name in generators:
        columns += [
            Column(f"{escape(name)}: mean (SD)", 18),
            Column("Least to most", 18),
            Column("Cohorts", 8),
        ]
    rows = []
    for measure in chosen:
        row = [escape(measure.label)]
        for name in generators:
            spread, digits = measure.seeds.get(name), decimals(measure)
            digits = max(digits, 2)
            row += ["–", "–", "–"] if spread is None else [
                f"{number(spread.mean, digits)} ({number(spread.sd, digits)})",
                f"{number(spread.least, digits)} to {number(spread.most, digits)}",
                number(spread.cohorts, 0),
            ]  # fmt: skip
        rows.append(row)
    caption = "Mean and standard deviation (SD) over the cohorts that one generator made with several seeds."
    shown = table(columns, rows, caption=caption, label=f"tbl-seeds-{label}")
    return fold("Mean and spread over seeds", shown)


def performance_table(context: Context) -> str:
    """Return supplementary table 1 of the paper: its performance metrics, beside the anchors."""
    caption = (
        "Performance metrics (supplementary table 1 of the paper), beside the anchors. Of optimism and "
        "short-sightedness the paper reports 1 less the absolute value."
    )
    return measure_table(context, _present(context, PERFORMANCE), caption, "tbl-performance")


def attack_table(context: Context) -> str:
    """Return one line for each attack on privacy, beside the anchors."""
    caption = "Attacks on privacy at a glance, beside the anchors. Brackets: 95 % interval."
    return measure_table(context, _present(context, ATTACKS), caption, "tbl-attacks", own=False)


def _present(context: Context, identifiers: Iterable[str]) -> list[Measure]:
    present = {measure.id: measure for measure in context.evaluation.measures}
    names = [name for pattern in identifiers for name in _written_out(context, pattern)]
    return [present[name] for name in names if name in present]


def _written_out(context: Context, pattern: str) -> list[str]:
    """Return the identifiers that one with a placeholder stands for, as the dictionary has outcomes."""
    if "{endpoint}" in pattern:
        return [pattern.format(endpoint=endpoint.suffix) for endpoint in context.dictionary.endpoints]
    response = context.dictionary.roles.response
    if "{" not in pattern:
        return [pattern]
    if response is None:
        return []
    return [pattern.format(response=response.name.lower(), variable=response.variable.lower())]


def meanings(chosen: Iterable[Measure]) -> str:
    """Return what each measure means, which direction is better, and its source."""
    return definitions(
        (
            f"{escape(measure.label)} ({code(measure.id)})",
            f"{escape(measure.description)} *{DIRECTIONS[measure.better]} "
            f"Source: {escape(measure.source).rstrip('.')}.*",
        )
        for measure in chosen
    )


def how_to_read(measure: Measure) -> str:
    """Return one line: the beginning of the description, and which direction is better."""
    first = _SENTENCE.split(measure.description)[0].rstrip(":")
    if len(first) > _LINE:
        first = first[:_LINE].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    first = first if first.endswith((".", "…")) else f"{first}."
    return f"{first} {DIRECTIONS[measure.better]}".strip()


def key_table(context: Context) -> str:
    """Return the key figures of the summary: the questions, and the measures that answer them."""
    cohorts, holdout = context.evaluation.synthetics, context.evaluation.holdout
    columns = [Column("Question and measure", 33, "left")]
    columns += [Column(_title_of(context, cohort), 19) for cohort in cohorts]
    columns += [Column(ANCHORS["holdout"], 18)] if holdout is not None else []
    columns += [] if context.several else [Column("Reading", 34, "left")]
    notes = Notes()
    rows = []
    for question, identifiers in KEY_MEASURES.items():
        found = _present(context, identifiers)
        rows += [heading_row(question, columns)] if found else []
        for measure in found:
            row = [f"{INDENT}{escape(measure.label)}{_unit(measure)}"]
            for cohort in cohorts:
                words = f" [{reading(measure, cohort.key)}]{{.how}}" if context.several else ""
                row.append(f"**{_cell(measure.figures[cohort.key], measure, notes)}**{words}")
            row += [_cell(measure.anchors.get("holdout"), measure, notes)] if holdout is not None else []
            rows.append(row if context.several else [*row, reading(measure)])
    return table(columns, rows, notes=notes.lines()) if rows else ""


def _title_of(context: Context, cohort: CohortSummary) -> str:
    return escape(cohort.label) if context.several or context.is_comparison else "Synthetic"


def _original_title(context: Context) -> str:
    return escape(context.evaluation.original.label) if context.is_comparison else "Original"


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
    return (*own, *measure.figures.values(), *measure.anchors.values())


def _cell(figure: Figure | None, measure: Measure, notes: Notes) -> str:
    if figure is not None and measure.id.startswith("logrank") and figure.value is not None:
        return notes.p_value(figure)
    return notes.figure(figure, decimals(measure)) or "–"


def _unit(measure: Measure) -> str:
    return f", {escape(measure.unit)}" if measure.unit else ""
