"""From a noisy sum to a distribution: the posterior of the mean feature vector, and the tilt of the prior to
it.

Write mu for the mean of the features of observed patients, C for their covariance, N for the number of
patients. A priori mu ~ N(mu0, P) with mu0 of the prior's pool. Were the prior k patients, P would be C / k.
Survival and frequencies differ between cohorts more than effects do, so features have levels of trust k1 < k2
< ..., and deviate one level after the other: those of the first by C / k1, those of the next by what the
prior's own regression on the first lets expect, and beyond that by the rest of C over k2, and so on
(`deviations`). So effects follow when survival moves, in place of holding it back. C of P is the mean of the
prior's and the fitted distribution's: features that are products (an effect is one of covariate and outcome)
have other regressions here than there, and the mean of both leads from the one to the other exactly. The
noisy sum is y ~ N(N mu, N C + sigma^2 I), by sampling and noise. So the posterior of mu is Gaussian, with
G = P (P + C / N + (sigma / N)^2 I)^-1,

    mean = mu0 + G (y / N - mu0),  V = P - G P.

The distribution nearest to the prior (in Kullback-Leibler divergence) with these means is the exponential
tilt q(x) ~ p(x) exp(theta . phi(x)); theta is found in the dual, where the posterior's covariance V says how
closely each mean has to be met: min log Z(theta) - theta . mean + (TOLERANCE / 2) theta' V theta.

Sources: Csiszar, Ann Probab 1975 (I-projections); Raisa et al., NAPSU-MQ, AISTATS 2023 (the noise taken into
account); Bernstein and Sheldon, NeurIPS 2018 (Bayesian inference from noisy sufficient statistics).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray

TOLERANCE = 50.0  # of the tilt, in posterior covariances; chosen on a simulated population
# Of a tilt to drawn means: they keep nine tenths of their variance, with 50 three quarters. With 1 they keep
# no more, since L-BFGS does not arrive, and two thirds as many patients of the pool carry the weight.
DRAWN_TOLERANCE = 4.0
_NEGLIGIBLE = 1e-7  # of the mean variance, so that those of a level can be solved
# Of the mean eigenvalue: directions in which patients do not differ; the least in which they do has 7e-4.
_FLAT = 1e-5
_ITERATIONS = 120
_ITERATIONS_ANEW = 25  # from a fitted theta on, which is near
_GRADIENT, _DECREASE = 5e-4, 1e-7  # where L-BFGS stops: a ten-thousandth of a nat from the optimum
_ROUNDS_FOR_N = 4
_ROUNDS = 2  # the covariance is the prior's first and the fitted distribution's then


@dataclass(frozen=True)
class Pool:
    """Public patients with their features, which every fit shares.

    Attributes
    ----------
    features : float32 array (n, m).
    weights : shape (n,), the prior's weight of each; they add up to 1.
    """

    features: npt.NDArray[np.float32]
    weights: FloatArray

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features under the prior."""
        return moments(self.features, self.weights)


@dataclass(frozen=True)
class Moments:
    """Mean, shape (m,), and covariance, shape (m, m), of the features."""

    mean: FloatArray
    covariance: FloatArray

    def observed(self, shares: FloatArray) -> Moments:
        """Return the moments of features of which each is seen in a share of the patients, else 0."""
        scaled = self.covariance * np.outer(shares, shares)
        # Whether a feature is seen varies from patient to patient, which adds to its own variance.
        second = np.diag(self.covariance) + self.mean**2
        return Moments(self.mean * shares, scaled + np.diag(shares * (1 - shares) * second))


