"""The generator with a guarantee against the measures of the paper: AMLSG, the reference cohort, another
population.

    python benchmarks/private.py                    run what is missing, write benchmarks/private.md
    python benchmarks/private.py --table            write the table of the results alone

Each run splits a cohort (80 % training), draws the noise of one sum with OpenDP, fits, samples 1,606 patients
and measures them against the training part: 3 splits x 3 draws of the noise at each epsilon, with delta 1e-5.
Results are kept as JSON lines as they come (--results), so that an interrupted benchmark goes on where it
was. The noise is the operating system's, so that another benchmark gives other figures within the spread.

The row "prior" is the public prior itself (epsilon 0), "event-history" a generator without a guarantee.
"moved" is a simulated population whose effects, frequencies and ages differ from the prior's on purpose.
AMLSG is read from the folder in AMLSYNTH_AMLSG, or ../shared/cohorts/amlsg.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort, not_assessed
from amlsynth.cohort.split import Split, split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.effects.effects import estimate_effects, list_effects
from amlsynth.evaluation.run import GROUPS, measure
from amlsynth.generators import create
from amlsynth.generators.generation import recorded_resolution
from amlsynth.sources.reference import reference_cohort, reference_frame
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier

HERE = Path(__file__).resolve().parent
N = 1606
DELTA = 1e-5
COHORTS = ("amlsg", "reference", "moved")
SPLITS, DRAWS = (1, 2, 3), (1, 2, 3)
MODELS = ("private 3", "private 1", "prior", "event-history", "hold-out")
MEASURED = ("fidelity", "two samples", "pairs", "survival", "tails", "effects", "outcome", "validity")

# label, key, decimals, what epsilon 3 and epsilon 1 must reach as the comparison and the figure
ROWS: tuple[tuple[str, str, int, str, str], ...] = (
    ("Kaplan-Meier score OS", "km_score_os", 3, ">= .98", ">= .975"),
    ("Kaplan-Meier score EFS", "km_score_efs", 3, ">= .98", ">= .975"),
    ("RSC", "rsc", 3, ">= .95", ">= .93"),
    ("BSM", "bsm", 3, ">= .96", ">= .94"),
    ("LogCorr", "logcorr", 3, ">= .74", ">= .70"),
    ("medians inside the original's 95 % interval", "medians_inside", 2, ">= 1", ">= .89"),
    ("hazard ratios: same sign", "effects_sign_hr", 3, ">= .97", ">= .95"),
    ("hazard ratios: still significant", "effects_significant_hr", 3, ">= .80", ">= .75"),
    ("mean difference of log hazard ratios", "log_hr_difference", 3, "<= .19", "<= .22"),
    ("classifier AUC", "classifier_auc", 3, "<= .60", "<= .67"),
    ("median OS, months", "median_os", 1, "", ""),
    ("median EFS, months", "median_efs", 1, "", ""),
    ("co-occurrence error, log odds", "co_occurrence", 3, "", ""),
    ("rules broken", "rules_broken", 0, "<= 0", "<= 0"),
    ("misfit of the prior, mean squared z", "misfit", 2, "", ""),
    ("effective patients of the pool", "effective", 0, "", ""),
    ("fit and sample, CPU seconds", "cpu", 1, "<= 15", "<= 15"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=COHORTS, nargs="+", default=list(COHORTS))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--results", type=Path, default=HERE / "results" / "private.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "private.md")
    parser.add_argument("--table", action="store_true", help="write the table of the results, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        _run_all(arguments)
    written = report(_read(arguments.results))
    arguments.out.write_text(written, encoding="utf-8", newline="\n")
    print(written)


def _run_all(arguments: argparse.Namespace) -> None:
    done = {_key(run) for run in _read(arguments.results)}
    todo = [run for run in _plan(arguments.cohort, arguments.models) if _key(run) not in done]
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(todo, start=1):
        found = _one(run)
        with arguments.results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(run | {"found": found}) + "\n")
        print(f"{number}/{len(todo)} {run}", flush=True)


def _plan(cohorts: list[str], models: list[str]) -> Iterator[dict[str, Any]]:
    # One draw of everything first, so that an unfinished benchmark has something of each.
    for draw, cohort, model, split in itertools.product(DRAWS, cohorts, models, SPLITS):
        if draw == DRAWS[0] or model.startswith("private"):
            yield {"cohort": cohort, "model": model, "split": split, "draw": draw}


def _one(run: dict[str, Any]) -> dict[str, float | None]:
    parts = _split(run["cohort"], run["split"])
    kind, _, epsilon = run["model"].partition(" ")
    rng = np.random.default_rng([run["split"], run["draw"]])
    extra: dict[str, float | None] = {}
    start = time.process_time()
    if kind == "hold-out":
        frame = parts.holdout
    elif kind == "prior":
        frame = reference_frame(N, seed=1000 + run["split"])
    else:
        params = {"epsilon": float(epsilon), "delta": DELTA} if kind == "private" else {}
        if kind == "private":
            params |= {"not_assessed": not_assessed(_cohort(run["cohort"]).about)}
        model: Any = create(kind, params)
        if kind == "private":
            model.public.pool.moments  # noqa: B018  (shared by all fits, so not counted)
            start = time.process_time()
        resolution = recorded_resolution(_cohort(run["cohort"]))
        frame = model.fit(parts.train, rng, resolution=resolution).sample(N, rng)
        extra["cpu"] = time.process_time() - start
        if kind == "private":
            extra |= {
                "misfit": model.diagnosis.misfit,
                "effective": model.model.values.tilted.effective_size,
            }
    return score(parts, frame, run["split"], "holdout" if kind == "hold-out" else "synthetic") | extra


def score(parts: Split, frame: pd.DataFrame, seed: int, kind: str = "synthetic") -> dict[str, float | None]:
    """Return the figures of a cohort in the place of a synthetic one, against the training part."""
    groups = [group for group in GROUPS if group.name in MEASURED]
    measures = measure(parts.train, frame, parts.holdout, seed=seed, kind=kind, groups=groups)  # type: ignore[arg-type]
    found: dict[str, float | None] = {name: figure.value for name, figure in measures.items()}
    return found | {
        "medians_inside": medians_inside(parts.train, frame),
        "log_hr_difference": log_hr_difference(parts.train, frame),
    }


def medians_inside(original: pd.DataFrame, frame: pd.DataFrame) -> float:
    """Return 1 where the median of every endpoint lies in the interval of the original's, else 0."""
    inside = []
    for endpoint in dictionary().endpoints:
        ours = kaplan_meier(endpoint_data(original, endpoint)).median()
        theirs = kaplan_meier(endpoint_data(frame, endpoint)).median().time
        low, high = (-np.inf if ours.low is None else ours.low), (np.inf if ours.high is None else ours.high)
        inside.append(theirs is not None and low <= theirs <= high)
    return float(all(inside))


