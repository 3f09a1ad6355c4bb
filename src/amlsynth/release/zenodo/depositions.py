"""Zenodo's depositions: what is read of them, and the requests that change them.

Drafts are listed, made, filled and published by Zenodo's older deposit API. Metadata and DOI go through the
newer one: the older drops without a word what it does not take, makes every creator a person, and shows a
DOI that is a guess. A new version does too, for the older API's action refuses records that have files.
zenodo-client's `update` is not used: on a published record it dates the version today, keeps the old
files and takes no metadata.

After an unclear answer (a gateway's 504, say) nothing is posted a second time in a run: what there is is
looked for, and the next run begins with looking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.release.zenodo.client import Client, Sleep, Tell, Unclear, error_lines

_BASE = "deposit/depositions"
_PAGE, _PAGES = 25, 400  # for more Zenodo answers a wrong token with "page size" and not with 403
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
    """A draft or a published version.

    doi : the registered one, of a draft the reserved one; `prereserve_doi` of the metadata is a guess.
    """

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
    def page(self) -> str:
        """The address of its page, for people."""
        return str(self.links.get("record_html") or self.links.get("html") or "")


class _Pid(_Answer):
    identifier: str = ""


class Draft(_Answer):
    """A draft in the words of the newer API; `errors` say what was not taken of its metadata."""

    metadata: dict[str, Any] = Field(default_factory=dict)
    pids: dict[str, dict[str, Any]] = Field(default_factory=dict)
    access: dict[str, Any] = Field(default_factory=dict)
    custom_fields: dict[str, Any] = Field(default_factory=dict)
    errors: tuple[Any, ...] = ()

    @property
    def doi(self) -> str:
        """The DOI that is reserved for it, or ""."""
        return _read(_Pid, self.pids.get("doi", {})).identifier


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
            found = self._client.get(
                _BASE, page=page, size=_PAGE, sort="mostrecent", all_versions="true", shared_with_me="false"
            )
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
        try:
            return _read(Deposition, self._client.post(_BASE, {"metadata": metadata}))
        except Unclear as error:
            why = str(error)
        for seconds in _READS:
            self._sleep(seconds)
            for found in self.of_release(name):
                if not found.submitted and found.release == (name, version):
                    return found
        raise self._client.gave_up(f"making a draft: {why}")

    def new_version(self, published: int, concept: str) -> Deposition:
        """Return the draft of the version after a published one; there is never more than one."""
        try:
            identifier = _read(_Made, self._client.post(f"records/{published}/versions")).id
            found = self.read(identifier)
            if found is not None:
                return found
            why = "the draft of the new version cannot be found"
        except Unclear as error:
            why = str(error)
        for seconds in _READS:
            self._sleep(seconds)
            for other in self._all():
                if not other.submitted and other.conceptrecid == concept:
                    return other
        raise self._client.gave_up(f"making the draft of a new version: {why}")

    def describe(self, identifier: int, metadata: dict[str, Any]) -> Draft:
        """Replace all metadata of a draft, in the words of the newer API; its DOI stays."""
        path = f"records/{identifier}/draft"
        kept = _read(Draft, self._needed(self._client.get(path), identifier))
        content = {
            "metadata": metadata,
            "files": {"enabled": True},
            **kept.model_dump(include={"access", "custom_fields", "pids"}),  # left out, a DOI is given up
        }
        return _read(Draft, self._client.put(path, content))

    def reserve(self, identifier: int, draft: Draft) -> str:
        """Return the DOI of a draft, reserved where it has none."""
        if draft.doi:
            return draft.doi
        path = f"records/{identifier}/draft"
        try:
            return _read(Draft, self._client.post(f"{path}/pids/doi")).doi
        except Unclear as error:
            doi = _read(Draft, self._needed(self._client.get(path), identifier)).doi
            if not doi:
                raise self._client.gave_up(f"reserving a DOI: {error}") from None
            return doi

    def discard(self, identifier: int) -> None:
        """Delete a draft with all that is in it."""
        self._client.delete(f"{_BASE}/{identifier}")

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

    def public_digest(self, identifier: int, name: str) -> str | None:
        """Return the SHA-256 of a published file as anybody gets it; None where it cannot be had yet."""
        path = f"records/{identifier}/files/{quote(name, safe='')}/content"
        for seconds in (0.0, *_READS[:2]):
            if seconds:
                self._sleep(seconds)
            found = self._client.digest(path)
            if found is not None:
                return found
        return None

    def ask_communities(self, identifier: int, names: Sequence[str]) -> list[str]:
        """Ask communities to take a published record; return a sentence on each.

        What the older API is told of communities it ignores where the account may not include records itself.
        """
        path = f"records/{identifier}/communities"
        sentences = []
        for name in names:
            try:
                if name in _slugs(self._client.get(path)):
                    sentences.append(f"The record is in the community {name}.")
                    continue
                answer = self._client.post(path, {"communities": [{"id": name}]})
                taken = name in _slugs(self._client.get(path))
                refused = error_lines(answer.get("errors") if isinstance(answer, dict) else None)
                sentences.append(
                    f"The record is in the community {name}."
                    if taken
                    else f"The community {name} did not take the record: {'; '.join(refused)}."
                    if refused
                    else f"The community {name} was asked to take the record; its curators decide."
                )
            except Unclear as error:
                sentences.append(f"Whether the community {name} was asked is not known: {error}.")
            except AmlsynthError as error:
                sentences.append(f"The community {name} was not asked: {error}")
        return sentences

    def _needed(self, content: Any, identifier: int) -> Any:
        if content is None:
            raise DataError(
                f"The draft {identifier} was discarded or published meanwhile. Run the command again."
            )
        return content


class _Made(_Answer):
    id: int


def _slugs(found: Any) -> set[str]:
    """Return the names of the communities in an answer."""
    hits = found.get("hits") if isinstance(found, dict) else None
    listed = hits.get("hits") if isinstance(hits, dict) else None
    return {str(item.get("slug")) for item in listed or () if isinstance(item, dict)}


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
