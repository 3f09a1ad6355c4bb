"""Distance to the closest record: shares, percentiles, near matches."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.closest import GROUP, low_percentile, nearer_to_training
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace

D = dictionary()


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_are_nearer_to_training(figures):
    found = figures["bootstrap"]
    assert found["dcr_share"].value > 0.58 and found["dcr_share"].low > 0.5
    assert found["dcr_share_weighted"].value > 0.99 and found["dcr_share_weighted"].low > 0.9
    assert found["dcr_p5"].value == 0
    assert found["near_matches"].value == 1


@pytest.mark.parametrize("kind", ["fresh", "independent", "holdout"])
def test_unseen_patients_are_as_near_to_either(figures, kind):
    for name in ("dcr_share", "dcr_share_weighted"):
        # One draw in twenty misses by a little.
        assert figures[kind][name].low <= 0.52 and figures[kind][name].high >= 0.48, name


def test_the_original_shows_what_unseen_patients_reach(context, figures):
    own = GROUP.original_figures(context)
    assert own["dcr_p5"] == figures["holdout"]["dcr_p5"]
    assert own["near_matches"] == figures["holdout"]["near_matches"]
    assert figures["fresh"]["dcr_p5"].value == pytest.approx(own["dcr_p5"].value, abs=0.4)
    assert own["near_matches"].low < figures["fresh"]["near_matches"].value < own["near_matches"].high


def test_shares_by_hand(make, monkeypatch):
    # 12 members of 18 to 29 years, 12 others of 50 to 61; the released are at 20 to 29, three at 60.
    member, other = list(range(18, 30)), list(range(50, 62))
    train, holdout = make(AGE=member), make(AGE=other)
    released = make(AGE=[*range(20, 29), 60, 60, 60])
    context = EvaluationContext(train, holdout, D, seed=0)
    found = nearer_to_training(AttackData.of(EvaluatedCohort("synthetic", released), context))
    assert found["dcr_share"].value == found["dcr_share_weighted"].value == 0.75
    twice = EvaluationContext(make(AGE=member * 2), holdout, D, seed=0)
    found = nearer_to_training(AttackData.of(EvaluatedCohort("synthetic", released), twice))
    assert found["dcr_share_weighted"].value == pytest.approx((0.75 / 24) / (0.75 / 24 + 0.25 / 12), abs=1e-4)


def test_near_matches_by_hand(make):
    # The patients differ from all training patients in 0, 3, 4 and 50 alterations.
    genes = [variable.name for variable in D.alterations]
    counts = [0, 3, 4, len(genes)] * 4
    released = make(**{gene: [int(place < k) for k in counts] for place, gene in enumerate(genes)})
    context = EvaluationContext(make(fill=0, AGE=[None] * 10), None, D, seed=0)
    assert GROUP.figures(EvaluatedCohort("synthetic", released), context)["near_matches"].value == 0.5


def test_the_fifth_percentile_by_hand():
    found = low_percentile(np.arange(101, dtype=np.float32))
    assert found.value == 5 and found.low < 5 < found.high
    with pytest.raises(NotComputable, match="40 patients"):
        low_percentile(np.ones(39, dtype=np.float32))


def test_the_nearest_kept_are_enough(context, cohorts):
    # The weighted share agrees with the one from all pairs of patients.
    data = AttackData.of(cohorts["bootstrap"], context)
    space = MixedSpace(data.real, D)
    released = space.points(data.released)
    near = [space.nearest(released, space.points(side)) for side in (data.members, data.non_members)]
    share = float((near[0] < near[1]).mean() + (near[0] == near[1]).mean() / 2)
    ours, theirs = share / len(data.members), (1 - share) / len(data.non_members)
    found = nearer_to_training(data)["dcr_share_weighted"].value
    assert found == pytest.approx(ours / (ours + theirs), abs=1e-4)


def test_without_a_holdout_the_distances_to_training_remain(fresh, without_holdout):
    found = GROUP.figures(EvaluatedCohort("synthetic", fresh), without_holdout)
    assert found["dcr_p5"].value > 0 and found["near_matches"].value is not None
    assert "hold-out" in found["dcr_share"].reason and "hold-out" in found["dcr_share_weighted"].reason
    assert all("hold-out" in figure.reason for figure in GROUP.original_figures(without_holdout).values())


def test_one_patient_gives_reasons(fresh, context):
    for found in GROUP.figures(EvaluatedCohort("synthetic", fresh.head(1)), context).values():
        assert found.value is None and "at least" in found.reason
