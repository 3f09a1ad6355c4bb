"""A generator fitted to a cohort, from which any number of synthetic cohorts can be drawn."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort, require_cohort
from amlsynth.cohort.split import HOLDOUT_SHARE, Split, split_by_patient, split_cohort
from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.origin import describe_original
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.foundation.defaults import GUARANTEED, PATIENTS_EACH
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.kernels import blas_kernels
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators import DEFAULT, create
from amlsynth.generators.base import BaseGenerator, TrainingPart
from amlsynth.generators.conditions import Condition
from amlsynth.generators.declared import recorded_resolution, with_declared

if TYPE_CHECKING:
    from amlsynth.generators.private.sums import SumsFile

ALL_PATIENTS = "all"


@dataclass(frozen=True)
class FittedGenerator:
    """A generator fitted to a cohort, from which any number of cohorts can be drawn; make it with `fit`.

    Attributes
    ----------
    cohort : the original cohort.
    model : the fitted generator.
    seed : that of the fit, and of samples that have none of their own.
    part : the patients that were fitted to.
    split, split_seed, holdout : how these were set apart; `split` is None when all patients were fitted to.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
    >>> fitted.model.name, len(fitted.part.patients), fitted.sample(50).n
    ('independent', 240, 50)
    """

    cohort: Cohort
    model: BaseGenerator
    seed: int
    part: TrainingPart
    split: Split | None
    split_seed: int
    holdout: float
    progress: Progress = field(default_factory=lambda: no_progress, repr=False)

    def sample(self, n: int | None = None, *, where: str | None = None, seed: int | None = None) -> Cohort:
        """Draw a synthetic cohort; parameters as of `generate`, `seed` that of the fit when not given.

        Raises
        ------
        UsageError, DataError
            A condition that cannot be read or is out of reach.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
        >>> old = fitted.sample(50, where="AGE >= 60", seed=2)
        >>> old.n, bool((old.frame["AGE"] >= 60).all())
        (50, True)
        """
        frame = pd.concat(self.blocks(n, where=where, seed=seed), ignore_index=True)
        return Cohort(frame, "synthetic", self.about(n, where, seed), self.cohort.dictionary)

    def blocks(
        self, n: int | None = None, *, where: str | None = None, seed: int | None = None
    ) -> Iterator[pd.DataFrame]:
        """Draw the patients of `sample` block by block, each checked, so that memory does not limit n.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
        >>> sum(len(block) for block in fitted.blocks(50))
        50
        """
        rng = _streams(self.seed if seed is None else seed)[1]
        yield from self._drawn(self.model, self._n(n), where, rng)

    def _n(self, n: int | None) -> int:
        """Return how many patients are drawn: `n`, or as many as the original has."""
        return self.model.default_n(self.cohort.n) if n is None else n

    def replicate_n(self, n: int | None, each: int | None) -> int:
        """Return how many patients a replicate beside n patients has, when `each` does not say it.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
        >>> fitted.replicate_n(100, None) // 100, fitted.replicate_n(100, 60)
        (5, 60)
        """
        return PATIENTS_EACH * self._n(n) if each is None else each

    def replicate(self, number: int, n: int, where: str | None = None) -> Iterator[pd.DataFrame]:
        """Draw n patients of a replicate, numbered from 0; each has streams of its own.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> fitted = fit(reference_cohort(n=300), "sequential-cart", seed=1)
        >>> [sum(map(len, fitted.replicate(number, 60))) for number in range(2)]
        [60, 60]
        """
        fitting, sampling = (
            stream.rng_of(self.seed, number) for stream in (Stream.REPLICATE_FIT, Stream.REPLICATE_PATIENTS)
        )
        self.progress(f"replicate {number + 1}", 1.0)
        yield from self._drawn(self.model.replicate(self.part, fitting), n, where, sampling)

    def warnings(self, where: str | None = None) -> tuple[str, ...]:
        """Return what there is to be warned of, of patients who meet a condition too.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
        >>> fitted.warnings(), len(fitted.warnings("AGE >= 90"))
        ((), 1)
        """
        condition = read_condition(where, self.cohort.dictionary)
        # How many training patients meet a condition is an exact figure, which a guarantee does not allow.
        asked = condition is not None and not self.model.guarantee
        few = condition.warning(self.part.patients) if condition is not None and asked else None
        return ((few,) if few else ()) + tuple(self.model.warnings())

    def about(self, n: int | None = None, where: str | None = None, seed: int | None = None) -> About:
        """Return what is known of a sample, its provenance included.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> about = fit(reference_cohort(n=300), "independent", seed=1).about(50)
        >>> about.simulated, about.provenance["generator"], about.provenance["n"]
        (True, 'independent', 50)
        """
        about, condition = self.cohort.about, read_condition(where, self.cohort.dictionary)
        split = {"seed": self.split_seed, "holdout": self.holdout} if self.split else None
        provenance = {
            "generator": self.model.name,
            "params": self.model.params.model_dump(mode="json"),
            "seed": self.seed,
            "n": self._n(n),
            "where": condition.expression.text if condition else None,
            "split": split,
            "kernels": list(blas_kernels()),
            **self._origin(),
        }
        if seed is not None and seed != self.seed:
            provenance["sampling_seed"] = seed
        return About(
            name=f"{about.name}-synthetic",
            title=f"Synthetic cohort made from: {about.title}",
            simulated=about.simulated,
            statement=_statement(self.cohort, self.model.name, self.model.copies_patients, condition),
            provenance=provenance,
        )

    def _origin(self) -> dict[str, Any]:
        """Return what may be said of the original: with a guarantee no count, hash or file of it."""
        about = self.cohort.about
        if self.model.guarantee:
            return {"cohort": {"name": about.name, "title": about.title, "simulated": about.simulated}}
        described = describe_original(about, OFF if about.simulated else DisclosureRule())
        return {"training_patients": len(self.part.patients), "cohort": described}

    def _drawn(
        self, model: BaseGenerator, n: int, where: str | None, rng: np.random.Generator
    ) -> Iterator[pd.DataFrame]:
        condition = read_condition(where, self.cohort.dictionary)
        if condition is None:
            drawn = model.sample_blocks(n, rng, self.progress)
        else:
            if n < 1:
                raise UsageError(f"{n} patients cannot be sampled; ask for 1 or more.")
            endless = model.sample_blocks(sys.maxsize, rng)
            drawn = self._shown(condition.select(endless, n), n)
        for block in drawn:
            yield self._checked(block)

    def _shown(self, blocks: Iterator[pd.DataFrame], n: int) -> Iterator[pd.DataFrame]:
        done = 0
        for block in blocks:
            done += len(block)
            self.progress("sampling", done / n)
            yield block

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        report = validate(frame, "synthetic", self.cohort.dictionary)
        unexpected = set(report.by_rule()["rule"])
        if self.model.copies_patients:
            unexpected -= {DUPLICATE_RULE}
        if unexpected:
            report.raise_if_failed(f"the output of {self.model.name}")
        return frame


def fit(
    cohort: Cohort,
    generator: str = DEFAULT,
    *,
    seed: int,
    params: Mapping[str, Any] | None = None,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    split: bool = True,
    ledger_of: Path | None = None,
    progress: Progress = no_progress,
) -> FittedGenerator:
    """Fit a generator to the training part of a cohort, to draw from it as often as wanted.

    Parameters and errors are those of `generate`.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> fitted = fit(reference_cohort(n=300), "independent", seed=1)
    >>> [fitted.sample(n, seed=seed).n for n, seed in ((50, 1), (20, 2))]
    [50, 20]
    """
    require_cohort(cohort)
    d = cohort.dictionary
    model = create(generator, with_declared(generator, params, cohort), d)
    chosen = seed if split_seed is None else split_seed
    divided = None
    if split and model.guarantee:
        divided = split_by_patient(cohort.frame, holdout, seed=chosen)
    elif split:
        divided = split_cohort(cohort.frame, holdout, seed=chosen, d=d)
    train = divided.train if divided else cohort.frame
    which = training_part(chosen, holdout) if divided else ALL_PATIENTS
    part = TrainingPart(train, cohort.frame, ledger_of, which, recorded_resolution(cohort))
    model.fit_part(part, _streams(seed)[0], progress)
    return FittedGenerator(cohort, model, seed, part, divided, chosen, holdout, progress)


def _streams(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return the streams of fitting and of sampling, so that n does not change the fit."""
    fitting, sampling = np.random.SeedSequence(seed).spawn(2)
    return np.random.default_rng(fitting), np.random.default_rng(sampling)


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

    require_cohort(cohort)
    model = create(GUARANTEED, with_declared(GUARANTEED, params, cohort), cohort.dictionary)
    assert isinstance(model, Private)
    if model.params.measurements:
        raise UsageError("measurements are what is measured here. Leave that parameter out.")
    train, which = cohort.frame, ALL_PATIENTS
    if split_seed is not None:
        train = split_by_patient(cohort.frame, holdout, seed=split_seed).train
        which = training_part(split_seed, holdout)
    sums = model.measure_part(TrainingPart(train, cohort.frame, ledger_of, which))
    return sums, model.params.budget.warning


def training_part(seed: int, holdout: float) -> str:
    """Return what the ledger calls the training part of a split."""
    return f"training part: split by patient, seed {seed}, hold-out {holdout:g}"


def read_condition(where: str | None, d: Dictionary) -> Condition | None:
    return None if where is None else Condition.read(where, d)


def _statement(cohort: Cohort, generator: str, copies: bool, condition: Condition | None) -> str:
    if copies:
        return f"Copies of patients of {cohort.about.name}, as an anchor for measures. Never release it."
    origin = " The original is itself simulated." if cohort.about.simulated else ""
    kind = f", only such as meet {condition.expression.text!r}" if condition else ""
    return f"Synthetic patients sampled by {generator} fitted to {cohort.about.name}{kind}.{origin}"
