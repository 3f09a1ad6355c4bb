"""Alpha-precision and beta-recall: hand-made clouds of points, and the anchors."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.evaluation.fidelity.alpha_precision_beta_recall import alpha_precision, beta_recall
from amlsynth.evaluation.measure_group import NotComputable


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(7)
    return rng.normal(size=(600, 3)), rng.normal(size=(600, 3))


def test_equal_cohorts_score_one(clouds):
    assert alpha_precision(clouds[0], clouds[0]) == pytest.approx(1, abs=0.01)
    assert beta_recall(clouds[0], clouds[0]) == pytest.approx(1, abs=0.01)


def test_another_sample_is_as_typical_and_covers_about_half(clouds):
    assert alpha_precision(*clouds) > 0.9
    assert beta_recall(*clouds) == pytest.approx(0.5, abs=0.1)


def test_far_away_patients_have_neither(clouds):
    far = clouds[1] + 50
    assert alpha_precision(clouds[0], far) == pytest.approx(0, abs=0.01)
    assert beta_recall(clouds[0], far) == pytest.approx(0, abs=0.01)


def test_typical_patients_only_cost_both(clouds):
    ours, theirs = clouds
    assert alpha_precision(ours, theirs * 0.1) < 0.2
    assert beta_recall(ours, theirs * 0.1) < 0.3


def test_few_patients_have_no_neighbourhood(clouds):
    with pytest.raises(NotComputable, match="fewer than 10"):
        beta_recall(clouds[0][:9], clouds[1])


def test_anchors_stand_in_order(evaluation):
    recall = evaluation.measure("beta_recall").anchors
    assert recall["independent"].value < recall["holdout"].value < recall["bootstrap"].value
    precision = evaluation.measure("alpha_precision").anchors
    assert precision["bootstrap"].value > 0.9 and precision["holdout"].value > 0.8
