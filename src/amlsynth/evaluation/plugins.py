"""Measures of other packages, found by their entry points (see `foundation.plugins`).

A package writes in its pyproject.toml::

    [project.entry-points."amlsynth.measures"]
    my-measures = "my_package.measures:GROUP"

where GROUP is an `amlsynth.evaluation.family.Family`. Its measures then stand in every evaluation, beside the
anchors, and in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.family import Family
from amlsynth.foundation.plugins import Plugin, plugins

ENTRY_POINTS = "amlsynth.measures"
_WHAT = "family of measures"


def installed_families(known: Sequence[Family], d: Dictionary) -> tuple[Family, ...]:
    """Return the families of other packages, in the order of their entry points' names.

    Parameters
    ----------
    known : the families whose names and identifiers of measures are taken.
    d : the dictionary that the measures are made for.

    Raises
    ------
    UsageError
        An entry point cannot be loaded or is no family, or a name or an identifier is taken.
    """
    names = {family.name for family in known}
    identifiers = {spec.id for family in known for spec in family.specs(d)}
    families = []
    for plugin in plugins(ENTRY_POINTS).values():
        family = _load(plugin)
        if family.name in names:
            raise plugin.broken(_WHAT, f"has the name {family.name!r}, which is taken")
        names.add(family.name)
        for spec in family.specs(d):
            if spec.id in identifiers:
                raise plugin.broken(_WHAT, f"has a measure {spec.id!r}, which is there already")
            identifiers.add(spec.id)
        families.append(family)
    return tuple(families)


def _load(plugin: Plugin) -> Family:
    family = plugin.load(_WHAT)
    if not isinstance(family, Family):
        raise plugin.broken(
            _WHAT, f"is of the type {type(family).__name__} and not an amlsynth.evaluation.family.Family"
        )
    return replace(family, package=plugin.package)