def log_hr_difference(original: pd.DataFrame, frame: pd.DataFrame) -> float | None:
    """Return the mean absolute difference of the log hazard ratios that are significant in the original."""
    d = dictionary()
    questions = [q for q in list_effects(original, d) if q.model == "univariable" and q.endpoint != "CR"]
    ours, theirs = estimate_effects(original, questions, d), estimate_effects(frame, questions, d)
    differences = [
        abs(ours[q].log_ratio - theirs[q].log_ratio)
        for q in questions
        if ours[q].reason is None and theirs[q].reason is None and ours[q].p < 0.05
    ]
    return statistics.mean(differences) if differences else None


@cache
def _split(cohort: str, seed: int) -> Split:
    return split_cohort(_cohort(cohort).frame, 0.2, seed=seed)


@cache
def _cohort(name: str) -> Cohort:
    if name == "reference":
        return reference_cohort(N, seed=1)
    if name == "moved":
        about = About(name="moved", title="moved", simulated=True, statement="simulated for this benchmark")
        return Cohort.create(moved_population(N, seed=1), "original", about)
    from amlsynth.sources.amlsg import import_amlsg

    default = HERE.parent.parent / "shared" / "cohorts" / "amlsg"
    return import_amlsg(Path(os.environ.get("AMLSYNTH_AMLSG", default)))


