"""`amlsynth gates`: a table or JSON, and exit code 1 when an evaluation is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amlsynth.cli import main
from amlsynth.evaluation.records import CohortSummary, Evaluation, Figure, Measure

PROFILES = """\
profiles:
  own:
    description: for tests
    gates:
      - {id: a, label: Likeness, measure: m, comparison: at_least, threshold: 0.5, required: true,
         decided_by: interval, reason: Because., source: us}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gates.yaml").write_text(PROFILES, encoding="utf-8")
    return tmp_path


def write(folder: Path, low: float) -> None:
    empty = CohortSummary(label="", n=1, variables=(), survival=())
    found = Measure(
        id="m",
        label="m",
        aspect="fidelity",
        better="higher",
        description="",
        source="",
        figures={"synthetic": Figure(value=0.7, low=low, high=0.9)},
        anchors={},
    )
    evaluation = Evaluation(
        dictionary_version="1",
        amlsynth_version="0",
        seed=0,
        original_is_simulated=True,
        original=empty,
        holdout=None,
        synthetics=(empty,),
        measures=(found,),
        comparisons=(),
    )
    (folder / "evaluation.json").write_text(evaluation.model_dump_json(), encoding="utf-8")


def run(folder: Path, *more: str) -> int:
    with pytest.raises(SystemExit) as exit_of:
        main(["gates", str(folder), "--profile", "own", "--file", str(folder / "gates.yaml"), *more])
    return int(exit_of.value.code or 0)


def test_a_passed_evaluation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, low=0.6)
    assert run(folder) == 0
    text = capsys.readouterr().out
    assert text.startswith("passed") and f"{folder}: passed (profile own)." in text


def test_an_undecided_gate_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, low=0.4)
    assert run(folder, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is False and report["gates"][0]["undecided"] is True


def test_bad_input_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder) == 2
    assert "cannot be read" in capsys.readouterr().err
    write(folder, low=0.6)
    assert run(folder, "--cohort", "other") == 2
    assert "name one of them" in capsys.readouterr().err
