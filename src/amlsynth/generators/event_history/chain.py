"""The covariates of `event-history`: each variable is drawn given those that were drawn before it.

A variable takes two draws. Whether it is missing comes from a tree; variables that were missing in the same
training patients stay missing together. Its value then comes from a ridge regression on all earlier
variables, which keeps pairwise associations, and on the leaves of a small tree, which adds interactions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.generators.building_blocks.leaves import NumberLeaves, StateLeaves
from amlsynth.generators.event_history.design import MIN_CARRIERS, Column, Design, Layout, training_values
from amlsynth.generators.event_history.ridge import TOLERANCE, ridge_linear
from amlsynth.model_space.encoding import Encoded
from amlsynth.survival.logistic import logistic_fit

FEWEST = MIN_CARRIERS  # of a state for a regression; of fewer, only the smoothed frequency is kept
_MISSING_LEAF = 10  # patients in a leaf of the trees for missingness
_RESIDUAL_LEAF = 30  # patients in a leaf of the trees for what a number's regression leaves over
_PRIOR = 0.5  # patients' worth of the whole cohort's frequencies in each leaf for missingness


@dataclass(frozen=True)
class Tuning:
    """How strongly the chain is smoothed; the parameters of the generator.

    shrinkage : ridge penalty of the regressions. min_leaf : patients in a leaf of the interaction trees.
    max_leaves : leaves of such a tree; 1 is no tree.
    """

    shrinkage: float
    min_leaf: int
    max_leaves: int


@dataclass(frozen=True)
class Drawn:
    """Codes or numbers of each variable, shape (n,), and where it is missing."""

    values: dict[str, FloatArray]
    missing: dict[str, BoolArray]


class Chain:
    """One order of synthesis.

    Parameters
    ----------
    train : the training cohort. layout : its columns. order : the variables in the order they are drawn.
    """

    def __init__(
        self,
        train: Encoded,
        layout: Layout,
        order: list[str],
        tuning: Tuning,
        d: Dictionary,
        rng: np.random.Generator,
    ) -> None:
        self.design = Design(len(train), layout)  # of the training patients, complete in the end
        self._layout = layout
        self._missing: dict[str, StateLeaves] = {}
        self._values: dict[str, _States | _Numbers] = {}
        self._order = order
        seen: set[int] = set()
        for name in order:
            values, missing = training_values(train, name, d)
            column = layout.columns[name]
            seed = int(rng.integers(2**31))
            if missing.any() and column.missing_group not in seen:
                self._missing[name] = StateLeaves(
                    self.design.plain,
                    missing.astype(np.int8),
                    min_leaf=_MISSING_LEAF,
                    prior=_PRIOR,
                    seed=seed,
                )
            seen.add(column.missing_group)
            if column.is_known:
                kind = _Numbers if column.is_number else _States
                self._values[name] = kind(column, self.design, values, ~missing, tuning, seed)
            self.design.fill(name, values, missing)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Design, Drawn]:
        """Draw n patients."""
        design = Design(n, self._layout)
        values: dict[str, FloatArray] = {}
        missing: dict[str, BoolArray] = {}
        groups: dict[int, BoolArray] = {}
        for name in self._order:
            group = self._layout.columns[name].missing_group
            if name in self._missing:
                groups[group] = self._missing[name].draw(design.plain, rng) == 1
            missing[name] = groups.get(group, np.zeros(n, dtype=bool))
            model = self._values.get(name)
            values[name] = np.zeros(n) if model is None else model.draw(design, rng)
            design.fill(name, values[name], missing[name])
        return design, Drawn(values, missing)


class _States:
    """Levels split off one after the other, the most frequent first, each by a logistic regression."""

    def __init__(
        self, column: Column, design: Design, values: FloatArray, known: BoolArray, tuning: Tuning, seed: int
    ) -> None:
        self._levels = column.levels
        self._splits = []
        left = known
        for level in column.levels[:-1]:
            self._splits.append(_Split(design, values == level, left, tuning, seed))
            left = left & (values != level)

    def draw(self, design: Design, rng: np.random.Generator) -> FloatArray:
        values = np.full(len(design.plain), float(self._levels[-1]))
        left = np.ones(len(values), dtype=bool)
        for level, split in zip(self._levels[:-1], self._splits, strict=True):
            hit = left & (rng.random(len(values)) < split.probability(design))
            values[hit] = level
            left &= ~hit
        return values


class _Linear:
    """A linear predictor: intercept and coefficients, shape (1 + k,), of the k columns at `filled`."""

    def __init__(self, coefficients: FloatArray, filled: IntArray) -> None:
        # Columns up to the last filled one lie side by side, which is quicker than picking some of them.
        self._width = int(filled[-1]) + 1 if len(filled) else 0
        self._intercept = coefficients[0]
        self._coefficients = np.zeros(self._width)
        self._coefficients[filled] = coefficients[1:]

    def of(self, design: Design) -> FloatArray:
        predictor: FloatArray = self._intercept + design.linear[:, : self._width] @ self._coefficients
        return predictor


class _Split:
    """The probability of one level among the levels that are left."""

    def __init__(self, design: Design, hit: BoolArray, among: BoolArray, tuning: Tuning, seed: int) -> None:
        target = hit[among]
        self._tree = None
        fewer = min(target.sum(), len(target) - target.sum())
        if fewer < FEWEST or not design.filled.any():
            share = (target.sum() + _PRIOR) / (len(target) + 2 * _PRIOR)
            self._linear = _Linear(np.array([np.log(share / (1 - share))]), np.empty(0, dtype=np.int64))
            return
        filled = np.flatnonzero(design.filled)
        features = design.linear[np.ix_(among, filled)]
        leaves = self._grow(design.plain[among], target, tuning, seed)
        fit = logistic_fit(
            target,
            np.column_stack((features, leaves)),
            # A tree was chosen among many by the same patients, so its leaves are trusted less.
            penalty=np.repeat([tuning.shrinkage, 5 * tuning.shrinkage], [features.shape[1], leaves.shape[1]]),
            tolerance=TOLERANCE,
        )
        self._of_leaf = fit.beta[len(filled) :]
        intercept = fit.intercept
        if self._tree is not None:
            intercept -= self._leaf_shares @ self._of_leaf
        self._linear = _Linear(np.append(intercept, fit.beta[: len(filled)]), filled)

    def _grow(
        self, plain: npt.NDArray[np.float32], target: BoolArray, tuning: Tuning, seed: int
    ) -> FloatArray:
        """Grow the tree; return its centred leaf indicators, shape (n, leaves), or (n, 0) without one."""
        none = np.empty((len(target), 0))
        if tuning.max_leaves < 2 or len(target) < 2 * tuning.min_leaf:
            return none
        sklearn = require_extra("generate", "sklearn.tree", "The generator event-history")
        tree = sklearn.DecisionTreeClassifier(
            criterion="entropy",
            min_samples_leaf=tuning.min_leaf,
            max_leaf_nodes=tuning.max_leaves,
            random_state=seed,
        ).fit(plain, target)
        nodes = tree.apply(plain)
        self._nodes = np.unique(nodes)
        if len(self._nodes) < 2:
            return none
        self._tree = tree
        indicators = (nodes[:, None] == self._nodes).astype(np.float64)
        self._leaf_shares = indicators.mean(axis=0)
        centred: FloatArray = indicators - self._leaf_shares
        return centred

    def probability(self, design: Design) -> FloatArray:
        eta = self._linear.of(design)
        if self._tree is not None:
            leaf = np.searchsorted(self._nodes, self._tree.apply(design.plain, check_input=False))
            eta = eta + self._of_leaf[leaf]
        probability: FloatArray = 1 / (1 + np.exp(-np.clip(eta, -30.0, 30.0)))
        return probability


class _Numbers:
    """A linear regression of normal scores; what it leaves over comes from a tree.

    The sum of the two is turned into a number by the training cohort's quantiles, between neighbours.
    """

    def __init__(
        self, column: Column, design: Design, values: FloatArray, known: BoolArray, tuning: Tuning, seed: int
    ) -> None:
        self._sorted = column.numbers
        scores = column.scores(values[known])
        filled = np.flatnonzero(design.filled)
        features = design.linear[np.ix_(known, filled)]
        coefficients = ridge_linear(features, scores, 2 * tuning.shrinkage)
        self._linear = _Linear(coefficients, filled)
        left_over = scores - coefficients[0] - features @ coefficients[1:]
        self._leaves = NumberLeaves(
            design.plain[known], left_over, min_leaf=max(_RESIDUAL_LEAF, tuning.min_leaf), seed=seed
        )

    def draw(self, design: Design, rng: np.random.Generator) -> FloatArray:
        scores = self._linear.of(design) + self._leaves.draw(design.plain, rng)
        last = len(self._sorted) - 1
        numbers: FloatArray = np.interp(ndtr(scores) * last, np.arange(last + 1), self._sorted)
        return numbers
