"""The embedded reference cohort: simulated from published aggregates, it holds no patient's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.foundation.files import sha256
from amlsynth.sources.reference_parameters import (
    PARAMETERS_FILE,
    Effects,
    Laboratory,
    Logistic,
    LogNormal,
    Parameters,
    Quantiles,
    State,
    Transition,
    parameters,
)

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

STATEMENT: Final = (
    "This cohort is simulated. It was drawn from a model whose parameters are published aggregates of the "
    "original cohort of Eckardt et al. (npj Digital Medicine 2024, tables 1 and 2) and published knowledge "
    "of AML; it holds no patient's data and was fitted to none. It is for demonstration, teaching and "
    "testing; no conclusion about patients can be drawn from it."
)
_AGE_ORIGIN = 56.0  # years at which the effects of age are nil
_LEUKOCYTOSIS = 100.0  # GPt/l


def reference_cohort(n: int = 1606, seed: int = 1) -> Cohort:
    """Return the reference cohort as a validated original cohort.

    Parameters
    ----------
    n : number of simulated patients, at least 1; 1,606 as in the paper.
    seed : seed of the simulation, at least 0. The same n and seed give the same cohort.

    Raises
    ------
    UsageError
        `n` or `seed` is too small.

    Notes
    -----
    Every parameter and its source are in `reference.yaml` beside this module. The figures that the
    cohort reproduces, within the sampling error of its size, are those of Eckardt et al., npj Digit
    Med 2024, tables 1 and 2 (doi 10.1038/s41746-024-01076-x).

    Examples
    --------
    >>> cohort = reference_cohort(n=100, seed=1)
    >>> cohort.n, cohort.about.simulated
    (100, True)
    """
    about = About(
        name="aml-reference",
        title="Simulated reference cohort of adults with acute myeloid leukemia",
        simulated=True,
        statement=STATEMENT,
        provenance={"n": n, "seed": seed, "parameters_sha256": sha256(PARAMETERS_FILE)},
    )
    return Cohort.create(reference_frame(n, seed), "original", about)


def reference_frame(n: int = 1606, seed: int = 1) -> pd.DataFrame:
    """Return the typed frame of `reference_cohort`, not validated; parameters and errors as there."""
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} is {value}; give a whole number from {least} up.")
    return simulate(parameters(), n, np.random.default_rng(seed))


def simulate(p: Parameters, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate `n` patients with parameters `p`: the typed frame, missing values included."""
    flags, values = simulate_baseline(p, n, rng)
    remission, refractory = simulate_induction(p, flags, values["AGE"], rng)
    outcome = simulate_survival(p, flags, values["AGE"], remission, refractory, rng)
    flags["CR1"] = remission
    return _typed(p, flags, values | outcome, rng)


def simulate_baseline(
    p: Parameters, n: int, rng: np.random.Generator
) -> tuple[dict[str, Flags], dict[str, Floats]]:
    """Simulate what is known at diagnosis: yes-or-no variables, and AGE, WBC, HB and PLT."""
    age = np.rint(from_quantiles(p.age, spread_shares(n, rng)))
    flags: dict[str, Flags] = {"male": balanced(np.full(n, p.male.share), rng)}
    for state in p.states:
        flags[state.name] = draw_state(state, flags, age, rng)
    values = {"AGE": age}
    for laboratory in p.laboratory:
        values[laboratory.name] = laboratory_values(laboratory, laboratory_score(laboratory, flags, age, rng))
    flags["leukocytosis"] = values["WBC"] > _LEUKOCYTOSIS
    return flags, values


def simulate_induction(
    p: Parameters, flags: Mapping[str, Flags], age: Floats, rng: np.random.Generator
) -> tuple[Flags, Flags]:
    """Simulate who reaches complete remission and who is refractory; the others die in induction."""
    remission = balanced(probability(p.remission, flags, age), rng)
    early_death = balanced(probability(p.early_death, flags, age) * ~remission, rng)
    return remission, ~remission & ~early_death


