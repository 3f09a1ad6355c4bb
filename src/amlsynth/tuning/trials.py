"""The work on a study: trials, one after another or in several processes, and how each of them ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.foundation.types import Progress
from amlsynth.tuning.bench import Bench, Task
from amlsynth.tuning.sampler import seeded_sampler
from amlsynth.tuning.storage import open_storage, reaching

if TYPE_CHECKING:
    import optuna

INTERRUPTED = "interrupted"
_STARTUP = 5  # trials before the median prunes
_LOOK = 0.3  # seconds between two looks at the workers
_PATIENCE = 60  # seconds that an interrupted worker has to leave by itself


def attach(task: Task) -> optuna.Study:
    """Open the study of a task, or begin it."""
    storage = open_storage(task.storage)
    import optuna

    with reaching(task.storage):
        study: optuna.Study = optuna.create_study(
            storage=storage,
            study_name=task.study,
            direction="maximize",
            load_if_exists=True,
            sampler=seeded_sampler(task.seed),
            pruner=optuna.pruners.MedianPruner(_STARTUP) if task.prune else optuna.pruners.NopPruner(),
        )
    return study


def work(task: Task, study: optuna.Study, progress: Progress) -> None:
    """Run trials until the study has as many as the task says, or time is up.

    A trial that fails is recorded with the reason, and the next one starts. An interrupt leaves all finished
    trials in the study.
    """
    bench = Bench.of(task)
    stage = f"tuning {task.generator}"
    while (number := counted(study)) < task.trials and not _late(task):
        progress(stage, number / task.trials)

        def tell(_stage: str, share: float, number: int = number) -> None:
            progress(stage, min(1.0, (number + share) / task.trials))

        _one(bench, study, tell)
    progress(stage, 1.0)


def work_together(task: Task, study: optuna.Study, jobs: int, progress: Progress) -> None:
    """Run `work` in several processes until all of them are done.

    Raises
    ------
    AmlsynthError
        What the first worker failed with; DataError when all were killed before the work was done.
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // jobs)
    workers = []
    for _ in range(jobs):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_work_apart, args=(task, threads, theirs), daemon=True)
        worker.start()
        theirs.close()
        workers.append((worker, ours))
    try:
        while any(worker.is_alive() for worker, _ in workers):
            progress(f"tuning {task.generator}, {jobs} processes", min(1.0, ended(study) / task.trials))
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        for worker, _ in workers:
            if worker.is_alive() and worker.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGINT)
        for worker, _ in workers:
            worker.join(_PATIENCE)
            worker.kill()
        raise
    failures = [problem for _, ours in workers if (problem := _heard(ours)) is not None]
    if failures:
        raise failures[0]
    if all(worker.exitcode != 0 for worker, _ in workers):
        raise DataError(
            "All worker processes were killed; perhaps memory ran out. Finished trials are kept: run the "
            "same command with fewer --jobs to go on."
        )


def counted(study: optuna.Study) -> int:
    """Return how many trials of a study are done or under way; interrupted ones are made up for."""
    import optuna

    trials = study.get_trials(deepcopy=False)
    return sum(t.state == optuna.trial.TrialState.RUNNING or is_ended(t) for t in trials)


def ended(study: optuna.Study) -> int:
    """Return how many trials are done: scored, pruned or failed."""
    return sum(map(is_ended, study.get_trials(deepcopy=False)))


def is_ended(trial: optuna.trial.FrozenTrial) -> bool:
    return trial.state.is_finished() and not was_interrupted(trial)


def was_interrupted(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a trial failed only because its process was stopped."""
    failed = trial.state.is_finished() and trial.state.name == "FAIL"
    return failed and trial.user_attrs.get("failure", INTERRUPTED) == INTERRUPTED


def bury_the_dead(study: optuna.Study) -> None:
    """Close the trials of processes of this machine that were killed, so that they are made up for."""
    import optuna

    running, failed = optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.FAIL
    for trial in study.get_trials(deepcopy=False, states=(running,)):
        machine, _, process = str(trial.user_attrs.get("where", "")).rpartition(" ")
        if machine == _machine() and process.isdigit() and not _alive(int(process)):
            with contextlib.suppress(ValueError):  # another worker was faster
                study.tell(trial.number, state=failed)


def _one(bench: Bench, study: optuna.Study, progress: Progress) -> None:
    """Run one trial and write into the study how it ended."""
    import optuna

    state = optuna.trial.TrialState
    trial = study.ask()
    trial.set_user_attr("where", f"{_machine()} {os.getpid()}")
    try:
        score = bench.run(trial, progress)
    except optuna.TrialPruned:
        study.tell(trial, state=state.PRUNED)
    except KeyboardInterrupt:
        trial.set_user_attr("failure", INTERRUPTED)
        study.tell(trial, state=state.FAIL)
        raise
    except _storage_errors():
        raise
    except Exception as error:
        trial.set_user_attr("failure", _reason(error))
        study.tell(trial, state=state.FAIL)
    else:
        study.tell(trial, score)


def _storage_errors() -> tuple[type[Exception], ...]:
    """Errors of the study itself, after which no trial can be recorded."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    return (SQLAlchemyError, optuna.exceptions.StorageInternalError, ConnectionError)


def _work_apart(task: Task, threads: int, report: Connection) -> None:
    """Be a worker process; what goes wrong is sent to the one that started it."""
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(threads), reaching(task.storage):
            work(task, attach(task), lambda _stage, _share: None)
    except AmlsynthError as error:
        report.send(error)
    except KeyboardInterrupt:
        pass
    finally:
        report.close()


def _heard(connection: Connection) -> AmlsynthError | None:
    try:
        return connection.recv() if connection.poll() else None
    except EOFError:
        return None


def _reason(error: Exception) -> str:
    """Return why a trial failed; the text of an unexpected exception may hold values of the data."""
    if isinstance(error, AmlsynthError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"an unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"


def _late(task: Task) -> bool:
    return task.deadline is not None and time.time() >= task.deadline


def _machine() -> str:
    """Name this machine, or the container within it: processes are known by number only there."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        name += " " + os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115 - it is no path
    return name


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
