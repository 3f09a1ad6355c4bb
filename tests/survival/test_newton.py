"""The optimiser finds the maximum of functions whose maximum is known, and says when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.foundation.errors import NotComputable
from amlsynth.survival.newton import maximise


def _quadratic(beta):
    centre, information = np.array([1.0, -2.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    away = beta - centre
    return -0.5 * float(away @ information @ away), -information @ away, information.copy()


def test_a_quadratic_is_maximised_in_one_step_and_the_penalty_counts():
    fit = maximise(_quadratic, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(fit.beta, [1, -2])
    np.testing.assert_allclose(fit.covariance, np.linalg.inv([[2, 0.5], [0.5, 1]]))
    ridge = maximise(_quadratic, np.zeros(2), np.array([3.0, 3.0]))
    np.testing.assert_allclose(ridge.beta, np.linalg.solve([[5, 0.5], [0.5, 4]], [1, -1.5]))


def test_a_step_that_overshoots_is_halved():
    # Newton's method alone diverges on -log cosh from 2: its first step leads to -11.6.
    def derivatives(beta):
        return -float(np.log(np.cosh(beta[0]))), -np.tanh(beta), np.diag(1 / np.cosh(beta) ** 2)

    assert maximise(derivatives, np.array([2.0]), np.zeros(1)).beta[0] == pytest.approx(0, abs=1e-8)


def test_a_rising_function_has_no_maximum():
    def derivatives(beta):
        return -float(np.exp(-beta[0])), np.exp(-beta), np.diag(np.exp(-beta))

    with pytest.raises(NotComputable, match="no finite estimate"):
        maximise(derivatives, np.zeros(1), np.zeros(1))
