"""Sequential CART synthesis: each variable is drawn from a tree grown on those drawn before it.

The method of Reiter (Journal of Official Statistics 2005; 21: 441-462) in the order age, sex, disease,
karyotype, alterations, laboratory values, response, and then the outcome in three steps: event pattern,
survival time, gap between event and end of follow-up. NA is one of the states that are drawn.

Unlike in the original method, nothing is copied from a donor: frequencies in a leaf are shrunk towards
those of the whole cohort, and numbers are drawn between the neighbours in a leaf. No single patient decides
what can come out (`building_blocks.discretion`), which is no guarantee against attacks; benchmarks/audit.md
has the figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from amlsynth.foundation.types import BoolArray, Progress
from amlsynth.generators.base import DiscreetParameters, Generator, Search
from amlsynth.generators.building_blocks.leaves import Features, Leaves, NumberLeaves, StateLeaves
from amlsynth.generators.building_blocks.order import synthesis_order
from amlsynth.generators.building_blocks.scales import from_real_line, to_real_line
from amlsynth.model_space.encoding import PATTERNS, Encoded, columns_frame

Array = npt.NDArray[Any]
_BEFORE = [code for code, pattern in enumerate(PATTERNS) if pattern.times == "before"]


class Params(DiscreetParameters):
    """Parameters of `sequential-cart`."""

    min_leaf: Annotated[
        int, Field(ge=5, le=1000, description="patients in a leaf, at least"), Search(5, 60, log=True)
    ] = 10
    min_leaf_outcome: Annotated[
        int,
        Field(ge=5, le=1000, description="patients in a leaf of the outcome's trees, at least"),
        Search(5, 100, log=True),
    ] = 15
    prior: Annotated[
        float,
        Field(ge=0, le=100, description="patients' worth of the whole cohort mixed into each leaf"),
        Search(0.05, 10, log=True),
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
    summary = "trees in sequence, with event pattern and both endpoints"
    hides_single_patients = True
    minimum_patients = 50
    parallel_sampling = True
    Params = Params

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        targets = self._targets(train)
        self._models: dict[_Step, Leaves] = {}
        seen = _Seen(len(train), targets)
        for done, (step, target) in enumerate(targets.items()):
            progress("fitting trees", done / len(targets))
            known = _drawn_for(step, targets)
            self._models[step] = self._grow(step, seen.of(known), target[known], rng)
            seen.add(step, target, known)
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
        for name in synthesis_order(
            {str(k): codes for k, codes in train.states.items()}, map(str, train.numbers), self.dictionary
        ):
            if name in train.numbers:
                targets[_Step(name, "missing")] = train.missing[name].to_numpy(np.int8)
                targets[_Step(name, "number")] = train.numbers[name].to_numpy(np.float64)
            else:
                targets[_Step(name, "states")] = train.states[name].to_numpy(np.int8)
        targets[_Step("outcome", "pattern")] = train.pattern
        targets[_Step("outcome", "time")], targets[_Step("outcome", "gap")] = to_real_line(
            train.time, train.gap
        )
        return targets

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        return _assembled(self._draw(n, rng))

    def _draw(self, n: int, rng: np.random.Generator) -> dict[_Step, Array]:
        seen = _Seen(n, self._models)
        drawn: dict[_Step, Array] = {}
        for step, model in self._models.items():
            # The condition of a step looks at steps before it, which have been drawn by now.
            drawn[step] = np.zeros(n, dtype=model.dtype)
            known = _drawn_for(step, drawn)
            if known.any():
                drawn[step][known] = model.draw(seen.of(known), rng)
            seen.add(step, drawn[step], known)
        return drawn


class _Seen:
    """What trees see of the steps before theirs: a matrix (n, features) that fills from left to right.

    Columns of later steps are 0 throughout, on which no tree can split; so one matrix serves all trees, and
    nothing is copied from step to step. An event pattern is one-hot, the rest stands as it is, -1 unknown.
    """

    def __init__(self, n: int, steps: Iterable[_Step]) -> None:
        width = sum(len(PATTERNS) if step.kind == "pattern" else 1 for step in steps)
        self._matrix: Features = np.zeros((n, width), dtype=np.float32)
        self._filled = 0

    def of(self, known: BoolArray) -> Features:
        return self._matrix if known.all() else self._matrix[known]

    def add(self, step: _Step, values: Array, known: BoolArray) -> None:
        if step.kind == "pattern":
            self._matrix[np.arange(len(values)), self._filled + values.astype(np.int64)] = 1
            self._filled += len(PATTERNS)
        else:
            self._matrix[:, self._filled] = np.where(known, values, -1)
            self._filled += 1


def _drawn_for(step: _Step, values: dict[_Step, Array]) -> BoolArray:
    """Return for whom a step is drawn: numbers where not missing, gaps where the pattern has one."""
    if step.kind == "number":
        return np.asarray(values[_Step(step.name, "missing")] == 0)
    if step.kind == "gap":
        return np.isin(values[_Step("outcome", "pattern")], _BEFORE)
    if step.kind == "time":
        return ~np.isnan(values[step])
    return np.ones(len(values[step]), dtype=bool)


def _assembled(drawn: dict[_Step, Array]) -> Encoded:
    time, gap = from_real_line(drawn[_Step("outcome", "time")], drawn[_Step("outcome", "gap")])

    def frame(kind: str) -> pd.DataFrame:
        columns = {step.name: values for step, values in drawn.items() if step.kind == kind}
        return columns_frame(columns, len(time))

    return Encoded(
        states=frame("states"),
        numbers=frame("number"),
        missing=frame("missing") == 1,
        pattern=drawn[_Step("outcome", "pattern")],
        time=time,
        gap=gap,
    )
