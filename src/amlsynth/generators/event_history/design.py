"""What the regressions and trees of `event-history` see of a patient, as two matrices that fill up.

Both have the same columns for every order of synthesis. Columns of variables that are not drawn yet are 0, so
that no regression and no tree can use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.model_space.encoding import Encoded

MIN_CARRIERS = 20  # of a state that regressions see or fit; fewer would have a profile of their own


@dataclass(frozen=True)
class Column:
    """One variable of the training cohort.

    Attributes
    ----------
    name : of the variable. is_number : whether it is a number rather than a state.
    levels : codes of the states that occur, the most frequent first; empty for numbers.
    shares : share of each level among the known values.
    indicated : how many levels after the first have an indicator: those with `MIN_CARRIERS`.
    numbers : sorted known values of a number; empty for states.
    missing_group : number of the pattern of missing patients that it shares with other variables.
    missing_share : share of patients in whom it is missing.
    """

    name: str
    is_number: bool
    levels: tuple[int, ...]
    shares: tuple[float, ...]
    indicated: int
    numbers: FloatArray
    missing_group: int
    missing_share: float

    @property
    def is_known(self) -> bool:
        """Whether any patient has a value."""
        return bool(self.levels) or len(self.numbers) > 0

    def scores(self, values: FloatArray) -> FloatArray:
        """Return the normal scores of numbers: the quantiles of their mid-ranks in the training cohort."""
        n = len(self.numbers)
        below = np.searchsorted(self.numbers, values, side="left")
        upto = np.searchsorted(self.numbers, values, side="right")
        scores: FloatArray = ndtri(np.clip((below + upto) / (2 * n), 0.5 / n, 1 - 0.5 / n))
        return scores


class Layout:
    """The columns of the training cohort, and where each stands in the matrices of a `Design`."""

    def __init__(self, train: Encoded, order: list[str], d: Dictionary) -> None:
        self.columns: dict[str, Column] = {}
        groups: dict[bytes, int] = {}
        for name in order:
            values, missing = training_values(train, name, d)
            known = values[~missing]
            group = groups.setdefault(missing.tobytes(), len(groups))
            is_number = name in train.numbers
            codes, counts = np.unique(known, return_counts=True)
            by_frequency = np.argsort(-counts, kind="stable")
            self.columns[name] = Column(
                name=name,
                is_number=is_number,
                levels=() if is_number else tuple(int(codes[i]) for i in by_frequency),
                shares=() if is_number else tuple(float(counts[i] / len(known)) for i in by_frequency),
                indicated=0 if is_number else max(0, int((counts >= MIN_CARRIERS).sum()) - 1),
                numbers=np.sort(known) if is_number else np.empty(0),
                missing_group=group,
                missing_share=float(missing.mean()),
            )
        self.start: dict[str, int] = {}
        self.missing_at: dict[int, int] = {}
        width = 0
        for column in self.columns.values():
            self.start[column.name] = width
            width += int(len(column.numbers) > 0) if column.is_number else column.indicated
            if 0 < column.missing_share < 1 and column.missing_group not in self.missing_at:
                self.missing_at[column.missing_group] = width
                width += 1
        self.width = width
        self.place = {name: position for position, name in enumerate(self.columns)}


class Design:
    """Matrices of n patients.

    Attributes
    ----------
    linear : float64 (n, layout.width), by columns. A state has an indicator for each level but the most
        frequent and the rarest, a number its normal score, both with mean 0 and 0 where missing; a group of
        variables
        that are missing together has one indicator of that.
    plain : float32 (n, variables). Codes and numbers as they are, -1 where missing, for trees.
    """

    def __init__(self, n: int, layout: Layout) -> None:
        self.layout = layout
        self.linear: FloatArray = np.zeros((n, layout.width), order="F")
        self.plain = np.zeros((n, len(layout.columns)), dtype=np.float32)
        self.filled = np.zeros(layout.width, dtype=bool)

    def fill(self, name: str, values: FloatArray, missing: BoolArray) -> None:
        """Enter a variable: codes or numbers, whatever stands where it is missing."""
        column, layout = self.layout.columns[name], self.layout
        start = layout.start[name]
        if column.is_number and len(column.numbers):
            self._enter(start, np.where(missing, 0.0, column.scores(values)))
        indicated = slice(1, 1 + column.indicated)
        for shift, (level, share) in enumerate(
            zip(column.levels[indicated], column.shares[indicated], strict=True), start=start
        ):
            self._enter(shift, np.where(missing, 0.0, (values == level) - share))
        at = layout.missing_at.get(column.missing_group)
        if at is not None and not self.filled[at]:
            self._enter(at, missing - column.missing_share)
        self.plain[:, layout.place[name]] = np.where(missing, -1.0, values)

    def _enter(self, at: int, values: npt.NDArray[Any]) -> None:
        self.linear[:, at] = values
        self.filled[at] = True


def training_values(train: Encoded, name: str, d: Dictionary) -> tuple[FloatArray, BoolArray]:
    """Return codes or numbers of a variable, and where it is missing; shapes (n,)."""
    if name in train.numbers:
        return train.numbers[name].to_numpy(np.float64), train.missing[name].to_numpy(bool)
    codes = train.states[name].to_numpy(np.float64)
    return codes, codes == len(d[name].values)
