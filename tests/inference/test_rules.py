"""The combining rules by figures worked out by hand, and by the coverage that they are made for."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.foundation.errors import UsageError
from amlsynth.inference.rules import RULES, combine


def test_fully_synthetic_by_hand() -> None:
    pooled = combine([[1.0], [2.0], [3.0]], [[0.2], [0.3], [0.4]])
    # q = 2, B = 1, U = 0.3, (1 + 1/3) B = 4/3, T = 4/3 - 0.3, degrees 2 (1 - 0.3 / (4/3))^2
    assert pooled.estimate[0] == 2 and pooled.between[0] == 1 and pooled.within[0] == pytest.approx(0.3)
    assert pooled.variance[0] == pytest.approx(4 / 3 - 0.3)
    assert pooled.degrees_of_freedom[0] == pytest.approx(2 * (1 - 0.225) ** 2)
    assert not pooled.replaced[0]


def test_a_variance_that_comes_out_too_small_is_replaced() -> None:
    pooled = combine([[1.0], [1.1], [0.9]], [[1.0], [1.0], [1.0]], size_ratio=0.5)
    # (1 + 1/3) 0.01 - 1 is negative: in its place (k/n) U, with the normal interval
    assert pooled.replaced[0] and pooled.variance[0] == 0.5 and np.isinf(pooled.degrees_of_freedom[0])


def test_one_fit_by_hand() -> None:
    pooled = combine([[1.0], [3.0]], [[0.2], [0.4]], "one-fit", size_ratio=2.0)
    assert pooled.variance[0] == pytest.approx(0.3 * (2 + 1 / 2))
    assert combine([[1.0]], [[0.2]], "one-fit").variance[0] == pytest.approx(0.4)


def test_partially_synthetic_by_hand() -> None:
    pooled = combine([[1.0], [3.0]], [[0.2], [0.4]], "partially-synthetic")
    # B = 2, U = 0.3, T = 0.3 + 2 / 2, degrees (1 + 2 0.3 / 2)^2
    assert pooled.variance[0] == pytest.approx(1.3)
    assert pooled.degrees_of_freedom[0] == pytest.approx(1.3**2)


# With cohorts of the original's size few degrees of freedom are left, which makes the interval wide.
@pytest.mark.parametrize(("ratio", "most"), [(1.0, 0.995), (5.0, 0.975)])
def test_fully_synthetic_intervals_cover_where_naive_ones_do_not(ratio: float, most: float) -> None:
    """A mean of n = 100 with known variance 1: 10 cohorts from its posterior, 2,000 originals."""
    from scipy import stats

    rng = np.random.default_rng(7)
    n, m, runs, k = 100, 10, 2000, int(100 * ratio)
    original = rng.normal(0, 1 / np.sqrt(n), runs)
    posterior = original + rng.normal(0, 1 / np.sqrt(n), (m, runs))
    estimates = posterior + rng.normal(0, 1 / np.sqrt(k), (m, runs))
    pooled = combine(estimates, np.full((m, runs), 1 / k), size_ratio=ratio)
    reach = stats.t.ppf(0.975, pooled.degrees_of_freedom) * np.sqrt(pooled.variance)
    covered = (np.abs(pooled.estimate) <= reach).mean()
    naive = (np.abs(estimates[0]) <= 1.96 / np.sqrt(k)).mean()
    assert 0.93 <= covered <= most
    assert naive < 0.80


def test_intervals_of_one_fit_cover() -> None:
    rng = np.random.default_rng(8)
    n, m, runs = 100, 5, 4000
    original = rng.normal(0, 1 / np.sqrt(n), runs)
    estimates = original + rng.normal(0, 1 / np.sqrt(n), (m, runs))
    pooled = combine(estimates, np.full((m, runs), 1 / n), "one-fit")
    covered = (np.abs(pooled.estimate) <= 1.96 * np.sqrt(pooled.variance)).mean()
    assert 0.94 <= covered <= 0.96


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[1.0]], [[1.0]]), "there is one cohort"),
        (([[1.0], [1.0]], [[1.0]]), "give one for each"),
        (([[1.0], [1.0]], [[1.0], [1.0]], "rubin"), "no combining rule 'rubin'. Rules: " + ", ".join(RULES)),
        (([[1.0], [1.0]], [[1.0], [1.0]], "one-fit", 0.0), "above 0"),
    ],
)
def test_what_cannot_be_combined_is_told(arguments: tuple, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        combine(*arguments)
