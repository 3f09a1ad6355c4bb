"""Optuna's TPE sampler, seeded anew for every trial."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState


def seeded_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return a sampler whose choice depends on the seed, the trial's number and the trials before it only.

    So a study that was interrupted goes on as it would have gone, and workers with one seed do not all try
    the same. The choice is TPE's (Bergstra et al., NeurIPS 2011), of all parameters together.
    """
    import optuna

    class Seeded(optuna.samplers.BaseSampler):
        _tpe: optuna.samplers.TPESampler | None = None

        def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
            state = np.random.SeedSequence((seed, trial.number)).generate_state(1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self._tpe = optuna.samplers.TPESampler(
                    seed=int(state[0]), multivariate=True, constant_liar=True
                )

        def infer_relative_search_space(
            self, study: optuna.Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            assert self._tpe is not None  # before_trial comes first
            return self._tpe.infer_relative_search_space(study, trial)

        def sample_relative(
            self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            assert self._tpe is not None  # before_trial comes first
            return self._tpe.sample_relative(study, trial, search_space)

        def sample_independent(
            self,
            study: optuna.Study,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Any:
            assert self._tpe is not None  # before_trial comes first
            return self._tpe.sample_independent(study, trial, param_name, param_distribution)

        def after_trial(
            self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
        ) -> None:
            if self._tpe is not None:  # a trial that another process began may be closed here
                self._tpe.after_trial(study, trial, state, values)

    return Seeded()
