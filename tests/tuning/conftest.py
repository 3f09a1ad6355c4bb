"""A small cohort, a generator that is quick to tune, and a private PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field

from amlsynth import generators
from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.generators.base import Generator, Parameters, Progress, Search
from amlsynth.model_space.encoding import Encoded
from amlsynth.sources.reference import reference_cohort
from amlsynth.tuning.objectives import OBJECTIVES, Objective, objective


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    return reference_cohort(n=240, seed=4)


class ToyParams(Parameters):
    copies: Annotated[float, Field(ge=0, le=1), Search(0, 1)] = 1.0
    style: Annotated[str, Search(choices=("plain", "other"))] = "plain"
    size: Annotated[int, Field(ge=1), Search(1, 100, log=True)] = 10
    fails_above: Annotated[float, Field(description="not tuned")] = 2.0


class Toy(Generator):
    """Copies a share of the training patients, and shuffles the columns of the rest."""

    name = "toy"
    summary = "for the tests of tuning"
    minimum_patients = 20
    copies_patients = True  # else each trial would spend its time on drawing copies again
    Params = ToyParams
    seen: list[int] = []

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        Toy.seen.append(len(train))
        if self.params.copies > self.params.fails_above:
            raise ValueError("patient 17 is 63 years old")
        self._train = train

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        made = self._train.take(rng.integers(0, len(self._train), n))
        states = made.states.copy()
        shuffled = rng.random(n) >= 2 * self.params.copies - 1  # none below one half
        for name in states:
            column = states[name].to_numpy().copy()
            column[shuffled] = rng.permutation(column[shuffled])
            states[name] = column
        other = self._train.take(rng.integers(0, len(self._train), n))
        numbers, missing = made.numbers.copy(), made.missing.copy()
        numbers[shuffled], missing[shuffled] = other.numbers[shuffled], other.missing[shuffled]
        return Encoded(states, numbers, missing, made.pattern, made.time, made.gap)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> type[Toy]:
    """The generator "toy" and the objective "quick", in this process."""
    module: Any = types.ModuleType("amlsynth_toy")
    module.Toy = Toy
    monkeypatch.setitem(sys.modules, "amlsynth_toy", module)
    monkeypatch.setitem(generators._REGISTRY, "toy", ("amlsynth_toy", "Toy"))

    def quick(d: Dictionary) -> Objective:
        components = objective("default", d).components
        kept = tuple(c for c in components if c.name in (d.terminal.suffix, "columns", "privacy"))
        return Objective("quick", "without forests", kept)

    monkeypatch.setitem(OBJECTIVES, "quick", quick)
    Toy.seen.clear()
    return Toy


@pytest.fixture
def few() -> Cohort:
    about = About(name="few", title="few", simulated=True, statement="Few patients.")
    return Cohort(reference_cohort(n=60, seed=4).frame, "original", about)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a database of a private server on a Unix socket; skipped without Debian's postgresql."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    programs = found[-1].parent if found else None
    if programs is None and (path := shutil.which("initdb")):
        programs = Path(path).parent
    if programs is None:
        pytest.skip(
            "PostgreSQL is not installed (apt-get install postgresql), so no study can be shared by it"
        )
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            entry = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres' to run it as")
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="amlsynth-pg-", dir="/tmp"))  # a socket's path must be short
    if account:
        os.chown(folder, account["user"], account["group"])
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        subprocess.run(
            [programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            **account,
        )

    try:
        run("initdb", "-D", str(data), "-U", "tuner", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "-t", "120", "-o", options, "start")
        try:
            run("createdb", "-h", str(folder), "-U", "tuner", "studies")
            yield f"postgresql://tuner:geheim@/studies?host={folder}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
