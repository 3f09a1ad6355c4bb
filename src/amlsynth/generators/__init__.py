"""Generators: the registry, and one module a generator.

A generator of another package is found by its entry point in the group "amlsynth.generators"; see
`foundation.plugins`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.defaults import DEFAULT_GENERATOR
from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra
from amlsynth.foundation.plugins import Plugin, plugins
from amlsynth.generators.base import BaseGenerator, Generator, Parameters

__all__ = [
    "DEFAULT",
    "BaseGenerator",
    "Generator",
    "Parameters",
    "create",
    "generator_class",
    "generator_extras",
    "generator_names",
]

DEFAULT = DEFAULT_GENERATOR

# To add a generator, write its class in a module of its own and name it here. Modules are imported only
# when asked for, since some of them bring heavy packages. No plug-in can take one of these names.
_REGISTRY = {
    "event-history": ("amlsynth.generators.event_history.generator", "EventHistory"),
    "private": ("amlsynth.generators.private.generator", "Private"),
    "sequential-cart": ("amlsynth.generators.sequential_cart", "SequentialCart"),
    "nflow": ("amlsynth.generators.nflow.generator", "NFlow"),
    "ctabgan-plus": ("amlsynth.generators.ctabgan", "CtabganPlus"),
    "independent": ("amlsynth.generators.anchors", "Independent"),
    "bootstrap": ("amlsynth.generators.anchors", "Bootstrap"),
}

# The extras of pyproject.toml that a generator needs beside "generate".
_EXTRAS = {"private": "private", "nflow": "neural", "ctabgan-plus": "neural"}

_SYNTHCITY = "synthcity:"  # a plugin's name follows; what they are called is synthcity's affair
_ENTRY_POINTS = "amlsynth.generators"


def generator_names() -> tuple[str, ...]:
    """Return the names that `create` knows, the default first, plug-ins of other packages last."""
    return (*_REGISTRY, *(name for name in plugins(_ENTRY_POINTS) if name not in _REGISTRY))


def generator_extras(name: str) -> tuple[str, ...]:
    """Return the extras of amlsynth that bring what a generator needs; of a plug-in those of every generator.

    Examples
    --------
    >>> generator_extras("private")
    ('generate', 'private')
    """
    more = "synthcity" if name.startswith(_SYNTHCITY) else _EXTRAS.get(name)
    return ("generate", more) if more else ("generate",)


def generator_class(name: str) -> type[BaseGenerator]:
    """Return the class of a generator.

    Raises
    ------
    UsageError
        No generator has that name (the sentence tells the nearest), or the package of a plug-in is broken.
    MissingExtraError
        Its packages are not installed.
    """
    if name.startswith(_SYNTHCITY):
        from amlsynth.generators.synthcity.generator import synthcity_class

        return synthcity_class(name.removeprefix(_SYNTHCITY))
    if name not in _REGISTRY:
        installed = plugins(_ENTRY_POINTS)
        if name in installed:
            return _plugin_class(installed[name])
        names = (*_REGISTRY, *installed)
        raise UsageError(
            f"There is no generator {name!r}.{did_you_mean(name, (*names, _SYNTHCITY))} "
            f"Generators: {', '.join(names)}, and {_SYNTHCITY}PLUGIN."
        )
    module, attribute = _REGISTRY[name]
    require_extra("generate", "scipy", f"The generator {name}")  # which some import at their head
    kind: type[BaseGenerator] = getattr(import_module(module), attribute)
    return kind


def _plugin_class(plugin: Plugin) -> type[BaseGenerator]:
    kind = plugin.load("generator")
    if not (isinstance(kind, type) and issubclass(kind, BaseGenerator)):
        raise plugin.broken("generator", "is no subclass of amlsynth.generators.Generator")
    if inspect.isabstract(kind):
        raise plugin.broken("generator", f"lacks {', '.join(sorted(kind.__abstractmethods__))}")
    if getattr(kind, "name", None) != plugin.name:
        raise plugin.broken("generator", f"calls itself {getattr(kind, 'name', None)!r}, not by that name")
    return kind


def create(name: str, params: Mapping[str, Any] | None = None, d: Dictionary | None = None) -> BaseGenerator:
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
        model = kind(kind.Params.model_validate(dict(params or {})), d)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: the parameter {place} cannot be {first['input']!r}: {problem}.") from error
    plugin = None if name in _REGISTRY else plugins(_ENTRY_POINTS).get(name)
    model.package = plugin.package if plugin else None
    return model