def simulate_survival(
    p: Parameters,
    flags: Mapping[str, Flags],
    age: Floats,
    remission: Flags,
    refractory: Flags,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Simulate both endpoints as an illness-death model with independent censoring.

    Diagnosis leads to remission, refractory disease or death in induction; remission to relapse or
    death; refractory disease and relapse to death; every path to death from other causes. An event of
    EFS is refractory disease, relapse or death; follow-up lasts at least until the end of induction,
    since the response of every patient is known.

    Returns
    -------
    OSTM, OSSTAT, EFSTM, EFSSTAT, each of shape (n,); times in months of whole days.
    """
    n = len(age)
    flags = {**flags, "refractory": refractory}
    induced = np.select(
        [remission, refractory],
        [_log_normal(p.induction.remission, n, rng), _log_normal(p.induction.refractory, n, rng)],
        _log_normal(p.induction.early_death, n, rng),
    )
    relapse = induced + _transition_time(p.relapse, flags, age, rng)
    death_in_remission = induced + _transition_time(p.death_in_remission, flags, age, rng)
    after_event = _transition_time(p.death_after_event, flags, age, rng)
    other_death = induced + _background_time(p, age, rng)
    follow_up = np.maximum(from_quantiles(p.follow_up, spread_shares(n, rng)), induced)

    event = np.where(remission, np.minimum(relapse, np.minimum(death_in_remission, other_death)), induced)
    survives_event = refractory | (remission & (event == relapse))
    death = np.where(survives_event, np.minimum(event + after_event, other_death), event)
    return {
        "OSTM": _whole_days(np.minimum(death, follow_up)),
        "OSSTAT": (death <= follow_up).astype(float),
        "EFSTM": _whole_days(np.minimum(event, follow_up)),
        "EFSSTAT": (event <= follow_up).astype(float),
    }


def linear(effects: Effects, flags: Mapping[str, Flags], age: Floats) -> Floats:
    """Return the sum of the effects of age and of what is present, shape (n,)."""
    total = effects.age * (age - _AGE_ORIGIN) / 10.0
    for name, effect in effects.given.items():
        total += effect * flags[name]
    return total


def probability(model: Logistic, flags: Mapping[str, Flags], age: Floats) -> Floats:
    """Return the probability that a logistic model gives to every patient, shape (n,)."""
    odds: Floats = np.exp(model.base + linear(model, flags, age))
    return odds / (1.0 + odds)


def draw_state(state: State, flags: Mapping[str, Flags], age: Floats, rng: np.random.Generator) -> Flags:
    """Draw a yes-or-no variable given age and the ones before it, shape (n,)."""
    chance = probability(state, flags, age)
    for name in state.never:
        chance[flags[name]] = 0.0
    certain = np.zeros(len(age), dtype=bool)
    for name in state.always:
        certain |= flags[name]
    chance[certain] = 0.0
    return balanced(chance, rng) | certain


def balanced(chance: Floats, rng: np.random.Generator) -> Flags:
    """Draw yes or no with each patient's own probability so that the sum is as expected, shape (n,).

    Systematic sampling in random order: the patients lie one after the other, each as long as his or
    her probability, and the points of a grid of step 1 with a random start choose. Every probability
    is kept exactly, while the number chosen differs from its expectation by less than one, so that a
    cohort of 1,606 comes nearer to the published figures than independent draws would.
    """
    order = rng.permutation(len(chance))
    start = rng.random()
    points = np.floor(np.cumsum(chance[order]) + start)
    chosen = np.empty(len(chance), dtype=bool)
    chosen[order] = np.diff(points, prepend=0.0) > 0
    return chosen


def spread_shares(n: int, rng: np.random.Generator) -> Floats:
    """Draw one share in each of n equal parts between 0 and 1, in random order, shape (n,)."""
    return np.clip((rng.permutation(n) + rng.random(n)) / n, 1e-12, 1.0 - 1e-12)


def laboratory_score(
    laboratory: Laboratory, flags: Mapping[str, Flags], age: Floats, rng: np.random.Generator
) -> Floats:
    """Draw the normal score behind a laboratory value, shape (n,), in standard deviations."""
    return linear(laboratory, flags, age) + _normal(len(age), rng)


def laboratory_values(laboratory: Laboratory, score: Floats) -> Floats:
    """Map scores to values in the unit of the dictionary, rounded to its decimals, shape (n,)."""
    values = np.array(laboratory.values)
    mapped = _monotone(laboratory.scores, np.log(values) if laboratory.log else values, score)
    return np.round(np.exp(mapped) if laboratory.log else mapped, dictionary()[laboratory.name].decimals)


def from_quantiles(function: Quantiles, shares: Floats) -> Floats:
    """Evaluate a quantile function at shares between 0 and 1, shape (n,)."""
    at, values = zip(*function.quantiles, strict=True)
    return _monotone(at, np.array(values), shares)


def _monotone(x: tuple[float, ...], y: Floats, at: Floats) -> Floats:
    """Join points by a monotone curve with a continuous slope, so that densities have no steps."""
    interpolate = require_extra("generate", "scipy.interpolate", "Simulating the reference cohort")

    curve: Floats = interpolate.PchipInterpolator(x, y)(np.clip(at, x[0], x[-1]))
    return curve


def _normal(n: int, rng: np.random.Generator) -> Floats:
    special = require_extra("generate", "scipy.special", "Simulating the reference cohort")

    drawn: Floats = special.ndtri(spread_shares(n, rng))
    return drawn


def _exponential(n: int, rng: np.random.Generator) -> Floats:
    return -np.log(spread_shares(n, rng))


def _log_normal(time: LogNormal, n: int, rng: np.random.Generator) -> Floats:
    return time.median * np.exp(time.sigma * _normal(n, rng))


def _transition_time(
    transition: Transition, flags: Mapping[str, Flags], age: Floats, rng: np.random.Generator
) -> Floats:
    """Draw the time of a transition in months, infinite where it never happens.

    The cumulative hazard is H(t) = c F(t) with c = strength * exp(effects) and F log-logistic. With E
    standard exponential, T = F^-1(E / c), or never if E >= c.
    """
    bound = transition.strength * np.exp(linear(transition, flags, age))
    reached = _exponential(len(age), rng) / bound
    times = np.full(len(age), np.inf)
    finite = reached < 1.0
    share = reached[finite]
    times[finite] = transition.scale * (share / (1.0 - share)) ** (1.0 / transition.shape)
    return times


def _background_time(p: Parameters, age: Floats, rng: np.random.Generator) -> Floats:
    """Draw months until death from other causes: the inverse of the Gompertz cumulative hazard."""
    hazard = p.background.at_60 * np.exp(p.background.slope * (age - 60.0))
    drawn = _exponential(len(age), rng)
    return 12.0 / p.background.slope * np.log1p(p.background.slope * drawn / hazard)


def _whole_days(months: Floats) -> Floats:
    """Round up to days, at least one, in months with the decimals of the dictionary."""
    d = dictionary()
    days = np.maximum(np.ceil(months * d.days_per_month), 1.0)
    return np.round(days / d.days_per_month, d["OSTM"].decimals)


def _typed(
    p: Parameters, flags: Mapping[str, Flags], values: Mapping[str, Floats], rng: np.random.Generator
) -> pd.DataFrame:
    """Build the typed frame and set the missing values."""
    d = dictionary()
    n = len(values["AGE"])
    missing = {name: np.zeros(n, dtype=bool) for name in d.names}
    for block in p.missing:
        chosen = balanced(np.full(n, block.share), rng)
        for name in block.names:
            missing[name] |= chosen
    codes = {
        "SEX": _codes(d, "SEX", {"male": flags["male"]}, "female"),
        "AMLSTAT": _codes(d, "AMLSTAT", {"sAML": flags["sAML"], "tAML": flags["tAML"]}, "de novo"),
    }
    columns: dict[str, pd.api.extensions.ExtensionArray] = {}
    for variable in d.variables:
        name, hidden = variable.name, missing[variable.name]
        if name in codes:
            code = np.where(hidden, np.int8(-1), codes[name])
            columns[name] = pd.Categorical.from_codes(code, dtype=variable.dtype)
        elif name in flags or name in values:
            plain = flags[name] if name in flags else values[name]
            if variable.type == "number":
                columns[name] = pd.arrays.FloatingArray(plain.astype(np.float64), hidden)
            else:
                kind = np.int16 if variable.type == "integer" else np.int8
                columns[name] = pd.arrays.IntegerArray(plain.astype(kind), hidden)
        else:  # a variable added to the dictionary that the simulation does not know
            columns[name] = pd.array([pd.NA] * n, dtype=variable.dtype)
    return pd.DataFrame(columns, copy=False)


def _codes(d: Dictionary, name: str, present: Mapping[str, Flags], otherwise: str) -> npt.NDArray[np.int8]:
    """Return the category codes of a variable from the flags of its values but one."""
    order = list(d[name].category_labels)
    codes = np.full(len(next(iter(present.values()))), order.index(otherwise), dtype=np.int8)
    for value, flag in present.items():
        codes[flag] = order.index(value)
    return codes
