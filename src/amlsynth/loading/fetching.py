"""Files that are fetched into the cache: from a URL, or as a registry lists them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import sha256
from amlsynth.loading.registry import Entry
from amlsynth.loading.request import Request

if TYPE_CHECKING:
    from amlsynth.loading.zenodo import Record


def fetch_entry(request: Request, entry: Entry, expected: str | None) -> tuple[Path, str]:
    """Download the file of a registry entry into the cache; return its path and SHA-256."""
    checksum: str | None = None
    size: int | None = None
    about: dict[str, Any] = {"doi": entry.doi, "entry": entry.stem, "registry": entry.registry}
    if entry.url is not None:
        url = entry.url
        name = zip_name(url) if entry.kind == "release" else "table.csv"
    else:
        from amlsynth.loading.zenodo import file_url, find_file, find_record

        assert entry.doi is not None  # the registry's model requires one of the two
        record = find_record(entry.doi)
        file = find_file(record, entry.file or f"{entry.name}-{entry.version}.zip")
        url, name, checksum, size = file_url(entry.doi, record, file), file.key, file.md5, file.size
        about |= about_record(record)
    ending = ".zip" if entry.kind == "release" else ".csv"
    if not name.lower().endswith(ending):
        raise UsageError(f"{entry.stem}: the file {name!r} is no {ending} file. Correct {entry.registry}.")
    return fetch(request, url, name, expected, checksum, size, about | {"url": url})


def fetch(
    request: Request,
    url: str,
    name: str,
    expected: str | None,
    checksum: str | None,
    size: int | None,
    about: dict[str, Any],
) -> tuple[Path, str]:
    """Download a file into the cache; return its path and SHA-256. Errors are those of `download`."""
    from amlsynth.loading.download import download

    with request.cache.downloading() as folder:
        known = f"sha256:{expected}" if expected else checksum
        path = download(url, folder, name, known, size, request.progress)
        digest = sha256(path)
        return request.cache.adopt(folder, digest, about | {"file": name, "sha256": digest}), digest


def about_record(record: Record) -> dict[str, Any]:
    """Return what the cache notes of a record of Zenodo."""
    known = record.metadata.license
    return {"record": record.id, "title": record.metadata.title, "license": known.spdx if known else None}


def zip_name(url: str) -> str:
    """Return the name of the zip that a URL ends in, or a plain one."""
    from amlsynth.release.checksums import name_fault

    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return "release.zip" if name_fault(name) or not name.lower().endswith(".zip") else name
