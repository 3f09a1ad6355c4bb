"""Plug-ins: parts that other packages bring, found by the entry points in their metadata.

A package says in its pyproject.toml what it brings, and is installed beside amlsynth; no more is needed::

    [project.entry-points."amlsynth.generators"]
    my-generator = "my_package.generator:MyGenerator"
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from amlsynth.foundation.errors import MissingExtraError, UsageError


@dataclass(frozen=True)
class Plugin:
    """What one package, or by mistake several, brings under a name."""

    name: str
    entries: tuple[EntryPoint, ...]

    @property
    def package(self) -> str:
        """Name and version of the package, as pip knows them."""
        return _package(self.entries[0])

    def load(self, what: str) -> Any:
        """Import and return it.

        Parameters
        ----------
        what : what it is, as in "generator", for the sentences of errors.

        Raises
        ------
        UsageError
            Two packages bring the name, or the package cannot be imported; the sentence names it.
        """
        if len(self.entries) > 1:
            packages = " and ".join(sorted(_package(entry) for entry in self.entries))
            raise UsageError(
                f"The {what} {self.name!r} is brought by {packages}. Uninstall one of them (pip uninstall)."
            )
        try:
            return self.entries[0].load()
        except MissingExtraError:
            raise  # of amlsynth itself, with its remedy
        except Exception as error:  # whatever runs when another package is imported
            first = next(iter(str(error).splitlines()), "")
            raise self.broken(what, f"cannot be imported ({type(error).__name__}: {first})") from error

    def broken(self, what: str, problem: str) -> UsageError:
        """Return the error that says what is wrong with the package."""
        entry = self.entries[0]
        name = entry.dist.name if entry.dist else entry.module
        return UsageError(
            f"The {what} {self.name!r} is a plug-in of the package {self.package}, and its {entry.value!r} "
            f"{problem}. Install a version that works, or remove it: pip uninstall {name}."
        )


def plugins(group: str) -> dict[str, Plugin]:
    """Return the plug-ins of a group of entry points, such as "amlsynth.generators", by name."""
    entries: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        entries[entry.name] = (*entries.get(entry.name, ()), entry)
    return {name: Plugin(name, entries[name]) for name in sorted(entries)}


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