def moved_population(n: int, seed: int) -> pd.DataFrame:
    """Return a cohort of a population whose effects, frequencies and ages are not the prior's.

    Simulated patients are drawn with weights: carriers of some alterations die less or more often than the
    prior says, others are more or less frequent, patients are older; and half of the numbers are shifted.
    """
    rng = np.random.default_rng([77, seed])
    large = reference_frame(20 * n, seed=5000 + seed)
    present = {name: large[name].eq(1).fillna(False).to_numpy(dtype=float) for name in large.columns[7:]}
    dead = present["OSSTAT"] - 0.6
    log_weight = 0.015 * (large["AGE"].to_numpy(float) - 55)
    for name, frequency, effect in (
        ("NPM1", 0.0, 0.8), ("TP53", 0.2, -0.7), ("FLT3I", -0.2, 0.5), ("DNMT3A", 0.0, -0.4),
        ("RUNX1", 0.5, 0.0), ("NRAS", -0.3, 0.3), ("t8.21", 0.4, 0.0), ("IDH2", 0.3, -0.3),
    ):  # fmt: skip
        log_weight += present[name] * (frequency + effect * dead)
    log_weight += 0.4 * dead * (large["SEX"] == "male").to_numpy(float)
    weight = np.exp(log_weight)
    rows = rng.choice(len(large), size=n, replace=False, p=weight / weight.sum())
    frame = large.iloc[rows].reset_index(drop=True)
    frame["WBC"] = (frame["WBC"] * 0.8).round(dictionary()["WBC"].decimals)
    frame["PLT"] = (frame["PLT"] * 1.15).round(0)
    return frame


def report(results: list[dict[str, Any]]) -> str:
    """Return the Markdown file: a table for each cohort, and which targets were missed."""
    day = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        "# The generator with a guarantee, measured",
        "",
        f"Written by `python benchmarks/private.py` on {day}. {len(SPLITS)} splits x {len(DRAWS)} draws of "
        f"the "
        "noise (OpenDP's discrete Gaussian), mean ± standard deviation; neighbours differ by one patient "
        "added "
        f"or removed, delta = {DELTA:g}. 1,606 patients sampled, measured against the training part; "
        "numbers at the dictionary's decimals.",
        "",
        "What was chosen how: kappa and the clipping by judgement, the tolerance of the tilt on a simulated "
        "population (another seed of moved). The block of missing values, the shares of the blocks, the "
        "clipping quantiles, the weights within the outcome, "
        "the trust by block and the size of the pool were changed after runs on AMLSG had been seen, so the "
        "AMLSG figures are not those of an untouched test; a cohort that played no part has to confirm them.",
    ]
    missed: list[str] = []
    for cohort in COHORTS:
        runs: dict[str, list[dict[str, float | None]]] = {}
        for run in results:
            if run["cohort"] == cohort:
                runs.setdefault(run["model"], []).append(run["found"])
        shown = [model for model in MODELS if model in runs]
        if not shown:
            continue
        titles = [f"epsilon {m.split()[1]}" if m.startswith("private") else m for m in shown]
        lines += ["", f"## {cohort}", "", "| measure | " + " | ".join(titles) + " | must at 3 / at 1 |"]
        lines += ["|---" * (len(shown) + 2) + "|"]
        lines += ["| runs | " + " | ".join(str(len(runs[model])) for model in shown) + " | |"]
        for label, key, decimals, *targets in ROWS:
            cells = [_cell(runs[model], key, decimals) for model in shown]
            lines.append(f"| {label} | " + " | ".join(cells) + f" | {' / '.join(filter(None, targets))} |")
            for model, target in zip(("private 3", "private 1"), targets, strict=True):
                value = _mean(runs.get(model, []), key)
                if cohort != "moved" and target and value is not None and not _reached(value, target):
                    missed.append(
                        f"{label}, {cohort}, epsilon {model.split()[1]}: {value:.{decimals}f}, must be "
                        f"{target}"
                    )
    lines += ["", "## Targets that were missed", ""]
    lines += [f"- {sentence}" for sentence in missed] or ["None."]
    return "\n".join(lines) + "\n"


def _reached(value: float, target: str) -> bool:
    sign, figure = target.split()
    return value >= float(figure) - 5e-4 if sign == ">=" else value <= float(figure) + 5e-4


def _mean(found: list[dict[str, float | None]], key: str) -> float | None:
    values = [value for run in found if (value := run.get(key)) is not None]
    return statistics.mean(values) if values else None


def _cell(found: list[dict[str, float | None]], key: str, decimals: int) -> str:
    values = [value for run in found if (value := run.get(key)) is not None]
    if not values:
        return ""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{decimals}f} ± {spread:.{decimals}f}"


def _key(run: dict[str, Any]) -> str:
    return json.dumps([run[name] for name in ("cohort", "model", "split", "draw")])


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


if __name__ == "__main__":
    main()
