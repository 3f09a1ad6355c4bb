"""Linkability: by hand, copies caught, unseen cohorts not."""

from __future__ import annotations

import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.attacks import linkability
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.linkability import GROUP, genetic_columns, linkability_attack

D = dictionary()


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_are_linked(figures):
    found = figures["bootstrap"]["linkability_risk"]
    assert found.value > 0.4 and found.low > 0.35


@pytest.mark.parametrize("kind", ["fresh", "independent", "holdout"])
def test_unseen_patients_are_not_linked(figures, kind):
    found = figures[kind]["linkability_risk"]
    assert found.low < 0.01 and found.value < 0.06


def test_every_variable_is_on_one_side():
    clinical, genetic = genetic_columns(D)
    assert sorted(clinical + genetic) == sorted(D.names)
    assert {"CGNK", "CGCX", "NPM1", "t.8.21"} & set(genetic) >= {"CGNK", "CGCX", "NPM1"}
    assert {"AGE", "WBC", "OSTM", "CR1"} <= set(clinical)


def test_by_hand(make, monkeypatch):
    # The released are the members with ages and alterations of their own; of the others, the clinical
    # side is nearest to the first patients and the genetic side to the last ones.
    monkeypatch.setattr(linkability, "NEIGHBOURS", 1)
    genes = [variable.name for variable in D.alterations[:10]]
    one_each = {gene: [int(place == row) for row in range(10)] for place, gene in enumerate(genes)}
    turned = {gene: values[::-1] for gene, values in one_each.items()}
    ages = list(range(20, 70, 5))
    members, non_members = make(AGE=ages, **one_each), make(AGE=ages, **turned)
    result = linkability_attack(
        AttackData.of(EvaluatedCohort("synthetic", members), EvaluationContext(members, non_members, D, 0))
    )
    assert result.main.share == 1 and result.control.share == 0
    assert result.baseline.share == pytest.approx(0.1)


def test_without_a_holdout_there_is_a_reason(fresh, without_holdout):
    for found in GROUP.figures(EvaluatedCohort("synthetic", fresh), without_holdout).values():
        assert found.value is None and "hold-out" in found.reason
