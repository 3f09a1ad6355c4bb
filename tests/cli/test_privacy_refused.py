"""Bad input to the commands around the privacy budget: a sentence with a remedy, and nothing is spent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.generators.fitted import measure
from amlsynth.generators.private.mechanism import Mechanism
from amlsynth.generators.private.sums import SumsFile, write_sums
from amlsynth.sources.reference import reference_cohort

POOL = ("--param", "pool=4000")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sums() -> SumsFile:
    return measure(reference_cohort(n=150, seed=3), params={"pool": 4_000})[0]


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mechanism, "release", lambda *_: pytest.fail("noise was drawn"))


def _refused(found: tuple[int, str, str], *words: str, code: int | None = None) -> None:
    """Check that a command ended with sentences that have these words, and not with a fault of amlsynth's."""
    status, _, errors = found
    assert status in (1, 2) and (code is None or status == code), found
    assert "unexpected" not in errors and "Traceback" not in errors, errors
    assert all(line.startswith("Error: ") for line in errors.strip().splitlines()), errors
    for word in words:
        assert word in errors, (word, errors)


@pytest.mark.usefixtures("no_noise")
@pytest.mark.parametrize("command", ["measure", "generate"])
@pytest.mark.parametrize(
    "options",
    [
        ("--epsilon", "0"), ("--epsilon", "-1"), ("--epsilon", "nan"), ("--epsilon", "1e9"),
        ("--epsilon", "1", "--delta", "1"), ("--epsilon", "1", "--delta", "0"),
    ],
)  # fmt: skip
def test_budgets_that_are_none(run: Run, trial: Path, command: str, options: tuple[str, ...]) -> None:
    seed = ("--seed", "1") if command == "generate" else ()
    found = run(
        command, "--cohort", trial, "--out", "out.json" if command == "measure" else "o.csv", *options, *seed
    )
    _refused(found, options[-2].removeprefix("--"), "Input should be", code=2)
    assert sorted(path.name for path in trial.parent.iterdir()) == ["trial.parquet"]


def test_a_large_epsilon_is_warned_of(run: Run, trial: Path) -> None:
    code, _, errors = run("measure", "--cohort", trial, "--out", "a.json", "--epsilon", "50", *POOL)
    assert code == 1 and "the limit is 3" in errors  # the steward's, who has set none
    assert run("budget", trial, "--limit", "60")[0] == 0
    code, _, errors = run("measure", "--cohort", trial, "--out", "a.json", "--epsilon", "50", *POOL)
    assert code == 0 and "Warning: epsilon 50 promises next to nothing" in errors


@pytest.mark.usefixtures("no_noise")
def test_cohorts_that_cannot_be_measured(run: Run, trial: Path, reference: pd.DataFrame) -> None:
    write_table(reference.head(1), Path("one.csv"))
    _refused(
        run("measure", "--cohort", "one.csv", "--out", "a.json"), "needs at least 50", "Use a larger", code=1
    )
    reference.head(60).assign(NPM9=1).to_csv("more.csv", index=False)
    _refused(run("measure", "--cohort", "more.csv", "--out", "a.json"), "more.csv", "NPM9", code=1)
    _refused(run("measure", "--cohort", "none.csv", "--out", "a.json"), "none.csv", code=2)
    few = ("--param", "patients_at_most=100")
    _refused(run("measure", "--cohort", trial, "--out", "a.json", *few), "Give a higher one", code=1)
    _refused(run("measure", "--cohort", trial, "--out", trial), "trial.parquet", code=2)
    assert not Path("a.json").exists() and not trial.with_name("trial.parquet.budget.json").exists()


