"""A synthetic control arm, honestly: how often does a trial with one claim an effect that is not there?

    python examples/control_arm/control_arm.py                    run what is missing, write results.md
    python examples/control_arm/control_arm.py --originals 20     a smaller study
    python examples/control_arm/control_arm.py --table            write the table of the results alone

Everything is simulated, so that the truth is known. Again and again

1. an earlier study of `--n` patients is drawn, and a release made of it: one synthetic cohort and replicates;
2. trials are drawn: an arm that gets the drug, and an arm of controls, `--arm` patients each;
3. each trial is analysed with its own controls, with the release in their place, and with both together;
   the release once as if its patients were real, and once by its pooled replicates.

The estimand is the difference of the mean survival time within 36 months. A drug without effect should be
claimed to have one in 5 % of the trials (type I error); one with an effect as often as can be (power). In a
third setting the drug does nothing, and the patients of the trial are a few years younger than those of the
earlier study: then no analysis can tell the drug from the age.

Results are kept as JSON lines (--results), so that an interrupted study goes on where it was.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

import amlsynth
from amlsynth.cohort.cohort import About, Cohort
from amlsynth.generators.generation import generate
from amlsynth.inference.estimates import Estimate, restricted_mean
from amlsynth.sources.reference import simulate
from amlsynth.sources.reference_parameters import Parameters, parameters

HERE = Path(__file__).resolve().parent
STATEMENT = "Simulated for this example."
ABOUT = About(name="earlier", title="An earlier study", simulated=True, statement=STATEMENT)
POPULATION = 60_000
MONTHS = 36.0
LEVEL = 0.05
TRIALS = 5  # for each earlier study
HAZARDS = 0.6  # of relapse and death under a drug that works, against none
YOUNGER = 8.0  # years, in the setting in which the trial's patients differ

SETTINGS = ("no effect", "effect", "no effect, younger patients")
DESIGNS = {
    "own": "its own controls alone",
    "replaced, as if real": "one synthetic cohort in their place, as if real",
    "replaced, pooled": "replicates in their place, pooled",
    "both, as if real": "its own controls and one synthetic cohort, as if real",
    "both, pooled": "its own controls and replicates, pooled",
}
Found = dict[str, dict[str, list[float]]]  # setting -> design -> p-values


class Mean(NamedTuple):
    """An estimated mean survival time, months, with its variance and the degrees of freedom of that."""

    value: float
    variance: float
    freedom: float = math.inf


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generator", default="event-history")
    parser.add_argument("--n", type=int, default=400, help="patients of the earlier study")
    parser.add_argument("--arm", type=int, default=150, help="patients of each arm of the trial")
    parser.add_argument("--originals", type=int, default=100, help=f"earlier studies, {TRIALS} trials each")
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "trials.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    parser.add_argument("--table", action="store_true", help="write the table of the results alone")
    asked = parser.parse_args()
    lines = asked.results.read_text(encoding="utf-8").splitlines() if asked.results.exists() else []
    done = {json.loads(line)["original"] for line in lines}
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    for number in range(0 if asked.table else asked.originals):
        if number in done:
            continue
        found = study(number, asked.generator, asked.n, asked.arm, asked.replicates)
        lines.append(json.dumps({"original": number, "p": found}))
        with asked.results.open("a", encoding="utf-8") as results:
            results.write(lines[-1] + "\n")
        print(f"earlier study {number + 1} of {asked.originals}", flush=True)
    asked.out.write_text(table([json.loads(line)["p"] for line in lines], asked), encoding="utf-8")
    print(f"{asked.out}: written")


@functools.cache
def population(setting: str) -> pd.DataFrame:
    """Return the patients of whom the arm with the drug, or with "" the controls, are a sample."""
    p = parameters()
    if setting == "effect":
        p = p.model_copy(
            update={
                name: (one := getattr(p, name)).model_copy(update={"strength": HAZARDS * one.strength})
                for name in ("relapse", "death_in_remission", "death_after_event")
            }
        )
    if setting.endswith("younger patients"):
        p = _younger(p)
    # Large, and sampled from: the simulator balances its draws, so that small cohorts vary too little.
    stream = SETTINGS.index(setting) + 1 if setting else 0
    return simulate(p, POPULATION, np.random.default_rng([21, stream]))


def _younger(p: Parameters) -> Parameters:
    ages = tuple((share, max(age - YOUNGER, 18.0)) for share, age in p.age.quantiles)
    return p.model_copy(update={"age": p.age.model_copy(update={"quantiles": ages})})


def sample(setting: str, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return `n` patients by chance."""
    rows = np.sort(rng.choice(POPULATION, n, replace=False))
    return population(setting).iloc[rows].reset_index(drop=True)


