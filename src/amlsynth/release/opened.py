"""A verified release, opened: for commands that make something of releases that others built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.carried import carried_dictionary
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.foundation.files import restore_folder
from amlsynth.release.checksums import CHECKSUMS
from amlsynth.release.file_names import PACKAGE
from amlsynth.release.integrity import private_copy
from amlsynth.release.package import DataPackage
from amlsynth.release.verify import verify_copy


@dataclass(frozen=True)
class OpenedRelease:
    """A release that verified: a private copy of its folder, and its data package."""

    folder: Path
    package: DataPackage
    d: Dictionary  # the one that it carries


@contextmanager
def opened_release(path: Path, d: Dictionary | None = None) -> Iterator[OpenedRelease]:
    """Copy a release folder or zip to a temporary folder, verify the copy, and yield it.

    What is used is what was verified, whatever happens to `path` meanwhile. With a dictionary `d`, the data
    have to follow it and not the one that the release carries.

    Raises
    ------
    UsageError
        There is nothing at `path`, or it is neither a folder nor a zip.
    DataError
        The folder is no release, or the release does not verify; the sentences name the problems.
    MissingExtraError
        frictionless is not installed.
    """
    path = Path(path)
    restore_folder(path)
    if not path.is_dir() and not path.is_file():
        raise UsageError(f"{path}: there is no release folder or zip there. Check the path.")
    if path.is_dir() and not (path / CHECKSUMS).is_file():
        raise DataError(
            f"{path}: this is no release, as it has no {CHECKSUMS}. Name a release folder or zip."
        )
    require_extra("publish", "frictionless", "Verifying a release")
    with private_copy(path) as copy:
        report = verify_copy(copy, str(path), d)
        if not report.ok:
            problems = [f"{path}: {problem}." for problem in report.problems[:10]]
            more = len(report.problems) - len(problems)
            last = f"{path}: and {more} more problems. " if more else f"{path}: "
            raise DataError(
                "\n".join([*problems, f"{last}The release does not verify; see amlsynth release verify."])
            )
        package = DataPackage.model_validate_json((copy.folder / PACKAGE).read_bytes())
        yield OpenedRelease(copy.folder, package, d or carried_dictionary(copy.folder) or dictionary())
