"""A distance for mixed data in the manner of Gower: categories equal or not, numbers by their ranks.

Gower, Biometrics 1971, divides a difference of numbers by their range; one leucocyte count of 400 would
then make all others equal. Here a number is its rank among real patients, from 0 to 1. The distance is
a sum over variables: 1 for unequal categories, the difference of ranks for numbers, 1 for NA against a
value and 0 for NA against NA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.statistics.coding import Codes, Floats, codes_of, numbers_of

Distances = NDArray[np.float32]

# Ranks are whole multiples of this, so that sums in float32 are exact and no tie depends on the machine.
STEP = 1 / 1024
_NA = 3.0  # a rank that is over 1 away from every other
# Pairs of a block that is held at a time: of distances 1 MiB, which stays in a processor's cache.
CELLS = 1 << 18


@dataclass(frozen=True)
class Points:
    """Patients in the space: category codes, shape (n, categorical), and ranks, shape (n, numeric)."""

    codes: Codes
    ranks: Distances

    def __len__(self) -> int:
        return len(self.codes)

    def __add__(self, others: Points) -> Points:
        """Return these patients and, behind them, the others."""
        return Points(np.vstack((self.codes, others.codes)), np.vstack((self.ranks, others.ranks)))

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Points:
        return Points(self.codes[rows], self.ranks[rows])


class MixedSpace:
    """The space of some variables, with ranks among the patients of `real`.

    Parameters
    ----------
    real : the typed frame of all real patients, training and hold-out alike, so that the scale
        favours neither.
    d : the dictionary.
    names : the variables that count; all by default.
    """

    def __init__(self, real: pd.DataFrame, d: Dictionary, names: Sequence[str] | None = None) -> None:
        chosen = [v for v in d.variables if names is None or v.name in names]
        self.categorical = [v for v in chosen if v.is_categorical]
        self.numeric = [v.name for v in chosen if not v.is_categorical]
        self.widths = np.array([len(v.values) + 2 for v in self.categorical], dtype=np.intp)
        self.starts = np.concatenate(([0], np.cumsum(self.widths)[:-1])).astype(np.intp)
        self._known = {name: _known(numbers_of(real, name)) for name in self.numeric}

    def points(self, frame: pd.DataFrame) -> Points:
        """Return the patients of a typed frame."""
        codes = np.zeros((len(frame), len(self.categorical)), dtype=np.uint8)
        for place, variable in enumerate(self.categorical):
            codes[:, place] = codes_of(frame, variable)
        ranks = np.zeros((len(frame), len(self.numeric)), dtype=np.float32)
        for place, name in enumerate(self.numeric):
            ranks[:, place] = _ranks(numbers_of(frame, name), self._known[name])
        return Points(codes, ranks)

    def one_hot(self, codes: Codes) -> Distances:
        """Return the indicator of every code, shape (n, sum of widths)."""
        hot = np.zeros((len(codes), int(self.widths.sum())), dtype=np.float32)
        if codes.size:
            np.put_along_axis(hot, codes + self.starts, np.float32(1.0), axis=1)
        return hot

    def blocks(self, rows: Points, targets: Points) -> Iterator[tuple[slice, Distances]]:
        """Yield the distances of some rows to all targets, shape (some, targets), and which rows."""
        indicators, numbers = (
            np.ascontiguousarray(side.T) for side in (self.one_hot(targets.codes), targets.ranks)
        )
        height = max(1, CELLS // max(1, len(targets)))
        for top in range(0, len(rows), height):
            part = slice(top, min(top + height, len(rows)))
            distances = self.one_hot(rows.codes[part]) @ indicators
            np.subtract(len(self.categorical), distances, out=distances)
            gaps = np.empty_like(distances)
            for place, ranks in enumerate(numbers):
                distances += number_gaps(rows.ranks[part, place], ranks, out=gaps)
            yield part, distances

    def nearest(self, rows: Points, targets: Points, without_self: bool = False) -> Distances:
        """Return each row's distance to its nearest target, shape (rows,).

        Parameters
        ----------
        without_self : leave out the target of the same position, for a cohort against itself.
        """
        return self.kth_nearest(rows, targets, 1, without_self)

    def kth_nearest(self, rows: Points, targets: Points, k: int, without_self: bool = False) -> Distances:
        """Return each row's distance to its k-th nearest target, shape (rows,)."""

        def pick(part: slice, distances: Distances) -> Distances:
            if without_self:
                own = np.arange(part.start, part.stop)
                distances[own - part.start, own] = np.inf
            if k == 1:
                return np.asarray(distances.min(axis=1))
            return np.asarray(np.partition(distances, k - 1, axis=1)[:, k - 1])

        return self.gather(rows, targets, pick)

    def gather(
        self, rows: Points, targets: Points, pick: Callable[[slice, Distances], Distances]
    ) -> Distances:
        """Return what `pick` makes of each block of distances, one value a row, shape (rows,)."""
        parts = [pick(part, distances) for part, distances in self.blocks(rows, targets)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def number_gaps(ranks: Distances, targets: Distances, out: Distances | None = None) -> Distances:
    """Return the distances in one numeric variable, shape (rows, targets); `out` is where to write them."""
    gaps: Distances = np.subtract(ranks[:, None], targets, out=out)
    np.abs(gaps, out=gaps)
    np.minimum(gaps, np.float32(1.0), out=gaps)
    return gaps


def _known(values: Floats) -> Floats:
    return np.sort(values[~np.isnan(values)])


def _ranks(values: Floats, known: Floats) -> Distances:
    """Return mid-ranks among the sorted `known`, in steps; NA has one that is far from all."""
    if known.size:
        below, up_to = (np.searchsorted(known, values, side=side) for side in ("left", "right"))
        ranks = (below + up_to) / (2 * known.size)
    else:
        ranks = np.zeros(len(values))
    ranks = np.round(ranks / STEP) * STEP
    return np.where(np.isnan(values), _NA, ranks).astype(np.float32)
