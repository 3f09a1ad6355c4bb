"""A cohort's file is not misread under another dictionary than the one that it was written under."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from amlsynth import compare_cohorts, read_cohort, write_cohort
from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.validation import validate_file
from amlsynth.cohort.written_under import check_dictionary
from amlsynth.dictionary.carried import dictionary_yaml
from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.foundation.errors import DataError


@pytest.fixture
def written(reference: pd.DataFrame, tmp_path: Path) -> Path:
    about = About(name="ref", title="Reference", simulated=True, statement="Simulated.")
    path = tmp_path / "cohort.csv"
    write_cohort(Cohort.create(reference.head(30), "original", about), path)
    return path


def _changed(d: Dictionary, folder: Path, old: str, new: str) -> Dictionary:
    text = dictionary_yaml(d)
    assert old in text
    (folder / "changed.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return load_dictionary(folder / "changed.yaml")


def test_the_dictionary_is_recorded(written: Path, dictionary: Dictionary) -> None:
    record = json.loads(written.with_name("cohort.csv.about.json").read_text(encoding="utf-8"))["dictionary"]
    assert (record["name"], record["version"], len(record["sha256"])) == ("aml", dictionary.version, 64)
    assert record["units"]["HB"] == "mmol/l"
    assert read_cohort(written, "original").n == 30


def test_another_unit_is_refused_wherever_the_file_is_read(
    written: Path, dictionary: Dictionary, tmp_path: Path
) -> None:
    other = _changed(dictionary, tmp_path, "unit: mmol/l", "unit: mmol/dl")
    problem = r"cohort.csv: the unit of the column HB is mmol/l by the dictionary aml .* and mmol/dl by aml"
    with pytest.raises(DataError, match=problem):
        read_cohort(written, "original", other)
    with pytest.raises(DataError, match=problem):
        validate_file(written, "original", other)
    with pytest.raises(DataError, match=problem):
        compare_cohorts(written, written, d=other)


def test_what_changes_no_cell_is_read(written: Path, dictionary: Dictionary, tmp_path: Path) -> None:
    other = _changed(dictionary, tmp_path, f"title: {dictionary.title}", "title: Another title")
    assert read_cohort(written, "original", other).dictionary.title == "Another title"


def test_a_file_of_another_disease_says_so(
    written: Path, dictionary: Dictionary, mds_dictionary: Dictionary
) -> None:
    with pytest.raises(DataError, match=r"written under the dictionary aml .* and not under mds .*columns"):
        read_cohort(written, "original", mds_dictionary)
    written.with_name("cohort.csv.about.json").unlink()
    check_dictionary(written, dictionary.names, mds_dictionary)  # where nothing is recorded, nothing is said
    with pytest.raises(DataError, match="unknown column"):
        read_cohort(written, "original", mds_dictionary)
