"""The registry: which data sets there are by name and version, where, and with which SHA-256.

A registry is a YAML file that a person edits; `release/registry.yaml` comes with the package. Further ones
are named by the environment variable AMLSYNTH_REGISTRY or given to `load`, and come first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.loading.cache import Cache
from amlsynth.loading.local import local_file
from amlsynth.loading.request import Request
from amlsynth.release.versions import Version

REGISTRY_VARIABLE = "AMLSYNTH_REGISTRY"
_OWN = "release/registry.yaml"
_FORMAT = 1  # of the cached copy; a change of `Entry` needs another


@dataclass(frozen=True)
class Entry:
    """One data set version of a registry; see `registry_file.EntryModel` for what each key means."""

    name: str
    version: str
    title: str
    kind: str
    status: str
    doi: str | None
    url: str | None
    file: str | None
    sha256: str | None
    layout: str | None
    license: str | None
    citation: str | None
    note: str | None
    registry: str  # the file that lists it

    @property
    def stem(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def key(self) -> str:
        """Under which the cache remembers the file that this entry brought."""
        return f"registry:{self.stem}:{self.doi}:{self.url}:{self.file}:{self.sha256}"


def entries(cache: Cache, registry: Path | None = None) -> list[Entry]:
    """Return the entries of all registries; of one that is listed twice, the first.

    Raises
    ------
    UsageError
        A registry cannot be read or is wrong; the sentence names the line.
    """
    found: dict[tuple[str, str], Entry] = {}
    for path in _files(registry):
        for entry in _read(path, cache):
            found.setdefault((entry.name, entry.version), entry)
    return sorted(found.values(), key=lambda entry: (entry.name, Version(entry.version)))


def expected_digest(entry: Entry, request: Request) -> str | None:
    """Return the SHA-256 that the file of an entry must have: as listed, asked for, or seen before."""
    return entry.sha256 or request.sha256 or request.cache.known(entry.key)


def at_hand(entry: Entry, request: Request) -> Path | None:
    """Return the file of an entry where it is on this machine."""
    digest = expected_digest(entry, request)
    path = request.cache.file(digest) if digest else None
    if path is None and entry.kind == "foreign" and entry.file and not set("*?[") & set(entry.file):
        path = local_file(entry.file)
    return path


def newest(versions: Iterable[Version]) -> Version | None:
    """Return the newest version, a pre-release only if there is nothing else."""
    ordered = sorted(versions)
    best = [version for version in ordered if not version.is_prerelease] or ordered
    return best[-1] if best else None


def _files(registry: Path | None) -> list[Path]:
    named = os.environ.get(REGISTRY_VARIABLE, "").split(os.pathsep)
    return [*([Path(registry)] if registry else []), *(Path(part) for part in named if part), asset(_OWN)]


def _read(path: Path, cache: Cache) -> list[Entry]:
    """Read a registry; its checked content is kept in the cache, since YAML is slow to read."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            f"{path}: the registry cannot be read ({error.strerror}). Check the path."
        ) from error
    content = f"registry-{digest}"
    kept = cache.checked(content)
    if kept is not None and kept.get("format") == _FORMAT:
        with contextlib.suppress(TypeError):  # of a marker that is damaged
            read = [Entry(**item, registry=str(path)) for item in kept["entries"]]
            if all(isinstance(value, str | None) for entry in read for value in asdict(entry).values()):
                return read
    from amlsynth.loading.registry_file import read_registry

    read = [Entry(**model.plain(), registry=str(path)) for model in read_registry(path).datasets]
    cache.note_checked(content, {"format": _FORMAT, "entries": [_without_file(entry) for entry in read]})
    return read


def _without_file(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in asdict(entry).items() if key != "registry"}
