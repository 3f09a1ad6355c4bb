"""Hamming distances, leakage and matches."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy import hamming as privacy
from amlsynth.evaluation.privacy.hamming import GROUP, count_exact_matches, minimum_distances
from amlsynth.statistics.coding import CohortCoding

D = dictionary()
GENES = [variable.name for variable in D.alterations]


def flipped(make, *counts):
    """Make patients in whom the first k alterations are present."""
    columns = {gene: [int(place < k) for k in counts] for place, gene in enumerate(GENES)}
    return make(**columns)


def figures(context, frame, kind="synthetic"):
    return {
        name: figure.value for name, figure in GROUP.figures(EvaluatedCohort(kind, frame), context).items()
    }


def test_distances_and_leakage_by_hand(make):
    # Four training parts of one patient each, 1 to 4 alterations from the synthetic patient; the
    # hold-out patient is 5 away.
    context = EvaluationContext(flipped(make, 1, 2, 3, 4), flipped(make, 5), D, seed=0)
    found = figures(context, flipped(make, 0))
    assert found["hamming_train"] == pytest.approx((1 + 2 + 3 + 4) / 4)
    assert found["hamming_median_train"] == pytest.approx(2.5)
    assert found["hamming_test"] == 5
    assert found["leakage"] == pytest.approx(5 / 2.5 - 1)
    # Student's t with 3 degrees of freedom, of one part more than the four of variance 5 / 3
    leakage = GROUP.figures(EvaluatedCohort("synthetic", flipped(make, 0)), context)["leakage"]
    assert leakage.high - leakage.value == pytest.approx(3.182446 * (5 / 3 * 5 / 4) ** 0.5 / 2.5, rel=1e-6)
    assert found["exact_matches"] == 0
    own = GROUP.original_figures(context)
    assert own["hamming_train"].value == pytest.approx(10 / 6)  # the mean of |i - j| over all pairs
    assert own["hamming_test"].value == pytest.approx((4 + 3 + 2 + 1) / 4)


def test_na_is_a_value_and_numbers_count_by_bin(make):
    ages = list(range(20, 31))
    coding = CohortCoding(make(AGE=ages), D)
    rows = coding.encode(make(AGE=[20, 21, 30, None], NPM1=[0, None, 1, None]))
    targets = coding.encode(make(AGE=[18, None], NPM1=[0, None]))
    # 18, 20 and 21 share the first tenth.
    assert minimum_distances(rows, targets, coding).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("without_self", [False, True])
def test_blocks_give_the_same_as_all_pairs(split, monkeypatch, without_self):
    monkeypatch.setattr(privacy, "_ROWS", 17)
    monkeypatch.setattr(privacy, "_COLUMNS", 29)
    coding = CohortCoding(split.train, D)
    rows = coding.encode(split.train)[:90]
    targets = rows if without_self else coding.encode(split.holdout)[:70]
    distances = (rows[:, None, :] != targets[None, :, :]).sum(axis=2)
    if without_self:
        np.fill_diagonal(distances, 99)
    found = minimum_distances(rows, targets, coding, without_self=without_self)
    assert found.tolist() == distances.min(axis=1).tolist()


def test_exact_matches_compare_unbinned_values_and_na(make):
    training = make(AGE=[50, 61], WBC=[1.25, None], NPM1=[1, None])
    assert (
        count_exact_matches(make(AGE=[50, 61, 61], WBC=[1.25, None, 2.0], NPM1=[1, None, None]), training, D)
        == 2
    )
    assert count_exact_matches(make(AGE=[50], WBC=[1.250001], NPM1=[1]), training, D) == 0
    assert count_exact_matches(make(AGE=[50], WBC=[1.25], NPM1=[0]), training, D) == 0


def test_binned_matches_find_copies_with_moved_numbers(split):
    context = EvaluationContext(split.train, split.holdout, D, seed=0)
    moved = split.train.copy()
    moved["OSTM"] = moved["OSTM"] + 1e-5
    found = figures(context, moved)
    assert found["exact_matches"] == 0
    assert found["binned_matches"] > 0.9 * len(moved)


def test_the_holdout_is_compared_with_its_other_patients(make):
    context = EvaluationContext(flipped(make, *range(8)), flipped(make, 10, 12), D, seed=0)
    found = figures(context, context.holdout, kind="holdout")
    assert found["hamming_test"] == 2  # not 0, the distance to itself


def test_without_a_holdout_what_needs_it_says_why(split):
    found = GROUP.figures(
        EvaluatedCohort("synthetic", split.holdout), EvaluationContext(split.train, None, D, seed=0)
    )
    assert found["hamming_train"].value is not None
    for name in ("hamming_test", "hamming_median_test", "leakage"):
        assert found[name].value is None and "hold-out" in found[name].reason


def test_parts_have_the_size_of_the_holdout_and_share_nobody(split):
    partition = privacy.Partition.draw(EvaluationContext(split.train, split.holdout, D, seed=0))
    assert len(partition.parts) == 4
    assert partition.parts.shape[1] == len(partition.holdout) <= len(split.holdout)


def test_large_cohorts_are_sampled(split, monkeypatch):
    monkeypatch.setattr(privacy, "MAX_PART_PATIENTS", 40)
    partition = privacy.Partition.draw(EvaluationContext(split.train, split.holdout, D, seed=0))
    assert partition.parts.shape[1] == len(partition.holdout) == 40
    monkeypatch.setattr(privacy, "MAX_IN_PARTS", 80)
    assert len(privacy.Partition.draw(EvaluationContext(split.train, split.holdout, D, seed=0)).parts) == 2
    full = figures(EvaluationContext(split.train, split.holdout, D, seed=0), split.train)
    assert full["exact_matches"] == len(split.train)  # counted over all
