"""Render the report of an evaluation: with Quarto where it is installed, without it otherwise."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import yaml

from amlsynth.dictionary.carried import write_carried
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.defaults import DICTIONARY_FILE
from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra
from amlsynth.foundation.files import check_place, real_path, replacing, scratch_folder
from amlsynth.report import fallback, prose, quarto, words
from amlsynth.report.audience import AUDIENCES, Audience, seen_by
from amlsynth.report.cells import FIGURES, Cells, rendering
from amlsynth.report.context import INPUTS, read_context
from amlsynth.report.sources import DOCUMENT, PUBLIC_DOCUMENT, copy_project
from amlsynth.report.text import escape

Engine = Literal["auto", "quarto", "fallback"]
Used = Literal["quarto", "fallback"]
ENGINES: tuple[Engine, ...] = ("auto", "quarto", "fallback")


def render_report(
    directory: Path,
    out: Path | None,
    pdf: Path | None = None,
    *,
    title: str | None = None,
    engine: Engine | None = None,
    d: Dictionary | None = None,
    audience: Audience = "regulator",
) -> Used:
    """Render the report of an evaluation as one HTML file and, where asked for, as PDF.

    Parameters
    ----------
    directory : folder with evaluation.json and, optionally, gates.json and provenance.json.
    out : the HTML file to write, or None; it needs no other file and asks for nothing on the network.
    pdf : the PDF file to write, or None.
    title : title of the report; a general one by default.
    engine : "quarto", "fallback" (amlsynth's own renderer) or "auto", which takes Quarto where it is on
        the PATH. Without it the environment's AMLSYNTH_REPORT_ENGINE decides, and else "auto".
    audience : "regulator", who sees all, or "public", who sees nothing beyond what disclosure control and,
        where there is one, the guarantee allow.
    d : the dictionary of the cohorts; the one that the folder carries, or else that of AML, when not given.

    Returns
    -------
    str
        What rendered it, "quarto" or "fallback". The footer of the report says so too. The same input
        gives the same bytes with the same engine and versions.

    Raises
    ------
    UsageError
        There is no evaluation.json, the engine is unknown, or the engine failed.
    DataError
        One of the JSON files is not what its name says.
    MissingExtraError
        The packages of the extra "report" are not installed.

    Examples
    --------
    >>> rendered = render_report(release, folder / "report.html", engine="fallback")
    """
    used, why = _choose(engine)
    if audience not in AUDIENCES:
        raise UsageError(
            f"for: {audience!r} is no audience; take one of {', '.join(AUDIENCES)}."
            f"{did_you_mean(audience, AUDIENCES)}"
        )
    for target in filter(None, (out, pdf)):
        check_place(Path(target))
        refuse_input(Path(target), Path(directory))
    if out is not None and pdf is not None and real_path(Path(out)) == real_path(Path(pdf)):
        raise UsageError(f"{out}: the page and the PDF need two names.")
    context = seen_by(read_context(directory, d), audience)
    require_extra("report", "matplotlib", fallback.PURPOSE)
    with ExitStack() as stack:
        work = stack.enter_context(scratch_folder("amlsynth-report-"))
        texts = {"title": title or words.title(context), "subtitle": prose.subtitle(context)}
        if used == "quarto":  # which reads metadata as Markdown
            texts = {key: escape(text) for key, text in texts.items()}
        document = copy_project(work, texts, PUBLIC_DOCUMENT if context.withheld else DOCUMENT)
        page, sheet = (
            None if target is None else stack.enter_context(replacing(Path(target))) for target in (out, pdf)
        )
        if used == "quarto":
            write_carried(context.dictionary, work)
            quarto.render(document, Path(directory), page, sheet, work / DICTIONARY_FILE, audience)
        else:
            made_by = f"Rendered by amlsynth's built-in renderer because {why}."
            stack.enter_context(rendering(Cells(context, work / FIGURES, made_by)))
            fallback.render(document, page, sheet, _toc_depth(work))
    return used


def refuse_input(target: Path, directory: Path) -> None:
    """Refuse to write over one of the files that a report of this folder is made of."""
    if any(real_path(target) == real_path(directory / name) for name in INPUTS):
        raise UsageError(f"{target}: the report is made of this file, which would be lost. Name another one.")


def _choose(engine: str | None) -> tuple[Used, str]:
    """Return the engine and, for the built-in one, why it was taken."""
    named = engine is not None
    engine = engine or os.environ.get(quarto.ENGINE_VARIABLE) or "auto"
    if engine not in ENGINES:
        where = "engine" if named else quarto.ENGINE_VARIABLE
        raise UsageError(
            f"{where}: {engine!r} is no engine; take one of {', '.join(ENGINES)}."
            f"{did_you_mean(engine, ENGINES)}"
        )
    if engine == "auto":
        why = quarto.missing()
        return ("quarto", "") if why is None else ("fallback", why)
    return engine, "it was asked for"


def _toc_depth(work: Path) -> int:
    settings = yaml.safe_load((work / "_quarto.yml").read_text(encoding="utf-8"))
    return int(settings.get("toc-depth", 2))
