"""Data sets by name and version: on this machine, in the cache, or listed in a registry."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.loading.cache import Cache
from amlsynth.loading.local import SEARCH_VARIABLE, local_file, local_releases, search_path
from amlsynth.loading.paths import from_path
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import Entry, entries, newest
from amlsynth.loading.request import Request
from amlsynth.release.names import NAME_PATTERN
from amlsynth.release.versions import Version


def from_name(request: Request, name: str, version: str | None) -> Dataset:
    """Load a data set by its name, and the newest version when none is given.

    Of the same version, a release in ./releases or in a folder of AMLSYNTH_RELEASES comes before the
    registry.
    """
    local = {found.version.text: found for found in local_releases() if found.name == name}
    if version in local:
        return from_path(request, local[version].path, version, name=name)
    listed = {e.version: e for e in entries(request.cache, request.registry) if e.name == name}
    cached = {v: path for n, v, path in cached_releases(request.cache) if n == name}
    if version is None:
        here = {v for v, entry in listed.items() if not request.offline or _at_hand(request, entry)}
        ready = {v for v in here if listed[v].status == "published"}
        best = newest(Version(text) for text in {*local, *cached, *ready})
        version = best.text if best else next(reversed(listed), None)  # which tells why it is not loaded
        if version in local:
            return from_path(request, local[version].path, version, name=name)
    if version in listed:
        return from_entry(request, listed[version], [*local, *cached])
    if version in cached:
        return from_path(request, cached[version], version, name=name)
    raise _unknown(request, name, version, {*local, *listed, *cached})


def from_entry(request: Request, entry: Entry, others: list[str] | None = None) -> Dataset:
    """Load what a registry lists: from the cache, or else downloaded into it."""
    if entry.status != "published":
        reason = f" {entry.note}" if entry.note else ""
        there = f" Versions on this machine: {', '.join(others)}." if others else ""
        raise UsageError(f"{entry.name} {entry.version} is {entry.status}.{reason}{there}")
    if request.sha256 and entry.sha256 and request.sha256 != entry.sha256:
        raise DataError(
            f"{entry.stem}: the SHA-256 asked for is {request.sha256}, but {entry.registry} lists "
            f"{entry.sha256}."
        )
    expected = entry.sha256 or request.sha256 or request.cache.known(entry.key)
    path = _at_hand(request, entry)
    if path is not None:
        try:
            return _checked(request, entry, path, expected)
        except DataError as error:
            if expected is None or path != request.cache.file(expected):
                raise
            request.cache.remove(expected)  # it was damaged in the cache
            if request.offline:
                raise DataError(f"{error} The damaged copy was removed; load again with the net.") from error
    if request.offline:
        raise UsageError(f"{entry.stem} was not loaded before, and offline=True forbids to download it.")
    from amlsynth.loading.fetching import fetch_entry

    path, found = fetch_entry(request, entry, expected)
    try:
        made = _checked(request, entry, path, expected or found)
    except DataError:
        request.cache.remove(found)
        raise
    request.cache.remember(entry.key, found)
    return made


def cached_releases(cache: Cache) -> list[tuple[str, str, Path]]:
    """List name, version and path of the releases in the cache that were checked."""
    found = []
    for digest, path in cache.files():
        marker = cache.checked(digest) or {}
        name, version = str(marker.get("name")), str(marker.get("version"))
        with contextlib.suppress(ValueError):
            if re.fullmatch(NAME_PATTERN, name):
                found.append((name, Version(version).text, path))
    return found


def _at_hand(request: Request, entry: Entry) -> Path | None:
    """Return the file of an entry where it is on this machine."""
    digest = entry.sha256 or request.sha256 or request.cache.known(entry.key)
    path = request.cache.file(digest) if digest else None
    if path is None and entry.kind == "foreign" and entry.file and not set("*?[") & set(entry.file):
        path = local_file(entry.file)
    return path


def _checked(request: Request, entry: Entry, path: Path, expected: str | None) -> Dataset:
    made = from_path(request, path, entry.version, name=entry.name, entry=entry)
    if expected is not None and made.sha256 != expected:
        raise DataError(
            f"{path}: the file of {entry.stem} has the SHA-256 {made.sha256}; it should be {expected}. It is "
            "not used."
        )
    return made


def _unknown(request: Request, name: str, version: str | None, versions: set[str]) -> UsageError:
    searched = ", ".join(str(folder) for folder in search_path())
    if versions:
        ordered = sorted(Version(text) for text in versions)
        return UsageError(
            f"There is no version {version!r} of {name} in the registry, the cache or {searched}. "
            f"Versions: {', '.join(map(str, ordered))}."
        )
    names = {found.name for found in local_releases()}
    names |= {entry.name for entry in entries(request.cache, request.registry)}
    names |= {cached for cached, _, _ in cached_releases(request.cache)}
    return UsageError(
        f"There is no release {name!r} in the registry, the cache or {searched}."
        f"{did_you_mean(name, sorted(names))} Give the path of its folder or zip, or name the folder of your "
        f"releases in {SEARCH_VARIABLE}. `amlsynth datasets` lists what there is."
    )
