"""What the cells of reports/report.qmd call; each method returns Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.carried import read_carried
from amlsynth.foundation.errors import UsageError
from amlsynth.report import (
    distributions,
    effects,
    figures,
    forest,
    heatmap,
    measures,
    prose,
    survival_figures,
    tables,
    words,
)
from amlsynth.report.audience import Audience, seen_by
from amlsynth.report.context import Context, read_context
from amlsynth.report.decision_page import decision_page
from amlsynth.report.references import References
from amlsynth.report.text import block, escape, fold, notice

DATA_VARIABLE = "AMLSYNTH_REPORT_DATA"
FOOTER_VARIABLE = "AMLSYNTH_REPORT_FOOTER"
AUDIENCE_VARIABLE = "AMLSYNTH_REPORT_FOR"
DICTIONARY_VARIABLE = "AMLSYNTH_REPORT_DICTIONARY"
FIGURES = "figures"


# What a cell shows by one name: made of the context, of the context and the folder of figures, or folded.
_PARTS: dict[str, Callable[[Context], str]] = {
    "decision": decision_page,
    "cohorts": prose.cohort_table,
    "notes": prose.evaluation_notes,
    "baseline": tables.baseline_table,
    "outcomes": tables.outcome_table,
    "tails": tables.tail_table,
    "performance": measures.performance_table,
    "attacks": measures.attack_table,
    "explained": measures.explained,
    "lacking": words.lacking,
    "effects_lead": words.effects_lead,
    "rules": tables.rule_table,
    "other_tests": tables.other_tests,
    "gates": prose.gate_table,
    "citation": prose.citation,
    "rebuild": prose.rebuild,
    "uses": words.uses,
    "inferred": words.inferred,
    "population": words.population,
    "glossary": words.glossary,
}
_FIGURES: dict[str, Callable[[Context, Path], str]] = {
    "distributions": distributions.distribution_figure,
    "anchor_figure": figures.anchor_figure,
    "alteration_figures": figures.alteration_figure,
    "co_occurrence": heatmap.heatmap_figures,
}
_FOLDED: dict[str, tuple[str, Callable[[Context], str]]] = {
    "gate_reasons": ("What each gate found, and why its limit stands where it stands", prose.gate_reasons),
    "alterations": ("Carriers of every alteration in numbers", tables.alteration_table),
    "missing_values": ("Missing values of every variable", tables.missing_table),
    "provenance": ("Versions, seeds, sources and hashes", prose.provenance_table),
}


@dataclass(frozen=True)
class Cells:
    """The parts of one report; besides the methods here those of `_PARTS`, `_FIGURES` and `_FOLDED`.

    context : what is shown.
    folder : where figures are written; its name is how the Markdown refers to them.
    made_by : the sentence of the footer that says what rendered the report.
    """

    context: Context
    folder: Path
    made_by: str

    def __getattr__(self, name: str) -> Callable[[], str]:
        if name in _PARTS:
            return lambda: _PARTS[name](self.context)
        if name in _FIGURES:
            return lambda: _FIGURES[name](self.context, self.folder)
        if name in _FOLDED:
            title, part = _FOLDED[name]
            return lambda: fold(title, part(self.context))
        raise AttributeError(f"a report has no part {name!r}")

    def survival_curves(self) -> str:
        names = [endpoint.name for endpoint in reversed(self.context.endpoints)]
        return "\n".join(survival_figures.survival_figure(self.context, n, self.folder) for n in names)

    def measures(self, aspect: str, *, without: tuple[str, ...] = ()) -> str:
        return measures.measures_of(self.context, aspect, without=without)

    def group(self, name: str) -> str:
        return fold(measures.GROUP_TITLES[name], measures.group_of(self.context, name))

    def attack_limits(self) -> str:
        return notice("alarm", "What these measures cannot prove", prose.attack_limits())

    def effect_figures(self) -> str:
        """Return the effects of the main markers on the outcomes that the cohort has."""
        shown = forest.overview_figure(self.context, self.folder)
        return shown or "The evaluation has no effects of markers.\n"

    def effect_numbers(self) -> str:
        """Return the effects of all markers with their numbers, folded."""
        parts = []
        for name in self.context.outcomes:
            main = forest.forest_figures(self.context, name, "main", self.folder)
            parts.append(fold(f"Main markers, {name}", main))
            more = forest.forest_figures(self.context, name, "other", self.folder)
            parts.append(fold(f"Further markers, {name}", more))
            parts.append(fold(f"All effects on {name} in numbers", effects.effect_table(self.context, name)))
        return "\n".join(parts)

    def split(self) -> str:
        shown = tables.split_table(self.context)
        has_table = self.context.evaluation.holdout is not None
        return fold("Every variable of training part and hold-out", shown) if has_table else shown

    def sources(self) -> str:
        return References(self.context).markdown()

    def footer(self) -> str:
        return block("report-footer", escape(self.made_by))


_current: ContextVar[Cells | None] = ContextVar("amlsynth_report", default=None)


def current() -> Cells:
    """Return the report that is being rendered.

    amlsynth's own renderer sets it; under Quarto the cells run in a kernel of their own, which finds
    the folder of the evaluation in the environment. To preview with Quarto by hand, set
    AMLSYNTH_REPORT_DATA to that folder.

    Raises
    ------
    UsageError
        No report is being rendered and the environment names no folder.
    """
    cells = _current.get()
    if cells is not None:
        return cells
    directory = os.environ.get(DATA_VARIABLE)
    if not directory:
        raise UsageError(
            f"the report has no data: set {DATA_VARIABLE} to a folder with evaluation.json, or run "
            "amlsynth report DIR --out FILE.html."
        )
    made_by = os.environ.get(FOOTER_VARIABLE, "Rendered by Quarto.")
    named = os.environ.get(DICTIONARY_VARIABLE)
    d = read_carried(Path(named)) if named else None
    audience: Audience = "public" if os.environ.get(AUDIENCE_VARIABLE) == "public" else "regulator"
    return Cells(seen_by(read_context(Path(directory), d), audience), Path(FIGURES), made_by)


@contextmanager
def rendering(cells: Cells) -> Iterator[None]:
    """Make `cells` the current report while the block runs."""
    token = _current.set(cells)
    try:
        yield
    finally:
        _current.reset(token)
