"""Gates: what passes, what fails, and that what is not known never passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.evaluation.records import (
    CohortSummary,
    Evaluation,
    Figure,
    Measure,
    SurvivalSummary,
    VariableSummary,
)
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.gates.apply import apply_gates, patients_compared
from amlsynth.gates.profile import Gate, GateProfile, gate_profile, read_profiles
from amlsynth.gates.verdict import GateReport, write_gates


def measure(identifier: str, value: float | None, **changes: Any) -> Measure:
    synthetic = Figure(value=value, reason="there were no events" if value is None else None)
    content: dict[str, Any] = {
        "id": identifier,
        "label": identifier,
        "aspect": "fidelity",
        "better": "higher",
        "description": "",
        "source": "",
        "figures": {"synthetic": changes.pop("synthetic", synthetic)},
        "anchors": {},
    }
    return Measure.model_validate(content | changes)


def evaluation(*measures: Measure) -> Evaluation:
    empty = CohortSummary(label="", n=1, variables=(), risk=(), survival=())
    return Evaluation(
        dictionary_version="1",
        amlsynth_version="0",
        seed=0,
        original_is_simulated=True,
        original=empty,
        holdout=None,
        synthetics=(empty,),
        measures=measures,
        comparisons=(),
    )


def gate(comparison: str, threshold: float | None = None, **changes: Any) -> Gate:
    content = {
        "id": "one",
        "label": "One",
        "measure": "m",
        "comparison": comparison,
        "threshold": threshold,
        "required": True,
        "reason": "Because.",
        "source": "a paper",
    }
    return Gate.model_validate(content | changes)


def judge(found: Measure, *gates: Gate) -> GateReport:
    return apply_gates(evaluation(found), GateProfile(name="test", description="for tests", gates=gates))


@pytest.mark.parametrize(
    ("comparison", "threshold", "passing", "failing"),
    [
        ("at_least", 0.95, 0.95, 0.9499999),
        ("at_most", 3, 3, 3.01),
        ("below", 0.05, 0.0499, 0.05),
        ("equals", 0, 0, 1),
    ],
)
def test_a_threshold_decides(comparison: str, threshold: float, passing: float, failing: float) -> None:
    good = judge(measure("m", passing), gate(comparison, threshold))
    bad = judge(measure("m", failing), gate(comparison, threshold))
    assert good.passed and good.gates[0].passed and good.failed == ()
    assert not bad.passed and bad.failed == bad.gates
    assert bad.gates[0].value == failing
    assert " is not " in bad.gates[0].reason and bad.gates[0].reason.endswith("Because.")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_below_and_at_least_exclude_each_other(value: float, threshold: float) -> None:
    found = judge(measure("m", value), gate("below", threshold), gate("at_least", threshold, id="two"))
    assert found.gates[0].passed is not found.gates[1].passed


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("comparison", ["at_least", "at_most", "below", "equals"])
def test_an_unknown_figure_never_passes(value: float | None, comparison: str) -> None:
    report = judge(measure("m", value), gate(comparison, 0))
    assert not report.passed
    assert report.gates[0].value is None
    assert report.gates[0].reason.startswith("Not available: ")


def test_the_reason_of_an_unknown_figure_is_told() -> None:
    report = judge(measure("m", None), gate("at_least", 0))
    assert "there were no events" in report.gates[0].reason


def test_a_measure_that_the_evaluation_lacks_fails_its_gate() -> None:
    report = judge(measure("other", 1.0), gate("at_least", 0))
    assert not report.passed
    assert "no measure 'm'" in report.gates[0].reason


def test_a_gate_that_is_advice_does_not_stop_a_release() -> None:
    report = judge(measure("m", 0.5), gate("at_least", 0), gate("at_least", 1, id="two", required=False))
    assert report.passed
    assert [result.passed for result in report.gates] == [True, False]
    report.raise_if_failed("x")


@pytest.mark.parametrize(
    ("value", "low", "high", "passed"),
    [(5, 4, 6, True), (4, 4, 6, True), (3.9, 4, 6, False), (7, 4, None, True), (3, 4, None, False)],
)
def test_the_interval_of_the_original(value: float, low: float, high: float | None, passed: bool) -> None:
    found = measure("m", value, original=Figure(value=5, low=low, high=high))
    assert judge(found, gate("within_original_interval")).passed is passed


@pytest.mark.parametrize("original", [None, Figure(reason="not reached"), Figure(value=5)])
def test_no_interval_of_the_original_fails(original: Figure | None) -> None:
    report = judge(measure("m", 5, original=original), gate("within_original_interval"))
    assert not report.passed
    assert "no 95 % interval" in report.gates[0].reason


def test_the_share_of_the_hold_out() -> None:
    found = measure("m", 0.9, anchors={"holdout": Figure(value=1.0)})
    assert judge(found, gate("at_least_share_of_holdout", 0.9)).passed
    assert not judge(found, gate("at_least_share_of_holdout", 0.91)).passed


@pytest.mark.parametrize("anchors", [{}, {"holdout": Figure(reason="no hold-out was given")}])
def test_the_share_of_no_hold_out_fails(anchors: dict[str, Figure]) -> None:
    report = judge(measure("m", 0.9, anchors=anchors), gate("at_least_share_of_holdout", 0.1))
    assert not report.passed
    assert report.gates[0].value == 0.9
    assert "hold-out is needed" in report.gates[0].reason


def test_one_of_several_cohorts_is_judged_by_its_key() -> None:
    figures = {"synthetic-1": Figure(value=0.9), "synthetic-2": Figure(value=0.1)}
    found = measure("m", 0.9).model_copy(update={"figures": figures})
    both = tuple(
        CohortSummary(key=key, label=key, n=1, variables=(), risk=(), survival=()) for key in figures
    )
    several = evaluation().model_copy(update={"synthetics": both, "measures": (found,)})
    profile = GateProfile(name="test", description="for tests", gates=(gate("at_least", 0.5),))
    assert apply_gates(several, profile, "synthetic-1").passed
    assert not apply_gates(several, profile, "synthetic-2").passed
    for cohort in (None, "synthetic"):
        with pytest.raises(UsageError, match="synthetic-1, synthetic-2; name one"):
            apply_gates(several, profile, cohort)


def test_failed_gates_are_listed_with_their_figures() -> None:
    report = judge(measure("m", 0.125), gate("at_least", 0.5), gate("at_most", 0.1, id="two", label="Two"))
    with pytest.raises(DataError) as caught:
        report.raise_if_failed("x 1.0.0 is not released")
    message = str(caught.value)
    assert message.startswith("x 1.0.0 is not released: 2 required gates of the profile 'test' failed.")
    assert "One (m): 0.125 is not at least 0.5." in message
    assert "Two (m): 0.125 is not at most 0.1." in message


def test_gates_json_has_the_agreed_shape(tmp_path: Path) -> None:
    report = judge(measure("m", None), gate("at_least", 0.5))
    write_gates(report, tmp_path / "gates.json")
    text = (tmp_path / "gates.json").read_text(encoding="utf-8")
    assert GateReport.model_validate_json(text) == report
    assert text.endswith("\n")
    content = report.model_dump()
    assert list(content) == ["profile", "purpose", "passed", "gates"]
    keys = "id label measure value threshold comparison required passed reason undecided"
    assert list(content["gates"][0]) == keys.split()


def test_the_lower_end_of_an_interval_is_held_against_a_limit() -> None:
    noisy = measure("m", None, synthetic=Figure(value=0.7, low=0.58, high=0.82))
    report = judge(noisy, gate("interval_low_at_most", 0.6))
    assert report.passed and "begins at 0.58, at most 0.6" in report.gates[0].reason
    report = judge(noisy, gate("interval_low_at_most", 0.5))
    assert not report.passed and "not at most 0.5" in report.gates[0].reason
    report = judge(measure("m", 0.1), gate("interval_low_at_most", 0.6))
    assert not report.passed and "no 95 % interval" in report.gates[0].reason


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.40, 0.49, "passed"), (0.41, 0.55, "undecided"), (0.51, 0.60, "failed"), (None, None, "failed")],
)
def test_a_gate_decided_by_the_interval(low: float | None, high: float | None, verdict: str) -> None:
    found = measure("m", None, synthetic=Figure(value=0.48, low=low, high=high))
    report = judge(found, gate("at_most", 0.5, decided_by="interval", remedy="Ask a friend."))
    result = report.gates[0]
    assert result.verdict == verdict and report.passed is (verdict == "passed")
    assert result.reason.endswith("Ask a friend.") is (verdict != "passed")
    if verdict == "undecided":
        assert "covers 0.5" in result.reason and "more patients" in result.reason
        with pytest.raises(DataError, match="1 of them undecided"):
            report.raise_if_failed("x")


def test_an_interval_that_must_lie_above() -> None:
    low = gate("at_least", 0.5, decided_by="interval")
    verdicts = [
        judge(measure("m", None, synthetic=Figure(value=v, low=v - 0.1, high=v + 0.1)), low).gates[0].verdict
        for v in (0.65, 0.55, 0.3)
    ]
    assert verdicts == ["passed", "undecided", "failed"]


def test_not_every_comparison_is_decided_by_an_interval() -> None:
    with pytest.raises(ValueError, match="equals is not decided by an interval"):
        gate("equals", 0, decided_by="interval")


def of_patients(n: int, found: Measure, *gates: Gate) -> GateReport:
    several = evaluation(found)
    cohorts = {name: several.original.model_copy(update={"n": n}) for name in ("original", "synthetic")}
    several = several.model_copy(
        update={"original": cohorts["original"], "synthetics": (cohorts["synthetic"],)}
    )
    return apply_gates(several, GateProfile(name="test", description="for tests", gates=gates))


@pytest.mark.parametrize(
    ("patients", "limit"), [(100, 0.2), (400, 0.3), (178, 0.25), (10_000, 0.3), (225, 0.266667)]
)
def test_a_limit_goes_by_the_number_of_patients(patients: int, limit: float) -> None:
    # From one over the root of 100, a tenth, to that of 400, a twentieth; 225 is at two thirds of a tenth.
    one = gate("at_least", {100: 0.2, 400: 0.3})
    found = of_patients(patients, measure("m", 1.0), one).gates[0]
    assert found.threshold == pytest.approx(limit, abs=1e-3)
    assert found.passed


def test_of_fewer_patients_than_its_least_a_gate_is_undecided() -> None:
    one = gate("at_least", {100: 0.2, 400: 0.3})
    report = of_patients(99, measure("m", 1.0), one)
    assert report.gates[0].verdict == "undecided" and not report.passed
    assert "100 would decide it" in report.gates[0].reason


def test_a_hold_out_that_is_small_counts_four_times() -> None:
    found = evaluation(measure("m", 1.0))
    cohorts = {name: found.original.model_copy(update={"n": n}) for name, n in (("all", 400), ("held", 30))}
    found = found.model_copy(
        update={"original": cohorts["all"], "holdout": cohorts["held"], "synthetics": (cohorts["all"],)}
    )
    assert patients_compared(found, "synthetic") == 120


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.5, "passed"), (0.49, "undecided"), (0.3, "undecided"), (0.29, "failed")]
)
def test_what_innocent_cohorts_show_by_chance_is_undecided(value: float, verdict: str) -> None:
    one = gate("at_least", 0.5, fails_beyond={100: 0.3, 400: 0.5})
    report = of_patients(100, measure("m", value), one)
    assert report.gates[0].verdict == verdict
    assert report.passed is (verdict == "passed")
    assert of_patients(400, measure("m", 0.49), one).gates[0].verdict == "failed"
    assert of_patients(99, measure("m", 1.0), one).gates[0].verdict == "undecided"


def test_a_gate_may_be_advice_for_few_patients() -> None:
    one, other = gate("at_least", 0.5, required_from=200), gate("at_most", 1, id="two")
    assert of_patients(199, measure("m", 0.1), one, other).passed
    assert not of_patients(200, measure("m", 0.1), one, other).passed


def test_what_chance_makes_goes_with_a_limit_for_the_value() -> None:
    with pytest.raises(ValueError, match="goes with at_least, at_most or below"):
        gate("equals", 0, fails_beyond=1)


def test_a_report_that_contradicts_itself_is_refused() -> None:
    text = judge(measure("m", 0.1), gate("at_least", 0.5)).model_dump_json()
    with pytest.raises(ValueError, match="contradicts"):
        GateReport.model_validate_json(text.replace('"passed":false', '"passed":true', 1))


def test_the_profiles_of_the_package() -> None:
    profiles = read_profiles()
    assert list(profiles) == ["research", "public-release"]
    for name, profile in profiles.items():
        assert profile.name == name
        required = {g.measure for g in profile.gates if g.required}
        assert {"km_score_{endpoint}", "leakage", "exact_matches", "rules_broken"} <= required
    strict, lax = profiles["public-release"], profiles["research"]
    assert {g.id for g in lax.gates} < {g.id for g in strict.gates}
    leakage = [next(g for g in p.gates if g.id == "leakage") for p in (strict, lax)]
    assert [gate.for_patients(1280).threshold for gate in leakage] == [0.03, 0.05]
    attacks = {"membership_nearest_auc", "membership_density_auc", "dcr_share_weighted", "linkability_risk"}
    assert attacks <= {g.measure for g in strict.gates if g.required}
    for gate in lax.gates:
        other = next(g for g in strict.gates if g.id == gate.id)
        assert other.required >= gate.required and other.comparison == gate.comparison
        if gate.comparison in ("at_most", "below", "interval_low_at_most"):
            for patients in (160, 400, 1280):
                limits = [one.for_patients(patients).threshold for one in (other, gate)]
                assert limits[0] <= limits[1], gate.id


def cohort_with(d: Dictionary, *endpoints: str, responders: int | None = None) -> CohortSummary:
    """A cohort of 50 who have only these endpoints, and the response where `responders` is given."""
    figure = Figure(reason="nobody")
    survival = tuple(
        SurvivalSummary(
            endpoint=e.name, n=50 * (e.name in endpoints), events=9, median=figure, follow_up=figure, curve=()
        )
        for e in d.endpoints
    )
    assert d.response is not None
    missing = 50 if responders is None else 0
    response = VariableSummary(name=d.response.name, n=50, missing=missing)
    return CohortSummary(label="", n=50, variables=(response,), risk=(), survival=survival)


def verdicts(report: GateReport) -> dict[str, bool | None]:
    return {result.id: result.passed for result in report.gates}


def test_a_gate_on_an_outcome_that_the_cohort_lacks_is_not_applicable(dictionary: Dictionary) -> None:
    gates = (
        gate("at_least", 0.9, id="km-{endpoint}", measure="km_score_{endpoint}", label="Score of {label}"),
        gate("at_least", 0.1, id="{response}-rate", measure="{response}_rate"),
        gate("at_least", 0.1, id="by-name", measure="median_efs"),
    )
    profile = GateProfile(name="test", description="for tests", gates=gates)
    found = evaluation(measure("km_score_os", 0.95), measure("km_score_efs", None))
    found = found.model_copy(update={"original": cohort_with(dictionary, "OS")})
    report = apply_gates(found, profile, d=dictionary)
    assert verdicts(report) == {"km-os": True, "km-efs": None, "cr-rate": None, "by-name": None}
    assert report.passed and report.failed == ()
    assert report.gates[0].label == "Score of overall survival"
    told = report.gates[1].reason
    assert told.startswith("Not applicable: the original has no event-free survival (EFS).")
    full = found.model_copy(update={"original": cohort_with(dictionary, "OS", "EFS", responders=20)})
    report = apply_gates(full, profile, d=dictionary)
    assert verdicts(report) == {"km-os": True, "km-efs": False, "cr-rate": False, "by-name": False}


def test_nothing_applicable_is_no_pass(dictionary: Dictionary) -> None:
    profile = GateProfile(
        name="test", description="x", gates=(gate("at_least", 0.9, measure="km_score_efs"),)
    )
    found = evaluation().model_copy(update={"original": cohort_with(dictionary, "OS")})
    report = apply_gates(found, profile, d=dictionary)
    assert verdicts(report) == {"one": None} and not report.passed


def test_a_template_stands_for_what_the_dictionary_has() -> None:
    mds = load_dictionary("mds")
    gates = (gate("at_least", 0, id="m-{endpoint}", measure="m_{endpoint}"),)
    gates += (gate("at_least", 0, id="{response}-rate", measure="{response}_rate"), gate("at_least", 0))
    report = apply_gates(
        evaluation(measure("m", 1)), GateProfile(name="t", description="t", gates=gates), d=mds
    )
    assert [result.measure for result in report.gates] == ["m_os", "m_lfs", "m"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "a", "measure": "m_{endpoint}"}, "needs the placeholder of the measure"),
        ({"id": "a-{endpoint}", "measure": "m"}, "needs the placeholder of the measure"),
        ({"id": "a-{endpoint}", "measure": "m_{endpoint}_{response}"}, "and no other placeholder"),
        ({"measure": "m_{variable}"}, "and no other placeholder"),
        ({"id": "{endpoint}", "measure": "{endpoint}", "label": "{x}"}, r"may hold \{label\}"),
    ],
)
def test_a_wrong_placeholder_is_told(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        gate("at_least", 0, **changes)


def test_no_limit_of_the_package_is_without_harm_date_and_remedy_where_joint_structure_is_held() -> None:
    new = {"numbers-copied", "classifier", "effects-slope", "leakage-low"}
    for profile in read_profiles().values():
        found = [g for g in profile.gates if g.id in new]
        assert len(found) == len(new) and all(g.required and g.harm and g.date and g.remedy for g in found)


def test_every_gate_is_on_a_measure_that_evaluations_have(dictionary: Dictionary) -> None:
    from amlsynth.evaluation.run import GROUPS

    known = {definition.id for group in GROUPS for definition in group.definitions(dictionary)}
    for profile in read_profiles().values():
        report = apply_gates(evaluation(), profile, d=dictionary)
        assert {result.measure for result in report.gates} <= known


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no gate profile 'reserch'. Did you mean 'research'\?"):
        apply_gates(evaluation(), "reserch")


GATE = (
    "{id: a, label: A, measure: bsm, comparison: at_least, threshold: 1, "
    "required: true, reason: r, source: s}"
)


@pytest.mark.parametrize(
    ("gates", "place", "problem"),
    [
        ("[]", ":4:", "at least one gate must be required"),
        (f"\n   - {GATE}\n   - {GATE}", ":6:", "stands twice"),
        (f"\n   - {GATE.replace('true', 'false')}", ":4:", "at least one gate must be required"),
        (f"\n   - {GATE.replace('threshold: 1, ', '')}", ":5:", "at_least needs a threshold"),
        (f"\n   - {GATE.replace('at_least', 'within_original_interval')}", ":5:", "takes no threshold"),
        (f"\n   - {GATE.replace('at_least', 'atleast')}", ":5:", "'at_least'"),
        (f"\n   - {GATE.replace('threshold: 1', 'threshold: .nan')}", ":5:", "finite"),
        (f"\n   - {GATE.replace('measure', 'mesure')}", ":5:", "unknown key"),
        (f"\n   - {GATE.replace('threshold: 1', 'threshold: {}')}", ":5:", "at least 1 item"),
        (f"\n   - {GATE.replace('threshold: 1', 'threshold: {few: 1}')}", ":5:", "integer"),
        (
            f"\n   - {GATE}\n   - "
            + GATE.replace("at_least", "at_most").replace("id: a", "id: b").replace("1,", "{9: 0, 99: 2},"),
            ":6:",
            "no bsm is at least 1 and at most 0",
        ),
        (
            f"\n   - {GATE}\n   - {GATE.replace('at_least', 'below').replace('id: a', 'id: b')}",
            ":6:",
            "no bsm is at least 1 and below 1",
        ),
    ],
)
def test_a_wrong_gates_file_is_refused_with_its_line(
    tmp_path: Path, gates: str, place: str, problem: str
) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(f"profiles:\n own:\n  description: x\n  gates: {gates}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        gate_profile("own", path)
    assert f"{path}{place}" in str(caught.value)
    assert problem in str(caught.value)
