"""A run that fails at any step neither spends twice nor forgets; what is drawn is written before use."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from amlsynth.cli import main
from amlsynth.generators.private import ledger, model, sums
from amlsynth.generators.private.mechanism import Mechanism

POOL = ("--param", "pool=4000")
GENERATE = ("generate", "--generator", "private", "--seed", 1)

# The steps of a run in their order, by what is made to fail; "copy" is the second file of the ledger.
BEFORE_THE_NOISE = (
    (model.PublicModel, "sum"),
    (sums, "mechanism"),
    (Mechanism, "release"),
)
BEFORE_THE_LEDGER = (
    (sums, "opendp_version"),
    (sums.SumsFile, "sealed"),
    (ledger, "write_text"),
)
AFTER_THE_LEDGER = ((ledger, "_sync"), (ledger, "copy"), (sums, "write_sums"))
OF_GENERATE = ((model.PublicModel, "fit"), ("amlsynth.generators.generation", "write_blocks"))
INTERRUPT, NO_SPACE = KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The noisy sums that were drawn."""
    found: list[Any] = []
    release = Mechanism.release

    def counted(self: Mechanism, total: Any) -> Any:
        found.append(release(self, total))
        return found[-1]

    monkeypatch.setattr(Mechanism, "release", counted)
    return found


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)


def _fail(patch: pytest.MonkeyPatch, where: Any, name: str, failure: BaseException) -> None:
    """Make one step fail."""

    def fails(*_: object, **__: object) -> None:
        raise failure

    if name == "copy":
        write = ledger.write_text

        def second(path: Path, text: str) -> None:
            if "state" in path.parts:
                raise failure
            write(path, text)

        patch.setattr(ledger, "write_text", second)
    elif isinstance(where, str):
        patch.setattr(f"{where}.{name}", fails)
    else:
        patch.setattr(where, name, fails)


def _entries(trial: Path) -> list[dict[str, Any]]:
    path = trial.with_name("trial.parquet.budget.json")
    return json.loads(path.read_text())["entries"] if path.exists() else []


@pytest.mark.parametrize(
    ("step", "spent", "failure"),
    [
        *((step, 0, INTERRUPT) for step in (*BEFORE_THE_NOISE, *BEFORE_THE_LEDGER)),
        *((step, 1, INTERRUPT) for step in AFTER_THE_LEDGER),
        ((ledger, "write_text"), 0, NO_SPACE),
        ((sums, "write_sums"), 1, NO_SPACE),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_failed_measurement_neither_spends_twice_nor_forgets(
    trial: Path,
    drawn: list[Any],
    step: tuple[Any, str],
    spent: int,
    failure: BaseException,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = trial.with_name("a.json")
    command = ("measure", "--cohort", trial, "--out", out, *POOL)
    with pytest.MonkeyPatch.context() as patch:
        _fail(patch, *step, failure)
        assert _run(*command) in (1, 130)
    said = capsys.readouterr().err
    assert ("Interrupted" if isinstance(failure, KeyboardInterrupt) else "No space left") in said
    # A sum that is in no ledger has left no trace: nobody has seen it, so nothing was spent.
    assert not out.exists() and len(_entries(trial)) == spent
    if step in BEFORE_THE_NOISE:
        assert not drawn
    before = len(drawn)
    assert _run(*command) == 0
    assert len(drawn) == before + 1 - spent
    (entry,) = _entries(trial)
    assert entry["sums"] == json.loads(out.read_text())
    assert entry["sums"]["sum"] == list(drawn[-1])
    # The copy that notices a lost ledger is in step again.
    trial.with_name("trial.parquet.budget.json").unlink()
    assert _run("budget", trial, "--restore") == 0 and len(_entries(trial)) == 1


@pytest.mark.parametrize("step", OF_GENERATE, ids=lambda step: step[1])
def test_what_is_drawn_is_written_before_it_is_used(
    trial: Path, drawn: list[Any], step: tuple[Any, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = trial.with_name("made.csv")
    command = (*GENERATE, "--cohort", trial, "--n", 60, "--out", out, *POOL)
    with pytest.MonkeyPatch.context() as patch:
        _fail(patch, *step, KeyboardInterrupt())
        assert _run(*command) == 130
    (entry,) = _entries(trial)
    assert entry["sums"]["sum"] == list(drawn[0]) and not out.exists()
    assert _run(*command) == 0
    assert len(drawn) == 1 and _entries(trial) == [entry]


def test_a_run_that_cannot_start_spends_nothing(
    trial: Path, drawn: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring, out = ("measure", "--cohort", trial, "--out"), trial.with_name("a.json")
    for command, problem in (
        ((*measuring, trial, *POOL), "trial.parquet"),
        ((*measuring, out, "--param", "pol=1"), "pool"),
        ((*GENERATE, "--cohort", trial, "--out", "a.xyz"), "a.xyz"),
        ((*GENERATE, "--cohort", trial, "--out", "a.csv", "--where", "AGEE > 3"), "AGE"),
    ):
        assert _run(*command) == 2
        assert problem in capsys.readouterr().err
    assert not drawn and not _entries(trial)
    assert not list(trial.parent.glob("**/*.json"))
