"""Records of Zenodo: which files a DOI stands for, asked of the records API.

GET {base}/api/records/{number} tells a record's metadata and files; the number of a concept leads to the
newest version. GET .../versions lists the versions. AMLSYNTH_ZENODO_URL names another base for tests.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from amlsynth.foundation.addresses import SANDBOX_URL, URL_VARIABLE, ZENODO_URL, check_url, zenodo_record
from amlsynth.foundation.errors import UsageError
from amlsynth.loading.download import get_json
from amlsynth.release.checksums import name_fault

_SHOWN = 20
_PAGE, _PAGES = 25, 40  # Zenodo gives those who are not logged in no more than 25 at a time
_SPDX = {"cc-zero": "CC0-1.0", "mit": "MIT", "apache-2.0": "Apache-2.0", "mit-license": "MIT"}
_Model = TypeVar("_Model", bound="_Answer")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class RemoteFile(_Answer):
    """A file of a record: Zenodo tells its MD5, of files sent in parts another checksum, or none."""

    key: str
    size: Annotated[int, Field(ge=0)]
    checksum: str | None = None

    @property
    def md5(self) -> str | None:
        """The checksum where it can be checked."""
        return self.checksum if re.fullmatch("md5:[0-9a-f]{32}", self.checksum or "") else None


class _License(_Answer):
    id: str

    @property
    def spdx(self) -> str:
        """The SPDX identifier of a licence, which Zenodo names in lower case or in a way of its own."""
        return _SPDX.get(self.id) or (self.id.upper() if self.id.startswith("cc") else self.id)


class _Metadata(_Answer):
    title: str
    version: str | None = None
    license: _License | None = None


class Record(_Answer):
    """A record of Zenodo, one version of a data set."""

    id: int
    doi: str | None = None
    metadata: _Metadata
    files: tuple[RemoteFile, ...] = ()


class _Hits(_Answer):
    hits: tuple[Record, ...]


class _Versions(_Answer):
    hits: _Hits


def find_record(doi: str, version: str | None = None) -> Record:
    """Return the record of a Zenodo DOI, or of another version of the same concept.

    Raises
    ------
    UsageError
        The DOI is not of Zenodo, Zenodo cannot be reached, there is no such record, or it has no such
        version; the sentence names those that there are.
    """
    found = zenodo_record(doi)
    if found is None:
        raise UsageError(
            f"{doi}: only DOIs of Zenodo (10.5281/zenodo.NUMBER) can be loaded. Download the zip and give "
            "its path, or give its https URL."
        )
    number, sandbox = found
    base = _base(sandbox)
    record = _parsed(Record, get_json(f"{base}/api/records/{number}", what=doi), doi)
    if version is None or record.metadata.version == version:
        return record
    records: list[Record] = []
    for page in range(1, _PAGES + 1):
        url = f"{base}/api/records/{record.id}/versions?size={_PAGE}&page={page}"
        hits = _parsed(_Versions, get_json(url, what=doi), doi).hits.hits
        for other in hits:
            if other.metadata.version == version:
                return other
        records += hits
        if len(hits) < _PAGE:
            break
    known = ", ".join(sorted({r.metadata.version or f"record {r.id}" for r in (record, *records)}))
    raise UsageError(f"{doi} has no version {version!r}. Versions: {known}.")


def find_file(record: Record, pattern: str) -> RemoteFile:
    """Return the one file of a record whose name fits a pattern, in any case.

    Raises
    ------
    UsageError
        No file fits, or several do; the sentence lists the files.
    """
    fits = [file for file in record.files if fnmatch.fnmatch(file.key.lower(), pattern.lower())]
    names = ", ".join(repr(file.key[:80]) for file in record.files[:_SHOWN]) or "none"
    if len(fits) != 1:
        many = "several files that fit" if fits else "no file"
        raise UsageError(f"Record {record.id} of Zenodo has {many} {pattern!r}. Its files: {names}.")
    if name_fault(fits[0].key) or "/" in fits[0].key:
        raise UsageError(
            f"Record {record.id} of Zenodo has a file with an unsafe name: {fits[0].key[:80]!r}."
        )
    return fits[0]


def file_url(doi: str, record: Record, file: RemoteFile) -> str:
    """Return where a file of a record is downloaded from; links in the record are not followed."""
    from urllib.parse import quote

    _, sandbox = zenodo_record(doi) or (0, False)
    return f"{_base(sandbox)}/api/records/{record.id}/files/{quote(file.key)}/content"


def _base(sandbox: bool) -> str:
    named = os.environ.get(URL_VARIABLE)
    if not named:
        return SANDBOX_URL if sandbox else ZENODO_URL
    try:
        return check_url(named).rstrip("/")
    except ValueError as error:
        raise UsageError(f"{URL_VARIABLE}: {error}.") from error


def _parsed(model: type[_Model], content: Any, doi: str) -> _Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UsageError(
            f"{doi}: Zenodo's answer is not as expected, at {place}. The record may be restricted or without "
            "files; otherwise a newer amlsynth may be needed."
        ) from error