def study(number: int, generator: str, n: int, arm: int, replicates: int) -> Found:
    """Return the p-values of all trials beside one earlier study, by setting and design."""
    rng = np.random.default_rng([22, number])
    earlier = Cohort.create(sample("", n, rng), "original", ABOUT)
    made = generate(earlier, generator, seed=number, n=n, split=False, replicates=replicates)
    one, several = made.synthetic.frame, pooled(list(made.replicates))
    found: Found = {s: {design: [] for design in DESIGNS} for s in SETTINGS}
    for setting in SETTINGS:
        for _ in range(TRIALS):
            treated = sample(setting, arm, rng)
            own = sample(setting if setting.endswith("patients") else "", arm, rng)
            arms = {
                "own": mean_of(own),
                "replaced, as if real": mean_of(one),
                "replaced, pooled": several,
                "both, as if real": mean_of(pd.concat([own, one])),
                "both, pooled": together(mean_of(own), several),
            }
            for design, controls in arms.items():
                found[setting][design].append(p_value(mean_of(treated), controls))
    return found


def _estimate(frame: pd.DataFrame) -> Estimate:
    known = frame[["OSTM", "OSSTAT"]].dropna()
    return restricted_mean(known["OSTM"], known["OSSTAT"], MONTHS)


def mean_of(frame: pd.DataFrame) -> Mean:
    """Return the mean survival time of patients, as an analysis of real ones would."""
    estimate = _estimate(frame)
    return Mean(estimate.value, estimate.standard_error**2)


def pooled(cohorts: list[pd.DataFrame]) -> Mean:
    """Return the mean survival time of the earlier study by the replicates of its release."""
    row = amlsynth.pool([_estimate(cohort) for cohort in cohorts]).iloc[0]
    return Mean(row["estimate"], row["standard_error"] ** 2, row["degrees_of_freedom"])


def together(first: Mean, second: Mean) -> Mean:
    """Return the mean of two estimates of the same, weighted by their precision."""
    weights = np.array([1 / first.variance, 1 / second.variance])
    weights /= weights.sum()
    variances = weights**2 * [first.variance, second.variance]
    freedom = _freedom(*zip(variances, (first.freedom, second.freedom), strict=True))
    return Mean(float(weights @ [first.value, second.value]), float(variances.sum()), freedom)


def p_value(treated: Mean, controls: Mean) -> float:
    """Return the two-sided p-value of no difference (t test, degrees of freedom by Satterthwaite)."""
    variance = treated.variance + controls.variance
    freedom = _freedom((treated.variance, treated.freedom), (controls.variance, controls.freedom))
    statistic = abs(treated.value - controls.value) / math.sqrt(variance)
    return float(2 * scipy.stats.t.sf(statistic, min(freedom, 1e6)))


def _freedom(*parts: tuple[float, float]) -> float:
    whole = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return whole**2 / spread if spread else math.inf


def table(found: list[Found], asked: argparse.Namespace) -> str:
    """Return the Markdown file."""
    trials = len(found) * TRIALS
    gain = _estimate(population("effect")).value - _estimate(population("")).value
    told = (
        f"Written by `control_arm.py`. {len(found)} earlier studies of {asked.n} simulated patients, each "
        f"with a release of `{asked.generator}` and {asked.replicates} replicates, and {TRIALS} trials "
        f"beside each, {trials} in all, with {asked.arm} patients an arm. Share of trials with "
        f"p < {LEVEL:g} for a difference of mean survival within {MONTHS:g} months, with its 95 % "
        f"interval (from the spread between earlier studies). The drug that works adds {gain:.1f} "
        f"months; in the last column it does nothing, and the trial's patients are {YOUNGER:g} years "
        "younger than those of the earlier study."
    )
    columns = (
        "control arm",
        "no effect (should be 5 %)",
        "effect (power)",
        "no effect, younger (should be 5 %)",
    )
    lines = [
        "# A synthetic control arm: how often a trial claims an effect",
        "",
        *textwrap.wrap(told, 120),
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for design, title in DESIGNS.items():
        cells = [_share([np.mean(np.array(one[s][design]) < LEVEL) for one in found]) for s in SETTINGS]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(shares: list[float]) -> str:
    """Return a mean over earlier studies, with its interval; trials beside one of them are alike."""
    mean = float(np.mean(shares))
    half = 1.96 * float(np.std(shares, ddof=1)) / math.sqrt(len(shares)) if len(shares) > 1 else math.nan
    return f"{mean:.1%} ({max(mean - half, 0):.1%} to {min(mean + half, 1):.1%})"


if __name__ == "__main__":
    main()
