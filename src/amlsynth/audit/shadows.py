"""Shadow fits: the generator is fitted again and again, each time with a random half of the targets.

All targets share the fits. Fits come in pairs: the second has exactly the targets that the first has not, so
that every target is in one half of the fits, and memberships of fit 7 are the same whether 20 or 400 are
made. A finished fit is a line in a file; a run that was killed goes on behind the last whole line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.audit.features import AttackFeatures
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, IntArray, Progress, no_progress
from amlsynth.foundation.version import __version__
from amlsynth.generators import create
from amlsynth.generators.base import TrainingPart
from amlsynth.model_space.resolution import Resolution

World = Literal["fixed", "resampled"]
Release = Callable[[pd.DataFrame, int, np.random.Generator], pd.DataFrame]

_FORMAT = "amlsynth-shadows-1"


@dataclass(frozen=True)
class GeneratorRelease:
    """Fit a generator of the registry and sample from it, as `generate` does: the real thing is audited.

    With `replicates` a release is the cohort and so many further ones of n patients, each of a fit of its
    own, below each other: the attacker has them all.
    """

    name: str
    params: tuple[tuple[str, Any], ...]
    dictionary: Dictionary
    resolution: Resolution | None = None
    replicates: int = 0

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        fitting, sampling = rng.spawn(2)
        model = create(self.name, dict(self.params), self.dictionary)
        cohorts = [model.fit(train, fitting, resolution=self.resolution).sample(n, sampling)]
        part = TrainingPart(train, train, None, "of a shadow fit", self.resolution)
        for _ in range(self.replicates):
            fitting, sampling = rng.spawn(2)
            cohorts.append(model.replicate(part, fitting).sample(n, sampling))
        return pd.concat(cohorts, ignore_index=True)


@dataclass(frozen=True)
class Shadows:
    """What one shadow run is made of.

    Attributes
    ----------
    cohort : the typed frame. rows : the targets, shape (targets,). world : "fixed" has everyone else in every
        fit, so that the attacker knows all but one; "resampled" has a random half of the others.
    released : patients in each release. release : fits and samples. seed : of everything.
    """

    cohort: pd.DataFrame
    rows: IntArray
    dictionary: Dictionary
    world: World
    released: int
    seed: int
    release: Release

    def membership(self, fit: int) -> BoolArray:
        """Return which targets are in a fit, shape (targets,)."""
        rng = Stream.AUDIT_MEMBERSHIPS.rng_of(self.seed, fit // 2)
        first = rng.random(len(self.rows)) < 0.5
        return first if fit % 2 == 0 else ~first

    def training_rows(self, fit: int) -> IntArray:
        """Return the rows that a fit is given, ascending."""
        rest = np.setdiff1d(np.arange(len(self.cohort)), self.rows)
        if self.world == "resampled":
            # Both fits of a pair have the same others, so that they differ in the targets alone.
            rng = Stream.AUDIT_OTHERS.rng_of(self.seed, fit // 2)
            rest = rng.choice(rest, len(rest) // 2, replace=False)
        return np.sort(np.concatenate((rest, self.rows[self.membership(fit)])))

    def release_of(self, fit: int) -> pd.DataFrame:
        """Fit and sample."""
        train = self.cohort.iloc[self.training_rows(fit)].reset_index(drop=True)
        return self.release(train, self.released, Stream.AUDIT_FIT.rng_of(self.seed, fit))

    def fingerprint(self) -> str:
        """Return a hash of all that decides a fit, so that lines of another audit are not mixed in."""
        cohort = pd.util.hash_pandas_object(self.cohort.astype(str), index=False).to_numpy()
        release: Any = repr(self.release)
        if isinstance(self.release, GeneratorRelease):
            release = (self.release.name, self.release.params, repr(self.release.resolution))
            if self.release.replicates:
                release = (*release, self.release.replicates)
        content = (
            _FORMAT,
            self.rows.tolist(),
            self.world,
            self.released,
            self.seed,
            self.dictionary.version,
            __version__,  # another version of a generator makes other fits
            release,
            hashlib.sha256(cohort.tobytes()).hexdigest(),
        )
        return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def run_shadows(
    shadows: Shadows,
    features: AttackFeatures,
    count: int,
    *,
    file: Path | None = None,
    jobs: int = 1,
    progress: Progress = no_progress,
) -> tuple[NDArray[np.float32], BoolArray]:
    """Make `count` shadow fits, or those that the file lacks.

    Parameters
    ----------
    file : keeps finished fits; None keeps them in memory only. jobs : processes.

    Returns
    -------
    features, shape (fits, targets, features), and memberships, shape (fits, targets).

    Raises
    ------
    UsageError
        The file is of another audit.
    """
    done = _read(file, shadows.fingerprint()) if file else {}
    todo = [fit for fit in range(count) if fit not in done]
    with ExitStack() as stack:
        stream = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            _trim(file, shadows.fingerprint())
            stream = stack.enter_context(file.open("a", encoding="utf-8"))
        for fit, values in _made(shadows, features, todo, jobs):
            done[fit] = values
            if stream is not None:
                stream.write(_line(fit, values))
                stream.flush()
                os.fsync(stream.fileno())
            progress("shadow fits", len(done) / count)
    chosen = np.stack([done[fit] for fit in range(count)])
    return chosen, np.stack([shadows.membership(fit) for fit in range(count)])


def _made(
    shadows: Shadows, features: AttackFeatures, todo: list[int], jobs: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    if jobs == 1 or len(todo) < 2:
        with one_thread():
            for fit in todo:
                yield fit, features.of(shadows.release_of(fit))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start, (shadows, features)) as executor:
        waiting = {executor.submit(_one, fit) for fit in todo}
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield future.result()
        finally:
            executor.shutdown(cancel_futures=True)


_work: tuple[Shadows, AttackFeatures] | None = None  # of this worker process


def _start(shadows: Shadows, features: AttackFeatures) -> None:
    global _work  # noqa: PLW0603  (a worker gets its work once, not with each fit)
    _work = shadows, features


def _one(fit: int) -> tuple[int, NDArray[np.float32]]:
    assert _work is not None
    shadows, features = _work
    with one_thread():
        return fit, features.of(shadows.release_of(fit))


def _line(fit: int, values: NDArray[np.float32]) -> str:
    content = {
        "fit": fit,
        "shape": values.shape,
        "features": base64.b64encode(values.tobytes()).decode("ascii"),
    }
    return json.dumps(content) + "\n"


def _read(file: Path, fingerprint: str) -> dict[int, NDArray[np.float32]]:
    """Return the finished fits of a file; what was cut off in the middle of a line does not count."""
    if not file.exists():
        return {}
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    if not lines:
        return {}
    try:
        if json.loads(lines[0])["audit"] != fingerprint:
            raise UsageError(
                f"{file}: these shadow fits are of another cohort, generator, seed or world. Name another "
                "--out, or remove the file."
            )
        fits = {}
        for line in lines[1:]:
            content = json.loads(line)
            values = np.frombuffer(base64.b64decode(content["features"]), dtype=np.float32)
            fits[int(content["fit"])] = values.reshape(content["shape"])
        return fits
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{file}: this is no file of shadow fits. Remove it, or name another --out."
        ) from error


def _trim(file: Path, fingerprint: str) -> None:
    """Begin the file, or cut off the half line that a killed run has left."""
    content = file.read_bytes() if file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if not whole:
        file.write_text(json.dumps({"audit": fingerprint}) + "\n", encoding="utf-8")
    elif len(whole) < len(content):
        with file.open("r+b") as stream:
            stream.truncate(len(whole))
