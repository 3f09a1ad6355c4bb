"""Sequential CART synthesis: each variable is drawn from a tree grown on those drawn before it.

The method of Reiter (Journal of Official Statistics 2005; 21: 441-462) in the order age, sex, disease,
karyotype, alterations, laboratory values, remission, and then the outcome in three steps: event pattern,
survival time, gap between event and end of follow-up. NA is one of the states that are drawn.

Unlike the original method, nothing is copied from a donor: frequencies in a leaf are shrunk towards those
of the whole cohort, and numbers are drawn between the neighbours in a leaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from amlsynth.encoding import PATTERNS, Encoded
from amlsynth.errors import require_extra
from amlsynth.generators.base import Generator, Parameters, Progress

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]


class Params(Parameters):
    """Parameters of `sequential-cart`."""

    min_leaf: Annotated[int, Field(ge=5, le=1000, description="patients in a leaf, at least")] = 10
    min_leaf_outcome: Annotated[
        int, Field(ge=5, le=1000, description="patients in a leaf of the outcome's trees, at least")
    ] = 15
    prior: Annotated[
        float, Field(ge=0, le=100, description="patients' worth of the whole cohort mixed into each leaf")
    ] = 0.5


@dataclass
class _Column:
    """One column of the working table: states (with NA as the last) or a number."""

    name: str
    kind: str  # "states", "number" or "missing"
    size: int = 0  # number of states


class SequentialCart(Generator):
    """Trees in sequence, for covariates and for both endpoints at once."""

    name = "sequential-cart"
    summary = "trees in sequence, with event pattern and both endpoints (default)"
    minimum_patients = 50
    Params = Params

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        tree = require_extra("generate", "sklearn.tree", "The generator sequential-cart")
        self._template = train.take(np.empty(0, dtype=np.int64))
        self._models: list[tuple[str, str, _Leaves]] = []
        features: list[Features] = []
        steps = self._steps(train)
        for done, (name, kind, target, subset) in enumerate(steps):
            progress("fitting trees", done / len(steps))
            min_leaf = self.params.min_leaf_outcome if kind == "outcome" else self.params.min_leaf
            matrix = np.column_stack(features) if features else np.zeros((len(train), 0), dtype=np.float32)
            seed = int(rng.integers(2**31))
            if target.dtype.kind == "i":
                model: _Leaves = _StateLeaves(
                    tree, matrix[subset], target[subset], min_leaf, self.params.prior, seed
                )
            else:
                model = _NumberLeaves(tree, matrix[subset], target[subset], min_leaf, seed)
            self._models.append((name, kind, model))
            features += _as_features(name, kind, target, subset)
        progress("fitting trees", 1.0)

    def _steps(self, train: Encoded) -> list[tuple[str, str, npt.NDArray[np.generic], npt.NDArray[np.bool_]]]:
        """Return name, kind, target and the patients it is fitted on, in the order of synthesis."""
        d = self.dictionary
        everyone = np.ones(len(train), dtype=bool)
        steps = []
        for name in _order(train, d.names, {v.name for v in d.alterations}, d["CR1"].name):
            if name in train.numbers:
                missing = train.missing[name].to_numpy(bool)
                steps.append((name, "missing", missing.astype(np.int8), everyone))
                steps.append((name, "number", train.numbers[name].to_numpy(np.float64), ~missing))
            else:
                steps.append((name, "states", train.states[name].to_numpy(np.int8), everyone))
        steps.append(("pattern", "outcome", train.pattern, everyone))
        steps.append(("time", "outcome", np.log(train.time), ~np.isnan(train.time)))
        before = np.isin(train.pattern, _BEFORE) & ~np.isnan(train.time)
        share = np.clip(train.gap / train.time, 1e-9, 1 - 1e-9)
        steps.append(("gap", "outcome", np.log(share / (1 - share)), before))
        return steps

    def _sample(self, n: int, rng: np.random.Generator, progress: Progress) -> Encoded:
        features: list[Features] = []
        drawn: dict[tuple[str, str], npt.NDArray[np.generic]] = {}
        for done, (name, kind, model) in enumerate(self._models):
            progress("sampling", done / len(self._models))
            matrix = np.column_stack(features) if features else np.zeros((n, 0), dtype=np.float32)
            if name == "gap":
                subset = np.isin(drawn["pattern", "outcome"], _BEFORE)
            elif kind == "number":
                subset = drawn[name, "missing"] == 0
            else:
                subset = np.ones(n, dtype=bool)
            values = np.zeros(n, dtype=model.dtype)
            if subset.any():
                values[subset] = model.draw(matrix[subset], rng)
            drawn[name, kind] = values
            features += _as_features(name, kind, values, subset)
        progress("sampling", 1.0)
        time = np.exp(drawn["time", "outcome"].astype(np.float64))
        share = 1 / (1 + np.exp(-drawn["gap", "outcome"].astype(np.float64)))
        template = self._template
        return Encoded(
            pd.DataFrame({name: drawn[name, "states"] for name in template.states}),
            pd.DataFrame({name: drawn[name, "number"] for name in template.numbers}),
            pd.DataFrame({name: drawn[name, "missing"] == 1 for name in template.missing}),
            drawn["pattern", "outcome"].astype(np.int8),
            time,
            time * share,
        )


_BEFORE = [code for code, pattern in enumerate(PATTERNS) if pattern.times == "before"]


def _order(train: Encoded, names: tuple[str, ...], alterations: set[str], remission: str) -> list[str]:
    """Return the covariates in the order of synthesis.

    Alterations come from frequent to rare, so that a rare one can depend on the frequent ones; the numbers
    of the laboratory after them, and remission last.
    """
    known = [name for name in names if name in train.states or name in train.numbers]
    carriers = {name: -int((train.states[name] == 1).sum()) for name in known if name in alterations}
    clinical = [
        name for name in known if name not in alterations and name in train.states and name != remission
    ]
    numbers = [name for name in known if name in train.numbers]
    return [
        *numbers[:1],
        *clinical,
        *sorted(carriers, key=lambda name: carriers[name]),
        *numbers[1:],
        *([remission] if remission in known else []),
    ]


def _as_features(
    name: str, kind: str, values: npt.NDArray[np.generic], known: npt.NDArray[np.bool_]
) -> list[Features]:
    """Return what later trees see of a column: one-hot event patterns, the rest as it is."""
    if name == "pattern":
        return [(values == code).astype(np.float32) for code in range(len(PATTERNS))]
    return [np.where(known, values, -1).astype(np.float32)]


class _Leaves:
    """A tree whose leaves hold what is drawn in them."""

    dtype: type = np.float64

    def __init__(self, tree: object, features: Features) -> None:
        self._tree = tree
        self._width = features.shape[1]

    def _leaf(self, features: Features) -> npt.NDArray[np.int64]:
        if self._tree is None:
            return np.zeros(len(features), dtype=np.int64)
        nodes = self._tree.apply(features)  # type: ignore[attr-defined]
        return np.searchsorted(self._nodes, nodes)

    def _number_leaves(self, features: Features) -> npt.NDArray[np.int64]:
        """Number the leaves of the training patients from 0, in the order of the tree's nodes."""
        if self._tree is None:
            return np.zeros(len(features), dtype=np.int64)
        self._nodes, leaf = np.unique(self._tree.apply(features), return_inverse=True)  # type: ignore[attr-defined]
        return leaf

    def draw(self, features: Features, rng: np.random.Generator) -> npt.NDArray[np.generic]:
        raise NotImplementedError


