"""What the cells of reports/report.qmd call; each method returns Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.carried import read_carried
from amlsynth.foundation.errors import UsageError
from amlsynth.report import (
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
from amlsynth.report.context import Context, read_context
from amlsynth.report.text import escape, fold

DATA_VARIABLE = "AMLSYNTH_REPORT_DATA"
FOOTER_VARIABLE = "AMLSYNTH_REPORT_FOOTER"
DICTIONARY_VARIABLE = "AMLSYNTH_REPORT_DICTIONARY"
FIGURES = "figures"


@dataclass(frozen=True)
class Cells:
    """The parts of one report, in the order of report.qmd.

    context : what is shown.
    folder : where figures are written; its name is how the Markdown refers to them.
    made_by : the sentence of the footer that says what rendered the report.
    """

    context: Context
    folder: Path
    made_by: str

    def banner(self) -> str:
        return prose.simulated_banner(self.context)

    def summary(self) -> str:
        return prose.summary(self.context)

    def cohorts(self) -> str:
        return prose.cohort_table(self.context)

    def notes(self) -> str:
        return prose.evaluation_notes(self.context)

    def baseline(self) -> str:
        return tables.baseline_table(self.context)

    def outcomes(self) -> str:
        return tables.outcome_table(self.context)

    def tails(self) -> str:
        return tables.tail_table(self.context)

    def survival_curves(self) -> str:
        names = [endpoint.name for endpoint in reversed(self.context.endpoints)]
        return "\n".join(survival_figures.survival_figure(self.context, n, self.folder) for n in names)

    def performance(self) -> str:
        return measures.performance_table(self.context)

    def measures(self, group: str, *, without: tuple[str, ...] = ()) -> str:
        return measures.measures_of(self.context, group, without=without)

    def group(self, name: str) -> str:
        return fold(measures.GROUP_TITLES[name], measures.group_of(self.context, name))

    def attacks(self) -> str:
        return measures.attack_table(self.context)

    def attack_limits(self) -> str:
        return prose.attack_limits()

    def anchor_figure(self) -> str:
        return figures.anchor_figure(self.context, self.folder)

    def alteration_figures(self) -> str:
        groups = (group for group in self.context.dictionary.groups if group.panel)
        return "\n".join(figures.alteration_figure(self.context, group, self.folder) for group in groups)

    def alterations(self) -> str:
        return fold("Carriers of every alteration in numbers", tables.alteration_table(self.context))

    def co_occurrence(self) -> str:
        return heatmap.heatmap_figures(self.context, self.folder)

    def lacking(self) -> str:
        return words.lacking(self.context)

    def effects_lead(self) -> str:
        return words.effects_lead(self.context)

    def effect_sections(self) -> str:
        """Return one section for each outcome that the cohort has."""
        labels = {endpoint.name: endpoint.label for endpoint in self.context.endpoints}
        if self.context.response is not None:
            labels[self.context.response.name] = self.context.response.label
        return "\n".join(f"## {escape(labels[n])}\n\n{self.effects(n)}" for n in self.context.outcomes)

    def effects(self, endpoint: str) -> str:
        numbers = effects.effect_table(self.context, endpoint)
        if not numbers:
            return f"The evaluation has no effects on {endpoint}.\n"
        shown = forest.forest_figures(self.context, endpoint, "main", self.folder)
        more = forest.forest_figures(self.context, endpoint, "other", self.folder)
        folded = (
            fold(f"Further markers, {endpoint}", more),
            fold(f"All effects on {endpoint} in numbers", numbers),
        )
        return "\n".join([shown, *folded])

    def split(self) -> str:
        shown = tables.split_table(self.context)
        has_table = self.context.evaluation.holdout is not None
        return fold("Every variable of training part and hold-out", shown) if has_table else shown

    def rules(self) -> str:
        return tables.rule_table(self.context)

    def other_tests(self) -> str:
        return tables.other_tests(self.context)

    def gates(self) -> str:
        return prose.gate_table(self.context)

    def missing_values(self) -> str:
        return fold("Missing values of every variable", tables.missing_table(self.context))

    def provenance(self) -> str:
        return prose.provenance_table(self.context)

    def citation(self) -> str:
        return prose.citation(self.context)

    def rebuild(self) -> str:
        return prose.rebuild(self.context)

    def uses(self) -> str:
        return words.uses(self.context)

    def population(self) -> str:
        return words.population(self.context)

    def glossary(self) -> str:
        return words.glossary(self.context)

    def classification_source(self) -> str:
        return words.classification_source(self.context)

    def sources(self) -> str:
        return prose.sources(self.context)

    def footer(self) -> str:
        return f"::: {{.report-footer}}\n\n{escape(self.made_by)}\n\n:::\n"


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
    return Cells(read_context(Path(directory), d), Path(FIGURES), made_by)


@contextmanager
def rendering(cells: Cells) -> Iterator[None]:
    """Make `cells` the current report while the block runs."""
    token = _current.set(cells)
    try:
        yield
    finally:
        _current.reset(token)
