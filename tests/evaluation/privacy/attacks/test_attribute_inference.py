"""Attribute inference: by hand, copies caught, unseen cohorts not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.attribute_inference import GROUP, attribute_attack

D = dictionary()
SECRETS = [name for name in D.names if name in D.roles.secrets]
RISKS = [definition.id for definition in GROUP.definitions(D) if definition.id.endswith("risk")]


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_tell_every_secret(figures):
    for name in RISKS:
        assert figures["bootstrap"][name].value > 0.4 and figures["bootstrap"][name].low > 0.2, name


@pytest.mark.parametrize("kind", ["fresh", "independent", "holdout"])
def test_unseen_patients_tell_no_more_of_members(figures, kind):
    # Of eight intervals at 95 %, one may lie above 0 by chance, and as all are told from the same few
    # hold-out patients they err together: two.
    assert sum(figures[kind][name].low > 0 for name in RISKS) <= 2
    assert figures[kind]["attribute_inference_risk"].low < 0.02
    assert figures[kind]["attribute_inference_risk"].value < 0.12


def test_by_hand(make):
    # Age tells who it is; the released have the members' secret, and the opposite of the others'.
    secret = [0, 1] * 5
    members, non_members = (
        make(AGE=list(range(20, 30)), TP53=secret),
        make(AGE=list(range(60, 70)), TP53=secret),
    )
    released = make(AGE=[*range(20, 30), *range(60, 70)], TP53=secret + [1 - value for value in secret])
    guesses = attribute_attack(
        AttackData.of(EvaluatedCohort("synthetic", released), EvaluationContext(members, non_members, D, 0))
    )
    place = SECRETS.index("TP53")
    assert guesses.main[:, place].tolist() == [1] * 10
    assert guesses.control[:, place].tolist() == [0] * 10
    assert np.isnan(np.delete(guesses.main, place, axis=1)).all()  # nobody has the others
    assert guesses.result(place).main.share == guesses.result().main.share == 1


def test_the_secret_itself_is_not_looked_at_and_a_number_has_a_tolerance(make):
    # OSTM is the only thing that differs: nearest by the rest are all, so no guess is better than chance.
    members = make(OSTM=[10.0] * 10, AGE=list(range(20, 30)))
    non_members = make(OSTM=[50.0] * 10, AGE=list(range(60, 70)))
    released = make(OSTM=[10.5] * 10 + [53.0] * 10, AGE=[*range(20, 30), *range(60, 70)])
    guesses = attribute_attack(
        AttackData.of(EvaluatedCohort("synthetic", released), EvaluationContext(members, non_members, D, 0))
    )
    place = SECRETS.index("OSTM")
    assert guesses.main[:, place].tolist() == [1] * 10  # 10.5 is within 5 %
    assert guesses.control[:, place].tolist() == [0] * 10  # 53 is not


def test_a_missing_secret_is_not_guessed(context, fresh):
    empty = fresh.assign(TP53=pd.array([pd.NA] * len(fresh), dtype=fresh["TP53"].dtype))
    found = GROUP.figures(EvaluatedCohort("synthetic", empty), context)
    assert found["attribute_inference_tp53_risk"].value is None
    assert "known value" in found["attribute_inference_tp53_risk"].reason
    assert found["attribute_inference_cr1_risk"].value is not None


def test_what_cannot_be_attacked_gives_a_reason(context, fresh, without_holdout, make):
    for cohort, place, word in (
        (EvaluatedCohort("synthetic", fresh), without_holdout, "hold-out"),
        (EvaluatedCohort("synthetic", fresh.head(1)), context, "released patients"),
        (EvaluatedCohort("synthetic", make(AGE=[50] * 20)), context, "known value"),
    ):
        found = GROUP.figures(cohort, place)
        assert set(found) == {definition.id for definition in GROUP.definitions(D)}
        assert all(figure.value is None and word in figure.reason for figure in found.values())
