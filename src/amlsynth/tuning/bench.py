"""The bench on which every trial is scored: inner splits of the training part."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.types import Progress
from amlsynth.generators import create, generator_class
from amlsynth.tuning.objectives import Objective, Part, objective
from amlsynth.tuning.space import Dimension, search_space

if TYPE_CHECKING:
    import optuna

INNER_HOLDOUT = 0.25  # of the training part: 20 % of all patients, as large as the hold-out of a release


@dataclass(frozen=True)
class Task:
    """What a worker needs; it travels to other processes.

    train : the training part, typed; no worker ever gets the hold-out.
    fixed : parameters that are not searched.
    repeats : inner splits that every trial is scored on.
    trials : how many the study shall have when the workers are done.
    deadline : `time.time()` after which no trial is started, or None.
    prune : whether a trial stops when it is behind the median of those before.
    dictionary : what the columns are.
    """

    train: pd.DataFrame
    generator: str
    fixed: dict[str, Any]
    objective: str
    seed: int
    repeats: int
    storage: str | Path | None
    study: str
    trials: int
    deadline: float | None
    prune: bool
    dictionary: Dictionary

    @property
    def space(self) -> tuple[Dimension, ...]:
        return search_space(generator_class(self.generator).Params, self.fixed, self.generator)


@dataclass(frozen=True)
class Bench:
    """The inner splits, each with the objective that its patients allow; the same for every trial."""

    task: Task
    space: tuple[Dimension, ...]
    parts: tuple[tuple[Part, Objective], ...]

    @classmethod
    def of(cls, task: Task) -> Bench:
        """Split the training part `task.repeats` times.

        Raises
        ------
        DataError
            The inner training parts are smaller than the generator accepts.
        """
        least = generator_class(task.generator).minimum_patients
        parts = []
        for stream in np.random.SeedSequence(task.seed).spawn(task.repeats):
            seed = int(stream.generate_state(1)[0])
            inner = split_cohort(task.train, INNER_HOLDOUT, seed=seed, d=task.dictionary)
            if len(inner.train) < least:
                raise DataError(
                    f"{task.generator} needs at least {least} training patients, and tuning, which keeps "
                    f"{INNER_HOLDOUT:.0%} of {len(task.train)} apart, leaves it {len(inner.train)}. "
                    "Use a larger cohort, or the generator's defaults."
                )
            part = Part(inner.train, inner.holdout, inner.train, task.dictionary, seed)
            parts.append((part, objective(task.objective, task.dictionary).assessable(part)))
        return cls(task, task.space, tuple(parts))

    def run(self, trial: optuna.Trial, progress: Progress) -> float:
        """Score one set of parameters: the mean over the inner splits.

        Raises
        ------
        optuna.TrialPruned
            After some of the splits the mean is below the median of the trials before.
        AmlsynthError
            The generator cannot be fitted or sampled with these parameters.
        """
        import optuna

        params = {**self.task.fixed, **{dimension.name: dimension.suggest(trial) for dimension in self.space}}
        trial.set_user_attr("params", params)
        since = time.monotonic()
        totals: list[float] = []
        scored: list[dict[str, float]] = []
        for done, (part, aim) in enumerate(self.parts):

            def tell(_stage: str, share: float, done: int = done) -> None:
                progress("", (done + 0.9 * share) / len(self.parts))

            scores = aim.scores(replace(part, synthetic=self._made(params, part, tell)))
            scored.append(scores)
            totals.append(aim.total(scores))
            trial.set_user_attr("scores", _mean(scored))
            trial.set_user_attr("seconds", round(time.monotonic() - since, 2))
            trial.report(float(np.mean(totals)), done)
            if done + 1 < len(self.parts) and trial.should_prune():
                raise optuna.TrialPruned
            progress("", (done + 1) / len(self.parts))
        return float(np.mean(totals))

    def _made(self, params: dict[str, Any], part: Part, tell: Progress) -> pd.DataFrame:
        # The same streams for every trial: trials differ by their parameters, not by luck.
        fitting, sampling = (np.random.default_rng(s) for s in np.random.SeedSequence(part.seed).spawn(2))
        model = create(self.task.generator, params, self.task.dictionary).fit(part.train, fitting, tell)
        return model.sample(len(part.train), sampling)


def _mean(scored: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for scores in scored for name in scores)
    return {name: round(float(np.mean([s[name] for s in scored if name in s])), 6) for name in names}
