"""What is derived from the dictionary is fresh, complete, and says the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pandera.errors
import pytest

from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.columns import AML
from amlsynth.dictionary.generated import FORMATS, render_all
from amlsynth.dictionary.json_schema import json_schema
from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.dictionary.pandera_schema import pandera_schema
from amlsynth.dictionary.table_schema import table_schema


def test_generated_files_are_fresh(repository: Path) -> None:
    for path, text in render_all().items():
        on_disk = (repository / path).read_text(encoding="utf-8")
        assert on_disk == text, f"{path} is stale: run `make schema`"


def test_pandera_schema_accepts_the_reference_cohort(reference: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(pandera_schema().validate(reference), reference)


def test_pandera_schema_finds_a_broken_rule(reference: pd.DataFrame) -> None:
    frame = reference.copy()
    frame.loc[3, "EFSTM"] = frame.loc[3, "OSTM"] + 1
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        pandera_schema().validate(frame, lazy=True)
    assert set(caught.value.failure_cases["index"]) == {3}


def test_pandera_schema_warns_where_original_data_may_break_a_rule(reference: pd.DataFrame) -> None:
    frame = reference.copy()
    row = frame.index[(frame["OSSTAT"] == 1) & (frame["EFSTM"] == frame["OSTM"])][0]
    frame.loc[row, "EFSSTAT"] = 0
    with pytest.warns(pandera.errors.SchemaWarning):
        pandera_schema(role="original").validate(frame)
    with pytest.raises(pandera.errors.SchemaError):
        pandera_schema(role="synthetic").validate(frame)


def test_typed_accessor_is_the_same_schema(dictionary: Dictionary, reference: pd.DataFrame) -> None:
    generated, derived = AML.to_schema(), pandera_schema()
    assert list(generated.columns) == list(derived.columns)
    for name, column in derived.columns.items():
        assert generated.columns[name].dtype == column.dtype
        assert generated.columns[name].nullable == column.nullable
        assert len(generated.columns[name].checks) >= len(column.checks)
    assert getattr(AML, "t8_21") == "t8.21"  # noqa: B009  (a column name, by attribute)
    AML.validate(reference)


def test_table_schema_is_valid_frictionless(reference: pd.DataFrame, tmp_path: Path) -> None:
    from frictionless import Package

    from amlsynth.cohort.tables import write_table

    write_table(reference.head(50), tmp_path / "data.csv")
    descriptor = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "test",
        "resources": [{"name": "data", "path": "data.csv", "schema": table_schema()}],
    }
    found = Package.from_descriptor(descriptor, basepath=str(tmp_path)).validate()
    assert found.valid, found.flatten(["message"])
    broken = (tmp_path / "data.csv").read_text().replace("male", "m", 1)
    (tmp_path / "data.csv").write_text(broken)
    assert not Package.from_descriptor(descriptor, basepath=str(tmp_path)).validate().valid


def test_json_schema_accepts_patients_and_refuses_others(reference: pd.DataFrame) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    patients = json.loads(reference.head(20).to_json(orient="records"))
    assert [error.message for patient in patients for error in checker.iter_errors(patient)] == []
    for name, value in (("AGE", 17), ("SEX", "m"), ("NPM1", 2), ("OSTM", -1), ("UNKNOWN", 1)):
        assert list(checker.iter_errors(patients[0] | {name: value})), name


def test_codebook_names_every_variable_and_rule(dictionary: Dictionary) -> None:
    text = codebook()
    for variable in dictionary.variables:
        assert f"| `{variable.name}` | `{variable.id}` |" in text
    for rule in dictionary.rules:
        assert f"`{rule.id}`" in text
    assert "the project's reading" in text.replace("this list is ", "")


def test_exported_yaml_is_the_same_dictionary(dictionary: Dictionary, tmp_path: Path) -> None:
    path = tmp_path / "export.yaml"
    path.write_text(FORMATS["yaml"](dictionary), encoding="utf-8")
    assert load_dictionary(path) == dictionary
