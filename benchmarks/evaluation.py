"""CPU time of each family of measures in one complete evaluation, anchors included.

    python benchmarks/evaluation.py [--n 1606] [--figures]

The original is the reference cohort, the synthetic one that of sequential-cart, or files given. With
--figures the measures of synthetic, anchors and original follow.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd

SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=1606, help="patients of the reference cohort")
    parser.add_argument("--files", nargs=3, type=Path, metavar=("TRAIN", "SYNTHETIC", "HOLDOUT"))
    parser.add_argument("--figures", action="store_true", help="show the measures too")
    options = parser.parse_args()
    original, synthetic, holdout = cohorts(options.n, options.files)
    evaluation, seconds, total = timed(original, synthetic, holdout)
    print(f"| {'part':<32} | {'CPU s':>8} |\n|{'-' * 34}|{'-' * 10}|")
    for part, spent in seconds.items():
        print(f"| {part:<32} | {spent:>8.2f} |")
    print(f"| {'all of it':<32} | {total:>8.2f} |")
    if options.figures:
        show(evaluation)


def cohorts(n: int, files: list[Path] | None) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return training part, synthetic cohort and hold-out."""
    if files:
        from amlsynth.cohort.tables import read_table

        train, synthetic, holdout = (read_table(path) for path in files)
        return train, synthetic, holdout
    from amlsynth.generators.generation import generate
    from amlsynth.sources.reference import reference_cohort

    made = generate(reference_cohort(n=n, seed=SEED), seed=SEED)
    assert made.split is not None
    return made.split.train, made.synthetic.frame, made.split.holdout


def timed(
    original: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame
) -> tuple[Any, dict[str, float], float]:
    """Return the evaluation, the CPU seconds of each of its parts in falling order, and of all of it."""
    from amlsynth.evaluation import evaluate

    seconds: dict[str, float] = {}
    start = time.process_time()
    last: tuple[str, float] | None = None

    def tell(what: str, _share: float) -> None:
        nonlocal last
        now = time.process_time()
        if last is not None:
            part = last[0].removeprefix("measuring ").partition(":")[0]
            seconds[part] = seconds.get(part, 0.0) + now - last[1]
        last = (what, now)

    evaluation = evaluate(original, synthetic, holdout, seed=SEED, progress=tell)
    total = time.process_time() - start
    return evaluation, dict(sorted(seconds.items(), key=lambda item: -item[1])), total


def show(evaluation: Any) -> None:
    names = ("original", "synthetic", "independent", "bootstrap", "holdout")
    print("\n| " + " | ".join([f"{'measure':<32}", *(f"{name:>12}" for name in names)]) + " |")
    print("|" + "|".join(["-" * 34, *["-" * 14] * len(names)]) + "|")
    for measure in evaluation.measures:
        figures = [measure.original, measure.synthetic, *(measure.anchors[name] for name in names[2:])]
        cells = ["" if f is None else "n/a" if f.value is None else f"{f.value:.4g}" for f in figures]
        print("| " + " | ".join([f"{measure.id:<32}", *(f"{cell:>12}" for cell in cells)]) + " |")


if __name__ == "__main__":
    main()
