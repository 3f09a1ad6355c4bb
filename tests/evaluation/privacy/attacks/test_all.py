"""What holds for every attack: bad cohorts give reasons, nothing warns, nothing of a patient is told."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.family import Candidate, Setting
from amlsynth.evaluation.privacy.attacks import FAMILIES, LIMITS

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


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("spoil", [_empty, _constant, _thirty, _one, _half_assessed])
@pytest.mark.parametrize("which", ["original", "synthetic", "both", "holdout"])
def test_bad_cohorts_give_reasons_not_numbers(setting, fresh, family, spoil, which):
    train, holdout, made = setting.original.head(120), setting.holdout.head(60), fresh.head(120)
    if which in ("original", "both"):
        train = spoil(train)
    if which in ("original", "both", "holdout"):
        holdout = spoil(holdout)
    if which in ("synthetic", "both"):
        made = spoil(made)
    bad = Setting(train, holdout, D, 3)
    candidate = Candidate("holdout", holdout) if which == "holdout" else Candidate("synthetic", made)
    found = family.figures(candidate, bad)
    assert set(found) == {spec.id for spec in family.specs(D)}
    for name, figure in (found | family.original_figures(bad)).items():
        assert (figure.value is None) == (figure.reason is not None), name
        numbers = (figure.value, figure.low, figure.high)
        assert all(number is None or math.isfinite(number) for number in numbers), name
        if spoil is _one:
            assert figure.value is None or name in ("dcr_p5", "near_matches"), name


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_measure_says_what_it_cannot_prove(family):
    for spec in family.specs(D):
        assert spec.group == "privacy" and spec.description.endswith(".") and spec.source
        if spec.better != "none":
            words = ("not prove", "no proof", "do not move it", "can be copied")
            assert any(word in spec.description for word in words), spec.id
    assert len(LIMITS) >= 5 and all(limit.endswith(".") for limit in LIMITS)


def test_large_cohorts_are_sampled_and_small_ones_not(setting, fresh, monkeypatch):
    from amlsynth.evaluation.privacy.attacks import arena as module

    monkeypatch.setattr(module, "MOST_TARGETS", 100)
    monkeypatch.setattr(module, "MOST_RELEASED", 90)
    arena = module.Arena.of(Candidate("synthetic", fresh), setting)
    assert (len(arena.members), len(arena.others), len(arena.released)) == (100, 100, 90)
    assert not arena.members.duplicated().any()
