"""Zenodo's depositions: what is read of them, and the requests that change them.

All go through Zenodo's older deposit API, but the draft of a new version: there the action `newversion`
of the older API refuses records that have files, while the newer API makes the draft, or gives back
the one that there is, so it can be asked twice. zenodo-client's `update` is not used: on a published
record it dates the version today, keeps the old files and takes no metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from amlsynth.foundation.errors import DataError
from amlsynth.release.zenodo.client import Client, Sleep, Tell, Unclear

_BASE = "deposit/depositions"
_PAGE, _PAGES = 100, 100
_ASKS = 3  # times that something is asked for whose answers stay unclear
_READS = (1.0, 5.0, 15.0, 30.0)  # seconds before each look at what an unclear answer has led to
# Written into every record's notes, so that a draft or record is known again without anybody's memory.
_MARK = re.compile(r"Release ([a-z0-9-]+) ([0-9A-Za-z.+-]+), made with amlsynth")
_Model = TypeVar("_Model", bound=BaseModel)


def mark(name: str, version: str) -> str:
    """Return the sentence in a record's notes by which its release is known again."""
    return f"Release {name} {version}, made with amlsynth"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class RemoteFile(_Answer):
    """A file that a deposition has."""

    id: str
    filename: str
    filesize: int
    checksum: str = ""  # MD5; Zenodo knows no other

    @field_validator("checksum")
    @classmethod
    def _bare(cls, text: str) -> str:
        return text.removeprefix("md5:")


class Deposition(_Answer):
    """A draft or a published version."""

    id: int
    conceptrecid: str = ""
    conceptdoi: str = ""
    submitted: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict)
    files: tuple[RemoteFile, ...] = ()
    links: dict[str, Any] = Field(default_factory=dict)
    doi: str = ""

    @property
    def release(self) -> tuple[str, str] | None:
        """Name and version of the release that it holds, as its notes say."""
        found = _MARK.search(str(self.metadata.get("notes") or ""))
        return (found[1], found[2]) if found else None

    @property
    def reserved(self) -> str:
        """The DOI that it has or will have."""
        reserved = self.metadata.get("prereserve_doi")
        doi = reserved.get("doi") if isinstance(reserved, dict) else None
        return str(self.doi or doi or self.metadata.get("doi") or "")

    @property
    def page(self) -> str:
        """The address of its page, for people."""
        return str(self.links.get("record_html") or self.links.get("html") or "")


class Depositions:
    """The depositions of the token's account."""

    def __init__(self, client: Client, sleep: Sleep) -> None:
        self._client = client
        self._sleep = sleep

    def of_release(self, name: str) -> list[Deposition]:
        """Return the drafts and versions of a release's name, the newest first."""
        return [found for found in self._all() if found.release and found.release[0] == name]

    def _all(self) -> Iterator[Deposition]:
        for page in range(1, _PAGES + 1):
            found = self._client.get(_BASE, page=page, size=_PAGE, sort="mostrecent", all_versions="true")
            if not isinstance(found, list):
                raise DataError(f"{self._client.server.title} answered with no list of depositions.")
            yield from (_read(Deposition, item) for item in found)
            if len(found) < _PAGE:
                return

    def read(self, identifier: int) -> Deposition | None:
        """Return a deposition; None when it was discarded."""
        found = self._client.get(f"{_BASE}/{identifier}")
        return None if found is None else _read(Deposition, found)

    def latest(self, record: int) -> dict[str, Any] | None:
        """Return the newest published version of a concept, or of the concept of a version."""
        found = self._client.get(f"records/{record}")
        concept = str(found.get("conceptrecid") or record) if isinstance(found, dict) else ""
        if found is not None and concept != str(record):
            found = self._client.get(f"records/{quote(concept, safe='')}")  # leads to its newest version
        return found if isinstance(found, dict) else None

    def create(self, metadata: dict[str, Any], name: str, version: str) -> Deposition:
        """Make a new draft; after an unclear answer, find it and make no second."""
        why = ""
        for _ in range(_ASKS):
            try:
                return _read(Deposition, self._client.post(_BASE, {"metadata": metadata}))
            except Unclear as error:
                why = str(error)
            for seconds in _READS[:2]:
                self._sleep(seconds)
                for found in self.of_release(name):
                    if not found.submitted and found.release == (name, version):
                        return found
        raise self._client.gave_up(why)

    def new_version(self, published: int) -> Deposition:
        """Return the draft of the version after a published one; there is never more than one."""
        why = ""
        for seconds in _READS[:_ASKS]:
            try:
                made = _read(_Made, self._client.post(f"records/{published}/versions"))
                found = self.read(made.id)
                if found is not None:
                    return found
                why = "the draft of the new version cannot be found"
            except Unclear as error:  # asking again gives the same draft
                why = str(error)
            self._sleep(seconds)
        raise self._client.gave_up(why)

    def describe(self, identifier: int, metadata: dict[str, Any]) -> Deposition:
        """Replace all metadata of a draft."""
        return _read(Deposition, self._client.put(f"{_BASE}/{identifier}", {"metadata": metadata}))

    def upload(self, draft: Deposition, name: str, file: Path, tell: Tell) -> str:
        """Send a file to a draft, in place of one of the same name; return the MD5 that arrived."""
        bucket = draft.links.get("bucket")
        if not isinstance(bucket, str) or not bucket:
            raise DataError(f"{self._client.server.title} named no place for the files of {draft.id}.")
        answer = self._client.upload(f"{bucket}/{quote(name, safe='')}", file, tell)
        return str(answer.get("checksum", "") if isinstance(answer, dict) else "").removeprefix("md5:")

    def remove(self, draft: Deposition, file: RemoteFile) -> None:
        """Delete a file of a draft."""
        self._client.delete(f"{_BASE}/{draft.id}/files/{quote(file.id, safe='')}")

    def publish(self, identifier: int) -> Deposition:
        """Publish a draft; after an unclear answer the record is read until it tells."""
        why = ""
        for _ in range(_ASKS):
            try:
                self._client.post(f"{_BASE}/{identifier}/actions/publish")
                why = "the published record cannot be read yet"
            except Unclear as error:
                why = str(error)
            except DataError:
                # Of a draft that an earlier, unanswered request has published meanwhile, or of a wrong one.
                found = self.read(identifier)
                if found is not None and found.submitted:
                    return found
                raise
            for seconds in (0.0, *_READS):
                if seconds:
                    self._sleep(seconds)
                found = self.read(identifier)
                if found is not None and found.submitted:
                    return found
        raise self._client.gave_up(f"publishing: {why}")


class _Made(_Answer):
    id: int


def _read(model: type[_Model], content: Any) -> _Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DataError(
            f"Zenodo's answer is not as this version of amlsynth reads it, at {place}: {first['msg']}. "
            "Install a newer amlsynth."
        ) from None
