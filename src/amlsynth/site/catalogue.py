"""What a site lists: releases, verified, grouped by data set, the newest version first."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import read_evaluation
from amlsynth.foundation.defaults import REPORT_FILE
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import sha256, write_text
from amlsynth.foundation.types import Progress
from amlsynth.gates.verdict import GateReport
from amlsynth.release.archive import write_archive
from amlsynth.release.checksums import CHECKSUMS, read_checksums
from amlsynth.release.file_names import PROVENANCE
from amlsynth.release.opened import OpenedRelease, opened_release
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.versions import Version
from amlsynth.report.decision import Decision, decide
from amlsynth.site.curve import curve
from amlsynth.site.markup import Markup
from amlsynth.site.report_page import REPORT_PAGE, report_page


@dataclass(frozen=True)
class File:
    """A file of a release; `here` when the site has a copy of it."""

    name: str
    bytes: int
    sha256: str
    here: bool


@dataclass(frozen=True)
class Listed:
    """One version of a data set."""

    package: DataPackage
    dictionary: Dictionary  # that the release carries
    patients: int
    gates: GateReport | None  # None with a guarantee: the figures that they looked at are not told
    profile: str  # of the gates, which were passed
    decision: Decision | None  # None with a guarantee, and so is the curve beside the original's
    curve: Markup | None
    files: tuple[File, ...]  # those of SHA256SUMS, by name
    archive: File
    sums: str  # SHA256SUMS: releases with the same are the same

    @property
    def version(self) -> Version:
        return Version(self.package.version)

    @property
    def stem(self) -> str:
        return f"{self.package.name}-{self.package.version}"

    @property
    def place(self) -> str:
        """The folder of this version, relative to the site."""
        return f"{self.package.name}/{self.package.version}"

    @property
    def doi(self) -> str | None:
        return self.package.doi

    def record(self) -> dict[str, Any]:
        """Return what site.json says of the version."""
        return {
            "version": self.package.version,
            "date": self.package.date.isoformat(),
            "doi": self.doi,
            "license": self.package.licenses[0].name,
            "patients": self.patients,
            "page": f"{self.place}/",
            "archive": f"{self.place}/{self.archive.name}" if self.archive.here else None,
            "archive_sha256": self.archive.sha256,
        }


@dataclass(frozen=True)
class DataSet:
    """All versions of one data set, the newest first."""

    name: str
    versions: tuple[Listed, ...]

    @property
    def newest(self) -> Listed:
        """The newest version that is no pre-release, or the newest of all."""
        final = [listed for listed in self.versions if not listed.version.is_prerelease]
        return (final or list(self.versions))[0]


def read_catalogue(
    releases: Iterable[Path], folder: Path, *, data: bool, tell: Progress, d: Dictionary | None = None
) -> list[DataSet]:
    """Verify releases, copy their files into a site, and return them by data set, sorted by name.

    Raises
    ------
    UsageError
        Two releases have the same name and version and are not the same.
    DataError
        A release does not verify.
    """
    found: dict[tuple[str, str], tuple[Listed, Path]] = {}
    releases = list(releases)
    for number, path in enumerate(releases):
        tell(f"verifying {path.name}", 0.95 * number / len(releases))
        with opened_release(path, d) as opened:
            key = (opened.package.name, opened.package.version)
            sums = (opened.folder / CHECKSUMS).read_text(encoding="utf-8")
            if key in found:
                listed, other = found[key]
                if listed.sums != sums:
                    raise UsageError(
                        f"{path} and {other} are both {key[0]} {key[1]}, but not the same. A version is "
                        "published once: leave one out, or give it another version."
                    )
                continue
            found[key] = (_listed(opened, folder, sums, data), path)
    names = sorted({name for name, _ in found})
    return [
        DataSet(name, tuple(sorted(versions, key=lambda listed: listed.version, reverse=True)))
        for name in names
        if (versions := [listed for (of, _), (listed, _) in found.items() if of == name])
    ]


def _listed(opened: OpenedRelease, folder: Path, sums: str, data: bool) -> Listed:
    package = opened.package
    stem = f"{package.name}-{package.version}"
    target = folder / package.name / package.version
    target.mkdir(parents=True)
    digests, _ = read_checksums(sums.encode("utf-8"))
    files = []
    for name, digest in digests.items():
        source = opened.folder / name
        # Data and exports are in folders; the report is shown in a frame of its own, see `report_page`.
        here = name != REPORT_FILE and (data or PurePosixPath(name).parent == PurePosixPath())
        if here:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
        files.append(File(name, source.stat().st_size, digest, here))
    shutil.copyfile(opened.folder / CHECKSUMS, target / CHECKSUMS)
    if (opened.folder / REPORT_FILE).is_file():
        (target / REPORT_PAGE).parent.mkdir()
        report = (opened.folder / REPORT_FILE).read_text(encoding="utf-8", errors="replace")
        write_text(target / REPORT_PAGE, report_page(f"{package.title}, version {package.version}", report))
    # The same bytes as the archive of the build, whether the release was given as a folder or a zip.
    archive = (target if data else opened.folder.parent) / f"{stem}.zip"
    write_archive(opened.folder, package.files, archive, stem, package.date)
    made = Provenance.model_validate_json((opened.folder / PROVENANCE).read_bytes())
    gates, decision, drawn = None, None, None
    if package.guarantee is None:
        gates = GateReport.model_validate_json((opened.folder / "gates.json").read_bytes())
        evaluation = read_evaluation(opened.folder / "evaluation.json")
        drawn = curve(evaluation, opened.d)
        decision = decide(evaluation, gates, made.model_dump(mode="json"), opened.d, doi=package.doi)
    return Listed(
        package=package,
        dictionary=opened.d,
        patients=made.generator.n,
        gates=gates,
        profile=made.gate_profile,
        decision=decision,
        curve=drawn,
        files=tuple(files),
        archive=File(archive.name, archive.stat().st_size, sha256(archive), data),
        sums=sums,
    )
