"""How far the data contradict the prior, told from the noisy sum alone.

Were the patients a sample of the prior, the sum would lie N mu0 with variance N c + sigma^2 in every
direction in which patients differ. The mean of the squares of its standardised deviations is then about 1. It
is post-processing of the noisy sum, so it may be shown to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amlsynth.generators.private.model import Fitted, PublicModel
from amlsynth.generators.private.sums import Sums

# Twice what a fitting prior gives. A choice, not a measurement: the study with priors that are wrong on
# purpose has not been run.
CONTRADICTED = 2.0


@dataclass(frozen=True)
class Diagnosis:
    """The misfit of the prior: mean squared z, 1 for a prior that the data could be a sample of.

    Attributes
    ----------
    misfit : of all features.
    blocks : of each block of features.
    """

    misfit: float
    blocks: Mapping[str, float]

    @property
    def warning(self) -> str | None:
        """What to tell who relies on effects, where the data contradict the prior beyond the noise."""
        if self.misfit <= CONTRADICTED:
            return None
        worst = sorted(self.blocks, key=lambda name: -self.blocks[name])[:3]
        shown = ", ".join(f"{name} {self.blocks[name]:.1f}" for name in worst)
        return (
            f"The data contradict the prior beyond the noise: mean squared z {self.misfit:.1f} where 1 is a "
            f"fit "
            f"({shown}). Survival curves and frequencies follow the data all the same; effects of single "
            "markers lean on the prior. Take a prior that is nearer (prior=FILE) where effects matter."
        )


def diagnose(model: PublicModel, fitted: Fitted, sums: Sums) -> Diagnosis:
    """Compare the noisy sum with what the prior expects, patients with missing values taken into account."""
    total = sums.total[model.values]
    prior = model.pool.moments.observed(fitted.values.shares)
    deviation = total - fitted.n * prior.mean
    variance, directions = np.linalg.eigh(prior.covariance)
    differing = variance > 1e-7 * float(variance.mean())
    along = directions[:, differing].T @ deviation
    misfit = float((along**2 / (fitted.n * variance[differing] + sums.sigma**2)).mean())
    single = deviation**2 / (fitted.n * np.diag(prior.covariance) + sums.sigma**2)
    names = np.array(
        [name for name, size in model.map.sizes.items() if name != "missing" for _ in range(size)]
    )
    blocks = {
        str(name): float(single[names == name].mean()) for name in dict.fromkeys(names) if name != "count"
    }
    return Diagnosis(misfit, blocks)
