"""What there is to load: registries, releases on this machine, and what the cache holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amlsynth.loading.cache import Cache
from amlsynth.loading.local import local_releases
from amlsynth.loading.registry import entries
from amlsynth.loading.resolve import cached_releases
from amlsynth.release.versions import Version


@dataclass(frozen=True)
class Listed:
    """One data set version that `load` finds by its name.

    status : published, planned or withdrawn as the registry says; local for one that only this machine has.
    cached : whether it is loaded without the net.
    """

    name: str
    version: str
    title: str
    kind: str
    status: str
    doi: str | None
    sha256: str | None
    cached: bool
    path: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def datasets(cache: str | Path | None = None, registry: str | Path | None = None) -> list[Listed]:
    """List the data sets that `load` finds by name, from the oldest version to the newest.

    Raises
    ------
    UsageError
        A registry is wrong.

    Examples
    --------
    >>> {entry.name for entry in datasets()} >= {"aml-reference"}
    True
    """
    place = Cache(Path(cache) if cache else None)
    found: dict[tuple[str, str], Listed] = {}
    for release in local_releases():
        key = (release.name, release.version.text)
        found[key] = Listed(*key, "", "release", "local", None, None, True, str(release.path))
    for name, version, path in cached_releases(place):
        about = place.about(path.parent.name)
        listed = Listed(
            name, version, about.get("title") or "", "release", "local", about.get("doi"), path.parent.name,
            True, str(path),
        )  # fmt: skip
        found.setdefault((name, version), listed)
    for entry in entries(place, Path(registry) if registry else None):
        digest = entry.sha256 or place.known(entry.key)
        cached = place.file(digest) if digest else None
        known = found.get((entry.name, entry.version))
        at = known.path if known else str(cached) if cached else None
        status = "local" if entry.status == "planned" and at else entry.status
        found[entry.name, entry.version] = Listed(
            entry.name, entry.version, entry.title, entry.kind, status, entry.doi, entry.sha256,
            at is not None, at,
        )  # fmt: skip
    return sorted(found.values(), key=lambda listed: (listed.name, Version(listed.version)))
