"""The decision: what is said of an invented bad cohort, and that every word of it follows from a figure."""

from __future__ import annotations

import json

import pytest

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import Evaluation, Figure, Measure
from amlsynth.gates.verdict import GateReport, GateResult
from amlsynth.report.decision import decide, decision_text
from amlsynth.report.decision.records import MAX_ROWS, Decision
from amlsynth.report.decision.signal import grade, subtract


def measure(identifier: str, aspect: str, better: str, figure: Figure, **more) -> Measure:
    anchors = {
        "holdout": Figure(value=0.5),
        "bootstrap": Figure(value=0.85),
        "independent": Figure(value=0.95),
    }
    settings = {"label": identifier, "description": "-", "source": "-", "anchors": anchors} | more
    return Measure(id=identifier, aspect=aspect, better=better, figures={"synthetic": figure}, **settings)


LEAKING = measure(
    "membership_density_auc", "privacy", "lower", Figure(value=0.71, low=0.68, high=0.74),
    label="Membership, density ratio: AUC", group="membership inference",
)  # fmt: skip
NEAR = measure(
    "classifier_auc", "fidelity", "half", Figure(value=0.22, low=0.19, high=0.25), group="two samples"
)
OFF = measure(
    "rmst_difference_efs", "survival", "zero", Figure(value=6.24, low=4.1, high=8.33), unit="months",
    outcomes=("EFS",), anchors={"holdout": Figure(value=0.3), "independent": Figure(value=9.0)},
)  # fmt: skip


def with_measures(evaluation: Evaluation, *measures: Measure, **more) -> Evaluation:
    return evaluation.model_copy(update={"measures": measures, "original_is_simulated": False, **more})


def gate(measure: Measure, comparison: str, threshold: float, *, passed: bool, **more) -> GateResult:
    return GateResult(
        id="a-gate", label="A limit", measure=measure.id, value=measure.synthetic.value, threshold=threshold,
        comparison=comparison, required=True, passed=passed, reason="-", **more,
    )  # fmt: skip


def gates(*results: GateResult) -> GateReport:
    passed = all(result.passed for result in results)
    return GateReport(profile="own", purpose="For a test.", passed=passed, gates=results)


def decided(evaluation: Evaluation, d: Dictionary, *results: GateResult) -> Decision:
    return decide(evaluation, gates(*results) if results else None, None, d)


def test_a_leaking_cohort(evaluation, dictionary):
    found = decided(
        with_measures(evaluation, LEAKING), dictionary, gate(LEAKING, "at_most", 0.62, passed=False)
    )
    assert found.verdict == "not publishable"
    assert found.headline == "Must not be published: the one required limit is not kept."
    assert found.readers == "Nobody outside the house that holds the original."
    assert [alarm.sentence for alarm in found.alarms] == [
        "Training patients can be recognised: of 100 pairs of a training patient and an outsider, the "
        "attack “membership, density ratio” picks the training patient in 71 (95 % interval 68 to 74); 50 "
        "is guessing. The limit “A limit” is not kept."
    ]


def test_an_endpoint_that_is_off(evaluation, dictionary):
    found = decided(with_measures(evaluation, OFF), dictionary, gate(LEAKING, "at_most", 0.9, passed=True))
    assert found.headline == (
        "Publishable with reservations: the one required limit is kept, but one finding speaks clearly "
        "against it."
    )
    assert [alarm.sentence for alarm in found.alarms] == [
        "Event-free survival is off: within five years it lasts 6.2 months longer in synthetic patients "
        "than in the original (95 % interval 4.1 to 8.3)."
    ]
    assert found.not_for[0] == "anything that rests on event-free survival"
    assert "exploring questions on overall survival, whose" in found.good_for


def test_a_cohort_that_is_too_near(evaluation, dictionary):
    found = decided(with_measures(evaluation, NEAR), dictionary)
    assert [alarm.sentence for alarm in found.alarms] == [
        "The synthetic patients are too near to the training patients: a classifier that tries to tell "
        "them apart "
        "does worse than guessing, with an AUC of 0.22 (0.19–\u20600.25) where 0.50 is guessing, as it "
        "would with "
        "near copies."
    ]
    assert found.rows[0].reading == "clear signal: nearer than chance"


