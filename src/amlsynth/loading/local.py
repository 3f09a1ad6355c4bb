"""Releases on this machine: folders and zips called NAME-VERSION, and what comes with the package."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import BUNDLED, CHECKSUMS
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import restore_all, restore_folder
from amlsynth.release.versions import Version

SEARCH_VARIABLE = "AMLSYNTH_RELEASES"
_STEM = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*?)-(?P<version>[0-9]+\.[0-9]+\.[0-9]+\S*)", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A release on this machine: a folder or a zip that is called NAME-VERSION."""

    name: str
    version: Version
    path: Path


def local_releases() -> list[Found]:
    """List the releases on this machine, by name and from the oldest version to the newest.

    Searched are the folders that the environment variable AMLSYNTH_RELEASES names, ./releases, and what
    comes with the package. A release that stands in several places is listed once: the first folder that is
    searched wins, and there the unpacked release.
    """
    listed: dict[tuple[str, str], Found] = {}
    for folder in [*search_path(), *_with_the_package()]:
        restore_all(folder)
        try:
            paths = sorted(folder.iterdir(), key=lambda path: (path.suffix == ".zip", path.name))
        except OSError:
            continue  # a folder that is not there holds no releases
        for path in paths:
            match = _STEM.fullmatch(path.name.removesuffix(".zip"))
            version = _version(match["version"]) if match else None
            if match and version and is_release(path):
                found = Found(match["name"], version, path)
                listed.setdefault((found.name, found.version.text), found)
    return sorted(listed.values(), key=lambda found: (found.name, found.version))


def _with_the_package() -> list[Path]:
    try:
        return [asset(BUNDLED)]
    except UsageError:  # an installation without it
        return []


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None


def local_file(name: str) -> Path | None:
    """Return a file of this name in one of the folders that are searched for releases."""
    for folder in search_path():
        path = folder / name
        if path.is_file():
            return path
    return None


def is_release(path: Path) -> bool:
    """Say whether a path looks like a release; that it is one is found out on reading."""
    try:
        restore_folder(path)
        return (path / CHECKSUMS).is_file() if path.is_dir() else path.suffix == ".zip" and path.is_file()
    except (OSError, ValueError):
        return False


def search_path() -> list[Path]:
    """Return the folders that are searched for releases, in order."""
    named = os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep)
    return [*(Path(part) for part in named if part), Path("releases")]
