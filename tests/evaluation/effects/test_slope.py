"""The slope of effects: 1 for the original itself, 0 where outcomes are shuffled, by hand where it can be."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.effects.effects import (
    EffectDefinition,
    EffectEstimate,
    calibration_slope,
    list_effects,
    time_effects,
)
from amlsynth.evaluation.effects.measures import GROUP
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable

D = dictionary()
ONE, TWO = (EffectDefinition(name, "", "OS", "univariable") for name in ("a", "b"))


def test_a_slope_by_hand():
    ours = {ONE: EffectEstimate(1.0, 0.1), TWO: EffectEstimate(2.0, 0.1)}
    theirs = {ONE: EffectEstimate(0.5, 1.0), TWO: EffectEstimate(1.0, 0.5)}
    # Weights 1 and 4: (1 * 1 * 0.5 + 4 * 2 * 1) / (1 * 1 + 4 * 4) = 8.5 / 17.
    slope, error = calibration_slope(ours, theirs, 0.05)
    assert slope == pytest.approx(0.5) and error == pytest.approx(17**-0.5)


def test_effects_without_an_estimate_are_left_out():
    ours = {ONE: EffectEstimate(1.0, 0.1), TWO: EffectEstimate(2.0, 0.1)}
    theirs = {ONE: EffectEstimate(reason="none"), TWO: EffectEstimate(-2.0, 0.5)}
    assert calibration_slope(ours, theirs, 0.05)[0] == pytest.approx(-1)
    with pytest.raises(NotComputable, match="no effect that is significant"):
        calibration_slope({ONE: EffectEstimate(0.1, 0.1)}, theirs, 0.05)


def test_slopes_of_the_original_and_of_shuffled_times(reference):
    original = reference.iloc[:600].reset_index(drop=True)
    context = EvaluationContext(original, None, D, seed=0)
    same = GROUP.measured(EvaluatedCohort("synthetic", original, "same"), context)
    names = ["effects_slope_hr", "effects_slope_cr", "effects_slope_time"]
    assert [same[name].value for name in names] == pytest.approx([1, 1, 1])
    order = np.random.default_rng(1).permutation(len(original))
    outcomes = ["EFSTM", "EFSSTAT", "OSTM", "OSSTAT", "CR1"]
    shuffled = original.assign(**{name: original[name].iloc[order].to_numpy() for name in outcomes})
    shuffled = shuffled.astype(original.dtypes.to_dict())
    found = GROUP.measured(EvaluatedCohort("synthetic", shuffled, "shuffled"), context)
    assert all(found[name].high < 0.5 for name in names)


def test_times_that_do_not_vary_have_no_effect(reference):
    frame = reference.iloc[:200].assign(OSTM=12.0)
    effects = [e for e in list_effects(frame, D) if e.endpoint == "OS"]
    assert all(found.reason for found in time_effects(frame, effects, D).values())
