"""Measures of other packages, found by their entry points (see `foundation.plugins`).

A package writes in its pyproject.toml::

    [project.entry-points."amlsynth.measures"]
    my-measures = "my_package.measures:GROUP"

where GROUP is an `amlsynth.evaluation.measure_group.MeasureGroup`. Its measures then stand in every
evaluation, beside the anchors, and in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import MeasureGroup
from amlsynth.foundation.plugins import Plugin, plugins

ENTRY_POINTS = "amlsynth.measures"
_WHAT = "group of measures"


def installed_groups(known: Sequence[MeasureGroup], d: Dictionary) -> tuple[MeasureGroup, ...]:
    """Return the groups of other packages, in the order of their entry points' names.

    Parameters
    ----------
    known : the groups whose names and identifiers of measures are taken.
    d : the dictionary that the measures are made for.

    Raises
    ------
    UsageError
        An entry point cannot be loaded or is no group, or a name or an identifier is taken.
    """
    names = {group.name for group in known}
    identifiers = {definition.id for group in known for definition in group.definitions(d)}
    groups = []
    for plugin in plugins(ENTRY_POINTS).values():
        group = _load(plugin)
        if group.name in names:
            raise plugin.broken(_WHAT, f"has the name {group.name!r}, which is taken")
        names.add(group.name)
        for definition in group.definitions(d):
            if definition.id in identifiers:
                raise plugin.broken(_WHAT, f"has a measure {definition.id!r}, which is there already")
            identifiers.add(definition.id)
        groups.append(group)
    return tuple(groups)


def _load(plugin: Plugin) -> MeasureGroup:
    group = plugin.load(_WHAT)
    if not isinstance(group, MeasureGroup):
        raise plugin.broken(
            _WHAT,
            f"is of the type {type(group).__name__} and no amlsynth.evaluation.measure_group.MeasureGroup",
        )
    return replace(group, package=plugin.package)
