"""Missing values are told from their own part of the sum: panels, single values, and none of the noise."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.generators.private.missing import (
    SIZES,
    Masks,
    MissingFeatures,
    fit_masks,
    posterior_mean,
    sparse_mean,
)
from amlsynth.generators.private.patients import Columns

N, SCALE = 1_000, 0.3
COLUMNS = Columns.of(dictionary())
MISSING = MissingFeatures.of(COLUMNS)
UNITS = len(COLUMNS.units)
NOBODY = np.zeros((1, UNITS), dtype=bool)


def _sum(masks: Masks) -> np.ndarray:
    """The exact part of the sum: every patient's vector within norm 1, in units of the bound."""
    vectors = MISSING.features(masks)
    return SCALE * (vectors / np.maximum(np.sqrt((vectors**2).sum(axis=1)), 1.0)[:, None]).sum(axis=0)


def _shares(masks: Masks, weights: np.ndarray, units: list[int]) -> float:
    wanted = np.zeros(UNITS, dtype=bool)
    wanted[units] = True
    return float(weights[(masks == wanted).all(axis=1)].sum())


def test_a_panel_that_no_prior_knows_is_found_and_single_values_stay_single() -> None:
    masks = np.zeros((N, UNITS), dtype=bool)
    panel = [0, 9, 17, 25, 33, 41]
    masks[:60, panel] = True
    masks[100:140, 5] = True
    rng = np.random.default_rng(1)
    total = _sum(masks) + 0.5 * rng.standard_normal(len(SIZES) * UNITS)
    model = fit_masks(MISSING, total, 0.5, N, NOBODY, SCALE)
    assert model.weights.sum() == pytest.approx(1.0)
    assert _shares(model.masks, model.weights, panel) == pytest.approx(0.06, abs=0.01)
    assert _shares(model.masks, model.weights, [5]) == pytest.approx(0.04, abs=0.01)
    assert model.weights[model.masks.sum(axis=1) > 1].sum() == pytest.approx(0.06, abs=0.01)


def test_noise_makes_few_panels() -> None:
    """Nothing is missing: of forty noisy sums many show no panel, and in the mean few patients lack much."""
    with_panel, complete = 0, []
    for seed in range(40):
        total = 1.5 * np.random.default_rng(seed).standard_normal(len(SIZES) * UNITS)
        model = fit_masks(MISSING, total, 1.5, N, NOBODY, SCALE)
        with_panel += bool((model.masks.sum(axis=1) > 1).any())
        complete.append(model.weights[0])  # the first mask hides nothing
    assert with_panel < 30 and np.mean(complete) > 0.93


def test_what_is_observed_follows_from_the_masks() -> None:
    masks = np.zeros((N, UNITS), dtype=bool)
    masks[:100, [2, 3]] = True
    model = fit_masks(MISSING, _sum(masks), 1e-3, N, NOBODY, SCALE)
    involves = np.zeros((3, UNITS), dtype=bool)
    involves[0, 2] = involves[1, [2, 3]] = involves[2, 7] = True
    np.testing.assert_allclose(model.observed(involves), [0.9, 0.9, 1.0], atol=1e-3)


def test_more_missing_than_there_are_patients_is_cut_to_all() -> None:
    masks = np.ones((N, UNITS), dtype=bool)
    model = fit_masks(MISSING, 3 * _sum(masks), 1e-3, N, NOBODY, SCALE)
    assert model.weights.sum() == pytest.approx(1.0) and model.weights.min() >= 0


def test_the_posterior_mean_is_that_of_numerical_integration() -> None:
    grid = np.linspace(0, 200, 400_001)
    for count in (-30.0, 0.0, 4.0, 60.0):
        density = np.exp(-0.5 * ((count - grid) / 5.0) ** 2 - grid / 8.0)
        expected = (grid * density).sum() / density.sum()
        found = posterior_mean(np.array([count]), 5.0, np.array([8.0]))[0]
        assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("often", [0.1, 0.8])
