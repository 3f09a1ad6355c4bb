"""From a cohort to a synthetic one, as a whole or straight into files: split, fit, sample, validate."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from amlsynth.cohort.cohort import About, Cohort, require_cohort, write_about
from amlsynth.cohort.split import HOLDOUT_SHARE, Split
from amlsynth.cohort.table_writing import file_kind
from amlsynth.cohort.tables import write_blocks
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.defaults import MOST_REPLICATES
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators import DEFAULT, generator_class
from amlsynth.generators.base import BaseGenerator
from amlsynth.generators.fitted import fit, read_condition


@dataclass(frozen=True)
class Generated:
    """A synthetic cohort with the split and the fitted generator that it was made by.

    `split` is None when all patients were fitted to. `replicates` are typed frames to pool estimates of
    (`amlsynth.inference`), each of a fit of its own.
    """

    synthetic: Cohort
    split: Split | None
    model: BaseGenerator
    warnings: tuple[str, ...] = ()
    replicates: tuple[pd.DataFrame, ...] = ()


@dataclass(frozen=True)
class Written:
    """What `generate_file` wrote: the number of patients, and what is known about them."""

    n: int
    about: About
    split: Split | None
    warnings: tuple[str, ...]


def generate(
    cohort: Cohort,
    generator: str = DEFAULT,
    *,
    seed: int,
    n: int | None = None,
    params: Mapping[str, Any] | None = None,
    where: str | None = None,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    split: bool = True,
    ledger_of: Path | None = None,
    replicates: int = 0,
    replicate_n: int | None = None,
    progress: Progress = no_progress,
) -> Generated:
    """Make a synthetic cohort.

    Parameters
    ----------
    cohort : the original cohort; its dictionary is that of the synthetic one.
    generator : a name of `generators.generator_names()`.
    seed : seed of fitting and sampling; the same seed gives the same cohort.
    n : number of synthetic patients; as many as `cohort` has when not given, or with a guarantee as
        many as the noisy sum lets expect.
    params : parameters of the generator.
    where : a condition that every synthetic patient meets, such as "AGE >= 60 and NPM1 == 1".
    split_seed : seed of the split; `seed` when not given.
    holdout : share of patients that the generator does not see.
    split : False fits on all patients; then nothing can be said about memorising.
    replicates : how many further cohorts to draw, each from a fit of its own, whose analyses can be pooled
        to intervals that hold; of a fit with a guarantee they spend nothing.
    replicate_n : patients in each; `PATIENTS_EACH` times `n` when not given, so that their own sampling
        error is small beside what is not known.
    ledger_of : the file of the original cohort, in whose budget ledger a generator with a guarantee accounts
        for what it spends; without it nobody keeps account.

    Raises
    ------
    UsageError, DataError
        Unknown generator or parameter, too few patients, or a condition out of reach.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> made = generate(reference_cohort(n=300), seed=1, n=50, where="AGE >= 60")
    >>> made.synthetic.n, bool((made.synthetic.frame["AGE"] >= 60).all())
    (50, True)
    """
    _check_request(cohort, generator, where, replicates)
    fitted = fit(
        cohort, generator, seed=seed, params=params, split_seed=split_seed, holdout=holdout, split=split,
        ledger_of=ledger_of, progress=progress,
    )  # fmt: skip
    synthetic = fitted.sample(n, where=where)
    each = fitted.replicate_n(n, replicate_n)
    drawn = tuple(
        pd.concat(fitted.replicate(number, each, where), ignore_index=True) for number in range(replicates)
    )
    return Generated(synthetic, fitted.split, fitted.model, fitted.warnings(where), drawn)


def generate_file(
    cohort: Cohort,
    path: Path,
    generator: str = DEFAULT,
    *,
    seed: int,
    n: int | None = None,
    params: Mapping[str, Any] | None = None,
    where: str | None = None,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    split: bool = True,
    ledger_of: Path | None = None,
    replicates: int = 0,
    replicate_n: int | None = None,
    progress: Progress = no_progress,
) -> Written:
    """Make a synthetic cohort as `generate` does, straight into a CSV or Parquet file.

    Patients are drawn, validated and written in blocks, so that memory does not limit their number.
    FILE.about.json is written beside the file. Replicates are written beside it, too, as NAME-01.csv and so
    on; all files are as they were before if one fails.

    Raises
    ------
    UsageError, DataError
        As `generate`, and when the file cannot be written. The file is then as it was.

    Examples
    --------
    >>> from amlsynth import read_table, reference_cohort
    >>> written = generate_file(reference_cohort(n=300), folder / "made.csv", seed=1, n=100)
    >>> len(read_table(folder / "made.csv"))
    100
    """
    file_kind(path)
    _check_request(cohort, generator, where, replicates)
    fitted = fit(
        cohort, generator, seed=seed, params=params, split_seed=split_seed, holdout=holdout, split=split,
        ledger_of=ledger_of, progress=progress,
    )  # fmt: skip
    about, each = fitted.about(n, where), fitted.replicate_n(n, replicate_n)
    with ExitStack() as stack:
        written = write_blocks(fitted.blocks(n, where=where), stack.enter_context(replacing(path)))
        others = replicate_paths(path, replicates)
        for number, other in enumerate(others):
            write_blocks(fitted.replicate(number, each, where), stack.enter_context(replacing(other)))
    write_about(about, path, cohort.dictionary)
    for number, other in enumerate(others):
        told = about.provenance | {"replicate": number + 1, "n": each}
        write_about(about.model_copy(update={"provenance": told}), other, cohort.dictionary)
    return Written(written, about, fitted.split, fitted.warnings(where))


def _check_request(cohort: Cohort, generator: str, where: str | None, replicates: int) -> None:
    """Refuse what could only fail after a fit, before anything is spent on one."""
    require_cohort(cohort)
    if not 0 <= replicates <= MOST_REPLICATES:
        raise UsageError(f"{replicates} replicates cannot be made; ask for 0 to {MOST_REPLICATES}.")
    if replicates:
        generator_class(generator).check_replicates()
    read_condition(where, cohort.dictionary)


def replicate_paths(path: Path, count: int) -> tuple[Path, ...]:
    """Return the files of replicates beside the file of a cohort.

    Examples
    --------
    >>> [path.name for path in replicate_paths(Path("made.csv"), 2)]
    ['made-01.csv', 'made-02.csv']
    """
    return tuple(path.with_name(f"{path.stem}-{number:02}{path.suffix}") for number in range(1, count + 1))


def nobody(d: Dictionary | None = None) -> Cohort:
    """Return a cohort of no patients, in the place of originals that only their noisy sums are known of."""
    d = d or dictionary()
    about = About(
        name="measured",
        title="patients known by differentially private sums alone",
        simulated=False,
        statement="No patient is in this table; it stands for cohorts of which noisy sums were shared.",
    )
    frame = pd.DataFrame({v.name: pd.Series([], dtype=v.dtype) for v in d.variables})
    return Cohort(frame, "original", about, d)
