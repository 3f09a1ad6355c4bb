"""Simulated populations that differ from the reference cohort's on purpose, as data and as wrong priors.

Each is the reference simulator with other parameters. Settings of the generator `private` may be chosen on
those with seeds below `HELD_BACK`; benchmarks report the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.generators.private.prior import Prior
from amlsynth.sources.reference import simulate
from amlsynth.sources.reference_parameters import Parameters, parameters

HELD_BACK = 100  # the first seed that no setting may be chosen on
_OUTCOMES = ("remission", "relapse", "death_in_remission", "death_after_event")
KINDS = ("same", "effects turned", "effects halved", "frequencies moved", "all moved")


def altered(kind: str, seed: int = 0) -> Parameters:
    """Return the simulator's parameters, altered.

    Parameters
    ----------
    kind : "same"; "effects turned" and "effects halved", all log hazard and odds ratios of outcomes times -1
        and 1/2; "frequencies moved", every log odds by a normal number of standard deviation 0.45; "all
        moved", these and associations (0.35), effects (0.3), times, laboratory values and follow-up.
    """
    p, rng = parameters(), np.random.default_rng([11, seed])
    if kind == "same":
        return p
    if kind in ("effects turned", "effects halved"):
        factor = -1.0 if kind == "effects turned" else 0.5
        return p.model_copy(update={name: _scaled(getattr(p, name), factor) for name in _OUTCOMES})
    moved = tuple(s.model_copy(update={"base": s.base + 0.45 * rng.normal()}) for s in p.states)
    if kind == "frequencies moved":
        return p.model_copy(update={"states": moved})
    states = tuple(
        s.model_copy(update={"given": _jittered(s.given, 0.35, rng), "age": s.age + 0.08 * rng.normal()})
        for s in moved
    )
    updates = {"states": states} | {name: _moved(getattr(p, name), rng) for name in _OUTCOMES}
    updates["laboratory"] = tuple(_laboratory(one, rng) for one in p.laboratory)
    shorter = tuple((share, 0.7 * months) for share, months in p.follow_up.quantiles)
    updates["follow_up"] = p.follow_up.model_copy(update={"quantiles": shorter})
    return p.model_copy(update=updates)


def population(kind: str, n: int, seed: int) -> pd.DataFrame:
    """Return n patients of an altered population, with the reference cohort's missing values."""
    return simulate(altered(kind, seed), n, np.random.default_rng([12, seed]))


@dataclass(frozen=True)
class SimulatedPrior(Prior):
    """The altered simulator in the place of the reference cohort's, as a prior."""

    kind: str
    seed: int

    @property
    def dictionary(self) -> Dictionary:  # type: ignore[override]
        return dictionary()

    @property
    def description(self) -> dict[str, str]:
        return {"prior": f"{self.kind}, seed {self.seed}"}

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return simulate(altered(self.kind, self.seed), n, rng)

    def draw_complete(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        complete = altered(self.kind, self.seed).model_copy(update={"missing": ()})
        return simulate(complete, n, rng)


def _jittered(given: Mapping[str, float], spread: float, rng: np.random.Generator) -> dict[str, float]:
    return {name: effect + spread * rng.normal() for name, effect in given.items()}


def _scaled(model, factor):  # type: ignore[no-untyped-def]
    # "refractory" is a state of the course, not a covariate.
    given = {name: value * (1.0 if name == "refractory" else factor) for name, value in model.given.items()}
    return model.model_copy(update={"given": given, "age": factor * model.age})


def _moved(model, rng):  # type: ignore[no-untyped-def]
    update = {"given": _jittered(model.given, 0.3, rng), "age": model.age + 0.08 * rng.normal()}
    if hasattr(model, "base"):
        update["base"] = model.base + 0.3 * rng.normal()
    else:
        update["scale"] = model.scale * float(np.exp(0.25 * rng.normal()))
        update["strength"] = model.strength * float(np.exp(0.2 * rng.normal()))
    return model.model_copy(update=update)


def _laboratory(model, rng):  # type: ignore[no-untyped-def]
    values = np.array(model.values, dtype=float)
    # Another level and spread; on the log scale, as these values are skewed or nearly so.
    middle = values[len(values) // 2]
    values = middle * (values / middle) ** np.exp(0.12 * rng.normal()) * np.exp(0.15 * rng.normal())
    return model.model_copy(
        update={"values": tuple(float(v) for v in values), "given": _jittered(model.given, 0.15, rng)}
    )
