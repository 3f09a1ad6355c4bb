"""Trusted features follow those that are trusted less; samples have the outcome of their weights."""

from __future__ import annotations

import numpy as np
from tests.generators.private.conftest import POOL
from threadpoolctl import threadpool_limits

from amlsynth.dictionary.model import dictionary
from amlsynth.generators.private.fit import Pool, deviations, fit, moments, posterior_mean
from amlsynth.generators.private.generator import private
from amlsynth.generators.private.patients import Columns
from amlsynth.generators.private.sampling import herd, outcome_order
from amlsynth.generators.private.sums import SumsFile
from amlsynth.sources.reference import reference_frame


def test_what_is_trusted_does_not_hold_back_what_moves_with_it() -> None:
    """One mean moves by half a standard deviation, ten trusted ones as the prior's regression has it."""
    size, n = 11, 1_000.0
    covariance = np.full((size, size), 0.9) + 0.1 * np.eye(size)
    moved = np.full(size, 0.45)
    moved[0] = 0.5
    before = deviations(covariance, np.array([25.0] + [2_500.0] * 10))
    posterior = posterior_mean(np.zeros(size), before, covariance, n * moved, 1e-6, n_at_most=2_000, n=n)
    np.testing.assert_allclose(posterior.mean, moved, rtol=0.05)


def test_trusted_features_move_less_by_themselves() -> None:
    moved = np.array([0.0, 0.5])
    trusted, free = (
        posterior_mean(
            np.zeros(2), deviations(np.eye(2), kappa), np.eye(2), 1e3 * moved, 1e-6, n_at_most=2_000, n=1e3
        ).mean[1]
        for kappa in (np.array([25.0, 1_000.0]), np.array([25.0, 25.0]))
    )
    assert abs(trusted - 0.25) < 1e-6 and abs(free - 0.5 * 1_000 / 1_025) < 1e-6


def test_a_product_follows_its_factors_as_far_as_they_move() -> None:
    """A marker and a response without association in prior and data, both rarer than the prior has them.

    The mean of their product, each centred at the prior's share, is then the product of the two differences.
    With the prior's covariance alone it would be expected at 0, with the fitted one's at twice as much.
    """
    marker, response = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]).T
    weights = np.where(marker, 0.3, 0.7) * np.where(response, 0.6, 0.4)
    products = (marker - 0.3) * (response - 0.6)
    features = np.column_stack([np.ones(4), marker - 0.3, response - 0.6, products]).astype(np.float32)
    moved = np.array([1.0, -0.15, -0.2, 0.03])
    kappa = np.array([1.0, 1.0, 1.0, 1e7])  # nothing is learnt of the product itself
    found = fit(Pool(features, weights), 1e3 * moved, 1e-3, kappa=kappa, n_at_most=2_000, n=1e3)
    assert abs(found.posterior.mean[3] - 0.03) < 0.01


def test_samples_have_outcomes_and_moments_of_the_weights() -> None:
    frame, rng = reference_frame(5_000, seed=3), np.random.default_rng(4)
    columns = Columns.of(dictionary())
    order = outcome_order(frame, columns)
    status = frame["OSSTAT"].to_numpy(float)[order]
    assert (np.diff(status) >= 0).all() and sorted(order.tolist()) == list(range(5_000))
    weights = rng.random(5_000)
    weights /= weights.sum()
    features = rng.normal(size=(5_000, 20)).astype(np.float32)
    rows = herd(features, weights, order, 500, rng)
    # Shares of those who died before a month differ by two patients at most, where chance makes them ten.
    for month in (6.0, 12.0, 24.0, 60.0):
        dead = (frame["OSSTAT"].to_numpy(float) == 1) & (frame["OSTM"].to_numpy(float) <= month)
        assert abs(dead[rows].mean() - weights @ dead) < 2.5 / 500
    z = (features[rows].mean(axis=0) - weights @ features) * np.sqrt(500)
    assert (z**2).mean() < 0.1


def test_no_direction_has_a_negative_variance() -> None:
    """Rounding would make one where patients do not differ, and the tilt would run away along it."""
    rng = np.random.default_rng(5)
    features = np.full((20_000, 40), 0.3, dtype=np.float32)
    features[:, :30] *= np.eye(30, dtype=np.float32)[rng.integers(0, 30, 20_000)]
    weights = rng.random(20_000)
    found = moments(features, weights / weights.sum())
    variances = np.linalg.eigvalsh(found.covariance)
    assert variances[:11].max() < 1e-10 < 1e-4 < variances[11]
    assert variances[0] > -1e-10


def test_the_fit_does_not_depend_on_the_number_of_threads(sums: SumsFile) -> None:
    """The last bits of matrix products do, and many rounds would carry them to the patients."""
    weights = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            fitted = private(pool=POOL).fit_sums((("the sum", sums),))
        weights.append(fitted.model.values.tilted.weights)
    np.testing.assert_array_equal(*weights)