class _StateLeaves(_Leaves):
    """Leaves with the frequencies of states, shrunk towards those of the whole cohort."""

    dtype = np.int8

    def __init__(self, tree, features, target, min_leaf, prior, seed):  # type: ignore[no-untyped-def]
        self._values, codes = np.unique(target, return_inverse=True)
        grown = None
        if len(self._values) > 1 and features.shape[1]:
            grown = tree.DecisionTreeClassifier(
                criterion="entropy", min_samples_leaf=min_leaf, random_state=seed
            ).fit(features, codes)
        super().__init__(grown, features)
        leaf = self._number_leaves(features)
        counts = np.zeros((leaf.max(initial=0) + 1, max(len(self._values), 1)))
        np.add.at(counts, (leaf, codes), 1)
        overall = counts.sum(axis=0) / max(counts.sum(), 1)
        shrunk = counts + prior * overall
        self._cumulative = np.cumsum(shrunk / shrunk.sum(axis=1, keepdims=True), axis=1)

    def draw(self, features: Features, rng: np.random.Generator) -> npt.NDArray[np.int8]:
        edges = self._cumulative[self._leaf(features), :-1]
        return self._values[(rng.random(len(features))[:, None] > edges).sum(axis=1)]


class _NumberLeaves(_Leaves):
    """Leaves with the sorted numbers of their patients; draws fall between neighbours."""

    def __init__(self, tree, features, target, min_leaf, seed):  # type: ignore[no-untyped-def]
        grown = None
        if len(target) >= 2 * min_leaf and features.shape[1] and np.ptp(target) > 0:
            grown = tree.DecisionTreeRegressor(min_samples_leaf=min_leaf, random_state=seed).fit(
                features, target
            )
        super().__init__(grown, features)
        leaf = self._number_leaves(features)
        order = np.lexsort((target, leaf))
        self._sorted = target[order]
        self._counts = np.bincount(leaf, minlength=1) if len(leaf) else np.zeros(1, dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._counts)[:-1]])

    def draw(self, features: Features, rng: np.random.Generator) -> Floats:
        leaf = self._leaf(features)
        place = rng.random(len(features)) * (self._counts[leaf] - 1)
        low = np.floor(place).astype(np.int64)
        start = self._starts[leaf]
        below = self._sorted[start + low]
        above = self._sorted[start + np.minimum(low + 1, self._counts[leaf] - 1)]
        return below + (place - low) * (above - below)
