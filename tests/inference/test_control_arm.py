"""The example of a synthetic control arm runs, and combines and tests as it says."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.stats


@pytest.fixture(scope="module")
def example(repository: Path) -> ModuleType:
    path = repository / "examples" / "control_arm" / "control_arm.py"
    spec = importlib.util.spec_from_file_location("control_arm", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["control_arm"] = module  # where its NamedTuple looks for its annotations
    spec.loader.exec_module(module)
    return module


def test_a_study_has_every_setting_and_design(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call adds what is missing to what is there."""
    monkeypatch.setattr(example, "POPULATION", 3_000)
    monkeypatch.setattr(example, "TRIALS", 2)
    command = ["", "--n", "120", "--arm", "60", "--replicates", "2", "--out", str(tmp_path / "t.md")]
    for originals in ("1", "2"):
        done = ["--results", str(tmp_path / "r.jsonl"), "--originals", originals]
        monkeypatch.setattr(sys, "argv", [*command, *done])
        example.main()
    assert capsys.readouterr().out.count("earlier study") == 2
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 2
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "2 earlier studies of 120 simulated patients" in text and "4 in all" in text
    for design in example.DESIGNS.values():
        assert f"| {design} | " in text


def test_a_drug_that_works_adds_survival_and_younger_patients_live_longer(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "POPULATION", 4_000)
    example.population.cache_clear()
    means = {
        setting: example.mean_of(example.population(setting)).value for setting in ("", *example.SETTINGS)
    }
    example.population.cache_clear()
    assert means["effect"] > means[""] + 2 and means["no effect, younger patients"] > means[""] + 1
    assert means["no effect"] == pytest.approx(means[""], abs=1)


def test_two_estimates_are_weighted_by_precision_and_tested_with_their_freedom(example: ModuleType) -> None:
    exact, pooled = example.Mean(10.0, 1.0), example.Mean(13.0, 2.0, 4.0)
    both = example.together(exact, pooled)
    assert (both.value, both.variance) == (pytest.approx(11.0), pytest.approx(2 / 3))
    assert both.freedom == pytest.approx((2 / 3) ** 2 / ((2 / 9) ** 2 / 4))
    p = example.p_value(exact, pooled)
    assert p == pytest.approx(2 * scipy.stats.t.sf(3 / math.sqrt(3), 9 / (4 / 4)))
    assert example.p_value(exact, example.Mean(13.0, 2.0)) == pytest.approx(
        2 * scipy.stats.norm.sf(3 / math.sqrt(3)), rel=1e-4
    )
    assert np.isclose(example.p_value(exact, exact), 1.0)
