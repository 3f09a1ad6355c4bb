"""The generator with a guarantee against the measures of the paper: AMLSG, the reference cohort, a third
population, wrong priors, rivals, a million patients.

    python benchmarks/private.py                    run what is missing, write benchmarks/private.md
    python benchmarks/private.py --table            write the tables of the results alone
    python benchmarks/private.py --only cohorts     one part: cohorts, priors, alarms, many

Each run of the first part splits a cohort (80 % training), draws the noise of one sum with OpenDP, fits,
samples 1,606 patients and measures them against the training part: 3 splits x 6 draws of the noise at each
epsilon, with delta 1e-5. Results are kept as JSON lines as they come (--results), so that an interrupted
benchmark goes on where it was. The noise is the operating system's, so that another benchmark gives other
figures within the spread.

The row "prior" is the public prior itself (epsilon 0). "all moved" is a simulated population whose effects,
associations, frequencies, laboratory values and follow-up differ from the prior's on purpose
(populations.py). AMLSG is read from the folder in AMLSYNTH_AMLSG, or ../shared/cohorts/amlsg. Rows of MST and
AIM come from private_rivals.py, which needs an environment of its own, those of synthcity:dpgan and
synthcity:pategan from this script in the environment of synthcity (--models "synthcity:dpgan 3").
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import resource
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from populations import HELD_BACK, SimulatedPrior, population

from amlsynth.cohort.cohort import About, Cohort, declared_panels, not_assessed
from amlsynth.cohort.split import Split, split_by_patient
from amlsynth.cohort.validation import validate
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.effects.effects import agreement, estimate_effects, list_effects
from amlsynth.evaluation.fidelity.columns import basic_statistical_measure
from amlsynth.evaluation.fidelity.pairs import (
    co_occurrence_difference,
    log_odds_ratios,
    missing_pattern_distance,
)
from amlsynth.evaluation.fidelity.two_sample import classifier_auc
from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.generators.declared import recorded_resolution
from amlsynth.generators.private.diagnosis import diagnose
from amlsynth.generators.private.generator import Private, private
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sums import Sums
from amlsynth.sources.reference import reference_cohort, reference_frame
from amlsynth.statistics.associations import log_correlation_score
from amlsynth.statistics.coverage import regularized_support_coverage
from amlsynth.survival.curve_distance import curve_distance
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier

HERE = Path(__file__).resolve().parent
N = 1606
DELTA = 1e-5
COHORTS = ("amlsg", "reference", "all moved")
SPLITS, DRAWS = (1, 2, 3), (1, 2, 3, 4, 5, 6)
DECLARED = "declared"  # `private` with the panels that the mapping of AMLSG declares
RIVALS = ("MST", "AIM", "synthcity:dpgan", "synthcity:pategan")  # not run by default
MODELS = (
    *(f"{name} {epsilon}" for name in ("private", DECLARED, *RIVALS) for epsilon in (3, 1)),
    "prior",
    "event-history",
    "hold-out",
)
PRIORS = ("same", "effects turned", "effects halved", "frequencies moved")
PARTS = ("cohorts", "priors", "alarms", "many")

# label, key, decimals, what epsilon 3 and epsilon 1 must reach as the comparison and the figure
ROWS: tuple[tuple[str, str, int, str, str], ...] = (
    ("Kaplan-Meier score OS", "km_score_os", 3, ">= .98", ">= .975"),
    ("Kaplan-Meier score EFS", "km_score_efs", 3, ">= .98", ">= .975"),
    ("RSC", "rsc", 3, ">= .95", ">= .93"),
    ("BSM", "bsm", 3, ">= .96", ">= .94"),
    ("LogCorr", "logcorr", 3, ">= .74", ">= .70"),
    ("medians inside the original's 95 % interval", "medians_inside", 2, ">= 1", ">= .88"),
    ("hazard ratios: same sign", "effects_sign_hr", 3, ">= .97", ">= .95"),
    ("hazard ratios: still significant", "effects_significant_hr", 3, ">= .80", ">= .75"),
    ("mean difference of log hazard ratios", "log_hr_difference", 3, "<= .19", "<= .22"),
    ("classifier AUC", "classifier_auc", 3, "<= .60", "<= .67"),
    ("median OS, months", "median_os", 1, "", ""),
    ("median EFS, months", "median_efs", 1, "", ""),
    ("co-occurrence error, log odds", "co_occurrence", 3, "", ""),
    ("missing values, joint pattern", "missing_pattern", 3, "", ""),
    ("rules broken", "rules_broken", 0, "<= 0", "<= 0"),
    ("misfit of the prior, mean squared z", "misfit", 2, "", ""),
    ("effective patients of the pool", "effective", 0, "", ""),
    ("fit and sample, CPU seconds", "cpu", 1, "<= 15", "<= 15"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--cohort", choices=COHORTS, nargs="+", default=list(COHORTS))
    parser.add_argument("--models", nargs="+", default=[m for m in MODELS if m.split()[0] not in RIVALS])
    parser.add_argument("--results", type=Path, default=HERE / "results" / "private.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "private.md")
    parser.add_argument("--first-draw", action="store_true", help="one draw of the noise for each split")
    parser.add_argument("--table", action="store_true", help="write the tables of the results, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        _run_all(arguments)
    written = report(read_results(arguments.results))
    arguments.out.write_text(written, encoding="utf-8", newline="\n")
    print(written)


def _run_all(arguments: argparse.Namespace) -> None:
    done = {_key(run) for run in read_results(arguments.results)}
    plan = _plan(arguments.only, arguments.cohort, arguments.models)
    todo = [run for run in plan if _key(run) not in done and not (arguments.first_draw and run["draw"] > 1)]
    for number, run in enumerate(todo, start=1):
        add_result(arguments.results, run, _PARTS[run["part"]](run))
        print(f"{number}/{len(todo)} {run}", flush=True)


def _plan(parts: list[str], cohorts: list[str], models: list[str]) -> Iterator[dict[str, Any]]:
    # One draw of everything first, so that an unfinished benchmark has something of each.
    if "cohorts" in parts:
        for draw, cohort, model, split in itertools.product(DRAWS, cohorts, models, SPLITS):
            if model.startswith(DECLARED) and cohort != "amlsg":
                continue
            if draw == DRAWS[0] or model.startswith(("private", DECLARED)):
                yield {"part": "cohorts", "cohort": cohort, "model": model, "split": split, "draw": draw}
    if "priors" in parts:
        for draw, epsilon, prior in itertools.product(DRAWS[:2], (3, 1), PRIORS):
            yield {
                "part": "priors",
                "cohort": "amlsg",
                "model": f"{prior} {epsilon}",
                "split": 1,
                "draw": draw,
            }
    if "alarms" in parts:
        for kind in ALARMS:
            yield {"part": "alarms", "cohort": kind, "model": "private", "split": 0, "draw": 0}
    if "many" in parts:
        yield {"part": "many", "cohort": "reference", "model": "private 3", "split": 1, "draw": 1}


def _cohorts(run: Mapping[str, Any]) -> dict[str, float | None]:
    """Measure a generator, or what stands in its place, on a split of a cohort."""
    parts = split_of(run["cohort"], run["split"])
    kind, _, epsilon = run["model"].partition(" ")
    rng = np.random.default_rng([run["split"], run["draw"]])
    if kind == "hold-out":
        return score(parts, parts.holdout, run["split"])
    if kind == "prior":
        return score(parts, reference_frame(N, seed=1000 + run["split"]), run["split"])
    if kind in ("private", DECLARED):
        panels = {"panels": declared_panels(cohort_of(run["cohort"]).about)} if kind == DECLARED else {}
        return _private(private(**parameters_of(run["cohort"], float(epsilon)), **panels), parts, run, rng)
    from amlsynth.generators import create

    start = time.process_time()
    params = {"epsilon": epsilon, "delta": str(DELTA)} if epsilon else {}
    model = create(kind, params).fit(
        parts.train, rng, resolution=recorded_resolution(cohort_of(run["cohort"]))
    )
    frame = model.sample(N, rng)
    return score(parts, frame, run["split"]) | {"cpu": time.process_time() - start}


def parameters_of(cohort: str, epsilon: float) -> dict[str, Any]:
    """Return the parameters of a fit to a cohort: the budget, and what its import declares."""
    return {
        "epsilon": epsilon,
        "delta": DELTA,
        "not_assessed": not_assessed(cohort_of(cohort).about),
    }


def _private(
    model: Private, parts: Split, run: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, float | None]:
    _ = model.public.pool.moments  # shared by all fits, so not counted
    start = time.process_time()
    model.fit(parts.train, rng, resolution=recorded_resolution(cohort_of(run["cohort"])))
    frame = model.sample(N, rng)
    spent = time.process_time() - start
    return score(parts, frame, run["split"]) | {
        "cpu": spent,
        "misfit": model.diagnosis.misfit,
        "warned": float(model.diagnosis.warning is not None),
        "effective": model.model.values.tilted.effective_size,
    }


def score(parts: Split, frame: pd.DataFrame, seed: int) -> dict[str, float | None]:
    """Return the figures of a cohort in the place of a synthetic one, against the training part."""
    d, original = dictionary(), parts.train
    questions = [q for q in list_effects(original, d) if q.model == "univariable" and q.endpoint != "CR"]
    ours, theirs = estimate_effects(original, questions, d), estimate_effects(frame, questions, d)
    kept = agreement(ours, theirs, 0.05)
    found: dict[str, float | None] = {
        "rsc": regularized_support_coverage(original, frame, d),
        "bsm": basic_statistical_measure(original, frame, d),
        "logcorr": log_correlation_score(original, frame, d),
        "co_occurrence": co_occurrence_difference(
            *log_odds_ratios(original, d), log_odds_ratios(frame, d)[0]
        ),
        "missing_pattern": missing_pattern_distance(original, frame, d),
        "medians_inside": medians_inside(original, frame),
        "effects_sign_hr": kept.same_sign,
        "effects_significant_hr": kept.significant,
        "log_hr_difference": statistics.mean(
            abs(ours[q].log_ratio - theirs[q].log_ratio)
            for q in questions
            if ours[q].reason is None and theirs[q].reason is None and ours[q].p < 0.05
        ),
        "rules_broken": float(validate(frame, "synthetic", d).errors),
    }
    with one_thread():
        found["classifier_auc"] = classifier_auc(original, frame, d, np.random.default_rng([seed, 5])).value
    for endpoint in d.endpoints:
        left, right = endpoint_data(original, endpoint), endpoint_data(frame, endpoint)
        found[f"km_score_{endpoint.suffix}"] = 1 - curve_distance(left, right).divergence
        found[f"median_{endpoint.suffix}"] = kaplan_meier(right).median().time
    return found


def medians_inside(original: pd.DataFrame, frame: pd.DataFrame) -> float:
    """Return 1 where the median of every endpoint lies in the interval of the original's, else 0."""
    inside = []
    for endpoint in dictionary().endpoints:
        ours = kaplan_meier(endpoint_data(original, endpoint)).median()
        theirs = kaplan_meier(endpoint_data(frame, endpoint)).median().time
        low, high = (-np.inf if ours.low is None else ours.low), (np.inf if ours.high is None else ours.high)
        inside.append(theirs is not None and low <= theirs <= high)
    return float(all(inside))


