"""Two-sample measures tell shuffled columns from true ones, and their formulas are those they name."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.fidelity.two_sample import (
    classifier_auc,
    discriminator_score,
    k_means_score,
)
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.representations.embedding import Embedding, tree_features


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_shuffled_columns_are_caught_and_true_samples_are_not(evaluation):
    auc = evaluation.measure("classifier_auc")
    assert auc.anchors["independent"].value > 0.75 and auc.anchors["independent"].low > 0.7
    assert auc.anchors["holdout"].low < 0.55
    assert auc.synthetic.value < 0.6
    assert auc.anchors["bootstrap"].value < 0.5  # copies stand on the other side of the fold
    score = evaluation.measure("discriminator")
    assert score.anchors["independent"].value < 0.7 < score.anchors["holdout"].value
    assert 0.9 < score.anchors["bootstrap"].value <= 1
    clusters = evaluation.measure("k_means")
    assert clusters.anchors["independent"].value < clusters.anchors["bootstrap"].value <= 1


def test_a_cohort_of_one_kind_covers_one_cluster(synthetic):
    one = synthetic.iloc[[0] * 50].reset_index(drop=True).astype(synthetic.dtypes)
    d = dictionary()
    assert 0.1 <= k_means_score(synthetic, one, d, rng()) <= 0.1001
    assert k_means_score(synthetic, synthetic, d, rng()) == 1
    assert classifier_auc(synthetic.head(100), one, d, rng()).value > 0.95
    assert discriminator_score(synthetic.head(100), one, d, rng()) < 0.1


def test_digits_alone_do_not_tell_cohorts_apart(synthetic):
    # Haemoglobin converted from g/dl has other digits than one written in mmol/l.
    longer = synthetic.assign(HB=synthetic["HB"] + 0.00372)
    d = dictionary()
    place = d.names.index("HB")
    np.testing.assert_array_equal(
        tree_features(longer, d, d.names)[:, place], tree_features(synthetic, d, d.names)[:, place]
    )


def test_few_patients_give_a_reason(synthetic):
    d = dictionary()
    for score in (classifier_auc, discriminator_score):
        with pytest.raises(NotComputable, match="fewer than 10 patients"):
            score(synthetic, synthetic.head(9), d, rng())
    with pytest.raises(NotComputable, match="fewer than 10 patients that differ"):
        k_means_score(synthetic.head(9), synthetic, d, rng())


def test_embedding_standardises_and_marks_missing_values(make):
    frame = make(fill=0, AGE=[40, 60, None], SEX=["male", "female", None])
    points = Embedding(frame, dictionary())(frame)
    assert not np.isnan(points).any()
    np.testing.assert_allclose(points[:, 0], [-1, 1, 0])
    assert (points[2] != points[0]).sum() >= 3
