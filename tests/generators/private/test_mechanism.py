"""The noise is OpenDP's, with the accounting that OpenDP gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amlsynth.foundation.errors import UsageError
from amlsynth.generators.private.features import BOUND
from amlsynth.generators.private.mechanism import (
    Budget,
    default_delta,
    epsilon_of,
    mechanism,
    replace_one,
)


@pytest.mark.parametrize(("epsilon", "sigma"), [(1.0, 4.0451), (3.0, 1.4932), (8.0, 0.6377)])
def test_noise_is_what_the_conversion_of_zcdp_asks_for(epsilon: float, sigma: float) -> None:
    # The figures are those of Canonne, Kamath and Steinke's corollary 13, worked out by bisection elsewhere.
    made = mechanism(Budget(epsilon, 1e-5), size=3)
    assert made.scale / BOUND == pytest.approx(sigma, abs=1e-4)
    assert made.rho == pytest.approx(BOUND**2 / (2 * made.scale**2))


def test_the_noise_is_gaussian_in_whole_numbers_and_never_the_same() -> None:
    made = mechanism(Budget(3.0, 1e-5), size=4_000)
    zero = np.zeros(4_000, dtype=np.int64)
    first, second = made.release(zero), made.release(zero)
    assert (first != second).any()
    z = first / made.scale
    # Four standard errors of the mean and the standard deviation of 4,000 draws.
    assert abs(z.mean()) < 4 / math.sqrt(4_000)
    assert abs(z.std() - 1) < 4 / math.sqrt(2 * 4_000)


def test_rho_adds_up_and_converts_back() -> None:
    rho = mechanism(Budget(3.0, 1e-5), size=2).rho
    assert epsilon_of(rho, 1e-5) == pytest.approx(3.0, rel=1e-9)
    assert epsilon_of(0.0, 1e-5) == 0.0
    assert 3.0 < epsilon_of(2 * rho, 1e-5) < 6.0  # twice the noise's cost, less than twice epsilon
    assert replace_one(rho, 1e-5) == (4 * rho, pytest.approx(epsilon_of(4 * rho, 1e-5)))


@pytest.mark.parametrize(
    ("epsilon", "delta"),
    [(0.0, 1e-5), (-1.0, 1e-5), (math.nan, 1e-5), (math.inf, 1e-5), (1.0, 0.0), (1.0, 1.0)],
)
def test_what_is_no_guarantee_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(UsageError, match="is no guarantee"):
        Budget(epsilon, delta)


def test_huge_epsilons_are_refused_and_large_ones_warned_of() -> None:
    with pytest.raises(UsageError, match="no protection at all"):
        mechanism(Budget(1e9, 1e-5), size=2)
    assert "promises next to nothing" in (Budget(50.0, 1e-5).warning or "")
    assert "may fail too often" in (Budget(1.0, 0.01).warning or "")
    assert Budget(3.0, 1e-6).warning is None


def test_delta_is_below_one_in_n_squared() -> None:
    assert default_delta(2_000) == 2.5e-7
    assert default_delta(100) == 1e-5
