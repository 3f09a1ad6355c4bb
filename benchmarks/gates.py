"""What innocent and bad cohorts show at each required gate: the tables of docs/gates.md.

Run with `python benchmarks/gates.py [--n 200 800] [--seeds 2] [--amlsg FOLDER] [--innocents 200:12 ...]` in
the repository's root. Cohorts are made from the simulated reference cohort, with --amlsg from halves of the
AMLSG cohort too; the gates are those of tests/adversaries/judging.py.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
INNOCENT = "innocent"

HEAD = """# What the gates see

Written by `python benchmarks/gates.py {command}`; do not edit.

Cohorts are random parts of one simulated reference cohort: an original (four fifths train, one fifth held
out) and as many unseen patients as train. An innocent cohort is the unseen patients. A bad cohort is made
from them as `tests/adversaries/bad_cohorts.py` says. Of AMLSG, which has 1,475 patients, one random half is
the original and the other is unseen. Gates are the required ones. "R" and "P" say that the profile
`research` or `public-release` refuses; in brackets that it does so because the gate is undecided.

Times shuffled within the pattern of events are seen by the order of times among patients with the same
pattern: how it goes with the risk that a Cox model of the original gives. What is known at diagnosis predicts
it weakly (correlations of 0.1 to 0.3), so that the gate is required from a thousand training patients on.

Limits that chance moves go by the number of patients; they were set on other simulated innocent cohorts
(seeds from 5001 and 6001 on) than those counted here (from {first} on). Where innocent and bad cohorts of few
patients overlap, what lies between is undecided, which refuses and says so. Halves of AMLSG are refused by
two gates themselves, whatever is done to them: some patients break rules that hold for synthetic cohorts
(`rules`), and some have the numbers of another (`numbers-copied`); read the other gates there.
"""


@dataclass
class Tally:
    """What the cohorts of one source showed, over its seeds."""

    title: str
    seeds: int = 0
    rows: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, judged: dict[str, Any]) -> None:
        for profile, report in judged.items():
            letter = profile[0].upper()
            counts = self.refused.setdefault(name, dict.fromkeys(judged, 0))
            counts[profile] += not report.passed
            for gate in report.gates:
                cell = self.rows.setdefault(gate.id, {}).setdefault(name, set())
                if gate.passed is False:
                    cell.add(f"({letter})" if gate.undecided else letter)

    def lines(self) -> list[str]:
        found = [f"\n## {self.title}\n", "| cohort | refused by `research` | by `public-release` | gates |"]
        found.append("|---|---|---|---|")
        for name, counts in self.refused.items():
            gates = [f"{g} {' '.join(sorted(row[name]))}" for g, row in self.rows.items() if row.get(name)]
            shown = " | ".join(f"{count} of {self.seeds}" for count in counts.values())
            found.append(f"| {name} | {shown} | {', '.join(gates)} |")
        return found


def judged(of: Any, frame: Any) -> dict[str, Any]:
    """Return the report of each profile on a cohort."""
    from adversaries.judging import PROFILES, figures, judge

    found = figures(of, frame)
    return {profile: judge(of, found, profile) for profile in PROFILES}


def table(title: str, make: Callable[[int], Any], seeds: int) -> Tally:
    """Judge an innocent cohort and every adversary of each seed."""
    from adversaries.bad_cohorts import ADVERSARIES

    tally = Tally(title, seeds)
    for seed in range(1, seeds + 1):
        of = make(seed)
        tally.add(INNOCENT, judged(of, of.unseen))
        for adversary in ADVERSARIES:
            print(title, seed, adversary.name, file=sys.stderr, flush=True)
            tally.add(adversary.name, judged(of, adversary.make(of, np.random.default_rng(seed))))
    return tally


def innocents(sizes: list[str], first: int) -> list[str]:
    """Return the lines of the table of innocent cohorts; each size is PATIENTS:COHORTS."""
    from scipy.stats import beta

    from adversaries.judging import PROFILES, material

    lines = [
        "\n## Innocent cohorts refused\n",
        "Simulated innocent cohorts, each of its own simulated original; 95 % intervals of Clopper and "
        "Pearson. An undecided gate refuses, so that few patients are refused for being few.\n",
        "| patients | profile | refused | share | 95 % interval | of them undecided only | gates |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        patients, cohorts = map(int, size.split(":"))
        refused: dict[str, list[Any]] = {profile: [] for profile in PROFILES}
        for seed in range(first, first + cohorts):
            print("innocent", patients, seed, file=sys.stderr, flush=True)
            of = material(patients, seed)
            for profile, report in judged(of, of.unseen).items():
                if not report.passed:
                    refused[profile].append(report.failed)
        for profile, failed in refused.items():
            k = len(failed)
            low = float(beta.ppf(0.025, k, cohorts - k + 1)) if k else 0.0
            high = float(beta.ppf(0.975, k + 1, cohorts - k)) if k < cohorts else 1.0
            open_ = sum(all(gate.undecided for gate in gates) for gates in failed)
            names = sorted({gate.id for gates in failed for gate in gates})
            share = f"{k} of {cohorts} | {k / cohorts:.0%} | {low:.1%} to {high:.1%}"
            lines.append(f"| {patients:,} | `{profile}` | {share} | {open_} | {', '.join(names)} |")
    return lines


def halves_of_amlsg(folder: Path) -> Callable[[int], Any]:
    """Return what makes an original of one half of AMLSG, and unseen patients of the other."""
    from adversaries.bad_cohorts import Material
    from amlsynth.cohort.split import split_cohort
    from amlsynth.dictionary.model import dictionary
    from amlsynth.sources.amlsg import import_amlsg

    frame = import_amlsg(folder).frame

    def make(seed: int) -> Any:
        order = np.random.default_rng(seed).permutation(len(frame))
        mixed, half = frame.iloc[order].reset_index(drop=True), len(frame) // 2
        split = split_cohort(mixed.iloc[:half], seed=seed)
        unseen = mixed.iloc[half : half + len(split.train)].reset_index(drop=True)
        return Material(split.train, split.holdout, unseen, dictionary())

    return make


def main() -> None:
    from adversaries.judging import material

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[800], metavar="PATIENTS")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--amlsg", type=Path, help="folder of the AMLSG cohort")
    parser.add_argument("--innocents", nargs="*", default=[], metavar="PATIENTS:COHORTS")
    parser.add_argument("--first", type=int, default=2001, help="seed of the first innocent cohort")
    options = parser.parse_args()
    command = f"--n {' '.join(map(str, options.n))} --seeds {options.seeds}"
    if options.amlsg:
        command += " --amlsg FOLDER"
    if options.innocents:
        command += f" --innocents {' '.join(options.innocents)}"
    seeds = f"{options.seeds} seed{'s' * (options.seeds > 1)}"
    lines = [HEAD.format(command=command, first=options.first)]
    if options.innocents:
        lines += innocents(options.innocents, options.first)
    for n in options.n:
        title = f"Bad cohorts of the reference cohort, {n} patients, {seeds}"
        lines += table(title, functools.partial(material, n), options.seeds).lines()
    if options.amlsg:
        make = halves_of_amlsg(options.amlsg)
        lines += table(f"Bad cohorts of halves of AMLSG, {seeds}", make, options.seeds).lines()
    (ROOT / "docs" / "gates.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
