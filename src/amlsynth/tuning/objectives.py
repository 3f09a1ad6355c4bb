"""What tuning maximises: named scores, each a weighted mean of components from 0 (worst) to 1 (best).

`paper` is what Eckardt et al. (npj Digit Med 2024) tuned on. The text names Optuna, the metrics, and complete
remission, overall survival and the difference to event-free survival as what was tuned for (page 6), but no
weights. Those here are of the authors' published configuration (github.com/waldemar93/
synthetic_data_pipeline, config/gen_optimization): all 1, but 2 for each of the two usability scores. The
formulas are those of this package's evaluation, with its histogram gradient boosting where the authors train
CatBoost with parameters of their own.
Event-free survival is not in it, which is what the paper blames its poor event-free survival on (page 3).

`default` scores the endpoints, single columns, pairs, univariable effects, a classifier that tells real from
synthetic, and what the cohort gives away, against patients that the generator did not see. The weights are
this project's: a quarter to privacy, a quarter to the curves and their ties. What a
dictionary does not have is not in its objectives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.dictionary.roles import Endpoint
from amlsynth.evaluation.fidelity.columns import basic_statistical_measure
from amlsynth.evaluation.fidelity.two_sample import discriminator_score, k_means_score
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.prediction.prediction import event_within
from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.evaluation.survival.curves import share_same_time
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.associations import log_correlation_score
from amlsynth.statistics.coding import numbers
from amlsynth.statistics.coverage import regularized_support_coverage
from amlsynth.survival.curve_distance import CurveDistance, curve_distance
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.tuning import measures

_APART = 0.10  # divergence of curves, and difference of shares, at which a score of `default` is 0


@dataclass(frozen=True)
class Part:
    """One inner split: what the generator was fitted to, what it did not see, and what it made."""

    train: pd.DataFrame
    unseen: pd.DataFrame
    synthetic: pd.DataFrame
    dictionary: Dictionary
    seed: int

    def curves(self, endpoint: Endpoint) -> CurveDistance:
        return curve_distance(endpoint_data(self.train, endpoint), endpoint_data(self.synthetic, endpoint))

    @property
    def rng(self) -> np.random.Generator:
        """The same draws for every trial and component."""
        return np.random.default_rng(self.seed)

    @property
    def _frames(self) -> tuple[pd.DataFrame, pd.DataFrame, Dictionary]:
        return self.train, self.synthetic, self.dictionary


@dataclass(frozen=True)
class Component:
    """One thing that an objective scores; `score` may raise `NotComputable`."""

    name: str
    weight: float
    score: Callable[[Part], float]

    def of(self, part: Part) -> float | None:
        """Return the score, or None where these patients do not allow to compute it."""
        try:
            with one_thread():
                return float(self.score(part))
        except NotComputable:
            return None


@dataclass(frozen=True)
class Objective:
    """A named set of components."""

    name: str
    summary: str
    components: tuple[Component, ...]

    def assessable(self, part: Part) -> Objective:
        """Return the objective without what these patients do not allow to score.

        Parameters
        ----------
        part : an inner split with the training patients themselves as the synthetic cohort.

        Raises
        ------
        DataError
            Nothing is left.
        """
        kept = tuple(component for component in self.components if component.of(part) is not None)
        if not kept:
            raise DataError(
                f"None of what the objective {self.name!r} scores can be computed for this cohort."
            )
        return Objective(self.name, self.summary, kept)

    def scores(self, part: Part) -> dict[str, float]:
        """Return the score of each component; what the synthetic cohort does not allow to compute is 0."""
        return {component.name: component.of(part) or 0.0 for component in self.components}

    def total(self, scores: Mapping[str, float]) -> float:
        """Return the weighted mean of the components' scores."""
        weights = {component.name: component.weight for component in self.components}
        return sum(weights[name] * score for name, score in scores.items()) / sum(weights.values())


def _near(difference: float) -> float:
    return 1 - min(1.0, abs(difference) / _APART)


