"""The JSON Schema of one patient of the core table."""

from __future__ import annotations

from typing import Any

from amlsynth.dictionary.model import Dictionary, Variable, dictionary


def json_schema(d: Dictionary | None = None) -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) of one record; NA is null.

    The rules between columns are not in it, since JSON Schema cannot compare two numbers.
    """
    d = d or dictionary()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": d.title,
        "description": f"One patient. {d.description}",
        "type": "object",
        "properties": {variable.name: _property(variable) for variable in d.variables},
        "required": list(d.names),
        "additionalProperties": False,
    }


def _property(variable: Variable) -> dict[str, Any]:
    unit = f" Unit: {variable.unit}." if variable.unit else ""
    schema: dict[str, Any] = {"title": variable.label, "description": variable.description + unit}
    if variable.is_categorical:
        schema["enum"] = [*variable.values, *([None] if variable.missing else [])]
        return schema
    kind = "integer" if variable.type == "integer" else "number"
    schema["type"] = [kind, "null"] if variable.missing else kind
    schema["exclusiveMinimum" if variable.exclusive_minimum else "minimum"] = variable.minimum
    schema["maximum"] = variable.maximum
    return schema
