"""From a cohort to the parameters that a generator does best with, by a study of Optuna."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amlsynth.cohort.cohort import Cohort, require_cohort
from amlsynth.cohort.split import HOLDOUT_SHARE, split_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators import DEFAULT, create
from amlsynth.tuning.bench import Bench, Task
from amlsynth.tuning.objectives import check_name
from amlsynth.tuning.record import TuningResult, result_of
from amlsynth.tuning.space import stored_defaults
from amlsynth.tuning.storage import reaching, shown
from amlsynth.tuning.trials import attach, bury_the_dead, ended, work, work_together

REPEATS = 3  # inner splits that a trial is scored on


def tune(
    cohort: Cohort,
    generator: str = DEFAULT,
    *,
    trials: int,
    seed: int = 0,
    split_seed: int | None = None,
    holdout: float = HOLDOUT_SHARE,
    objective: str = "default",
    storage: str | Path | None = None,
    study: str | None = None,
    params: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    jobs: int = 1,
    repeats: int = REPEATS,
    prune: bool = True,
    progress: Progress = no_progress,
    d: Dictionary | None = None,
) -> TuningResult:
    """Search the parameters of a generator on the training part of a cohort.

    The hold-out of `split_cohort(cohort, holdout, seed=split_seed)` is set aside first, as `generate` does,
    and never seen. Every trial fits the generator to inner training parts, samples as many patients, and is
    scored on them and on the patients of the training part that it did not see. The first trial is the
    generator's defaults, where they lie in the space.

    Parameters
    ----------
    cohort : the original cohort.
    generator : a name of the registry, such as "sequential-cart" or "synthcity:survival_nflow".
    trials : how many trials the study shall have in all, of every worker; failed ones count.
    seed : of inner splits, fits and the search; one worker with one seed always finds the same.
    split_seed : seed of the outer split; `seed` when not given.
    objective : "default" or "paper"; see `tuning.objectives`.
    storage : None for memory, the path of a journal file, or the URL of a database, where workers on several
        machines meet. A study that is there goes on.
    study : its name there; generator and objective when not given.
    params : parameters that are fixed and not searched.
    timeout : seconds after which no trial is started.
    jobs : processes that work on the study; more than one needs a storage.
    repeats : inner splits that each trial is scored on.
    prune : stop a trial that is behind the median of those before after its first splits.
    d : the dictionary; the cohort's by default.

    Returns
    -------
    TuningResult
        The best parameters, all trials, and which parameters mattered.

    Raises
    ------
    UsageError
        Unknown generator, parameter or objective (with the nearest), nothing to tune, a study that cannot be
        reached or was made from something else.
    DataError
        Too few patients, or no trial was scored.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> result = tune(reference_cohort(n=200), "sequential-cart", trials=1, repeats=1, seed=1)
    """
    _check(trials=trials, jobs=jobs, repeats=repeats, seed=seed, timeout=timeout)
    if jobs > 1 and storage is None:
        raise UsageError(
            "Several processes need a storage where they meet: name a journal file or a database."
        )
    require_extra("generate", "optuna", "Tuning")
    check_name(objective)
    require_cohort(cohort)
    d = d or cohort.dictionary
    fixed = dict(params or {})
    model = create(generator, fixed, d)
    fixed = {name: getattr(model.params, name) for name in fixed}  # text from the command line is now typed
    outer = seed if split_seed is None else split_seed
    task = Task(
        train=split_cohort(cohort.frame, holdout, seed=outer, d=d).train,
        generator=generator,
        fixed=fixed,
        objective=objective,
        seed=seed,
        repeats=repeats,
        storage=storage,
        study=study or f"{generator}-{objective}",
        trials=trials,
        deadline=None if timeout is None else time.time() + timeout,
        prune=prune,
        dictionary=d,
    )
    made_from = _made_from(task, cohort, outer, holdout)
    with reaching(storage):
        attached = attach(task)
        _same_study(attached.user_attrs.get("made_from"), made_from, task)
        if "made_from" not in attached.user_attrs:
            Bench.of(task)  # what cannot work is told before the study is begun
            attached.set_user_attr("made_from", made_from)
        bury_the_dead(attached)
        defaults = stored_defaults(task.space)
        if defaults is not None and not attached.get_trials(deepcopy=False):
            attached.enqueue_trial(defaults, user_attrs={"default": True}, skip_if_exists=True)
        if ended(attached) < trials:
            if jobs == 1:
                work(task, attached, progress)
            else:
                work_together(task, attached, jobs, progress)
        return result_of(attached, generator, made_from | {"versions": versions()})


def versions() -> dict[str, str]:
    """Return the versions that decide what a search finds."""
    from importlib.metadata import version

    return {name: version(name) for name in ("amlsynth", "optuna", "numpy", "scikit-learn")}


def cohort_sha256(cohort: Cohort) -> str:
    """Return the SHA-256 of a cohort as CSV, whatever file it came from."""
    text = cohort.frame.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _made_from(task: Task, cohort: Cohort, outer: int, holdout: float) -> dict[str, Any]:
    return {
        "objective": task.objective,
        "seed": task.seed,
        "split": {"seed": outer, "holdout": holdout},
        "repeats": task.repeats,
        "cohort": {
            "name": cohort.about.name,
            "patients": cohort.n,
            "training_patients": len(task.train),
            "sha256": cohort_sha256(cohort),
        },
        "fixed": {key: list(v) if isinstance(v, tuple) else v for key, v in task.fixed.items()},
        "space": {dimension.name: dimension.describe() for dimension in task.space},
    }


def _same_study(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any], task: Task) -> None:
    """Refuse to go on with a study that was made from something else: its scores do not compare."""
    if theirs is None:
        return
    for key, value in ours.items():
        if key == "cohort":
            same = theirs.get(key, {}).get("sha256") == value["sha256"]
        else:
            same = theirs.get(key) == value
        if not same:
            where = shown(task.storage)
            before = theirs.get(key)
            detail = "" if key in ("cohort", "space") else f" ({before!r} there, {value!r} here)"
            raise UsageError(
                f"The study {task.study!r} in {where} was made with another {key}{detail}, so its trials "
                "cannot be compared with new ones. Name a new study with --study, or another --storage."
            )


def _check(*, trials: int, jobs: int, repeats: int, seed: int, timeout: float | None) -> None:
    for name, value in (("trials", trials), ("jobs", jobs), ("repeats", repeats)):
        if value < 1:
            raise UsageError(f"{name} is {value}; take 1 or more.")
    if seed < 0:
        raise UsageError(f"the seed is {seed}; take a whole number that is not negative.")
    if timeout is not None and not timeout > 0:
        raise UsageError(f"the timeout is {timeout:g} seconds; take more than 0.")
