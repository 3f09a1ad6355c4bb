"""The dictionary that travels with data: written beside them as `dictionary.yaml`, read back without trust.

A release and an evaluation carry the dictionary that they were made under, so that a reader who lacks it, or
has another version of it, reads them by the right one. What is carried is complete: it extends no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from amlsynth.dictionary import derived
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.defaults import DICTIONARY_FILE
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.text import unprintable_at
from amlsynth.foundation.yamlfile import read_yaml, validated_yaml

# A dictionary of others is untrusted text. The AML dictionary has 63 variables and 72 cases of rules.
MAX_VARIABLES = 2_000
MAX_RULE_CASES = 20_000
_REMEMBERED = 8


@dataclass(frozen=True)
class _Carried:
    """What a carried dictionary is read from: equal where it says the same, wherever the file is."""

    content: bytes
    classifications: tuple[str, ...]  # that this installation has
    path: Path = field(compare=False)


@lru_cache(maxsize=_REMEMBERED)
def dictionary_yaml(d: Dictionary) -> str:
    """Return a dictionary as YAML, with what it inherits written out; the same dictionary, the same text.

    Examples
    --------
    >>> from amlsynth.dictionary.model import load_dictionary
    >>> dictionary_yaml(load_dictionary("mds")).splitlines()[0]
    'name: mds'
    """
    data = d.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def write_carried(d: Dictionary, folder: Path) -> None:
    """Write `dictionary.yaml` into the folder of a release or an evaluation."""
    write_text(folder / DICTIONARY_FILE, dictionary_yaml(d))


def carried_dictionary(folder: Path) -> Dictionary | None:
    """Return the dictionary that a folder carries; None where it carries none.

    Raises
    ------
    UsageError
        The file is no dictionary of this version's form, extends another file, or is too large; the sentence
        names the line.
    """
    path = folder / DICTIONARY_FILE
    return read_carried(path) if path.exists() else None


def read_carried(path: Path) -> Dictionary:
    """Read a dictionary that came with data; errors as of `carried_dictionary`.

    A release is read several times while it is built, checked and published: what was read is remembered.
    """
    content = path.read_bytes() if path.is_file() else b""
    return _read(_Carried(content, tuple(derived.CLASSIFICATIONS), path))


@lru_cache(maxsize=_REMEMBERED)
def _read(carried: _Carried) -> Dictionary:
    path = carried.path
    data, lines = read_yaml(path, what="dictionary")
    odd = unprintable_at(data)
    if odd:
        raise UsageError(f"{path}: it has control characters at {odd}, which no dictionary has.")
    if isinstance(data, dict):
        if "extends" in data:
            raise UsageError(
                f"{path}:{lines.get(('extends',), 1)}: a dictionary that travels with data extends no other. "
                "Write it with: amlsynth schema export --format yaml"
            )
        _check_size(path, data)
        _without_unknown_classification(data)
    read = validated_yaml(path, data, lines, Dictionary)
    default = dictionary()
    return default if read == default else read


def _check_size(path: Path, data: dict[str, Any]) -> None:
    """Refuse what would take hours to read: a rule stands for one case a variable, and each is parsed."""
    variables, rules = data.get("variables"), data.get("rules")
    many = len(variables) if isinstance(variables, list) else 0
    if many > MAX_VARIABLES:
        raise UsageError(f"{path}: {many:,} variables are too many; at most {MAX_VARIABLES:,} are read.")
    cases = 0
    for rule in rules if isinstance(rules, list) else ():
        targets = rule.get("for_each") if isinstance(rule, dict) else None
        for target in targets if isinstance(targets, list) else (None,):
            cases += many if str(target).startswith("group:") else 1
    if cases > MAX_RULE_CASES:
        raise UsageError(
            f"{path}: its rules stand for more than {MAX_RULE_CASES:,} cases, which are not read."
        )


def _without_unknown_classification(data: dict[str, Any]) -> None:
    """Leave out a classification by a function that this installation lacks: data are read without it."""
    roles = data.get("roles")
    chosen = roles.get("classification") if isinstance(roles, dict) else None
    function = chosen.get("function") if isinstance(chosen, dict) else None
    if isinstance(roles, dict) and isinstance(function, str) and function not in derived.CLASSIFICATIONS:
        del roles["classification"]
