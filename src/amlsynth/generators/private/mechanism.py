"""The mechanism: one noisy sum of the feature map, by OpenDP's discrete Gaussian.

Sensitivity. Each patient x adds a vector of whole numbers z(x), which depends on x alone and for which
||z(x)||^2 <= 2^32 is decided in whole-number arithmetic (`FeatureMap.integers` turns anything longer into 0).
The sum S of n patients is exact, since no sum of whole numbers below 2^63 depends on an order or is rounded.
If two cohorts differ by one patient x, added or removed, their sums differ by z(x), so

    ||S - S'|| = ||z(x)|| <= 2^16 = `BOUND`;

if one patient is replaced by another, by at most 2 * `BOUND`. The map's constants come from public input.

Noise. Discrete Gaussian noise of scale s on every component of S (Canonne, Kamath and Steinke, "The Discrete
Gaussian for Differential Privacy", NeurIPS 2020), drawn by OpenDP from the operating system's randomness; it
satisfies rho-zCDP with rho = BOUND^2 / (2 s^2), and by OpenDP's conversion (epsilon, delta)-differential
privacy. OpenDP offers one conversion of zCDP, the optimised one of that paper (its corollary 13). The
analytic Gaussian mechanism (Balle and Wang, ICML 2018) would allow a tenth less noise; it is proved for the
continuous Gaussian, OpenDP has no measure for it, and a bound of our own making is what this package does
without.

All else that is released (fit, patients, diagnostics) is computed from the noisy sum and public input.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.generators.private.features import BOUND

DEFAULT_EPSILON = 3.0
MAX_DELTA = 1e-5
MAX_EPSILON = 100.0  # beyond which a number says nothing any more
HIGH_EPSILON = 10.0  # from which on a warning is due


@dataclass(frozen=True)
class Budget:
    """A guarantee: (epsilon, delta) for neighbours that differ by one patient added or removed."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise UsageError(f"epsilon {self.epsilon:g} is no guarantee. Give a number above 0, such as 3.")
        if not 0 < self.delta < 1:
            raise UsageError(
                f"delta {self.delta:g} is no guarantee. Give a number above 0 and far below 1, such as 1e-6."
            )

    @property
    def warning(self) -> str | None:
        """What to say of a budget that promises little."""
        if self.epsilon > HIGH_EPSILON:
            return (
                f"epsilon {self.epsilon:g} promises next to nothing: the odds of any conclusion about a "
                f"patient may grow by e^{self.epsilon:g}. Take {DEFAULT_EPSILON:g} or less for a public "
                "release."
            )
        if self.delta > MAX_DELTA:
            return (
                f"delta {self.delta:g} is above {MAX_DELTA:g}: a guarantee that may fail too often to be one."
            )
        return None


def default_delta(patients_at_most: int) -> float:
    """Return delta for a cohort of which a public upper bound of the number of patients is known.

    1e-5 or 1 / bound^2, whichever is smaller. The number of patients itself is private (neighbours differ in
    it), so the bound has to be public knowledge, such as a trial's planned recruitment.
    """
    return min(MAX_DELTA, 1.0 / patients_at_most**2)


@dataclass(frozen=True)
class Mechanism:
    """OpenDP's discrete Gaussian on a vector of whole numbers; make it with `mechanism`.

    Attributes
    ----------
    scale : of the noise in whole steps.
    rho : of zCDP, for one patient added or removed.
    measurement : OpenDP's measurement.
    """

    scale: float
    rho: float
    measurement: Any

    def release(self, total: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the sum with noise from the operating system's randomness, shape (size,)."""
        return np.array(self.measurement([int(value) for value in total]), dtype=np.int64)


def mechanism(budget: Budget, size: int) -> Mechanism:
    """Return the mechanism with the least noise that keeps a budget, by OpenDP's own accounting.

    Raises
    ------
    UsageError
        No noise that can be drawn keeps the budget, or epsilon is beyond all sense.
    MissingExtraError
        OpenDP is not installed.
    """
    dp = _opendp()
    if budget.epsilon > MAX_EPSILON:
        raise UsageError(
            f"epsilon {budget.epsilon:g} is no protection at all. Give at most {MAX_EPSILON:g}; "
            f"{DEFAULT_EPSILON:g} or less is usual for a public release."
        )

    scale = _least_scale(budget)
    measurement = _gaussian(dp, scale, size)
    return Mechanism(scale, float(measurement.map(BOUND)), measurement)


@functools.cache
def _least_scale(budget: Budget) -> float:
    """Return the least scale that keeps a budget, for any number of components: it takes 40 accounts."""
    dp = _opendp()

    def within(scale: float) -> bool:
        return _epsilon(dp, _gaussian(dp, scale, 1), BOUND, budget.delta) <= budget.epsilon

    scale = float(BOUND)
    while not within(scale):
        scale *= 2
        if scale > 2.0**45:
            raise UsageError(
                f"No noise keeps epsilon {budget.epsilon:g} with delta {budget.delta:g}. Give larger ones."
            )
    low, high = (scale / 2, scale) if scale > BOUND else (0.0, scale)
    for _ in range(40):  # to a trillionth
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 0 and within(middle) else (middle, high)
    return high


@functools.cache
def epsilon_of(rho: float, delta: float) -> float:
    """Return the epsilon that zCDP of rho means at delta, by OpenDP's conversion; 0 for nothing spent."""
    if rho <= 0:
        return 0.0
    dp = _opendp()
    # A Gaussian whose rho is the one asked for, a hair less noise so that the result errs upwards.
    scale = BOUND / math.sqrt(2.0 * rho) * (1 - 1e-12)
    return _epsilon(dp, _gaussian(dp, scale, 1), BOUND, delta)


def replace_one(rho: float, delta: float) -> tuple[float, float]:
    """Return rho and epsilon for neighbours in which one patient is replaced by another."""
    return 4.0 * rho, epsilon_of(4.0 * rho, delta)


def opendp_version() -> str:
    """Return the version of OpenDP that draws the noise."""
    from importlib.metadata import version

    _opendp()
    return version("opendp")


def _opendp() -> ModuleType:
    dp = require_extra("private", "opendp.prelude", "A differentially private sum")
    dp.enable_features("contrib")  # where OpenDP keeps mechanisms whose proofs are reviewed by its community
    return dp


def _gaussian(dp: ModuleType, scale: float, size: int) -> Any:
    domain = dp.vector_domain(dp.atom_domain(T="i64"), size=size)
    return dp.m.make_gaussian(domain, dp.l2_distance(T="i64"), scale=scale)


def _epsilon(dp: ModuleType, measurement: Any, distance: int, delta: float) -> float:
    return float(dp.c.make_zCDP_to_approxDP(measurement).map(distance).epsilon(delta))
