"""The command line, run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cli import main
from amlsynth.cohort.tables import write_table


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in an empty folder; return exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def trial(tmp_path: Path, reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cohort's file with a privacy account of its own."""
    monkeypatch.setenv("AMLSYNTH_STATE", str(tmp_path / "state"))
    write_table(reference.head(150), tmp_path / "trial.parquet")
    return tmp_path / "trial.parquet"
