"""What mkdocs is told of this repository: pages made from the program, and links that leave docs/.

Run by mkdocs (`hooks` of mkdocs.yml). Nothing here is typed twice: the command line comes from its own help,
the names of the Python reference from the package's face, the gates from release/gates.yaml.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import click
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import amlsynth
from amlsynth.cli import cli

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_OVERVIEW: Final = "overview.md"  # README.md would stand in the place of docs/index.md
_WIDTH: Final = 80  # characters of a help text, as on a terminal

# The rooms of the package in the order in which data pass them, and what their public names are for.
ROOMS: Final = {
    "loading": "Load a release",
    "inference": "Infer from replicates",
    "survival": "Survival",
    "dictionary": "The variable dictionary",
    "cohort": "Cohorts",
    "sources": "Where original cohorts come from",
    "generators": "Generate",
    "tuning": "Tune a generator",
    "evaluation": "Evaluate",
    "audit": "Attack a generator",
    "report": "Report",
    "release": "Release",
    "site": "A site of releases",
    "foundation": "Errors",
}
# What a package of somebody else derives from.
EXTENSION_POINTS: Final = (
    "amlsynth.generators.base.Generator",
    "amlsynth.generators.base.Parameters",
    "amlsynth.generators.base.Search",
    "amlsynth.model_space.encoding.Encoded",
    "amlsynth.evaluation.measure_group.MeasureGroup",
    "amlsynth.evaluation.measure_group.MeasureDefinition",
    "amlsynth.evaluation.measure_group.EvaluationContext",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and every file of the repository that a page links to."""
    made = {
        "reference/cli.md": command_line(),
        "reference/python.md": python_names(),
        "reference/gates.md": gate_profiles(),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    nav = re.findall(r"([\w/.-]+\.md)", yaml.safe_dump(config.nav))
    waiting = [_home(name) for name in nav]
    for file in files.documentation_pages():
        waiting += _targets(file.content_string, _home(file.src_uri))
    while waiting:
        home = waiting.pop()
        site = _place(home)
        source = REPOSITORY / home
        if site is None or files.get_file_from_path(site) is not None or not source.is_file():
            continue
        file = File.generated(config, site, abs_src_path=str(source))
        files.append(file)
        if home.endswith(".md"):
            waiting += _targets(source.read_text(encoding="utf-8"), home)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the files of the repository stand on the site; code stays as it is."""
    home = _home(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def moved(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(home), match[1]))
        place = _place(target)
        if place is None or files.get_file_from_path(place) is None:
            return match[0]
        return f"]({posixpath.relpath(place, here or '.')}{match[2] or ''})"

    return _LINK.sub(moved, markdown)


def command_line() -> str:
    """Return the help of every command, as the program prints it."""
    lines = [
        "# Command line",
        "",
        "What `amlsynth --help` and the help of each command print. Exit codes: 0 fine, 1 the data or a gate",
        "failed, 2 wrong use.",
        "",
    ]
    for context in _contexts(click.Context(cli, info_name="amlsynth", terminal_width=_WIDTH)):
        path = context.command_path
        heading = "#" * min(path.count(" ") + 2, 4)
        lines += [f"{heading} {path}", "", "```text", context.get_help().rstrip(), "```", ""]
    return "\n".join(lines)


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command, and of every command below it."""
    context.help_option_names = cli.context_settings["help_option_names"]
    yield context
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            yield from _contexts(click.Context(command, context, info_name=name))


def python_names() -> str:
    """Return the public names by room, each as a directive that mkdocstrings reads the docstring for."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(amlsynth.__all__) - {"__version__"}):
        module = f"amlsynth.{amlsynth._HOMES[name]}"
        value: Any = getattr(import_module(module), name)
        rooms[amlsynth._HOMES[name].partition(".")[0]].append(f"{value.__module__}.{value.__qualname__}")
    missing = set(rooms) - set(ROOMS)
    assert not missing, f"docs/mkdocs/hooks.py: name what these rooms are for: {', '.join(sorted(missing))}"
    lines = [
        "# Python",
        "",
        "Every name below is reached as `amlsynth.NAME`; each has an example that the tests run. There",
        "`folder` is an empty folder, `release` that of a release. Frames are pandas data frames in the",
        "types of the dictionary: a row a patient, times in months of 30.4375 days.",
        "",
    ]
    for room, title in ROOMS.items():
        lines += [f"## {title}", ""]
        for path in rooms[room]:
            lines += [f"::: {path}", *_members(path), ""]
    lines += ["## To extend amlsynth", "", "What generators and measures of your own derive from.", ""]
    for path in EXTENSION_POINTS:
        lines += [f"::: {path}", *_members(path), ""]
    return "\n".join(lines)


def _members(path: str) -> list[str]:
    """Return the options that show the public functions of a class; [] for a function."""
    module, _, name = path.rpartition(".")
    value = getattr(import_module(module), name)
    found = vars(value).items() if isinstance(value, type) else ()
    shown = [
        key
        for key, member in found
        if not key.startswith("_")
        and isinstance(member, FunctionType | classmethod | staticmethod | property)
        and member.__doc__
    ]
    return ["    options:", f"      members: {shown}"] if shown else []


def gate_profiles() -> str:
    """Return the gates of every profile with limit, reason and source."""
    path = REPOSITORY / "release" / "gates.yaml"
    profiles = yaml.safe_load(path.read_text(encoding="utf-8"))["profiles"]
    lines = [
        "# Profiles of gates",
        "",
        "A gate holds one measure against a limit that was set before the cohort was made. A required gate",
        "that fails, or whose measure has no value, refuses the release; the others warn. `{label}` stands",
        "for each endpoint, or for the response. The file is [gates.yaml](../../release/gates.yaml); a file",
        "of your own of the same form is named in the release spec. [What the gates see](../gates.md) shows",
        "them at work on bad cohorts.",
        "",
        "A limit with numbers of patients lies, for others, between those shown: patients are those of the",
        "training part, of the synthetic cohort or four times the hold-out's, whichever are fewest. Of fewer",
        "than the first number the gate is undecided, which is no pass.",
        "",
    ]
    for name, profile in profiles.items():
        lines += [
            f"## {name}",
            "",
            profile["description"],
            "",
            "| gate | kind | limit | why |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {_cell(gate['label'])} | {_kind(gate)} | {_limit(gate)} | {_cell(gate['reason'])} |"
            for gate in profile.get("gates", ())
        ]
        lines.append("")
    return "\n".join(lines)


def _kind(gate: dict[str, Any]) -> str:
    if not gate["required"]:
        return "advisory"
    return f"required from {gate['required_from']:,} patients" if "required_from" in gate else "required"


def _limit(gate: dict[str, Any]) -> str:
    words = gate["comparison"].replace("_", " ")
    by = ", by its interval" if gate.get("decided_by") == "interval" else ""
    chance = gate.get("fails_beyond")
    undecided = "" if chance is None else f"; undecided up to{_by_patients(chance)}"
    return f"`{gate['measure']}` {words}{_by_patients(gate.get('threshold'))}{by}{undecided}"


def _by_patients(limit: float | dict[int, float] | None) -> str:
    if isinstance(limit, dict):
        return " " + ", ".join(f"{number:g} ({patients:,} patients)" for patients, number in limit.items())
    return "" if limit is None else f" {limit:g}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _targets(text: str, home: str) -> list[str]:
    """Return the files of the repository that a page links to."""
    return [posixpath.normpath(posixpath.join(posixpath.dirname(home), m[1])) for m in _LINK.finditer(text)]


def _home(site: str) -> str:
    """Return where a file of the site stands in the repository."""
    if site == _OVERVIEW:
        return "README.md"
    return f"docs/{site}" if (REPOSITORY / "docs" / site).is_file() or site.startswith("reference/") else site


def _place(home: str) -> str | None:
    """Return where a file of the repository stands on the site; None outside of the repository."""
    if home == "README.md":
        return _OVERVIEW
    return None if home.startswith("..") else home.removeprefix("docs/")
