"""Data sets by name and version: on this machine, in the cache, or listed in a registry."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.files import sha256
from amlsynth.loading.cache import Cache
from amlsynth.loading.local import SEARCH_VARIABLE, local_file, local_releases, search_path
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import Entry, entries, newest
from amlsynth.release.semver import Version

if TYPE_CHECKING:
    from amlsynth.loading.loader import Loading


def from_name(loading: Loading, name: str, version: str | None) -> Dataset:
    """Load a data set by its name, and the newest version when none is given.

    Of the same version, a release in ./releases or in a folder of AMLSYNTH_RELEASES comes before the
    registry.
    """
    local = {found.version.text: found for found in local_releases() if found.name == name}
    if version in local:
        return loading.from_path(local[version].path, version, name=name)
    listed = {e.version: e for e in entries(loading.cache, loading.registry) if e.name == name}
    cached = {v: path for n, v, path in cached_releases(loading.cache) if n == name}
    if version is None:
        here = {v for v, entry in listed.items() if not loading.offline or _at_hand(loading, entry)}
        ready = {v for v in here if listed[v].status == "published"}
        best = newest(Version(text) for text in {*local, *cached, *ready})
        version = best.text if best else next(reversed(listed), None)  # which tells why it is not loaded
        if version in local:
            return loading.from_path(local[version].path, version, name=name)
    if version in listed:
        return from_entry(loading, listed[version], [*local, *cached])
    if version in cached:
        return loading.from_path(cached[version], version, name=name)
    raise _unknown(loading, name, version, {*local, *listed, *cached})


def from_entry(loading: Loading, entry: Entry, others: list[str] | None = None) -> Dataset:
    """Load what a registry lists: from the cache, or else downloaded into it."""
    if entry.status != "published":
        reason = f" {entry.note}" if entry.note else ""
        there = f" Versions on this machine: {', '.join(others)}." if others else ""
        raise UsageError(f"{entry.name} {entry.version} is {entry.status}.{reason}{there}")
    if loading.sha256 and entry.sha256 and loading.sha256 != entry.sha256:
        raise DataError(
            f"{entry.stem}: the SHA-256 asked for is {loading.sha256}, but {entry.registry} lists "
            f"{entry.sha256}."
        )
    expected = entry.sha256 or loading.sha256 or loading.cache.known(entry.key)
    path = _at_hand(loading, entry)
    if path is not None:
        try:
            return _checked(loading, entry, path, expected)
        except DataError as error:
            if expected is None or path != loading.cache.file(expected):
                raise
            loading.cache.remove(expected)  # it was damaged in the cache
            if loading.offline:
                raise DataError(f"{error} The damaged copy was removed; load again with the net.") from error
    if loading.offline:
        raise UsageError(f"{entry.stem} was not loaded before, and offline=True forbids to download it.")
    from amlsynth.loading.remote import fetch_entry

    path, found = fetch_entry(loading, entry, expected)
    try:
        made = _checked(loading, entry, path, expected or found)
    except DataError:
        loading.cache.remove(found)
        raise
    loading.cache.remember(entry.key, found)
    return made


def from_foreign_file(loading: Loading, path: Path, version: str | None, entry: Entry | None) -> Dataset:
    """Load a CSV file in a layout that is known."""
    from amlsynth.loading.foreign import layout_of, read_foreign

    layout = entry.layout if entry else layout_of(path)
    if layout is None:
        raise UsageError(
            f"{path}: no release, and its columns are in no layout that is known. A table with the columns "
            "of the dictionary is read with amlsynth.read_table."
        )
    digest = sha256(path)
    if entry is None:
        fits = [e for e in entries(loading.cache, loading.registry) if e.layout == layout]
        fits = [e for e in fits if e.file and fnmatch.fnmatch(path.name.lower(), e.file.lower())]
        entry = fits[0] if len(fits) == 1 else None
    expected = loading.sha256 or (entry.sha256 if entry else None)
    if expected is not None and digest != expected:
        raise DataError(f"{path}: its SHA-256 is {digest}, not {expected}. Get the file again.")
    if version is not None and (entry is None or version != entry.version):
        raise UsageError(f"{path}: the file does not tell its version. Leave {version!r} out.")
    read = read_foreign(path, layout, loading.drop_unknown)
    about = loading.cache.about(digest)
    notes = list(read.notes)
    if expected is None:
        notes.insert(
            0,
            f"No registry lists the SHA-256 of this file, so nobody vouches for its bytes. It is {digest}; "
            "compare it, and give it as sha256=.",
        )
    return Dataset(
        frame=read.frame,
        name=entry.name if entry else layout,
        version=entry.version if entry else "unknown",
        title=entry.title if entry else read.layout.title,
        statement=read.layout.statement,
        kind="foreign",
        doi=entry.doi if entry else None,
        license=(entry.license if entry else None) or about.get("license"),
        citation=entry.citation if entry else None,
        original_is_simulated=None,
        path=path,
        sha256=digest,
        notes=tuple(notes),
    )


def cached_releases(cache: Cache) -> list[tuple[str, str, Path]]:
    """List name, version and path of the releases in the cache that were checked."""
    found = []
    for digest, path in cache.files():
        info = (cache.checked(digest) or {}).get("info", {})
        if isinstance(info, dict) and {"name", "version"} <= info.keys():
            found.append((str(info["name"]), str(info["version"]), path))
    return found


def _at_hand(loading: Loading, entry: Entry) -> Path | None:
    """Return the file of an entry where it is on this machine."""
    digest = entry.sha256 or loading.sha256 or loading.cache.known(entry.key)
    path = loading.cache.file(digest) if digest else None
    if path is None and entry.kind == "foreign" and entry.file and not set("*?[") & set(entry.file):
        path = local_file(entry.file)
    return path


def _checked(loading: Loading, entry: Entry, path: Path, expected: str | None) -> Dataset:
    made = loading.from_path(path, entry.version, name=entry.name, entry=entry)
    if expected is not None and made.sha256 != expected:
        raise DataError(
            f"{path}: the file of {entry.stem} has the SHA-256 {made.sha256}; it should be {expected}. It is "
            "not used."
        )
    return made


def _unknown(loading: Loading, name: str, version: str | None, versions: set[str]) -> UsageError:
    searched = ", ".join(str(folder) for folder in search_path())
    if versions:
        ordered = sorted(Version(text) for text in versions)
        return UsageError(
            f"There is no version {version!r} of {name} in the registry, the cache or {searched}. "
            f"Versions: {', '.join(map(str, ordered))}."
        )
    names = {found.name for found in local_releases()}
    names |= {entry.name for entry in entries(loading.cache, loading.registry)}
    names |= {cached for cached, _, _ in cached_releases(loading.cache)}
    return UsageError(
        f"There is no release {name!r} in the registry, the cache or {searched}."
        f"{did_you_mean(name, sorted(names))} Give the path of its folder or zip, or name the folder of your "
        f"releases in {SEARCH_VARIABLE}. `amlsynth datasets` lists what there is."
    )
