"""Publish a release: reserve a DOI, write it into the release, send the files, publish when told to.

Each step looks first at what there is, so a run that was cut off anywhere is taken up by the next one,
and nothing is published twice: a draft has one deposition number, which can be published once, and
before a draft is made the account is searched for one of the same release.
"""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.addresses import plain_doi
from amlsynth.foundation.errors import DataError, PlaceError, UsageError
from amlsynth.foundation.files import PLACE_IS_BAD, sha256
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.release.checksums import CHECKSUMS
from amlsynth.release.doi import pack, stamp_release
from amlsynth.release.zenodo.checks import (
    Checked,
    LocalFile,
    check_place,
    check_release,
    local_files,
    only_one,
)
from amlsynth.release.zenodo.client import Client, Sleep, error_lines
from amlsynth.release.zenodo.depositions import Deposition, Depositions, RemoteFile
from amlsynth.release.zenodo.drafts import concept_number, find_deposition, release_metadata
from amlsynth.release.zenodo.metadata import not_stored
from amlsynth.release.zenodo.servers import Server, choose_server, find_token
from amlsynth.release.zenodo.state import Publication, Stage, write_state

_LISTED = 5  # refusals that a sentence lists
_ROUNDS = 3  # times that files are sent which did not arrive as they are


@dataclass(frozen=True)
class PublishResult:
    """How a release stands on the server.

    published : whether it is public; else it is a draft.
    doi : of this version; concept_doi : of all versions, "" while the server does not tell.
    page : its page for people.
    archive, archive_sha256 : name and SHA-256 of the zip, as a registry lists them for `load`.
    sent, kept, removed : files that were sent, were there already, did not belong there.
    notes : what else the user should know.
    """

    server: str
    published: bool
    doi: str
    concept_doi: str
    page: str
    archive: str
    archive_sha256: str
    sent: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]


def publish_release(
    path: Path,
    *,
    confirm: bool = False,
    sandbox: bool = False,
    previous: Path | None = None,
    new_version_of: str | None = None,
    progress: Progress = no_progress,
    sleep: Sleep = time.sleep,
    d: Dictionary | None = None,
) -> PublishResult:
    """Make a release folder a draft on Zenodo, and publish it with `confirm`.

    Parameters
    ----------
    path : the release folder. Its DOI is written into it, and the zip beside it made anew; publish.json
        in it keeps what is known.
    confirm : publish, which cannot be undone; else a draft is left to look at.
    sandbox : use Zenodo's sandbox, whose records and DOIs do not last.
    previous : folder or zip of the version that is published, to check the step of the version.
    new_version_of : DOI of an earlier version or of all versions, where the account's own records do
        not tell.
    progress : called with what is being done and the share done, from 0 to 1.
    sleep : waits so many seconds between tries.
    d : the dictionary that the release has to follow; the one that it carries when not given.

    Returns
    -------
    PublishResult

    Raises
    ------
    UsageError
        No token, a wrong one, no connection, a read-only folder, no space, or a version that is published.
        Whatever was reached is kept: the same call goes on from there.
    DataError
        Gates not passed, a folder that changed since the build, a wrong version step, or a refusal of
        the server.

    Examples
    --------
    It needs a token of Zenodo; `plan_publication` shows what it would send.

    >>> publish_release(Path("releases/my-release-1.0.0"), sandbox=True)  # doctest: +SKIP
    """
    server = choose_server(sandbox=sandbox)
    checked = check_release(path, server, d)
    concept = concept_number(new_version_of)
    token = find_token(server)
    check_place(checked)
    try:
        with (
            only_one(checked.folder),
            Client(server, token, sleep, lambda words: progress(words, 0.0)) as client,
        ):
            work = _Publishing(checked, server, Depositions(client, sleep), progress)
            return work.run(confirm=confirm, previous=previous, concept=concept)
    except PlaceError as error:
        raise UsageError(f"{error} Then run the command again; it goes on where it stopped.") from error
    except OSError as error:
        if error.errno not in PLACE_IS_BAD:
            raise
        space = " Make room" if error.errno == errno.ENOSPC else " Make it writable"
        raise UsageError(
            f"{checked.folder.parent}: the release cannot be written ({error.strerror}).{space} and run the "
            "command again; it goes on where it stopped."
        ) from error


