"""The command audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from amlsynth.cli.making import parameters
from amlsynth.cli.options import FILE, OUT_FOLDER, PATIENTS, Command, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.foundation.defaults import DEFAULT_GENERATOR, MOST_REPLICATES

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


@click.command(cls=Command)
@click.option("--cohort", "cohort_file", type=FILE, required=True, help="Original cohort, .csv or .parquet.")
@click.option("--generator", default=DEFAULT_GENERATOR, show_default=True, help="Its name.")
@click.option("--targets", type=click.IntRange(2), default=26, show_default=True, help="Patients attacked.")
@click.option(
    "--shadows", type=click.IntRange(0), default=160, show_default=True,
    help="Shadow fits, an even number; 0 leaves them out.",
)  # fmt: skip
@click.option("--out", type=OUT_FOLDER, required=True, help="Folder to write, for the data's steward alone.")
@click.option(
    "--world", type=click.Choice(["fixed", "resampled"]), default="fixed", show_default=True,
    help="fixed: the attacker knows everyone but the target; resampled: nobody.",
)  # fmt: skip
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Parameter of the generator.")
@click.option("--n", type=PATIENTS, help="Patients in a release; as many as the cohort without it.")
@click.option(
    "--replicates", type=click.IntRange(0, MOST_REPLICATES), default=0, show_default=True,
    help="Cohorts of further fits that a release has beside it, of --n patients each; all are attacked.",
)  # fmt: skip
@click.option(
    "--left-out", type=click.IntRange(0), default=12, show_default=True,
    help="Patients left out one by one; 0 skips this pass.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of targets and fits.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; as many as there are cores.")
@with_dictionary
def audit(
    cohort_file: Path,
    generator: str,
    targets: int,
    shadows: int,
    out: Path,
    world: str,
    params: tuple[str, ...],
    n: int | None,
    replicates: int,
    left_out: int,
    seed: int,
    jobs: int | None,
    d: Dictionary | None,
) -> None:
    """Attack a generator with what it makes of a cohort: who of the patients would be found?

    Three passes: what single patients decide alone; patients left out one by one; and membership inference by
    shadow models, in which the generator is fitted again and again with a random half of the targets.

    Writes OUT/audit.json and OUT/AUDIT.md, which name nobody, and OUT/internal, with row numbers, for the
    steward. Finished fits are kept in OUT.shadows.jsonl: run the same command again to go on, with more
    --shadows too.

    \b
    Examples:
      amlsynth audit --cohort trial.parquet --generator event-history --targets 26 --shadows 160 --out audit
      amlsynth audit --cohort trial.parquet --generator private --param epsilon=1 --shadows 400 --out audit
    """
    from amlsynth.audit.run import audit as run_audit
    from amlsynth.audit.run import check_folder, shadow_file, write_audit
    from amlsynth.audit.shadows import World
    from amlsynth.audit.summary import sentences
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.generators import create
    from amlsynth.generators.base import available_cores

    chosen_params = parameters(params)
    create(generator, chosen_params, d)  # a wrong name is told before the cohort is read
    check_folder(out)
    cohort = read_cohort(cohort_file, "original", d)
    kept = shadow_file(out)
    try:
        with TerminalProgress() as progress:
            results = run_audit(
                cohort,
                generator,
                targets=targets,
                shadows=shadows,
                params=chosen_params,
                world=cast("World", world),
                released=n,
                replicates=replicates,
                left_out=left_out,
                seed=seed,
                jobs=jobs or available_cores(),
                file=kept if shadows else None,
                progress=progress,
            )
    except KeyboardInterrupt:
        if kept.exists():
            say(f"Finished fits are kept in {kept}: run the same command to go on.", err=True)
        raise
    write_audit(results, out)
    for sentence in sentences(results.result):
        say(sentence)
    say(f"{out}: AUDIT.md and audit.json name nobody; {out / 'internal'} does and stays with you.")
