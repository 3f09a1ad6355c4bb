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
KINDS = (
    "same",
    "effects turned",
    "effects halved",
    "frequencies moved",
    "all moved",
    "lives longer",
    "lives shorter",
)
# Of the two populations that differ from the prior as trials do: factors of every hazard, of follow-up and of
# age, which move median survival to about 1.7 times and half of the prior's.
_TRIALS: Mapping[str, tuple[float, float, float]] = {
    "lives longer": (0.85, 0.8, 0.92),
    "lives shorter": (1.4, 1.1, 1.08),
}
_TRANSITIONS = ("relapse", "death_in_remission", "death_after_event")


def altered(kind: str, seed: int = 0) -> Parameters:
    """Return the simulator's parameters, altered.

    Parameters
    ----------
    kind : "same"; "effects turned" and "effects halved", all log hazard and odds ratios of outcomes times -1
        and 1/2; "frequencies moved", every log odds by a normal number of standard deviation 0.45; "all
        moved", these and associations (0.35), effects (0.3), times, laboratory values and follow-up; "lives
        longer" and "lives shorter", all these, and other hazards, ages, shapes of laboratory values and
        panels of missing values.
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
    moved_all = p.model_copy(update=updates)
    return moved_all if kind == "all moved" else _trial(moved_all, p, *_TRIALS[kind], rng)


def population(kind: str, n: int, seed: int) -> pd.DataFrame:
    """Return n patients of an altered population, with the missing values of its parameters.

    In "lives shorter" genes are also missing one by one in patients with poor samples, so that what is
    missing hangs together without being a panel.
    """
    frame = simulate(altered(kind, seed), n, np.random.default_rng([12, seed]))
    return _poor_samples(frame, np.random.default_rng([13, seed])) if kind == "lives shorter" else frame


def two_courses(kind: str, n: int, seed: int) -> pd.DataFrame:
    """Return n patients of an altered population whose failures are found after one course or after two.

    The simulator has one time at which failure is found. Here it lies at the end of the first or the second
    course, each sharply, and a third of those who fail reach remission later, as some trials define EFS.
    """
    rng = np.random.default_rng([55, seed])
    parts = []
    for number, months in enumerate((rng.uniform(0.8, 1.1), rng.uniform(1.8, 2.2))):
        p = altered(kind, seed)
        found = p.induction.refractory.model_copy(update={"median": months, "sigma": rng.uniform(0.08, 0.15)})
        induction = p.induction.model_copy(update={"refractory": found})
        size = n // 2 if number == 0 else n - n // 2
        parts.append(
            simulate(
                p.model_copy(update={"induction": induction}), size, np.random.default_rng([56, seed, number])
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    failed = (frame["CR1"] == 0) & (frame["EFSSTAT"] == 1) & (frame["EFSTM"] < frame["OSTM"])
    later = failed.fillna(False).to_numpy() & (rng.random(n) < 0.35)
    frame.loc[later, "CR1"] = 1
    return frame


def _poor_samples(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    poor = rng.random(len(frame)) < 0.1
    for name in _genes(parameters()):
        if rng.random() < 0.5:
            frame.loc[poor & (rng.random(len(frame)) < 0.3), name] = pd.NA
    return frame


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


def _trial(p, prior, hazard, follow_up, age, rng):  # type: ignore[no-untyped-def]
    """Return parameters with other survival and ages, other shapes of values and panels of missing ones."""
    updates: dict[str, object] = {}
    for name in _TRANSITIONS:
        model = getattr(p, name)
        updates[name] = model.model_copy(update={"strength": hazard * model.strength})
    later = tuple((share, follow_up * months) for share, months in prior.follow_up.quantiles)
    updates["follow_up"] = p.follow_up.model_copy(update={"quantiles": later})
    older = tuple((share, min(age * years, 95.0)) for share, years in p.age.quantiles)
    updates["age"] = p.age.model_copy(update={"quantiles": older})
    updates["laboratory"] = tuple(_bent(one, rng) for one in p.laboratory)
    updates["missing"] = _panels(p, rng)
    return p.model_copy(update=updates)


def _bent(model, rng):  # type: ignore[no-untyped-def]
    """Return a value with a smooth law of another shape: split normal on the log scale, tails bent."""
    scores, values = np.array(model.scores), np.log(np.array(model.values, dtype=float))
    middle = len(values) // 2
    centred = scores - scores[middle]
    below, above = (values[middle] - values[1]) / -centred[1], (values[-2] - values[middle]) / centred[-2]
    wide = np.where(centred < 0, below, above) * np.exp(0.15 * rng.normal(size=2))[(centred > 0).astype(int)]
    curved = values[middle] + wide * centred * (1 + 0.03 * rng.normal() * np.abs(centred))
    return model.model_copy(update={"values": tuple(float(v) for v in np.exp(curved))})


def _panels(p: Parameters, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Return blocks of missing values as trials have them: panels of genes, some of them run in part."""
    template, order = p.missing[0], [str(name) for name in rng.permutation(_genes(p))]
    cuts = np.sort(rng.choice(np.arange(3, len(order) - 2), size=2, replace=False))
    blocks: list[tuple[tuple[str, ...], float]] = [
        (tuple(panel), float(rng.uniform(0.01, 0.12)))
        for panel in (order, order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :])
    ]
    blocks += [(("group:karyotype", "group:cytogenetic"), float(rng.uniform(0.02, 0.08)))]
    singles = ("AMLSTAT", "EXAML", "WBC", "HB", "PLT", "FLT3T", "NPM1", *order[:8])
    blocks += [((name,), float(rng.uniform(0.002, 0.06))) for name in singles]
    return tuple(template.model_copy(update={"columns": names, "share": share}) for names, share in blocks)


def _genes(p: Parameters) -> list[str]:
    return list(max(p.missing, key=lambda block: len(block.columns)).columns)


def _laboratory(model, rng):  # type: ignore[no-untyped-def]
    values = np.array(model.values, dtype=float)
    # Another level and spread; on the log scale, as these values are skewed or nearly so.
    middle = values[len(values) // 2]
    values = middle * (values / middle) ** np.exp(0.12 * rng.normal()) * np.exp(0.15 * rng.normal())
    return model.model_copy(
        update={"values": tuple(float(v) for v in values), "given": _jittered(model.given, 0.15, rng)}
    )
