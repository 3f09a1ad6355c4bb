"""amlsynth's own renderer, for machines without Quarto: run the cells, then pandoc, then typst."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from amlsynth.foundation.errors import AmlsynthError, UsageError, require_extra
from amlsynth.report.crossref import Node, Target, resolve
from amlsynth.report.sources import STYLE, Cell, Document, read_document

PURPOSE = "Rendering the report"
SCRIPT = "builtin/tables.html"
PAGE, SHEET = "builtin/page.html", "builtin/page.typ"
# A row of a table in typst's markup that names the rows below it, as `text.heading_row` writes them.
_HEADING_ROW = re.compile(r"^    (\[#strong\[.*\]\],(?: \[\],)+)$", re.MULTILINE)


def render(document: Path, html: Path | None, pdf: Path | None, toc_depth: int = 2) -> None:
    """Render a .qmd file, whose folder holds its style and templates.

    Parameters
    ----------
    document : the .qmd file; `cells.current()` must be set to what its cells show.
    html : where to write the page, one file without links to others, or None.
    pdf : where to write the PDF, or None.
    toc_depth : levels of headings in the table of contents.

    Raises
    ------
    UsageError
        A cell or a reference of the document is wrong, or pandoc or typst refused it.
    MissingExtraError
        pandoc or typst is not installed.
    """
    pandoc = pandoc_path()
    parts = read_document(document)
    tree = json.loads(_pandoc(pandoc, ["--from=markdown", "--to=json"], run_cells(parts), document.parent))
    tree["meta"] |= _metadata(parts.metadata)
    if html is not None:
        page = _write(pandoc, tree, "html", document.parent, toc_depth)
        html.write_text(page, encoding="utf-8", newline="\n")
    if pdf is not None:
        _write_pdf(_write(pandoc, tree, "typst", document.parent, toc_depth), document.parent, pdf)


def run_cells(document: Document) -> str:
    """Run the cells in their order in one namespace and return the Markdown of the whole document.

    What a cell prints takes its place, as with Quarto's `output: asis`; of a cell with
    `output: false` nothing stays. No cell shows its source.

    Raises
    ------
    UsageError
        A cell asks for another output than these.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found: list[str] = []
    for part in document.parts:
        if isinstance(part, str):
            found.append(part)
            continue
        printed = _run(part, namespace)
        found += [printed] if part.options["output"] == "asis" else []
    return "\n".join(found)


def pandoc_path() -> Path:
    """Return the pandoc that pypandoc_binary brings, or else the one that pypandoc finds."""
    pypandoc = require_extra("report", "pypandoc", PURPOSE)
    for name in ("pandoc", "pandoc.exe"):
        # The same pandoc on every machine makes the same bytes.
        bundled = Path(str(pypandoc.__file__)).parent / "files" / name
        if bundled.is_file():
            return bundled
    try:
        return Path(pypandoc.get_pandoc_path())
    except OSError as error:
        raise UsageError(
            "pandoc was not found. pypandoc_binary brings it; install it with: pip install 'amlsynth[report]'"
        ) from error


def _run(cell: Cell, namespace: dict[str, Any]) -> str:
    if cell.options.get("output") not in ("asis", False):
        raise UsageError(f"report.qmd, cell {cell.number}: the option output must be asis or false.")
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            exec(compile(cell.source, f"report.qmd, cell {cell.number}", "exec"), namespace)  # noqa: S102  (our own cells)
    except AmlsynthError:
        raise
    except Exception as error:
        error.add_note(f"This happened in cell {cell.number} of report.qmd.")
        raise
    return printed.getvalue()


def _metadata(metadata: dict[str, Any]) -> Node:
    texts = {key: value for key, value in metadata.items() if isinstance(value, str)}
    return {key: {"t": "MetaString", "c": value} for key, value in texts.items()}


def _write(pandoc: Path, tree: Node, target: Target, folder: Path, toc_depth: int) -> str:
    options = [
        "--from=json",
        f"--to={'html5' if target == 'html' else 'typst'}",
        "--standalone",
        f"--template={folder / (PAGE if target == 'html' else SHEET)}",
        "--toc",
        f"--toc-depth={toc_depth if target == 'html' else 1}",
        "--number-sections",
        "--wrap=none",
    ]
    if target == "html":
        options += ["--section-divs", "--embed-resources", f"--css={STYLE}", f"--include-after-body={SCRIPT}"]
    return _pandoc(pandoc, options, json.dumps(resolve(tree, target)), folder)


def _pandoc(pandoc: Path, options: list[str], text: str, folder: Path) -> str:
    done = subprocess.run(
        [str(pandoc), *options], input=text, cwd=folder, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise UsageError(f"pandoc could not render the report: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _write_pdf(markup: str, folder: Path, pdf: Path) -> None:
    typst = require_extra("report", "typst", "Writing the report as PDF")
    source = folder / "report.typ"
    # As a header it goes to the next page with its rows.
    kept = _HEADING_ROW.sub(r"    table.header(level: 2, repeat: false, \1),", markup)
    source.write_text(kept, encoding="utf-8", newline="\n")
    try:
        # Only the fonts that typst brings: the same page on every machine.
        typst.compile(str(source), output=str(pdf), root=str(folder), ignore_system_fonts=True)
    except typst.TypstError as error:
        raise UsageError(f"typst could not set the report: {str(error)[-2000:]}") from error
