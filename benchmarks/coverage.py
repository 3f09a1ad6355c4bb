"""Do intervals from synthetic cohorts hold what they claim? A study of coverage on simulated patients.

    python benchmarks/coverage.py                       run what is missing, write benchmarks/coverage.md
    python benchmarks/coverage.py --n 400 --cohorts 20  a smaller study
    python benchmarks/coverage.py --table               write the table of the results alone

Cohorts are drawn from a simulated population that differs from the prior of `private` in effects, frequencies
and laboratory values on purpose (populations.py, "all moved"); the truth is what the same analysis finds in
the whole population. Of every cohort a generator is fitted to all patients, and four analyses
are made: of the original; of one synthetic cohort of the original's size as if it were real; of that cohort
by the rule for one fit (Raab, Nowok and Dibben 2016); and of the replicates, pooled as fully synthetic
(Raghunathan, Reiter and Rubin 2003). An interval covers when the truth lies in it.

A generator may say that effects of what few patients carry are not to be inferred from its replicates
(`BaseGenerator.carriers_to_infer`). These are told apart, cohort by cohort.

What releases and reports say of coverage is read from reports/coverage.json, which is written with the table.

Results are kept as JSON lines as they come (--results), so that an interrupted study goes on where it was,
and several processes can share the work (--part 1/2).
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "coverage":  # numba, beside this file, takes it for the package of that name, if it can
    raise ImportError("benchmarks/coverage.py is a script, not the package coverage")

import lifelines
import numpy as np
import pandas as pd
from populations import HELD_BACK, population

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.defaults import PATIENTS_EACH
from amlsynth.foundation.errors import AmlsynthError, NotComputable
from amlsynth.generators import create
from amlsynth.generators.generation import generate
from amlsynth.inference.estimates import Estimate, median_of, restricted_mean, survival_at
from amlsynth.inference.pool import pool
from amlsynth.statistics.wald import Z95
from amlsynth.survival.cox import cox_fit
from amlsynth.survival.endpoint import EndpointData, endpoint_data, known_endpoint
from amlsynth.survival.logistic import logistic_fit

HERE = Path(__file__).resolve().parent
ABOUT = About(name="moved", title="moved", simulated=True, statement="Simulated for this benchmark.")
MODELS = ("event-history", "private 3", "private 1")
MARKERS = (
    "NPM1", "FLT3I", "DNMT3A", "NRAS", "IDH2", "TET2", "RUNX1", "TP53", "ASXL1", "CGCX", "t8.21", "CEBPA",
)  # fmt: skip
ADJUSTED = ("NPM1", "FLT3I", "TP53", "AGE")
MONTHS = (24.0, 60.0)
ANALYSES = {
    "original": "the original itself",
    "one": "one synthetic cohort, as if real",
    "one-fit": "one synthetic cohort, rule for one fit",
    "pooled": "replicates, pooled",
}
Found = dict[str, Estimate]
Runs = list[dict[str, Any]]  # lines of the results


@functools.cache
def everybody(patients: int) -> pd.DataFrame:
    """Return the population that all cohorts are samples of."""
    return population("all moved", patients, HELD_BACK)


def sampled(n: int, number: int, patients: int) -> pd.DataFrame:
    """Return a cohort: `n` patients of the population by chance.

    The simulator itself balances its draws, so that small cohorts of its own lie nearer to the truth than
    chance allows.
    """
    chosen = np.random.default_rng([13, number]).choice(patients, n, replace=False)
    return everybody(patients).iloc[np.sort(chosen)].reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--n", type=int, nargs="+", default=[400, 1606])
    parser.add_argument("--cohorts", type=int, default=500)
    parser.add_argument("--replicates", type=int, nargs="+", default=[10, 20], help="pooled, so many each")
    parser.add_argument("--pool", type=int, default=100_000, help="of private")
    parser.add_argument("--truth", type=int, default=120_000, help="patients of the population")
    parser.add_argument("--part", default="1/1", help="K/N: every N-th cohort from the K-th on")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "coverage.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "coverage.md")
    parser.add_argument("--figures", type=Path, default=HERE.parent / "reports" / "coverage.json")
    parser.add_argument("--table", action="store_true", help="write the table of the results alone")
    asked = parser.parse_args()
    if not asked.table:
        _run_missing(asked)
    results = _read(asked.results)
    asked.out.write_text(report(results), encoding="utf-8")
    asked.figures.write_text(json.dumps(figures(results), indent=2) + "\n", encoding="utf-8")
    print(f"{asked.out} and {asked.figures}: written")


def _run_missing(asked: argparse.Namespace) -> None:
    done = {_key(run) for run in _read(asked.results)}
    part, parts = map(int, asked.part.split("/"))
    todo: list[dict[str, Any]] = []
    for number in range(part, asked.cohorts + 1, parts):  # all models by turns, so that they break off alike
        for n in asked.n:
            for model in asked.models:
                size = asked.pool if model.startswith("private") else 0
                settings = {"model": model, "n": n, "number": number, "pool": size}
                counts = [m for m in asked.replicates if _key(settings | {"replicates": m}) not in done]
                if counts:
                    todo.append(settings | {"replicates": counts})
    truth = {"model": "truth", "n": asked.truth, "number": 0, "replicates": 0, "pool": 0}
    if _key(truth) not in done:
        _keep(asked.results, truth | {"found": _truth(asked.truth)})
    for settings in todo:
        start = time.process_time()
        cohort = sampled(settings["n"], settings["number"], asked.truth)
        carriers = {marker: int(cohort[marker].sum()) for marker in MARKERS}
        found = run(cohort, **{name: settings[name] for name in ("model", "number", "replicates", "pool")})
        cpu = round(time.process_time() - start, 1)
        for count, estimands in found.items():
            line = settings | {"replicates": count, "cpu": cpu, "carriers": carriers, "found": estimands}
            _keep(asked.results, line)
        print(*settings.values(), cpu, flush=True)


def _keep(results: Path, line: dict[str, Any]) -> None:
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def _truth(n: int) -> dict[str, list[float]]:
    return {name: [one.value, one.standard_error] for name, one in analyse(everybody(n)).items()}


def run(
    patients: pd.DataFrame, model: str, number: int, replicates: list[int], pool: int
) -> dict[int, dict[str, dict[str, list[float]]]]:
    """Return the four analyses of one cohort by the number of replicates: of each estimand the estimate and
    the ends of its interval.
    """
    cohort = Cohort.create(patients, "original", ABOUT)
    name, _, epsilon = model.partition(" ")
    params = {"epsilon": float(epsilon), "pool": pool} if epsilon else {}
    made = generate(
        cohort, name, seed=number, n=cohort.n, params=params, split=False, replicates=max(replicates)
    )
    original, one = analyse(cohort.frame), analyse(made.synthetic.frame)
    several = [analyse(frame) for frame in made.replicates]
    analyses = {}
    for count in replicates:
        first = several[:count]
        names = [key for key in original if all(key in found for found in (one, *first))]
        found = {
            "original": _plain(original, names),
            "one": _plain(one, names),
            "one-fit": _pooled([one], names, "one-fit", 1.0),
            "pooled": _pooled(first, names, "fully-synthetic", float(PATIENTS_EACH)),
        }
        analyses[count] = {key: {analysis: found[analysis][key] for analysis in ANALYSES} for key in names}
    return analyses


def _plain(found: Found, names: list[str]) -> dict[str, list[float]]:
    return {
        name: [(one := found[name]).value, *(one.value + sign * Z95 * one.standard_error for sign in (-1, 1))]
        for name in names
    }


def _pooled(cohorts: list[Found], names: list[str], rule: Any, ratio: float) -> dict[str, list[float]]:
    table = pool([[found[name] for name in names] for found in cohorts], rule=rule, size_ratio=ratio)
    return {name: table.loc[name, ["estimate", "lower", "upper"]].tolist() for name in names}


def analyse(frame: pd.DataFrame) -> Found:
    """Return every estimand of a cohort that can be computed in it, by name."""
    return {
        one.name: one
        for one in _estimates(frame)
        if np.isfinite([one.value, one.standard_error]).all() and one.standard_error > 0
    }


def _estimates(frame: pd.DataFrame) -> Iterator[Estimate]:
    d = dictionary()
    for endpoint in d.endpoints:
        known = frame[known_endpoint(frame, endpoint)]
        data = endpoint_data(known, endpoint)
        for column in (*MARKERS, "AGE", "SEX"):
            yield from _cox(known, data.time, data.event, (column,), f"{endpoint.name}: log HR of ")
        yield from _cox(known, data.time, data.event, ADJUSTED, f"{endpoint.name}, adjusted: log HR of ")
        yield from _of_curve(data)
    assert d.response is not None
    response = frame[frame[d.response.name].notna()]
    for column in (*MARKERS, "AGE", "SEX"):
        kept, x = _covariates(response, (column,))
        try:
            fit = logistic_fit((response[d.response.name] == 1).to_numpy(bool)[kept], x)
        except NotComputable:
            continue
        yield Estimate(f"CR: log OR of {column}", float(fit.beta[0]), float(fit.standard_errors[0]), "log")


def _of_curve(data: EndpointData) -> Iterator[Estimate]:
    """Yield median, survival at times and restricted mean, as far as the curve reaches."""
    time, event, name = data.time, data.event, data.name
    fitter = lifelines.KaplanMeierFitter().fit(time, event)
    for estimate in (
        partial(median_of, fitter, f"{name}: median"),
        *(partial(survival_at, time, event, at, f"{name}: at {at:g} months") for at in MONTHS),
        partial(restricted_mean, time, event, 36.0, f"{name}: mean of 36 months"),
    ):
        try:
            yield estimate()
        except AmlsynthError:
            continue


def _cox(
    frame: pd.DataFrame, time: Any, event: Any, columns: tuple[str, ...], title: str
) -> Iterator[Estimate]:
    kept, x = _covariates(frame, columns)
    try:
        fit = cox_fit(time[kept], event[kept], x)
    except NotComputable:
        return
    for column, beta, error in zip(columns, fit.beta, fit.standard_errors, strict=True):
        yield Estimate(title + column, float(beta), float(error), "log")


def _covariates(frame: pd.DataFrame, columns: tuple[str, ...]) -> tuple[Any, Any]:
    """Return in whom all columns are known, shape (n,), and their values in these, age in decades."""
    values = [
        (frame[c] == "male").to_numpy(float) if c == "SEX" else frame[c].to_numpy(float, na_value=np.nan)
        for c in columns
    ]
    values = [value / 10 if c == "AGE" else value for c, value in zip(columns, values, strict=True)]
    x = np.column_stack(values)
    kept = ~np.isnan(x).any(axis=1)
    return kept, x[kept]


def report(results: Runs) -> str:
    """Return the Markdown file."""
    day = datetime.datetime.now(tz=datetime.UTC).date()
    truth, truths = _truth_of(results), [run for run in results if run["model"] == "truth"]
    lines = [
        "# Coverage of intervals from synthetic cohorts",
        "",
        f"Written by `python benchmarks/coverage.py` on {day}. Simulated cohorts of a population that "
        "differs from the prior of `private`; 95 % intervals; the truth is the same analysis of "
        f"{max(run['n'] for run in truths):,} patients of that population. Replicates have {PATIENTS_EACH} "
        "times the patients of the original; fewer of them make wider intervals, by fewer degrees of "
        "freedom. Where there are few cohorts a figure of a single estimand is mostly chance: of 20 cohorts "
        "and a true coverage of 95 %, the worst of 60 estimands covers about 80 %.",
        "",
        "| n | generator | cohorts | replicates | analysis | coverage, mean of estimands | worst estimand | "
        "estimands | width / original's, median | bias / original's SE, median of absolute |",
        "|---" * 10 + "|",
    ]
    for n, model, replicates, runs in _settings(results):
        pools = {run["pool"] for run in runs} - {0}
        size = f", pool of {max(pools):,}" if pools else ""
        start = (
            f"| {n:,} | {model.replace('private ', 'private, epsilon ')}{size} | {len(runs)} | {replicates} |"
        )
        for part, of in _parts(runs, model):
            for analysis, title in ANALYSES.items():
                summary = _summary(of, analysis, truth)
                if summary is not None:
                    lines.append(f"{start} {title}{part} | {_row(summary)} |")
    lines += ["", "## The estimands that are covered least", ""]
    for n, model, replicates, runs in _settings(results):
        for part, of in _parts(runs, model):
            covered = {name: _covered(of, "pooled", name, truth) for name in truth}
            worst = sorted(
                (np.mean(hits), name) for name, hits in covered.items() if len(hits) >= len(runs) / 2
            )
            named = "; ".join(f"{name} {share:.0%}" for share, name in worst[:6])
            lines.append(f"- n = {n:,}, {model}, {replicates} replicates{part}: {named or 'none'}.")
    return "\n".join(lines) + "\n"


def _carriers(model: str) -> int:
    return create(model.partition(" ")[0]).carriers_to_infer


def _parts(runs: Runs, model: str) -> list[tuple[str, Runs]]:
    """Return what is to be inferred, and what is not for its few carriers; each with what it is called."""
    fewest = _carriers(model)
    if not fewest:
        return [("", runs)]

    def part(rare: bool) -> Runs:
        return [
            run
            | {
                "found": {
                    name: one
                    for name, one in run["found"].items()
                    if (run["carriers"].get(name.rpartition(" ")[2], fewest) < fewest) == rare
                }
            }
            for run in runs
        ]

    return [(f"; {fewest} carriers or more", part(False)), (f"; fewer than {fewest} carriers", part(True))]


def figures(results: Runs) -> dict[str, Any]:
    """Return what amlsynth.inference.measured reads: of each setting one synthetic cohort, and the pooled."""
    truth = _truth_of(results)
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    rows = []
    for n, model, replicates, runs in _settings(results):
        generator, _, epsilon = model.partition(" ")
        parts = [of for _, of in _parts(runs, model)]
        single, pooled = (_summary(parts[0], analysis, truth) for analysis in ("one", "pooled"))
        rare = _summary(parts[1], "pooled", truth) if len(parts) > 1 else None
        assert single is not None and pooled is not None
        few: dict[str, float] = {"carriers": _carriers(model)} if len(parts) > 1 else {}
        if rare is not None:
            few |= {"rare": round(rare.coverage, 4), "worst_rare": round(rare.worst, 4)}
        rows.append(
            {
                "generator": generator,
                "epsilon": float(epsilon) if epsilon else None,
                "n": n,
                "cohorts": len(runs),
                "replicates": replicates,
                "single": round(single.coverage, 4),
                "pooled": round(pooled.coverage, 4),
                "worst": round(pooled.worst, 4),
                "width": round(pooled.width, 3),
            }
            | few
        )
    return {"date": day, "measured": rows}


def _settings(results: Runs) -> Iterator[tuple[int, str, int, Runs]]:
    """Yield n, model, number of replicates and what was found in each cohort."""
    order = [
        (run["n"], MODELS.index(run["model"]), run["replicates"]) for run in results if run["model"] in MODELS
    ]
    for n, model, replicates in sorted(set(order)):
        wanted = (n, MODELS[model], replicates)
        yield (
            n,
            MODELS[model],
            replicates,
            [run for run in results if (run["n"], run["model"], run["replicates"]) == wanted],
        )


def _truth_of(results: Runs) -> dict[str, float]:
    truths = [run for run in results if run["model"] == "truth"]
    return {name: pair[0] for name, pair in max(truths, key=lambda run: run["n"])["found"].items()}


def _covered(runs: Runs, analysis: str, name: str, truth: dict[str, float]) -> list[bool]:
    found = [run["found"][name][analysis] for run in runs if name in run["found"]]
    return [low <= truth[name] <= high for _, low, high in found]


class _Summary(NamedTuple):
    """Over the estimands that half of the cohorts or more have."""

    coverage: float
    worst: float
    estimands: int
    width: float
    bias: float


def _summary(runs: Runs, analysis: str, truth: dict[str, float]) -> _Summary | None:
    shares, widths, biases = [], [], []
    for name, true in truth.items():
        having = [run["found"][name] for run in runs if name in run["found"]]
        if len(having) < max(len(runs) / 2, 1):
            continue
        shares.append(np.mean(_covered(runs, analysis, name, truth)))
        widths += [(r[analysis][2] - r[analysis][1]) / (r["original"][2] - r["original"][1]) for r in having]
        error = np.mean([(r["original"][2] - r["original"][1]) / (2 * Z95) for r in having])
        biases.append(abs(np.mean([r[analysis][0] for r in having]) - true) / error)
    if not shares:
        return None
    return _Summary(
        float(np.mean(shares)),
        float(min(shares)),
        len(shares),
        float(np.median(widths)),
        float(np.median(biases)),
    )


def _row(found: _Summary) -> str:
    return (
        f"{found.coverage:.1%} | {found.worst:.0%} | {found.estimands} | {found.width:.2f} | {found.bias:.2f}"
    )


def _key(run: dict[str, Any]) -> str:
    return json.dumps([run[name] for name in ("model", "n", "number", "replicates", "pool")])


def _read(path: Path) -> Runs:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
