"""Commands that make something of a cohort: demo, generate, report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from amlsynth.cli.options import (
    FILE,
    OUT_FILE,
    OUT_FOLDER,
    PATIENTS,
    Command,
    refuse_overwriting,
    with_dictionary,
)
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.foundation.defaults import DEFAULT_GENERATOR, GUARANTEED, MOST_REPLICATES
from amlsynth.foundation.errors import UsageError

if TYPE_CHECKING:
    from amlsynth.cohort.cohort import Cohort
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.report.audience import Audience
    from amlsynth.report.render import Engine


@click.command(cls=Command)
@click.option("--out", type=OUT_FOLDER, default=Path("demo"), show_default=True, help="Folder to write into.")
@click.option("--n", type=PATIENTS, default=1606, show_default=True, help="Synthetic patients.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@with_dictionary
def demo(
    out: Path,
    n: int,
    seed: int,
    d: Dictionary | None,
) -> None:
    """Go the whole way on the embedded reference cohort: from simulation to a verified release.

    \b
    Example:
      amlsynth demo --out demo
    """
    from amlsynth.demo import run_demo

    with TerminalProgress() as progress:
        run_demo(out, n=n, seed=seed, d=d, progress=progress, say=say)


@click.command(cls=Command)
@click.option("--cohort", "cohort_file", type=FILE, help="Original cohort, .csv or .parquet.")
@click.option(
    "--measurements",
    multiple=True,
    type=FILE,
    help="Noisy sum that `amlsynth measure` wrote; several are added up. Takes the generator private.",
)
@click.option("--epsilon", type=float, help="Privacy budget of the generator private; 3 without it.")
@click.option(
    "--delta", type=float, help="Its delta; 1e-5 or less than 1/n^2 without it, n the public bound."
)
@click.option("--generator", help=f"Its name; {DEFAULT_GENERATOR} without it, or that of --params.")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Parameter of the generator.")
@click.option("--params", "params_file", type=FILE, help="Parameters that tune found; --param overrides.")
@click.option("--n", type=PATIENTS, help="Synthetic patients; as many as the original without it.")
@click.option(
    "--replicates",
    type=click.IntRange(0, MOST_REPLICATES),
    default=0,
    help="Further cohorts to pool analyses of, each of a fit of its own, as OUT-01 and so on.",
)
@click.option("--where", metavar="CONDITION", help="Only such patients, as in 'AGE >= 60 and NPM1 == 1'.")
@click.option("--seed", type=click.IntRange(0), required=True)
@click.option("--out", type=OUT_FILE, required=True, help="File to write, .csv or .parquet.")
@click.option("--split-seed", type=click.IntRange(0), help="Seed of the split; --seed without it.")
@click.option("--save-split", type=OUT_FOLDER, help="Folder for train.csv and holdout.csv.")
@click.option("--no-split", is_flag=True, help="Fit on all patients; privacy can then not be measured.")
@with_dictionary
def generate(
    cohort_file: Path | None,
    measurements: tuple[Path, ...],
    epsilon: float | None,
    delta: float | None,
    generator: str | None,
    params: tuple[str, ...],
    params_file: Path | None,
    n: int | None,
    replicates: int,
    where: str | None,
    seed: int,
    out: Path,
    split_seed: int | None,
    save_split: Path | None,
    no_split: bool,
    d: Dictionary | None,
) -> None:
    """Fit a generator to the training part (80 %) of a cohort and sample synthetic patients.

    Patients are written as they are drawn, so millions need little memory. With --where, patients who do
    not meet the condition are drawn and thrown away.

    \b
    Examples:
      amlsynth generate --cohort reference.csv --seed 1 --out synthetic.csv --save-split split
      amlsynth generate --cohort trial.parquet --param shrinkage=2 --n 5000 --seed 7 --out big.parquet
      amlsynth generate --cohort trial.parquet --generator private --epsilon 3 --seed 7 --out safe.csv
      amlsynth generate --measurements a.sums.json --measurements b.sums.json --seed 7 --out pooled.csv
      amlsynth generate --cohort trial.parquet --where "AGE >= 60 and NPM1 == 1" --n 500
                        --seed 7 --out npm1.csv
      amlsynth generate --cohort trial.parquet --replicates 10 --seed 7 --out pooled.parquet
    """
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.cohort.tables import write_table
    from amlsynth.foundation.files import replacing
    from amlsynth.generators import create, generator_class
    from amlsynth.generators.generation import generate_file, nobody, replicate_paths

    if no_split and (save_split is not None or split_seed is not None):
        raise UsageError("--no-split goes with neither --save-split nor --split-seed. Leave one out.")
    parts = [save_split / name for name in _PARTS] if save_split is not None else []
    others = replicate_paths(out, replicates)
    for path in (*others, *parts):
        refuse_overwriting(path, cohort_file)
    given_params = parameters(params) | budget_parameters(epsilon, delta, measurements)
    if generator is None and params_file is None and (measurements or epsilon is not None):
        generator = GUARANTEED
    generator, chosen_params, tuned_split = _chosen(generator, given_params, params_file)
    if split_seed is None and not no_split:
        split_seed = tuned_split
    create(generator, chosen_params, d)  # a wrong name is told before the cohort is read
    if cohort_file is None:
        if not measurements:
            raise UsageError("Name the original cohort (--cohort), or noisy sums of it (--measurements).")
        if save_split is not None or split_seed is not None:
            raise UsageError(
                "Without --cohort there is nothing to split. Leave --save-split and --split-seed out."
            )
        cohort, no_split = nobody(d), True
    else:
        cohort = read_cohort(cohort_file, "original", d)
    with ExitStack() as places:
        # Opened first: a place that cannot be written is told before anything is made.
        opened = [places.enter_context(replacing(part)) for part in parts]
        with TerminalProgress() as progress:
            written = generate_file(
                cohort,
                out,
                generator,
                seed=seed,
                n=n,
                params=chosen_params,
                where=where,
                split_seed=split_seed,
                split=not no_split,
                ledger_of=cohort_file,
                replicates=replicates,
                progress=progress,
            )
        if written.split is not None:
            for place, frame in zip(opened, (written.split.train, written.split.holdout), strict=False):
                write_table(frame, place)
    if written.split is not None:
        _tell_of_split(cohort, written.about.provenance["split"], parts)
    if tuned_split not in (None, seed if split_seed is None else split_seed) and not no_split:
        say(
            f"Warning: {params_file} was tuned on split seed {tuned_split}; tuning has seen patients of this "
            "split's hold-out. Leave --split-seed out to take the same split.",
            err=True,
        )
    say(f"{out}: {written.n:,} synthetic patients, valid. {written.about.statement}")
    if others:
        say(f"{others[0]} to {others[-1].name}: replicates, to pool estimates of (docs/inference.md).")
    if save_split is not None:
        say(f"{save_split}: train.csv and holdout.csv, which hold the original patients.")
    for warning in written.warnings:
        say(f"Warning: {warning}", err=True)
    if generator_class(generator).copies_patients:
        say("Warning: these are copies of patients, for measures only. Never release them.", err=True)


def _chosen(
    generator: str | None, params: dict[str, str], params_file: Path | None
) -> tuple[str, dict[str, Any], int | None]:
    """Return generator and parameters of the options, and the seed of the split that they were tuned on."""
    from amlsynth.generators import DEFAULT

    if params_file is None:
        return generator or DEFAULT, dict(params), None
    from amlsynth.generators.params_file import read_params

    tuned = read_params(params_file)
    if generator not in (None, tuned.generator.name):
        raise UsageError(
            f"{params_file}: the parameters are of {tuned.generator.name}, and --generator says {generator}. "
            "Leave --generator out, or name another file."
        )
    split = tuned.tuning.split.seed if tuned.tuning else None
    return tuned.generator.name, {**tuned.params, **params}, split


def budget_parameters(
    epsilon: float | None, delta: float | None, measurements: tuple[Path, ...] = ()
) -> dict[str, str]:
    """Return what the options of the privacy budget say, as parameters."""
    budget = {"epsilon": epsilon, "delta": delta}
    chosen = {name: repr(value) for name, value in budget.items() if value is not None}
    if measurements:
        if chosen:
            raise UsageError("The noisy sums have their own budget. Leave --epsilon and --delta out.")
        chosen["measurements"] = ",".join(map(str, measurements))
    return chosen


_PARTS = {"train.csv": "training", "holdout.csv": "hold-out"}


def _tell_of_split(cohort: Cohort, which: dict[str, Any], parts: list[Path]) -> None:
    """Write beside each part a record that says which part of which split it is."""
    from amlsynth.cohort.cohort import write_about

    for path in parts:
        provenance = {**cohort.about.provenance, "split": {**which, "part": _PARTS[path.name]}}
        write_about(cohort.about.model_copy(update={"provenance": provenance}), path, cohort.dictionary)


def parameters(params: tuple[str, ...]) -> dict[str, str]:
    """Return what --param KEY=VALUE gives.

    Raises
    ------
    UsageError
        One is not of that form, or a key is given twice.
    """
    values: dict[str, str] = {}
    for text in params:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--param {text!r} is not of the form KEY=VALUE, such as min_leaf=20.")
        if key in values:
            raise UsageError(f"--param {key} is given twice. Leave one out.")
        values[key] = value
    return values


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=FILE)
@click.option("--out", type=OUT_FILE, required=True, help="HTML file to write.")
@click.option("--pdf", type=OUT_FILE, help="PDF file to write as well.")
@click.option("--decision", type=OUT_FILE, help="JSON file for what the first page says.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "quarto", "fallback"]),
    default="auto",
    show_default=True,
    help="auto takes Quarto when it is on the PATH.",
)
@click.option(
    "--for",
    "audience",
    type=click.Choice(["regulator", "public"]),
    default="regulator",
    show_default=True,
    help="The public sees nothing of the original beyond what disclosure control and a guarantee allow.",
)
@with_dictionary
def report(
    folder: Path,
    out: Path,
    pdf: Path | None,
    decision: Path | None,
    engine: str,
    audience: str,
    d: Dictionary | None,
) -> None:
    """Render the report of the evaluation in DIR as one HTML file that opens offline.

    \b
    Examples:
      amlsynth report evaluation --out report.html --pdf report.pdf
      amlsynth report evaluation --for public --out public.html
    """
    from amlsynth.report import render_report
    from amlsynth.report.audience import seen_by
    from amlsynth.report.context import read_context
    from amlsynth.report.decision import write_decision
    from amlsynth.report.render import refuse_input

    if decision is not None:
        refuse_input(decision, folder)
    used = render_report(
        folder, out, pdf, engine=cast("Engine", engine), d=d, audience=cast("Audience", audience)
    )
    if decision is not None:
        context = seen_by(read_context(folder, d), cast("Audience", audience))
        write_decision(context.decisions[0], decision)
    by = "Quarto" if used == "quarto" else "the built-in renderer, since Quarto was not used"
    say(f"{out}{f' and {pdf}' if pdf else ''}: rendered by {by}.")
