"""Newton's method for concave log likelihoods with a ridge penalty: the one optimiser of all regressions.

It knows the likelihood by its value and derivatives alone. The penalty on a coefficient is that of a normal
prior with variance 1 / penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import FloatArray

# Of a log likelihood: its value, gradient (p,) and information (p, p), the negative second derivative.
Derivatives = tuple[float, FloatArray, FloatArray]

BOUND = 500.0  # of a linear predictor, so that its exponential and sums of it stay finite
PRECISE = 1e-16  # for estimates to ten digits: what is left to gain, relative to the log likelihood
_STEPS = 50
_HALVINGS = 20
_SLACK = 1e-8  # by which rounding may lower the log likelihood
_SINGULAR = 1e-12  # information on a coefficient given the others, relative to the log likelihood
NO_MAXIMUM = (
    "covariates follow from each other, or an effect has no finite estimate: the covariates separate the "
    "outcomes"
)


@dataclass(frozen=True)
class Estimates:
    """Coefficients and the information on them, shapes (p,) and (p, p); covariates are as they were given."""

    beta: FloatArray
    information: FloatArray

    @property
    def covariance(self) -> FloatArray:
        scale = np.sqrt(np.diag(self.information))
        scales = np.outer(scale, scale)
        covariance: FloatArray = np.linalg.inv(self.information / scales) / scales
        return covariance

    @property
    def standard_errors(self) -> FloatArray:
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class Standardised:
    """Covariates with mean 0 and standard deviation 1, on which "nearly singular" has one meaning.

    values : shape (p, n), so that sums over patients run along memory; a constant covariate is 0 throughout.
    means, scale, penalty : shape (p,).
    """

    values: FloatArray
    means: FloatArray
    scale: FloatArray
    penalty: FloatArray

    @classmethod
    def of(cls, covariates: FloatArray, penalty: FloatArray | float) -> Standardised:
        """Standardise covariates, shape (n, p) or (n,), and the penalty on their coefficients.

        Raises
        ------
        NotComputable
            A covariate has one value only and its coefficient no penalty.
        """
        x = np.ascontiguousarray(np.asarray(covariates, dtype=np.float64).T)
        x = x[None] if x.ndim == 1 else x
        penalties = np.broadcast_to(np.asarray(penalty, dtype=np.float64), x.shape[:1])
        constant = np.ptp(x, axis=1) == 0
        if (constant & (penalties == 0)).any():
            raise NotComputable("a covariate has one value only, so no effect")
        means = x.mean(axis=1)
        centred = x - means[:, None]
        scale = np.where(constant, 1.0, np.sqrt((centred**2).mean(axis=1)))
        return cls(centred / scale[:, None], means, scale, penalties / scale**2)


def maximise(
    derivatives: Callable[[FloatArray], Derivatives],
    start: FloatArray,
    penalty: FloatArray,
    tolerance: float = PRECISE,
) -> Estimates:
    """Maximise a log likelihood less half the penalised squares of its coefficients.

    Parameters
    ----------
    derivatives : of a concave log likelihood, at coefficients of shape (p,).
    start, penalty : shape (p,).
    tolerance : the last step is one that promises to gain less than this times the log likelihood (or 1).

    Returns
    -------
    The coefficients, and the penalised information at them.

    Raises
    ------
    NotComputable
        There is no maximum, or none alone: covariates separate the outcomes or follow from each other.
    """

    def penalised(beta: FloatArray) -> Derivatives:
        value, gradient, information = derivatives(beta)
        information.flat[:: len(penalty) + 1] += penalty
        return value - 0.5 * float(penalty @ beta**2), gradient - penalty * beta, information

    objective = penalised if penalty.any() else derivatives
    beta = start
    value, gradient, information = objective(beta)
    for _ in range(_STEPS):
        size = max(1.0, abs(value))
        step = _newton_step(gradient, information, _SINGULAR * size)
        if step is None:
            break
        gain = 0.5 * float(gradient @ step)  # half the squared Newton decrement
        for _ in range(_HALVINGS):  # a step that overshoots
            trial = objective(beta + step)
            if trial[0] >= value - _SLACK:
                break
            step = step / 2
        beta = beta + step
        value, gradient, information = trial
        if gain < tolerance * size:
            return Estimates(beta, information)
    raise NotComputable(NO_MAXIMUM)


def maximise_each(
    derivatives: Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]],
    start: FloatArray,
    tolerance: float = PRECISE,
) -> tuple[FloatArray, FloatArray]:
    """Maximise log likelihoods of one coefficient each, all at once.

    Parameters
    ----------
    derivatives : value, first and negative second derivative of each, shape (p,), at coefficients (p,).
    start : shape (p,).
    tolerance : see `maximise`.

    Returns
    -------
    The coefficients and the information on each, shape (p,); NaN where there is no maximum.
    """
    beta, is_open = start, np.ones(len(start), dtype=np.bool_)
    value, gradient, information = derivatives(beta)
    for _ in range(_STEPS):
        size = np.maximum(1.0, np.abs(value))
        solvable = information > _SINGULAR * size
        beta = np.where(solvable, beta, np.nan)
        step = np.divide(gradient, information, out=np.zeros_like(beta), where=is_open & solvable)
        gain = 0.5 * gradient * step
        for _ in range(_HALVINGS):  # steps that overshoot
            trial = derivatives(beta + step)
            overshot = trial[0] < value - _SLACK
            if not overshot.any():
                break
            step = np.where(overshot, step / 2, step)
        beta = beta + step
        value, gradient, information = trial
        is_open = is_open & (gain >= tolerance * size)
        if not is_open.any():
            break
    none = is_open | np.isnan(beta)
    return np.where(none, np.nan, beta), np.where(none, np.nan, information)


def _newton_step(gradient: FloatArray, information: FloatArray, least: float) -> FloatArray | None:
    """Solve for the step, shape (p,); None where the information on a coefficient is not above `least`."""
    if len(gradient) == 1:  # most fits; a division is quicker than two calls of LAPACK
        return gradient * (1 / float(information[0, 0])) if information[0, 0] > least else None
    try:
        pivots = np.diag(np.linalg.cholesky(information))
    except np.linalg.LinAlgError:
        return None
    if not float(pivots.min()) ** 2 > least:
        return None
    return np.linalg.solve(information, gradient).astype(np.float64, copy=False)
