"""Commands that measure cohorts: evaluate, compare, gates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from amlsynth.cli.options import FILE, OUT_FILE, OUT_FOLDER, Command, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.disclosure.rule import MIN_CELL, OFF, DisclosureRule
from amlsynth.foundation.errors import UsageError

if TYPE_CHECKING:
    from amlsynth.cohort.cohort import Cohort
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.evaluation.inputs import SyntheticCohort
    from amlsynth.evaluation.records import Evaluation, Figure, Origin
    from amlsynth.survival.cox import Ties


@click.command(cls=Command)
@click.option("--original", type=FILE, required=True, help="Training part of the original, .csv or .parquet.")
@click.option(
    "--synthetic", "synthetics", type=FILE, required=True, multiple=True,
    help="Synthetic cohort, .csv or .parquet; again for each further one.",
)  # fmt: skip
@click.option("--label", "labels", multiple=True, help="Name of a synthetic cohort, once for each of them.")
@click.option("--holdout", type=FILE, help="Part of the original that the generator has not seen.")
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder for evaluation.json.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the anchors.")
@click.option(
    "--min-cell", type=click.IntRange(3, 100), default=MIN_CELL, show_default=True,
    help="Smallest count of original patients that is shown; of a simulated original all are.",
)  # fmt: skip
@click.option(
    "--ties", type=click.Choice(["efron", "breslow"]), default="efron", show_default=True,
    help="How Cox regression takes events at the same time; the paper's authors took Breslow's way.",
)  # fmt: skip
@with_dictionary
def evaluate(
    original: Path,
    synthetics: tuple[Path, ...],
    labels: tuple[str, ...],
    holdout: Path | None,
    out: Path,
    seed: int,
    min_cell: int,
    ties: str,
    d: Dictionary | None,
) -> None:
    """Measure one synthetic cohort or several against the original, beside three anchors.

    The anchors are independent columns, a bootstrap copy of the training part, and the real hold-out.
    Without --label a cohort is named after its generator, if FILE.about.json tells it, or its file.

    \b
    Examples:
      amlsynth evaluate --original split/train.csv --holdout split/holdout.csv
                        --synthetic synthetic.csv --out evaluation
      amlsynth evaluate --original split/train.csv --holdout split/holdout.csv --out evaluation
                        --synthetic a.csv --label "Trees" --synthetic b.csv --label "Flow"
    """
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.evaluation import evaluate as evaluate_cohorts
    from amlsynth.evaluation.pairing import check_records

    if labels and len(labels) != len(synthetics):
        raise UsageError(
            f"--label is given {len(labels)} times for {len(synthetics)} synthetic cohorts. Name every one, "
            "or none."
        )
    train = read_cohort(original, "original", d)
    cohorts = [read_cohort(path, "synthetic", d) for path in synthetics]
    unseen = read_cohort(holdout, "original", d) if holdout is not None else None
    check_records(
        (original.name, train.about),
        (holdout.name, unseen.about) if holdout is not None and unseen is not None else None,
        {path.name: cohort.about for path, cohort in zip(synthetics, cohorts, strict=True)},
    )
    with TerminalProgress() as progress:
        evaluation = evaluate_cohorts(
            train.frame,
            _given(cohorts, synthetics, labels),
            unseen.frame if unseen else None,
            seed=seed,
            simulated=train.about.simulated,
            rule=OFF if train.about.simulated else DisclosureRule(min_cell),
            ties=cast("Ties", ties),
            original_origin=_origin(train, original),
            holdout_origin=_origin(unseen, holdout) if unseen and holdout else None,
            progress=progress,
            d=train.dictionary,
        )
    _write(evaluation, out, train.dictionary)
    say(_summary(evaluation))
    say(f"{out / 'evaluation.json'}: {len(evaluation.measures)} measures. Next: amlsynth report {out}")


@click.command(cls=Command)
@click.argument("first", metavar="A", type=FILE)
@click.argument("second", metavar="B", type=FILE)
@click.option("--label", "labels", multiple=True, help="Name of a cohort; once for A and once for B.")
@click.option("--out", type=OUT_FOLDER, help="Folder for evaluation.json.")
@click.option("--report", "report_file", type=OUT_FILE, help="HTML file for the report.")
@click.option("--pdf", type=OUT_FILE, help="PDF file for the report.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the anchors.")
@with_dictionary
def compare(
    first: Path,
    second: Path,
    labels: tuple[str, ...],
    out: Path | None,
    report_file: Path | None,
    pdf: Path | None,
    seed: int,
    d: Dictionary | None,
) -> None:
    """Compare any two cohorts in the dictionary, published synthetic ones included.

    No generator and no hold-out is needed. Broken rules are counted, not refused; missing columns count as
    not assessed; what needs a hold-out says so. The anchors are drawn from A.

    \b
    Example:
      amlsynth compare published.csv ours.csv --out comparison --report comparison.html
    """
    from amlsynth.dictionary.model import dictionary
    from amlsynth.evaluation import compare_cohorts

    if labels and len(labels) != 2:
        raise UsageError("--label is given once for A and once for B, or not at all.")
    if pdf is not None and report_file is None:
        raise UsageError("--pdf goes with --report FILE.html. Name both.")
    with TerminalProgress() as progress:
        comparison = compare_cohorts(
            first,
            second,
            labels=(labels[0], labels[1]) if labels else None,
            seed=seed,
            progress=progress,
            d=d,
        )
    say(_summary(comparison))
    if out is not None:
        _write(comparison, out, d or dictionary())
        say(f"{out / 'evaluation.json'}: {len(comparison.measures)} measures.")
    if report_file is not None:
        from amlsynth.foundation.files import scratch_folder
        from amlsynth.report import render_report

        with scratch_folder("amlsynth-compare-") as folder:
            _write(comparison, folder, d or dictionary())
            render_report(folder, report_file, pdf)
        say(f"{report_file}{f' and {pdf}' if pdf else ''}: the report.")


def _write(evaluation: Evaluation, folder: Path, d: Dictionary) -> None:
    """Write an evaluation and the dictionary that it was made under, for its report."""
    from amlsynth.dictionary.carried import write_carried
    from amlsynth.evaluation import write_evaluation

    write_evaluation(evaluation, folder / "evaluation.json")
    write_carried(d, folder)


def _given(cohorts: Sequence[Cohort], paths: Sequence[Path], labels: Sequence[str]) -> list[SyntheticCohort]:
    from amlsynth.evaluation.inputs import SyntheticCohort

    origins = [_origin(cohort, path) for cohort, path in zip(cohorts, paths, strict=True)]
    names = list(labels) or _names(origins, paths)
    return [
        SyntheticCohort(cohort.frame, name, origin)
        for cohort, name, origin in zip(cohorts, names, origins, strict=True)
    ]


def _names(origins: Sequence[Origin], paths: Sequence[Path]) -> list[str]:
    """Name cohorts after their generators, with the seed where one made several, or their files."""
    generators = [origin.generator for origin in origins]
    if len(paths) == 1:
        return [f"Synthetic ({generators[0]})" if generators[0] else "Synthetic"]
    names = []
    for origin, path in zip(origins, paths, strict=True):
        twice = generators.count(origin.generator) > 1
        name = origin.generator or path.stem
        names.append(f"{name}, seed {origin.seed}" if origin.generator and twice else name)
    return [
        f"{name} ({path.name})" if names.count(name) > 1 else name
        for name, path in zip(names, paths, strict=True)
    ]


def _origin(cohort: Cohort, path: Path) -> Origin:
    from amlsynth.evaluation.records import Origin
    from amlsynth.foundation.files import sha256

    generator, seed = (cohort.about.provenance.get(key) for key in ("generator", "seed"))
    return Origin(
        file=path.name,
        sha256=sha256(path),
        generator=generator if isinstance(generator, str) else None,
        seed=seed if isinstance(seed, int) else None,
    )


def _summary(evaluation: Evaluation) -> str:
    def shown(figure: Figure | None) -> str:
        return "n/a" if figure is None or figure.value is None else f"{figure.value:.4g}"

    names = [
        cohort.label if len(evaluation.synthetics) > 1 else "synthetic" for cohort in evaluation.synthetics
    ]
    heads = " ".join(f"{name:>12.12}" for name in names)
    lines = [f"{'measure':<42} {heads} {'independent':>12} {'bootstrap':>10} {'hold-out':>10}"]
    for measure in evaluation.measures:
        anchors = [shown(measure.anchors.get(name)) for name in ("independent", "bootstrap", "holdout")]
        figures = " ".join(f"{shown(figure):>12}" for figure in measure.figures.values())
        lines.append(f"{measure.label:<42.42} {figures} {anchors[0]:>12} {anchors[1]:>10} {anchors[2]:>10}")
    return "\n".join(lines)


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=FILE)
@click.option("--profile", required=True, help="Name of a profile, such as research or public-release.")
@click.option("--file", "gates_file", type=FILE, help="Gates file with the profile; amlsynth's by default.")
@click.option("--cohort", help="Key of the synthetic cohort, where the evaluation has several.")
@click.option("--json", "as_json", is_flag=True, help="Print the content of gates.json.")
@with_dictionary
def gates(
    folder: Path,
    profile: str,
    gates_file: Path | None,
    cohort: str | None,
    as_json: bool,
    d: Dictionary | None,
) -> None:
    """Hold the evaluation in DIR against the gates of a profile; exit code 1 when it is refused.

    An undecided gate is no pass: the 95 % interval of its figure covers the limit.

    \b
    Examples:
      amlsynth gates evaluation --profile research
      amlsynth gates evaluation --profile own --file gates.yaml --json
    """
    from amlsynth.dictionary.carried import carried_dictionary
    from amlsynth.evaluation import read_evaluation
    from amlsynth.gates.apply import apply_gates
    from amlsynth.gates.profile import gate_profile

    evaluation = read_evaluation(folder / "evaluation.json")
    chosen = gate_profile(profile, gates_file)
    report = apply_gates(evaluation, chosen, cohort, d or carried_dictionary(folder))
    if as_json:
        say(report.model_dump_json(indent=1))
    else:
        for gate in report.gates:
            kind = "required" if gate.required else "advice"
            say(f"{gate.verdict:<15}{kind:<10}{gate.label} ({gate.measure}): {gate.reason}")
        decided = [gate for gate in report.gates if gate.required and gate.value is not None]
        unknown = sum(gate.required and gate.value is None and gate.passed is False for gate in report.gates)
        undecided = sum(gate.undecided for gate in decided)
        say(
            f"Required gates: {len(decided) - undecided} decided, {undecided} undecided, {unknown} without a "
            "figure."
        )
        state = "passed" if report.passed else f"refused by {len(report.failed)} required gates"
        say(f"{folder}: {state} (profile {report.profile}).")
    if not report.passed:
        click.get_current_context().exit(1)
