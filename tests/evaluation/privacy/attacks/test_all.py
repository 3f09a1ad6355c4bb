"""What holds for every attack: bad cohorts give reasons, nothing warns, nothing of a patient is told."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.attacks import GROUPS, LIMITS

D = dictionary()


def _empty(frame):
    return pd.DataFrame({name: pd.Series([pd.NA] * len(frame), dtype=frame[name].dtype) for name in frame})


def _constant(frame):
    return frame.iloc[[0] * len(frame)].reset_index(drop=True).astype(frame.dtypes)


def _thirty(frame):
    return frame.head(30)


def _one(frame):
    return frame.head(1)


def _half_assessed(frame):
    empty = dict.fromkeys(["WBC", "SEX", "NPM1", "CR1", "OSTM", "OSSTAT"], pd.NA)
    return frame.assign(**empty).astype(frame.dtypes)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("spoil", [_empty, _constant, _thirty, _one, _half_assessed])
@pytest.mark.parametrize("which", ["original", "synthetic", "both", "holdout"])
def test_bad_cohorts_give_reasons_not_numbers(context, fresh, group, spoil, which):
    train, holdout, made = context.original.head(120), context.holdout.head(60), fresh.head(120)
    if which in ("original", "both"):
        train = spoil(train)
    if which in ("original", "both", "holdout"):
        holdout = spoil(holdout)
    if which in ("synthetic", "both"):
        made = spoil(made)
    bad = EvaluationContext(train, holdout, D, 3)
    cohort = EvaluatedCohort("holdout", holdout) if which == "holdout" else EvaluatedCohort("synthetic", made)
    found = group.figures(cohort, bad)
    assert set(found) == {definition.id for definition in group.definitions(D)}
    for name, figure in (found | group.original_figures(bad)).items():
        assert (figure.value is None) == (figure.reason is not None), name
        numbers = (figure.value, figure.low, figure.high)
        assert all(number is None or math.isfinite(number) for number in numbers), name
        if spoil is _one:
            assert figure.value is None or name in ("dcr_p5", "near_matches"), name


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_measure_says_what_it_cannot_prove(group):
    for definition in group.definitions(D):
        assert definition.aspect == "privacy" and definition.description.endswith(".") and definition.source
        if definition.better != "none":
            words = ("not prove", "no proof", "do not move it", "can be copied")
            assert any(word in definition.description for word in words), definition.id
    assert len(LIMITS) >= 5 and all(limit.endswith(".") for limit in LIMITS)


def test_large_cohorts_are_sampled_and_small_ones_not(context, fresh, monkeypatch):
    from amlsynth.evaluation.privacy.attacks import attack_data as module

    monkeypatch.setattr(module, "MAX_TARGETS", 100)
    monkeypatch.setattr(module, "MAX_RELEASED", 90)
    # A context of its own: what is remembered in the shared one is what other tests attack.
    data = module.AttackData.of(EvaluatedCohort("synthetic", fresh), replace(context))
    assert (len(data.members), len(data.non_members), len(data.released)) == (100, 100, 90)
    assert not data.members.duplicated().any()
