"""Copied rare combinations: by hand, copies caught, unseen cohorts not, nothing named."""

from __future__ import annotations

import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.rare import GROUP, combination_attack, profile_attack

D = dictionary()
GENES = [variable.name for variable in D.alterations]
RISKS = ("rare_combinations_risk", "rare_profiles_risk")


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_are_caught(figures):
    for name in RISKS:
        assert figures["bootstrap"][name].value > 0.5 and figures["bootstrap"][name].low > 0.45


@pytest.mark.parametrize("kind", ["fresh", "independent", "holdout"])
def test_unseen_patients_repeat_no_more_of_members(figures, kind):
    for name in RISKS:
        assert figures[kind][name].low < 0.03, name


def patients(make, *carried):
    """Make patients with the alterations of the given places and no other."""
    columns = {gene: [int(place in own) for own in carried] for place, gene in enumerate(GENES)}
    return make(**columns)


def test_combinations_by_hand(make):
    # Ten members with a pair each (0, k); ten others with the triple (20, 21, k): the pair (20, 21) is
    # carried by ten, so that two pairs and the triple of each are rare.
    members = patients(make, *((0, k) for k in range(1, 11)))
    non_members = patients(make, *((20, 21, k) for k in range(30, 40)))
    released = patients(make, *((0, k, 15) for k in range(1, 6)), *((20, k) for k in range(30, 40)))
    data = AttackData.of(
        EvaluatedCohort("synthetic", released), EvaluationContext(members, non_members, D, 0)
    )
    result = combination_attack(data)
    assert result.main.share == 0.5  # five of ten pairs come again
    assert result.control.share == pytest.approx(1 / 3)  # of (20, k), (21, k), (20, 21, k) the first


def test_profiles_by_hand(make):
    members = patients(make, *((k,) for k in range(12)))
    non_members = patients(make, *((k, 40) for k in range(12)))
    released = patients(make, *((k,) for k in range(3)), *([(45,)] * 9))
    data = AttackData.of(
        EvaluatedCohort("synthetic", released), EvaluationContext(members, non_members, D, 0)
    )
    result = profile_attack(data)
    assert result.main.share == 0.25 and result.control.share == 0


def test_what_many_carry_is_not_rare(make):
    members = patients(make, *([(0, 1)] * 12))
    non_members = patients(make, *([(2, 3)] * 12))
    found = GROUP.figures(
        EvaluatedCohort("synthetic", members), EvaluationContext(members, non_members, D, 0)
    )
    assert all(figure.value is None and "rare" in figure.reason for figure in found.values())


def test_what_cannot_be_attacked_gives_a_reason(context, fresh, without_holdout):
    for cohort, place, word in (
        (EvaluatedCohort("synthetic", fresh), without_holdout, "hold-out"),
        (EvaluatedCohort("synthetic", fresh.head(1)), context, "released patients"),
    ):
        for found in GROUP.figures(cohort, place).values():
            assert found.value is None and word in found.reason


def test_no_combination_is_named(figures):
    text = " ".join(str(found) for found in figures["bootstrap"].values())
    assert not any(gene in text for gene in GENES)
