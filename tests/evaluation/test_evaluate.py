"""The whole evaluation: measures behave, records round-trip, bad cohorts give reasons."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from tests.shared_builds import rough_figures

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import evaluate, read_evaluation, validity, write_evaluation
from amlsynth.evaluation.inputs import SyntheticCohort
from amlsynth.evaluation.privacy import attacks
from amlsynth.evaluation.records import Origin
from amlsynth.foundation.errors import DataError, UsageError
from forked import Forked

module = importlib.import_module("amlsynth.evaluation.run")

D = dictionary()
MEASURES = [definition.id for group in module.GROUPS for definition in group.definitions(D)]


def leave_out(monkeypatch, *names):
    """Leave out families that are slow and have tests of their own."""
    groups = tuple(group for group in module.GROUPS if group.name not in names)
    monkeypatch.setattr(module, "GROUPS", groups)


@pytest.fixture(scope="module")
def several(split, synthetic, evaluation):
    """Two cohorts of one generator and one of another beside the first; few families, as it is slow."""
    given = [
        SyntheticCohort(synthetic, "One", Origin(generator="made-up", seed=1, file="one.csv")),
        SyntheticCohort(split.holdout, "Two", Origin(generator="made-up", seed=2)),
        SyntheticCohort(synthetic.head(300), "Three"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        keep = ("fidelity", "survival", "outcome", "pairs")
        chosen = tuple(group for group in module.GROUPS if group.name in keep)
        patch.setattr(module, "GROUPS", chosen)
        return evaluate(split.train, given, split.holdout, seed=5, simulated=True)


@pytest.fixture
def quick(monkeypatch):
    """Leave out validation and attacks, which are slow and have tests of their own."""
    slow = ("validity", *(group.name for group in attacks.GROUPS))
    groups = tuple(group for group in module.GROUPS if group.name not in slow)
    monkeypatch.setattr(module, "GROUPS", groups)
    leave_out(monkeypatch, "validity", "two samples", "prediction", "effects", "pairs")
    monkeypatch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 5)


@pytest.fixture
def small(monkeypatch):
    """Keep every family and do less in each."""
    monkeypatch.setattr("amlsynth.evaluation.validity._broken", lambda frame, d: {})  # Pandera takes its time
    with rough_figures():
        yield


def without_anchors(monkeypatch):
    """Leave out the drawn anchors where other tests draw the same from the same original."""
    make = module.make_anchors

    def only_holdout(context, n):
        return make(context, n) | dict.fromkeys(("independent", "bootstrap"), "left out of this test")

    monkeypatch.setattr(module, "make_anchors", only_holdout)


def every_figure(evaluation):
    for measure in evaluation.measures:
        yield from ((f"{measure.id} of {key}", figure) for key, figure in measure.figures.items())
        yield from ((f"{measure.id} of {name}", figure) for name, figure in measure.anchors.items())
        if measure.original is not None:
            yield f"{measure.id} of original", measure.original
    for comparison in evaluation.comparisons:
        yield f"{comparison.subject} {comparison.test}", comparison.p_value
        if comparison.effect is not None:
            yield f"{comparison.subject} {comparison.test} effect", comparison.effect
    for cohort in (evaluation.original, evaluation.holdout, *evaluation.synthetics):
        for summary in cohort.survival if cohort else ():
            yield f"{cohort.label} {summary.endpoint} median", summary.median
            yield f"{cohort.label} {summary.endpoint} follow-up", summary.follow_up


def assert_sound(evaluation):
    """Every figure is a finite number or a reason, and the JSON holds no NaN."""
    for name, figure in every_figure(evaluation):
        assert (figure.value is None) == (figure.reason is not None), f"{name}: {figure}"
        assert figure.value is None or math.isfinite(figure.value), name
        assert figure.reason is None or len(figure.reason) > 10, name

    def refuse(constant):
        raise AssertionError(f"{constant} in the JSON")

    json.loads(evaluation.model_dump_json(), parse_constant=refuse)


def test_every_measure_is_there_described_and_beside_three_anchors(evaluation):
    assert [measure.id for measure in evaluation.measures] == MEASURES
    assert len(set(MEASURES)) == len(MEASURES)
    for measure in evaluation.measures:
        assert set(measure.anchors) == {"independent", "bootstrap", "holdout"}
        assert measure.description.endswith(".") and measure.source and measure.label
    assert_sound(evaluation)


def test_every_measure_has_a_value_for_a_sound_cohort(evaluation):
    missing = {m.id: m.synthetic.reason for m in evaluation.measures if m.synthetic.value is None}
    assert missing == {}


def test_bootstrap_copies_are_caught(evaluation):
    bootstrap = {m.id: m.anchors["bootstrap"].value for m in evaluation.measures}
    assert bootstrap["exact_matches"] == evaluation.synthetic.n
    assert bootstrap["leakage"] > 0.05
    assert bootstrap["hamming_train"] < bootstrap["hamming_test"]


def test_independent_columns_look_right_alone_and_wrong_together(evaluation):
    independent = {m.id: m.anchors["independent"].value for m in evaluation.measures}
    synthetic = {m.id: m.synthetic.value for m in evaluation.measures}
    holdout = {m.id: m.anchors["holdout"].value for m in evaluation.measures}
    assert independent["bsm"] > 0.9 and independent["rsc"] > holdout["rsc"]
    assert independent["logcorr"] < synthetic["logcorr"] - 0.1
    assert independent["exact_matches"] == 0


def test_a_real_holdout_is_near_and_leaks_nothing(evaluation):
    holdout = {m.id: m.anchors["holdout"].value for m in evaluation.measures}
    assert holdout["km_score_os"] > 0.9 and holdout["km_score_efs"] > 0.9
    assert abs(holdout["leakage"]) < 0.03
    assert holdout["exact_matches"] == 0


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_frames_alone(split, synthetic, small):
    frames = (split.train.head(90), synthetic.head(90), split.holdout.head(30))
    before = [frame.copy(deep=True) for frame in frames]
    seen: list[float] = []
    first = evaluate(*frames, seed=5, simulated=True)
    again = evaluate(*frames, seed=5, simulated=True, progress=lambda what, share: seen.append(share))
    assert again.model_dump_json() == first.model_dump_json()
    for old, new in zip(before, frames, strict=True):
        pd.testing.assert_frame_equal(old, new)
    assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(set(seen))


def test_several_cohorts_stand_beside_the_same_anchors(several, evaluation):
    assert several.keys == ("synthetic-1", "synthetic-2", "synthetic-3")
    assert [cohort.label for cohort in several.synthetics] == ["One", "Two", "Three"]
    assert several.synthetics[0].origin.file == "one.csv"
    assert_sound(several)
    for measure in several.measures:
        alone = evaluation.measure(measure.id)
        assert measure.anchors == alone.anchors and measure.original == alone.original
        assert measure.figures["synthetic-1"] == measure.synthetic == alone.synthetic
        assert measure.group == alone.group != ""
    bsm = several.measure("bsm")
    assert len({figure.value for figure in bsm.figures.values()}) == 3
    assert bsm.figures["synthetic-2"].value == pytest.approx(bsm.anchors["holdout"].value)
    subjects = {key: [] for key in (*several.keys, "holdout")}
    for comparison in several.comparisons:
        subjects[comparison.cohort].append((comparison.subject, comparison.test))
    assert len({tuple(sorted(found)) for found in subjects.values()}) == 1
    assert {effect.cohort for effect in several.effects} == {"original", *subjects}
    assert any("differ in size" in note for note in several.notes)


def test_cohorts_of_one_generator_have_a_mean_and_a_spread(several):
    for measure in several.measures:
        values = [measure.figures[key].value for key in ("synthetic-1", "synthetic-2")]
        if None in values:
            continue
        spread = measure.seeds["made-up"]
        assert spread.cohorts == 2 and list(measure.seeds) == ["made-up"]
        assert spread.mean == pytest.approx(np.mean(values))
        assert spread.sd == pytest.approx(np.std(values, ddof=1))
        assert (spread.least, spread.most) == (min(values), max(values))


def test_one_cohort_has_no_spread(evaluation):
    assert all(not measure.seeds for measure in evaluation.measures)
    assert evaluation.keys == ("synthetic",)


def test_cohorts_of_one_label_are_refused(split, synthetic):
    with pytest.raises(UsageError, match="the label 'A'"):
        evaluate(split.train, [SyntheticCohort(synthetic, "A"), SyntheticCohort(synthetic, "A")])
    with pytest.raises(UsageError, match="no synthetic cohort"):
        evaluate(split.train, {})


def test_another_seed_draws_other_anchors(split, synthetic, evaluation, quick):
    other = evaluate(split.train, synthetic, split.holdout, seed=6, simulated=True)
    for name in ("independent", "bootstrap"):
        assert other.measure("rsc").anchors[name] != evaluation.measure("rsc").anchors[name]
    ours, theirs = (found.measure("rsc").synthetic.value for found in (evaluation, other))
    assert ours == theirs  # no chance in it, apart from the interval


def test_the_record_survives_a_file(evaluation, tmp_path):
    path = tmp_path / "evaluation.json"
    write_evaluation(evaluation, path)
    assert read_evaluation(path) == evaluation
    path.write_text('{"schema_version": "1"}')
    with pytest.raises(DataError, match=r"'1' and this amlsynth reads '3' and '2'.*evaluate again"):
        read_evaluation(path)
    path.write_text("{}")
    with pytest.raises(DataError, match="amlsynth evaluate again"):
        read_evaluation(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_evaluation(tmp_path / "nothing.json")


def test_a_record_of_version_2_is_read(evaluation, tmp_path):
    content = json.loads(evaluation.model_dump_json())
    content["schema_version"] = "2"
    del content["dictionary_name"]
    for cohort in (content["original"], content["holdout"], *content["synthetics"]):
        cohort["eln2022"] = cohort.pop("risk")
    for measure in content["measures"]:
        del measure["outcomes"], measure["applicable"]
        measure["family"], measure["group"] = measure.pop("group"), measure.pop("aspect")
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(content))
    old = read_evaluation(path)
    assert old.schema_version == "3" and old.original.risk == evaluation.original.risk != ()
    assert (old.measure("cr_rate").aspect, old.measure("cr_rate").group) == ("outcome", "outcome")
    assert old.measure("km_score_os").figures == evaluation.measure("km_score_os").figures


def test_without_a_holdout_measures_that_need_it_say_why(split, synthetic, quick):
    evaluation = evaluate(split.train.head(120), synthetic.head(120))
    assert_sound(evaluation)
    assert evaluation.holdout is None
    assert evaluation.measure("leakage").synthetic.value is None
    assert all(m.anchors["holdout"].value is None for m in evaluation.measures)
    assert any("hold-out" in note for note in evaluation.notes)


def _without_events(frame):
    return frame.assign(OSSTAT=frame["OSSTAT"] * 0, EFSSTAT=frame["EFSSTAT"] * 0)


def _without_censoring(frame):
    return frame.assign(OSSTAT=frame["OSSTAT"] * 0 + 1, EFSSTAT=frame["EFSSTAT"] * 0 + 1)


def _not_assessed(frame):
    empty = dict.fromkeys(["WBC", "SEX", "NPM1", "CR1", "OSTM", "OSSTAT"], pd.NA)
    return frame.assign(**empty).astype(frame.dtypes)


def _constant(frame):
    first = frame.iloc[[0] * len(frame)].reset_index(drop=True)
    return first.astype(frame.dtypes)


def _empty(frame):
    return pd.DataFrame({name: pd.Series([pd.NA] * len(frame), dtype=frame[name].dtype) for name in frame})


def _one_carrier(frame):
    alterations = [variable.name for variable in dictionary().alterations]
    states = frame[alterations] * 0
    states.iloc[0] = 1
    return frame.assign(**states).astype(frame.dtypes)


def _thirty(frame):
    return frame.head(30)


def _one(frame):
    return frame.head(1)


BAD = [_without_events, _without_censoring, _not_assessed, _constant, _empty, _one_carrier, _thirty, _one]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_originals_give_reasons_not_numbers(split, synthetic, small, spoil, monkeypatch):
    without_anchors(monkeypatch)  # they are drawn, and are as bad as the cohort that is
    train, holdout, made = split.train.head(80), split.holdout.head(30), synthetic.head(80)
    cohorts = {"sound": made, "as bad": spoil(made)}
    assert_sound(evaluate(spoil(train), cohorts, spoil(holdout)))


def test_bad_synthetic_cohorts_give_reasons_not_numbers(split, synthetic, small, monkeypatch):
    without_anchors(monkeypatch)  # which are drawn from the original, and that is sound
    train, holdout, made = split.train.head(80), split.holdout.head(30), synthetic.head(80)
    evaluation = evaluate(train, {spoil.__name__: spoil(made) for spoil in BAD}, holdout)
    assert_sound(evaluation)
    assert [cohort.label for cohort in evaluation.synthetics] == [spoil.__name__ for spoil in BAD]


def test_what_cannot_be_computed_says_why(split, synthetic, quick, monkeypatch):
    without_anchors(monkeypatch)
    train, holdout, synthetic = split.train.head(120), split.holdout.head(30), synthetic.head(120)
    evaluation = evaluate(_without_events(train), _without_events(synthetic), holdout)
    assert "not reached" in evaluation.measure("median_os").synthetic.reason
    assert "neither cohort" in evaluation.measure("logrank_os").synthetic.reason
    assert evaluation.measure("km_score_os").synthetic.value == 1  # both curves stay at 1
    empty = evaluate(_empty(train), synthetic, holdout)
    assert empty.measure("bsm").synthetic.reason.startswith("no numeric column")
    assert empty.measure("km_score_os").synthetic.value is None
    censored = evaluate(train, _without_censoring(synthetic), holdout)
    assert "censored" in censored.measure("follow_up").synthetic.reason


def test_patients_without_times_are_noted(split, synthetic, quick, monkeypatch):
    without_anchors(monkeypatch)
    holed = synthetic.head(120).copy()
    holed.loc[:9, ["EFSTM", "EFSSTAT"]] = pd.NA
    train = split.train.head(120).copy()
    train.loc[:1, ["EFSTM", "EFSSTAT"]] = pd.NA
    notes = evaluate(train, holed, split.holdout).notes
    assert any(note.startswith(f"10 of {len(holed)} patients of the synthetic cohort") for note in notes)
    assert any(note.startswith("fewer than 5 of") and "original" in note for note in notes)


def test_broken_rules_are_counted(synthetic):
    broken = synthetic.copy()
    broken.loc[:4, "EFSTM"] = broken.loc[:4, "OSTM"] + 1
    for frame, fewest in ((synthetic, 0), (broken, 5)):
        errors = module.measure(synthetic, frame, groups=(validity.GROUP,))["rules_broken"].value
        assert errors >= fewest and bool(errors) == bool(fewest)


def test_wrong_use_is_refused(split, synthetic, quick):
    with pytest.raises(DataError, match="the synthetic cohort"):
        evaluate(split.train, synthetic.drop(columns="AGE"))
    with pytest.raises(DataError, match="the original cohort"):
        evaluate(split.train.head(0), synthetic)
    with pytest.raises(UsageError, match="seed"):
        evaluate(split.train, synthetic, seed=-1)


def test_plain_columns_are_typed_first(split, synthetic, quick, monkeypatch):
    without_anchors(monkeypatch)
    made = synthetic.head(120)
    plain = made.astype(object).where(made.notna(), np.nan)
    typed, untyped = (evaluate(split.train.head(120), frame) for frame in (made, plain))
    assert typed.model_dump_json() == untyped.model_dump_json()


@pytest.mark.parametrize("first", ["compare_cohorts", "measure", "evaluate"])
def test_evaluate_is_a_function_whatever_is_used_first(first):
    def use() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "amlsynth"]:
            del sys.modules[name]
        import amlsynth.evaluation as fresh

        getattr(fresh, first)
        from amlsynth.evaluation import evaluate

        print(callable(evaluate), callable(sys.modules["amlsynth"].evaluate))

    process = Forked(use)
    assert process.communicate() == ("True True\n", "")


def test_importing_the_package_loads_no_heavy_library():
    heavy = "('pandas', 'scipy', 'lifelines', 'sklearn')"
    code = f"import sys, amlsynth.evaluation; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.amlsg
def test_two_parts_of_the_real_cohort_are_alike(amlsg, quick):
    from amlsynth.cohort.split import split_cohort

    split = split_cohort(amlsg, 0.2, seed=3)
    evaluation = evaluate(split.train, split.holdout, split.holdout)
    holdout = {m.id: m.anchors["holdout"].value for m in evaluation.measures}
    # Figures of another 80/20 split: RSC 0.92, BSM 0.95, LogCorr 0.74, KM scores 0.98 and 0.99.
    assert holdout["rsc"] == pytest.approx(0.92, abs=0.03)
    assert holdout["bsm"] == pytest.approx(0.95, abs=0.03)
    assert holdout["logcorr"] == pytest.approx(0.74, abs=0.03)
    assert holdout["km_score_os"] > 0.97 and holdout["km_score_efs"] > 0.97
    assert abs(holdout["leakage"]) < 0.03
    assert dictionary().version == evaluation.dictionary_version
