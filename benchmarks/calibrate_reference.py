"""Solve the calibrated numbers of the reference cohort's parameters and write them into its YAML.

    python benchmarks/calibrate_reference.py [--write]

A large population is simulated once. Along the way every `base` is solved so that its frequency holds, the
scores of the laboratory values are read off, and last the strength and scale of two hazards are fitted to
median and long-term EFS and OS. Without --write the numbers are only shown. Run it after any change of a
frequency, effect or outcome; the result does not depend on the size or seed of any cohort drawn later.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq, least_squares

from amlsynth.sources.reference import (
    Flags,
    Floats,
    balanced,
    draw_state,
    from_quantiles,
    laboratory_score,
    laboratory_values,
    linear,
    simulate_induction,
    simulate_survival,
    spread_shares,
)
from amlsynth.sources.reference_parameters import PARAMETERS_FILE, Logistic, Parameters, State, parameters

POPULATION = 1_000_000
SEED = 20_240_320  # of the population only; the paper's day of publication
SURVIVAL_SAMPLE = 400_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the numbers into the YAML")
    arguments = parser.parse_args()
    solved = calibrate(parameters())
    text = PARAMETERS_FILE.read_text(encoding="utf-8")
    for place, numbers in solved.items():
        for key, value in numbers.items():
            print(f"{place:20} {key:9} {value}")
            text = _replace(text, place, key, value)
    if arguments.write:
        PARAMETERS_FILE.write_text(text, encoding="utf-8", newline="\n")


def calibrate(p: Parameters) -> dict[str, dict[str, str]]:
    """Return the solved numbers as text, by entry and key of the YAML."""
    rng = np.random.default_rng(SEED)
    solved: dict[str, dict[str, str]] = {}
    age = np.rint(from_quantiles(p.age, spread_shares(POPULATION, rng)))
    flags: dict[str, Flags] = {"male": balanced(np.full(POPULATION, p.male.share), rng)}
    for state in p.states:
        base = _solve_base(state, flags, age)
        solved[state.name] = {"base": f"{base:.3f}"}
        flags[state.name] = draw_state(state.model_copy(update={"base": base}), flags, age, rng)
    for laboratory in p.laboratory:
        score = laboratory_score(laboratory, flags, age, rng)
        knots = np.round(np.quantile(score, laboratory.shares), 3)
        solved[laboratory.name] = {"scores": "[" + ", ".join(f"{knot:.3f}" for knot in knots) + "]"}
        if laboratory.name == "WBC":
            calibrated = laboratory.model_copy(update={"scores": tuple(knots)})
            flags["leukocytosis"] = laboratory_values(calibrated, score) > 100.0
    among = np.ones(POPULATION, dtype=bool)
    for name in ("remission", "early_death"):
        model: Logistic = getattr(p, name)
        base = _solve_base(model, {key: flag[among] for key, flag in flags.items()}, age[among])
        solved[name] = {"base": f"{base:.3f}"}
        p = p.model_copy(update={name: model.model_copy(update={"base": base})})
        remission, refractory = simulate_induction(p, flags, age, rng)
        among = ~remission  # early death is of patients without remission
    few = slice(SURVIVAL_SAMPLE)
    some = {key: flag[few] for key, flag in flags.items()}
    fitted = _fit_survival(p, some, age[few], remission[few], refractory[few])
    return solved | fitted


def _solve_base(model: Logistic, flags: Mapping[str, Flags], age: Floats) -> float:
    """Return the log odds at which the mean probability is the model's frequency."""
    free = np.ones(len(age), dtype=bool)
    sure = 0.0
    if isinstance(model, State):
        for name in model.never:
            free &= ~flags[name]
        for name in model.always:
            sure += float(np.mean(flags[name] & free))
            free &= ~flags[name]
    effects = linear(model, flags, age)[free]

    def excess(base: float) -> float:
        return float(np.sum(1 / (1 + np.exp(-base - effects)))) / len(age) + sure - model.frequency

    return round(float(brentq(excess, -20, 20)), 3)


def _fit_survival(
    p: Parameters, flags: Mapping[str, Flags], age: Floats, remission: Flags, refractory: Flags
) -> dict[str, dict[str, str]]:
    """Fit relapse and death after an event to the medians and to long-term survival."""
    never = p.follow_up.model_copy(update={"quantiles": ((0.0, 1e5), (0.5, 2e5), (1.0, 3e5))})

    keys = [(name, key) for name in ("relapse", "death_after_event") for key in ("strength", "scale")]
    start = np.array([getattr(getattr(p, name), key) for name, key in keys])

    def with_numbers(numbers: Floats) -> Parameters:
        update: dict[str, dict[str, float]] = {}
        for (name, key), number in zip(keys, start * np.exp(numbers - 1.0), strict=True):
            update.setdefault(name, {})[key] = float(number)
        changed = {name: getattr(p, name).model_copy(update=change) for name, change in update.items()}
        return p.model_copy(update={**changed, "follow_up": never})

    def misses(numbers: Floats) -> Floats:
        # The same draws each time, so that the fit is smooth; not those of the population, so that
        # times stay independent of what was drawn before.
        rng = np.random.default_rng(SEED + 1)
        drawn = simulate_survival(with_numbers(numbers), flags, age, remission, refractory, rng)
        found = []
        for column, median, long_term in (
            ("EFSTM", p.published.efs_median[1], p.long_term.efs),
            ("OSTM", p.published.os_median[1], p.long_term.os),
        ):
            found += [4 * (np.mean(drawn[column] > median) - 0.5)]
            found += [4 * (np.mean(drawn[column] > p.long_term.months) - long_term)]
        return np.array(found)

    # Logs of the ratio to the numbers at hand, around 1 because the step of the fit is relative.
    fit = least_squares(misses, np.ones(len(keys)), diff_step=0.02)
    print("remaining misses (median EFS, long-term EFS, median OS, long-term OS):", np.round(fit.fun / 4, 4))
    best = with_numbers(fit.x)
    return {
        name: {key: f"{getattr(getattr(best, name), key):.3f}" for key in ("strength", "scale")}
        for name in ("relapse", "death_after_event")
    }


def _replace(text: str, place: str, key: str, value: str) -> str:
    """Set `key` of the entry that starts with `name: place` or `place:` to `value`, keeping the layout."""
    entry = rf"(?:name: {re.escape(place)}(?=[,\n])|^{re.escape(place)}:)"
    pattern = re.compile(rf"({entry}.*?\b{key}: )(\[.*?\]|[-0-9.]+)", re.DOTALL | re.MULTILINE)
    text, count = pattern.subn(lambda match: match.group(1) + value, text, count=1)
    if count != 1:
        raise SystemExit(f"{PARAMETERS_FILE}: no {key!r} found for {place!r}.")
    return text


if __name__ == "__main__":
    main()
