"""How far the data contradict the prior, told from the noisy sum alone.

Were the patients a sample of the prior, the sum would lie N mu0 with covariance N C + sigma^2 I, of the
features as far as they are observed. The mean square of its standardised deviations is then about 1. It is
post-processing of the noisy sum, so it may be shown to anybody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sums import Sums

# Warned of are effects that differ from the prior's more than chance explains: a misfit three standard
# deviations above that of simulated cohorts whose prior fits, or a slope that is surely far from 1.
# benchmarks/private.md says how often that happens with priors that fit and with priors that do not.
CONTRADICTED = 1.5
WEAKER, STRONGER = 0.75, 1.33
_SURELY = 2.6  # standard errors, one in a hundred


@dataclass(frozen=True)
class Diagnosis:
    """How the data differ from the prior.

    Attributes
    ----------
    misfit : mean squared z of all features, 1 for a prior that the data could be a sample of.
    blocks : the same of each block of features by itself.
    slope : how strong the effects on outcomes are, in multiples of the prior's: 1 as strong, 0 none, below 0
        the other way round; NaN where the dictionary has no endpoint.
    slope_error : its standard error, of sampling and noise.
    """

    misfit: float
    blocks: Mapping[str, float]
    slope: float
    slope_error: float

    @property
    def warning(self) -> str | None:
        """What to tell who relies on effects, where the data contradict those of the prior."""
        margin = _SURELY * self.slope_error
        effects = self.blocks.get("effects", 1.0)
        if not (effects > CONTRADICTED or self.slope + margin < WEAKER or self.slope - margin > STRONGER):
            return None
        return (
            "The data contradict the prior's effects on outcomes beyond the noise: they are "
            f"{self.slope:.2f} ± {1.96 * self.slope_error:.2f} times as strong, mean squared z {effects:.1f} "
            "where 1 is a fit. Survival curves and frequencies follow the data all the same; effects of "
            "single markers lean on the prior. Take a prior that is nearer (prior=FILE) where effects matter."
        )


def diagnose(model: PublicModel, sums: Sums) -> Diagnosis:
    """Compare the noisy sum with what the prior expects, patients with missing values taken into account."""
    shares = model.observed(model.fit_masks(sums))
    prior = model.pool.moments.observed(shares)
    n = model.number_of_patients(sums, shares)
    total, expected = sums.total[model.values], n * prior.mean
    variance = n * prior.covariance + sums.sigma**2 * np.eye(len(total))
    names = np.array([name for name, size in model.map.sizes.items() for _ in range(size)])[model.values]
    parts = {str(name): names == name for name in dict.fromkeys(names) if name != "count"}
    blocks = {
        name: _mean_square((total - expected)[part], variance[np.ix_(part, part)])
        for name, part in parts.items()
        if part.any()
    }
    effects = parts.get("effects", np.zeros(len(total), dtype=bool))
    slope = _slope(total[effects], expected[effects], variance[np.ix_(effects, effects)])
    return Diagnosis(_mean_square(total - expected, variance), blocks, *slope)


def _mean_square(deviation: FloatArray, variance: FloatArray) -> float:
    return float(deviation @ np.linalg.solve(variance, deviation)) / len(deviation)


def _slope(total: FloatArray, expected: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Return the generalised least squares slope of a sum on what is expected, and its standard error."""
    if not expected.any():
        return math.nan, math.nan
    weights = np.linalg.solve(variance, expected)
    information = float(weights @ expected)
    return float(weights @ total) / information, information**-0.5
