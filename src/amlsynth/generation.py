"""From a cohort to a synthetic cohort: split, fit on the training part, sample, validate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort import About, Cohort
from amlsynth.generators import DEFAULT, Progress, create
from amlsynth.generators.base import no_progress
from amlsynth.split import HOLDOUT_SHARE, Split, split_cohort
from amlsynth.validation import DUPLICATE_RULE, validate


@dataclass(frozen=True)
class Generated:
    """A synthetic cohort, and the split that it was made from; `split` is None when all was fitted on."""

    synthetic: Cohort
    split: Split | None


def generate(
    cohort: Cohort,
    generator: str = DEFAULT,
    *,
    seed: int,
    n: int | None = None,
    params: Mapping[str, Any] | None = None,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    split: bool = True,
    progress: Progress = no_progress,
) -> Generated:
    """Make a synthetic cohort.

    Parameters
    ----------
    cohort : the original cohort.
    generator : a name of `generators.generator_names()`.
    seed : seed of fitting and sampling; the same seed gives the same cohort.
    n : number of synthetic patients; as many as `cohort` has when not given.
    params : parameters of the generator.
    split_seed : seed of the split; `seed` when not given.
    holdout : share of patients that the generator does not see.
    split : False fits on all patients; then nothing can be said about memorising.

    Raises
    ------
    UsageError, DataError
        Unknown generator or parameter, or too few patients.
    """
    model = create(generator, params)
    parts = (
        split_cohort(cohort.frame, holdout, seed=seed if split_seed is None else split_seed)
        if split
        else None
    )
    train = parts.train if parts else cohort.frame
    # Fitting and sampling draw from streams of their own, so that n does not change the fit.
    fitting, sampling = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    model.fit(train, fitting, progress)
    frame = model.sample(cohort.n if n is None else n, sampling, progress)
    about = About(
        name=f"{cohort.about.name}-synthetic",
        title=f"Synthetic cohort made from: {cohort.about.title}",
        simulated=cohort.about.simulated,
        statement=_statement(cohort, generator, model.copies_patients),
        provenance={
            "generator": generator,
            "params": model.params.model_dump(mode="json"),
            "seed": seed,
            "n": len(frame),
            "split": {"seed": seed if split_seed is None else split_seed, "holdout": holdout}
            if parts
            else None,
            "training_patients": len(train),
            "cohort": cohort.about.model_dump(mode="json"),
        },
    )
    return Generated(Cohort(_checked(frame, generator, model.copies_patients), "synthetic", about), parts)


def _statement(cohort: Cohort, generator: str, copies: bool) -> str:
    if copies:
        return f"Copies of patients of {cohort.about.name}, as an anchor for measures. Never release it."
    origin = " The original is itself simulated." if cohort.about.simulated else ""
    return f"Synthetic patients sampled by {generator} fitted to {cohort.about.name}.{origin}"


def _checked(frame: pd.DataFrame, generator: str, copies: bool) -> pd.DataFrame:
    report = validate(frame, "synthetic")
    unexpected = set(report.by_rule()["rule"]) - ({DUPLICATE_RULE} if copies else set())
    if unexpected:
        report.raise_if_failed(f"the output of {generator}")
    return frame
