"""The command line does its whole job on files, and its errors are sentences with the right exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import read_table, write_table

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cohort(tmp_path: Path, reference: pd.DataFrame) -> Path:
    write_table(reference.head(400), tmp_path / "cohort.csv")
    return tmp_path / "cohort.csv"


def _fails(result: tuple[int, str, str], code: int, *parts: str) -> None:
    found, _, errors = result
    assert found == code, errors
    assert "Traceback" not in errors
    assert errors.startswith(("Error: ", "Usage: "))
    for part in parts:
        assert part in errors


@pytest.mark.usefixtures("plain_figures", "rough")
def test_the_whole_way_file_by_file(run: Run, tmp_path: Path) -> None:
    assert run("cohort", "reference", "--out", "c.parquet", "--n", 200)[0] == 0
    assert json.loads(Path("c.parquet.about.json").read_text())["simulated"] is True
    assert run("validate", "c.parquet", "--role", "original")[0] == 0
    code, out, _ = run(
        "generate", "--cohort", "c.parquet", "--seed", 1, "--out", "s.csv", "--save-split", "sp"
    )
    assert code == 0 and "200 synthetic patients, valid" in out
    assert (len(read_table(Path("sp/train.csv"))), len(read_table(Path("sp/holdout.csv")))) == (160, 40)
    evaluate = ("--original", "sp/train.csv", "--holdout", "sp/holdout.csv", "--synthetic", "s.csv")
    code, out, _ = run("evaluate", *evaluate, "--out", "ev")
    assert code == 0 and "Kaplan-Meier score, OS" in out
    found = json.loads(Path("ev/evaluation.json").read_text())
    assert found["original_is_simulated"] is True
    assert all(measure["anchors"] for measure in found["measures"])
    code, out, _ = run("report", "ev", "--out", "r.html", "--engine", "fallback")
    assert code == 0 and Path("r.html").stat().st_size > 50_000


@pytest.mark.usefixtures("plain_figures", "rough")
def test_several_cohorts_and_a_comparison(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    from amlsynth.evaluation import evaluate

    module = importlib.import_module(evaluate.__module__)
    keep = ("fidelity", "survival", "validity")
    monkeypatch.setattr(module, "GROUPS", tuple(f for f in module.GROUPS if f.name in keep))
    assert run("cohort", "reference", "--out", "c.csv", "--n", 150)[0] == 0
    for seed in (1, 2):
        command = ("generate", "--cohort", "c.csv", "--seed", seed, "--split-seed", 1, "--save-split", "sp")
        assert run(*command, "--out", f"s{seed}.csv")[0] == 0
    files = ("--original", "sp/train.csv", "--synthetic", "s1.csv", "--synthetic", "s2.csv", "--out", "ev")
    code, out, errors = run("evaluate", *files)
    assert code == 0, errors
    found = json.loads(Path("ev/evaluation.json").read_text())
    generator = json.loads(Path("s1.csv.about.json").read_text())["provenance"]["generator"]
    labels = [cohort["label"] for cohort in found["synthetics"]]
    assert labels == [f"{generator}, seed 1", f"{generator}, seed 2"]
    assert found["measures"][0]["seeds"][generator]["cohorts"] == 2
    assert run("evaluate", *files, "--label", "A", "--label", "B")[0] == 0
    found = json.loads(Path("ev/evaluation.json").read_text())
    assert [cohort["label"] for cohort in found["synthetics"]] == ["A", "B"]
    _fails(run("evaluate", *files, "--label", "A"), 2, "given 1 times for 2")
    _fails(run("evaluate", *files, "--label", "A", "--label", "A"), 2, "the label 'A'")
    code, out, _ = run("compare", "s1.csv", "s2.csv", "--out", "cmp", "--report", "cmp.html")
    assert code == 0 and "Basic Statistical Measure" in out
    assert json.loads(Path("cmp/evaluation.json").read_text())["kind"] == "comparison"
    assert "neither is known to be made from the other" in Path("cmp.html").read_text(encoding="utf-8")
    _fails(run("compare", "s1.csv", "s2.csv", "--pdf", "x.pdf"), 2, "--report FILE.html")
    _fails(run("compare", "s1.csv", "s2.csv", "--label", "A"), 2, "once for A and once for B")


def test_generate_is_decided_by_its_seed(run: Run, cohort: Path) -> None:
    for out, seed in (("a.csv", 1), ("b.csv", 1), ("c.csv", 2)):
        assert run("generate", "--cohort", cohort, "--seed", seed, "--out", out)[0] == 0
    first, again, other = (Path(name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert first == again != other


def test_generate_with_parameters_and_n(run: Run, cohort: Path) -> None:
    options = ("--param", "min_leaf=20", "--param", "shrinkage=2", "--n", 37, "--no-split")
    assert run("generate", "--cohort", cohort, "--seed", 1, "--out", "a.parquet", *options)[0] == 0
    assert len(read_table(Path("a.parquet"))) == 37
    about = json.loads(Path("a.parquet.about.json").read_text())
    assert about["provenance"]["params"]["min_leaf"] == 20
    assert about["provenance"]["split"] is None


def test_generators_and_their_parameters_are_listed(run: Run) -> None:
    code, out, _ = run("generators")
    assert code == 0
    from amlsynth.generators import generator_names

    assert [line.split()[0] for line in out.splitlines()[: len(generator_names())]] == list(generator_names())
    code, out, _ = run("generators", "event-history")
    assert code == 0 and "shrinkage=3.0" in out and "(above 0 to 1000)" in out
    _fails(run("generators", "event-histori"), 2, "Did you mean 'event-history'?")


def test_patients_of_a_kind(run: Run, cohort: Path) -> None:
    options = ("--n", 20, "--where", "AGE >= 75 and NPM1 == 1")
    code, _, errors = run("generate", "--cohort", cohort, "--seed", 1, "--out", "kind.csv", *options)
    assert code == 0 and "Fewer than 30 training patients" in errors
    frame = read_table(Path("kind.csv"))
    assert len(frame) == 20 and (frame["AGE"] >= 75).all() and (frame["NPM1"] == 1).all()
    wrong = ("--where", "AEG >= 75")
    result = run("generate", "--cohort", cohort, "--seed", 1, "--out", "no.csv", *wrong)
    _fails(result, 2, "names 'AEG', which is no column. Did you mean 'AGE'?")
    assert not Path("no.csv").exists()


def test_bootstrap_warns_that_it_copies(run: Run, cohort: Path) -> None:
    code, _, errors = run(
        "generate", "--cohort", cohort, "--generator", "bootstrap", "--seed", 1, "--out", "b.csv"
    )
    assert code == 0 and "copies of patients" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["generate", "--cohort", "none.csv", "--seed", "1", "--out", "s.csv"], 2, "no such file"),
        (["generate", "--cohort", "cohort.csv", "--seed", "1", "--out", "s.txt"], 2, "ending '.txt'"),
        (
            ["generate", "--cohort", "cohort.csv", "--generator", "ctabgan", "--seed", "1", "--out", "s.csv"],
            2,
            "There is no generator 'ctabgan'",
        ),
        (
            ["generate", "--cohort", "cohort.csv", "--param", "min_leef=1", "--seed", "1", "--out", "s.csv"],
            2,
            "Did you mean 'min_leaf'?",
        ),
        (
            ["generate", "--cohort", "cohort.csv", "--param", "min_leaf", "--seed", "1", "--out", "s.csv"],
            2,
            "KEY=VALUE",
        ),
        (
            [
                "generate",
                "--cohort",
                "cohort.csv",
                "--no-split",
                "--split-seed",
                "1",
                "--seed",
                "1",
                "--out",
                "s.csv",
            ],
            2,
            "--no-split",
        ),
        (
            ["generate", "--cohort", "cohort.csv", "--n", "0", "--seed", "1", "--out", "s.csv"],
            2,
            "0 is not in",
        ),
        (["evaluate", "--original", "none.csv", "--synthetic", "cohort.csv", "--out", "e"], 2, "none.csv"),
        (["report", "empty", "--out", "r.html"], 2, "amlsynth evaluate"),
        (["compare", "cohort.csv", "none.csv"], 2, "none.csv"),
        (["validate", "none.parquet"], 2, "no such file"),
        (["cohort", "import", "cohort.csv", "--out", "o.csv"], 2, "--mapping"),
        (["cohort", "import", "amlsg", "--from", "nowhere", "--out", "o.csv"], 2, "nowhere"),
        (["schema", "show", "t8_22"], 2, "Did you mean 't8_21'?"),
        (["release", "build", "none.yaml", "--out", "o"], 2, "none.yaml"),
        (["release", "verify", "nothing"], 2, "nothing"),
        (["load", "no-such-data"], 2, "no-such-data"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_wrong_use(run: Run, cohort: Path, arguments: list[str], code: int, says: str) -> None:
    before = sorted(path.name for path in cohort.parent.rglob("*"))
    _fails(run(*arguments), code, says)
    assert sorted(path.name for path in cohort.parent.rglob("*")) == before


def test_broken_original_is_refused_and_leaves_nothing(run: Run, cohort: Path) -> None:
    frame = read_table(cohort)
    frame.loc[5, "EFSTM"] = frame.loc[5, "OSTM"] + 1
    write_table(frame, cohort)
    result = run("generate", "--cohort", cohort, "--seed", 1, "--out", "s.csv", "--save-split", "sp")
    _fails(result, 1, "row 6, column EFSTM, OSTM", "efs_not_after_os")
    assert [path.name for path in cohort.parent.iterdir()] == ["cohort.csv"]


def test_an_output_never_replaces_its_input(run: Run, cohort: Path) -> None:
    before = cohort.read_bytes()
    _fails(run("generate", "--cohort", cohort, "--seed", 1, "--out", "cohort.csv"), 2, "this is the input")
    cohort.rename("train.csv")
    command = ("generate", "--cohort", "train.csv", "--seed", 1, "--out", "s.csv", "--save-split", ".")
    _fails(run(*command), 2, "this is the input")
    command = ("cohort", "import", "train.csv", "--mapping", "m.yaml", "--out", "train.csv")
    _fails(run(*command), 2, "this is the input")
    assert Path("train.csv").read_bytes() == before


def test_tiny_cohort_is_refused(run: Run, reference: pd.DataFrame, tmp_path: Path) -> None:
    for n in (1, 2, 30):
        write_table(reference.head(n), tmp_path / "tiny.csv")
        _fails(
            run("generate", "--cohort", "tiny.csv", "--seed", 1, "--out", "s.csv"), 1, "Use a larger cohort"
        )
        assert not Path("s.csv").exists()


def test_edited_cohort_no_longer_matches_its_description(run: Run) -> None:
    run("cohort", "reference", "--out", "c.csv", "--n", 200)
    Path("c.csv").write_text(Path("c.csv").read_text().replace("female", "male", 1))
    _fails(run("generate", "--cohort", "c.csv", "--seed", 1, "--out", "s.csv"), 1, "SHA-256 differs")


def test_validate_tells_all_and_exits_1(run: Run, cohort: Path) -> None:
    text = cohort.read_text().splitlines()
    text[3] = text[3].replace("male", "m", 1)
    cohort.write_text("\n".join(text) + "\n")
    code, out, _ = run("validate", cohort)
    assert code == 1 and "value_known" in out and "1 error," in out
    code, out, _ = run("validate", cohort, "--json")
    assert code == 1 and json.loads(out)["failures"][0]["row"] == 3


@pytest.mark.parametrize("kind", ["table-schema", "json-schema", "markdown", "yaml"])
def test_schema_export(run: Run, kind: str) -> None:
    code, out, _ = run("schema", "export", "--format", kind)
    assert code == 0 and "CEBPA.bZIP.inframe" in out
    assert run("schema", "export", "--format", kind, "--out", "x.txt")[0] == 0
    assert Path("x.txt").read_text(encoding="utf-8") == out


def test_schema_show(run: Run) -> None:
    assert "t8.21" in run("schema", "show")[1]
    assert "GPt/l" in run("schema", "show", "WBC")[1]


def test_datasets_lists_what_there_is(run: Run) -> None:
    code, out, _ = run("datasets")
    assert code == 0 and "eckardt-2024-nflow" in out and "10.5281/zenodo.8334265" in out
    listed = json.loads(run("datasets", "--json")[1])
    assert {"name", "version", "status", "cached"} <= listed[0].keys()
    _fails(run("datasets", "--registry", "none.yaml"), 2, "none.yaml")
    _fails(run("load", "eckardt-2024-nflow", "--offline"), 2, "was not loaded before")


@pytest.mark.parametrize(
    "command",
    [
        ["demo"], ["schema", "show"], ["schema", "export"], ["cohort", "reference"], ["cohort", "import"],
        ["validate"], ["generators"], ["generate"], ["evaluate"], ["compare"], ["report"],
        ["release", "build"],
        ["release", "verify"], ["release", "diff"], ["release", "publish"], ["release", "export"], ["load"],
        ["datasets"], ["site"],
    ],
)  # fmt: skip
def test_every_command_shows_an_example(run: Run, command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0 and "Example" in out and f"amlsynth {' '.join(command)}" in out


def test_unexpected_errors_show_no_data(run: Run, cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("patient 17 is male")

    monkeypatch.setattr("amlsynth.generators.generation.generate_file", fail)
    result = run("generate", "--cohort", cohort, "--seed", 1, "--out", "s.csv")
    _fails(result, 1, "unexpected RuntimeError", "--debug")
    assert "patient 17" not in result[2]
    assert "patient 17" in run("generate", "--cohort", cohort, "--seed", 1, "--out", "s.csv", "--debug")[2]


def test_full_disk_is_a_sentence(run: Run, cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "s.csv")

    monkeypatch.setattr("amlsynth.generators.generation.write_blocks", fail)
    result = run("generate", "--cohort", cohort, "--seed", 1, "--out", "s.csv")
    _fails(result, 2, "s.csv: cannot be written (No space left on device)")
