"""Measures of other packages: found by entry points, one entry in one file, and refused with a sentence."""

from __future__ import annotations

import importlib
import sys

import pytest

from amlsynth.dictionary.model import dictionary as dictionary_of_aml
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    fixed,
)
from amlsynth.evaluation.plugins import installed_groups
from amlsynth.foundation.errors import UsageError

module = importlib.import_module("amlsynth.evaluation.run")

PACKAGE = """
from amlsynth.evaluation.measure_group import MeasureDefinition, MeasureGroup, NotComputable, fixed


def older(cohort, context):
    ages = cohort.frame["AGE"].dropna()
    if ages.empty:
        raise NotComputable("no patient has a known age")
    return float((ages > context.original["AGE"].median()).mean())


ELDERS = MeasureGroup(
    name="elders",
    definitions=fixed(
        MeasureDefinition(
            id="share_older",
            label="Older than the original's median",
            aspect="fidelity",
            better="original",
            description="Share of patients who are older than the median of the original.",
            source="a package of a test",
            compute=older,
            compute_original=lambda context: 0.5,
        )
    ),
)
NO_GROUP = 3
"""


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Install a package with entry points: `install(elders="elders_package:ELDERS")`."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(**points: str) -> None:
        (tmp_path / "elders_package.py").write_text(PACKAGE)
        metadata = tmp_path / "elders-2.1.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: elders\nVersion: 2.1\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[amlsynth.measures]", *lines, ""]))

    yield installed
    sys.modules.pop("elders_package", None)


@pytest.fixture
def only_columns(monkeypatch):
    monkeypatch.setattr(module, "GROUPS", tuple(f for f in module.GROUPS if f.name == "fidelity"))
    monkeypatch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 5)


def test_a_measure_of_another_package_stands_in_every_evaluation(install, only_columns, split, synthetic):
    install(elders="elders_package:ELDERS")
    train, made = split.train.head(100), synthetic.head(100)
    found = evaluate(train, made, split.holdout.head(30))
    measure = found.measure("share_older")
    assert measure.synthetic.value == pytest.approx((made["AGE"] > train["AGE"].median()).mean())
    assert measure.original.value == 0.5 and measure.group == "elders"
    assert set(measure.anchors) == {"independent", "bootstrap", "holdout"}
    assert 0.2 < measure.anchors["bootstrap"].value < 0.8
    assert "The measures 'elders' are those of the package elders 2.1." in found.notes
    unknown = evaluate(train, made.assign(AGE=None).astype(made.dtypes)).measure("share_older")
    assert unknown.synthetic.reason == "no patient has a known age"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("elders_package:NO_GROUP", "is of the type int"),
        ("elders_package:ABSENT", "cannot be imported"),
        ("no_such_package:X", "cannot be imported"),
    ],
)
def test_what_is_no_group_is_refused(install, dictionary, value, says):
    install(elders=value)
    with pytest.raises(UsageError, match=rf"'elders'.*package elders 2\.1.*'{value}' {says}.*pip uninstall"):
        installed_groups((), dictionary)


def test_names_that_are_taken_are_refused(install, dictionary):
    install(elders="elders_package:ELDERS")
    with pytest.raises(UsageError, match="has the name 'elders', which is taken"):
        installed_groups((MeasureGroup("elders", fixed()),), dictionary)
    with pytest.raises(UsageError, match="has a measure 'share_older', which is there already"):
        installed_groups((MeasureGroup("other", fixed(_definition("share_older"))),), dictionary)


@pytest.fixture
def context(split):
    return EvaluationContext(split.train, None, dictionary_of_aml(), seed=1)


@pytest.fixture
def cohort(synthetic):
    return EvaluatedCohort("synthetic", synthetic)


def _definition(name, compute=None):
    return MeasureDefinition(name, name, "fidelity", "none", "What it says.", "a test", compute=compute)


def test_a_failure_in_another_package_costs_its_figures_alone(context, cohort):
    def fail(cohort, context):
        raise ZeroDivisionError("patient 17 is 63 years old")

    foreign = MeasureGroup("bad", fixed(_definition("bad", fail)), package="bad 1.0")
    figure = foreign.measured(cohort, context)["bad"]
    assert figure.value is None
    assert figure.reason == "the package bad 1.0 failed to measure it (ZeroDivisionError)"
    with pytest.raises(ZeroDivisionError):  # in amlsynth it is a fault to be mended
        MeasureGroup("bad", fixed(_definition("bad", fail))).measured(cohort, context)


def test_a_measure_without_a_figure_is_refused(context, cohort):
    with pytest.raises(UsageError, match="no figure for lost"):
        MeasureGroup("half", fixed(_definition("lost"))).measured(cohort, context)


def test_a_measure_that_has_no_value_says_why(context, cohort):
    def refuse(cohort, context):
        raise NotComputable("there is nothing to count")

    figure = MeasureGroup("one", fixed(_definition("one", refuse))).measured(cohort, context)["one"]
    assert figure.reason == "there is nothing to count"
