"""Studies are shared by processes, survive being killed, and show no password."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import yaml

from amlsynth.cli import main
from amlsynth.cohort.cohort import Cohort, write_cohort
from amlsynth.foundation.errors import UsageError
from amlsynth.generators import DEFAULT
from amlsynth.tuning.storage import open_storage, reaching, shown
from amlsynth.tuning.trials import ended
from forked import Forked

_QUICK = ("--repeats", "1", "--seed", "1", "--objective", "default")


@pytest.fixture(scope="module")
def file(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cohort") / "cohort.parquet"
    write_cohort(cohort, path)
    return path


def _start(file: Path, storage: str, trials: int, out: Path) -> Forked:
    import optuna  # noqa: F401
    import sklearn.ensemble  # noqa: F401  (here once, and not in each copy)

    arguments = ["tune", "--cohort", str(file), "--trials", str(trials), "--storage", storage, *_QUICK]
    return Forked(lambda: main([*arguments, "--out", str(out)]))


def _trials(storage: str) -> list[object]:
    import optuna

    return optuna.load_study(study_name=f"{DEFAULT}-default", storage=open_storage(storage)).get_trials()  # type: ignore[return-value]


def test_two_processes_share_a_study_on_postgresql(postgresql: str, file: Path, tmp_path: Path) -> None:
    workers = [_start(file, postgresql, 6, tmp_path / f"{i}.yaml") for i in range(2)]
    for worker in workers:
        out, errors = worker.communicate()
        assert worker.returncode == 0, errors
        assert "geheim" not in out + errors
    trials = _trials(postgresql)
    # Both may find room for the last trial at the same moment.
    assert 6 <= len(trials) <= 7
    assert len({trial.user_attrs["where"] for trial in trials}) == 2  # type: ignore[attr-defined]
    tried = [tuple(trial.params.values()) for trial in trials]  # type: ignore[attr-defined]
    assert len(set(tried)) >= len(tried) - 1  # at most the defaults twice
    scores = [trial.value for trial in trials if trial.value is not None]  # type: ignore[attr-defined]
    written = [yaml.safe_load((tmp_path / f"{i}.yaml").read_text())["tuning"]["score"] for i in range(2)]
    # Whoever ends first does not know the other's last trial.
    assert max(written) == round(max(scores), 6) and set(written) <= {round(score, 6) for score in scores}


def test_jobs_share_a_journal(file: Path, tmp_path: Path) -> None:
    storage = str(tmp_path / "s.journal")
    command = ["tune", "--cohort", str(file), "--trials", "4", "--storage", storage, "--jobs", "2", *_QUICK]
    with pytest.raises(SystemExit) as caught:
        main([*command, "--out", str(tmp_path / "t.yaml")])
    assert caught.value.code == 0
    trials = _trials(storage)
    assert 4 <= len(trials) <= 5
    assert all(trial.state.is_finished() for trial in trials)  # type: ignore[attr-defined]
    assert not (tmp_path / "s.journal.lock").exists()


def test_a_killed_process_loses_no_finished_trial(file: Path, tmp_path: Path) -> None:
    import optuna

    storage = str(tmp_path / "s.journal")
    worker = _start(file, storage, 1000, tmp_path / "t.yaml")
    while worker.poll() is None:
        time.sleep(0.2)
        if (tmp_path / "s.journal").exists():
            names = optuna.get_all_study_names(open_storage(storage))
            if names and ended(optuna.load_study(study_name=names[0], storage=open_storage(storage))) >= 2:
                break
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    before = [t for t in _trials(storage) if t.state.is_finished()]  # type: ignore[attr-defined]
    assert len(before) >= 2 and not (tmp_path / "t.yaml").exists()
    with (tmp_path / "s.journal").open("ab") as stream:
        stream.write(b'{"op_code":5,"half a line')  # as a full disk leaves it
    total = len(before) + 1
    command = ["tune", "--cohort", str(file), "--trials", str(total), "--storage", storage, *_QUICK]
    with pytest.raises(SystemExit) as caught:
        main([*command, "--out", str(tmp_path / "t.yaml")])
    assert caught.value.code == 0
    after = _trials(storage)
    assert [t.value for t in after[: len(before)]] == [t.value for t in before]  # type: ignore[attr-defined]
    assert all(trial.state.is_finished() for trial in after)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("storage", "problem"),
    [
        ("postgresql://me:ge%20heim@127.0.0.1:1/db", "postgresql://me:***@127.0.0.1:1/db cannot be used"),
        ("postgresql://me@127.0.0.1:1/db?password=geheim", "password=***"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("foo://me:geheim@server/db", "needs a driver"),
        ("://geheim", "is no URL of a database"),
    ],
)
def test_a_study_that_cannot_be_reached(
    file: Path, storage: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for debug in ([], ["--debug"]):
        command = ["tune", "--cohort", str(file), "--trials", "2", "--storage", storage, *debug]
        with pytest.raises(SystemExit) as caught:
            main([*command, "--out", str(tmp_path / "t.yaml")])
        assert caught.value.code == 2
        shown_text = capsys.readouterr().err
        assert problem in shown_text
        for secret in ("geheim", "ge heim", "ge%20heim"):
            assert secret not in shown_text


def test_a_wrong_password_is_not_shown(postgresql: str) -> None:
    from sqlalchemy.exc import OperationalError

    with pytest.raises(UsageError) as caught, reaching(postgresql):
        raise OperationalError("SELECT 1", {}, Exception('password "geheim" refused'))
    assert "geheim" not in str(caught.value) and "refused" in str(caught.value)
    assert "geheim" not in shown(postgresql)


def test_what_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary,\nno journal of a study.\n")
    with pytest.raises(UsageError, match=r"notes.txt: this is no journal of a study"):
        open_storage(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="this is a folder"):
        open_storage(tmp_path)
