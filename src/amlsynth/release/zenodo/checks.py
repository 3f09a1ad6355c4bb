"""What a release must be before a request is made: in order, with its gates passed, in a place of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import restore_folder
from amlsynth.release.doi import spec_of
from amlsynth.release.file_names import PACKAGE, PROVENANCE
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.released import read_released, read_verified
from amlsynth.release.spec import ReleaseSpec
from amlsynth.release.versions import Version
from amlsynth.release.zenodo.servers import Server
from amlsynth.release.zenodo.state import PublishState, read_state

_MOST_FILES, _MOST_BYTES = 100, 50_000_000_000  # of one record, by Zenodo's rules
_LISTED = 5  # problems that a sentence lists


@dataclass(frozen=True)
class LocalFile:
    """A file that goes to Zenodo."""

    name: str
    path: Path
    size: int
    md5: str


@dataclass(frozen=True)
class Checked:
    """A release that may be published."""

    folder: Path
    spec: ReleaseSpec
    package: DataPackage
    provenance: Provenance
    state: PublishState

    @property
    def name(self) -> str:
        return self.package.name

    @property
    def version(self) -> str:
        return self.package.version

    @property
    def archive(self) -> Path:
        """Where the zip belongs: beside the folder."""
        return self.folder.parent / f"{self.name}-{self.version}.zip"


def check_release(path: Path, server: Server, d: Dictionary | None = None) -> Checked:
    """Read a release folder that is to be published.

    Raises
    ------
    UsageError
        It is no release folder, or was published for good.
    DataError
        It changed since the build, or a required gate was not passed.
    """
    from amlsynth.release.verify import verify_release

    folder = _folder(Path(path))
    report = verify_release(folder, d)
    failed = [problem for problem in report.problems if problem.check == "gates"]
    if failed:
        reasons = "\n".join(f"  {problem.message}" for problem in failed[:_LISTED])
        raise DataError(f"{folder}: not published, since its gates were not passed:\n{reasons}")
    if not report.ok:
        lines = "\n".join(f"  {problem}" for problem in report.problems[:_LISTED])
        more = len(report.problems) - _LISTED
        raise DataError(
            f"{folder}: not published, since the folder changed since the build or is not in order:\n{lines}"
            f"{f'{chr(10)}  and {more} more' if more > 0 else ''}\nBuild the release again."
        )
    package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
    provenance = Provenance.model_validate_json((folder / PROVENANCE).read_bytes())
    spec = spec_of(provenance)
    if (spec.name, spec.version) != (package.name, package.version):
        raise DataError(f"{folder}: the spec in {PROVENANCE} is of another release. Build the release again.")
    state = read_state(folder) or PublishState(name=package.name, version=package.version)
    if (state.name, state.version) != (package.name, package.version):
        raise DataError(
            f"{folder}: publish.json is of {state.name} {state.version}. Remove it from this folder; it "
            "belongs into that of the other version."
        )
    found = state.published()
    if found:
        base, publication = found
        raise UsageError(
            f"{folder}: version {package.version} is published already, as {publication.doi} at {base}. "
            f"A published version never changes: raise the version in the spec and build again"
            f"{'' if base == server.base else '; for a trial elsewhere, build a copy in another folder'}."
        )
    return Checked(folder, spec, package, provenance, state)


def check_place(checked: Checked) -> None:
    """Refuse a place where the DOI could not be written into the release, before one is reserved."""
    for place in (checked.folder, checked.folder.parent):
        if not os.access(place, os.W_OK):
            raise UsageError(
                f"{place}: this folder is read-only. Publishing writes the DOI into the release and its "
                "state beside it; copy the release to a folder where that can be done."
            )
    size = sum((checked.folder / name).stat().st_size for name in checked.package.files)
    needed = 2 * size + (1 << 20)  # the zip, and at worst a copy of the folder where files cannot be linked
    free = shutil.disk_usage(checked.folder).free
    if free < needed:
        raise UsageError(
            f"{checked.folder.parent}: there is no space to write the DOI into the release: {needed:,} bytes "
            f"are needed, {free:,} are free. Make room and run the command again."
        )


def local_files(checked: Checked) -> list[LocalFile]:
    """Return what is uploaded: the zip, which holds everything, and the documents beside it for readers.

    Zenodo knows no folders, so the data are in the zip only, where their paths are those of SHA256SUMS.
    """
    documents = sorted(name for name in checked.package.files if "/" not in name)
    paths = [checked.archive, *(checked.folder / name for name in documents)]
    files = [LocalFile(path.name, path, path.stat().st_size, md5(path)) for path in paths]
    if len(files) > _MOST_FILES or sum(file.size for file in files) > _MOST_BYTES:
        raise DataError(
            f"{checked.folder}: Zenodo takes {_MOST_FILES} files and {_MOST_BYTES:,} bytes in one record. "
            "Make a smaller release, or ask Zenodo for more space."
        )
    return files


def check_step(checked: Checked, published: str | None, previous: Path | None) -> str:
    """Refuse a version that is no right step from the one that is published; return what to tell, or "".

    Parameters
    ----------
    checked : the release.
    published : the newest published version, None when there is none.
    previous : its folder or zip where one was named; else it is looked for beside the release.
    """
    from amlsynth.release.compare import difference

    new = Version(checked.version)
    if published is not None and not Version(published) < new:
        raise UsageError(
            f"{checked.folder}: wrong version step: {published} is published, and {new} is not newer. "
            "Raise the version in the spec and build again."
        )
    if previous is None and published is not None:
        previous = _beside(checked, published)
    if previous is None:
        built = checked.provenance.previous
        if published is None or (built and built.version == published):
            return ""  # the first version, or one that the build has compared
        return (
            f"Whether {new} is a big enough step after {published} was not checked; name the folder or zip "
            f"of {published} with --previous to check it."
        )
    older = read_verified(previous)
    if published is not None and str(older.version) != published:
        raise UsageError(
            f"{previous}: this is version {older.version}, and the newest that is published is {published}. "
            "Name the folder or zip of that."
        )
    difference(older, read_released(checked.folder)).raise_if_unsatisfied()
    return ""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Refuse a second publishing beside the first, which could make a second draft."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing to lock a folder with
        yield
        return
    handle = os.open(folder.parent, os.O_RDONLY)  # not the folder itself, which is swapped
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(
            f"{folder.parent}: another amlsynth is publishing from this folder. Wait until it is done."
        ) from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def md5(path: Path) -> str:
    """Return the MD5 of a file, the only checksum that Zenodo tells."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _folder(path: Path) -> Path:
    restore_folder(path)
    if path.is_dir():
        return path
    if path.is_file():
        raise UsageError(
            f"{path}: publish takes the release folder, where it keeps its state, and makes the zip itself. "
            f"Name the folder, such as {path.with_suffix('') if path.suffix == '.zip' else path.parent}."
        )
    raise UsageError(f"{path}: there is no such release folder. Build it with: amlsynth release build")


def _beside(checked: Checked, version: str) -> Path | None:
    folder = checked.folder.parent / f"{checked.name}-{version}"
    archive = folder.with_name(f"{folder.name}.zip")
    return next((path for path in (folder, archive) if path.exists()), None)
