"""Measures of other packages: found by entry points, one entry in one file, and refused with a sentence."""

from __future__ import annotations

import importlib
from importlib.metadata import Distribution, EntryPoint

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


class Installed(Distribution):
    """The distribution of a package that a test installs."""

    def read_text(self, filename):
        return "Name: elders\nVersion: 2.1\n" if filename == "METADATA" else None

    def locate_file(self, path):
        raise FileNotFoundError(path)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Install packages with an entry point: `install("elders_package:ELDERS")`."""
    (tmp_path / "elders_package.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)

    def installed(*values: str) -> None:
        points = [
            EntryPoint(f"point{place}", value, "amlsynth.measures")._for(Installed())
            for place, value in enumerate(values)
        ]
        monkeypatch.setattr("amlsynth.evaluation.plugins.entry_points", lambda group: points)

    return installed


@pytest.fixture
def only_columns(monkeypatch):
    monkeypatch.setattr(module, "FAMILIES", tuple(f for f in module.FAMILIES if f.name == "fidelity"))
    monkeypatch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 5)


def test_a_measure_of_another_package_stands_in_every_evaluation(install, only_columns, split, synthetic):
    install("elders_package:ELDERS")
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
        ("elders_package:NO_FAMILY", "of the type int"),
        ("elders_package:ABSENT", "cannot be loaded"),
        ("no_such_package:X", "cannot be loaded"),
    ],
)
def test_what_is_no_family_is_refused(install, dictionary, value, says):
    install(value)
    with pytest.raises(UsageError, match=rf"'point0' \({value}\).*package elders.*{says}.*uninstall"):
        installed_families((), dictionary)


def test_names_that_are_taken_are_refused(install, dictionary):
    install("elders_package:ELDERS", "elders_package:ELDERS")
    with pytest.raises(UsageError, match=r"'point1'.*the measure 'share_older' is there already"):
        installed_families((), dictionary)
    install("elders_package:ELDERS")
    other = Family("elders", fixed())
    with pytest.raises(UsageError, match="a family of measures named 'elders' is there already"):
        installed_families((other,), dictionary)


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
