"""A patient as one vector: the one-hot states and the scalars of all columns, side by side.

Categorical columns and the event pattern are one-hot over the states that training patients have, NA
among them. Numbers, the log of the survival time and the logit of the gap's share of it are mixed columns
(`transforms`), of which "missing" or "no gap" is a state. Columns in one state need no place in the vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.encoding import PATTERNS, Encoded
from amlsynth.generators.ctabgan.transforms import Floats, NumberColumn, fit_column
from amlsynth.generators.scales import from_real_line, to_real_line

Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

PATTERN, TIME, GAP = "outcome:pattern", "outcome:time", "outcome:gap"
BEFORE = tuple(code for code, pattern in enumerate(PATTERNS) if pattern.times == "before")


class Block(NamedTuple):
    """A one-hot part of the vector: `size` states from position `start` on."""

    name: str
    start: int
    size: int

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + self.size)

    @property
    def positions(self) -> list[int]:
        return list(range(self.start, self.start + self.size))


@dataclass(frozen=True)
class NumberPlace:
    """Where a column of numbers is in the vector; None for a part that it does not need."""

    column: NumberColumn
    scalar: int | None
    block: int | None


@dataclass(frozen=True)
class Layout:
    """What is where in a vector of `width` numbers."""

    width: int
    blocks: tuple[Block, ...]
    numbers: tuple[NumberPlace, ...]

    @property
    def scalars(self) -> tuple[int, ...]:
        return tuple(place.scalar for place in self.numbers if place.scalar is not None)

    def block(self, name: str) -> int | None:
        """Return the number of the block of that name, None where the column has but one state."""
        return next((i for i, block in enumerate(self.blocks) if block.name == name), None)

    def positions(self, place: NumberPlace) -> list[int]:
        """Return every position that a column of numbers takes."""
        scalar = [] if place.scalar is None else [place.scalar]
        return scalar + ([] if place.block is None else self.blocks[place.block].positions)

    def number(self, name: str) -> NumberPlace:
        return next(place for place in self.numbers if place.column.name == name)


class RowEncoder:
    """Fitted to training patients; turns a cohort into vectors, and draws back into a cohort.

    Parameters
    ----------
    train : training patients in the model space, with legal event patterns.
    max_modes : components of the mixture of each column of numbers.
    """

    def __init__(self, train: Encoded, max_modes: int, rng: np.random.Generator) -> None:
        self._states = {name: np.unique(codes) for name, codes in _state_columns(train)}
        self._columns = {
            name: fit_column(
                name,
                values,
                missing,
                max_modes=max_modes,
                rng=rng,
                scale="linear" if name in (TIME, GAP) else "auto",
            )
            for name, values, missing in _number_columns(train)
        }
        self._frames = [str(name) for name in train.states], [str(name) for name in train.numbers]
        self.layout = self._lay_out()

    def _lay_out(self) -> Layout:
        blocks: list[Block] = []
        places: list[NumberPlace] = []
        width = 0
        for name, values in self._states.items():
            if len(values) > 1:
                blocks.append(Block(name, width, len(values)))
                width += len(values)
        for name, column in self._columns.items():
            scalar = block = None
            if column.varies:
                scalar, width = width, width + 1
            if column.states > 1:
                block = len(blocks)
                blocks.append(Block(name, width, column.states))
                width += column.states
            places.append(NumberPlace(column, scalar, block))
        return Layout(width, tuple(blocks), tuple(places))

    def states(self, name: str) -> npt.NDArray[Any]:
        """Return the states of a categorical column, or of the event pattern, that training patients have."""
        return self._states[name]

    def encode(self, cohort: Encoded, rng: np.random.Generator) -> Rows:
        """Return the vectors, shape (n, width), of patients whose states are among the training patients'."""
        rows = np.zeros((len(cohort), self.layout.width), dtype=np.float32)
        everyone = np.arange(len(cohort))
        blocks = {block.name: block for block in self.layout.blocks}
        for name, codes in _state_columns(cohort):
            if name in blocks:
                rows[everyone, blocks[name].start + np.searchsorted(self._states[name], codes)] = 1
        for place, (name, values, missing) in zip(self.layout.numbers, _number_columns(cohort), strict=True):
            alpha, state = place.column.encode(values, missing, rng)
            if place.scalar is not None:
                rows[:, place.scalar] = alpha
            if place.block is not None:
                rows[everyone, blocks[name].start + state] = 1
        return rows

    def decode(self, codes: Codes, scalars: Floats) -> Encoded:
        """Return the cohort of n draws.

        Parameters
        ----------
        codes : shape (n, blocks), a state for each block of the layout.
        scalars : shape (n, scalars), an alpha for each of the layout's scalars.
        """
        n = len(codes)

        def state(name: str) -> npt.NDArray[np.int8]:
            block, values = self.layout.block(name), self._states[name]
            return (values[codes[:, block]] if block is not None else np.full(n, values[0])).astype(np.int8)

        place_of = {scalar: i for i, scalar in enumerate(self.layout.scalars)}

        def number(place: NumberPlace, *, known: bool = False) -> tuple[Floats, npt.NDArray[np.bool_]]:
            alpha = np.zeros(n) if place.scalar is None else scalars[:, place_of[place.scalar]]
            last = place.column.states - 1
            chosen = np.full(n, last) if place.block is None else codes[:, place.block]
            if known:  # the event pattern decides who has a time or a gap, not the column's own state
                chosen = np.minimum(chosen, max(place.column.modes - 1, 0))
            return place.column.decode(alpha.astype(np.float64), chosen)

        numbers, missing = {}, {}
        for name in self._frames[1]:
            numbers[name], missing[name] = number(self.layout.number(name))
        pattern = state(PATTERN)
        log_time, no_time = number(self.layout.number(TIME), known=True)
        share, _ = number(self.layout.number(GAP), known=True)
        untimed = np.array([p.times == "none" for p in PATTERNS])[pattern] | no_time
        time, gap = from_real_line(log_time, share)
        return Encoded(
            pd.DataFrame({name: state(name) for name in self._frames[0]}),
            pd.DataFrame(numbers),
            pd.DataFrame(missing),
            pattern,
            np.where(untimed, np.nan, time),
            np.where(np.isin(pattern, BEFORE), gap, 0.0),
        )


def _state_columns(cohort: Encoded) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name in cohort.states:
        yield str(name), cohort.states[name].to_numpy()
    yield PATTERN, cohort.pattern


def _number_columns(cohort: Encoded) -> Iterator[tuple[str, Floats, npt.NDArray[np.bool_]]]:
    for name in cohort.numbers:
        yield (
            str(name),
            cohort.numbers[name].to_numpy(np.float64),
            cohort.missing[name].to_numpy(bool),
        )
    log_time, share = outcome_scales(cohort)
    yield TIME, log_time, np.isnan(log_time)
    yield GAP, share, np.isnan(share)


def outcome_scales(cohort: Encoded) -> tuple[Floats, Floats]:
    """Return the log of the time and the logit of the gap's share, NaN where the pattern has none."""
    log_time, share = to_real_line(cohort.time, cohort.gap)
    return log_time, np.where(np.isin(cohort.pattern, BEFORE), share, np.nan)
