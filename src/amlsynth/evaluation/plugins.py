"""Measures of other packages, which amlsynth finds by their entry points.

A package writes in its pyproject.toml

    [project.entry-points."amlsynth.measures"]
    NAME = "MODULE:FAMILY"

where FAMILY is an `amlsynth.evaluation.family.Family`. Its measures then stand in every evaluation, beside
the anchors, and in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.family import Family
from amlsynth.foundation.errors import UsageError

ENTRY_POINTS = "amlsynth.measures"


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
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value)):
        family = _load(point)
        own = [spec.id for spec in family.specs(d)]
        taken = [name for name in own if name in identifiers or own.count(name) > 1]
        if taken or family.name in names:
            what = f"the measure {taken[0]!r}" if taken else f"a family of measures named {family.name!r}"
            raise UsageError(
                f"{_place(point)}: {what} is there already. Rename it there, or uninstall the package."
            )
        names.add(family.name)
        identifiers.update(own)
        families.append(family)
    return tuple(families)


def _load(point: EntryPoint) -> Family:
    try:
        loaded = point.load()
    except Exception as error:
        raise UsageError(
            f"{_place(point)}: it cannot be loaded ({type(error).__name__}: {error}). Mend or uninstall the "
            "package."
        ) from error
    if not isinstance(loaded, Family):
        raise UsageError(
            f"{_place(point)}: it is of the type {type(loaded).__name__}, and an "
            "amlsynth.evaluation.family.Family is expected. Mend or uninstall the package."
        )
    package = "another package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    return replace(loaded, package=package)


def _place(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of the package {point.dist.name}"
    return f"The entry point {point.name!r} ({point.value}) in {ENTRY_POINTS}{package}"
