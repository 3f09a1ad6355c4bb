"""Commands in processes of their own that need not import everything anew: copies of this one.

For tests of what processes do to each other, or of one that is killed, and not of how a command starts.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

_LOOK = 0.02  # seconds between two looks whether a process has ended
_LONGEST = 300  # seconds that a test waits for it


class Forked:
    """A process that runs a call and ends; of its methods those that tests use of subprocess.Popen."""

    def __init__(self, call: Callable[[], object]) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("a process cannot be copied here")
        self._files = [Path(tempfile.mkstemp(prefix="amlsynth-forked-")[1]) for _ in range(2)]
        self.returncode: int | None = None
        self._asking = threading.Lock()
        with warnings.catch_warnings():
            # Newer Pythons warn of threads, which a copy lacks: servers of tests, which it does not need.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            self._run(call)

    def poll(self) -> int | None:
        """Return the exit status, minus the signal where one ended it; None while it runs."""
        with self._asking:  # a server of a test asks from a thread of its own
            if self.returncode is None:
                self._ask()
        return self.returncode

    def _ask(self) -> None:
        process, status = os.waitpid(self.pid, os.WNOHANG)
        if process:
            self.returncode = os.waitstatus_to_exitcode(status)

    def wait(self) -> int:
        """Return the exit status once there is one; a process that hangs is killed and fails the test."""
        end = time.monotonic() + _LONGEST
        while self.poll() is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"a process did not end within {_LONGEST} seconds")
            time.sleep(_LOOK)
        assert self.returncode is not None
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """Wait, and return what it wrote to standard output and to standard error."""
        self.wait()
        out, errors = (path.read_text(encoding="utf-8") for path in self._files)
        for path in self._files:
            path.unlink()
        return out, errors

    def written(self) -> str:
        """Return what it wrote to standard output so far."""
        return self._files[0].read_text(encoding="utf-8")

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _run(self, call: Callable[[], object]) -> NoReturn:
        code = 1
        try:
            for descriptor, path in zip((1, 2), self._files, strict=True):
                opened = os.open(path, os.O_WRONLY | os.O_APPEND)
                os.dup2(opened, descriptor)
                os.close(opened)
            sys.stdout, sys.stderr = (open(d, "w", encoding="utf-8", closefd=False) for d in (1, 2))  # noqa: SIM115
            call()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # no fixture of the tests is taken down twice
