"""Sequential CART synthesis: each variable is drawn from a tree grown on those drawn before it.

The method of Reiter (Journal of Official Statistics 2005; 21: 441-462) in the order age, sex, disease,
karyotype, alterations, laboratory values, remission, and then the outcome in three steps: event pattern,
survival time, gap between event and end of follow-up. NA is one of the states that are drawn.

Unlike in the original method, nothing is copied from a donor: frequencies in a leaf are shrunk towards
those of the whole cohort, and numbers are drawn between the neighbours in a leaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from amlsynth.encoding import PATTERNS, Encoded
from amlsynth.generators.base import Generator, Parameters, Progress
from amlsynth.generators.leaves import Features, Leaves, NumberLeaves, StateLeaves

Array = npt.NDArray[Any]
_BEFORE = [code for code, pattern in enumerate(PATTERNS) if pattern.times == "before"]


class Params(Parameters):
    """Parameters of `sequential-cart`."""

    min_leaf: Annotated[int, Field(ge=5, le=1000, description="patients in a leaf, at least")] = 10
    min_leaf_outcome: Annotated[
        int, Field(ge=5, le=1000, description="patients in a leaf of the outcome's trees, at least")
    ] = 15
    prior: Annotated[
        float, Field(ge=0, le=100, description="patients' worth of the whole cohort mixed into each leaf")
    ] = 0.5


@dataclass(frozen=True)
class _Step:
    """One thing that is drawn: the states, the missingness or the number of a covariate, or an outcome."""

    name: str
    kind: Literal["states", "missing", "number", "pattern", "time", "gap"]

    @property
    def is_state(self) -> bool:
        return self.kind in ("states", "missing", "pattern")

    @property
    def is_outcome(self) -> bool:
        return self.kind in ("pattern", "time", "gap")


class SequentialCart(Generator):
    """Trees in sequence, for covariates and for both endpoints at once."""

    name = "sequential-cart"
    summary = "trees in sequence, with event pattern and both endpoints (default)"
    minimum_patients = 50
    Params = Params

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        targets = self._targets(train)
        self._models: dict[_Step, Leaves] = {}
        features: list[Features] = []
        for done, (step, target) in enumerate(targets.items()):
            progress("fitting trees", done / len(targets))
            known = _drawn_for(step, targets)
            self._models[step] = self._grow(step, _stack(features, len(train))[known], target[known], rng)
            features += _seen_later(step, target, known)
        progress("fitting trees", 1.0)

    def _grow(self, step: _Step, features: Features, target: Array, rng: np.random.Generator) -> Leaves:
        min_leaf = self.params.min_leaf_outcome if step.is_outcome else self.params.min_leaf
        seed = int(rng.integers(2**31))
        if step.is_state:
            return StateLeaves(features, target, min_leaf=min_leaf, prior=self.params.prior, seed=seed)
        return NumberLeaves(features, target, min_leaf=min_leaf, seed=seed)

    def _targets(self, train: Encoded) -> dict[_Step, Array]:
        """Return what is drawn, in the order of synthesis, with the training patients' values."""
        targets: dict[_Step, Array] = {}
        for name in self._order(train):
            if name in train.numbers:
                targets[_Step(name, "missing")] = train.missing[name].to_numpy(np.int8)
                targets[_Step(name, "number")] = train.numbers[name].to_numpy(np.float64)
            else:
                targets[_Step(name, "states")] = train.states[name].to_numpy(np.int8)
        targets[_Step("outcome", "pattern")] = train.pattern
        # Times are positive and skewed: on the log scale neighbours in a leaf are comparable. The gap is
        # kept as a share of the time, on the logit scale, so that it can never exceed it.
        targets[_Step("outcome", "time")] = np.log(train.time)
        share = np.clip(train.gap / train.time, 1e-9, 1 - 1e-9)
        targets[_Step("outcome", "gap")] = np.log(share / (1 - share))
        return targets

    def _order(self, train: Encoded) -> list[str]:
        """Return the covariates in the order of synthesis.

        Alterations come from frequent to rare, so that a rare one can depend on the frequent ones;
        laboratory values after them, and remission last.
        """
        alterations = {v.name for v in self.dictionary.alterations}
        remission = "CR1"
        states = [str(name) for name in train.states]
        first, *laboratory = (str(name) for name in train.numbers)
        clinical = [name for name in states if name not in alterations and name != remission]
        carriers = {name: int((train.states[name] == 1).sum()) for name in states if name in alterations}
        by_frequency = sorted(carriers, key=lambda name: -carriers[name])
        last = [name for name in states if name == remission]
        return [first, *clinical, *by_frequency, *laboratory, *last]

    def _sample(self, n: int, rng: np.random.Generator, progress: Progress) -> Encoded:
        features: list[Features] = []
        drawn: dict[_Step, Array] = {}
        for done, (step, model) in enumerate(self._models.items()):
            progress("sampling", done / len(self._models))
            # The condition of a step looks at steps before it, which have been drawn by now.
            drawn[step] = np.zeros(n, dtype=model.dtype)
            known = _drawn_for(step, drawn)
            if known.any():
                drawn[step][known] = model.draw(_stack(features, n)[known], rng)
            features += _seen_later(step, drawn[step], known)
        progress("sampling", 1.0)
        return _assembled(drawn)


def _drawn_for(step: _Step, values: dict[_Step, Array]) -> npt.NDArray[np.bool_]:
    """Return for whom a step is drawn: numbers where not missing, gaps where the pattern has one."""
    if step.kind == "number":
        return np.asarray(values[_Step(step.name, "missing")] == 0)
    if step.kind == "gap":
        return np.isin(values[_Step("outcome", "pattern")], _BEFORE)
    if step.kind == "time":
        return ~np.isnan(values[step])
    return np.ones(len(values[step]), dtype=bool)


def _seen_later(step: _Step, values: Array, known: npt.NDArray[np.bool_]) -> list[Features]:
    """Return what later trees see of a step: one-hot event patterns, the rest as it is, -1 for unknown."""
    if step.kind == "pattern":
        return [(values == code).astype(np.float32) for code in range(len(PATTERNS))]
    return [np.where(known, values, -1).astype(np.float32)]


def _stack(features: list[Features], n: int) -> Features:
    return np.column_stack(features) if features else np.zeros((n, 0), dtype=np.float32)


def _assembled(drawn: dict[_Step, Array]) -> Encoded:
    def frame(kind: str) -> pd.DataFrame:
        return pd.DataFrame({step.name: values for step, values in drawn.items() if step.kind == kind})

    time = np.exp(drawn[_Step("outcome", "time")])
    return Encoded(
        states=frame("states"),
        numbers=frame("number"),
        missing=frame("missing") == 1,
        pattern=drawn[_Step("outcome", "pattern")],
        time=time,
        gap=time / (1 + np.exp(-drawn[_Step("outcome", "gap")])),
    )
