"""Rows that were drawn before, so that no two synthetic patients are the same in every column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.foundation.types import BoolArray

_SEED = 20_24


class SeenRows:
    """Remembers 64 bits of each row, 8 bytes a patient however many columns there are.

    Two different rows have the same bits once in 2^64 pairs; then one of them is drawn again in vain.
    """

    def __init__(self) -> None:
        self._known: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def new(self, frame: pd.DataFrame) -> BoolArray:
        """Return which rows of a typed frame are new, shape (n,), and remember them."""
        keys = _keys(frame)
        unique, first = np.unique(keys, return_index=True)
        place = np.searchsorted(self._known, unique)
        known = place < len(self._known)
        known[known] = self._known[place[known]] == unique[known]
        fresh = np.zeros(len(keys), dtype=bool)
        fresh[first[~known]] = True
        self._known = np.insert(self._known, place[~known], unique[~known])
        return fresh


def _keys(frame: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """Return a sum of the columns' bits, each multiplied by an odd number of its own, shape (n,)."""
    odd = np.random.default_rng(_SEED).integers(1, 2**63, size=frame.shape[1], dtype=np.uint64) * 2 + 1
    keys = np.zeros(len(frame), dtype=np.uint64)
    for factor, name in zip(odd, frame, strict=True):
        column = frame[name]
        codes = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
        bits = codes.to_numpy(np.float64, na_value=-1.0).view(np.uint64)
        mixed = bits * factor
        keys += mixed ^ (mixed >> np.uint64(29))
    return keys
