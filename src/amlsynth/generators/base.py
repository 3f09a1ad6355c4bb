"""What a generator is: it fits a training frame and samples typed frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from amlsynth.dictionary import Dictionary, dictionary
from amlsynth.encoding import Encoded, decode, encode
from amlsynth.errors import DataError, UsageError
from amlsynth.generators.seen_rows import SeenRows
from amlsynth.resolution import Resolution

_REDRAWS = 10
BLOCK = 50_000  # patients sampled together: enough to vectorise, few enough to stay in memory
Progress = Callable[[str, float], None]  # what is being done, and the share of it that is done


def no_progress(_stage: str, _share: float) -> None:
    """Report progress to nobody."""


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


class Parameters(BaseModel):
    """The parameters of a generator, with defaults, bounds, descriptions and ranges to search."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Generator(ABC):
    """Base of the generators. One in a file of its own: set the class variables, write `_fit` and `_sample`.

    Attributes
    ----------
    name : the name in the registry.
    summary : one line for the command line.
    releasable : False for anchors, which must never be released.
    copies_patients : True when samples repeat training patients by construction.
    minimum_patients : the smallest training cohort that it accepts.
    quick_params : parameters that make a fit quick and rough, for tests of everything but quality.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    releasable: ClassVar[bool] = True
    copies_patients: ClassVar[bool] = False
    minimum_patients: ClassVar[int] = 50
    quick_params: ClassVar[Mapping[str, Any]] = {}
    Params: ClassVar[type[Parameters]] = Parameters

    def __init__(self, params: Parameters | None = None, d: Dictionary | None = None) -> None:
        self.params: Any = params if params is not None else self.Params()
        self.dictionary = d or dictionary()
        self._fitted = False

    def fit(self, train: pd.DataFrame, rng: np.random.Generator, progress: Progress = no_progress) -> Self:
        """Fit to a typed, valid frame of training patients, which never holds the hold-out.

        Raises
        ------
        DataError
            Fewer patients than `minimum_patients`.

        Notes
        -----
        The resolution of the numbers is learned too; samples are recorded in it.
        """
        if len(train) < self.minimum_patients:
            raise DataError(
                f"{self.name} needs at least {self.minimum_patients} training patients and got {len(train)}: "
                "from fewer it would repeat single patients. Use a larger cohort."
            )
        encoded = encode(train, self.dictionary).legal()
        self._resolution = Resolution.of(encoded, self.dictionary)
        self._fit(encoded, rng, progress)
        self._fitted = True
        return self

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
        for start in range(0, n, BLOCK):
            progress("sampling", start / n)
            yield self._block(min(BLOCK, n - start), rng, seen)
        progress("sampling", 1.0)

    def _block(self, n: int, rng: np.random.Generator, seen: SeenRows) -> pd.DataFrame:
        if self.copies_patients:
            return decode(self._sample(n, rng), self.dictionary, rounded=False)
        parts: list[pd.DataFrame] = []
        for _ in range(_REDRAWS):  # chance makes two patients the same, the sooner the more are drawn
            frame = self._recorded(n - sum(map(len, parts)), rng)
            parts.append(frame[seen.new(frame)])
            if sum(map(len, parts)) == n:
                break
        else:  # so few patients are possible that some must repeat; validation tells
            parts.append(self._recorded(n - sum(map(len, parts)), rng))
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def _recorded(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        encoded = self._resolution.snap(self._sample(n, rng))
        return decode(encoded, self.dictionary, rounded=False)

    @abstractmethod
    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None: ...

    @abstractmethod
    def _sample(self, n: int, rng: np.random.Generator) -> Encoded: ...