@dataclass(frozen=True)
class Posterior:
    """What a noisy sum says about the mean of the features.

    Attributes
    ----------
    n : number of patients, the likeliest.
    mean : shape (m,).
    covariance : of the mean, shape (m, m).
    spread : covariance of patients, shape (m, m).
    """

    n: float
    mean: FloatArray
    covariance: FloatArray
    spread: FloatArray

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a mean vector, for replicates that carry the uncertainty along."""
        variance, directions = np.linalg.eigh(self.covariance)
        noise = np.sqrt(np.maximum(variance, 0.0)) * rng.standard_normal(len(variance))
        drawn: FloatArray = self.mean + directions @ noise
        return drawn


@dataclass(frozen=True)
class Tilted:
    """A tilted pool: theta of the seen features, shape (m,), and weights of sum 1, shape (n,)."""

    theta: FloatArray
    weights: FloatArray

    @property
    def effective_size(self) -> float:
        """How many equally weighted patients the pool is worth (Kish)."""
        return float(1.0 / (self.weights**2).sum())


@dataclass(frozen=True)
class Fit:
    """The posterior, the tilt to its mean, and in what share of patients each feature is seen, shape (m,)."""

    posterior: Posterior
    tilted: Tilted
    shares: FloatArray

    def redrawn(self, pool: Pool, rng: np.random.Generator) -> Fit:
        """Return a fit to means drawn from the posterior; only noise and prior decide how far they lie apart.

        The drawn means are met more closely than the posterior's own (`DRAWN_TOLERANCE`): a tilt that is
        held back towards the prior varies less than the means do, and intervals would be too narrow.
        """
        drawn = replace(
            self.posterior,
            mean=self.posterior.draw(rng),
            covariance=self.posterior.covariance * (DRAWN_TOLERANCE / TOLERANCE),
        )
        return Fit(drawn, tilt(pool, drawn, self.shares, start=self.tilted.theta), self.shares)

    def tilt_anew(self, features: npt.NDArray[np.float32]) -> Tilted:
        """Tilt other patients of the prior to the same means, from the fitted theta on.

        That theta by itself fits the pool it was found on a little too well: with as many features as there
        are, other patients weighted by it miss the means.
        """
        pool = Pool(features, np.full(len(features), 1.0 / len(features)))
        return tilt(pool, self.posterior, self.shares, self.tilted.theta, _ITERATIONS_ANEW)


def fit(
    pool: Pool,
    total: FloatArray,
    sigma: float,
    *,
    kappa: FloatArray,
    n_at_most: float,
    n: float | None = None,
    shares: FloatArray | None = None,
) -> Fit:
    """Fit the tilt of a pool to a noisy sum.

    Parameters
    ----------
    pool : the prior's patients, m features each.
    total : the noisy sum, shape (m,).
    sigma : standard deviation of its noise.
    kappa : for how many patients the prior counts, by feature, shape (m,).
    n_at_most : public upper bound of the number of patients.
    n : the number of patients, where another sum has told it already.
    shares : for each feature the share of patients in whom it can be seen; 1 when not given.
    """
    shares = np.ones(pool.features.shape[1]) if shares is None else shares
    prior = pool.moments.observed(shares)
    covariance = prior.covariance
    tilted: Tilted | None = None
    for _ in range(_ROUNDS):
        if tilted is not None:
            covariance = moments(pool.features, tilted.weights).observed(shares).covariance
        before = deviations((prior.covariance + covariance) / 2, kappa)
        posterior = posterior_mean(prior.mean, before, covariance, total, sigma, n_at_most, n)
        tilted = tilt(pool, posterior, shares, start=None if tilted is None else tilted.theta)
    assert tilted is not None
    return Fit(posterior, tilted, shares)


def posterior_mean(
    prior_mean: FloatArray,
    before: FloatArray,
    covariance: FloatArray,
    total: FloatArray,
    sigma: float,
    n_at_most: float,
    n: float | None = None,
) -> Posterior:
    """Return the posterior of the mean features; see the module. `n` is estimated when not given.

    `before` is the covariance of the mean a priori, `covariance` that of patients.
    """
    identity = np.eye(len(total))
    if n is None:
        n = number_of_patients(prior_mean, before, covariance, total, sigma, n_at_most)
    seen = before + covariance / n + (sigma / n) ** 2 * identity
    gain = np.linalg.solve(seen, before).T
    mean = prior_mean + gain @ (total / n - prior_mean)
    after = before - gain @ before
    return Posterior(n, mean, (after + after.T) / 2, covariance)


def deviations(covariance: FloatArray, kappa: FloatArray) -> FloatArray:
    """Return the covariance of a cohort's mean features around the prior's, shape (m, m).

    Parameters
    ----------
    covariance : of patients, shape (m, m).
    kappa : for how many patients the prior counts, by feature, shape (m,); few different ones.

    Examples
    --------
    With one level the prior counts as so many patients; with two, the second feature follows the first.

    >>> deviations(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([10.0, 10.0])).tolist()
    [[0.1, 0.05], [0.05, 0.1]]
    >>> deviations(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([10.0, 1e9])).round(4).tolist()
    [[0.1, 0.05], [0.05, 0.025]]
    """
    levels = np.unique(kappa)
    total: FloatArray = covariance / levels[-1]
    ridge = _NEGLIGIBLE * float(np.diag(covariance).mean())
    for level, next_level in itertools.pairwise(levels):
        part = kappa <= level
        inside = covariance[np.ix_(part, part)] + ridge * np.eye(int(part.sum()))
        followed = covariance[:, part] @ np.linalg.solve(inside, covariance[part])
        total = total + (1.0 / level - 1.0 / next_level) * (followed + followed.T) / 2
    return total


def number_of_patients(
    prior_mean: FloatArray,
    before: FloatArray,
    covariance: FloatArray,
    total: FloatArray,
    sigma: float,
    n_at_most: float,
) -> float:
    """Return the number of patients by generalised least squares, from 1 to the public bound.

    Not the noisy count alone: every direction in which patients differ little tells it as well.
    """
    n = n_at_most
    for _ in range(_ROUNDS_FOR_N):  # the weights depend on the number itself, but little
        variance = n * n * before + n * covariance + sigma**2 * np.eye(len(total))
        weights = np.linalg.solve(variance, prior_mean)
        n = float(np.clip(weights @ total / (weights @ prior_mean), 1.0, n_at_most))
    return n


def tilt(
    pool: Pool,
    posterior: Posterior,
    shares: FloatArray,
    start: FloatArray | None = None,
    iterations: int = _ITERATIONS,
) -> Tilted:
    """Return the tilt of the pool to the posterior's mean, by L-BFGS on the dual in whitened coordinates.

    The dual is convex; where the pool's covariance is that of `posterior`, its Hessian is the identity.
    """
    optimize = require_extra("generate", "scipy.optimize", "The generator private")
    curvature, directions = np.linalg.eigh(posterior.spread + TOLERANCE * posterior.covariance)
    kept = curvature > _FLAT * float(curvature.mean())
    root = np.sqrt(curvature[kept])
    whitening = directions[:, kept] / root  # theta = whitening @ u
    ridge = TOLERANCE * whitening.T @ posterior.covariance @ whitening
    target = whitening.T @ posterior.mean
    log_weights = np.log(np.maximum(pool.weights, 1e-300))

    def dual(u: FloatArray) -> tuple[float, FloatArray]:
        weights, log_total = _weights(pool, shares * (whitening @ u), log_weights)
        mean = (weights.astype(np.float32) @ pool.features).astype(np.float64)
        pull = ridge @ u
        gradient = whitening.T @ (shares * mean) - target + pull
        return log_total - float(target @ u) + 0.5 * float(u @ pull), gradient

    u0 = np.zeros(len(root)) if start is None else root * (directions[:, kept].T @ start)
    options = {"maxiter": iterations, "maxcor": 20, "gtol": _GRADIENT, "ftol": _DECREASE}
    found = optimize.minimize(dual, u0, jac=True, method="L-BFGS-B", options=options)
    theta = whitening @ found.x
    return Tilted(theta, _weights(pool, shares * theta, log_weights)[0])


def _weights(pool: Pool, theta: FloatArray, log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Return the tilted weights and the logarithm of their sum before scaling."""
    exponent = (pool.features @ theta.astype(np.float32)).astype(np.float64) + log_weights
    largest = float(exponent.max())
    weights = np.exp(exponent - largest)
    total = float(weights.sum())
    return weights / total, largest + float(np.log(total))


def moments(features: npt.NDArray[np.float32], weights: FloatArray) -> Moments:
    """Return mean and covariance of weighted features.

    They are centred before they are multiplied: in single precision the difference of second moment and
    squared mean is noise, of either sign, in the directions in which patients do not differ.
    """
    mean = (weights.astype(np.float32) @ features).astype(np.float64)
    # In blocks, so that no second copy of the whole pool is made.
    covariance = np.zeros((features.shape[1], features.shape[1]))
    for begin in range(0, len(features), 8192):
        part = features[begin : begin + 8192] - mean.astype(np.float32)
        part *= np.sqrt(weights[begin : begin + 8192]).astype(np.float32)[:, None]
        covariance += part.T @ part
    return Moments(mean, covariance)
