"""Generators: the registry, and one module a generator."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.defaults import DEFAULT_GENERATOR
from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra
from amlsynth.generators.base import Generator, Parameters

__all__ = ["DEFAULT", "Generator", "Parameters", "create", "generator_class", "generator_names"]

DEFAULT = DEFAULT_GENERATOR

# To add a generator, write its class in a module of its own and name it here. Modules are imported only
# when asked for, since some of them bring heavy packages.
_REGISTRY = {
    "event-history": ("amlsynth.generators.event_history.generator", "EventHistory"),
    "private": ("amlsynth.generators.private.generator", "Private"),
    "sequential-cart": ("amlsynth.generators.sequential_cart", "SequentialCart"),
    "nflow": ("amlsynth.generators.nflow.generator", "NFlow"),
    "ctabgan-plus": ("amlsynth.generators.ctabgan", "CtabganPlus"),
    "independent": ("amlsynth.generators.anchors", "Independent"),
    "bootstrap": ("amlsynth.generators.anchors", "Bootstrap"),
}

_SYNTHCITY = "synthcity:"  # a plugin's name follows; what they are called is synthcity's affair


def generator_names() -> tuple[str, ...]:
    """Return the names that `create` knows, the default first."""
    return tuple(_REGISTRY)


def generator_class(name: str) -> type[Generator]:
    """Return the class of a generator.

    Raises
    ------
    UsageError
        No generator has that name; the sentence tells the nearest.
    MissingExtraError
        Its packages are not installed.
    """
    if name.startswith(_SYNTHCITY):
        from amlsynth.generators.synthcity.generator import synthcity_class

        return synthcity_class(name.removeprefix(_SYNTHCITY))
    if name not in _REGISTRY:
        raise UsageError(
            f"There is no generator {name!r}.{did_you_mean(name, (*_REGISTRY, _SYNTHCITY))} "
            f"Generators: {', '.join(generator_names())}, and {_SYNTHCITY}PLUGIN."
        )
    module, attribute = _REGISTRY[name]
    require_extra("generate", "scipy", f"The generator {name}")  # which some import at their head
    found: type[Generator] = getattr(import_module(module), attribute)
    return found


def create(name: str, params: Mapping[str, Any] | None = None, d: Dictionary | None = None) -> Generator:
    """Make a generator with parameters, given as values or as text from the command line.

    Raises
    ------
    UsageError
        An unknown generator or parameter (with the nearest), or a value out of bounds.
    """
    kind = generator_class(name)
    known = kind.Params.model_fields
    for key in params or {}:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(
                f"{name} has no parameter {key!r}.{did_you_mean(key, known)} Its parameters: {listed}."
            )
    try:
        return kind(kind.Params.model_validate(dict(params or {})), d)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: the parameter {place} cannot be {first['input']!r}: {problem}.") from error
