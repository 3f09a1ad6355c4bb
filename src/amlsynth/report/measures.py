"""Tables of measures: every measure beside its anchors, with the anchors read in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import yaml

from amlsynth.evaluation.records import CohortSummary, Figure, Measure
from amlsynth.foundation.assets import asset
from amlsynth.report.anchors import ANCHORS, reading
from amlsynth.report.context import Context
from amlsynth.report.digits import decimals
from amlsynth.report.references import References
from amlsynth.report.text import (
    Column,
    Notes,
    code,
    definitions,
    escape,
    fold,
    how,
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
# Beside the label of a measure; a note under the table says what they mean.
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→ 0", "half": "→ ½", "original": "→ original", "none": ""}
ARROWS_NOTE = "↑: higher is better; ↓: lower is better; →: nearer to that figure is better."


def measures_of(context: Context, aspect: str, *, without: Sequence[str] = ()) -> str:
    """Return every group of an aspect as a table, all but the first folded, and what the measures mean."""
    chosen = [m for m in context.evaluation.measures if m.aspect == aspect and m.group not in without]
    if not chosen:
        return f"The evaluation has no {TITLES[aspect].lower()} measures.\n"
    groups = list(dict.fromkeys(measure.group for measure in chosen))
    parts = []
    for place, group in enumerate(groups):
        members = [measure for measure in chosen if measure.group == group]
        shown = _group_table(context, members, aspect, group)
        parts.append(shown if place == 0 else fold(_title(group, aspect), shown))
    return "\n".join(parts)


def group_of(context: Context, group: str) -> str:
    """Return one group of measures as a table; "" when there is none."""
    chosen = [measure for measure in context.evaluation.measures if measure.group == group]
    if not chosen:
        return ""
    return _group_table(context, chosen, chosen[0].aspect, group)


def explained(context: Context) -> str:
    """Return what every measure means, once and by aspect, folded."""
    parts = []
    for aspect, title in TITLES.items():
        chosen = [measure for measure in context.evaluation.measures if measure.aspect == aspect]
        parts.append(fold(f"{title}: what the measures mean", meanings(context, chosen)) if chosen else "")
    return "\n".join(parts)


def _group_table(context: Context, chosen: Sequence[Measure], aspect: str, group: str) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", f"{aspect}-{group}".lower()).strip("-")
    title = escape(_title(group, aspect))
    beside = " Beside" if title.endswith("?") else ", beside"  # some titles are questions
    caption = f"{title}{beside} the anchors. Brackets: 95 % interval."
    shown = measure_table(context, chosen, caption, f"tbl-{label}")
    return shown + seeds_table(context, chosen, label)


def _title(group: str, aspect: str) -> str:
    return GROUP_TITLES.get(group, group.capitalize() or f"{TITLES[aspect]} measures")


def measure_table(
    context: Context, chosen: Sequence[Measure], caption: str, label: str, *, paper: bool = False
) -> str:
    """Return a table of measures beside their anchors; "" when there are none to show.

    `paper` adds what the paper reports of its own cohorts, where it does.
    """
    if not chosen:
        return ""
    cohorts = context.evaluation.synthetics
    anchors = {k: t for k, t in ANCHORS.items() if k != "holdout" or context.evaluation.holdout is not None}
    with_original = any(measure.original is not None for measure in chosen)
    published = paper_figures(context, chosen) if paper else {}
    columns = [Column("Measure", 27, "left")]
    columns += [Column(_original_title(context), 13)] if with_original else []
    columns += [Column(_title_of(context, cohort), 24) for cohort in cohorts]
    columns += [Column(title, 13) for title in anchors.values()]
    columns += [Column(f"{escape(name)} (paper)", 10) for name in published]
    notes = Notes()
    rows = []
    for measure in chosen:
        arrow = ARROWS[measure.better].replace(" ", "\u00a0")  # which stays with the last word
        row = [f"{escape(measure.label)}{_unit(measure)}\u00a0{arrow}".rstrip()]
        row += [_cell(measure.original, measure, notes)] if with_original else []
        for cohort in cohorts:
            shown = _cell(measure.figures[cohort.key], measure, notes)
            row.append(f"**{shown}** {how(reading(measure, cohort.key))}")
        row += [_cell(measure.anchors.get(name), measure, notes) for name in anchors]
        rows.append([*row, *(_published(found, measure) for found in published.values())])
    return table(columns, rows, caption=caption, label=label, notes=[ARROWS_NOTE, *notes.lines()])


def paper_figures(context: Context, chosen: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """Return what the paper reports of each of its cohorts, by measure; {} where it has none."""
    content = yaml.safe_load((asset("reports") / "paper.yaml").read_text(encoding="utf-8"))
    told = content.get(context.evaluation.dictionary_name)
    if told is None or not any(measure.id in told["figures"] for measure in chosen):
        return {}
    return {
        name: {measure: values[place] for measure, values in told["figures"].items()}
        for place, name in enumerate(told["columns"])
    }


def _published(found: dict[str, float], measure: Measure) -> str:
    value = found.get(measure.id)
    return "" if value is None else number(value, decimals(measure))


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
            row += ["", "", ""] if spread is None else [
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
        "Performance metrics (supplementary table 1 of the paper), beside the anchors and, where the paper "
        "reports them, its own two cohorts."
    )
    chosen = _present(context, PERFORMANCE)
    return measure_table(context, chosen, caption, "tbl-performance", paper=True)


def attack_table(context: Context) -> str:
    """Return one line for each attack on privacy, beside the anchors."""
    caption = "Attacks on privacy at a glance, beside the anchors. Brackets: 95 % interval."
    return measure_table(context, _present(context, ATTACKS), caption, "tbl-attacks", paper=True)


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


def meanings(context: Context, chosen: Iterable[Measure]) -> str:
    """Return what each measure means, which direction is better, and its source; alike ones together."""
    references = References(context)
    named: dict[str, list[str]] = {}
    for measure in chosen:
        meaning = (
            f"{escape(measure.description)} {DIRECTIONS[measure.better]} Source: "
            f"{references.cite(measure.source)}."
        )
        named.setdefault(meaning, []).append(f"{escape(measure.label)} ({code(measure.id)})")
    return definitions(("; ".join(names), meaning) for meaning, names in named.items())


def _title_of(context: Context, cohort: CohortSummary) -> str:
    return escape(cohort.label) if context.several or context.is_comparison else "Synthetic"


def _original_title(context: Context) -> str:
    return escape(context.evaluation.original.label) if context.is_comparison else "Original"


def _cell(figure: Figure | None, measure: Measure, notes: Notes) -> str:
    if figure is not None and measure.id.startswith("logrank") and figure.value is not None:
        return notes.p_value(figure)
    return notes.figure(figure, decimals(measure))


def _unit(measure: Measure) -> str:
    return f", {escape(measure.unit)}" if measure.unit else ""