class Misled(Private):
    """The generator with a prior of the benchmark's making."""

    made: PublicModel

    @property
    def public(self) -> PublicModel:
        return self.made


def _priors(run: Mapping[str, Any]) -> dict[str, float | None]:
    """Measure a fit with a prior that is wrong on purpose."""
    kind, _, epsilon = run["model"].rpartition(" ")
    model = Misled(private(**parameters_of(run["cohort"], float(epsilon))).params)
    model.made = _wrong(kind, frozenset(model.params.not_assessed))
    rng = np.random.default_rng([run["split"], run["draw"]])
    return _private(model, split_of(run["cohort"], run["split"]), run, rng)


@cache
def _wrong(kind: str, missing: frozenset[str]) -> PublicModel:
    return PublicModel(dictionary(), SimulatedPrior(kind, HELD_BACK), missing, 60_000)


# Populations, and how many cohorts of each: alarms that a fitting prior raises falsely, and those that a
# wrong one should raise.
ALARMS: Mapping[str, int] = {
    "same": 24,
    "all moved": 6,
    "frequencies moved": 6,
    "effects halved": 6,
    "effects turned": 6,
}
_TRAINING = 1180


def _alarms(run: Mapping[str, Any]) -> dict[str, float | None]:
    """Return how often the diagnostic warns on cohorts of a population, and how large the misfit is.

    Continuous noise of the same scale stands for OpenDP's, since thousands of draws are made.
    """
    kind, model = run["cohort"], private(pool=40_000).public
    found: dict[str, list[float]] = {}
    for number in range(ALARMS[kind]):
        frame = population(kind, _TRAINING, HELD_BACK + number)
        exact = model.sum(frame) / 2.0**16
        for epsilon, sigma in ((3, 1.4932), (1, 4.0451)):
            noise = np.random.default_rng([number, epsilon]).standard_normal(len(exact))
            diagnosis = diagnose(model, Sums(exact + sigma * noise, sigma, 2_000, ()))
            found.setdefault(f"misfit {epsilon}", []).append(diagnosis.misfit)
            found.setdefault(f"effects {epsilon}", []).append(diagnosis.blocks["effects"])
            found.setdefault(f"slope {epsilon}", []).append(diagnosis.slope)
            found.setdefault(f"warned {epsilon}", []).append(float(diagnosis.warning is not None))
    return {key: statistics.mean(values) for key, values in found.items()}


