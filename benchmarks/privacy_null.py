"""What the measures of privacy show where there is nothing to find: the table of docs/privacy-null.md.

Run with `python benchmarks/privacy_null.py [--n 240] [--splits 200]` in the repository's root. Training part,
hold-out (a quarter as large) and a synthetic cohort (as large as the training part) are random patients of
one large simulated cohort, so that the synthetic cohort knows no more of the training part than of the
hold-out.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy import attacks, hamming
from amlsynth.evaluation.records import Figure
from amlsynth.sources.reference import reference_frame
from amlsynth.statistics.coding import columns_remembered

ROOT = Path(__file__).resolve().parent.parent
MIN_SPLITS = 30  # with a figure, or a measure has no line
POPULATION = 20_000  # simulated patients, of whom each split draws

HEAD = """# Measures of privacy where there is nothing to find

Written by `python benchmarks/privacy_null.py --n {n} --splits {splits}` on {date}; do not edit.

{splits} times {n} training patients, {holdout} hold-out patients and {n} synthetic ones are drawn from
{population:,} simulated patients. "Expected" is what a measure shows of a cohort that holds no more of the
training part than of the hold-out; the mean should be there within its error, and 93 to 97 % of the 95 %
intervals should hold it (with {splits} splits the share itself is known to {band:.1%}).

Too wide is the interval of the attack that singles out by several variables: with a handful of successes
Wilson's interval is safe rather than exact.

| measure | expected | mean | error of the mean | standard deviation | of the intervals | covered |
|---|---|---|---|---|---|---|
"""


def expected(measure: str) -> float | None:
    """Return the figure that a measure has under the null, or None where it is not known."""
    if measure.endswith("_auc") or measure.startswith("dcr_share"):
        return 0.5
    if measure.endswith("_tpr"):
        return 0.1
    return 0.0 if measure.endswith("_risk") or measure == "leakage" else None


def null_splits(
    n: int, splits: int, seed: int = 0, population: int = POPULATION
) -> Iterator[tuple[EvaluatedCohort, EvaluationContext]]:
    """Yield a synthetic cohort of one split after the other, with what it is measured against."""
    everyone, d = reference_frame(population, 1), dictionary()
    holdout = n // 4
    for split in range(splits):
        rows = np.random.default_rng([seed, split]).choice(population, 2 * n + holdout, replace=False)
        parts: list[pd.DataFrame] = [
            everyone.iloc[part].reset_index(drop=True) for part in np.split(rows, [n, n + holdout])
        ]
        yield EvaluatedCohort("synthetic", parts[2]), EvaluationContext(parts[0], parts[1], d, split)


@columns_remembered()
def null_figures(cohort: EvaluatedCohort, context: EvaluationContext, *groups: str) -> dict[str, Figure]:
    """Return the figures of one split, by measure; of all groups, or of those named."""
    found: dict[str, Figure] = {}
    for group in (*attacks.GROUPS, hamming.GROUP):
        if not groups or group.name in groups:
            found |= group.measured(cohort, context)
    return {name: figure for name, figure in found.items() if expected(name) is not None}


def summary(measure: str, figures: list[Figure]) -> str:
    """Return the line of a measure."""
    null = expected(measure)
    known = [f for f in figures if f.value is not None]
    if len(known) < MIN_SPLITS:
        reason = next(f.reason for f in figures if f.value is None)
        return f"| {measure} | {null:g} | n/a in {len(figures) - len(known)} splits: {reason} | | | | |"
    values = np.array([f.value for f in known])
    with_interval = [f for f in known if f.low is not None and f.high is not None]
    spread = float(values.std(ddof=1))
    line = (
        f"| {measure} | {null:g} | {values.mean():.4f} | {spread / len(values) ** 0.5:.4f} | {spread:.4f} |"
    )
    if not with_interval:
        return f"{line} | |"
    of_intervals = np.mean([f.high - f.low for f in with_interval]) / 3.92
    covered = np.mean([f.low <= null <= f.high for f in with_interval])
    return f"{line} {of_intervals:.4f} | {covered:.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=240)
    parser.add_argument("--splits", type=int, default=200)
    options = parser.parse_args()
    found: dict[str, list[Figure]] = {}
    for place, split in enumerate(null_splits(options.n, options.splits), start=1):
        print(f"{place} of {options.splits}", file=sys.stderr, flush=True)
        for name, figure in null_figures(*split).items():
            found.setdefault(name, []).append(figure)
    head = HEAD.format(
        n=options.n,
        splits=options.splits,
        holdout=options.n // 4,
        population=POPULATION,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        band=2 * (0.95 * 0.05 / options.splits) ** 0.5,
    )
    lines = [summary(name, figures) for name, figures in found.items()]
    (ROOT / "docs" / "privacy-null.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
