"""Generators under the audit: what an attacker who refits them finds.

    python benchmarks/audit.py --cohort amlsg --generators event-history --shadows 160 --seed 31

Finished fits are kept in --results, so that an interrupted benchmark goes on where it was; --table prints the
table of what is there and fits nothing. `audit.md` has results with dates. AMLSG is read from the folder
in AMLSYNTH_AMLSG, or ../shared/cohorts/amlsg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from amlsynth.audit.records import AuditResult, read_audit
from amlsynth.audit.run import audit, write_audit
from amlsynth.audit.summary import sentences
from amlsynth.evaluation.records import Figure
from generators import HERE, _cohort

HEADS = (
    "generator, world", "fits", "AUC all", "singular / lonely / random", "worst", "certain",
    "true positives at 1 %", "epsilon at least, pooled / worst", "control",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=("amlsg", "reference"), default="amlsg")
    parser.add_argument("--generators", nargs="+", default=["event-history", "sequential-cart"])
    parser.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help="of all")
    parser.add_argument("--targets", type=int, default=26)
    parser.add_argument("--shadows", type=int, default=160)
    parser.add_argument("--replicates", type=int, default=0)
    parser.add_argument("--left-out", type=int, default=12)
    parser.add_argument("--world", choices=("fixed", "resampled"), default="fixed")
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "audit")
    parser.add_argument("--table", action="store_true", help="print the table, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        for generator in arguments.generators:
            _run(generator, arguments)
    found = [read_audit(path) for path in sorted(arguments.results.glob("*/audit.json"))]
    print(table([one for one in found if one.shadow]))


def _run(generator: str, arguments: argparse.Namespace) -> None:
    parts = [arguments.cohort, generator, arguments.world, str(arguments.seed), *arguments.param]
    parts += [f"replicates={arguments.replicates}"] if arguments.replicates else []
    name = "-".join(parts)
    found = audit(
        _cohort(arguments.cohort),
        generator,
        targets=arguments.targets,
        shadows=arguments.shadows,
        params=dict(text.split("=", 1) for text in arguments.param),
        world=arguments.world,
        replicates=arguments.replicates,
        left_out=arguments.left_out,
        seed=arguments.seed,
        jobs=arguments.jobs,
        file=arguments.results / f"{name}.jsonl",
    )
    write_audit(found, arguments.results / name)
    print(name, *sentences(found.result), sep="\n  ", flush=True)


def table(results: list[AuditResult]) -> str:
    """Return the table of audits in Markdown, one row each."""
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    for result in results:
        shadow = result.shadow
        assert shadow is not None
        everyone = shadow.group("all")
        params = "".join(f" {key}={value}" for key, value in result.params.items())
        cells = [
            f"{result.generator}{params}, {shadow.world}",
            str(shadow.shadows),
            _interval(everyone.auc),
            " / ".join(f"{group.auc.value:.2f}" for group in shadow.groups if group.kind != "all"),
            f"{max(target.auc.value or 0 for target in shadow.targets):.2f}",
            f"{sum(target.certain for target in shadow.targets)} of {len(shadow.targets)}",
            f"{100 * (everyone.true_positives_1.value or 0):.1f} %",
            f"{shadow.epsilon_pooled:.1f} / {shadow.epsilon_worst:.1f}",
            _interval(shadow.control.auc),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _interval(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


if __name__ == "__main__":
    main()