def test_ledgers_that_are_not_in_order(
    run: Run, trial: Path, reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("measure", "--cohort", trial, "--epsilon", "1", "--out", "a.json", *POOL)
    assert run(*command)[0] == 0
    Path("a.json").unlink()
    monkeypatch.setattr(Mechanism, "release", lambda *_: pytest.fail("noise was drawn"))
    ledger = trial.with_name("trial.parquet.budget.json")
    written = ledger.read_text()
    ledger.unlink()
    _refused(run(*command), "the ledger of this cohort is missing", "amlsynth budget", "--restore", code=1)
    ledger.write_text(json.dumps(json.loads(written) | {"entries": []}))
    _refused(run(*command), "edited by hand", "--restore", code=1)
    _refused(run("budget", trial), "edited by hand", "--restore", code=1)
    ledger.write_text("[1")
    _refused(run(*command), "no ledger of a privacy budget", "--restore", code=1)
    ledger.write_text(written)
    write_table(reference.tail(120), Path("other.parquet"))
    shutil.copy(ledger, "other.parquet.budget.json")
    other = run("measure", "--cohort", "other.parquet", "--out", "a.json", *POOL)
    _refused(other, "other.parquet.budget.json", "another cohort", "--adopt", code=1)
    assert not Path("a.json").exists()
    assert run(*command)[0] == 0  # in order again: the sum of before, at no cost


def _number(content: dict[str, Any], value: Any) -> None:
    content["sum"][3] = value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: _number(c, float("nan")), ("no noisy sum", "Make it again with `amlsynth measure`")),
        (lambda c: _number(c, 1e400), ("no noisy sum", "amlsynth measure")),
        (lambda c: _number(c, 1.5), ("no noisy sum", "amlsynth measure")),
        (lambda c: c.update(sum=c["sum"][:-1]), ("numbers, and the feature map has", "Get the file anew")),
        (lambda c: c.update(sum=[10**9 * v for v in c["sum"]]), ("can have this sum", "Get the file anew")),
        (lambda c: c["dictionary"].update(sha256="0"), ("another dictionary", "--dictionary")),
        (lambda c: c["feature_map"].update(sha256="0"), ("another feature map", "Measure again")),
        (lambda c: c["feature_map"].update(not_assessed=["NPM1"]), ("another feature map", "Measure again")),
        (lambda c: c.update(patients="other", sha256="0"), ("changed after it was written", "it anew")),
    ],
)  # fmt: skip
def test_files_that_are_no_sums(
    run: Run, sums: SumsFile, tmp_path: Path, change: Callable[[dict[str, Any]], None], words: tuple[str, ...]
) -> None:
    content = json.loads(sums.model_dump_json())
    change(content)
    path = tmp_path / "x.sums.json"
    path.write_text(json.dumps(content))
    try:
        file = SumsFile.model_validate(content)
    except ValueError:
        pass
    else:
        if content["sha256"] != "0":  # by somebody who seals it anew
            write_sums(file.sealed(), path)
    found = run("generate", "--measurements", path, "--seed", "1", "--out", "made.csv", *POOL)
    _refused(found, "x.sums.json", *words, code=1)
    assert not Path("made.csv").exists()


def test_sums_that_are_not_there_or_twice(run: Run, sums: SumsFile, tmp_path: Path) -> None:
    write_sums(sums, tmp_path / "a.json")
    (tmp_path / "text.json").write_text("no JSON")
    other = sums.feature_map.model_copy(update={"not_assessed": ("NPM1",)})
    write_sums(sums.model_copy(update={"feature_map": other}).sealed(), tmp_path / "lacks.json")
    for files, words, code in (
        (("none.json",), ("none.json", "amlsynth measure"), 2),
        ((".",), ("cannot be read", "amlsynth measure"), 2),
        (("text.json",), ("text.json", "no noisy sum"), 1),
        (("a.json", "a.json"), ("the same sum as", "Give each once"), 1),
        (("a.json", "lacks.json"), ("lacks.json", "not assessed", "measure again"), 1),
    ):
        given = [part for file in files for part in ("--measurements", file)]
        _refused(run("generate", *given, "--seed", "1", "--out", "made.csv", *POOL), *words, code=code)
    assert not Path("made.csv").exists()


@pytest.mark.usefixtures("no_noise")
def test_priors_that_are_none(run: Run, trial: Path, reference: pd.DataFrame) -> None:
    lacking = reference.head(120).assign(TP53=pd.array([pd.NA] * 120, dtype="Int8"))
    write_table(lacking, Path("lacking.csv"))
    reference.head(120).drop(columns="TP53").to_csv("narrow.csv", index=False)
    for prior, words in (
        ("none.csv", ("'none.csv' is no file", "Name a public cohort")),
        ("lacking.csv", ("no value of TP53", "Take another prior", "not_assessed=TP53")),
        ("narrow.csv", ("narrow.csv", "TP53")),
    ):
        options = ("--param", f"prior={prior}", "--param", "prior_model=independent", "--param", "pool=2000")
        _refused(run("measure", "--cohort", trial, "--out", "a.json", *options), *words)
    _refused(
        run("measure", "--cohort", trial, "--out", "a.json", "--param", "not_assessed=NPM2"), "NPM1", code=2
    )
    assert not Path("a.json").exists() and not trial.with_name("trial.parquet.budget.json").exists()
