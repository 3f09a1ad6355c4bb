"""What the Parquet files of a release say of themselves, so that it travels with them alone.

The schema has title, version, licence, DOI, citation and what the data are; `pandas.read_parquet` shows these
in `attrs`. Each column has its label, unit, values, missing codes and description.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from amlsynth.cohort.table_writing import ParquetMetadata, describe_parquet
from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.parquet import check_footer
from amlsynth.release.checksums import Problem
from amlsynth.release.package import DataPackage
from amlsynth.release.spec import ReleaseSpec

_PANDAS = "PANDAS_ATTRS"  # whose JSON pandas takes for the attributes of the frame
_WRITTEN = ("pandas", "ARROW:schema")  # by the libraries, of the types
_PLACE = "PARQUET:field_id"


def metadata_of_spec(spec: ReleaseSpec, statement: str, citation: str, d: Dictionary) -> ParquetMetadata:
    """Return the metadata of the data of a release that has no DOI yet."""
    about = {"name": spec.name, "version": spec.version, "title": spec.title, "license": spec.license}
    return _metadata(about | {"citation": citation, "statement": statement}, d)


def metadata_of_package(package: DataPackage, d: Dictionary) -> ParquetMetadata:
    """Return the metadata of the data of a release."""
    about = {"name": package.name, "version": package.version, "title": package.title}
    about |= {"license": package.licenses[0].name, "citation": package.citation}
    about |= {"statement": package.statement}
    return _metadata(about | ({"doi": doi_url(package.doi)} if package.doi else {}), d)


def describe_again(folder: Path, package: DataPackage, d: Dictionary) -> None:
    """Write the Parquet files of a release folder anew with the metadata of its data package."""
    metadata = metadata_of_package(package, d)
    for _, parquet in package.tables:
        describe_parquet(folder / parquet, metadata)


def metadata_problems(folder: Path, package: DataPackage, d: Dictionary) -> Iterator[Problem]:
    """Yield the Parquet files whose metadata are not those of the data package and the dictionary."""
    import pyarrow.parquet

    wanted = metadata_of_package(package, d)
    for _, parquet in package.tables:
        check_footer(folder / parquet)
        schema = pyarrow.parquet.read_schema(folder / parquet)
        columns = {column.name: _texts(column.metadata) for column in schema}
        if (_texts(schema.metadata), columns) != (wanted.table, wanted.columns):
            message = "what it says of itself is not what the other files of the release say"
            yield Problem(file=parquet, check="metadata", message=message)
        plain = schema.empty_table().to_pandas().dtypes  # an error of pandas is one of the check
        if plain.astype(str).to_dict() != {variable.name: str(variable.dtype) for variable in d.variables}:
            message = "pandas.read_parquet would not give the types of the dictionary back"
            yield Problem(file=parquet, check="metadata", message=message)


def _metadata(about: dict[str, str], d: Dictionary) -> ParquetMetadata:
    table = about | {
        "dictionary": f"{d.name} {d.version}",
        "missing": "null: missing or not assessed",
        _PANDAS: json.dumps(about, ensure_ascii=False),
    }
    return ParquetMetadata(table, {variable.name: _column(variable) for variable in d.variables})


def _column(variable: Variable) -> dict[str, str]:
    content = {"label": variable.label, "description": variable.description}
    if variable.unit:
        content["unit"] = variable.unit
    values = variable.category_labels
    if variable.type == "tri-state":
        values = {"0": "absent", "1": "present"}
    elif variable.type == "status":
        values = {"0": "censored or no", "1": "event or yes"}
    if values:
        content["values"] = json.dumps(values, ensure_ascii=False)
    return content | {"missing": "null" if variable.missing else "never"}


def _texts(found: dict[bytes, bytes] | None) -> dict[str, str]:
    texts = {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in (found or {}).items()
    }
    return {key: text for key, text in texts.items() if key not in _WRITTEN and key != _PLACE}