def test_what_is_told_of_neighbours_and_of_the_order_of_times(evaluation, dictionary):
    near = measure("dcr_share", "privacy", "lower", Figure(value=0.57, low=0.51, high=0.64))
    order = measure(
        "time_order_os", "survival", "original", Figure(value=0.35, low=0.26, high=0.43), outcomes=("OS",),
        original=Figure(value=0.19, low=0.13, high=0.26),
    )  # fmt: skip
    found = decided(with_measures(evaluation, near, order), dictionary)
    sentences = {alarm.measure: alarm.sentence for alarm in found.alarms}
    assert sentences["dcr_share"] == (
        "Synthetic patients lie nearer to training patients than to outsiders: of 100 of them, 57 (95 % "
        "interval 51 to 64) have a training patient as the nearest real one, with as many of both to choose "
        "from; 50 is chance."
    )
    assert sentences["time_order_os"].startswith(
        "Those at higher risk have their OS events earlier, and more so in synthetic patients than in the "
        "original: the correlation is 0.35"
    )


def test_a_cohort_that_is_too_small(evaluation, dictionary):
    wide = LEAKING.model_copy(update={"figures": {"synthetic": Figure(value=0.55, low=0.31, high=0.79)}})
    small = evaluation.original.model_copy(update={"n": 60})
    held = evaluation.holdout.model_copy(update={"n": 15})
    found = decided(
        with_measures(evaluation, wide, original=small, holdout=held),
        dictionary,
        gate(wide, "at_most", 0.62, passed=False, undecided=True),
    )
    assert found.verdict == "undecided"
    assert found.headline == (
        "Cannot be decided: the one required limit is within the uncertainty of the figures."
    )
    assert found.statements == (
        "Too few patients to tell: with 60 training and 15 hold-out patients, the one key figure fits "
        "both “no effect” and an effect beyond the limit.",
    )


def test_a_cohort_with_one_endpoint(evaluation, dictionary):
    def only_os(cohort):
        lacking = cohort.endpoint("EFS").model_copy(update={"n": 0, "curve": ()})
        variables = tuple(
            v.model_copy(update={"missing": v.n}) if v.name == "CR1" else v for v in cohort.variables
        )
        return cohort.model_copy(
            update={"survival": (cohort.endpoint("OS"), lacking), "variables": variables}
        )

    one = with_measures(evaluation, LEAKING, original=only_os(evaluation.original))
    assert decided(one, dictionary).statements == (
        "Only overall survival was recorded: nothing is said of event-free survival and complete remission.",
    )


def test_without_limits_there_is_no_verdict(evaluation, dictionary):
    found = decided(with_measures(evaluation, LEAKING), dictionary)
    assert (found.verdict, found.readers) == ("none", "Not decided.")
    assert found.headline == "No verdict: no limits were applied to these figures."
    assert found.limits_by == "Nobody has set limits for this cohort."


def test_a_comparison_has_neither_verdict_nor_alarm(evaluation, dictionary):
    found = decided(with_measures(evaluation, LEAKING, kind="comparison"), dictionary)
    assert found.headline.startswith("No verdict: two cohorts were compared") and found.alarms == ()
    assert found.privacy.startswith("Not assessed")


def test_one_effect_makes_one_alarm(evaluation, dictionary):
    other = LEAKING.model_copy(
        update={
            "id": "membership_nearest_auc",
            "figures": {"synthetic": Figure(value=0.81, low=0.78, high=0.84)},
        }
    )
    found = decided(with_measures(evaluation, LEAKING, other), dictionary)
    assert [alarm.measure for alarm in found.alarms] == ["membership_nearest_auc"]
    assert found.alarms[0].sentence.endswith("Another measure of the same says so too.")


@pytest.mark.parametrize(
    ("figure", "signal"),
    [
        (Figure(value=0.51, low=0.48, high=0.54), "none"),
        (Figure(value=0.55, low=0.52, high=0.58), "weak"),
        (Figure(value=0.71, low=0.68, high=0.74), "clear"),
        (Figure(value=0.55, low=0.35, high=0.75), "undecided"),
        (Figure(value=0.30, low=0.25, high=0.35), "none"),  # less than guessing is no harm of this attack
        (Figure(value=0.71), "undecided"),
        (Figure(reason="no hold-out"), "undecided"),
    ],
)
def test_signals_use_the_interval_and_the_limit(figure, signal):
    asked = LEAKING.model_copy(update={"figures": {"synthetic": figure}})
    assert grade(asked, "synthetic", gates(gate(LEAKING, "at_most", 0.62, passed=True))).signal == signal
    assert grade(asked, "synthetic").signal == signal  # the middle of guessing and copies is 0.675