def _many(run: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the cost of a million patients, in blocks that are not kept."""
    model = private(epsilon=3.0).fit(split_of("reference", 1).train, np.random.default_rng(1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.process_time()
    patients = sum(len(block) for block in model.sample_blocks(1_000_000, np.random.default_rng(2)))
    assert patients == 1_000_000
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": time.process_time() - start, "fitted_mb": before, "peak_mb": after}


_PARTS = {"cohorts": _cohorts, "priors": _priors, "alarms": _alarms, "many": _many}


@cache
def split_of(cohort: str, seed: int) -> Split:
    return split_by_patient(cohort_of(cohort).frame, 0.2, seed=seed)


@cache
def cohort_of(name: str) -> Cohort:
    if name == "reference":
        return reference_cohort(N, seed=1)
    if name == "all moved":
        about = About(name=name, title=name, simulated=True, statement="simulated for this benchmark")
        return Cohort.create(population(name, N, HELD_BACK), "original", about)
    from amlsynth.sources.amlsg import import_amlsg

    default = HERE.parent.parent / "shared" / "cohorts" / "amlsg"
    return import_amlsg(Path(os.environ.get("AMLSYNTH_AMLSG", default)))


def report(results: list[dict[str, Any]]) -> str:
    """Return the Markdown file: a table for each part and cohort, and which targets were missed."""
    runs: dict[tuple[str, str, str], list[dict[str, float | None]]] = {}
    for run in {_key(run): run for run in results}.values():  # two processes may have made the same
        runs.setdefault((run["part"], run["cohort"], run["model"]), []).append(run["found"])
    day = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [(HERE / "private_protocol.md").read_text(encoding="utf-8").rstrip(), ""]
    lines += [f"Tables written on {day}."]
    missed: list[str] = []
    for cohort in COHORTS:
        shown = [model for model in MODELS if ("cohorts", cohort, model) in runs]
        if shown:
            lines += ["", f"## {cohort}", "", *_table(runs, "cohorts", cohort, shown)]
            missed += _missed(runs, cohort)
    shown = [
        f"{prior} {e}" for e in (3, 1) for prior in PRIORS if ("priors", "amlsg", f"{prior} {e}") in runs
    ]
    if shown:
        lines += ["", "## Priors that are wrong on purpose", "", _PRIORS_TEXT, ""]
        lines += _table(runs, "priors", "amlsg", shown)
    lines += _alarm_lines(runs) + _many_lines(runs)
    lines += ["", "## Targets that were missed", ""]
    lines += [f"- {sentence}" for sentence in missed] or ["None."]
    return "\n".join(lines) + "\n"


_PRIORS_TEXT = (
    'AMLSG, split 1. "same" is the simulator as it is, with the pool of 60,000 that all four have; the '
    "number is epsilon."
)


def _table(
    runs: Mapping[tuple[str, str, str], list[dict[str, float | None]]],
    part: str,
    cohort: str,
    shown: list[str],
) -> list[str]:
    titles = [f"epsilon {m.split()[1]}" if m.startswith("private") else m for m in shown]
    targets = part == "cohorts"
    lines = ["| measure | " + " | ".join(titles) + (" | must at 3 / at 1 |" if targets else " |")]
    lines += ["|---" * (len(shown) + 1 + targets) + "|"]
    columns = [runs[part, cohort, model] for model in shown]
    lines += ["| runs | " + " | ".join(str(len(found)) for found in columns) + (" | |" if targets else " |")]
    for label, key, decimals, *wanted in ROWS:
        cells = [cell(found, key, decimals) for found in columns]
        must = f" {' / '.join(filter(None, wanted))} |" if targets else ""
        lines.append(f"| {label} | " + " | ".join(cells) + " |" + must)
    if part == "priors":
        cells = [cell(found, "warned", 2) for found in columns]
        lines.append("| share of runs that warn | " + " | ".join(cells) + " |")
    return lines


def _missed(runs: Mapping[tuple[str, str, str], list[dict[str, float | None]]], cohort: str) -> list[str]:
    missed = []
    for label, key, decimals, *wanted in ROWS:
        for model, target in zip(("private 3", "private 1"), wanted, strict=True):
            value = mean_of(runs.get(("cohorts", cohort, model), []), key)
            if target and value is not None and not _reached(value, target):
                missed.append(
                    f"{label}, {cohort}, epsilon {model.split()[1]}: {value:.{decimals}f}, must be {target}"
                )
    return missed


def _alarm_lines(runs: Mapping[tuple[str, str, str], list[dict[str, float | None]]]) -> list[str]:
    lines = []
    for kind, cohorts in ALARMS.items():
        for found in runs.get(("alarms", kind, "private"), []):
            cells = [f"{found[f'{key} {e}']:.2f}" for key in ("effects", "slope") for e in (3, 1)]
            warned = [f"{found[f'warned {e}']:.3f}" for e in (3, 1)]
            lines.append(f"| {kind} | {cohorts} | " + " | ".join(cells + warned) + " |")
    if not lines:
        return []
    return [
        "",
        "## When the diagnostic warns",
        "",
        f"Simulated cohorts of {_TRAINING:,} patients against the reference prior, at epsilon 3 and 1: mean "
        "of the mean squared z of the effects, how strong effects are in multiples of the prior's, and the "
        "share of cohorts with a warning; of fitting ones that is the false alarm rate.",
        "",
        "| population | cohorts | misfit at 3 | at 1 | slope at 3 | at 1 | warned at 3 | at 1 |",
        "|---|---|---|---|---|---|---|---|",
        *lines,
    ]


def _many_lines(runs: Mapping[tuple[str, str, str], list[dict[str, float | None]]]) -> list[str]:
    return [
        line
        for found in runs.get(("many", "reference", "private 3"), [])
        for line in (
            "",
            "## A million patients",
            "",
            f"One core: {found['cpu']:.0f} CPU seconds (must be 60, aim 20); peak memory "
            f"{found['peak_mb']:.0f} MB, of which {found['fitted_mb']:.0f} MB after fitting.",
        )
    ]


def _reached(value: float, target: str) -> bool:
    sign, figure = target.split()
    return value >= float(figure) - 5e-4 if sign == ">=" else value <= float(figure) + 5e-4


def mean_of(found: list[dict[str, float | None]], key: str) -> float | None:
    """Return the mean of a figure over runs, None where no run has it."""
    values = [value for run in found if (value := run.get(key)) is not None]
    return statistics.mean(values) if values else None


def cell(found: list[dict[str, float | None]], key: str, decimals: int) -> str:
    """Return mean ± standard deviation over runs as text; the figure alone of a single run."""
    values = [value for run in found if (value := run.get(key)) is not None]
    if not values:
        return ""
    mean = f"{statistics.mean(values):.{decimals}f}"
    return f"{mean} ± {statistics.stdev(values):.{decimals}f}" if len(values) > 1 else mean


def _key(run: Mapping[str, Any]) -> str:
    return json.dumps([run[name] for name in ("part", "cohort", "model", "split", "draw")])


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return the results so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def add_result(path: Path, run: Mapping[str, Any], found: Mapping[str, float | None]) -> None:
    """Add the figures of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**run, "found": found}) + "\n")


if __name__ == "__main__":
    main()
