"""The command tune: its files, its words, and what generate and a release do with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from amlsynth.cohort.tables import write_table
from amlsynth.foundation.errors import UsageError
from amlsynth.release import read_spec
from amlsynth.tuning.bench import Bench

Run = Callable[..., tuple[int, str, str]]
_TUNED = """\
generator:
  name: sequential-cart
  params: {min_leaf: 21, prior: 1.5}
tuning:
  split: {seed: 5, holdout: 0.2}
  score: 0.8
"""


@pytest.fixture
def cohort(tmp_path: Path, reference: pd.DataFrame) -> Path:
    write_table(reference.head(240), tmp_path / "cohort.csv")
    return tmp_path / "cohort.csv"


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    (tmp_path / "tuned.yaml").write_text(_TUNED)
    return tmp_path / "tuned.yaml"


def test_tune_writes_parameters_that_generate_takes(run: Run, cohort: Path) -> None:
    command = ("tune", "--cohort", cohort, "--trials", 2, "--seed", 6, "--repeats", 1, "--out", "t.yaml")
    code, out, errors = run(*command)
    assert code == 0, errors
    assert "2 scored" in out and "(defaults)" in out and "t.yaml: parameters of trial" in out
    content = yaml.safe_load(Path("t.yaml").read_text())
    assert content["generator"]["name"] == "event-history"
    assert set(content["generator"]["params"]) == {
        "shrinkage",
        "min_leaf",
        "max_leaves",
        "outcome_shrinkage",
    }
    before = Path("t.yaml").read_bytes()
    assert run(*command)[0] == 0  # the study is done: the same again
    assert Path("t.yaml").read_bytes() == before
    assert Path("t.yaml.journal").exists()
    assert "cohort.csv" not in Path("t.yaml.journal").read_text()
    code, _, errors = run("generate", "--cohort", cohort, "--params", "t.yaml", "--seed", 1, "--out", "s.csv")
    assert code == 0, errors
    made = json.loads(Path("s.csv.about.json").read_text())["provenance"]
    assert made["params"].items() >= content["generator"]["params"].items()
    assert made["split"]["seed"] == 6, "the split that was tuned on, whatever the seed of the sample"


def test_an_interrupt_says_how_to_go_on(run: Run, cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "run", stop)
    code, _, errors = run("tune", "--cohort", cohort, "--trials", 2, "--out", "t.yaml")
    assert code == 130 and "run the same command to go on" in errors
    assert not Path("t.yaml").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--generator", "sequential_cart"), "Did you mean 'sequential-cart'"),
        (("--generator", "bootstrap"), "bootstrap has no parameter to tune"),
        (("--objective", "pper"), "Did you mean 'paper'"),
        (("--param", "min_leef=3"), "Did you mean 'min_leaf'"),
        (("--out", "t.json"), "ends in .yaml"),
        (("--trials", "0"), "x>=1"),
        (("--storage", "."), "this is a folder"),
    ],
)
def test_wrong_use(run: Run, cohort: Path, options: tuple[str, ...], problem: str) -> None:
    code, _, errors = run("tune", "--cohort", cohort, "--trials", 2, "--out", "t.yaml", *options)
    assert code == 2 and problem in errors and "Traceback" not in errors


def test_param_overrides_the_file(run: Run, cohort: Path, tuned: Path) -> None:
    base = ("generate", "--cohort", cohort, "--params", tuned, "--seed", 1, "--out", "s.csv")
    assert run(*base, "--param", "min_leaf=30")[0] == 0
    params = json.loads(Path("s.csv.about.json").read_text())["provenance"]["params"]
    assert (params["min_leaf"], params["prior"]) == (30, 1.5)
    code, _, errors = run(*base, "--split-seed", 4)
    assert code == 0 and "tuning has seen patients of this split's hold-out" in errors
    code, _, errors = run(*base, "--generator", "independent")
    assert code == 2 and "are of sequential-cart, and --generator says independent" in errors
    tuned.write_text(_TUNED.replace("min_leaf:", "min_leef:"))
    code, _, errors = run(*base)
    assert code == 2 and "Did you mean 'min_leaf'" in errors
    tuned.write_text(_TUNED.replace("generator:", "generatr:"))
    code, _, errors = run(*base)
    assert code == 2 and "tuned.yaml:1" in errors


@pytest.fixture
def spec(tmp_path: Path, repository: Path) -> Callable[[str, int], Path]:
    def write(generator: str, split_seed: int) -> Path:
        content = yaml.safe_load((repository / "release" / "aml-reference.yaml").read_text())
        content["generator"] = yaml.safe_load(generator)
        content["split"] = {"seed": split_seed, "holdout": 0.2}
        (tmp_path / "spec.yaml").write_text(yaml.safe_dump(content))
        return tmp_path / "spec.yaml"

    return write


def test_a_release_spec_takes_the_file(tuned: Path, spec: Callable[[str, int], Path]) -> None:
    found = read_spec(spec("{params_file: tuned.yaml, n: 10, seed: 1, params: {prior: 2}}", 5)).generator
    assert found.name == "sequential-cart" and found.params == {"min_leaf": 21, "prior": 2}
    with pytest.raises(UsageError, match=r"spec.yaml:\d+: generator: .*tuned on .* split seed 5"):
        read_spec(spec("{params_file: tuned.yaml, n: 10, seed: 1}", 3))
    with pytest.raises(UsageError, match="are of sequential-cart, and the spec names independent"):
        read_spec(spec("{name: independent, params_file: tuned.yaml, n: 10, seed: 1}", 5))
    with pytest.raises(UsageError, match="'name' is missing; add it, or a params_file"):
        read_spec(spec("{n: 10, seed: 1}", 5))
    with pytest.raises(UsageError, match="relative to the folder of the spec"):
        read_spec(spec("{params_file: /tuned.yaml, n: 10, seed: 1}", 5))
    tuned.unlink()
    with pytest.raises(UsageError, match=r"tuned.yaml: the file of parameters cannot be read"):
        read_spec(spec("{params_file: tuned.yaml, n: 10, seed: 1}", 5))
