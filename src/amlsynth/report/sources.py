"""The sources of the report: the Quarto project, copied to a folder in which it is rendered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError

DOCUMENT = "report.qmd"
PUBLIC_DOCUMENT = "public.qmd"  # of cohorts with a guarantee, without a figure of the original
STYLE = "style.css"
_FENCE = "```"
_LEFT_BY_A_PREVIEW = {".quarto", "figures", "report_files", "report.html", "report.pdf", "__pycache__"}


@dataclass(frozen=True)
class Cell:
    """A code cell: its source and the options of its `#|` lines, such as {"output": "asis"}."""

    source: str
    options: dict[str, Any]
    number: int


@dataclass(frozen=True)
class Document:
    """A .qmd file taken apart: metadata, and Markdown and cells in their order."""

    metadata: dict[str, Any]
    parts: tuple[str | Cell, ...]


def copy_project(folder: Path, metadata: dict[str, str], document: str = DOCUMENT) -> Path:
    """Copy the Quarto project to `folder`, with metadata added to the document, and return its path."""
    root = asset("reports")
    for source in sorted(root.rglob("*")):
        relative = source.relative_to(root)
        if source.is_file() and not _LEFT_BY_A_PREVIEW.intersection(relative.parts):
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not copytree: it would pass on the read-only folders of a system-wide installation.
            shutil.copyfile(source, target)
    path = folder / document
    head, body = _split(path.read_text(encoding="utf-8"))
    front = yaml.safe_dump({**head, **metadata}, sort_keys=False, allow_unicode=True)
    path.write_text(f"---\n{front}---\n{body}", encoding="utf-8", newline="\n")
    return path


def read_document(path: Path) -> Document:
    """Read a .qmd file with ```{python} cells; other code blocks are Markdown.

    Raises
    ------
    UsageError
        A cell is not closed.
    """
    metadata, body = _split(path.read_text(encoding="utf-8"))
    parts: list[str | Cell] = []
    text: list[str] = []
    lines: list[str] | None = None
    for line in body.splitlines():
        if lines is None and line.rstrip() == f"{_FENCE}{{python}}":
            parts.append("\n".join(text))
            text, lines = [], []
        elif lines is not None and line.rstrip() == _FENCE:
            parts.append(_cell(lines, sum(isinstance(part, Cell) for part in parts) + 1))
            lines = None
        else:
            (text if lines is None else lines).append(line)
    if lines is not None:
        raise UsageError(f"{path.name}: the last code cell is not closed; end it with {_FENCE}.")
    parts.append("\n".join(text))
    return Document(metadata, tuple(parts))


def _cell(lines: list[str], number: int) -> Cell:
    options = [line.removeprefix("#|") for line in lines if line.startswith("#|")]
    source = [line for line in lines if not line.startswith("#|")]
    return Cell("\n".join(source), yaml.safe_load("\n".join(options)) or {}, number)


def _split(text: str) -> tuple[dict[str, Any], str]:
    """Split the metadata between the first two lines `---` from the body."""
    if not text.startswith("---\n"):
        return {}, text
    head, _, body = text[4:].partition("\n---\n")
    return yaml.safe_load(head) or {}, body
