"""Prediction: shuffled columns predict nothing, and copies as well as the original."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.measure_group import EvaluationContext, NotComputable
from amlsynth.evaluation.prediction import prediction
from amlsynth.evaluation.prediction.prediction import (
    classification_score,
    event_within,
    survival_scores,
)


def test_death_within_two_years(make):
    frame = make(OSTM=[10, 10, 24, 30, 30, None], OSSTAT=[1, 0, 1, 1, 0, None])
    np.testing.assert_array_equal(event_within(frame, dictionary().terminal), [1, np.nan, 1, 0, 0, np.nan])


def test_shuffled_columns_predict_nothing_and_copies_as_well_as_the_original(evaluation):
    for suffix in ("os", "efs"):
        found = evaluation.measure(f"c_index_{suffix}")
        assert found.original.value > 0.6
        # Shuffled columns can be right by chance of the draw, by as much as few hold-out patients allow.
        assert abs(found.anchors["independent"].value - 0.5) < 0.12
        assert found.anchors["independent"].value < found.anchors["bootstrap"].value - 0.02
        assert found.synthetic.low < found.synthetic.value < found.synthetic.high
        gap = evaluation.measure(f"c_index_gap_{suffix}")
        assert gap.original is None
        assert gap.synthetic.value == pytest.approx(found.synthetic.value - found.original.value)
        assert gap.anchors["independent"].value < -0.05 < gap.anchors["bootstrap"].value
        brier = evaluation.measure(f"brier_{suffix}")
        assert brier.original.value < brier.anchors["independent"].value
        assert 0.1 < brier.anchors["bootstrap"].value < 0.25
    for name in ("mcc_cr1", "mcc_death24"):
        found = evaluation.measure(name)
        assert found.anchors["independent"].value < found.original.value


def test_what_cannot_be_learned_has_a_reason(split, synthetic, make):
    d = dictionary()
    os, context = d.endpoint("OS"), EvaluationContext(split.train, split.holdout, d, seed=1)
    with pytest.raises(NotComputable, match=r"fewer than 20 .* to train on"):
        survival_scores(split.train.head(10), split.holdout, os, context)
    with pytest.raises(NotComputable, match=r"fewer than 20 .* to test on"):
        survival_scores(split.train, split.holdout.head(10), os, context)
    alive = split.train.assign(OSSTAT=split.train["OSSTAT"] * 0)
    with pytest.raises(NotComputable, match="no event"):
        survival_scores(alive, split.holdout, os, context)
    with pytest.raises(NotComputable, match="same outcome"):
        classification_score(alive, split.holdout, lambda f: event_within(f, d.terminal), d)


def test_a_censored_end_costs_the_brier_score_alone(split):
    holdout = split.holdout.assign(OSTM=split.holdout["OSTM"].clip(upper=40.0))
    d = dictionary()
    late = holdout["OSTM"] == 40
    assert late.any()
    holdout = holdout.assign(OSSTAT=holdout["OSSTAT"].mask(late, 0))
    context = EvaluationContext(split.train, holdout, d, seed=1)
    found = survival_scores(split.train, holdout, d.endpoint("OS"), context)
    assert found.c_index.value > 0.6 and found.brier.value is not None


def test_without_a_holdout_there_is_nothing_to_test_on(split, synthetic, monkeypatch):
    monkeypatch.setattr("amlsynth.evaluation.run.GROUPS", (prediction.GROUP,))
    evaluation = evaluate(split.train.head(100), synthetic.head(100))
    for name in ("c_index_os", "brier_gap_efs", "mcc_cr1"):
        measure = evaluation.measure(name)
        assert "no hold-out was given" in measure.synthetic.reason
        assert measure.original is None or "no hold-out was given" in measure.original.reason
    assert isinstance(evaluation.original.n, int) and pd.notna(evaluation.original.n)
