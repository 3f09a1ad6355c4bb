"""Killed at any step of its writing, a command leaves its output whole or absent, and nothing of a patient.

A few kills of each command; benchmarks/kills.py makes a hundred of each.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.killing import killed_at, left_behind
from tests.loading.conftest import _write_release

import amlsynth
from amlsynth.cli import main
from amlsynth.cohort.cohort import read_cohort
from amlsynth.cohort.tables import read_table, write_table
from amlsynth.foundation.files import replacing_folder, restore_folder, write_text
from amlsynth.release.checksums import check_files, write_checksums
from forked import Forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")


def run(*arguments: object) -> Callable[[], object]:
    def call() -> None:
        with pytest.raises(SystemExit):
            main([str(argument) for argument in arguments])

    return call


def whole_table(path: Path) -> None:
    if path.exists():
        assert len(read_table(path)) in (20, 40)


def whole_cohort(path: Path) -> None:
    if path.exists():
        assert read_cohort(path, "original").about.simulated  # that it says where it is from, too


def whole_release(folder: Path) -> None:
    restore_folder(folder)
    assert folder.exists() and check_files(folder)[1] == []


def check(call: Callable[[], object], place: Path, whole: Callable[[], object], kills: int = 4) -> None:
    """Kill a call at some steps, evenly over all that it makes, and then let it finish.

    What an earlier kill left behind is swept away in steps of the next call, which come before its own.
    """
    call()
    killed, steps = killed_at(call, place, None)
    assert not killed and steps >= 3
    for number in range(kills):
        killed, _ = killed_at(call, place, number * steps // kills)
        assert killed
        whole()
    call()
    whole()
    assert left_behind(place) == []


def test_a_cohort(tmp_path: Path) -> None:
    path = tmp_path / "cohort.parquet"
    check(
        run("cohort", "reference", "--n", 40, "--out", path), tmp_path, lambda: whole_cohort(path), kills=14
    )


def test_a_synthetic_table(tmp_path: Path, reference: pd.DataFrame) -> None:
    cohort, out = tmp_path / "in" / "cohort.parquet", tmp_path / "out" / "synthetic.csv"
    write_table(reference.head(150).reset_index(drop=True), cohort)
    command = run(
        "generate", "--cohort", cohort, "--generator", "independent", "--n", 40, "--seed", 1, "--out", out
    )
    check(command, out.parent, lambda: whole_table(out), kills=14)


def test_a_release_folder(tmp_path: Path) -> None:
    """As build, publish and site write theirs."""
    folder = tmp_path / "out" / "release-1.0.0"

    def build() -> None:
        with replacing_folder(folder) as temporary:
            for name in "abc":
                write_text(temporary / name, os.urandom(9).hex())
            write_checksums(temporary)

    check(build, folder.parent, lambda: whole_release(folder), kills=12)


def test_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: pd.DataFrame) -> None:
    """The cache: a kill costs no more than what is done again."""
    monkeypatch.setenv("AMLSYNTH_CACHE", str(tmp_path / "cache"))
    patients = reference.head(40).reset_index(drop=True)
    release = _write_release(tmp_path / "releases", patients)

    def load() -> Any:
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        return amlsynth.load(release)

    check(load, tmp_path / "cache", lambda: pd.testing.assert_frame_equal(amlsynth.load(release), patients))


def test_sigterm_ends_a_command_as_ctrl_c_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        print("writing", flush=True)
        time.sleep(60)

    monkeypatch.setattr("amlsynth.cohort.table_writing._as_table", slow)
    command = ["cohort", "reference", "--n", "20", "--out", str(tmp_path / "c.csv")]
    process = Forked(lambda: main(command))
    while process.poll() is None and process.written() != "writing\n":
        time.sleep(0.01)
    assert left_behind(tmp_path) != []
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 143 and "nothing was left half-written" in told
    assert list(tmp_path.iterdir()) == []
