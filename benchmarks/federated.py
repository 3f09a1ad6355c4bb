"""Three trial groups that share no patient: thirds of AMLSG alone, noisy sums pooled, and one fit on all.

    python benchmarks/federated.py         run what is missing, write the table into docs/federated.md

Each third of the training part of a split is measured by itself at epsilon 3, and fitted alone; then the
three sums are added up and fitted; beside them one sum of all patients at epsilon 3. All are measured against
the whole training part. Results are kept as JSON lines as they come (--results).
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
from private import DELTA, HERE, ROWS, N, cell, cohort_of, parameters_of, read_results, score, split_of

from amlsynth.generators.declared import recorded_resolution
from amlsynth.generators.private.generator import Private, private
from amlsynth.generators.private.sums import SumsFile

SPLITS = (1, 2, 3)
GROUPS = 3
EPSILON = 3.0
MARKS = ("<!-- figures: written by benchmarks/federated.py -->", "<!-- end of figures -->")
LABELS = {"alone": "one third alone", "pooled": "three thirds, sums pooled", "all": "one sum of all"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=("amlsg", "reference"), default="amlsg")
    parser.add_argument("--splits", type=int, nargs="+", default=list(SPLITS))
    parser.add_argument("--results", type=Path, default=HERE / "results" / "federated.jsonl")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "federated.md")
    arguments = parser.parse_args()
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    done = {(run["cohort"], run["split"]) for run in read_results(arguments.results)}
    for split in arguments.splits:
        if (arguments.cohort, split) not in done:
            found = _one(arguments.cohort, split)
            with arguments.results.open("a", encoding="utf-8") as stream:
                for way, figures in found:
                    run = {"cohort": arguments.cohort, "split": split, "way": way, "found": figures}
                    stream.write(json.dumps(run) + "\n")
            print(f"split {split} done", flush=True)
    runs = [run for run in read_results(arguments.results) if run["cohort"] == arguments.cohort]
    written = table(arguments.cohort, runs)
    print(written)
    text = arguments.out.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    arguments.out.write_text(
        f"{before}{MARKS[0]}\n{written}{MARKS[1]}{after}", encoding="utf-8", newline="\n"
    )


def _one(cohort: str, split: int) -> list[tuple[str, dict[str, float | None]]]:
    parts = split_of(cohort, split)
    shuffled = parts.train.iloc[np.random.default_rng(split).permutation(len(parts.train))]
    thirds = [shuffled.iloc[k::GROUPS].reset_index(drop=True) for k in range(GROUPS)]
    model = private(**parameters_of(cohort, EPSILON))
    sums = [model.measure(third) for third in thirds]
    ways = [("alone", [one]) for one in sums] + [("pooled", sums), ("all", [model.measure(parts.train)])]
    found = []
    for number, (way, files) in enumerate(ways):
        frame = _fitted(model, files, cohort).sample(N, np.random.default_rng([split, number]))
        found.append((way, score(parts, frame, split)))
    return found


def _fitted(model: Private, files: list[SumsFile], cohort: str) -> Private:
    fresh = Private(model.params, model.dictionary)
    return fresh.fit_sums(
        tuple((f"sum {number}", one) for number, one in enumerate(files)),
        resolution=recorded_resolution(cohort_of(cohort)),
    )


def table(cohort: str, runs: list[dict[str, Any]]) -> str:
    """Return the table in Markdown: mean ± standard deviation over splits and groups."""
    found = {way: [run["found"] for run in runs if run["way"] == way] for way in LABELS}
    day = datetime.datetime.now(tz=datetime.UTC).date()
    splits = sorted({str(run["split"]) for run in runs})
    lines = [
        f"{cohort}, split {', '.join(splits)}, epsilon {EPSILON:g} for each patient, delta {DELTA:g}; {day}.",
        "",
        "| measure | " + " | ".join(LABELS.values()) + " |",
        "|---" * (len(LABELS) + 1) + "|",
        "| runs | " + " | ".join(str(len(found[way])) for way in LABELS) + " |",
    ]
    for label, key, decimals, *_ in ROWS:
        cells = [cell(found[way], key, decimals) for way in LABELS]
        if any(cells):
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
