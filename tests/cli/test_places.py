"""Places to write are looked at before the work: its inputs are not even there in these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from amlsynth.cli import cli
from amlsynth.cli.options import Command, Output

Run = Callable[..., tuple[int, str, str]]


def _commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*before, name))
        else:
            assert isinstance(command, Command), name
            yield (*before, name), command


COMMANDS = dict(_commands(cli))
OUTPUTS = [
    pytest.param(words, parameter, id=" ".join([*words, parameter.opts[0]]))
    for words, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter.type, Output)
]


def _given(command: Command, but: click.Parameter, place: str) -> Iterator[str]:
    """Yield arguments: files that are not there, and the place to write."""
    for parameter in command.params:
        if parameter is but or (parameter.required and not isinstance(parameter.type, Output)):
            values = {click.Choice: lambda kind: kind.choices[0], click.IntRange: lambda _: "4"}
            value = (
                place
                if parameter is but
                else values.get(type(parameter.type), lambda _: "none.csv")(parameter.type)
            )
            yield from [parameter.opts[0], str(value)] if isinstance(parameter, click.Option) else [value]
        elif parameter.required:
            yield from [parameter.opts[0], f"free{parameter.name}"]


def test_every_place_to_write_is_declared_as_one() -> None:
    written = {"--out", "--pdf", "--report", "--decision", "--save-split"}
    named = {(words, p.opts[0]) for words, c in COMMANDS.items() for p in c.params if p.opts[0] in written}
    assert named == {(case.values[0], case.values[1].opts[0]) for case in OUTPUTS}
    assert len(named) > 20


@pytest.mark.parametrize(("words", "parameter"), OUTPUTS)
def test_a_place_that_cannot_be_written_is_told_first(
    run: Run, tmp_path: Path, words: tuple[str, ...], parameter: click.Parameter
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    wrong = "file" if parameter.type.folder else "folder"  # type: ignore[attr-defined]
    for place, says in ((wrong, f"this is a {wrong}"), ("file/below", "cannot be written")):
        code, out, errors = run(*words, *_given(COMMANDS[words], parameter, place))
        assert (code, out) == (2, "")
        assert errors.startswith(f"Error: {place}: ") and says in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_two_things_do_not_go_to_one_place(run: Run, tmp_path: Path) -> None:
    code, _, errors = run("compare", "a.csv", "b.csv", "--report", "x.html", "--pdf", "./x.html")
    assert code == 2 and "x.html: two things cannot be written to one place" in errors
    code, _, errors = run("generate", "--cohort", "none.csv", "--seed", 1, "--out", "x", "--save-split", "x")
    assert code == 2 and "two things" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_report_does_not_replace_what_it_is_made_of(run: Run, tmp_path: Path) -> None:
    evaluated = tmp_path / "evaluation"
    evaluated.mkdir()
    (evaluated / "evaluation.json").write_text("kept")
    before = {path.name: path.read_bytes() for path in evaluated.iterdir()}
    for option in ("--out", "--pdf", "--decision"):
        arguments = {"--out": "r.html"} | {option: evaluated / "evaluation.json"}
        code, _, errors = run("report", evaluated, *(word for pair in arguments.items() for word in pair))
        assert code == 2 and "the report is made of this file" in errors
    assert {path.name: path.read_bytes() for path in evaluated.iterdir()} == before
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("name", ["a.csv", "b.csv"])
def test_a_report_does_not_replace_a_cohort(run: Run, tmp_path: Path, name: str) -> None:
    for file in ("a.csv", "b.csv"):
        (tmp_path / file).write_text("x")
    code, _, errors = run("compare", "a.csv", "b.csv", "--report", name)
    assert code == 2 and f"{name}: this is the input" in errors