def test_differences_have_the_intervals_of_zou_and_donner():
    # 30/50 against 20/50 by Wilson's intervals: 0.2 less and more the root of 2 * 0.13819^2, by hand.
    wilson = (
        Figure(value=0.6, low=0.46181, high=0.72392),
        Figure(value=0.4, low=0.27608, high=0.53819),
    )
    found = subtract(*wilson)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.00457, 0.37520), abs=1e-4)
    assert subtract(wilson[0], Figure(value=0.5)).low == pytest.approx(0.46181 - 0.5)
    assert subtract(Figure(value=3.0, low=2.0), Figure(value=1.0, low=0.0, high=2.0)).high is None


def test_rows_come_from_the_roles_of_the_dictionary_and_are_ten_at_most(evaluation, dictionary):
    found = decide(evaluation, None, None, dictionary)
    assert [row.measure for row in found.rows] == [
        "rules_broken", "classifier_auc", "median_os", "cr_rate", "exact_matches", "membership_density_auc",
    ]  # fmt: skip
    many = tuple(
        measure(f"median_{suffix}", "survival", "original", Figure(value=9.0)) for suffix in ("os", "efs")
    )
    found = decide(with_measures(evaluation, *evaluation.measures, many[1]), None, None, dictionary)
    assert len(found.rows) == 7 <= MAX_ROWS


def test_the_json_reads_back_and_names_the_release(evaluation, dictionary):
    provenance = {
        "name": "a-set", "version": "1.0.0", "date": "2026-11-20", "amlsynth": "0.2.0",
        "spec": {"text": "title: A set\ncreators: [{name: 'Doe, Jo'}]\ngates: {file: own.yaml}"},
        "generator": {"name": "private", "params": {"epsilon": 3, "delta": 1e-5}},
        "cohort": {"title": "A trial"},
    }  # fmt: skip
    found = decide(
        with_measures(evaluation, LEAKING), gates(gate(LEAKING, "at_most", 0.9, passed=True)), provenance,
        dictionary, doi="10.5281/zenodo.7",
    )  # fmt: skip
    assert Decision.model_validate_json(decision_text(found)) == found
    assert json.loads(decision_text(found))["release"]["doi"] == "10.5281/zenodo.7"
    assert found.release.authors == ("Doe, Jo",)
    assert found.limits_by == "The limits are those of the profile “own” in own.yaml, set by Doe, Jo."
    assert "ε = 3 and δ = 1e-05" in found.privacy and "20.1 times as likely" in found.privacy


@pytest.mark.parametrize("text", [None, "- a list", "{", "creators: 3"])
def test_a_record_that_says_little_is_no_hindrance(evaluation, dictionary, text):
    provenance = {"name": "a-set", "version": "1.0.0", "spec": {"text": text}, "generator": 3}
    found = decide(with_measures(evaluation, LEAKING), None, provenance, dictionary)
    assert found.release.authors == () and found.guarantee is None


def test_the_headline_counts_as_a_person_would(evaluation, dictionary):
    ours = with_measures(evaluation, LEAKING, OFF)
    bad, good = gate(LEAKING, "at_most", 0.62, passed=False), gate(OFF, "at_most", 9.0, passed=True)
    assert decided(ours, dictionary, bad, good).headline == (
        "Must not be published: 1 of 2 required limits is not kept."
    )
    still = LEAKING.model_copy(update={"figures": {"synthetic": Figure(value=0.51, low=0.48, high=0.54)}})
    quiet, kept = with_measures(evaluation, still), gate(still, "at_most", 0.62, passed=True)
    assert decided(quiet, dictionary, kept, kept).headline == (
        "Publishable: all 2 required limits are kept, and no clear signal speaks against it."
    )
    weak = LEAKING.model_copy(update={"figures": {"synthetic": Figure(value=0.55, low=0.52, high=0.58)}})
    assert decided(with_measures(evaluation, weak), dictionary, kept).headline == (
        "Publishable: the one required limit is kept, and one weak signal on privacy was found."
    )
