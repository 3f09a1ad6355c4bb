"""A patient as one vector: the one-hot states and the scalars of all columns, side by side.

Categorical columns and the event pattern are one-hot over the states that training patients have, NA
among them. Numbers, the log of the survival time and the logit of the gap's share of it are mixed columns
(`transforms`), of which "missing" or "no gap" is a state. Columns in one state need no place in the vector.
Columns that are missing together (`missing`) share a block that says whether they are known; where they
are not, every other place of theirs is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.generators.building_blocks.scales import from_real_line, to_real_line
from amlsynth.generators.ctabgan.missing import missing_flags, missing_together
from amlsynth.generators.ctabgan.transforms import NumberColumn, fit_column
from amlsynth.model_space.encoding import PATTERNS, Encoded, columns_frame

Rows = npt.NDArray[np.float32]

PATTERN, TIME, GAP = "outcome:pattern", "outcome:time", "outcome:gap"
_GATE = "missing:"  # begins the name of a block that says whether a group of columns is known
BEFORE = tuple(code for code, pattern in enumerate(PATTERNS) if pattern.times == "before")


class Block(NamedTuple):
    """A one-hot part of the vector: `size` states from position `start` on.

    `gate` is the number of the block that says whether a group of columns is known (its first state) or
    missing (its second); where that group is missing this block is all 0. None: the block is always there.
    """

    name: str
    start: int
    size: int
    gate: int | None = None

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + self.size)

    @property
    def positions(self) -> list[int]:
        return list(range(self.start, self.start + self.size))


@dataclass(frozen=True)
class NumberPlace:
    """Where a column of numbers is in the vector; None for a part that it does not need.

    `gate` is as in `Block`.
    """

    column: NumberColumn
    scalar: int | None
    block: int | None
    gate: int | None = None


@dataclass(frozen=True)
class Layout:
    """What is where in a vector of `width` numbers."""

    width: int
    blocks: tuple[Block, ...]
    numbers: tuple[NumberPlace, ...]

    @property
    def scalars(self) -> tuple[int, ...]:
        return tuple(place.scalar for place in self.numbers if place.scalar is not None)

    @property
    def gates(self) -> tuple[int, ...]:
        """The numbers of the blocks that say whether a group of columns is known."""
        gates = {block.gate for block in self.blocks} | {place.gate for place in self.numbers}
        return tuple(sorted(gate for gate in gates if gate is not None))

    def known_position(self, gate: int) -> int:
        """Return the position that says that a group of columns is known; the next says it is missing."""
        return self.blocks[gate].start

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

    def __init__(self, train: Encoded, max_modes: int, d: Dictionary, rng: np.random.Generator) -> None:
        self._dictionary = d
        self._leaders = missing_together(train, d)
        known = self._known(train)
        everyone = np.ones(len(train), dtype=bool)
        self._states = {
            name: np.unique(codes[known.get(name, everyone)]) for name, codes in _state_columns(train)
        }
        self._columns = {
            name: fit_column(
                name,
                values[known.get(name, everyone)],
                missing[known.get(name, everyone)],
                max_modes=max_modes,
                rng=rng,
                scale="linear" if name in (TIME, GAP) else "auto",
            )
            for name, values, missing in _number_columns(train)
        }
        self._frames = [str(name) for name in train.states], [str(name) for name in train.numbers]
        self.layout = self._lay_out()

    def _known(self, cohort: Encoded) -> dict[str, BoolArray]:
        """Return for each column of a group in which patients the group is known."""
        flags = missing_flags(cohort, self._dictionary)
        return {name: ~flags[leader] for name, leader in self._leaders.items()}

    def _lay_out(self) -> Layout:
        blocks: list[Block] = []
        places: list[NumberPlace] = []
        width = 0
        for leader in dict.fromkeys(self._leaders.values()):
            blocks.append(Block(_GATE + leader, width, 2))
            width += 2
        at = {block.name.removeprefix(_GATE): i for i, block in enumerate(blocks)}
        gates = {name: at[leader] for name, leader in self._leaders.items()}
        for name, values in self._states.items():
            if len(values) > 1:
                blocks.append(Block(name, width, len(values), gates.get(name)))
                width += len(values)
        for name, column in self._columns.items():
            scalar = block = None
            if column.varies:
                scalar, width = width, width + 1
            if column.states > 1:
                block = len(blocks)
                blocks.append(Block(name, width, column.states, gates.get(name)))
                width += column.states
            places.append(NumberPlace(column, scalar, block, gates.get(name)))
        return Layout(width, tuple(blocks), tuple(places))

    def states(self, name: str) -> npt.NDArray[Any]:
        """Return the states of a categorical column, or of the event pattern, that training patients have.

        Without NA where that is said by the group that the column is missing with.
        """
        return self._states[name]

    def encode(self, cohort: Encoded, rng: np.random.Generator) -> Rows:
        """Return the vectors, shape (n, width), of patients whose states are among the training patients'."""
        rows = np.zeros((len(cohort), self.layout.width), dtype=np.float32)
        everyone = np.arange(len(cohort))
        blocks = {block.name: block for block in self.layout.blocks}
        known = self._known(cohort)
        for name, leader in self._leaders.items():
            rows[everyone, blocks[_GATE + leader].start + ~known[name]] = 1
        for name, codes in _state_columns(cohort):
            if name in blocks:
                chosen = np.flatnonzero(known[name]) if name in known else everyone
                rows[chosen, blocks[name].start + np.searchsorted(self._states[name], codes[chosen])] = 1
        for place, (name, values, missing) in zip(self.layout.numbers, _number_columns(cohort), strict=True):
            chosen = np.flatnonzero(known[name]) if name in known else everyone
            alpha, state = place.column.encode(values[chosen], missing[chosen], rng)
            if place.scalar is not None:
                rows[chosen, place.scalar] = alpha
            if place.block is not None:
                rows[chosen, blocks[name].start + state] = 1
        return rows

    def decode(self, codes: IntArray, scalars: FloatArray) -> Encoded:
        """Return the cohort of n draws.

        Parameters
        ----------
        codes : shape (n, blocks), a state for each block of the layout.
        scalars : shape (n, scalars), an alpha for each of the layout's scalars.
        """
        n = len(codes)
        together = {
            name: codes[:, self.layout.block(_GATE + leader)] == 1 for name, leader in self._leaders.items()
        }

        def state(name: str) -> npt.NDArray[np.int8]:
            block, values = self.layout.block(name), self._states[name]
            chosen = values[codes[:, block]] if block is not None else np.full(n, values[0])
            if name in together:
                chosen = np.where(together[name], len(self._dictionary[name].values), chosen)
            return chosen.astype(np.int8)

        place_of = {scalar: i for i, scalar in enumerate(self.layout.scalars)}

        def number(place: NumberPlace, *, known: bool = False) -> tuple[FloatArray, BoolArray]:
            alpha = np.zeros(n) if place.scalar is None else scalars[:, place_of[place.scalar]]
            last = place.column.states - 1
            chosen = np.full(n, last) if place.block is None else codes[:, place.block]
            if known:  # the event pattern decides who has a time or a gap, not the column's own state
                chosen = np.minimum(chosen, max(place.column.modes - 1, 0))
            return place.column.decode(alpha.astype(np.float64), chosen)

        numbers, missing = {}, {}
        for name in self._frames[1]:
            numbers[name], missing[name] = number(self.layout.number(name))
            if name in together:
                missing[name] = missing[name] | together[name]
                numbers[name] = np.where(missing[name], 0.0, numbers[name])
        pattern = state(PATTERN)
        log_time, no_time = number(self.layout.number(TIME), known=True)
        share, _ = number(self.layout.number(GAP), known=True)
        untimed = np.array([p.times == "none" for p in PATTERNS])[pattern] | no_time
        time, gap = from_real_line(log_time, share)
        return Encoded(
            columns_frame({name: state(name) for name in self._frames[0]}, n),
            columns_frame(numbers, n),
            columns_frame(missing, n),
            pattern,
            np.where(untimed, np.nan, time),
            np.where(np.isin(pattern, BEFORE), gap, 0.0),
        )


def _state_columns(cohort: Encoded) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name in cohort.states:
        yield str(name), cohort.states[name].to_numpy()
    yield PATTERN, cohort.pattern


def _number_columns(cohort: Encoded) -> Iterator[tuple[str, FloatArray, BoolArray]]:
    for name in cohort.numbers:
        yield (
            str(name),
            cohort.numbers[name].to_numpy(np.float64),
            cohort.missing[name].to_numpy(bool),
        )
    log_time, share = outcome_scales(cohort)
    yield TIME, log_time, np.isnan(log_time)
    yield GAP, share, np.isnan(share)


def outcome_scales(cohort: Encoded) -> tuple[FloatArray, FloatArray]:
    """Return the log of the time and the logit of the gap's share, NaN where the pattern has none."""
    log_time, share = to_real_line(cohort.time, cohort.gap)
    return log_time, np.where(np.isin(cohort.pattern, BEFORE), share, np.nan)
