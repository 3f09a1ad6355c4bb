"""Trees whose leaves hold what is drawn in them: frequencies of states, or sorted numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray, IntArray

Features = npt.NDArray[np.float32]


def _grown(tree: Any, features: Features, target: npt.NDArray[Any]) -> None:
    """Grow a tree; scikit-learn's checks of what is ours take as long as a small tree itself."""
    sklearn = require_extra("generate", "sklearn", "The generator sequential-cart")
    with sklearn.config_context(skip_parameter_validation=True):
        tree.fit(features, target, check_input=False)


class Leaves(ABC):
    """A tree grown on features of shape (n, k); with k = 0 or a constant target it is one leaf."""

    dtype: type

    def __init__(self, tree: Any, features: Features) -> None:
        self._tree = tree
        self._nodes = (
            np.zeros(1, dtype=np.int64)
            if tree is None
            else np.unique(tree.apply(features, check_input=False))
        )

    def leaf(self, features: Features) -> IntArray:
        """Return the leaf of each row, numbered from 0."""
        if self._tree is None:
            return np.zeros(len(features), dtype=np.int64)
        return np.asarray(
            np.searchsorted(self._nodes, self._tree.apply(features, check_input=False)), dtype=np.int64
        )

    @abstractmethod
    def draw(self, features: Features, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draw a value for each row of features."""


class StateLeaves(Leaves):
    """Leaves with the frequencies of states, shrunk towards those of the whole cohort.

    Parameters
    ----------
    features, target : shapes (n, k) and (n,); states are integers.
    min_leaf : patients in a leaf, at least.
    prior : so many patients' worth of the overall frequencies is added to each leaf.
    """

    dtype = np.int8

    def __init__(
        self, features: Features, target: npt.NDArray[np.int8], *, min_leaf: int, prior: float, seed: int
    ) -> None:
        self._values, codes = np.unique(target, return_inverse=True)
        tree = None
        if len(self._values) > 1 and features.shape[1]:
            sklearn = require_extra("generate", "sklearn.tree", "The generator sequential-cart")
            tree = sklearn.DecisionTreeClassifier(
                criterion="entropy", min_samples_leaf=min_leaf, random_state=seed
            )
            _grown(tree, features, codes)
        super().__init__(tree, features)
        counts = np.zeros((len(self._nodes), len(self._values)))
        np.add.at(counts, (self.leaf(features), codes), 1)
        shrunk = counts + prior * counts.sum(axis=0) / counts.sum()
        self._cumulative = np.cumsum(shrunk / shrunk.sum(axis=1, keepdims=True), axis=1)

    def draw(self, features: Features, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        edges = self._cumulative[self.leaf(features), :-1]
        chosen: npt.NDArray[np.int8] = self._values[(rng.random(len(features))[:, None] > edges).sum(axis=1)]
        return chosen


class NumberLeaves(Leaves):
    """Leaves with the sorted numbers of their patients; draws fall between neighbours, so that no
    patient's number is copied where numbers differ.

    Parameters
    ----------
    features, target : shapes (n, k) and (n,).
    min_leaf : patients in a leaf, at least.
    """

    dtype = np.float64

    def __init__(self, features: Features, target: FloatArray, *, min_leaf: int, seed: int) -> None:
        tree = None
        if len(target) >= 2 * min_leaf and features.shape[1] and np.ptp(target) > 0:
            sklearn = require_extra("generate", "sklearn.tree", "The generator sequential-cart")
            tree = sklearn.DecisionTreeRegressor(min_samples_leaf=min_leaf, random_state=seed)
            _grown(tree, features, target)
        super().__init__(tree, features)
        leaf = self.leaf(features)
        self._sorted = target[np.lexsort((target, leaf))]
        self._counts = np.bincount(leaf, minlength=len(self._nodes))
        self._starts = np.cumsum(self._counts) - self._counts

    def draw(self, features: Features, rng: np.random.Generator) -> FloatArray:
        if not len(self._sorted):  # nobody has this number, so nobody is given one
            return np.full(len(features), np.nan)
        leaf = self.leaf(features)
        last = self._counts[leaf] - 1
        place = rng.random(len(features)) * last
        low = np.floor(place).astype(np.int64)
        below = self._sorted[self._starts[leaf] + low]
        above = self._sorted[self._starts[leaf] + np.minimum(low + 1, last)]
        between: FloatArray = below + (place - low) * (above - below)
        return between
