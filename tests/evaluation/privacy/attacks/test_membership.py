"""Membership inference: copies are caught, unseen cohorts are not, few patients give reasons."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.density import Density, category_shares
from amlsynth.evaluation.privacy.attacks.membership import GROUP, nearest_scores, outlying, reference_halves
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace, Points

D = dictionary()
AUCS = [definition.id for definition in GROUP.definitions(D) if definition.id.endswith("auc")]


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_are_caught_by_every_attack(figures):
    for name, found in figures["bootstrap"].items():
        guessing = 0.1 if name.endswith("tpr") else 0.5
        assert found.value > guessing + 0.2 and found.low > guessing + 0.1, name


@pytest.mark.parametrize("kind", ["fresh", "independent", "holdout"])
def test_cohorts_without_copies_pass(figures, kind):
    for name in AUCS:
        found = figures[kind][name]
        if found.value is not None:
            assert found.low < 0.53 and found.value < (0.7 if "outlying" in name else 0.58), name
    for name in ("membership_nearest_tpr", "membership_density_tpr"):
        assert figures[kind][name].low < 0.12, name


def test_every_figure_is_there_and_the_same_again(figures, context, cohorts):
    again = GROUP.figures(cohorts["fresh"], context)
    assert set(again) == {definition.id for definition in GROUP.definitions(D)}
    assert again == figures["fresh"]


def test_half_of_the_holdout_is_released_against_the_other_half(context, cohorts):
    data = AttackData.of(cohorts["holdout"], context)
    assert len(data.released) + len(data.non_members) == len(context.holdout)
    rows = [
        tuple(map(str, row)) for part in (data.released, data.non_members) for row in part.values.tolist()
    ]
    assert len(set(rows)) == len(rows)


def test_scores_are_distances_to_the_released(context, cohorts):
    scores = nearest_scores(AttackData.of(cohorts["bootstrap"], context))
    assert scores.members.max() == 0 and (scores.members == 0).mean() == pytest.approx(0.63, abs=0.05)
    assert scores.non_members.max() < 0


def test_outlying_patients_do_not_depend_on_what_is_released(context, cohorts):
    one, other = (outlying(AttackData.of(cohorts[name], context)) for name in ("fresh", "bootstrap"))
    for ours, theirs in zip(one, other, strict=True):
        assert np.array_equal(ours, theirs)
    assert sum(side.sum() for side in one) == round(0.1 * 1606)


def test_those_tested_and_their_reference_share_nobody(context, cohorts):
    data = AttackData.of(cohorts["fresh"], context)
    first, second = reference_halves(data)
    assert not set(first) & set(second) and len(first) + len(second) == len(data.non_members)


def test_the_density_by_hand(make):
    # One variable that differs: three carriers of four. Share of 1 with half a patient each: 3.5 / 6.
    frame = make(NPM1=[1, 1, 1, 0])
    from amlsynth.dictionary.model import dictionary

    space = MixedSpace(frame, dictionary(), names=["NPM1"])
    points = space.points(frame)
    shares = category_shares(space, points)
    assert shares.tolist() == pytest.approx([0.5 / 6, 1.5 / 6, 3.5 / 6, 0.5 / 6])
    found = np.exp(Density(space, points, shares, 0.2).log(points))
    match = 0.8 + 0.2 * 3.5 / 6
    assert found[0] == pytest.approx((3 * match + 0.2 * 3.5 / 6) / 4, rel=1e-5)
    assert np.exp(Density(space, points, shares, 0.2).log(points, without_self=True))[0] == pytest.approx(
        (2 * match + 0.2 * 3.5 / 6) / 3, rel=1e-5
    )


def test_many_numbers_far_apart_still_have_a_density(make):
    """Kernels of numbers are multiplied before their logarithm is taken: a product of many would be 0."""
    space = MixedSpace(make(AGE=[20, 30]), D, names=["AGE"])
    far, many = (Points(np.zeros((1, 0), np.uint8), np.full((1, 60), rank, np.float32)) for rank in (0, 1))
    shares = np.zeros(0)
    # The Laplace kernel is next to nothing at a distance of 1, which leaves the smoothing.
    assert Density(space, far, shares, 0.02).log(many)[0] == pytest.approx(60 * np.log(0.02), abs=1e-3)


def test_without_a_holdout_or_with_few_patients_there_is_a_reason(context, fresh, without_holdout):
    few = EvaluationContext(context.original.head(24), context.holdout.head(6), context.dictionary, 0)
    for cohort, place in (
        (EvaluatedCohort("synthetic", fresh), without_holdout),
        (EvaluatedCohort("synthetic", fresh), few),
    ):
        for found in GROUP.figures(cohort, place).values():
            assert found.value is None and len(found.reason) > 20
    one = GROUP.figures(EvaluatedCohort("synthetic", fresh.head(1)), context)
    assert all("released patients" in found.reason for found in one.values())


def test_few_outlying_patients_give_a_reason_and_the_rest_a_value(context, fresh):
    small = EvaluationContext(context.original.head(120), context.holdout.head(30), context.dictionary, 0)
    found = GROUP.figures(EvaluatedCohort("synthetic", fresh), small)
    for name, figure in found.items():
        assert (figure.value is None) == ("outlying" in name), name
    with pytest.raises(NotComputable, match="outlying tenth"):
        outlying(AttackData.of(EvaluatedCohort("synthetic", fresh), small))
