"""The anchors: generators that show what a measure says of a synthetic cohort that is surely bad."""

from __future__ import annotations

import numpy as np

from amlsynth.foundation.types import Progress
from amlsynth.generators.base import Generator
from amlsynth.model_space.encoding import Encoded


class Bootstrap(Generator):
    """Training patients drawn with replacement: perfect likeness, no privacy at all for single patients."""

    name = "bootstrap"
    summary = "anchor: copies of training patients (perfect likeness, no privacy)"
    releasable = False
    copies_patients = True
    copies_times = True
    minimum_patients = 2

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        self._train = train

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        return self._train.take(rng.integers(0, len(self._train), n))


class Independent(Generator):
    """Every column of the model space drawn by itself: right margins, no association.

    It hides no single patients: their values come out, each by itself. Statuses, survival time and gap are
    drawn apart from each other too; decoding then makes the outcome
    valid, and carries out the implications between alterations.
    """

    name = "independent"
    summary = "anchor: every column by itself (right margins, no association)"
    releasable = False
    copies_times = True
    minimum_patients = 2

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        self._train = train

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        train, size = self._train, len(self._train)

        def rows() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
            return rng.integers(0, size, n)

        states = train.states.iloc[:0].reindex(range(n), fill_value=0)
        for name in states:
            states[name] = train.states[name].to_numpy()[rows()]
        numbers = train.numbers.iloc[:0].reindex(range(n), fill_value=0.0)
        missing = train.missing.iloc[:0].reindex(range(n), fill_value=False)
        for name in numbers:
            chosen = rows()
            numbers[name] = train.numbers[name].to_numpy()[chosen]
            missing[name] = train.missing[name].to_numpy()[chosen]
        return Encoded(states, numbers, missing, train.pattern[rows()], train.time[rows()], train.gap[rows()])
