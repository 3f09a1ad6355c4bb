"""What the cells of reports/report.qmd call; each method returns Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from amlsynth.errors import UsageError
from amlsynth.report import figures, measures, prose, tables
from amlsynth.report.context import Context, read_context
from amlsynth.report.text import escape

DATA_VARIABLE = "AMLSYNTH_REPORT_DATA"
FOOTER_VARIABLE = "AMLSYNTH_REPORT_FOOTER"
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

    def survival_curves(self) -> str:
        endpoints = reversed(self.context.dictionary.endpoints)
        return "\n".join(figures.survival_figure(self.context, e.name, self.folder) for e in endpoints)

    def measures(self, group: str) -> str:
        return measures.measure_table(self.context, group)

    def meanings(self, group: str) -> str:
        return measures.measure_meanings(self.context, group)

    def anchor_figure(self) -> str:
        return figures.anchor_figure(self.context, self.folder)

    def alteration_figures(self) -> str:
        groups = (group for group in self.context.dictionary.groups if group.panel)
        return "\n".join(figures.alteration_figure(self.context, group, self.folder) for group in groups)

    def alterations(self) -> str:
        return tables.alteration_table(self.context)

    def other_tests(self) -> str:
        return tables.other_tests(self.context)

    def gates(self) -> str:
        return prose.gate_table(self.context)

    def missing_values(self) -> str:
        return tables.missing_table(self.context)

    def provenance(self) -> str:
        return prose.provenance_table(self.context)

    def citation(self) -> str:
        return prose.citation(self.context)

    def rebuild(self) -> str:
        return prose.rebuild(self.context)

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
    return Cells(read_context(Path(directory)), Path(FIGURES), made_by)


@contextmanager
def rendering(cells: Cells) -> Iterator[None]:
    """Make `cells` the current report while the block runs."""
    token = _current.set(cells)
    try:
        yield
    finally:
        _current.reset(token)
