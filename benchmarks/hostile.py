"""Time and memory until a hostile release is refused by load and by verify, each in a process of its own.

Run it with `python -m benchmarks.hostile`, from the root of the repository. The cases are those of
tests/loading/test_hostile.py. A case passes that ends in under 5 seconds of CPU and 500 MB.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.loading.conftest import _write_release, _zipped
from tests.loading.test_hostile import FOLDERS, ZIPS, deep

import amlsynth
from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.release import verify_release
from amlsynth.release.checksums import write_checksums

_SECONDS, _MEGABYTES = 5.0, 500


def measured(call: Callable[[], object]) -> tuple[str, float, float, int]:
    """Return what a call ended with, its seconds of wall and of CPU, and its peak memory in MB."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        before = time.monotonic()
        try:
            call()
            end = "taken"
        except AmlsynthError as error:
            end = str(error)
        except BaseException as error:
            end = f"{type(error).__name__} ESCAPED"
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(u.ru_utime + u.ru_stime for u in used)
        memory = max(u.ru_maxrss for u in used) // 1024
        os.write(writer, json.dumps([end, time.monotonic() - before, cpu, memory]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        told = stream.read()
    os.waitpid(process, 0)
    end, wall, cpu, memory = json.loads(told) if told else ("KILLED ESCAPED", 0.0, 0.0, 0)
    return end, wall, cpu, memory


def refused(path: Path) -> None:
    """Verify a release; raise what is wrong with it first, as `load` does."""
    problems = verify_release(path).problems
    if problems:
        raise DataError(str(problems[0]))


def _shallow(folder: Path) -> None:
    """Take 1,500 folders apart, which nothing removes that calls itself for each of them."""
    while (folder / "d").exists():
        (folder / "d").rename(folder / "x")
        if (folder / "x" / "d").exists():
            (folder / "x" / "d").rename(folder / "d")
        (folder / "x").rmdir()


def main() -> None:
    from amlsynth.sources.reference import reference_cohort

    patients = reference_cohort(n=40, seed=1).frame
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["AMLSYNTH_CACHE"] = f"{temporary}/cache"
        worst = [0.0, 0]
        for kind, (tamper, _) in {**FOLDERS, **ZIPS}.items():
            folder = _write_release(Path(temporary) / kind.replace(" ", "-"), patients)
            path = folder
            if kind in ZIPS:
                path = _zipped(folder)
                path.write_bytes(tamper(path.read_bytes()))
            else:
                tamper(folder)
                if kind == "deep folders":
                    deep(folder / ("d/" * 300), hundreds=12)
                else:
                    write_checksums(folder)
            for step, call in {"load": amlsynth.load, "verify": refused}.items():
                end, wall, cpu, memory = measured(partial(call, path))
                worst = [max(worst[0], cpu), max(worst[1], memory)]
                mark = "" if cpu < _SECONDS and memory < _MEGABYTES and "ESCAPED" not in end else "  FAILED"
                told = f"{wall:5.1f} s {cpu:5.1f} s CPU {memory:5d} MB  {end[-90:]}{mark}"
                print(f"{kind:<40} {step:<6} {told}", flush=True)
            _shallow(folder)
        print(f"worst: {worst[0]:.1f} s of CPU, {worst[1]} MB")


if __name__ == "__main__":
    main()
