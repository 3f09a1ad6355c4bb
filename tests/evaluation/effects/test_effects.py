"""Effects: estimates agree with lifelines and statsmodels, and what a cohort keeps is counted right."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from amlsynth.dictionary.derived import eln2022
from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.effects import measures
from amlsynth.evaluation.effects.effects import (
    MIN_CARRIERS,
    EffectDefinition,
    EffectEstimate,
    agreement,
    estimate_effects,
    list_effects,
)
from amlsynth.evaluation.effects.measures import effect_records
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable


@pytest.fixture(scope="module")
def asked(synthetic):
    effects = list_effects(synthetic, dictionary())
    return effects, estimate_effects(synthetic, effects, dictionary())


def find(found, subject, endpoint, model="univariable"):
    return next(a for q, a in found.items() if (q.subject, q.endpoint, q.model) == (subject, endpoint, model))


def test_markers_of_the_paper_age_risk_and_frequent_alterations_are_asked_for(asked, synthetic):
    effects, found = asked
    subjects = {q.subject for q in effects}
    assert {"AGE", "ELN2022=intermediate", "ELN2022=adverse", "NPM1", "DNMT3A"} <= subjects
    d = dictionary()
    for variable in d.alterations:
        if variable.name not in d.roles.effect_markers:
            enough = int((synthetic[variable.name] == 1).sum()) >= MIN_CARRIERS
            assert (variable.name in subjects) == enough, variable.name
    assert {q.endpoint for q in effects} == {"CR", "OS", "EFS"}
    assert set(found) == set(effects)


@pytest.mark.parametrize("subject", ["NPM1", "AGE", "TP53"])
@pytest.mark.parametrize("endpoint", ["OS", "EFS"])
def test_hazard_ratios_agree_with_lifelines(asked, synthetic, subject, endpoint):
    columns = [f"{endpoint}TM", f"{endpoint}STAT", subject]
    known = synthetic[columns].astype("Float64").dropna().astype(float)
    fit = CoxPHFitter().fit(known, *columns[:2]).summary.loc[subject]
    scale = 10 if subject == "AGE" else 1
    found = find(asked[1], subject, endpoint)
    assert found.log_ratio == pytest.approx(fit["coef"] * scale, rel=1e-4)
    assert found.standard_error == pytest.approx(fit["se(coef)"] * scale, rel=1e-4)
    assert found.p == pytest.approx(fit["p"], rel=1e-2)
    assert found.n == len(known)


def test_odds_ratios_agree_with_statsmodels(asked, synthetic):
    from statsmodels.discrete.discrete_model import Logit  # each worker would import it
    from statsmodels.tools.tools import add_constant

    risk = eln2022(synthetic)
    rows = synthetic["CR1"].notna() & risk.notna()
    x = pd.get_dummies(risk[rows])[["intermediate", "adverse"]].astype(float)
    y = synthetic["CR1"][rows].astype(float)
    fit = Logit(y, add_constant(x)).fit(disp=0)
    for aspect in ("intermediate", "adverse"):
        found = find(asked[1], f"ELN2022={aspect}", "CR")
        assert found.log_ratio == pytest.approx(fit.params[aspect], rel=1e-4)
        assert found.standard_error == pytest.approx(fit.bse[aspect], rel=1e-4)
        assert found.carriers == int(x[aspect].sum())


def test_the_multivariable_model_agrees_with_lifelines(asked, synthetic):
    effects, found = asked
    names = [q.subject for q in effects if q.endpoint == "OS" and q.model == "multivariable"]
    assert "AGE" in names and len(names) > 5
    known = synthetic[[*names, "OSTM", "OSSTAT"]].astype("Float64").dropna().astype(float)
    fit = CoxPHFitter().fit(known, "OSTM", "OSSTAT").summary
    for name in names:
        one = find(found, name, "OS", "multivariable")
        scale = 10 if name == "AGE" else 1
        assert one.log_ratio == pytest.approx(fit.loc[name, "coef"] * scale, rel=1e-3, abs=1e-5), name
        assert one.n == len(known)


def effect(name):
    return EffectDefinition(name, "present against absent", "OS", "univariable")


def test_agreement_is_counted_over_what_is_significant_in_the_original():
    ours = {
        effect("strong"): EffectEstimate(1.0, 0.2),
        effect("turned"): EffectEstimate(1.0, 0.2),
        effect("weak"): EffectEstimate(0.1, 0.2),  # not significant: not counted
        effect("gone"): EffectEstimate(-1.0, 0.2),
        effect("fainter"): EffectEstimate(-1.0, 0.2),
    }
    theirs = {
        effect("strong"): EffectEstimate(1.1, 0.2),
        effect("turned"): EffectEstimate(-1.0, 0.2),
        effect("weak"): EffectEstimate(-1.0, 0.2),
        effect("gone"): EffectEstimate(reason="no carriers"),
        effect("fainter"): EffectEstimate(-0.3, 0.2),
    }
    found = agreement(ours, theirs, 0.05)
    assert (found.total, found.same_sign, found.significant, found.overlapping) == (4, 0.5, 0.25, 0.5)
    with pytest.raises(NotComputable, match="significant"):
        agreement({effect("weak"): EffectEstimate(0.1, 0.2)}, theirs, 0.05)


def test_without_carriers_or_events_an_effect_has_a_reason(synthetic, asked):
    effects, _ = asked
    d = dictionary()
    none = synthetic.assign(
        NPM1=synthetic["NPM1"] * 0, TP53=pd.array([pd.NA] * len(synthetic), dtype="Int8"), CR1=1
    ).astype(synthetic.dtypes)
    found = estimate_effects(none, effects, d)
    assert "no carriers" in find(found, "NPM1", "OS").reason
    assert "no patient" in find(found, "TP53", "EFS").reason
    assert "all had the event" in find(found, "RUNX1", "CR").reason  # of odds, who had none is needed too
    assert math.isnan(find(found, "NPM1", "OS").p)
    one = synthetic.assign(NPM1=[1, *[0] * (len(synthetic) - 1)]).astype(synthetic.dtypes)
    single = find(estimate_effects(one, effects, d), "NPM1", "CR")
    assert single.carriers == 1 and single.reason


def test_a_rare_marker_that_separates_leaves_the_model_alone(synthetic, asked):
    effects, _ = asked
    never = synthetic["OSSTAT"].where(synthetic["CGCX"].ne(1).fillna(True), 0)
    found = estimate_effects(synthetic.assign(OSSTAT=never), effects, dictionary())
    assert "no event" in find(found, "CGCX", "OS", "multivariable").reason
    assert find(found, "AGE", "OS", "multivariable").reason is None


def test_effects_are_kept_by_samples_and_lost_by_shuffling(evaluation):
    for name in ("effects_sign_hr", "effects_significant_hr", "effects_overlap_hr", "effects_sign_or"):
        measure = evaluation.measure(name)
        assert measure.anchors["bootstrap"].value > 0.75, name
        assert measure.anchors["independent"].value < measure.anchors["bootstrap"].value - 0.2, name
    assert evaluation.measure("effects_overlap_hr").anchors["holdout"].value > 0.85
    assert evaluation.measure("effects_significant_hr").anchors["independent"].value < 0.3


def test_records_hold_three_cohorts_and_hide_small_cells(split, synthetic):
    context = EvaluationContext(split.train, split.holdout, dictionary(), 5, DisclosureRule())
    cohort = EvaluatedCohort("synthetic", synthetic, "synthetic")
    found = effect_records(context, [cohort], {"original", "holdout"})
    assert {effect.cohort for effect in found} == {"original", "synthetic", "holdout"}
    hidden = [e for e in found if (e.effect.reason or "").startswith("not shown")]
    assert hidden and all(e.cohort != "synthetic" for e in hidden)
    assert all(e.n is None and e.carriers is None and e.p_value.value is None for e in hidden)
    for effect in found:
        if effect.cohort != "synthetic" and effect.carriers is not None:
            assert effect.carriers == 0 or effect.carriers >= 5
        if effect.effect.value is not None:
            assert effect.effect.low <= effect.effect.value <= effect.effect.high
            assert (effect.p_value.value < 0.05) == (effect.effect.low > 1 or effect.effect.high < 1) or (
                np.isclose(effect.effect.low, 1, atol=2e-3) or np.isclose(effect.effect.high, 1, atol=2e-3)
            )


def test_a_cohort_without_significant_effects_has_no_shares(make, monkeypatch):
    monkeypatch.setattr("amlsynth.evaluation.run.GROUPS", (measures.GROUP,))
    frame = make(fill=0, AGE=[50, 60] * 15, OSTM=[5.0, 9.0] * 15, OSSTAT=[0] * 30, CR1=[1, 0] * 15)
    measure = evaluate(frame, frame).measure("effects_sign_hr")
    assert measure.synthetic.value is None and "no effect" in measure.synthetic.reason
