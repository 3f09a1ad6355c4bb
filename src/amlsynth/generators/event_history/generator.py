"""The default generator: ridge regressions for covariates, an illness-death model for both endpoints.

Sequential synthesis (Reiter, Journal of Official Statistics 2005;21:441-462) with regressions in the place of
trees: a regression repeats the associations that it was fitted to, also of alterations that few patients
carry, and has no leaf in which a single patient could stand. `chain` has the covariates, `transitions` the
outcome.

No single patient decides which states, event patterns and missing values can come out, nor where numbers end
(`building_blocks.discretion`). That is no guarantee: an attacker who refits the generator still does a little
better than guessing, most for patients with many rare alterations; benchmarks/audit.md has the figures.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from amlsynth.foundation.types import BoolArray, FloatArray, Progress
from amlsynth.generators.base import DiscreetParameters, Generator, Search
from amlsynth.generators.building_blocks.order import synthesis_order, with_shuffled_alterations
from amlsynth.generators.event_history.chain import Chain, Drawn, Tuning
from amlsynth.generators.event_history.design import MIN_CARRIERS, Layout
from amlsynth.generators.event_history.transitions import IllnessDeath, Shrinkage
from amlsynth.model_space.encoding import Encoded, columns_frame


class Params(DiscreetParameters):
    """Parameters of `event-history`. The first three trade likeness for privacy."""

    shrinkage: Annotated[
        float,
        Field(gt=0, le=1000, description="ridge penalty on associations; more is smoother and more private"),
        Search(0.3, 30, log=True),
    ] = 3.0
    min_leaf: Annotated[
        int,
        Field(ge=10, le=1000, description="patients in a leaf of the trees for interactions, at least"),
        Search(10, 80, log=True),
    ] = 20
    orders: Annotated[
        int,
        Field(ge=1, le=50, description="random orders of the alterations that patients are drawn from"),
    ] = 1
    max_leaves: Annotated[
        int,
        Field(ge=1, le=64, description="leaves of a tree for interactions, at most; 1 is none"),
        Search(1, 12),
    ] = 6
    outcome_shrinkage: Annotated[
        float,
        Field(gt=0, le=1000, description="ridge penalty on log hazard ratios"),
        Search(0.2, 20, log=True),
    ] = 1.0


class EventHistory(Generator):
    """Sequential regressions, and transitions between response, event and death."""

    name = "event-history"
    summary = "sequential regressions and an illness-death model for both endpoints (default)"
    hides_single_patients = True
    minimum_patients = 50
    parallel_sampling = True
    Params = Params

    @property
    def carriers_to_infer(self) -> int:
        """How many carriers keep the ridge penalty's bias of an effect within half a standard error.

        A log odds ratio b that is estimated from c carriers, half of whom respond, has a standard error of
        2 / sqrt(c); a penalty p pulls it towards 0 by p b of these squared, that is by 2 p b / sqrt(c)
        standard errors. With b = 1, an odds ratio of 2.7, this is a half where c = 16 p^2.

        Examples
        --------
        >>> EventHistory(Params(shrinkage=3.0)).carriers_to_infer
        144
        """
        penalty: float = max(self.params.shrinkage, self.params.outcome_shrinkage)
        return max(math.ceil(16 * penalty**2), MIN_CARRIERS)

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        p = self.params
        orders = [
            synthesis_order(
                {str(k): codes for k, codes in train.states.items()}, map(str, train.numbers), self.dictionary
            )
        ]
        orders += [with_shuffled_alterations(orders[0], self.dictionary, rng) for _ in range(p.orders - 1)]
        tuning = Tuning(p.shrinkage, p.min_leaf, p.max_leaves)
        layout = Layout(train, orders[0], self.dictionary)
        self._chains = []
        for done, order in enumerate(orders):
            progress("fitting covariates", done / len(orders))
            self._chains.append(Chain(train, layout, order, tuning, self.dictionary, rng))
        progress("fitting the outcome", 0.0)
        self._outcome = IllnessDeath(
            train,
            self._chains[0].design.linear,
            self._failed(train.states),
            Shrinkage(p.outcome_shrinkage, 5 * p.outcome_shrinkage, 20 * p.outcome_shrinkage),
        )
        for chain in self._chains:
            del chain.design  # the training patients are not kept
        self._states = [str(name) for name in train.states]
        self._numbers = [str(name) for name in train.numbers]
        progress("fitting the outcome", 1.0)

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        counts = rng.multinomial(n, np.full(len(self._chains), 1 / len(self._chains)))
        parts = [
            self._draw(chain, int(count), rng)
            for chain, count in zip(self._chains, counts, strict=True)
            if count
        ]
        return parts[0] if len(parts) == 1 else _joined(parts).take(rng.permutation(n))

    def _draw(self, chain: Chain, n: int, rng: np.random.Generator) -> Encoded:
        design, drawn = chain.draw(n, rng)
        states = columns_frame({name: self._coded(drawn, name) for name in self._states}, n)
        pattern, time, gap = self._outcome.draw(design.linear, self._failed(states), rng)
        return Encoded(
            states=states,
            numbers=columns_frame({name: drawn.values[name] for name in self._numbers}, n),
            missing=columns_frame({name: drawn.missing[name] for name in self._numbers}, n),
            pattern=pattern,
            time=time,
            gap=gap,
        )

    def _coded(self, drawn: Drawn, name: str) -> npt.NDArray[np.int8]:
        missing = len(self.dictionary[name].values)
        return np.where(drawn.missing[name], missing, drawn.values[name]).astype(np.int8)

    def _failed(self, states: pd.DataFrame) -> BoolArray:
        """Return in whom the response was not reached, shape (n,); in nobody where there is no response."""
        response = self.dictionary.response
        if response is None:
            return np.zeros(len(states), dtype=bool)
        # An unknown response is mostly death before it could be assessed.
        return np.asarray(states[response.name].to_numpy() != 1)


def _joined(parts: list[Encoded]) -> Encoded:
    def stacked(name: str) -> pd.DataFrame:
        frames: list[pd.DataFrame] = [getattr(part, name) for part in parts]
        return pd.concat(frames, ignore_index=True)

    def together(name: str) -> FloatArray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Encoded(
        states=stacked("states"),
        numbers=stacked("numbers"),
        missing=stacked("missing"),
        pattern=np.concatenate([part.pattern for part in parts]),
        time=together("time"),
        gap=together("gap"),
    )