class _Publishing:
    """One run; `checked.state` is what the next run will know."""

    def __init__(self, checked: Checked, server: Server, depositions: Depositions, tell: Progress) -> None:
        self.checked = checked
        self.server = server
        self.depositions = depositions
        self.tell = tell
        self.state = checked.state
        self.notes: list[str] = []

    def run(self, *, confirm: bool, previous: Path | None, concept: int | None) -> PublishResult:
        write_state(self.checked.folder, self.state)  # fails now and not after a DOI is reserved
        self.tell("looking for drafts and versions", 0.0)
        draft, self.notes = find_deposition(
            self.checked, self.server, self.depositions, previous=previous, concept=concept
        )
        if draft.submitted:
            return self._found_published(draft)
        draft = self._reserve(draft)
        files = self._write_doi(draft.doi)
        sent, kept, removed = self._send(draft, files)
        self._remember(draft, "uploaded")
        if confirm:
            self.tell("publishing", 1.0)
            self._remember(draft, "publishing")
            draft = self.depositions.publish(draft.id)
            self._finish(draft)
        self.tell("done", 1.0)
        return self._result(draft, sent, kept, removed)

    def _reserve(self, draft: Deposition) -> Deposition:
        """Give the draft its metadata and keep its DOI."""
        self.tell("reserving the DOI", 0.0)
        metadata = release_metadata(self.checked)
        described = self.depositions.describe(draft.id, metadata)
        refused = "; ".join(error_lines(list(described.errors))[:_LISTED]).rstrip(".")
        if refused:
            raise DataError(
                f"{self.server.title} did not take all metadata: {refused}. Correct the spec, build again, "
                "and run the command again; the draft is kept."
            )
        changed = not_stored(metadata, described.metadata)
        if changed:
            self.notes.append(
                f"{self.server.title} stored {', '.join(changed)} otherwise than sent; look at the draft."
            )
        doi = self.depositions.reserve(draft.id, described)
        try:
            plain_doi(doi)
        except ValueError:
            raise DataError(
                f"{self.server.title} reserved no DOI for the draft {draft.id}. Run the command again later."
            ) from None
        self._remember(draft.model_copy(update={"doi": doi}), "reserved")
        found = self.depositions.read(draft.id)  # with its files and their place
        if found is None:
            raise DataError(f"The draft {draft.id} was discarded meanwhile. Run the command again.")
        return found.model_copy(update={"doi": doi})

    def _write_doi(self, doi: str) -> list[LocalFile]:
        """Write the DOI into the release folder and its zip."""
        self.tell("writing the DOI into the release", 0.0)
        if self.checked.package.doi != doi:
            stamp_release(self.checked.folder, self.checked.archive, doi)
        else:
            pack(self.checked.folder, self.checked.archive)
        return local_files(self.checked)

    def _send(
        self, draft: Deposition, files: list[LocalFile]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Make the draft hold exactly these files; return names of the sent, the kept and the removed."""
        wanted = {file.name: file for file in files}
        sent: dict[str, None] = {}
        removed: dict[str, None] = {}
        for _ in range(_ROUNDS):
            right = {there.filename for there in draft.files if _same(there, wanted)}
            missing = [file for file in files if file.name not in right]
            total = sum(file.size for file in missing) or 1
            done = 0
            for there in draft.files:
                if there.filename not in wanted:
                    self.depositions.remove(draft, there)
                    removed[there.filename] = None
            for file in missing:
                self._send_one(draft, file, done, total)
                sent[file.name] = None
                done += file.size
            found = self.depositions.read(draft.id)
            if found is None:
                raise DataError(f"The draft {draft.id} was discarded meanwhile. Run the command again.")
            draft = found
            if _all_there(draft, wanted):
                kept = tuple(name for name in wanted if name not in sent)
                return tuple(sent), kept, tuple(removed)
        raise DataError(
            f"{self.server.title} does not hold the files as they were sent, after {_ROUNDS} tries. Run the "
            "command again later; it sends what is missing."
        )

    def _send_one(self, draft: Deposition, file: LocalFile, done: int, total: int) -> None:
        gone = 0

        def told(count: int) -> None:
            nonlocal gone
            gone = min(gone + count, file.size)
            self.tell("sending files", (done + gone) / total)

        self.tell("sending files", done / total)
        self.depositions.upload(draft, file.name, file.path, told)

    def _found_published(self, record: Deposition) -> PublishResult:
        """Take up a run that was cut off after the server had published."""
        known = self.state.servers[self.server.base]
        if self.checked.package.doi == known.doi:
            pack(self.checked.folder, self.checked.archive)
        files = (
            {file.name: file for file in local_files(self.checked)} if self.checked.archive.exists() else {}
        )
        if not _all_there(record, files):
            raise DataError(
                f"{self.checked.folder}: version {self.checked.version} is published already, as "
                f"{known.doi}, and the folder does not hold what was published. Raise the version in the "
                "spec and build again."
            )
        if known.stage == "published":  # on a server whose records do not last
            raise UsageError(
                f"{self.checked.folder}: version {self.checked.version} is published already, as "
                f"{known.doi} at {self.server.base}. Raise the version in the spec and build again."
            )
        self._finish(record)
        return self._result(record, (), tuple(files), ())

    def _finish(self, record: Deposition) -> None:
        """See to what comes after publishing; a run that is cut off here is taken up."""
        self.tell("reading the published zip", 1.0)
        public = self.depositions.public_digest(record.id, self.checked.archive.name)
        communities = list(self.checked.spec.communities)
        self.notes += self.depositions.ask_communities(record.id, communities)
        known = self.state.servers[self.server.base]
        self._remember(record, "published")
        if public is None:
            self.notes.append(
                "The published zip could not be read yet, so it was not compared with this one."
            )
        elif public != sha256(self.checked.archive):
            raise DataError(
                f"{self.checked.archive}: what {self.server.title} gives out has the SHA-256 {public}, not "
                "that of this file. Write to its support and name both; do not publish again."
            )
        if record.doi and record.doi != known.doi:
            raise DataError(
                f"{self.server.title} published {record.page or record.id} as {record.doi}, where "
                f"{known.doi} was reserved and stands in the files. Write to its support; do not publish "
                "again."
            )

    def _remember(self, deposition: Deposition, stage: Stage) -> None:
        known = self.state.servers.get(self.server.base)
        same = known is not None and known.deposition == deposition.id
        doi = known.doi if known is not None and same and stage == "published" else deposition.doi
        publication = Publication(
            stage=stage,
            deposition=deposition.id,
            doi=doi or (known.doi if known is not None and same else ""),
            concept_doi=deposition.conceptdoi,
            lasting=self.server.lasting,
            checksums=sha256(self.checked.folder / CHECKSUMS) if stage != "reserved" else "",
            page=deposition.page,
        )
        self.state = self.state.with_publication(self.server.base, publication)
        write_state(self.checked.folder, self.state)

    def _result(
        self, record: Deposition, sent: tuple[str, ...], kept: tuple[str, ...], removed: tuple[str, ...]
    ) -> PublishResult:
        known = self.state.servers[self.server.base]
        return PublishResult(
            server=self.server.base,
            published=record.submitted,
            doi=known.doi,
            concept_doi=known.concept_doi,
            page=known.page,
            archive=self.checked.archive.name,
            archive_sha256=sha256(self.checked.archive),
            sent=sent,
            kept=kept,
            removed=removed,
            notes=tuple(self.notes),
        )


def _same(there: RemoteFile, wanted: dict[str, LocalFile]) -> bool:
    here = wanted.get(there.filename)
    return here is not None and (there.filesize, there.checksum) == (here.size, here.md5)


def _all_there(deposition: Deposition, wanted: dict[str, LocalFile]) -> bool:
    """Say whether a deposition holds these files, byte for byte, and no other."""
    names = [there.filename for there in deposition.files]
    return sorted(names) == sorted(wanted) and all(_same(there, wanted) for there in deposition.files)
