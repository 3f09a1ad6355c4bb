"""Any two cohorts: foreign files are read as they are, and what cannot be known is said."""

from __future__ import annotations

import importlib
import json
import math

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import compare_cohorts
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources.reference import reference_frame

module = importlib.import_module("amlsynth.evaluation.run")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    for name, seed in (("first", 31), ("second", 32)):
        write_table(reference_frame(160, seed), folder / f"{name}.csv")
    return folder


@pytest.fixture
def light(monkeypatch):
    keep = ("fidelity", "survival", "privacy", "outcome", "validity", "membership inference")
    monkeypatch.setattr(module, "GROUPS", tuple(f for f in module.GROUPS if f.name in keep))
    monkeypatch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 5)


def changed(path, target, change):
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(frame).to_csv(target, index=False)
    return target


def test_two_files(files, light):
    found = compare_cohorts(files / "first.csv", files / "second.csv", seed=4)
    assert found.kind == "comparison" and found.holdout is None
    assert (found.original.label, found.synthetic.label) == ("first", "second")
    assert found.synthetic.origin.file == "second.csv"
    assert found.synthetic.origin.sha256 is None  # it may hold patients, whose copies a hash would confirm
    assert found.measure("bsm").synthetic.value > 0.8
    assert found.measure("bsm").anchors["independent"].value is not None
    for name in ("leakage", "membership_nearest_auc"):
        figure = found.measure(name).synthetic
        assert figure.value is None and "no hold-out" in figure.reason
    assert found.notes[0].startswith("Neither cohort is known to be made from the other")


def test_both_are_protected_unless_they_are_known_to_hold_no_patient(files, light, tmp_path):
    frame = reference_frame(160, 32)
    alone = compare_cohorts(files / "first.csv", files / "second.csv")
    assert any(count.n is None for v in alone.synthetic.variables for count in v.counts)
    from amlsynth.cohort.cohort import About, Cohort, write_cohort

    about = About(
        name="s", title="S", simulated=False, statement="x", provenance={"generator": "g", "seed": 7}
    )
    write_cohort(Cohort(frame, "synthetic", about), tmp_path / "s.csv")
    made = compare_cohorts(files / "first.csv", tmp_path / "s.csv")
    assert all(count.n is not None for v in made.synthetic.variables for count in v.counts)
    assert (made.synthetic.origin.generator, made.synthetic.origin.seed) == ("g", 7)
    assert len(made.synthetic.origin.sha256) == 64


def test_foreign_columns_and_cells_are_noted(files, light, tmp_path):
    def change(frame):
        frame = frame.drop(columns=["KIT", "CR1"]).assign(PATIENT=range(len(frame)))
        frame.loc[:9, "HB"] = "low"
        return frame

    found = compare_cohorts(files / "first.csv", changed(files / "second.csv", tmp_path / "odd.csv", change))
    notes = " ".join(found.notes)
    assert "Not in odd.csv, and therefore not assessed: " in notes and "KIT" in notes
    assert "Left out of odd.csv, as the dictionary does not know them: PATIENT" in notes
    assert "10 cells of the column HB of odd.csv" in notes
    assert found.synthetic.variable("KIT").counts[0].n == 0
    rate = found.measure("cr_rate").synthetic
    assert rate.value is None and rate.reason
    test = next(c for c in found.comparisons if c.subject == "KIT")
    assert test.p_value.value is None and "not assessed in the synthetic cohort" in test.p_value.reason


def test_broken_rules_are_counted_and_small_counts_are_not_told(files, light, tmp_path):
    def change(n):
        def apply(frame):
            frame.loc[: n - 1, "EFSTM"] = [str(float(x) + 1) for x in frame.loc[: n - 1, "OSTM"]]
            return frame

        return apply

    for n, expected in ((7, 7), (3, None)):
        path = changed(files / "second.csv", tmp_path / f"broken{n}.csv", change(n))
        found = compare_cohorts(files / "first.csv", path)
        rule = next(rule for rule in found.rules if rule.rule == "efs_not_after_os")
        assert rule.counts == {"original": 0, "synthetic": expected}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.assign(OSSTAT="0", EFSSTAT="0"),
        lambda f: f.assign(OSSTAT="1", EFSSTAT="1"),
        lambda f: f.head(30),
        lambda f: f[["AGE", "SEX"]],
        lambda f: f.assign(**{v.name: ["1"] + ["0"] * (len(f) - 1) for v in dictionary().alterations}),
    ],
    ids=["no events", "no censoring", "thirty", "two columns", "one carrier"],
)
@pytest.mark.parametrize("first", [True, False])
def test_bad_cohorts_have_reasons(files, light, tmp_path, spoil, first, monkeypatch):
    make = module.make_anchors  # drawn, but not measured: they are as bad as the cohort that is
    left_out = dict.fromkeys(("independent", "bootstrap"), "left out of this test")
    monkeypatch.setattr(module, "make_anchors", lambda *about: make(*about) | left_out)
    bad = changed(files / "second.csv", tmp_path / "bad.csv", spoil)
    pair = (bad, files / "first.csv") if first else (files / "first.csv", bad)
    found = compare_cohorts(*pair)
    for measure in found.measures:
        for figure in (*measure.figures.values(), *measure.anchors.values()):
            assert (figure.value is None) == (figure.reason is not None), measure.id
            assert figure.value is None or math.isfinite(figure.value)
    json.loads(found.model_dump_json(), parse_constant=pytest.fail)


def test_labels_and_frames(files, light):
    frame = reference_frame(60, 33)
    found = compare_cohorts(frame, frame.copy(), labels=("Ours", "Theirs"))
    assert (found.original.label, found.synthetic.label) == ("Ours", "Theirs")
    same = compare_cohorts(files / "first.csv", files / "first.csv")
    assert (same.original.label, same.synthetic.label) == ("first (A)", "first (B)")


def test_wrong_files(files, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        compare_cohorts(files / "first.csv", tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("age,sex\n50,male\n")
    with pytest.raises(DataError, match=r"no column of the dictionary. Did you mean 'AGE'\?"):
        compare_cohorts(files / "first.csv", tmp_path / "other.csv")
