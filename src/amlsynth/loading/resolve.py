"""The first stage of loading: from what was written to where it is; no byte of it is read or asked for."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from amlsynth.foundation.addresses import check_url, doi_of, is_url
from amlsynth.foundation.defaults import NAME_PATTERN
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.loading.cache import Cache
from amlsynth.loading.local import SEARCH_VARIABLE, is_release, local_releases, search_path
from amlsynth.loading.registry import Entry, at_hand, entries, newest
from amlsynth.loading.request import Request
from amlsynth.release.versions import Version

_NAME = re.compile(rf"(?P<name>{NAME_PATTERN})(?:@(?P<version>.+))?")


@dataclass(frozen=True)
class Local:
    """A release folder, zip or table on this machine.

    version, name : what it must be; a `name` is one that it was found by.
    """

    path: Path
    version: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Remote:
    """A file elsewhere that the cache may hold: one that a registry lists, of a DOI, or at a URL."""

    entry: Entry | None = None
    doi: str | None = None
    url: str | None = None
    version: str | None = None

    @property
    def what(self) -> str:
        """What sentences call it."""
        return self.entry.stem if self.entry else str(self.doi or self.url)

    @property
    def key(self) -> str:
        """Under which the cache remembers what it brought."""
        if self.entry:
            return self.entry.key
        return f"url:{self.url}" if self.url else f"doi:{self.doi}" + f"@{self.version}" * bool(self.version)


def resolve(source: str | Path, version: str | None, request: Request) -> Local | Remote:
    """Find out what a source is.

    Raises
    ------
    UsageError
        It is nothing that is known, a version that there is not, or one that is not published.
    DataError
        A registry lists another SHA-256 than the one asked for.
    """
    path = Path(source)
    if is_release(path) or (_is_file(path) and path.suffix.lower() == ".csv"):
        return Local(path, version)
    if isinstance(source, str):
        doi = doi_of(source)
        if doi:
            return _of_doi(doi, version, request)
        if is_url(source):
            try:
                return Remote(url=check_url(source), version=version)
            except ValueError as error:
                raise UsageError(f"{error}. Give the https URL of a release's zip.") from error
        asked = _NAME.fullmatch(source)
        if asked:
            if version and asked["version"] and version != asked["version"]:
                raise UsageError(f"{source}: the version is given twice, and {version} is another one.")
            return _of_name(asked["name"], version or asked["version"], request)
    raise UsageError(f"{source}: there is no release folder or zip there. Check the path.")


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


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _of_doi(doi: str, version: str | None, request: Request) -> Remote:
    listed = [e for e in entries(request.cache, request.registry) if e.doi == doi]
    listed = [e for e in listed if version in (None, e.version)]
    if len(listed) > 1:
        names = " or ".join(entry.stem for entry in listed)
        raise UsageError(f"{doi} holds {len(listed)} data sets. Load one by its name: {names}.")
    return _of_entry(listed[0], [], request) if listed else Remote(doi=doi, version=version)


def _of_name(name: str, version: str | None, request: Request) -> Local | Remote:
    """Find a data set by its name, and the newest version when none is given.

    Of the same version, a release in ./releases or in a folder of AMLSYNTH_RELEASES comes before the
    registry.
    """
    local = {found.version.text: found.path for found in local_releases() if found.name == name}
    if version in local:
        return Local(local[version], version, name)
    listed = {e.version: e for e in entries(request.cache, request.registry) if e.name == name}
    cached = {v: path for n, v, path in cached_releases(request.cache) if n == name}
    if version is None:
        here = {v for v, e in listed.items() if not request.offline or at_hand(e, request)}
        ready = {v for v in here if listed[v].status == "published"}
        best = newest(Version(text) for text in {*local, *cached, *ready})
        version = best.text if best else next(reversed(listed), None)  # which tells why it is not loaded
        if version in local:
            return Local(local[version], version, name)
    if version in listed:
        return _of_entry(listed[version], [*local, *cached], request)
    if version in cached:
        return Local(cached[version], version, name)
    raise _unknown(request, name, version, {*local, *listed, *cached})


def _of_entry(entry: Entry, others: list[str], request: Request) -> Remote:
    if entry.status != "published":
        reason = f" {entry.note}" if entry.note else ""
        there = f" Versions on this machine: {', '.join(others)}." if others else ""
        raise UsageError(f"{entry.name} {entry.version} is {entry.status}.{reason}{there}")
    if request.sha256 and entry.sha256 and request.sha256 != entry.sha256:
        raise DataError(
            f"{entry.stem}: the SHA-256 asked for is {request.sha256}, but {entry.registry} lists "
            f"{entry.sha256}."
        )
    return Remote(entry=entry, version=entry.version)


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
