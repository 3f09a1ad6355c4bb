"""What a generator is: it fits a training frame and samples typed frames."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import AmlsynthError, DataError, UsageError
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators.building_blocks.discretion import Discretion, discreet
from amlsynth.generators.building_blocks.rarities import Rarities
from amlsynth.generators.building_blocks.seen_rows import SeenRows
from amlsynth.model_space.encoding import Encoded, breaks_any, decode, encode
from amlsynth.model_space.mass_points import MassPoints
from amlsynth.model_space.resolution import Resolution

_REDRAWS = 10  # of patients who are the same as one before
_RULE_REDRAWS = 50  # of patients who break a rule
BLOCK = 50_000  # patients sampled together: enough to vectorise, few enough to stay in memory


@dataclass(frozen=True)
class Search:
    """Where `tune` looks for a parameter: beside its `Field`, in the `Annotated` of a `Parameters` class.

    Either a range from `low` to `high` (on the log scale with `log`), or one of `choices`. Parameters
    without it are not tuned.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


class Parameters(StrictModel):
    """The parameters of a generator, with defaults, bounds, descriptions and ranges to search."""


class DiscreetParameters(Parameters):
    """Parameters of generators that hide single patients: what is taken out of the training cohort first."""

    few: Annotated[
        int,
        Field(ge=2, le=100, description="patients who decide no state, event pattern or missing value alone"),
    ] = 8
    block: Annotated[
        int, Field(ge=2, le=200, description="patients whose mean number is a knot of a quantile function")
    ] = 12
    copies: Annotated[
        int,
        Field(ge=1, le=20, description="resampled from so many copies of the cohort; 1 keeps all"),
    ] = 3

    @property
    def discretion(self) -> Discretion:
        return Discretion(self.few, self.block, self.copies)


def available_cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass(frozen=True)
class TrainingPart:
    """Training patients, and where they are from.

    Attributes
    ----------
    patients : typed frame of those to fit to.
    cohort : typed frame of the whole original cohort.
    file : the file of the original cohort, beside which the ledger of its privacy budget is, or None.
    name : which patients of the cohort these are, in words that are the same for the same patients.
    resolution : the steps in which numbers are recorded, as the cohort's record tells them.
    """

    patients: pd.DataFrame
    cohort: pd.DataFrame
    file: Path | None
    name: str
    resolution: Resolution | None = None


