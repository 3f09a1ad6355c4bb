"""`amlsynth gates`: a table or JSON, and exit code 1 when an evaluation is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
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


def test_text_of_a_file_does_nothing_to_a_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, low=0.6)
    path = folder / "gates.yaml"
    path.write_text(PROFILES.replace("Likeness", r'"\e[2JLike\u202eness"'), encoding="utf-8")
    assert run(folder) == 0
    assert r"\u001b[2JLike\u202eness (m)" in capsys.readouterr().out


def test_it_is_told_how_many_gates_decide(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, low=0.4)  # the only gate is undecided
    assert run(folder) == 1
    assert "Required gates: 0 decided, 1 undecided, 0 without a figure." in capsys.readouterr().out
    found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    found["measures"][0]["figures"]["synthetic"] = {"reason": "no hold-out was given"}
    (folder / "evaluation.json").write_text(json.dumps(found), encoding="utf-8")
    assert run(folder) == 1
    text = capsys.readouterr().out
    assert "Not available: no hold-out was given." in text
    assert "Required gates: 0 decided, 0 undecided, 1 without a figure." in text


@pytest.mark.parametrize(
    ("gates", "code", "message"),
    [
        (PROFILES.replace("measure: m,", "measure: mm,"), 1, "'mm'. Did you mean 'm'? Because"),
        (
            PROFILES
            + "      - {id: b, label: B, measure: m, comparison: at_most, threshold: 0.4, required: true,\n"
            "         reason: Because., source: us}\n",
            2,
            "no m is at least 0.5 and at most 0.4",
        ),
        (PROFILES.replace("required: true", "required: false"), 2, "at least one gate must be required"),
        ("profiles: {}\n", 2, "gates.yaml"),
    ],
)
def test_a_gates_file_that_cannot_decide_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], gates: str, code: int, message: str
) -> None:
    write(folder, low=0.6)
    (folder / "gates.yaml").write_text(gates, encoding="utf-8")
    assert run(folder) == code
    captured = capsys.readouterr()
    assert message in captured.out + captured.err


def test_few_patients_without_a_hold_out_are_refused_with_a_reason_for_each_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from amlsynth.cohort.table_writing import write_table
    from amlsynth.sources.reference import reference_frame

    everybody = reference_frame(160, 1)
    for name in ("EFSTM", "EFSSTAT"):  # of one endpoint, overall survival
        everybody[name] = pd.array([pd.NA] * len(everybody), dtype=everybody[name].dtype)
    for name, rows in (("original", slice(0, 80)), ("synthetic", slice(80, 160))):
        write_table(everybody.iloc[rows].reset_index(drop=True), tmp_path / f"{name}.csv")
    paths = [f"--{name}={tmp_path / name}.csv" for name in ("original", "synthetic")]
    with pytest.raises(SystemExit) as exit_of:
        main(["evaluate", *paths, "--out", str(tmp_path / "found")])
    assert not exit_of.value.code
    capsys.readouterr()
    for profile in ("research", "public-release"):
        with pytest.raises(SystemExit) as exit_of:
            main(["gates", str(tmp_path / "found"), "--profile", profile, "--json"])
        assert exit_of.value.code == 1
        gates = {gate["id"]: gate for gate in json.loads(capsys.readouterr().out)["gates"]}
        # What needs a hold-out has no figure and refuses; what needs the other endpoint does not apply.
        assert gates["leakage"]["passed"] is False and "no hold-out was given" in gates["leakage"]["reason"]
        assert gates["time-order-efs"]["passed"] is None and gates["c-index-efs"]["passed"] is None
        assert gates["rules"]["passed"] is True
        for gate in gates.values():
            assert gate["passed"] is True or gate["reason"].endswith(".")
