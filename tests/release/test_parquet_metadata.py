"""What a Parquet file of a release says of itself: read by plain pandas and pyarrow, checked by verify."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from amlsynth.cohort.tables import read_table, write_table
from amlsynth.dictionary.model import Dictionary
from amlsynth.release import ReleaseResult
from amlsynth.release.doi import stamp_doi
from amlsynth.release.package import DataPackage
from amlsynth.release.parquet_metadata import metadata_of_package, metadata_problems

DATA = "data/small-test.parquet"


def package_of(folder: Path) -> DataPackage:
    return DataPackage.model_validate_json((folder / "datapackage.json").read_bytes())


def test_plain_pandas_gives_types_and_what_the_data_are(built: ReleaseResult) -> None:
    plain, typed = pd.read_parquet(built.folder / DATA), read_table(built.folder / DATA)
    pd.testing.assert_frame_equal(plain, typed)
    assert str(plain["NPM1"].dtype) == "Int8" and plain["SEX"].cat.categories.tolist() == ["female", "male"]
    assert plain.attrs["name"] == "small-test" and plain.attrs["version"] == "1.2.3"
    assert plain.attrs["license"] == "CC-BY-4.0" and "No row is a patient" in plain.attrs["statement"]
    assert "doi" not in plain.attrs


def test_columns_have_labels_units_and_values(built: ReleaseResult, dictionary: Dictionary) -> None:
    schema = pq.read_schema(built.folder / DATA)
    for variable in dictionary.variables:
        told = {key.decode(): value.decode() for key, value in schema.field(variable.name).metadata.items()}
        assert told["label"] == variable.label and told.get("unit") == variable.unit
        assert told["missing"] == ("null" if variable.missing else "never")
    assert json.loads(schema.field("SEX").metadata[b"values"]) == dictionary["SEX"].category_labels
    assert json.loads(schema.field("NPM1").metadata[b"values"]) == {"0": "absent", "1": "present"}
    assert schema.metadata[b"title"] == b"A small release, for tests"


@pytest.mark.usefixtures("plain_report")
def test_the_doi_stands_in_it(folder: Path) -> None:
    before = (folder / DATA).read_bytes()
    stamp_doi(folder, "10.5281/zenodo.42")
    assert pd.read_parquet(folder / DATA).attrs["doi"] == "https://doi.org/10.5281/zenodo.42"
    stamp_doi(folder, None)
    assert (folder / DATA).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda metadata: {**metadata.table, "statement": "These are patients."},
        lambda metadata: {key: text for key, text in metadata.table.items() if key != "license"},
        lambda metadata: {**metadata.table, "more": "x"},
    ],
)
def test_what_it_says_wrongly_is_found(
    folder: Path, dictionary: Dictionary, change: Callable[..., dict[str, str]]
) -> None:
    package = package_of(folder)
    assert list(metadata_problems(folder, package, dictionary)) == []
    metadata = metadata_of_package(package, dictionary)
    changed = type(metadata)(change(metadata), metadata.columns)
    write_table(read_table(folder / DATA), folder / DATA, changed)
    (problem,) = metadata_problems(folder, package, dictionary)
    assert (problem.file, problem.check) == (DATA, "metadata")


def test_a_label_that_is_not_the_dictionarys_is_found(folder: Path, dictionary: Dictionary) -> None:
    metadata = metadata_of_package(package_of(folder), dictionary)
    columns = {**metadata.columns, "NPM1": {**metadata.columns["NPM1"], "label": "FLT3"}}
    write_table(read_table(folder / DATA), folder / DATA, type(metadata)(metadata.table, columns))
    assert len(list(metadata_problems(folder, package_of(folder), dictionary))) == 1


@pytest.mark.parametrize("told", [None, "{}", "\ufeff{}", "[" * 100_000])
def test_types_that_pandas_would_not_give_back_are_found(
    folder: Path, dictionary: Dictionary, told: str | None
) -> None:
    """File and values are right; what the schema tells pandas is another thing, or harmful."""
    table = pq.read_table(folder / DATA)
    known = {key: value for key, value in table.schema.metadata.items() if key != b"pandas"}
    changed = known if told is None else known | {b"pandas": told.encode()}
    pq.write_table(table.replace_schema_metadata(changed), folder / DATA)
    frame = read_table(folder / DATA)
    assert str(frame["NPM1"].dtype) == "Int8" and len(frame) == 40
    try:
        (problem,) = metadata_problems(folder, package_of(folder), dictionary)
    except (ValueError, KeyError, RecursionError):  # of pandas; verify makes a problem of it
        assert told is not None
        return
    assert "pandas.read_parquet" in problem.message


def test_a_table_without_metadata_keeps_its_types_and_no_attributes(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    frame = reference.head(9).copy()
    frame.attrs["secret"] = "where it came from"
    write_table(frame, tmp_path / "t.parquet")
    plain = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(plain, frame)
    assert plain.attrs == {} and b"secret" not in (tmp_path / "t.parquet").read_bytes()
