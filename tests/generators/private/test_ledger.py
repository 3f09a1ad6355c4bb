"""The ledger: what is spent is written before use, adds up, is spent once, and is missed when it is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.private import ledger as ledgers
from amlsynth.generators.private.ledger import (
    Limit,
    Request,
    adopt,
    ledger_path,
    read_ledger,
    restore,
    set_limit,
    spend,
)
from amlsynth.generators.private.mechanism import epsilon_of
from amlsynth.generators.private.sums import SumsFile

DELTA = 2.5e-7


@pytest.fixture
def cohort(
    tmp_path: Path, reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, pd.DataFrame]:
    """A cohort's file with an account of its own."""
    monkeypatch.setenv("AMLSYNTH_STATE", str(tmp_path / "state"))
    frame = reference.head(60)
    write_table(frame, tmp_path / "trial.parquet")
    return tmp_path / "trial.parquet", frame


def _request(epsilon: float = 3.0, patients: str = "all") -> Request:
    return Request(
        patients=patients,
        dictionary="d",
        feature_map="m",
        epsilon=epsilon,
        delta=DELTA,
        patients_at_most=2_000,
    )


def _never() -> SumsFile:
    pytest.fail("noise was drawn")


def test_the_same_request_costs_nothing_again(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    assert spend(*cohort, _request(), 3, lambda: sums) == sums
    assert spend(*cohort, _request(), 3, _never) == sums
    ledger = read_ledger(*cohort)
    assert ledger is not None and len(ledger.entries) == 1
    assert ledger.epsilon == pytest.approx(3.0)


def test_the_limit_is_kept_and_the_steward_may_raise_it(
    cohort: tuple[Path, pd.DataFrame], sums: SumsFile
) -> None:
    spend(*cohort, _request(), 3, lambda: sums)
    with pytest.raises(DataError, match=r"epsilon 3 is spent, with this sum it would be .*the limit is 3"):
        spend(*cohort, _request(patients="others"), 3, _never)
    set_limit(*cohort, Limit.of(6.0, DELTA))
    spend(*cohort, _request(patients="others"), 3, lambda: sums)
    ledger = read_ledger(*cohort)
    assert ledger is not None
    # zCDP adds up: two sums of epsilon 3 cost less than 6.
    assert ledger.epsilon == pytest.approx(epsilon_of(2 * sums.privacy.rho, DELTA))
    assert 4 < ledger.epsilon < 5
    with pytest.raises(UsageError, match="cannot be taken back"):
        set_limit(*cohort, Limit.of(4.0, DELTA))


def test_what_is_drawn_is_written_before_it_is_used(
    cohort: tuple[Path, pd.DataFrame], sums: SumsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after the ledger was written, before its copy was, neither forgets nor spends twice."""
    write = ledgers.write_text

    def crash(path: Path, text: str) -> None:
        if "state" in str(path):
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(ledgers, "write_text", crash)
    with pytest.raises(KeyboardInterrupt):
        spend(*cohort, _request(), 3, lambda: sums)
    monkeypatch.setattr(ledgers, "write_text", write)
    assert spend(*cohort, _request(), 3, _never) == sums


def test_a_failure_before_the_noise_spends_nothing(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    def fail() -> SumsFile:
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        spend(*cohort, _request(), 3, fail)
    assert read_ledger(*cohort) is None


def test_a_missing_ledger_is_noticed_and_restored(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    spend(*cohort, _request(), 3, lambda: sums)
    ledger_path(cohort[0]).unlink()
    with pytest.raises(DataError, match="ledger of this cohort is missing; 1 sums were drawn"):
        spend(*cohort, _request(1.0), 3, _never)
    # Nor does another name or format of the same patients help.
    copy = cohort[0].with_suffix(".csv")
    write_table(cohort[1], copy)
    with pytest.raises(DataError, match="is missing"):
        read_ledger(copy, cohort[1])
    assert len(restore(*cohort).entries) == 1
    assert spend(*cohort, _request(), 3, _never) == sums


def test_an_edited_ledger_is_noticed(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    spend(*cohort, _request(), 3, lambda: sums)
    path = ledger_path(cohort[0])
    written = path.read_text()
    path.write_text(json.dumps(json.loads(written) | {"entries": []}))
    with pytest.raises(DataError, match="edited by hand or damaged"):
        read_ledger(*cohort)
    path.write_text("{")
    with pytest.raises(DataError, match="no ledger of a privacy budget"):
        read_ledger(*cohort)


def test_an_older_ledger_is_noticed(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    set_limit(*cohort, Limit.of(20.0, DELTA))
    older = ledger_path(cohort[0]).read_text()
    for patients in ("one", "two"):
        spend(*cohort, _request(patients=patients), 3, lambda: sums)
    ledger_path(cohort[0]).write_text(older)
    with pytest.raises(DataError, match="not the last version of the ledger; the last has 2 sums"):
        read_ledger(*cohort)


def test_a_changed_table_keeps_what_it_has_spent(cohort: tuple[Path, pd.DataFrame], sums: SumsFile) -> None:
    path, frame = cohort
    spend(path, frame, _request(), 3, lambda: sums)
    corrected = frame.iloc[:-1]
    with pytest.raises(DataError, match=r"of another cohort than trial\.parquet, or the table was changed"):
        read_ledger(path, corrected)
    adopt(path, corrected)
    with pytest.raises(DataError, match="the limit is 3"):  # the old sum is of the old table
        spend(path, corrected, _request(), 3, _never)


def test_limits_that_are_none(cohort: tuple[Path, pd.DataFrame]) -> None:
    for epsilon, delta in ((0.0, 1e-6), (-1.0, 1e-6), (1.0, 1.0)):
        with pytest.raises(UsageError, match="is no guarantee"):
            Limit.of(epsilon, delta)
    with pytest.raises(UsageError, match="no copy of its ledger"):
        restore(*cohort)
    with pytest.raises(UsageError, match="no ledger to adopt"):
        adopt(*cohort)
