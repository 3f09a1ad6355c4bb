"""The evaluation asks the dictionary: cohorts that lack an outcome, other diseases, a steward's variables."""

from __future__ import annotations

import importlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from tests.shared_builds import rough_figures

from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import dictionary, load_dictionary
from amlsynth.evaluation import compare_cohorts, evaluate
from amlsynth.evaluation.outcomes import known_at_diagnosis, lacks, outcome_names
from amlsynth.sources.reference import reference_frame

module = importlib.import_module("amlsynth.evaluation.run")

ONE_ENDPOINT = """
name: tiny
version: 1.0.0
title: One endpoint and nothing else
description: The least that a dictionary may have.
days_per_month: 30.4375
missing_values: ["", "NA"]
groups:
  - {id: basis, label: Basis}
endpoints:
  - {name: PFS, label: Progression-free survival, time: PFSTM, status: PFSSTAT, event: Progression or death}
variables:
  - {name: SIZE, id: SIZE, label: Size, group: basis, type: number, unit: mm, minimum: 0, maximum: 50,
     decimals: 1, description: Size., source: none, export_name: SIZE}
  - {name: SITE, id: SITE, label: Site, group: basis, type: category, description: Site., source: none,
     categories: [{value: left, label: Left}, {value: right, label: Right}], export_name: SITE}
  - {name: PFSTM, id: PFSTM, label: Time, group: basis, type: number, unit: months, minimum: 0, maximum: 720,
     decimals: 2, description: Time., source: none, export_name: PFSTM}
  - {name: PFSSTAT, id: PFSSTAT, label: Status, group: basis, type: status, description: Status.,
     source: none, export_name: PFSSTAT}
rules: []
"""
TRIAL = """
extends: aml
name: trial
version: 1.0.0
title: A trial with an arm
groups:
  - {id: trial, label: Trial}
variables:
  - {name: ARM, id: ARM, label: Arm, group: trial, type: category, description: Arm., source: protocol,
     categories: [{value: A, label: A}, {value: B, label: B}], export_name: ARM}
  - {name: BLASTS, id: BLASTS, label: Blasts, group: trial, type: number, unit: "%", minimum: 0, maximum: 100,
     decimals: 1, description: Blasts., source: protocol, export_name: BLASTS}
rules: []
roles:
  secrets: [ARM]
  effect_numbers: [{variable: AGE, per: 10}, {variable: BLASTS, per: 20}]
"""


@pytest.fixture(scope="module", autouse=True)
def few():
    """Less of everything that takes long."""
    with rough_figures():
        yield


