"""Rates and bounds against numbers worked out by hand, and bounds against mechanisms of known epsilon."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.audit.conftest import geometric_noise

from amlsynth.audit.rates import (
    auc_figure,
    clopper_pearson,
    epsilon_of_guesses,
    epsilon_of_rates,
    epsilon_of_target,
    mean_auc,
    sure_hits,
    true_positives,
)


def test_exact_limits_where_they_have_a_closed_form() -> None:
    # With no success in n the upper limit solves (1 - p)^n = alpha; with n of n it is the mirror image.
    low, high = clopper_pearson(0, 10, 0.05)
    assert low == 0 and high == pytest.approx(1 - 0.05 ** (1 / 10))
    low, high = clopper_pearson(10, 10, 0.05)
    assert low == pytest.approx(0.05 ** (1 / 10)) and high == 1


def test_bound_of_perfect_separation_is_the_ratio_of_the_limits() -> None:
    limit = 0.01 ** (1 / 40)
    assert epsilon_of_rates(40, 40, 0, 40, 0.01) == pytest.approx(math.log(limit / (1 - limit)))
    assert epsilon_of_rates(20, 40, 20, 40, 0.01) == 0
    # Delta is taken off the true positives.
    assert epsilon_of_rates(40, 40, 0, 40, 0.01, delta=0.1) == pytest.approx(
        math.log((limit - 0.1) / (1 - limit))
    )


@pytest.mark.parametrize("epsilon", [1.0, 3.0])
def test_bound_of_a_noisy_count_lies_below_its_epsilon(epsilon: float) -> None:
    member = np.tile([True, False], 100)
    bounds = []
    for seed in range(100):
        rng = np.random.default_rng((seed, 1))
        scores = member + np.array([geometric_noise(epsilon, rng) for _ in member]) + 0.01 * rng.random(200)
        bounds.append(epsilon_of_target(scores, member))
    assert np.mean(np.array(bounds) <= epsilon) >= 0.95
    assert np.mean(bounds) > 0.25 * epsilon  # and it is no empty bound


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_bound_of_all_targets_together_lies_below_epsilon(epsilon: float) -> None:
    # Randomised response tells the membership itself with the most that epsilon allows.
    truth = 1 / (1 + math.exp(-epsilon))
    bounds = []
    for seed in range(100):
        rng = np.random.default_rng((seed, 2))
        member = rng.random((50, 20)) < 0.5
        told = np.where(rng.random(member.shape) < truth, member, ~member)
        bounds.append(epsilon_of_guesses(np.where(told, 1.0, -1.0) * rng.random(member.shape), member))
    assert np.mean(np.array(bounds) <= epsilon) >= 0.95
    assert np.mean(bounds) > 0.6 * epsilon


def test_worst_of_many_targets_is_corrected_for() -> None:
    member = np.tile([True, False], 40)
    rng = np.random.default_rng(3)
    worst = [max(epsilon_of_target(rng.random(80), member, tests=26) for _ in range(26)) for _ in range(10)]
    assert np.mean(np.array(worst) == 0) >= 0.95


def test_area_of_one_target_and_its_interval() -> None:
    member = np.array([True, True, False, False])
    assert auc_figure(np.array([3.0, 1.0, 2.0, 0.0]), member).value == 0.75
    sure = auc_figure(np.arange(40.0), np.arange(40) >= 20)
    assert sure.value == 1 and sure.low is not None and 0.7 < sure.low < 1
    once = auc_figure(np.arange(40.0) % 7, np.arange(40) >= 20)
    many = auc_figure(np.arange(40.0) % 7, np.arange(40) >= 20, tests=26)
    assert once.low is not None and many.low is not None and many.low < once.low


def test_mean_area_over_targets() -> None:
    member = np.tile([[True, True], [False, False]], (30, 1))
    scores = np.column_stack((member[:, 0].astype(float), np.zeros(60)))  # one found always, one never told
    assert mean_auc(scores, member, np.random.default_rng(0)).value == 0.75


def test_true_positives_at_few_false_ones() -> None:
    scores = np.concatenate((np.arange(100.0), np.arange(50.0, 150.0)))
    member = np.repeat([False, True], 100)
    # One of a hundred others may be accused: the threshold is 98, which 51 of the members exceed.
    assert true_positives(scores, member, 0.01).value == 0.51
    assert true_positives(np.ones(200), member, 0.01).value == 0


def test_certainty_needs_many_hits_without_a_false_one() -> None:
    member = np.repeat([True, False], 40)
    scores = np.where(np.arange(80) < 12, 2.0, 1.0)
    assert sure_hits(scores, member, tests=26)
    assert not sure_hits(np.where(np.arange(80) < 8, 2.0, 1.0), member, tests=26)  # under a quarter
    scores[-1] = 3.0
    assert not sure_hits(scores, member, tests=26)  # one release without looks like them
