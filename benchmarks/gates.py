"""What innocent and bad cohorts show at each required gate: the tables of docs/gates.md.

Run with `python benchmarks/gates.py [--n 800] [--seeds 1]` in the repository's root. Everything is made from
the simulated reference cohort, and the gates are those of tests/adversaries/judging.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

HEAD = """# What the gates see

Written by `python benchmarks/gates.py --n {n} --seeds {seeds}`; do not edit.

Cohorts are random parts of one simulated reference cohort: an original of {n} patients (four fifths
train, one fifth held out) and as many unseen patients as train. An innocent cohort is the unseen patients.
A bad cohort is made from them as `tests/adversaries/bad_cohorts.py` says. Gates are the required ones whose
figures need no anchor. "R" and "P" say that the profile `research` or `public-release` refuses; in brackets
that it does so because the gate is undecided.

Times shuffled within the pattern of events are seen in some cohorts only. Within a pattern, what is known at
diagnosis predicts the rank of the time weakly, so that innocent cohorts and shuffled ones overlap in every
statistic tried so far; a gate with a false alarm in a hundred could not stand between them.

{rates}
"""


def main() -> None:
    from adversaries.bad_cohorts import ADVERSARIES
    from adversaries.judging import PROFILES, figures, judge, material

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    rows: dict[str, dict[str, set[str]]] = {}
    refused: dict[str, dict[str, int]] = {}
    shown: dict[str, list[float]] = {}
    for seed in range(1, options.seeds + 1):
        of = material(options.n, seed)
        cohorts = {"innocent": of.unseen} | {
            a.name: a.make(of, np.random.default_rng(seed)) for a in ADVERSARIES
        }
        for name, frame in cohorts.items():
            found = figures(of, frame)
            print(name, file=sys.stderr, flush=True)
            for profile in PROFILES:
                report = judge(of, found, profile)
                letter = profile[0].upper()
                counts = refused.setdefault(name, dict.fromkeys(PROFILES, 0))
                counts[profile] += not report.passed
                for gate in report.gates:
                    cell = rows.setdefault(gate.id, {}).setdefault(name, set())
                    if gate.passed is False:
                        cell.add(f"({letter})" if gate.undecided else letter)
                    if name == "innocent" and profile == PROFILES[0] and gate.value is not None:
                        shown.setdefault(gate.id, []).append(gate.value)
    innocent = ", ".join(f"{count} of {options.seeds} by `{p}`" for p, count in refused["innocent"].items())
    lines = [HEAD.format(n=options.n, seeds=options.seeds, rates=f"Innocent cohorts refused: {innocent}.")]
    names = [a.name for a in ADVERSARIES]
    lines += ["| cohort | refused by `research` | by `public-release` | gates |", "|---|---|---|---|"]
    for name in names:
        gates = [f"{gate} {' '.join(sorted(row[name]))}" for gate, row in rows.items() if row[name]]
        counts = " | ".join(f"{count} of {options.seeds}" for count in refused[name].values())
        lines.append(f"| {name} | {counts} | {', '.join(gates)} |")
    lines += ["", "| gate | innocent cohorts, least | most |", "|---|---|---|"]
    lines += [f"| {gate} | {min(values):.4g} | {max(values):.4g} |" for gate, values in shown.items()]
    (ROOT / "docs" / "gates.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
