"""CDISC Dataset-JSON 1.1: one file a data set, columns described, then one array a record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from amlsynth.foundation.version import __version__
from amlsynth.release.adam.tables import Column, Dataset, Study

VERSION = "1.1.0"
_TYPES = {"text": "string", "integer": "integer", "float": "float"}
_ROWS = 50_000  # turned to text at a time, so that large cohorts need little memory


def write_dataset_json(dataset: Dataset, study: Study, path: Path) -> None:
    """Write a data set as Dataset-JSON; a missing value is null.

    Source: CDISC Dataset-JSON 1.1, checked with odmlib's model.
    """
    head = json.dumps(_head(dataset, study), ensure_ascii=False, indent=1)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(head.removesuffix("\n}") + ',\n "rows": [')
        for start in range(0, len(dataset.frame), _ROWS):
            part = dataset.frame.iloc[start : start + _ROWS]
            tokens = [_tokens(part[column.name].to_numpy(), column) for column in dataset.columns]
            rows = ",\n  ".join(f"[{','.join(row)}]" for row in zip(*tokens, strict=True))
            stream.write((",\n  " if start else "\n  ") + rows)
        stream.write("\n ]\n}\n")


def item_oid(dataset: str, column: str) -> str:
    """Return the identifier of a variable, the same in Dataset-JSON and Define-XML."""
    return f"IT.{dataset}.{column}"


def text_length(values: Iterable[str]) -> int:
    """Return the bytes of the longest text, 1 at least."""
    return max((len(value.encode()) for value in set(values)), default=1) or 1


def _head(dataset: Dataset, study: Study) -> dict[str, Any]:
    moment = f"{study.date.isoformat()}T00:00:00"
    return {
        "datasetJSONCreationDateTime": moment,
        "datasetJSONVersion": VERSION,
        "fileOID": f"{study.name}.{study.version}.{dataset.name}",
        "dbLastModifiedDateTime": moment,
        "originator": study.title,
        "sourceSystem": {"name": "amlsynth", "version": __version__},
        "studyOID": f"ST.{study.id}",
        "metaDataVersionOID": f"MDV.{study.id}.{study.version}",
        "metaDataRef": "define.xml",
        "itemGroupOID": f"IG.{dataset.name}",
        "records": len(dataset.frame),
        "name": dataset.name,
        "label": dataset.label,
        "columns": [_column(dataset, column) for column in dataset.columns],
    }


def _column(dataset: Dataset, column: Column) -> dict[str, Any]:
    content: dict[str, Any] = {
        "itemOID": item_oid(dataset.name, column.name),
        "name": column.name,
        "label": column.label,
        "dataType": _TYPES[column.kind],
    }
    if column.kind == "text":
        content["length"] = text_length(dataset.frame[column.name])
    if column.key:
        content["keySequence"] = column.key
    return content


def _tokens(values: np.ndarray[Any, Any], column: Column) -> list[str]:
    """Return the values as JSON."""
    if column.kind == "text":
        known = {text: json.dumps(text, ensure_ascii=False) for text in set(values)} | {"": "null"}
        return [known[text] for text in values]
    if column.kind == "integer":
        return ["null" if value != value else str(int(value)) for value in values.tolist()]
    return ["null" if value != value else repr(value) for value in values.tolist()]
