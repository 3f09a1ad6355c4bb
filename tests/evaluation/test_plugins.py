"""Measures of other packages: found by entry points, one entry in one file, and refused with a sentence."""

from __future__ import annotations

import importlib
import sys

import pytest

from amlsynth.dictionary.model import dictionary as dictionary_of_aml
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.family import Candidate, Family, NotComputable, Setting, Spec, fixed
from amlsynth.evaluation.plugins import installed_families
from amlsynth.foundation.errors import UsageError

module = importlib.import_module("amlsynth.evaluation.evaluate")  # `evaluate` is the function

PACKAGE = """
from amlsynth.evaluation.family import Family, NotComputable, Spec, fixed


def older(candidate, setting):
    ages = candidate.frame["AGE"].dropna()
    if ages.empty:
        raise NotComputable("no patient has a known age")
    return float((ages > setting.original["AGE"].median()).mean())


ELDERS = Family(
    name="elders",
    specs=fixed(
        Spec(
            id="share_older",
            label="Older than the original's median",
            group="fidelity",
            better="original",
            description="Share of patients who are older than the median of the original.",
            source="a package of a test",
            compute=older,
            compute_original=lambda setting: 0.5,
        )
    ),
)
NO_FAMILY = 3
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
    monkeypatch.setattr(module, "FAMILIES", tuple(f for f in module.FAMILIES if f.name == "fidelity"))
    monkeypatch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 5)


def test_a_measure_of_another_package_stands_in_every_evaluation(install, only_columns, split, synthetic):
    install(elders="elders_package:ELDERS")
    train, made = split.train.head(100), synthetic.head(100)
    found = evaluate(train, made, split.holdout.head(30))
    measure = found.measure("share_older")
    assert measure.synthetic.value == pytest.approx((made["AGE"] > train["AGE"].median()).mean())
    assert measure.original.value == 0.5 and measure.family == "elders"
    assert set(measure.anchors) == {"independent", "bootstrap", "holdout"}
    assert 0.2 < measure.anchors["bootstrap"].value < 0.8
    assert "The measures 'elders' are those of the package elders 2.1." in found.notes
    unknown = evaluate(train, made.assign(AGE=None).astype(made.dtypes)).measure("share_older")
    assert unknown.synthetic.reason == "no patient has a known age"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("elders_package:NO_FAMILY", "is of the type int"),
        ("elders_package:ABSENT", "cannot be imported"),
        ("no_such_package:X", "cannot be imported"),
    ],
)
def test_what_is_no_family_is_refused(install, dictionary, value, says):
    install(elders=value)
    with pytest.raises(UsageError, match=rf"'elders'.*package elders 2\.1.*'{value}' {says}.*pip uninstall"):
        installed_families((), dictionary)


def test_names_that_are_taken_are_refused(install, dictionary):
    install(elders="elders_package:ELDERS")
    with pytest.raises(UsageError, match="has the name 'elders', which is taken"):
        installed_families((Family("elders", fixed()),), dictionary)
    with pytest.raises(UsageError, match="has a measure 'share_older', which is there already"):
        installed_families((Family("other", fixed(_spec("share_older"))),), dictionary)


@pytest.fixture
def setting(split):
    return Setting(split.train, None, dictionary_of_aml(), seed=1)


@pytest.fixture
def candidate(synthetic):
    return Candidate("synthetic", synthetic)


def _spec(name, compute=None):
    return Spec(name, name, "fidelity", "none", "What it says.", "a test", compute=compute)


def test_a_failure_in_another_package_costs_its_figures_alone(setting, candidate):
    def fail(candidate, setting):
        raise ZeroDivisionError("patient 17 is 63 years old")

    foreign = Family("bad", fixed(_spec("bad", fail)), package="bad 1.0")
    figure = foreign.measured(candidate, setting)["bad"]
    assert figure.value is None
    assert figure.reason == "the package bad 1.0 failed to measure it (ZeroDivisionError)"
    with pytest.raises(ZeroDivisionError):  # in amlsynth it is a fault to be mended
        Family("bad", fixed(_spec("bad", fail))).measured(candidate, setting)


def test_a_measure_without_a_figure_is_refused(setting, candidate):
    with pytest.raises(UsageError, match="no figure for lost"):
        Family("half", fixed(_spec("lost"))).measured(candidate, setting)


def test_a_measure_that_has_no_value_says_why(setting, candidate):
    def refuse(candidate, setting):
        raise NotComputable("there is nothing to count")

    figure = Family("one", fixed(_spec("one", refuse))).measured(candidate, setting)["one"]
    assert figure.reason == "there is nothing to count"
