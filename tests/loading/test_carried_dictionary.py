"""A release is loaded by the dictionary that it carries, which is read without trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.mds import simulated_mds

import amlsynth
from amlsynth.dictionary.carried import (
    MAX_VARIABLES,
    carried_dictionary,
    dictionary_yaml,
    read_carried,
    write_carried,
)
from amlsynth.dictionary.model import Dictionary, dictionary, load_dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release.checksums import write_checksums


@pytest.fixture(scope="module")
def mds() -> Dictionary:
    return load_dictionary("mds")


@pytest.fixture
def foreign(here: Path, mds: Dictionary, write_release: Callable[..., Path]) -> Path:
    """A release under another dictionary than the reader's."""
    return write_release(here, simulated_mds(mds, 40), "marrow", d=mds)


def test_a_dictionary_comes_back_as_it_was(mds: Dictionary, tmp_path: Path) -> None:
    for d in (dictionary(), mds):
        write_carried(d, tmp_path)
        back = carried_dictionary(tmp_path)
        assert back == d and dictionary_yaml(d) == (tmp_path / "dictionary.yaml").read_text(encoding="utf-8")
        assert (back is dictionary()) == (d is dictionary())
    assert carried_dictionary(tmp_path / "nothing") is None


def test_a_dictionary_is_read_once_as_long_as_its_bytes_are_the_same(mds: Dictionary, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_carried(mds, tmp_path / name)
    one, other = (read_carried(tmp_path / name / "dictionary.yaml") for name in ("one", "other"))
    assert one is other
    path = tmp_path / "one" / "dictionary.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: mds", "name: mdx", 1), encoding="utf-8")
    assert read_carried(path).name == "mdx"


def test_a_release_loads_by_the_dictionary_that_it_carries(foreign: Path, mds: Dictionary) -> None:
    for _ in range(2):  # the second time it is known to be in order
        loaded = amlsynth.dataset(foreign)
        assert tuple(loaded.frame.columns) == mds.names
        assert loaded.dictionary == mds
        assert str(loaded.frame["CYTORISK"].dtype) == "category"
    assert tuple(amlsynth.load("marrow").columns) == mds.names


def test_a_dictionary_that_is_given_comes_before_the_carried_one(foreign: Path, mds: Dictionary) -> None:
    assert amlsynth.dataset(foreign, d=mds).dictionary is mds
    with pytest.raises(DataError, match=r"not as the dictionary aml .*the release names mds 1\.0\.0"):
        amlsynth.load(foreign, d=dictionary())


def test_data_that_break_the_carried_dictionary_are_refused(
    here: Path, mds: Dictionary, write_release: Callable[..., Path]
) -> None:
    frame = simulated_mds(mds, 40)
    frame.loc[0, "OSTM"], frame.loc[0, "LFSTM"] = 1.0, 2.0
    with pytest.raises(DataError, match="LFSTM"):
        amlsynth.load(write_release(here, frame, "wrong", d=mds))


def test_a_release_of_an_older_version_loads_by_the_default_one(
    here: Path, patients: pd.DataFrame, write_release: Callable[..., Path]
) -> None:
    folder = write_release(here, patients, "older", carry=False)
    assert not (folder / "dictionary.yaml").exists()
    loaded = amlsynth.dataset(folder)
    assert loaded.dictionary is dictionary()
    pd.testing.assert_frame_equal(loaded.frame, patients, check_exact=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: "extends: ../secret\n" + text, "extends no other"),
        (lambda text: text.replace("version: 1.0.0", "version: one"), r"dictionary\.yaml:2: version"),
        (lambda text: text + "surprise: 1\n", "unknown key"),
        (lambda text: "a: &a [x]\nb: *a\n", "aliases"),
        (lambda text: "!!python/object/apply:os.system ['true']\n", "not valid YAML|valid dictionary"),
        (lambda text: "\x00", "not valid YAML"),
        (lambda text: text.replace("time: OSTM", "time: NOWHERE"), "'NOWHERE' is no variable"),
    ],
)
def test_a_hostile_dictionary_is_refused(foreign: Path, change: Callable[[str], str], problem: str) -> None:
    path = foreign / "dictionary.yaml"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    write_checksums(foreign)
    with pytest.raises(DataError, match=problem) as caught:
        amlsynth.load(foreign)
    assert str(foreign) in str(caught.value) and "cannot be read by this version" in str(caught.value)


def test_a_dictionary_that_would_take_hours_is_refused(mds: Dictionary, tmp_path: Path) -> None:
    path = tmp_path / "dictionary.yaml"
    many = ", ".join(["x"] * (MAX_VARIABLES + 1))
    path.write_text(f"variables: [{many}]\n", encoding="utf-8")
    with pytest.raises(UsageError, match="2,001 variables are too many"):
        read_carried(path)
    targets = ", ".join(['"group:a"'] * 300)
    rule = f"{{id: a, require: x, for_each: [{targets}]}}"
    path.write_text(f"variables: [{', '.join(['x'] * 100)}]\nrules: [{rule}]\n", encoding="utf-8")
    with pytest.raises(UsageError, match="more than 20,000 cases"):
        read_carried(path)


def test_a_classification_that_is_not_here_does_not_hinder_reading(tmp_path: Path) -> None:
    write_carried(dictionary(), tmp_path)
    path = tmp_path / "dictionary.yaml"
    text = path.read_text(encoding="utf-8")
    assert "function: eln2022" in text
    path.write_text(text.replace("function: eln2022", "function: eln2030"), encoding="utf-8")
    read = read_carried(path)
    assert read.roles.classification is None and read.names == dictionary().names
