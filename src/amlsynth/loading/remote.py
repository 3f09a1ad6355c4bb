"""Data sets elsewhere, by DOI or URL; what was loaded before comes from the cache."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from amlsynth.foundation.addresses import check_url, zenodo_record
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.loading.fetching import about_record, fetch, zip_name
from amlsynth.loading.named import from_entry
from amlsynth.loading.paths import from_path
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import entries
from amlsynth.loading.request import Request


def from_doi(request: Request, doi: str, version: str | None) -> Dataset:
    """Load the release of a Zenodo record.

    The DOI of one version always stands for the same bytes, so that a cached file is used without
    asking. The DOI that stands for all versions is asked for the newest; without the net, the newest that
    was loaded before is used, and said so.
    """
    listed = [e for e in entries(request.cache, request.registry) if e.doi == doi]
    listed = [e for e in listed if version in (None, e.version)]
    if len(listed) > 1:
        names = " or ".join(entry.stem for entry in listed)
        raise UsageError(f"{doi} holds {len(listed)} data sets. Load one by its name: {names}.")
    if listed:
        return from_entry(request, listed[0])
    key = f"doi:{doi}" + (f"@{version}" if version else "")
    made = _from_cache(request, key, doi, version)
    if made is not None:
        return made
    newest = f"newest:{doi}"
    if request.offline:
        made = None if version else _from_cache(request, newest, doi, None)
        if made is None:
            raise UsageError(f"{doi} was not loaded before, and offline=True forbids to download it.")
        return _noted(made, "offline, the newest version that was loaded before")
    from amlsynth.loading.zenodo import file_url, find_file, find_record

    try:
        record = find_record(doi, version)
    except UsageError as error:
        made = None if version else _from_cache(request, newest, doi, None)
        if made is None:
            raise
        return _noted(made, f"the newest version that was loaded before, since: {error}")
    own = (record.doi or doi).lower()
    file = find_file(record, "*.zip")
    made = _from_cache(request, f"doi:{own}", own, version)
    if made is None:
        url = file_url(doi, record, file)
        about = about_record(record) | {"doi": own, "url": url}
        path, digest = fetch(request, url, file.key, request.sha256, file.md5, file.size, about)
        made = _taken(request, path, digest, own, version)
        request.cache.remember(f"doi:{own}", digest)
    digest = made.sha256
    exact = zenodo_record(doi)
    if version or (exact and exact[0] == record.id):
        request.cache.remember(key, digest)
    else:
        request.cache.remember(newest, digest)
    return made


def from_url(request: Request, url: str, version: str | None) -> Dataset:
    """Load the zip of a release from a URL; its bytes are remembered, and others refused from then on."""
    try:
        check_url(url)
    except ValueError as error:
        raise UsageError(f"{error}. Give the https URL of a release's zip.") from error
    key = f"url:{url}"
    made = _from_cache(request, key, None, version)
    if made is not None:
        return made
    if request.offline:
        raise UsageError(f"{url} was not loaded before, and offline=True forbids to download it.")
    expected = request.sha256 or request.cache.known(key)
    path, digest = fetch(request, url, zip_name(url), expected, None, None, {"url": url})
    made = _taken(request, path, digest, None, version)
    request.cache.remember(key, digest)
    return made


def _from_cache(request: Request, key: str, doi: str | None, version: str | None) -> Dataset | None:
    """Load what a key brought before; None when it is not in the cache, or was damaged there."""
    digest = request.cache.known(key)
    path = request.cache.file(digest) if digest else None
    if digest is None or path is None:
        return None
    if request.sha256 is not None and request.sha256 != digest:
        raise DataError(f"{path}: its SHA-256 is {digest}, not {request.sha256}. It is not used.")
    try:
        return _taken(request, path, digest, doi, version)
    except DataError as error:
        if request.offline:
            raise DataError(f"{error} The damaged copy was removed; load again with the net.") from error
        return None


def _taken(request: Request, path: Path, digest: str, doi: str | None, version: str | None) -> Dataset:
    """Load a cached zip, and remove it when its bytes are wrong."""
    plain = dataclasses.replace(request, sha256=None)  # it was held against the file already
    try:
        made = from_path(plain, path, version)
        if made.sha256 != digest:
            raise DataError(f"{path}: its bytes are not those that were downloaded.")
    except DataError:
        request.cache.remove(digest)
        raise
    return dataclasses.replace(made, doi=doi or made.doi)


def _noted(made: Dataset, note: str) -> Dataset:
    return dataclasses.replace(made, notes=(*made.notes, f"This is {note}."))
