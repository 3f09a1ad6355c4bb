"""Data sets that are fetched: by DOI, by URL, or as a registry lists them."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from amlsynth.foundation.addresses import check_url, zenodo_record
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import Entry, entries

if TYPE_CHECKING:
    from amlsynth.loading.loader import Loading
    from amlsynth.loading.zenodo import Record


def from_doi(loading: Loading, doi: str, version: str | None) -> Dataset:
    """Load the release of a Zenodo record.

    The DOI of one version always stands for the same bytes, so that a cached file is used without
    asking. The DOI that stands for all versions is asked for the newest; without the net, the newest that
    was loaded before is used, and said so.
    """
    listed = [e for e in entries(loading.cache, loading.registry) if e.doi == doi]
    listed = [e for e in listed if version in (None, e.version)]
    if len(listed) > 1:
        names = " or ".join(entry.stem for entry in listed)
        raise UsageError(f"{doi} holds {len(listed)} data sets. Load one by its name: {names}.")
    if listed:
        from amlsynth.loading.named import from_entry

        return from_entry(loading, listed[0])
    key = f"doi:{doi}" + (f"@{version}" if version else "")
    made = _from_cache(loading, key, doi, version)
    if made is not None:
        return made
    newest = f"newest:{doi}"
    if loading.offline:
        made = None if version else _from_cache(loading, newest, doi, None)
        if made is None:
            raise UsageError(f"{doi} was not loaded before, and offline=True forbids to download it.")
        return _noted(made, "offline, the newest version that was loaded before")
    from amlsynth.loading.zenodo import file_url, find_file, find_record

    try:
        record = find_record(doi, version)
    except UsageError as error:
        made = None if version else _from_cache(loading, newest, doi, None)
        if made is None:
            raise
        return _noted(made, f"the newest version that was loaded before, since: {error}")
    own = (record.doi or doi).lower()
    file = find_file(record, "*.zip")
    made = _from_cache(loading, f"doi:{own}", own, version)
    if made is None:
        url = file_url(doi, record, file)
        about = _about(record) | {"doi": own, "url": url}
        path, digest = _fetch(loading, url, file.key, loading.sha256, file.checksum, file.size, about)
        made = _taken(loading, path, digest, own, version)
        loading.cache.remember(f"doi:{own}", digest)
    digest = made.sha256
    exact = zenodo_record(doi)
    if version or (exact and exact[0] == record.id):
        loading.cache.remember(key, digest)
    else:
        loading.cache.remember(newest, digest)
    return made


def from_url(loading: Loading, url: str, version: str | None) -> Dataset:
    """Load the zip of a release from a URL; its bytes are remembered, and others refused from then on."""
    try:
        check_url(url)
    except ValueError as error:
        raise UsageError(f"{error}. Give the https URL of a release's zip.") from error
    key = f"url:{url}"
    made = _from_cache(loading, key, None, version)
    if made is not None:
        return made
    if loading.offline:
        raise UsageError(f"{url} was not loaded before, and offline=True forbids to download it.")
    expected = loading.sha256 or loading.cache.known(key)
    path, digest = _fetch(loading, url, _zip_name(url), expected, None, None, {"url": url})
    made = _taken(loading, path, digest, None, version)
    loading.cache.remember(key, digest)
    return made


def fetch_entry(loading: Loading, entry: Entry, expected: str | None) -> tuple[Path, str]:
    """Download the file of a registry entry into the cache; return its path and SHA-256."""
    checksum: str | None = None
    size: int | None = None
    about: dict[str, Any] = {"doi": entry.doi, "entry": entry.stem, "registry": entry.registry}
    if entry.url is not None:
        url = entry.url
        name = _zip_name(url) if entry.kind == "release" else "table.csv"
    else:
        from amlsynth.loading.zenodo import file_url, find_file, find_record

        assert entry.doi is not None  # the registry's model requires one of the two
        record = find_record(entry.doi)
        file = find_file(record, entry.file or f"{entry.name}-{entry.version}.zip")
        url, name, checksum, size = file_url(entry.doi, record, file), file.key, file.checksum, file.size
        about |= _about(record)
    ending = ".zip" if entry.kind == "release" else ".csv"
    if not name.lower().endswith(ending):
        raise UsageError(f"{entry.stem}: the file {name!r} is no {ending} file. Correct {entry.registry}.")
    return _fetch(loading, url, name, expected, checksum, size, about | {"url": url})


def _fetch(
    loading: Loading,
    url: str,
    name: str,
    expected: str | None,
    checksum: str | None,
    size: int | None,
    about: dict[str, Any],
) -> tuple[Path, str]:
    from amlsynth.loading.download import download

    with loading.cache.downloading() as folder:
        known = f"sha256:{expected}" if expected else checksum
        path = download(url, folder, name, known, size, loading.progress)
        digest = sha256(path)
        return loading.cache.adopt(folder, digest, about | {"file": name, "sha256": digest}), digest


def _from_cache(loading: Loading, key: str, doi: str | None, version: str | None) -> Dataset | None:
    """Load what a key brought before; None when it is not in the cache, or was damaged there."""
    digest = loading.cache.known(key)
    path = loading.cache.file(digest) if digest else None
    if digest is None or path is None:
        return None
    if loading.sha256 is not None and loading.sha256 != digest:
        raise DataError(f"{path}: its SHA-256 is {digest}, not {loading.sha256}. It is not used.")
    try:
        return _taken(loading, path, digest, doi, version)
    except DataError as error:
        if loading.offline:
            raise DataError(f"{error} The damaged copy was removed; load again with the net.") from error
        return None


def _taken(loading: Loading, path: Path, digest: str, doi: str | None, version: str | None) -> Dataset:
    """Load a cached zip, and remove it when its bytes are wrong."""
    plain = dataclasses.replace(loading, sha256=None)  # it was held against the file already
    try:
        made = plain.from_path(path, version)
        if made.sha256 != digest:
            raise DataError(f"{path}: its bytes are not those that were downloaded.")
    except DataError:
        loading.cache.remove(digest)
        raise
    return dataclasses.replace(made, doi=doi or made.doi)


def _noted(made: Dataset, note: str) -> Dataset:
    return dataclasses.replace(made, notes=(*made.notes, f"This is {note}."))


def _about(record: Record) -> dict[str, Any]:
    known = record.metadata.license
    return {"record": record.id, "title": record.metadata.title, "license": known.id if known else None}


def _zip_name(url: str) -> str:
    from amlsynth.release.checksums import name_fault

    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return "release.zip" if name_fault(name) or not name.lower().endswith(".zip") else name
