"""Generators against measures: mean and spread over seeds and splits, with time and memory.

Run with `make benchmark-generators`, or for a part of it, say

    python benchmarks/generators.py --cohort amlsg --generators event-history nflow --seeds 5 --splits 3

Each run fits a generator to the training part of a split (80 %) and samples 1,606 patients, in a process of
its own. Results are kept in a file of JSON lines as they come (--results), so that an interrupted benchmark
goes on where it was; the table is printed at the end, or alone with --table. Neural generators take long: for
them --paired takes one split for each seed in turn, rather than every seed on every split.

The row "hold-out" is a real cohort in the place of a synthetic one: what two samples of real patients show.
The generators synthcity:PLUGIN run in the environment of synthcity (make benchmark-synthcity); raw_rules.py
tells how the rows are counted that break rules before the model space makes them valid. A generator that
fails stands in the table with the reason.
AMLSG is read from the folder in AMLSYNTH_AMLSG, or ../shared/cohorts/amlsg.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
N = 1606
HOLDOUT = "hold-out"
SYNTHCITY = "synthcity:"  # whose plugins have a second run, on the plain table (raw_rules.py)
GENERATORS = (
    "event-history",
    "sequential-cart",
    "nflow",
    "ctabgan-plus",
    "bootstrap",
    "independent",
    HOLDOUT,
)

# What the table shows: label, measure, decimals.
ROWS = (
    ("Kaplan-Meier score OS", "km_score_os", 3),
    ("Kaplan-Meier score EFS", "km_score_efs", 3),
    ("median OS, months", "median_os", 1),
    ("median EFS, months", "median_efs", 1),
    ("medians inside the original's 95 % interval", "medians_inside", 2),
    ("short-sightedness OS", "shortsightedness_os", 3),
    ("short-sightedness EFS", "shortsightedness_efs", 3),
    ("RSC", "rsc", 3),
    ("BSM", "bsm", 3),
    ("LogCorr", "logcorr", 3),
    ("classifier AUC", "classifier_auc", 3),
    ("hazard ratios: same sign", "effects_sign_hr", 2),
    ("hazard ratios: still significant", "effects_significant_hr", 2),
    ("hazard ratios: intervals overlap", "effects_overlap_hr", 2),
    ("odds ratios: same sign", "effects_sign_or", 2),
    ("odds ratios: still significant", "effects_significant_or", 2),
    ("odds ratios: intervals overlap", "effects_overlap_or", 2),
    ("co-occurrence error, log odds", "co_occurrence", 3),
    ("C-index OS, against trained on real", "c_index_gap_os", 3),
    ("C-index EFS, against trained on real", "c_index_gap_efs", 3),
    ("rules broken", "rules_broken", 0),
    ("share with EFS = OS", "share_efs_equals_os", 3),
    ("privacy leakage", "leakage", 3),
    ("exact matches", "exact_matches", 0),
    ("nearest-record attack AUC", "membership_nearest_auc", 3),
    ("density-ratio attack AUC", "membership_density_auc", 3),
    ("rows with EFS after OS, before the encoding", "raw_efs_after_os", 3),
    ("rows of dead without an EFS event, before it", "raw_death_without_event", 3),
    ("rows that break any rule, before it", "raw_rules_broken", 3),
    ("fit, CPU seconds", "fit_cpu", 1),
    ("sample 1,606, CPU seconds", "sample_cpu", 2),
    ("fit and sample, against event-history", "cpu_ratio", 1),
    ("added peak memory, MB", "memory", 0),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=("amlsg", "reference"), nargs="+", default=["amlsg", "reference"])
    parser.add_argument("--generators", nargs="+", default=list(GENERATORS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--paired", action="store_true", help="one split for each seed, in turn")
    parser.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="of every generator"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results" / "generators.jsonl")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so many")
    parser.add_argument("--table", action="store_true", help="print the table of the results, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        _run_all(arguments)
    for cohort in arguments.cohort:
        print(table(cohort, _read(arguments.results), arguments.generators))


def _run_all(arguments: argparse.Namespace) -> None:
    done = {_key(run) for run in _read(arguments.results)}
    params = dict(text.split("=", 1) for text in arguments.param)
    todo = [run for run in _plan(arguments, params) if _key(run) not in done]
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    import preload  # noqa: F401 - what each run needs, which is forked from here

    context = multiprocessing.get_context("fork")
    end = time.monotonic() + 60 * arguments.minutes
    for number, run in enumerate(todo, start=1):
        if time.monotonic() > end:
            print(f"{len(todo) - number + 1} runs are left; the same command goes on with them.")
            break
        with context.Pool(1) as pool:
            found = pool.apply(_one_or_reason, (run,))
        with arguments.results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(run | {"found": found}) + "\n")
        print(f"{number}/{len(todo)} {run} {found.get('failed') or found.get('fit_cpu')}", flush=True)


def _plan(arguments: argparse.Namespace, params: dict[str, str]) -> Iterator[dict[str, Any]]:
    for cohort in arguments.cohort:
        for generator in arguments.generators:
            for split in range(1, arguments.splits + 1):
                for seed in range(1, arguments.seeds + 1):
                    if generator == HOLDOUT:
                        if seed > 1:
                            continue  # it has no seed
                    elif arguments.paired and (seed - 1) % arguments.splits != split - 1:
                        continue
                    run = {
                        "cohort": cohort,
                        "generator": generator,
                        "params": params,
                        "split": split,
                        "seed": seed,
                    }
                    yield run
                    if generator.startswith(SYNTHCITY):
                        yield run | {"raw": True}


def _one_or_reason(run: dict[str, Any]) -> dict[str, Any]:
    """Return what `_one` does, or under "failed" the sentence that says why the generator cannot run."""
    from amlsynth.foundation.errors import AmlsynthError

    try:
        return dict(_one(run))
    except AmlsynthError as error:
        return {"failed": str(error)}


def _one(run: dict[str, Any]) -> dict[str, float | None]:
    """Fit, sample and measure; in a process of its own, whose peak memory is that of the fit and sample."""
    import numpy as np

    from amlsynth.cohort.split import split_cohort
    from amlsynth.evaluation import measure
    from amlsynth.generators import create
    from amlsynth.survival.endpoint import endpoint_data
    from amlsynth.survival.kaplan_meier import kaplan_meier

    cohort = _cohort(run["cohort"])
    parts = split_cohort(cohort.frame, 0.2, seed=run["split"])
    if run.get("raw"):
        import raw_rules

        return dict(raw_rules.raw_shares(run["generator"], run["params"], parts.train, N, run["seed"]))
    found: dict[str, float | None] = {"fit_cpu": 0.0, "sample_cpu": 0.0, "memory": 0.0}
    if run["generator"] == HOLDOUT:
        frame, kind = parts.holdout, "holdout"
    else:
        kind = "synthetic"
        model = create(run["generator"], run["params"])
        fitting, sampling = (
            np.random.default_rng(child) for child in np.random.SeedSequence(run["seed"]).spawn(2)
        )
        before = _peak()
        start = time.process_time()
        model.fit(parts.train, fitting)
        fitted = time.process_time()
        frame = model.sample(N, sampling)
        found |= {
            "fit_cpu": fitted - start,
            "sample_cpu": time.process_time() - fitted,
            "memory": _peak() - before,
        }
    measures = measure(parts.train, frame, parts.holdout, seed=run["seed"], kind=kind)  # type: ignore[arg-type]
    found |= {name: figure.value for name, figure in measures.items()}
    from amlsynth.dictionary.model import dictionary

    inside = []
    for endpoint in dictionary().endpoints:
        original = kaplan_meier(endpoint_data(parts.train, endpoint)).median()
        value = found[f"median_{endpoint.name.lower()}"]
        assert original.low is not None
        inside.append(value is not None and original.low <= value <= (original.high or value))
    return found | {"medians_inside": float(all(inside))}


def _cohort(name: str) -> Any:
    if name == "reference":
        from amlsynth.sources.reference import reference_cohort

        return reference_cohort(n=N, seed=1)
    from amlsynth.sources.amlsg import import_amlsg

    default = HERE.parent.parent / "shared" / "cohorts" / "amlsg"
    return import_amlsg(Path(os.environ.get("AMLSYNTH_AMLSG", default)))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _key(run: dict[str, Any]) -> str:
    return json.dumps(
        [run.get(name) for name in ("cohort", "generator", "params", "split", "seed", "raw")], sort_keys=True
    )


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def table(cohort: str, results: list[dict[str, Any]], generators: list[str]) -> str:
    """Return the table of one cohort in Markdown: mean ± standard deviation over the runs."""
    runs: dict[str, list[dict[str, float | None]]] = {}
    raw: dict[str, list[dict[str, float | None]]] = {}
    failed: dict[str, str] = {}
    for run in results:
        if run["cohort"] == cohort:
            label = run["generator"] + "".join(f" {k}={v}" for k, v in run["params"].items())
            runs.setdefault(label, [])
            raw.setdefault(label, [])
            if "failed" in run["found"]:
                failed[label] = run["found"]["failed"]
            else:
                (raw if run.get("raw") else runs)[label].append(run["found"])
    shown = [label for label in runs if label.split(" ")[0] in generators]
    shown.sort(key=lambda label: (generators.index(label.split(" ")[0]), label))
    if not shown:
        return f"\n### {cohort}: no results yet"
    yardstick = _mean(runs.get("event-history", []), "cpu")
    lines = [
        f"\n### {cohort}\n",
        "| measure | " + " | ".join(shown) + " |",
        "|---" * (len(shown) + 1) + "|",
        "| runs | " + " | ".join(str(len(runs[label])) for label in shown) + " |",
    ]
    for title, name, decimals in ROWS:
        source = raw if name.startswith("raw_") else runs
        if any(source[label] for label in shown):  # the raw rows are synthcity's alone
            cells = [_cell(source[label], name, decimals, yardstick) for label in shown]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += [f"\n`{label}` could not run: {failed[label]}" for label in shown if label in failed]
    return "\n".join(lines)


def _cell(found: list[dict[str, float | None]], name: str, decimals: int, yardstick: float | None) -> str:
    if name == "cpu_ratio":
        own = _mean(found, "cpu")
        return f"{own / yardstick:.{decimals}f}x" if own and yardstick else ""
    values = [value for run in found if (value := run.get(name)) is not None]
    if not values:
        return "n/a"
    spread = f" ± {statistics.stdev(values):.{decimals}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{decimals}f}{spread}"


def _mean(found: list[dict[str, float | None]], name: str) -> float | None:
    sums = [(run["fit_cpu"] or 0.0) + (run["sample_cpu"] or 0.0) for run in found]
    return statistics.mean(sums) if sums and name == "cpu" else None


if __name__ == "__main__":
    main()
