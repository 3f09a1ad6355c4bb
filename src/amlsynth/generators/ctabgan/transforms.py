"""The mixed-type encoder for one column of numbers.

Notation of Zhao et al. (doi 10.3389/fdata.2023.1296508), sections 3.3 to 3.5: a number x becomes a scalar
alpha in [-1, 1] and a one-hot beta. Beta says which mode of a variational Gaussian mixture the number was
assigned to, alpha where it lies within that mode (mode-specific normalisation). Missingness, or any other
special value, is one more state of beta with alpha 0 (mixed type). A column with one mode is simple: it
is brought to [-1, 1] by its minimum and maximum (general transform). Skewed positive numbers are
logarithms first (log transform).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray

Scale = Literal["auto", "linear"]

_LEAST_WEIGHT = 0.005  # a mode with a smaller share of the mixture holds nobody worth a state
_WIDTHS = 4.0  # alpha = (x - mean) / (4 standard deviations), as in the paper's equation for alpha


@dataclass(frozen=True)
class NumberColumn:
    """A fitted column of numbers with K modes; K = 0 where nobody has the number.

    Attributes
    ----------
    centers, widths : shapes (K,), on the scale of `_forward`: x = center + width * alpha.
    special : whether the number may be missing; then missing is the last state of beta.
    shift : what is added before the logarithm; None where no logarithm is taken.
    mean, deviation : of the known numbers, on the same scale, for features without a unit.
    """

    name: str
    centers: FloatArray
    widths: FloatArray
    special: bool
    shift: float | None
    mean: float
    deviation: float

    @property
    def modes(self) -> int:
        return len(self.centers)

    @property
    def states(self) -> int:
        """The number of states of beta."""
        return self.modes + int(self.special)

    @property
    def varies(self) -> bool:
        """Whether there is an alpha: a constant column needs none."""
        return bool((self.widths > 0).any())

    def encode(
        self, values: FloatArray, missing: BoolArray, rng: np.random.Generator
    ) -> tuple[FloatArray, IntArray]:
        """Return alpha and beta's state, shapes (n,), of numbers of which some are missing.

        The mode is drawn from those in reach of the number, with probabilities by their densities.
        """
        alpha, state = np.zeros(len(values)), np.full(len(values), self.modes, dtype=np.int64)
        known = ~missing
        if known.any() and self.modes:
            x = self._forward(values[known])
            offsets = x[:, None] - self.centers
            reach = np.abs(offsets) / np.where(self.widths > 0, self.widths, 1.0)
            # Within 1 the normal density with deviation width / 4; beyond it, only if no mode reaches.
            weight = np.where(reach <= 1, np.exp(-0.5 * (_WIDTHS * reach) ** 2), 0.0)
            weight = np.where(weight.any(axis=1, keepdims=True), weight, reach == reach.min(1, keepdims=True))
            edges = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)[:, :-1]
            chosen = (rng.random(len(x))[:, None] > edges).sum(axis=1)
            rows = np.arange(len(x))
            state[known] = chosen
            scale = self.widths[chosen]
            alpha[known] = np.divide(
                offsets[rows, chosen], scale, out=np.zeros(len(x)), where=scale > 0
            ).clip(-1, 1)
        return alpha, state

    def decode(self, alpha: FloatArray, state: IntArray) -> tuple[FloatArray, BoolArray]:
        """Return numbers and what is missing, shapes (n,): the inverse of `encode`; missing numbers are 0."""
        missing = state >= self.modes
        if not self.modes:
            return np.zeros(len(alpha)), np.ones(len(alpha), dtype=bool)
        mode = np.minimum(state, self.modes - 1)
        x = self.centers[mode] + self.widths[mode] * np.clip(alpha, -1, 1)
        return np.where(missing, 0.0, self._backward(x)), missing

    def _forward(self, values: FloatArray) -> FloatArray:
        if self.shift is None:
            return values
        return np.log(np.maximum(values + self.shift, np.finfo(float).tiny))

    def _backward(self, x: FloatArray) -> FloatArray:
        return x if self.shift is None else np.exp(x) - self.shift


def fit_column(
    name: str,
    values: FloatArray,
    missing: BoolArray,
    *,
    max_modes: int,
    rng: np.random.Generator,
    scale: Scale = "auto",
) -> NumberColumn:
    """Fit the transforms of a column.

    Parameters
    ----------
    values, missing : shapes (n,); values that are missing are not looked at.
    max_modes : components of the variational mixture; it empties those that it does not need.
    scale : "auto" takes the logarithm of numbers that are not negative where that is less skewed.
    """
    known = values[~missing]
    shift = _shift(known) if scale == "auto" else None
    bare = NumberColumn(name, np.zeros(0), np.zeros(0), bool(missing.any()), shift, 0.0, 1.0)
    if not len(known):
        return bare
    x = bare._forward(known)
    if np.ptp(x) <= 1e-12 * max(1.0, float(np.abs(x).max())):
        centers, widths = x[:1], np.zeros(1)
    else:
        centers, widths = _modes(x, max_modes, int(rng.integers(2**31)))
    deviation = float(x.std()) or 1.0
    return NumberColumn(name, centers, widths, bare.special, shift, float(x.mean()), deviation)


def _shift(known: FloatArray) -> float | None:
    """Return what makes the numbers positive before the logarithm, or None where it does not help."""
    if len(known) < 3 or known.min() < 0 or np.ptp(known) == 0:
        return None
    positive = known[known > 0]
    shift = 0.0 if known.min() > 0 else float(positive.min())
    return shift if abs(_skewness(np.log(known + shift))) < abs(_skewness(known)) else None


def _skewness(x: FloatArray) -> float:
    centred = x - x.mean()
    return float((centred**3).mean() / max((centred**2).mean() ** 1.5, np.finfo(float).tiny))


def _modes(x: FloatArray, max_modes: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return centers and widths of the modes that are in use; of a simple column, one over its range."""
    whole = np.array([(x.min() + x.max()) / 2]), np.array([np.ptp(x) / 2])
    components = min(max_modes, len(np.unique(x)))
    if components < 2:
        return whole
    mixture = require_extra("generate", "sklearn.mixture", "The generator ctabgan-plus")
    with warnings.catch_warnings():
        # A mixture that has not quite converged serves: alpha and beta are exact for any centers.
        warnings.simplefilter("ignore")
        fitted = mixture.BayesianGaussianMixture(
            n_components=components,
            weight_concentration_prior_type="dirichlet_process",
            weight_concentration_prior=0.001,
            random_state=seed,
        ).fit(x[:, None])
    used = fitted.weights_ > _LEAST_WEIGHT
    if used.sum() < 2:
        return whole
    centers = fitted.means_[used, 0]
    widths = _WIDTHS * np.sqrt(fitted.covariances_[used, 0, 0])
    order = np.argsort(centers)
    centers, widths = centers[order], widths[order]
    # Every number is in reach of its nearest mode, so that no outlier is cut off.
    nearest = (np.abs(x[:, None] - centers) / widths).argmin(axis=1)
    far = np.zeros(len(centers))
    np.maximum.at(far, nearest, np.abs(x - centers[nearest]))
    return centers, np.maximum(widths, far)
