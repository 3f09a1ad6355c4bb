"""The commands around the privacy budget: measure, generate from sums, budget."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cli import main
from amlsynth.cohort.tables import read_table, write_table

POOL = ["--param", "pool=4000"]


@pytest.fixture
def trial(tmp_path: Path, reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cohort's file with an account of its own."""
    monkeypatch.setenv("AMLSYNTH_STATE", str(tmp_path / "state"))
    write_table(reference.head(400), tmp_path / "trial.parquet")
    return tmp_path / "trial.parquet"


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)


def test_measure_and_generate_spend_once(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums, again = trial.with_name("a.json"), trial.with_name("b.json")
    assert _run("measure", "--cohort", trial, "--epsilon", "1", "--out", sums, *POOL) == 0
    assert "epsilon 1, delta 2.5e-07 for one patient added or removed" in capsys.readouterr().out
    assert _run("measure", "--cohort", trial, "--epsilon", "1", "--out", again, *POOL) == 0
    assert sums.read_bytes() == again.read_bytes()  # the same request gets the same sum

    out = trial.with_name("made.csv")
    assert _run("generate", "--measurements", sums, "--seed", "1", "--n", "80", "--out", out, *POOL) == 0
    first = out.read_bytes()
    assert _run("generate", "--measurements", sums, "--seed", "1", "--n", "80", "--out", out, *POOL) == 0
    assert out.read_bytes() == first and len(read_table(out)) == 80

    capsys.readouterr()
    assert _run("budget", trial) == 0
    shown = capsys.readouterr().out
    assert "1 sums; spent in all epsilon 1 of 3" in shown and "all" in shown
    assert _run("measure", "--cohort", trial, "--epsilon", "3", "--out", again, *POOL) == 1
    assert "the privacy budget does not allow this: epsilon 1 is spent" in capsys.readouterr().err
    assert _run("budget", trial, "--limit", "0.5") == 2
    assert "cannot be taken back" in capsys.readouterr().err


def test_generate_keeps_account_and_tells_nothing_exact(
    trial: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trial.with_name("made.csv")
    given = ("generate", "--cohort", trial, "--generator", "private", "--seed", "5", "--out", out, *POOL)
    assert _run(*given) == 0
    first = out.read_bytes()
    about = json.loads(out.with_name("made.csv.about.json").read_text())
    text = json.dumps(about["provenance"])
    assert "training_patients" not in text and "sha256" not in json.dumps(about["provenance"]["cohort"])
    ledger = json.loads(trial.with_name("trial.parquet.budget.json").read_text())
    assert [entry["request"]["patients"] for entry in ledger["entries"]] == [
        "training part: split by patient, seed 5, hold-out 0.2"
    ]
    assert _run(*given) == 0  # nothing is spent again, and the same patients come out
    assert out.read_bytes() == first
    assert len(json.loads(trial.with_name("trial.parquet.budget.json").read_text())["entries"]) == 1


def test_senseless_budgets_are_refused_before_anything_is_spent(
    trial: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trial.with_name("a.json")
    for epsilon, delta in (("0", "1e-6"), ("-1", "1e-6"), ("1e9", "1e-6"), ("1", "1")):
        options = ("--epsilon", epsilon, "--delta", delta, "--out", out)
        assert _run("measure", "--cohort", trial, *options) == 2
        assert "the parameter" in capsys.readouterr().err
    few = trial.with_name("one.csv")
    write_table(read_table(trial).head(1), few)
    assert _run("measure", "--cohort", few, "--out", out) == 1
    assert "needs at least 50 training patients and got 1" in capsys.readouterr().err
    assert not trial.with_name("trial.parquet.budget.json").exists() and not out.exists()


def test_options_that_do_not_go_together(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trial.with_name("made.csv")
    assert _run("generate", "--seed", "1", "--out", out) == 2
    assert "Name the original cohort" in capsys.readouterr().err
    assert _run("generate", "--measurements", "a.json", "--epsilon", "1", "--seed", "1", "--out", out) == 2
    assert "The noisy sums have their own budget" in capsys.readouterr().err
    assert _run("budget", trial, "--delta", "1e-6") == 2
    assert "--delta goes with --limit" in capsys.readouterr().err
    assert _run("budget", trial) == 0
    assert "nothing was spent yet" in capsys.readouterr().out
