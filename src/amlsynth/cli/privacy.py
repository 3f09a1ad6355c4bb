"""Commands around the privacy budget: measure a cohort, show and set what may be spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from amlsynth.cli.making import budget_parameters, parameters
from amlsynth.cli.options import FILE, OUT_FILE, Command, with_dictionary
from amlsynth.cli.terminal import TerminalProgress, say
from amlsynth.foundation.defaults import GUARANTEED
from amlsynth.foundation.errors import UsageError

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.generators.private.ledger import Ledger


@click.command(cls=Command)
@click.option("--cohort", "cohort_file", type=FILE, required=True, help="Original cohort, .csv or .parquet.")
@click.option("--epsilon", type=float, help="Privacy budget to spend; 3 without it.")
@click.option(
    "--delta", type=float, help="Its delta; 1e-5 or less than 1/n^2 without it, n the public bound."
)
@click.option("--out", type=OUT_FILE, required=True, help="File for the noisy sum, JSON.")
@click.option(
    "--param", "params", multiple=True, metavar="KEY=VALUE", help="Parameter of the generator private."
)
@click.option("--split-seed", type=click.IntRange(0), help="Measure the training part of this split alone.")
@click.option("--holdout", type=float, default=0.2, show_default=True, help="Share of that split's hold-out.")
@with_dictionary
def measure(
    cohort_file: Path,
    epsilon: float | None,
    delta: float | None,
    out: Path,
    params: tuple[str, ...],
    split_seed: int | None,
    holdout: float,
    d: Dictionary | None,
) -> None:
    """Draw a differentially private sum of a cohort's patients: a small file that may leave the house.

    The ledger beside the cohort (FILE.budget.json) accounts for it; the same request gives the same sum at no
    cost. Files of several trial groups add up in `amlsynth generate --measurements`.

    \b
    Examples:
      amlsynth measure --cohort trial.parquet --epsilon 3 --out trial.sums.json
      amlsynth measure --cohort trial.parquet --epsilon 1 --param patients_at_most=5000
                       --split-seed 7 --out training.sums.json
    """
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.generators.fitted import measure as measured
    from amlsynth.generators.private.sums import write_sums

    chosen_params = parameters(params) | budget_parameters(epsilon, delta)
    cohort = read_cohort(cohort_file, "original", d)
    with TerminalProgress() as progress:
        progress("measuring", 0.0)
        sums, warning = measured(
            cohort, params=chosen_params, split_seed=split_seed, holdout=holdout, ledger_of=cohort_file
        )
    write_sums(sums, out)
    p = sums.privacy
    say(
        f"{out}: a noisy sum of {len(sums.sum):,} numbers, epsilon {p.epsilon:g}, delta {p.delta:.3g} for "
        f"one patient added or removed (epsilon {p.replace_one.epsilon:.3g} for one replaced); of "
        f"{sums.patients}."
    )
    if warning:
        say(f"Warning: {warning}", err=True)


@click.command(cls=Command)
@click.argument("file", type=FILE)
@click.option("--limit", type=float, help="Set what may be spent in all, as epsilon.")
@click.option("--delta", type=float, help="The delta at which it is counted; that of before without it.")
@click.option("--restore", is_flag=True, help="Write a lost or damaged ledger anew from this machine's copy.")
@click.option("--adopt", is_flag=True, help="Keep the ledger although the table was changed.")
@with_dictionary
def budget(
    file: Path, limit: float | None, delta: float | None, restore: bool, adopt: bool, d: Dictionary | None
) -> None:
    """Show what was spent of the privacy budget of the cohort in FILE, or set its limit.

    \b
    Examples:
      amlsynth budget trial.parquet
      amlsynth budget trial.parquet --limit 5
    """
    from amlsynth.cohort.cohort import read_cohort
    from amlsynth.generators.private import ledger as ledgers

    if sum((limit is not None, restore, adopt)) > 1:
        raise UsageError("--limit, --restore and --adopt are for one at a time. Leave the others out.")
    if delta is not None and limit is None:
        raise UsageError("--delta goes with --limit. Leave it out, or give both.")
    frame = read_cohort(file, "original", d).frame
    if restore:
        account: Ledger | None = ledgers.restore(file, frame)
    elif adopt:
        account = ledgers.adopt(file, frame)
    elif limit is not None:
        before = ledgers.read_ledger(file, frame)
        chosen = delta if delta is not None else before.limit.delta if before else ledgers.MAX_DELTA
        account = ledgers.set_limit(file, frame, ledgers.Limit.of(limit, chosen))
    else:
        account = ledgers.read_ledger(file, frame)
    if account is None:
        say(
            f"{file}: nothing was spent yet. Without a limit of the steward's, {GUARANTEED} may spend "
            f"epsilon {ledgers.DEFAULT_EPSILON:g} in all."
        )
        return
    for entry in account.entries:
        r = entry.request
        say(f"{entry.when}  epsilon {r.epsilon:g}, delta {r.delta:.3g}  {r.patients}  {entry.sums.id[:8]}")
    say(
        f"{file}: {len(account.entries)} sums; spent in all epsilon {account.epsilon:.4g} of "
        f"{account.limit.epsilon:g} at delta {account.limit.delta:.3g} (zCDP {account.rho:.4g}), for one "
        "patient added or removed."
    )
