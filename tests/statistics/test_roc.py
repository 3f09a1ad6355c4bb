"""The area under the ROC curve against scikit-learn, the bootstrap and a case worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amlsynth.statistics.roc import area_under_curve


def test_area_is_that_of_scikit_learn_and_its_variance_that_of_the_bootstrap():
    positive, negative = (
        np.random.default_rng(1).normal(0.6, 1, 300).round(1),
        np.random.default_rng(2).normal(0, 1, 200).round(1),
    )
    area, variance = area_under_curve(positive, negative)
    labels = np.repeat([1, 0], [300, 200])
    assert area == pytest.approx(roc_auc_score(labels, np.concatenate((positive, negative))))
    draw = np.random.default_rng(3)
    again = [area_under_curve(draw.choice(positive, 300), draw.choice(negative, 200))[0] for _ in range(1000)]
    assert np.sqrt(variance) == pytest.approx(np.std(again), rel=0.1)


def test_area_by_hand():
    # Of six pairs, the positive is above in four and level in one.
    area, _ = area_under_curve(np.array([3.0, 1.0]), np.array([0.0, 1.0, 2.0]))
    assert area == pytest.approx(4.5 / 6)


def test_level_scores_count_one_half():
    # Pairs: (0.4 over 0.1), (0.4 with 0.4: half), (0.8 over both): 3.5 of 4.
    assert area_under_curve(np.array([0.4, 0.8]), np.array([0.1, 0.4]))[0] == pytest.approx(3.5 / 4)