def test_numbers_of_which_many_are_zero_are_told_nearer_than_without_that_knowledge(often: float) -> None:
    rng = np.random.default_rng(7)
    errors = np.zeros(2)
    for _ in range(20):
        true = np.where(rng.random(60) < often, rng.exponential(25.0, 60), 0.0)
        counts = true + 4.0 * rng.standard_normal(60)
        level = np.full(60, max(counts.sum(), 4.0) / 60)
        found = sparse_mean(counts, 4.0, np.ones(60)), posterior_mean(counts, 4.0, level)
        errors += [np.abs(estimate - true).sum() for estimate in found]
        assert (found[0] >= 0).all()
    assert errors[0] < errors[1] * (0.7 if often < 0.5 else 1.02)


def test_a_panel_of_the_prior_that_drowns_in_the_noise_is_not_lost() -> None:
    """Fourteen patients with noise of ten: mostly kept, and mostly not made up where nobody has it."""
    masks = np.zeros((N, UNITS), dtype=bool)
    panel = list(range(3, 36))
    masks[:14, panel] = True
    natural = np.zeros((10_000, UNITS), dtype=bool)
    natural[:140, panel] = True
    found, absent = [], []
    for seed in range(30):
        noise = 3.0 * np.random.default_rng(seed).standard_normal(len(SIZES) * UNITS)
        for store, exact in ((found, _sum(masks)), (absent, np.zeros(len(noise)))):
            model = fit_masks(MISSING, exact + noise, 3.0, N, natural, SCALE)
            store.append(_shares(model.masks, model.weights, panel))
    assert np.mean(found) == pytest.approx(0.014, abs=0.004) and np.mean(np.array(found) > 0) > 0.6
    assert np.mean(np.array(absent) > 0) < 0.4 and np.mean(absent) < 0.4 * np.mean(found)


def test_declared_panels_are_found_where_the_sum_alone_cannot_tell_them_apart() -> None:
    """Two panels of six in thirty patients each and both in fifteen, with noise of seven patients."""
    masks = np.zeros((N, UNITS), dtype=bool)
    declared = np.zeros((2, UNITS), dtype=bool)
    declared[0, 3:9] = declared[1, 20:26] = True
    masks[:30], masks[30:60], masks[60:75] = declared[0], declared[1], declared.any(axis=0)
    found, exact = np.zeros((2, 3)), _sum(masks)
    for seed in range(6):
        total = exact + 2.0 * np.random.default_rng(seed).standard_normal(len(exact))
        for row, given in enumerate((None, declared)):
            model = fit_masks(MISSING, total, 2.0, N, NOBODY, SCALE, given)
            for column, mask in enumerate((*declared, declared.any(axis=0))):
                units = list(np.flatnonzero(mask))
                found[row, column] += _shares(model.masks, model.weights, units) / 6
    assert found[1] == pytest.approx([0.03, 0.03, 0.015], abs=0.008)
    assert np.abs(found[0] - [0.03, 0.03, 0.015]).sum() > 4 * np.abs(found[1] - [0.03, 0.03, 0.015]).sum()


def test_a_panel_of_the_prior_wins_over_a_part_of_it_that_the_noise_raises() -> None:
    """Forty patients without a karyotype; two of its values are counted low by a third more than a standard
    deviation, so that in nine of the twelve draws the dictionary's group of the others explains the sum
    better.
    """
    d = dictionary()
    names = [unit[0] for unit in COLUMNS.units]
    panel = [i for i, name in enumerate(names) if d[name].group in ("karyotype", "cytogenetic")]
    low = [i for i in panel if d[names[i]].group == "karyotype"]
    masks, natural = np.zeros((N, UNITS), dtype=bool), np.zeros((1_000, UNITS), dtype=bool)
    masks[:40, panel] = natural[:30, panel] = True
    exact, lowered = _sum(masks), np.zeros((len(SIZES), UNITS))
    lowered[:, low] = -2.0 * (_sum(masks).reshape(lowered.shape)[:, low] > 0)
    found = []
    for seed in range(12):
        noise = 1.5 * np.random.default_rng(seed).standard_normal(len(exact)) + lowered.ravel()
        model = fit_masks(MISSING, exact + noise, 1.5, N, natural, SCALE)
        found.append(_shares(model.masks, model.weights, panel))
    assert np.count_nonzero(found) >= 11 and np.mean(found) == pytest.approx(0.04, abs=0.012)
