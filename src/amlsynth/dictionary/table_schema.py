"""The Frictionless Table Schema of the core table (Data Package v2)."""

from __future__ import annotations

from typing import Any

from amlsynth.dictionary.model import Dictionary, Variable, dictionary

_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
_TYPES = {"integer": "integer", "number": "number", "category": "string"}


def table_schema(d: Dictionary | None = None) -> dict[str, Any]:
    """Return the Table Schema, as plain data.

    The rules between columns have no place in a Table Schema; they stand in the codebook and in the
    Pandera schema.
    """
    d = d or dictionary()
    return {
        "$schema": _PROFILE,
        "fields": [_field(variable) for variable in d.variables],
        "missingValues": list(d.missing_values),
    }


def _field(variable: Variable) -> dict[str, Any]:
    constraints: dict[str, Any] = {}
    if not variable.missing:
        constraints["required"] = True
    if variable.minimum is not None:
        key = "exclusiveMinimum" if variable.exclusive_minimum else "minimum"
        whole = variable.type == "integer"
        constraints[key] = int(variable.minimum) if whole else variable.minimum
        constraints["maximum"] = int(variable.maximum or 0) if whole else variable.maximum
    if variable.is_categorical:
        constraints["enum"] = list(variable.values)
    field: dict[str, Any] = {
        "name": variable.name,
        "title": variable.label,
        "description": variable.description,
        "type": _TYPES.get(variable.type, "integer"),
    }
    if variable.unit:
        field["unit"] = variable.unit
    if variable.category_labels:
        field["categories"] = [
            {"value": value, "label": label} for value, label in variable.category_labels.items()
        ]
    elif variable.type == "tri-state":
        field["categories"] = [{"value": 0, "label": "absent"}, {"value": 1, "label": "present"}]
    if constraints:
        field["constraints"] = constraints
    return field
