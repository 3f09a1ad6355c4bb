"""Files of noisy sums: written, read again, and refused when they cannot be what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sums import SumsFile, add_up, read_sums, write_sums


def test_a_file_is_read_as_it_was_written(sums: SumsFile, sums_path: Path) -> None:
    assert read_sums(sums_path) == sums


def _changed(sums: SumsFile, path: Path, change: Callable[[dict[str, Any]], None], seal: bool) -> Path:
    content = json.loads(sums.model_dump_json())
    change(content)
    if seal:
        content = SumsFile.model_validate(content).sealed().model_dump(mode="json")
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c["sum"].__setitem__(3, float("nan")), "this is no noisy sum"),
        (lambda c: c["sum"].__setitem__(3, "x"), "this is no noisy sum"),
        (lambda c: c.pop("noise"), "this is no noisy sum"),
        (lambda c: c["noise"].__setitem__("scale", -1), "this is no noisy sum"),
        (lambda c: c["sum"].__setitem__(3, c["sum"][3] + 1), "changed after it was written"),
        (lambda c: c["privacy"].__setitem__("epsilon", 0.1), "changed after it was written"),
    ],
)
def test_damaged_files_are_refused(
    sums: SumsFile, tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        read_sums(_changed(sums, tmp_path / "x.json", change, seal=False))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c.__setitem__("sum", c["sum"][:-1]), "numbers, and the feature map has"),
        (
            lambda c: c.__setitem__("sum", [10**9 * v for v in c["sum"]]),
            "no 2,000 patients can have this sum",
        ),
        (lambda c: c["dictionary"].__setitem__("sha256", "0"), "measured with another dictionary"),
        (lambda c: c["feature_map"].__setitem__("sha256", "0"), "measured with another feature map"),
        (lambda c: c["feature_map"]["prior"].__setitem__("sha256", "0"), "measured with another prior"),
        (
            lambda c: c["feature_map"].__setitem__("not_assessed", ["CR1"]),
            "another list of columns that are not assessed",
        ),
        (lambda c: c["noise"].__setitem__("sensitivity", 7), "bound of a patient's norm is not"),
    ],
)
def test_sums_that_do_not_belong_are_refused(
    sums: SumsFile,
    public: PublicModel,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    problem: str,
) -> None:
    path = _changed(sums, tmp_path / "x.json", change, seal=True)
    with pytest.raises(DataError, match=problem):
        add_up([("x.json", read_sums(path))], public.map, public.prior.description)


def test_a_sum_is_added_once(sums: SumsFile, public: PublicModel) -> None:
    with pytest.raises(DataError, match=r"b\.json: the same sum as a\.json"):
        add_up([("a.json", sums), ("b.json", sums)], public.map, public.prior.description)


def test_files_that_cannot_be_read(tmp_path: Path, sums: SumsFile) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_sums(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("not JSON")
    with pytest.raises(DataError, match="this is no noisy sum"):
        read_sums(tmp_path / "x.json")
    write_sums(sums, tmp_path / "y.json")
    assert (tmp_path / "y.json").read_text().count("\n") < 60  # the numbers are one line
