"""A release with replicates: what it holds, that its bytes repeat, that each file is checked, and loading."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.release.conftest import NAME, STEM, neither_evaluated_nor_drawn

import amlsynth
from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import read_evaluation
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release import ReleaseResult, build_release, verify_release
from amlsynth.release.checksums import write_checksums
from amlsynth.release.documents import inferable_effects
from amlsynth.release.file_names import file_names

GENERATOR = {"name": "sequential-cart", "n": 40, "seed": 3, "replicates": 2, "replicate_n": 60}
Build = Callable[[Path], ReleaseResult]


@pytest.fixture(scope="module")
def build(built: ReleaseResult, write_spec: Callable[..., Path]) -> Build:
    def run(folder: Path) -> ReleaseResult:
        evaluation = read_evaluation(built.folder / "evaluation.json")
        with neither_evaluated_nor_drawn(evaluation):
            return build_release(write_spec(folder / "spec", generator=GENERATOR), folder / "out")

    return run


@pytest.fixture(scope="module")
def replicated(build: Build, tmp_path_factory: pytest.TempPathFactory) -> ReleaseResult:
    """Do not change it in place."""
    return build(tmp_path_factory.mktemp("replicated"))


@pytest.fixture
def copied(replicated: ReleaseResult, tmp_path: Path) -> Path:
    return Path(shutil.copytree(replicated.folder, tmp_path / STEM))


def test_it_holds_its_cohort_and_the_replicates(replicated: ReleaseResult, built: ReleaseResult) -> None:
    names = {p.relative_to(replicated.folder).as_posix() for p in replicated.folder.rglob("*") if p.is_file()}
    assert names == file_names(NAME, replicates=2)
    assert {f"data/{NAME}-01.csv", f"data/{NAME}-02.parquet"} <= names
    # The cohort is the one that there would be without replicates.
    for ending in ("csv", "parquet"):
        path = Path("data") / f"{NAME}.{ending}"
        assert (replicated.folder / path).read_bytes() == (built.folder / path).read_bytes()
    assert verify_release(replicated.folder).problems == ()
    assert verify_release(replicated.archive).problems == ()
    described = json.loads((replicated.folder / "datapackage.json").read_text())["replicates"]
    assert (described["patients"], described["rule"], len(described["files"])) == (60, "fully-synthetic", 4)
    assert "replicates" not in json.loads((built.folder / "datapackage.json").read_text())


def test_pooled_effects_are_held_against_the_originals(
    replicated: ReleaseResult, built: ReleaseResult
) -> None:
    found = read_evaluation(replicated.folder / "evaluation.json").pooled
    assert found is not None and read_evaluation(built.folder / "evaluation.json").pooled is None
    assert (found.replicates, found.patients) == (2, 60) and found.effects > 10
    assert found.overlap.value is not None and found.width.value is not None
    assert 0 < found.overlap.value < 1 and found.width.value > 1
    readme = (replicated.folder / "README.md").read_text()
    assert f"of {found.effects} odds and hazard ratios" in readme


def test_the_readme_says_what_may_be_inferred(replicated: ReleaseResult, built: ReleaseResult) -> None:
    with_replicates = (replicated.folder / "README.md").read_text()
    assert "2 replicates of 60 patients" in with_replicates and "replicates=True" in with_replicates
    without = (built.folder / "README.md").read_text()
    assert "This release is one synthetic cohort" in without and "replicates=True" not in without


def test_the_alterations_whose_effects_may_be_inferred_are_those_with_enough_carriers(
    built: ReleaseResult,
) -> None:
    evaluation, d = read_evaluation(built.folder / "evaluation.json"), dictionary()
    counts = evaluation.synthetic.variable("NPM1").counts
    share = next(one.share for one in counts if one.value == "1")
    assert share
    carriers = math.floor(share * evaluation.original.n)
    assert "`NPM1`" in inferable_effects(evaluation, carriers, d)
    assert "`NPM1`" not in inferable_effects(evaluation, carriers + 1, d)
    assert "inferred of none" in inferable_effects(evaluation, 10_000, d)
    assert inferable_effects(evaluation, 0, d) == ""


def test_the_same_spec_gives_the_same_bytes(build: Build, replicated: ReleaseResult, tmp_path: Path) -> None:
    assert build(tmp_path).archive.read_bytes() == replicated.archive.read_bytes()


def test_loading(replicated: ReleaseResult, built: ReleaseResult, copied: Path) -> None:
    cohort = amlsynth.load(copied)
    frames = amlsynth.load(replicated.archive, replicates=True)
    assert cohort.equals(read_table(copied / "data" / f"{NAME}.csv")) and len(cohort) == 40
    assert [len(frame) for frame in frames] == [60, 60] and not frames[0].equals(frames[1])
    assert frames[1].equals(read_table(copied / "data" / f"{NAME}-02.csv"))
    assert (frames[1].attrs["replicate"], frames[1].attrs["name"]) == (2, NAME)
    with pytest.raises(UsageError, match=r"small-test 1\.2\.3 has no replicates"):
        amlsynth.load(built.folder, replicates=True)


def _swap(folder: Path) -> None:
    """Put each replicate in the place of the other: every file is a valid one of this release."""
    for ending in ("csv", "parquet"):
        one, two = (folder / "data" / f"{NAME}-{k:02}.{ending}" for k in (1, 2))
        content = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(content)


def _forget(folder: Path) -> None:
    path = folder / "datapackage.json"
    content = json.loads(path.read_text())
    del content["replicates"]
    path.write_text(json.dumps(content))


def _shorten(folder: Path) -> None:
    """Leave rows out of the CSV alone, and tell the hashes of it."""
    path = folder / "data" / f"{NAME}-02.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-5]))


@pytest.mark.parametrize(
    ("tamper", "file", "check"),
    [(_swap, "datapackage.json", "package"), (_forget, f"data/{NAME}-01.csv", "extra"),
     (_shorten, f"data/{NAME}-02.parquet", "data")],
)  # fmt: skip
def test_a_replicate_that_is_not_as_described(
    copied: Path, tamper: Callable[[Path], None], file: str, check: str
) -> None:
    tamper(copied)
    write_checksums(copied)
    assert (file, check) in {(p.file, p.check) for p in verify_release(copied).problems}
    if tamper is not _forget:
        with pytest.raises(DataError, match=r"describes another file than data/small-test-0"):
            amlsynth.load(copied, replicates=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replicates": 1}, "pooled over several"),
        ({"replicates": 100}, "less than or equal to 99"),
        ({"replicates": 0}, "there are no replicates"),
        ({"name": "bootstrap"}, "bootstrap makes no replicates"),
    ],
)
def test_a_wrong_number_is_told_at_once(
    changes: dict[str, object], message: str, tmp_path: Path, write_spec: Callable[..., Path]
) -> None:
    with pytest.raises(UsageError, match=message):
        build_release(write_spec(tmp_path, generator=GENERATOR | changes), tmp_path / "out")


def test_replicates_are_typed_frames_of_one_schema(replicated: ReleaseResult) -> None:
    one, two = amlsynth.load(replicated.folder, replicates=True)
    pd.testing.assert_series_equal(one.dtypes, two.dtypes)
