"""A tutorial taken apart: its blocks of code are run, and their output is compared with what is shown."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amlsynth.cli import main

_BLOCK = re.compile(
    r'^```(?P<kind>\w+)(?: title="(?P<title>[\w.]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of code: `kind` is its language, `title` the file that it is, `line` where it begins."""

    kind: str
    title: str | None
    text: str
    line: int


def blocks(page: Path, smaller: dict[str, str]) -> list[Block]:
    """Return the blocks of a page, with the numbers of `smaller` in the place of those that it shows."""
    text = page.read_text(encoding="utf-8")
    for large, small in smaller.items():
        assert large in text, f"{page.name} has no {large!r} any more"
        text = text.replace(large, small)
    found = [
        Block(m["kind"], m["title"], m["text"], text.count("\n", 0, m.start()) + 1)
        for m in _BLOCK.finditer(text)
    ]
    fences = re.findall(r"^```", text, re.MULTILINE)
    assert 2 * len(found) == len(fences), f"{page.name} has a block that is not understood"
    return found


def run(page: Path, smaller: dict[str, str], stand_ins: dict[str, Any]) -> None:
    """Run the blocks of a page in the working directory, one after the other.

    Python shares one namespace, commands of the shell go to the command line's own entry. A `text` block is
    what the block before it printed, as doctest compares them ("..." stands for anything). A block with a
    title is a file. `stand_ins` maps a command to the function that is called in its place.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page, smaller):
        where = f"{page.name}, line {block.line}"
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.kind == "text":
            same = doctest.OutputChecker().check_output(block.text, printed, doctest.ELLIPSIS)
            assert same, f"{where}: shown is\n{block.text}and printed was\n{printed}"
        elif block.kind == "python":
            printed = _python(block.text, where, namespace)
        else:
            assert block.kind in ("sh", "console"), f"{where}: nobody runs a block of the kind {block.kind!r}"
            printed = "".join(_command(line, where, stand_ins) for line in _commands(block.text))


def _python(source: str, where: str, namespace: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, where, "exec"), namespace)  # noqa: S102  (the code of our own pages)
    return out.getvalue()


def _commands(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ").strip() for line in lines if line.strip()]


def _command(line: str, where: str, stand_ins: dict[str, Any]) -> str:
    if line in stand_ins:
        stand_ins[line]()
        return ""
    program, *arguments = shlex.split(line)
    assert program == "amlsynth", f"{where}: nobody runs {program!r}"
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            assert end.code == 0, f"{where}: {line}\nended with {end.code}: {err.getvalue()}"
    return out.getvalue()


def install(folder: Path) -> None:
    """Do what `pip install -e FOLDER` does for what amlsynth asks of a package: write its entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    lines: list[str] = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