def without(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.assign(**dict.fromkeys(columns, pd.NA)).astype(frame.dtypes)


def parts(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return training part, synthetic cohort and hold-out, of one simulated frame."""
    at = np.linspace(0, len(frame), 4).astype(int)
    return [frame.iloc[low:high].reset_index(drop=True) for low, high in pairwise(at)]


@pytest.fixture(scope="module")
def survival_alone():
    """An evaluation of a cohort of 300 that has overall survival and neither EFS nor remission."""
    cohorts = parts(without(reference_frame(700, 3), "EFSTM", "EFSSTAT", "CR1"))
    return evaluate(cohorts[0], cohorts[1], cohorts[2], seed=1, simulated=True)


def test_a_cohort_without_an_outcome_says_so_and_has_the_rest(survival_alone):
    by_id = {measure.id: measure for measure in survival_alone.measures}
    for name in ("km_score_efs", "median_efs", "c_index_efs", "effects_sign_efs", "at_risk60_efs"):
        assert by_id[name].synthetic.reason == "the cohort has no EFS: every value is missing", name
        assert by_id[name].applicable is False
    assert by_id["median_efs"].original.reason == "the original has no EFS: every value is missing"
    assert by_id["cr_rate"].synthetic.reason == by_id["mcc_cr1"].synthetic.reason
    assert by_id["cr_rate"].synthetic.reason == "the cohort has no CR: every value is missing"
    assert by_id["event_patterns"].applicable is by_id["share_efs_equals_os"].applicable is False
    lacking = {"EFS", "CR"}
    for measure in survival_alone.measures:
        assert measure.applicable == (not lacking & set(measure.outcomes)), measure.id
        if measure.applicable and "cr1" not in measure.id:
            assert measure.synthetic.value is not None, f"{measure.id}: {measure.synthetic.reason}"


def test_what_is_not_there_is_not_in_aggregates_either(survival_alone):
    found = survival_alone
    assert {effect.endpoint for effect in found.effects} == {"OS"}
    efs = found.original.endpoint("EFS")
    assert (efs.n, efs.events, efs.curve) == (0, 0, ())
    assert efs.median.reason == "the cohort has no EFS: every value is missing"
    tests = {c.subject: c.p_value for c in found.comparisons if c.cohort == "synthetic"}
    assert tests["EFS"].reason == "the original has no EFS: every value is missing"
    assert tests["CR1"].reason == "the original has no CR: every value is missing"
    assert tests["OS"].value is not None
    notes = [note for note in found.notes if "EFS" in note]
    assert "The original has no EFS: every value is missing." in notes
    assert not any("usable EFS" in note for note in notes)


def test_an_outcome_that_one_cohort_lacks_is_told_of_that_cohort():
    train, made, _ = parts(reference_frame(300, 4))
    d = dictionary()
    found = compare_cohorts(train, without(made, "EFSTM", "EFSSTAT"), d=d)
    measure = found.measure("median_efs")
    assert measure.applicable and measure.original.value is not None
    assert measure.synthetic.reason == "the cohort has no EFS: every value is missing"
    p_value = next(c.p_value for c in found.comparisons if c.subject == "EFS")
    assert p_value.reason == "the other cohort has no EFS: every value is missing"


def test_lacking_is_one_column_missing_throughout():
    frame, d = reference_frame(60, 1), dictionary()
    assert [lacks(frame, d, name) for name in outcome_names(d)] == [False, False, False]
    assert lacks(without(frame, "EFSTM"), d, "EFS") and lacks(without(frame, "CR1"), d, "CR")
    assert not lacks(without(frame, "EFSTM"), d, "OS")
    assert set(d.names) - set(known_at_diagnosis(d)) == {"CR1", *d.outcome_columns}


@pytest.fixture(scope="module")
def of_mds(mds, mds_dictionary):
    return evaluate(*parts(mds), seed=1, simulated=True, d=mds_dictionary)


def test_a_second_disease_has_the_measures_of_its_outcomes(of_mds, mds_dictionary):
    d = mds_dictionary
    ids = {measure.id for measure in of_mds.measures}
    assert {"km_score_os", "km_score_lfs", "share_lfs_equals_os", "event_patterns", "mcc_death24"} <= ids
    assert not any("efs" in name or "cr1" in name or name.startswith("cr_") for name in ids)
    assert (of_mds.dictionary_name, of_mds.dictionary_version) == ("mds", d.version)
    assert of_mds.original.risk == ()
    assert {e.endpoint for e in of_mds.effects} == {"OS", "LFS"}
    contrasts = {e.subject: e.contrast for e in of_mds.effects}
    assert (contrasts["AGE"], contrasts["BM_BLAST"]) == ("per 10 years", "per 5 %")
    assert [c.name for c in of_mds.original.variables] == list(d.names)
    for name in ("km_score_lfs", "median_lfs", "c_index_lfs", "effects_overlap_hr", "logcorr", "leakage"):
        assert of_mds.measure(name).synthetic.value is not None, of_mds.measure(name).synthetic.reason
    ratios = {(e.subject, e.cohort, e.endpoint): e.effect.value for e in of_mds.effects}
    assert ratios["BM_BLAST", "original", "LFS"] > 1  # the simulation gives blasts a hazard


def test_one_endpoint_and_nothing_else(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(ONE_ENDPOINT)
    d = load_dictionary(path)
    rng = np.random.default_rng(1)
    n = 150
    table = {
        "SIZE": rng.random(n).round(1), "SITE": rng.choice(["left", "right"], n),
        "PFSTM": (rng.exponential(40, n) + 1).round(2), "PFSSTAT": rng.integers(0, 2, n),
    }  # fmt: skip
    found = evaluate(*parts(to_typed(pd.DataFrame(table), d)), seed=1, d=d)
    ids = {measure.id for measure in found.measures}
    assert {"km_score_pfs", "follow_up", "rules_broken"} <= ids
    assert not ids & {"event_patterns", "attribute_inference_risk", "cr_rate"}
    assert not any(name.startswith("share_") for name in ids)
    assert found.measure("km_score_pfs").synthetic.value > 0.5
    assert found.effects == () and "no effect" in found.measure("effects_sign_hr").synthetic.reason
    assert "alterations" in found.measure("co_occurrence").synthetic.reason
    for measure in found.measures:
        for figure in measure.figures.values():
            assert (figure.value is None) != (figure.reason is None), measure.id


def test_a_stewards_own_variables_are_measured_like_the_rest(tmp_path, monkeypatch):
    keep = ("fidelity", "effects", "attribute inference")
    monkeypatch.setattr(module, "GROUPS", tuple(f for f in module.GROUPS if f.name in keep))
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL)
    d = load_dictionary(path)
    frame = reference_frame(300, 5)
    rng = np.random.default_rng(2)
    frame = frame.assign(ARM=rng.choice(["A", "B"], 300), BLASTS=rng.uniform(20, 95, 300).round(1))
    found = evaluate(*parts(to_typed(frame[list(d.names)], d)), seed=1, d=d)
    assert found.original.variable("BLASTS").quartiles[0] > 20
    assert {c.subject for c in found.comparisons} >= {"ARM", "BLASTS"}
    assert next(e.contrast for e in found.effects if e.subject == "BLASTS") == "per 20 %"
    guessed = [m.id for m in found.measures if m.id.endswith("_risk")]
    assert guessed == ["attribute_inference_risk", "attribute_inference_arm_risk"]
    assert [c.value for c in found.original.risk][:1] == ["favorable"]  # what is extended stays