def _ties(part: Part, terminal: Endpoint, composite: Endpoint) -> float:
    ours, theirs = (
        share_same_time(frame, terminal, composite).value for frame in (part.train, part.synthetic)
    )
    assert ours is not None and theirs is not None  # a share always has a value, or is not computable
    return _near(ours - theirs)


def _columns(part: Part) -> float:
    return (basic_statistical_measure(*part._frames) + regularized_support_coverage(*part._frames)) / 2


def _curve(endpoint: Endpoint) -> Component:
    return Component(endpoint.suffix, 1.25, lambda p: _near(p.curves(endpoint).divergence))


def _default(d: Dictionary) -> Objective:
    components = [_curve(endpoint) for endpoint in d.endpoints]
    if d.composite is not None:
        ties = partial(_ties, terminal=d.terminal, composite=d.composite)
        components.append(Component("ties", 0.5, ties))
    components += [
        Component("columns", 1.5, _columns),
        Component("pairs", 1.5, lambda p: log_correlation_score(*p._frames)),
        Component("effects", 1.5, lambda p: measures.effects_kept(*p._frames)),
        Component("classifier", 1.5, lambda p: discriminator_score(*p._frames, p.rng)),
        Component("privacy", 3.0, lambda p: measures.privacy(p.train, p.synthetic, p.unseen, p.dictionary)),
    ]
    summary = "endpoints, columns, pairs, effects, a classifier, privacy"
    return Objective("default", summary, tuple(components))


def _paper(d: Dictionary) -> Objective:
    terminal, response = d.terminal, d.roles.response
    components = [
        Component("bsm", 1, lambda p: basic_statistical_measure(*p._frames)),
        Component("logcorr", 1, lambda p: log_correlation_score(*p._frames)),
        Component("rsc", 1, lambda p: regularized_support_coverage(*p._frames)),
        Component("discriminator", 1, lambda p: discriminator_score(*p._frames, p.rng)),
        Component("k_means", 1, lambda p: k_means_score(*p._frames, p.rng)),
    ]
    if response is not None:
        reached = partial(_response, variable=response.variable)
        components.append(_learned(f"mcc_{response.name.lower()}", reached))
    suffix = terminal.suffix
    components += [
        _learned(f"mcc_{suffix}_2y", partial(event_within, endpoint=terminal)),
        Component(f"optimism_{suffix}", 1, lambda p: 1 - abs(p.curves(terminal).optimism)),
        Component(f"divergence_{suffix}", 1, lambda p: 1 - p.curves(terminal).divergence),
        Component(f"sight_{suffix}", 1, lambda p: max(0.0, 1 - abs(p.curves(terminal).short_sightedness))),
    ]
    summary = f"what Eckardt et al. tuned on: fidelity, usability, {terminal.label.lower()}"
    return Objective("paper", summary, tuple(components))


def _learned(name: str, outcome: Callable[[pd.DataFrame], FloatArray]) -> Component:
    return Component(name, 2, lambda p: measures.learns(p.synthetic, p.unseen, outcome, p.dictionary))


def _response(frame: pd.DataFrame, variable: str) -> FloatArray:
    return numbers(frame[variable])


# By name: makes the objective that a dictionary allows.
OBJECTIVES: dict[str, Callable[[Dictionary], Objective]] = {"default": _default, "paper": _paper}


def objective(name: str, d: Dictionary) -> Objective:
    """Return a named objective, of what the dictionary has.

    Raises
    ------
    UsageError
        There is none of that name; the sentence tells the nearest.
    """
    check_name(name)
    return OBJECTIVES[name](d)


def check_name(name: str) -> None:
    """Raise a UsageError where there is no objective of that name; the sentence tells the nearest."""
    if name not in OBJECTIVES:
        raise UsageError(
            f"There is no objective {name!r}.{did_you_mean(name, OBJECTIVES)} "
            f"Objectives: {', '.join(OBJECTIVES)}."
        )
