"""From a cohort to a synthetic cohort: split, fit on the training part, sample, validate."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort, not_assessed, write_about
from amlsynth.cohort.split import HOLDOUT_SHARE, Split, split_by_patient, split_cohort
from amlsynth.cohort.table_writing import file_kind
from amlsynth.cohort.tables import write_blocks
from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.disclosure.origin import describe_original
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.foundation.defaults import GUARANTEED, MOST_REPLICATES, PATIENTS_EACH
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators import DEFAULT, create, generator_class
from amlsynth.generators.base import BaseGenerator, TrainingPart
from amlsynth.generators.conditions import Condition
from amlsynth.model_space.resolution import Resolution

if TYPE_CHECKING:
    from amlsynth.generators.private.sums import SumsFile

ALL_PATIENTS = "all"


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
    _check_replicates(generator, replicates)
    request = _Request(
        cohort, generator, seed, n, params, where, split_seed, holdout, split, ledger_of, progress
    )
    frame = pd.concat(request.blocks(), ignore_index=True)
    synthetic = Cohort(frame, "synthetic", request.about(), cohort.dictionary)
    drawn = tuple(
        pd.concat(request.replicate(number, replicate_n), ignore_index=True) for number in range(replicates)
    )
    return Generated(synthetic, request.split, request.model, request.warnings, drawn)


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
    _check_replicates(generator, replicates)
    request = _Request(
        cohort, generator, seed, n, params, where, split_seed, holdout, split, ledger_of, progress
    )
    about = request.about()
    with ExitStack() as stack:
        written = write_blocks(request.blocks(), stack.enter_context(replacing(path)))
        others = replicate_paths(path, replicates)
        for number, other in enumerate(others):
            write_blocks(request.replicate(number, replicate_n), stack.enter_context(replacing(other)))
    write_about(about, path, cohort.dictionary)
    for number, other in enumerate(others):
        told = about.provenance | {"replicate": number + 1, "n": request.replicate_n(replicate_n)}
        write_about(about.model_copy(update={"provenance": told}), other, cohort.dictionary)
    return Written(written, about, request.split, request.warnings)


def measure(
    cohort: Cohort,
    *,
    params: Mapping[str, Any] | None = None,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    ledger_of: Path | None = None,
) -> tuple[SumsFile, str | None]:
    """Draw a differentially private sum of a cohort, or of the training part of a split of it.

    Parameters
    ----------
    cohort : the original cohort.
    params : parameters of the generator `private`, such as epsilon.
    split_seed : seed of the split whose training part is measured; all patients without it.
    ledger_of : the file of the cohort, in whose ledger the cost is put to account.

    Returns
    -------
    The noisy sum, and what there is to be warned of.

    Raises
    ------
    UsageError, DataError
        Unknown or senseless parameters, too few patients, no budget left; nothing is spent then.
    """
    from amlsynth.generators.private.generator import Private

    model = create(GUARANTEED, _declared(GUARANTEED, params, cohort), cohort.dictionary)
    assert isinstance(model, Private)
    if model.params.measurements:
        raise UsageError("measurements are what is measured here. Leave that parameter out.")
    train, which = cohort.frame, ALL_PATIENTS
    if split_seed is not None:
        train = split_by_patient(cohort.frame, holdout, seed=split_seed).train
        which = training_part(split_seed, holdout)
    sums = model.measure_part(TrainingPart(train, cohort.frame, ledger_of, which))
    return sums, model.params.budget.warning


class _Request:
    """A fitted generator and what was asked of it."""

    def __init__(
        self,
        cohort: Cohort,
        generator: str,
        seed: int,
        n: int | None,
        params: Mapping[str, Any] | None,
        where: str | None,
        split_seed: int | None,
        holdout: float,
        split: bool,
        ledger_of: Path | None,
        progress: Progress,
    ) -> None:
        self._cohort, self._name, self._seed, self._progress = cohort, generator, seed, progress
        d = cohort.dictionary
        self.model = create(generator, _declared(generator, params, cohort), d)
        self._condition = Condition.read(where, d) if where is not None else None
        self._split_seed = seed if split_seed is None else split_seed
        self._holdout = holdout
        self.split = self._split() if split else None
        train = self.split.train if self.split else cohort.frame
        self._training_patients = len(train)
        # Fitting and sampling draw from streams of their own, so that n does not change the fit.
        fitting, self._sampling = (
            np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)
        )
        which = training_part(self._split_seed, holdout) if self.split else ALL_PATIENTS
        self._part = TrainingPart(train, cohort.frame, ledger_of, which, recorded_resolution(cohort))
        self.model.fit_part(self._part, fitting, progress)
        self._n = self.model.default_n(cohort.n) if n is None else n
        self.warnings = tuple(self._warnings(train))

    def _split(self) -> Split:
        cohort = self._cohort
        if self.model.guarantee:
            return split_by_patient(cohort.frame, self._holdout, seed=self._split_seed)
        return split_cohort(cohort.frame, self._holdout, seed=self._split_seed, d=cohort.dictionary)

    def _warnings(self, train: pd.DataFrame) -> Iterator[str]:
        # How many training patients meet a condition is an exact figure, which a guarantee does not allow.
        if self._condition is not None and not self.model.guarantee:
            warning = self._condition.warning(train)
            if warning:
                yield warning
        yield from self.model.warnings()

    def blocks(self) -> Iterator[pd.DataFrame]:
        """Draw the patients, block by block, each checked."""
        yield from self._drawn(self.model, self._n, self._sampling)

    def replicate(self, number: int, n: int | None = None) -> Iterator[pd.DataFrame]:
        """Draw the patients of a replicate, numbered from 0; each has streams of its own."""
        fitting, sampling = (
            stream.rng_of(self._seed, number) for stream in (Stream.REPLICATE_FIT, Stream.REPLICATE_PATIENTS)
        )
        self._progress(f"replicate {number + 1}", 1.0)
        yield from self._drawn(self.model.replicate(self._part, fitting), self.replicate_n(n), sampling)

    def replicate_n(self, n: int | None) -> int:
        """Return how many patients a replicate has."""
        return PATIENTS_EACH * self._n if n is None else n

    def _drawn(self, model: BaseGenerator, n: int, rng: np.random.Generator) -> Iterator[pd.DataFrame]:
        if self._condition is None:
            drawn = model.sample_blocks(n, rng, self._progress)
        else:
            if n < 1:
                raise UsageError(f"{n} patients cannot be sampled; ask for 1 or more.")
            endless = model.sample_blocks(sys.maxsize, rng)
            drawn = self._shown(self._condition.select(endless, n), n)
        for block in drawn:
            yield self._checked(block)

    def _shown(self, blocks: Iterator[pd.DataFrame], n: int) -> Iterator[pd.DataFrame]:
        done = 0
        for block in blocks:
            done += len(block)
            self._progress("sampling", done / n)
            yield block

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        report = validate(frame, "synthetic", self._cohort.dictionary)
        unexpected = set(report.by_rule()["rule"])
        if self.model.copies_patients:
            unexpected -= {DUPLICATE_RULE}
        if unexpected:
            report.raise_if_failed(f"the output of {self._name}")
        return frame

    def _origin(self) -> dict[str, Any]:
        """Return what may be said of the original: with a guarantee no count, hash or file of it."""
        about = self._cohort.about
        if self.model.guarantee:
            return {"cohort": {"name": about.name, "title": about.title, "simulated": about.simulated}}
        described = describe_original(about, OFF if about.simulated else DisclosureRule())
        return {"training_patients": self._training_patients, "cohort": described}

    def about(self) -> About:
        cohort = self._cohort
        return About(
            name=f"{cohort.about.name}-synthetic",
            title=f"Synthetic cohort made from: {cohort.about.title}",
            simulated=cohort.about.simulated,
            statement=_statement(cohort, self._name, self.model.copies_patients, self._condition),
            provenance={
                "generator": self._name,
                "params": self.model.params.model_dump(mode="json"),
                "seed": self._seed,
                "n": self._n,
                "where": self._condition.expression.text if self._condition else None,
                "split": {"seed": self._split_seed, "holdout": self._holdout} if self.split else None,
                **self._origin(),
            },
        )


def _check_replicates(generator: str, count: int) -> None:
    if not 0 <= count <= MOST_REPLICATES:
        raise UsageError(f"{count} replicates cannot be made; ask for 0 to {MOST_REPLICATES}.")
    if count:
        generator_class(generator).check_replicates()


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


def training_part(seed: int, holdout: float) -> str:
    """Return what the ledger calls the training part of a split."""
    return f"training part: split by patient, seed {seed}, hold-out {holdout:g}"


def _declared(generator: str, params: Mapping[str, Any] | None, cohort: Cohort) -> Mapping[str, Any] | None:
    """Add to the parameters what the cohort's import declares as not assessed, which is public."""
    if not generator_class(generator).guarantee or "not_assessed" in (params or {}):
        return params
    declared = not_assessed(cohort.about)
    return {**(params or {}), "not_assessed": declared} if declared else params


def recorded_resolution(cohort: Cohort) -> Resolution | None:
    """Return the steps in which numbers were recorded, where the cohort's import tells them."""
    steps = stated_steps(cohort.about)
    return Resolution.stated(cohort.dictionary, steps) if steps else None


def stated_steps(about: About) -> dict[str, float]:
    """Return the steps in which a cohort's import says that its source records numbers, by variable."""
    imported = about.provenance.get("import")
    steps = imported.get("steps") if isinstance(imported, dict) else None
    return {str(name): float(step) for name, step in (steps or {}).items()}


def _statement(cohort: Cohort, generator: str, copies: bool, condition: Condition | None) -> str:
    if copies:
        return f"Copies of patients of {cohort.about.name}, as an anchor for measures. Never release it."
    origin = " The original is itself simulated." if cohort.about.simulated else ""
    kind = f", only such as meet {condition.expression.text!r}" if condition else ""
    return f"Synthetic patients sampled by {generator} fitted to {cohort.about.name}{kind}.{origin}"
