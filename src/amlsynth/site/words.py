"""The words by which entries are found: names, labels, and what trial offices call the variables."""

from __future__ import annotations

from functools import cache

import yaml

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.assets import asset


def words_of(variable: Variable) -> str:
    """Return names, label and synonyms of a variable, in lower case."""
    return " ".join(
        (variable.name, variable.label, variable.export_name, *_synonyms(variable.name))
    ).casefold()


def words_of_all(d: Dictionary) -> str:
    """Return the words of every variable, each once."""
    return " ".join(dict.fromkeys(word for v in d.variables for word in words_of(v).split()))


def _synonyms(name: str) -> tuple[str, ...]:
    return _all_synonyms().get(name, ())


@cache
def _all_synonyms() -> dict[str, tuple[str, ...]]:
    content = yaml.safe_load(asset("schema/mappings/synonyms.yaml").read_text(encoding="utf-8"))
    return {name: tuple(map(str, known)) for name, known in content["names"].items()}