class BaseGenerator(ABC):
    """What every generator is: fitted once, then sampled as often as wanted. Most derive from `Generator`.

    Attributes
    ----------
    name : the name in the registry.
    summary : one line for the command line.
    releasable : False for anchors, which must never be released.
    guarantee : True when fits are differentially private, so that nothing exact of the training patients may
        stand beside the samples.
    copies_patients : True when samples repeat training patients by construction.
    copies_times : True when samples repeat training times, so that mass points in time stay without care.
    hides_single_patients : True when no patient alone decides which states, event patterns and combinations
        of missing values can come out. It is no guarantee against attacks; `amlsynth audit` measures those.
    minimum_patients : the smallest training cohort that it accepts.
    package : name and version of the package that brings it, of a plug-in; None for amlsynth's own.
    parallel_sampling : True when patients may be drawn in several threads at once and gains from it.
    quick_params : parameters that make a fit quick and rough, for tests of everything but quality.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    releasable: ClassVar[bool] = True
    guarantee: ClassVar[bool] = False
    copies_patients: ClassVar[bool] = False
    copies_times: ClassVar[bool] = False
    hides_single_patients: ClassVar[bool] = False
    minimum_patients: ClassVar[int] = 50
    parallel_sampling: ClassVar[bool] = False
    quick_params: ClassVar[Mapping[str, Any]] = {}
    Params: ClassVar[type[Parameters]] = Parameters
    package: str | None = None
    _rare: Rarities = Rarities.none()

    def __init__(self, params: Parameters | None = None, d: Dictionary | None = None) -> None:
        self.params: Any = params if params is not None else self.Params()
        self.dictionary = d or dictionary()
        self._fitted = False

    @abstractmethod
    def fit(
        self,
        train: pd.DataFrame,
        rng: np.random.Generator,
        progress: Progress = no_progress,
        resolution: Resolution | None = None,
    ) -> Self:
        """Fit to a typed, valid frame of training patients, which never holds the hold-out.

        Parameters
        ----------
        resolution : the steps in which numbers are recorded, as the cohort's record tells them; samples are
            recorded alike. Without it a generator that hides single patients takes the dictionary's
            decimals, and others learn the steps from the patients, of whom one odd one can change them.

        Raises
        ------
        DataError
            Fewer patients than `minimum_patients`; or a plug-in failed, and the sentence names its package.
        """

    def fit_part(
        self, part: TrainingPart, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Self:
        """Fit to a part of a cohort, of which more is known than the patients; errors are those of `fit`.

        A generator that spends a privacy budget overrides this, to account for it.
        """
        return self.fit(part.patients, rng, progress, part.resolution)

    @abstractmethod
    def replicate(
        self, part: TrainingPart, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Self:
        """Return a generator like this one, fitted as if the training patients had been drawn anew.

        Cohorts of several replicates differ by as much as is not known, so that estimates from them can be
        pooled (`amlsynth.inference`).

        Raises
        ------
        UsageError
            The generator does not hide single patients, who would stand out the more in copies.
        """

    @classmethod
    def check_replicates(cls) -> None:
        """Raise a UsageError where the generator makes no replicates."""
        if not cls.hides_single_patients:
            raise UsageError(
                f"{cls.name} makes no replicates: it does not hide single patients, who would be told by "
                "copies of themselves. Use event-history, sequential-cart or private."
            )

    @property
    def carriers_to_infer(self) -> int:
        """How many patients must carry something for its effects to be inferred from replicates.

        What fewer carry, the generator biases alike in each of them. 0 where no such number is known.
        """
        return 0

    def warnings(self) -> tuple[str, ...]:
        """Return what a user of the fit has to know."""
        return ()

    def default_n(self, n: int) -> int:
        """Return how many patients to sample when nobody says: as many as the original has, n."""
        return n

    def sample(self, n: int, rng: np.random.Generator, progress: Progress = no_progress) -> pd.DataFrame:
        """Sample a typed frame of n patients, valid as synthetic data.

        Raises
        ------
        UsageError
            n below 1, or the generator was not fitted.
        """
        return pd.concat(self.sample_blocks(n, rng, progress), ignore_index=True)

    def sample_blocks(
        self, n: int, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Iterator[pd.DataFrame]:
        """Sample n patients in typed frames of at most `BLOCK`, so that n is not limited by memory.

        The blocks are those of `sample`: the same n and `rng` give the same patients.

        Raises
        ------
        UsageError
            n below 1, or the generator was not fitted.
        """
        if n < 1:
            raise UsageError(f"{n} patients cannot be sampled; ask for 1 or more.")
        if not self._fitted:
            raise UsageError(f"{self.name} has to be fitted before it can sample.")
        seen = SeenRows()
        # Each block has a stream of its own, so that it does not matter which one is drawn first.
        blocks = ((min(BLOCK, n - start), rng.spawn(1)[0]) for start in range(0, n, BLOCK))
        done = 0
        for size, stream, frame in self._drawn(blocks, ahead=available_cores() if n > BLOCK else 1):
            progress("sampling", done / n)
            yield frame if self.copies_patients else self._without_repeats(frame, size, stream, seen)
            done += size
        progress("sampling", 1.0)

    def _drawn(
        self, blocks: Iterator[tuple[int, np.random.Generator]], ahead: int
    ) -> Iterator[tuple[int, np.random.Generator, pd.DataFrame]]:
        """Draw blocks in their order, several at a time where the generator takes it."""
        if not self.parallel_sampling or ahead < 2:
            for size, stream in blocks:
                yield size, stream, self._recorded(size, stream)
            return
        executor = ThreadPoolExecutor(ahead)
        waiting = deque[tuple[int, np.random.Generator, Future[pd.DataFrame]]]()
        try:
            for size, stream in blocks:
                waiting.append((size, stream, executor.submit(self._recorded, size, stream)))
                if len(waiting) > ahead:
                    size, stream, future = waiting.popleft()
                    yield size, stream, future.result()
            for size, stream, future in waiting:
                yield size, stream, future.result()
        finally:
            # Not waited for: who stops early, as on a full disk, may leave it to a worker to close this.
            executor.shutdown(wait=False, cancel_futures=True)

    def _without_repeats(
        self, frame: pd.DataFrame, n: int, rng: np.random.Generator, seen: SeenRows
    ) -> pd.DataFrame:
        """Draw patients again who are the same as one before: chance makes some, the more are drawn."""
        parts = [frame[seen.new(frame)]]
        for _ in range(_REDRAWS):
            left = n - sum(map(len, parts))
            if not left:
                break
            frame = self._recorded(left, rng)
            parts.append(frame[seen.new(frame)])
        else:  # so few patients are possible that some must repeat; validation tells
            parts.append(self._recorded(n - sum(map(len, parts)), rng))
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def _recorded(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw n patients as they would be recorded, those again who break a rule, or of a kind too often.

        Decoding carries out the rules of the usual forms; others, such as a steward's own between two dates,
        it cannot. Where patients who keep them are too rare, some are left who do not; validation tells.
        """
        frame = self._decoded(n, rng)
        allowed: Sequence[int] | None = None
        for _ in range(_RULE_REDRAWS):
            wrong = breaks_any(frame, self.dictionary)
            if not wrong.any() and any(hit.any() for hit in self._rare.broken(frame)):
                allowed = self._rare.allowed(n, rng) if allowed is None else allowed
                wrong = self._rare.settle(frame, allowed, rng)
            if not wrong.any():
                break
            frame = pd.concat([frame[~wrong], self._decoded(int(wrong.sum()), rng)], ignore_index=True)
        return frame

    @abstractmethod
    def _decoded(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a typed frame of n patients, in the steps in which numbers are recorded."""

    @contextmanager
    def _named(self, work: str) -> Iterator[None]:
        """Name the package of a plug-in that fails; the text of its error may hold patients' values."""
        try:
            yield
        except (AmlsynthError, MemoryError):
            raise
        except Exception as error:
            if self.package is None:
                raise
            raise DataError(
                f"{self.name}, a plug-in of the package {self.package}, failed in {work} with "
                f"{type(error).__name__}. Its authors can help; --debug shows where it failed."
            ) from error


class Generator(BaseGenerator):
    """Base of the generators that learn from patients in the model space, where no rule can be broken.

    One in a file of its own: set the class variables of `BaseGenerator`, write `_fit` and `_sample`.
    """

    _bootstrap = False

    def fit(
        self,
        train: pd.DataFrame,
        rng: np.random.Generator,
        progress: Progress = no_progress,
        resolution: Resolution | None = None,
    ) -> Self:
        if len(train) < self.minimum_patients:
            raise DataError(
                f"{self.name} needs at least {self.minimum_patients} training patients and got {len(train)}: "
                "from fewer it would repeat single patients. Use a larger cohort."
            )
        encoded = encode(train, self.dictionary).legal()
        self._rare = Rarities.of(train, self.dictionary)
        if self.hides_single_patients:
            self._rare = self._rare.smoothed()
        if resolution is None:
            hidden = self.hides_single_patients
            resolution = (
                Resolution.stated(self.dictionary) if hidden else Resolution.of(encoded, self.dictionary)
            )
        few = self.params.discretion.few if self.hides_single_patients else None
        # A stream of its own: what is drawn for mass points leaves `rng` as it is.
        stream = np.random.default_rng(rng.bit_generator.jumped())  # type: ignore[attr-defined]
        self._mass_points = (
            MassPoints.none() if self.copies_times else MassPoints.of(encoded, resolution.time, few, stream)
        )
        has_zero = self._mass_points.has_zero or self.copies_times
        self._resolution = replace(resolution, zero=has_zero)
        encoded = self._resolution.above_zero(encoded)
        if self.hides_single_patients:
            discretion = replace(self.params.discretion, bootstrap=self._bootstrap)
            encoded = discreet(encoded, discretion, self.dictionary, rng, self._mass_points)
        encoded = self._mass_points.spread(encoded, stream)
        with self._named("fitting"):
            self._fit(encoded, rng, progress)
        self._fitted = True
        return self

    def replicate(
        self, part: TrainingPart, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Self:
        """Fit to the training patients drawn anew; see `BaseGenerator.replicate`.

        What single patients decide is taken out first; the others are then drawn with replacement, which
        stands for a draw from the posterior of all that is fitted (the approximate Bayesian bootstrap: Rubin
        and Schenker, J Am Stat Assoc 1986;81:366-374).
        """
        self.check_replicates()
        other = type(self)(self.params, self.dictionary)
        other.package, other._bootstrap = self.package, True
        return other.fit(part.patients, rng, progress, part.resolution)

    def _decoded(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        with self._named("sampling"):
            encoded = self._mass_points.collapse(self._sample(n, rng))
            if not self.copies_patients:
                encoded = self._resolution.snap(encoded)
            return decode(encoded, self.dictionary, rounded=False)

    @abstractmethod
    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None: ...

    @abstractmethod
    def _sample(self, n: int, rng: np.random.Generator) -> Encoded: ...
