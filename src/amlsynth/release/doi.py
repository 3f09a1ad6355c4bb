"""The DOI of a release, written into its documents once it is reserved.

A DOI is reserved before it is published, so a release can name its own. The build writes it as its last
step, and so does `release publish`: the same spec with the same DOI gives the same bytes either way.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from amlsynth.dictionary.carried import carried_dictionary
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.addresses import doi_url, plain_doi
from amlsynth.foundation.defaults import REPORT_FILE, REPORT_PDF
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import replacing, replacing_folder, scratch_folder, sha256, write_text
from amlsynth.release.archive import write_archive
from amlsynth.release.checksums import write_checksums
from amlsynth.release.contents import read_parts
from amlsynth.release.describing import with_files
from amlsynth.release.documents import citation, documents_with_doi, report_title
from amlsynth.release.file_names import PACKAGE, PROVENANCE
from amlsynth.release.metadata import write_metadata
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.parquet_metadata import describe_again
from amlsynth.release.spec import ReleaseSpec, read_spec

# Where the report shows the DOI and what it is, a release with or without one; `report.decision_page` and
# `report.prose` write the spans.
_PLACES = {
    name: re.compile(rf'(<span\s+class="{name}">)(?:(?!</span>).)*(</span>)', re.DOTALL)
    for name in ("amlsynth-doi", "amlsynth-status")
}


def stamp_doi(folder: Path, doi: str | None) -> None:
    """Write a DOI (or, with None, that there is none) into the documents of a release folder, in place.

    It goes into the Parquet files, datapackage.json, CITATION.cff, README.md and, where there are any,
    decision.json and the report, of which the PDF is rendered anew; the checksums follow.

    Raises
    ------
    UsageError
        `doi` is none.
    DataError
        The folder was built by an amlsynth that writes these documents otherwise.
    """
    if doi is not None:
        try:
            doi = plain_doi(doi)
        except ValueError as error:
            raise UsageError(f"{error}.") from None
    try:
        package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
        provenance = Provenance.model_validate_json((folder / PROVENANCE).read_bytes())
        spec, d = spec_of(provenance), carried_dictionary(folder) or dictionary()
        parts = read_parts(folder, package, provenance, spec, d)
    except ValidationError:
        raise _foreign(folder) from None
    for name, text in documents_with_doi(spec, parts, d, package.doi).items():
        if (folder / name).read_bytes() != text.encode("utf-8"):
            raise _foreign(folder)
    link = doi_url(doi) if doi else None
    described = package.model_copy(update={"id": link, "citation": citation(spec, doi)})
    describe_again(folder, described, d)
    write_text(folder / PACKAGE, with_files(described, folder).json_text())
    for name, text in documents_with_doi(spec, parts, d, doi).items():
        write_text(folder / name, text)
    files = {name: sha256(folder / name) for name in provenance.files}
    write_text(folder / PROVENANCE, provenance.model_copy(update={"files": files}).json_text())
    names = package.files
    if REPORT_FILE in names:
        _stamp_report(folder, link, {provenance.files[name]: digest for name, digest in files.items()})
    if REPORT_PDF in names:
        from amlsynth.report import render_report

        render_report(folder, None, folder / REPORT_PDF, title=report_title(spec))
    write_metadata(folder)
    write_checksums(folder)


def stamp_release(folder: Path, archive: Path, doi: str | None) -> None:
    """Write a DOI, or that there is none, into a release folder and its zip.

    The folder is swapped when the new one is complete.
    """
    with replacing_folder(folder) as temporary:
        shutil.copytree(folder, temporary, copy_function=_link, dirs_exist_ok=True)
        stamp_doi(temporary, doi)
    pack(folder, archive)


def pack(folder: Path, archive: Path) -> None:
    """Write the zip of a release folder."""
    package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
    with replacing(archive) as temporary:
        write_archive(folder, package.files, temporary, f"{package.name}-{package.version}", package.date)


def spec_of(provenance: Provenance) -> ReleaseSpec:
    """Return the spec that a release was built from, as its provenance holds it.

    Raises
    ------
    DataError
        It is not one that this version of amlsynth reads.
    """
    with scratch_folder() as temporary:
        path = temporary / "spec.yaml"
        path.write_bytes(provenance.spec.text.encode("utf-8"))
        try:
            return read_spec(path)
        except UsageError as error:
            raise DataError(str(error).replace(str(path), f"{PROVENANCE}, the spec in it")) from None


def _stamp_report(folder: Path, link: str | None, digests: dict[str, str]) -> None:
    from amlsynth.report.decision.records import RELEASED
    from amlsynth.report.decision_page import NO_DOI

    page = (folder / REPORT_FILE).read_text(encoding="utf-8")
    shown = {
        "amlsynth-doi": f'<a href="{link}">{link}</a>' if link else NO_DOI,
        "amlsynth-status": RELEASED[link is not None],
    }
    for name, place in _PLACES.items():
        page, places = place.subn(partial(_filled, shown[name]), page)
        if not places:
            raise _foreign(folder)
    for old, new in digests.items():  # the report shows the provenance, checksums included
        page = page.replace(old, new)
    write_text(folder / REPORT_FILE, page)


def _filled(text: str, match: re.Match[str]) -> str:
    return match[1] + text + match[2]


def _link(source: str, target: str) -> None:
    """Link a file, or copy it where links are not to be had; files are replaced, never changed in place."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _foreign(folder: Path) -> DataError:
    return DataError(
        f"{folder}: this version of amlsynth writes the documents of a release otherwise than the one that "
        "built it, so it cannot write a DOI into them. Build the release again, or publish it with the "
        "amlsynth that provenance.json names."
    )
