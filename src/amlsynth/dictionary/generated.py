"""The files that are generated from the dictionary and kept in the repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amlsynth.dictionary.accessor import columns_module
from amlsynth.dictionary.carried import dictionary_yaml
from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.json_schema import json_schema
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.dictionary.table_schema import table_schema
from amlsynth.foundation.assets import asset
from amlsynth.foundation.files import write_text


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Dictionary], str]] = {
    "table-schema": lambda d: _json(table_schema(d)),
    "json-schema": lambda d: _json(json_schema(d)),
    "markdown": codebook,
    "yaml": dictionary_yaml,
}

# Path from the top of the repository, and what renders it.
GENERATED: dict[str, Callable[[Dictionary], str]] = {
    "schema/aml.table-schema.json": FORMATS["table-schema"],
    "schema/aml.json-schema.json": FORMATS["json-schema"],
    "schema/CODEBOOK.md": FORMATS["markdown"],
    "src/amlsynth/dictionary/columns.py": columns_module,
}


def render_all(d: Dictionary | None = None) -> dict[str, str]:
    """Return the text of every generated file by its path from the top of the repository."""
    d = d or dictionary()
    return {path: render(d) for path, render in GENERATED.items()}


def write_all(root: Path | None = None) -> None:
    """Write every generated file below the top of the repository (`make schema`)."""
    root = root or asset("schema").parent
    for path, text in render_all().items():
        write_text(root / path, text)
