"""Every command says what is wrong with a path that it cannot use, whichever it is given to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from amlsynth.cli import cli
from amlsynth.cohort.table_writing import write_table

# What a command needs besides, to come as far as the paths; "trial.csv" is a cohort.
NEEDED = {
    "generate": ["--cohort", "trial.csv", "--seed", "1", "--out", "out.csv"],
    "measure": ["--cohort", "trial.csv", "--epsilon", "1", "--out", "out.sums.json"],
    "evaluate": ["--original", "trial.csv", "--synthetic", "trial.csv", "--out", "out"],
    "audit": ["--cohort", "trial.csv", "--out", "out"],
    "tune": ["--cohort", "trial.csv", "--trials", "1", "--out", "out.yaml"],
    "cohort import": ["trial.csv", "--mapping", "map.yaml", "--out", "out.csv"],
    "cohort reference": ["--out", "out.csv"],
    "release init": ["--cohort", "trial.csv", "--out", "out.yaml"],
}
PLACES = {"out", "pdf", "save_split", "out_sha256", "figures"}  # to be written, and tested by themselves


def commands(group: click.Group = cli, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def calls(name: str, command: click.Command, junk: str) -> Iterator[list[str]]:
    """Yield the words of a call for each path of a command, with junk in its place."""
    for one in command.params:
        if not isinstance(one.type, click.Path) or one.name in PLACES:
            continue
        needed = list(NEEDED.get(name, []))
        if isinstance(one, click.Argument):
            yield [*name.split(), junk, *(needed[1:] if name == "cohort import" else needed)]
            continue
        option = max(one.opts, key=len)
        if option in needed:
            del needed[needed.index(option) : needed.index(option) + 2]
        yield [*name.split(), *needed, option, junk]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_a_path_that_cannot_be_used_is_named(name, command, run, tmp_path, reference):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)) * 4)
    write_table(reference.head(60), tmp_path / "trial.csv")
    before = sorted(tmp_path.rglob("*"))
    for junk in ("loop", "bytes.csv", "no\x1b[31m.csv"):
        for words in calls(name, command, junk):
            code, out, errors = run(*words)
            assert code in (1, 2), (words, out)
            assert "unexpected" not in errors and "\x1b" not in errors + out, (words, errors)
            assert (errors or out).strip(), words
    assert sorted(path for path in tmp_path.rglob("*") if not path.name.endswith(".lock")) == before


def test_more_patients_than_a_table_can_hold_are_refused(run):
    for words in (["cohort", "reference"], ["demo"]):
        code, _, errors = run(*words, "--out", "out.csv", "--n", "9" * 23)
        assert code == 2 and "100000000" in errors


def test_a_split_that_cannot_be_written_is_told_before_anything_is_made(run, tmp_path, reference):
    write_table(reference.head(60), tmp_path / "trial.csv")
    words = [
        "generate",
        "--cohort",
        "trial.csv",
        "--generator",
        "independent",
        "--seed",
        "1",
        "--out",
        "made.csv",
    ]
    code, _, errors = run(*words, "--save-split", "trial.csv")
    assert code == 2 and "trial.csv: this is the input" in errors
    (tmp_path / "split" / "train.csv").mkdir(parents=True)
    code, _, errors = run(*words, "--save-split", "split")
    assert code == 2 and "split/train.csv: this is a folder" in errors
    (tmp_path / "split" / "train.csv").rmdir()
    (tmp_path / "split").rmdir()
    assert [path.name for path in tmp_path.iterdir()] == ["trial.csv"]


def test_an_ending_that_is_not_known_is_told_with_the_name_that_was_given(run, tmp_path):
    code, _, errors = run("cohort", "reference", "--n", "20", "--out", "new/cohort")
    assert code == 2 and errors.startswith("Error: new/cohort: the ending '' is not known")
    assert list(Path(tmp_path).iterdir()) == []
