"""The second stage of loading: from a file elsewhere to one in the cache, downloaded where it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from amlsynth.foundation.addresses import zenodo_record
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.loading.registry import Entry, at_hand, expected_digest
from amlsynth.loading.request import Request

if TYPE_CHECKING:
    from amlsynth.loading.resolve import Remote
    from amlsynth.loading.zenodo import Record


@dataclass(frozen=True)
class Fetched:
    """A file that stands for something remote.

    path : where it is.
    digest : the SHA-256 that its bytes must have; None where nobody knows it.
    in_cache : whether the cache holds it, which then removes it when its bytes turn out wrong.
    downloaded : whether it came just now.
    keys : under which the cache may remember its SHA-256, once it was read.
    doi : its DOI, where it was asked for by one.
    note : what the user should know.
    """

    path: Path
    digest: str | None
    in_cache: bool
    downloaded: bool = False
    keys: tuple[str, ...] = ()
    doi: str | None = None
    note: str | None = None


def fetch(remote: Remote, request: Request, *, again: bool = False) -> Fetched:
    """Return the file of something remote: the one at hand, or else downloaded into the cache.

    The DOI of one version always stands for the same bytes, so that a cached file is used without asking. The
    DOI that stands for all versions is asked for the newest; without the net, the newest that was loaded
    before is used, and said so.

    Parameters
    ----------
    remote, request : what to fetch, and the options.
    again : download it although a copy is at hand, which was found to be damaged.

    Raises
    ------
    UsageError
        It is not at hand and the net may not be used, or fails; errors are those of `download`.
    DataError
        What is at hand, or came, has another SHA-256 than it should have.
    """
    kept = None if again else _kept(remote, request)
    if kept is not None:
        return kept
    if remote.entry is None and remote.doi is not None:
        return _of_doi(remote.doi, remote.version, request, again=again)
    if request.offline:
        raise _forbidden(remote.what)
    if remote.entry is not None:
        path, digest = _download_entry(remote.entry, request)
        return Fetched(path, digest, in_cache=True, downloaded=True, keys=(remote.key,))
    url = str(remote.url)
    expected = request.sha256 or request.cache.known(remote.key)
    path, digest = _download(request, url, _zip_name(url), expected, None, None, {"url": url})
    return Fetched(path, digest, in_cache=True, downloaded=True, keys=(remote.key,))


def _kept(remote: Remote, request: Request) -> Fetched | None:
    """Return what a remote file brought before, or what stands for it on this machine; None without it."""
    if remote.entry is None:
        return _cached(remote.key, request, remote.doi)
    path = at_hand(remote.entry, request)
    if path is None:
        return None
    expected = expected_digest(remote.entry, request)
    return Fetched(path, expected, in_cache=expected is not None and path == request.cache.file(expected))


def _cached(key: str, request: Request, doi: str | None, note: str | None = None) -> Fetched | None:
    digest = request.cache.known(key)
    path = request.cache.file(digest) if digest else None
    if digest is None or path is None:
        return None
    if request.sha256 is not None and request.sha256 != digest:
        raise DataError(f"{path}: its SHA-256 is {digest}, not {request.sha256}. It is not used.")
    return Fetched(path, digest, in_cache=True, doi=doi, note=note)


def _of_doi(doi: str, version: str | None, request: Request, *, again: bool) -> Fetched:
    from amlsynth.loading.zenodo import file_url, find_file, find_record

    key, newest = f"doi:{doi}" + (f"@{version}" if version else ""), f"newest:{doi}"
    if request.offline:
        note = "offline, the newest version that was loaded before"
        kept = None if version else _cached(newest, request, doi, note)
        if kept is None:
            raise _forbidden(doi)
        return kept
    try:
        record = find_record(doi, version)
    except UsageError as error:
        note = f"the newest version that was loaded before, since: {error}"
        kept = None if version or again else _cached(newest, request, doi, note)
        if kept is None:
            raise
        return kept
    own = (record.doi or doi).lower()
    exact = zenodo_record(doi)
    is_one = version is not None or (exact is not None and exact[0] == record.id)
    keys = (f"doi:{own}", key if is_one else newest)
    kept = None if again else _cached(f"doi:{own}", request, own)
    if kept is not None:
        return Fetched(kept.path, kept.digest, in_cache=True, keys=keys, doi=own)
    file = find_file(record, "*.zip")
    url = file_url(doi, record, file)
    about = _about_record(record) | {"doi": own, "url": url}
    path, digest = _download(request, url, file.key, request.sha256, file.md5, file.size, about)
    return Fetched(path, digest, in_cache=True, downloaded=True, keys=keys, doi=own)


def _forbidden(what: str) -> UsageError:
    return UsageError(f"{what} was not loaded before, and offline=True forbids to download it.")


def _download_entry(entry: Entry, request: Request) -> tuple[Path, str]:
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
        url, name, checksum, size = file_url(entry.doi, record, file), file.key, file.md5, file.size
        about |= _about_record(record)
    ending = ".zip" if entry.kind == "release" else ".csv"
    if not name.lower().endswith(ending):
        raise UsageError(f"{entry.stem}: the file {name!r} is no {ending} file. Correct {entry.registry}.")
    expected = expected_digest(entry, request)
    return _download(request, url, name, expected, checksum, size, about | {"url": url})


def _download(
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


def _about_record(record: Record) -> dict[str, Any]:
    """Return what the cache notes of a record of Zenodo."""
    known = record.metadata.license
    return {"record": record.id, "title": record.metadata.title, "license": known.spdx if known else None}


def _zip_name(url: str) -> str:
    """Return the name of the zip that a URL ends in, or a plain one."""
    from amlsynth.release.checksums import name_fault

    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return "release.zip" if name_fault(name) or not name.lower().endswith(".zip") else name
