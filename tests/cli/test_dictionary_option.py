"""Every command takes --dictionary; a wrong one is told with its line, and exit code 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from tests.mds import simulated_mds

from amlsynth.cli import cli
from amlsynth.cohort.tables import write_table
from amlsynth.dictionary.carried import dictionary_yaml
from amlsynth.dictionary.model import load_dictionary

Run = Callable[..., tuple[int, str, str]]


def _commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_takes_it() -> None:
    found = {path: {option.name for option in command.params} for path, command in _commands(cli)}
    assert len(found) > 15
    assert [path for path, options in found.items() if "d" not in options] == []


def test_a_file_of_another_disease_is_shown_and_validated(run: Run, tmp_path: Path) -> None:
    mds = load_dictionary("mds")
    (tmp_path / "own.yaml").write_text(dictionary_yaml(mds), encoding="utf-8")
    for source in ("mds", "own.yaml"):
        code, out, _ = run("schema", "show", "--dictionary", source)
        assert code == 0 and out.startswith("MDS variable dictionary 1.0.0")
    code, out, _ = run("schema", "export", "--format", "yaml", "--dictionary", "own.yaml")
    assert code == 0 and out == dictionary_yaml(mds)
    write_table(simulated_mds(mds, 60), tmp_path / "m.csv")
    assert run("validate", "m.csv", "--role", "original", "--dictionary", "mds")[0] == 0
    code, _, errors = run("validate", "m.csv", "--role", "original")
    assert code == 1 and "unknown" in errors


def test_what_follows_the_aml_dictionary_is_refused_under_another(run: Run) -> None:
    for command in (
        ("cohort", "reference", "--out", "r.csv"),
        ("cohort", "import", "amlsg", "--out", "r.csv"),
        ("demo", "--out", "demo"),
    ):
        code, _, errors = run(*command, "--dictionary", "mds")
        assert code == 2 and "follows the dictionary aml" in errors and "Traceback" not in errors
    assert not Path("r.csv").exists() and not Path("demo").exists()


_BASE = """\
extends: mds
name: own
version: 1.0.0
title: Own
"""


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("name: x\n", 1, "the key 'version' is missing"),
        (_BASE + "endpoints: []\n", 5, "needs an endpoint"),
        (
            _BASE + "endpoints:\n  - {name: OS, label: Overall survival, time: NONE, status: OSSTAT}\n",
            6,
            "'NONE' is no variable",
        ),
        (
            _BASE + "roles:\n  classification: {name: R, label: Risk, function: ipss}\n",
            6,
            "there is no derived function 'ipss'",
        ),
        (_BASE.replace("mds", "own.yaml"), 1, "extends itself"),
        (_BASE + "roles:\n  strata: [OSSTAT, NPM7]\n", 6, "'NPM7' is no variable"),
    ],
    ids=["no keys", "no endpoints", "endpoint's column", "derived function", "itself", "strata"],
)
def test_a_wrong_dictionary_is_told_with_file_and_line(
    run: Run, tmp_path: Path, text: str, line: int, problem: str
) -> None:
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    code, out, errors = run("schema", "show", "--dictionary", "own.yaml")
    assert (code, out) == (2, "") and "Traceback" not in errors
    assert f"own.yaml:{line}:" in errors and problem in errors


@pytest.mark.parametrize(
    ("source", "problem"),
    [("amll", "Did you mean 'aml'?"), ("none.yaml", "cannot be read"), (".", "cannot be read")],
)
def test_a_dictionary_that_is_not_there_is_told(run: Run, source: str, problem: str) -> None:
    code, _, errors = run("validate", "x.csv", "--dictionary", source)
    assert code == 2 and problem in errors and "Traceback" not in errors
