"""The command tune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from amlsynth.cli.making import parameters
from amlsynth.cli.options import FILE, OUT_FILE, Command, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.foundation.defaults import DEFAULT_GENERATOR
from amlsynth.foundation.errors import UsageError

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


@click.command(cls=Command)
@click.option("--cohort", "cohort_file", type=FILE, required=True, help="Original cohort, .csv or .parquet.")
@click.option("--generator", default=DEFAULT_GENERATOR, show_default=True, help="Its name.")
@click.option("--trials", type=click.IntRange(1), required=True, help="Trials of the study in all.")
@click.option("--out", type=OUT_FILE, required=True, help="YAML file for the best parameters.")
@click.option("--storage", help="Database URL or journal file; OUT.journal without it.")
@click.option("--study", help="Name of the study there; GENERATOR-OBJECTIVE without it.")
@click.option("--objective", default="default", show_default=True, help="default or paper.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the search.")
@click.option("--split-seed", type=click.IntRange(0), help="Seed of the split; --seed without it.")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Parameter that is not searched.")
@click.option("--repeats", type=click.IntRange(1, 20), default=3, show_default=True, help="Inner splits.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds; no trial starts later.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--no-prune", is_flag=True, help="Score every trial on every inner split.")
@with_dictionary
def tune(
    cohort_file: Path,
    generator: str,
    trials: int,
    out: Path,
    storage: str | None,
    study: str | None,
    objective: str,
    seed: int,
    split_seed: int | None,
    params: tuple[str, ...],
    repeats: int,
    timeout: float | None,
    jobs: int,
    no_prune: bool,
    d: Dictionary | None,
) -> None:
    """Search the parameters of a generator on the training part (80 %) of a cohort.

    The hold-out of the split is never seen: trials are scored on inner splits of the training part.
    Objectives: default (both endpoints, associations, effects, privacy) and paper (what Eckardt et al. tuned
    on).

    Run the same command again to go on where it stopped. Workers on several machines share a study through a
    database that all of them reach: the same command with the same --storage. Passwords belong into
    PGPASSWORD or ~/.pgpass, not on the command line.

    \b
    Examples:
      amlsynth tune --cohort trial.parquet --generator event-history --trials 50 --seed 1 --out tuned.yaml
      amlsynth tune --cohort trial.parquet --generator nflow --trials 200 --out tuned.yaml
                    --storage postgresql://worker@server/studies
      amlsynth generate --cohort trial.parquet --params tuned.yaml --seed 1 --out synthetic.csv
    """
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.generators import create
    from amlsynth.tuning import shown, table, write_params
    from amlsynth.tuning import tune as tune_generator
    from amlsynth.tuning.objectives import check_name

    if out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{out}: the parameters are written as YAML; name a file that ends in .yaml.")
    kept = storage or str(out.with_name(out.name + ".journal"))
    chosen_params = parameters(params)
    check_name(objective)
    create(generator, chosen_params, d)  # a wrong name is told before the cohort is read
    cohort = read_cohort(cohort_file, "original", d)
    try:
        with TerminalProgress() as progress:
            result = tune_generator(
                cohort,
                generator,
                trials=trials,
                seed=seed,
                split_seed=split_seed,
                objective=objective,
                storage=kept,
                study=study,
                params=chosen_params,
                timeout=timeout,
                jobs=jobs,
                repeats=repeats,
                prune=not no_prune,
                progress=progress,
                d=d,
            )
    except KeyboardInterrupt:
        say(f"Finished trials are kept in {shown(kept)}: run the same command to go on.", err=True)
        raise
    write_params(result, out)
    say(table(result))
    gain = "" if result.default_score is None else f", the generator's defaults {result.default_score:.4f}"
    say(f"{out}: parameters of trial {result.best.number}, score {result.score:.4f}{gain}.")
    if result.count("scored") + result.count("pruned") + result.count("failed") < trials:
        say(f"Time was up before {trials} trials; run the same command to go on.")
