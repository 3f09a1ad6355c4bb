"""Kills a command at a chosen step of its writing, for tests and for benchmarks/kills.py."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

# Audit events of Python by which files come, change and go; `open` counts when it opens for writing.
_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR


def killed_at(call: Callable[[], object], folder: Path, step: int | None) -> tuple[bool, int]:
    """Run a call in a process of its own, which is killed (SIGKILL) right before a step of its writing.

    Where the step opens a file it is killed right behind it, when the file is there and empty.

    Parameters
    ----------
    call : what is run; the parent should have run it once, so that nothing is imported on the way.
    folder : only what happens below it counts as a step.
    step : before which step it is killed, from 0; None for never.

    Returns
    -------
    Whether it was killed, and how many steps it made.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        _child(call, str(folder), step, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        steps = len(stream.read())
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status), steps


def left_behind(folder: Path) -> list[Path]:
    """Return what killed processes left in a folder and below it."""
    return list(folder.rglob(".*amlsynth-*"))


def _child(call: Callable[[], object], folder: str, step: int | None, writer: int) -> None:
    done = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event not in _STEPS and not (event == "open" and _is_writing(arguments)):
            return
        if not any(folder in str(argument) for argument in arguments[:2]):
            return
        if step is not None and done == step:
            done += 1  # the opening here is no step
            if event == "open":
                _opened(arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        os.write(writer, b".")

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.addaudithook(watch)
    with contextlib.suppress(BaseException):
        call()
    os._exit(0)


def _opened(arguments: tuple[object, ...]) -> None:
    """Leave what a kill right behind the opening leaves: a file without a byte of what was to be written."""
    path, flags = arguments[0], arguments[2]
    if isinstance(path, str | bytes | os.PathLike) and isinstance(flags, int):
        with contextlib.suppress(OSError):
            os.close(os.open(path, flags, 0o600))


def _is_writing(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & _WRITING)
