"""Which deposition a release goes into: the known draft, one found by its mark, a new version, a new one."""

from __future__ import annotations

from pathlib import Path

from amlsynth.foundation.addresses import plain_doi
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release.versions import Version
from amlsynth.release.zenodo.checks import Checked, check_step
from amlsynth.release.zenodo.depositions import Deposition, Depositions
from amlsynth.release.zenodo.metadata import first_metadata, zenodo_metadata
from amlsynth.release.zenodo.servers import Server


def find_deposition(
    checked: Checked, server: Server, depositions: Depositions, *, previous: Path | None, concept: int | None
) -> tuple[Deposition, list[str]]:
    """Return the deposition of a release, made where there was none, and notes for the user.

    It is a published one only where publish.json names it: then a run was cut off after publishing.

    Raises
    ------
    UsageError
        The version is published, or there is a draft of another version in the way.
    DataError
        The version is too small a step from the newest published one.
    """
    notes: list[str] = []
    ours = depositions.of_release(checked.name)
    mine = (checked.name, checked.version)
    known = checked.state.servers.get(server.base)
    found = depositions.read(known.deposition) if known else None  # None as well when it was discarded
    if found is not None and found.submitted:
        if found.release not in (mine, None):  # None: its notes were edited on the web; the files will tell
            raise DataError(
                f"{checked.folder}: its draft {found.id} was published as something else "
                f"({found.page or found.doi}). Remove publish.json to begin with a new draft."
            )
        return found, notes
    published = [other for other in ours if other.submitted]
    for other in published:
        if other.release == mine:
            raise UsageError(
                f"{checked.folder}: version {checked.version} is published already, as "
                f"{other.doi} at {server.base}. A published version never changes: raise "
                "the version in the spec and build again."
            )
    parent, newest = _parent(checked, server, depositions, published, concept, notes)
    note = check_step(checked, newest, previous)
    if note:
        notes.append(note)
    drafts = [other for other in ours if not other.submitted]
    if found is None:
        mine_there = next((other for other in drafts if other.release == mine), None)
        found = depositions.read(mine_there.id) if mine_there else None  # a list tells no bucket
    if found is None:
        found = _made(checked, depositions, published, parent, newest)
    notes += [
        f"There is also a draft of {other.release[1]}: {other.page or other.id}."
        for other in drafts
        if other.release and other.id != found.id
    ]
    return found, notes


def _made(
    checked: Checked,
    depositions: Depositions,
    published: list[Deposition],
    parent: tuple[int, str] | None,
    newest: str | None,
) -> Deposition:
    """Make a draft: of a new version, or of something new."""
    if parent is None:
        first = first_metadata(checked.spec, checked.package, checked.provenance.amlsynth)
        return depositions.create(first, checked.name, checked.version)
    made = depositions.new_version(*parent)
    expected = {other.release[1] for other in published if other.release} | {newest, checked.version}
    if made.release and made.release[1] not in expected:
        raise UsageError(
            f"{checked.folder}: there is a draft of version {made.release[1]} already, and Zenodo allows "
            f"one at a time: {made.page or made.id}. Publish it or discard it there first."
        )
    return made


def release_metadata(checked: Checked) -> dict[str, object]:
    """Return what Zenodo is told of a release."""
    return zenodo_metadata(checked.spec, checked.package, checked.provenance.amlsynth)


def concept_number(doi: str | None) -> int | None:
    """Return the number in a DOI of Zenodo; a plain number is one, too.

    Raises
    ------
    UsageError
        It is neither.
    """
    if doi is None:
        return None
    try:
        number = doi if doi.isdecimal() else plain_doi(doi).rpartition("zenodo.")[2]
    except ValueError:
        number = ""
    if not number.isdecimal() or len(number) > 15:
        raise UsageError(
            f"--new-version-of {doi!r}: this is no DOI of Zenodo; write it as 10.5281/zenodo.8334265."
        )
    return int(number)


def _parent(
    checked: Checked,
    server: Server,
    depositions: Depositions,
    published: list[Deposition],
    concept: int | None,
    notes: list[str],
) -> tuple[tuple[int, str] | None, str | None]:
    """Return record and concept that the new version follows, and its version; None for the first."""
    if concept is not None:
        record = depositions.latest(concept)
        if record is None:
            raise UsageError(
                f"--new-version-of: {server.title} has no published record {concept}. Check the DOI."
            )
        metadata = record.get("metadata")
        version = str(metadata.get("version") or "") if isinstance(metadata, dict) else ""
        parent = int(record["id"]), str(record.get("conceptrecid") or "")
        try:
            return parent, str(Version(version))
        except ValueError:
            notes.append(f"Record {concept} has no semantic version, so the step was not checked.")
            return parent, None
    if len({other.conceptrecid for other in published}) > 1:
        pages = ", ".join(other.doi or str(other.id) for other in published)
        raise UsageError(
            f"{checked.folder}: several records of {checked.name} are published that are not versions of one "
            f"({pages}). Say with --new-version-of which one this continues."
        )
    versions = [
        (Version(other.release[1]), other.id, other.conceptrecid) for other in published if other.release
    ]
    if not versions:
        return None, None
    newest, number, of_all = max(versions)
    return (number, of_all), str(newest)
