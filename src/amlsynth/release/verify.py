"""Verification of a release: does a folder or zip hold exactly what a build wrote, and is it valid?

Nothing of the release is trusted. Content is only parsed when its checksum is as listed, links are not
followed, and nothing is written outside a temporary folder.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.foundation.files import restore_folder
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.release.checks import checks, checks_of_sound_files
from amlsynth.release.checksums import Problem
from amlsynth.release.evidence import Evidence, attempt, read_evidence
from amlsynth.release.integrity import PrivateCopy, private_copy


class VerifyReport(StrictModel):
    """What verification found; `ok` when there is no problem."""

    path: str
    name: str | None
    version: str | None
    files: int  # whose bytes are as listed
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"ok": self.ok} | self.model_dump(mode="json")


def verify_release(path: Path, d: Dictionary | None = None, *, regenerate: bool = False) -> VerifyReport:
    """Verify a release folder or its zip.

    Checked are the archive's entries, SHA-256 of every file, missing and unlisted files,
    datapackage.json with frictionless, the data against the dictionary, that CSV and Parquet hold the
    same, that the gates were passed with the figures of evaluation.json and decision.json has these, the
    hashes in provenance.json, and that metadata and exports say what the data package and the data say. Of a
    release with a guarantee, which holds neither evaluation nor gates, the guarantee, its documents and the
    public evaluation are made again.

    Parameters
    ----------
    path : the folder or zip.
    d : the dictionary that the data have to follow, instead of the one that the release carries; releases of
        older versions carry none and follow the AML dictionary.
    regenerate : of a release with a guarantee, make the data again from its noisy sums alone, which takes ten
        seconds or so, and compare them.

    Returns
    -------
    VerifyReport
        All problems that were found; a bad release never raises.

    Raises
    ------
    UsageError
        There is nothing at `path`, or data cannot be made again.
    MissingExtraError
        frictionless is not installed.

    Examples
    --------
    >>> verify_release(release).ok
    True
    """
    path = Path(path)
    restore_folder(path)
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder or zip. Check the path.")
    require_extra("publish", "frictionless", "Verifying a release")
    if not path.is_dir() and not path.is_file():
        problem = Problem(file=path.name, check="archive", message="neither a folder nor a zip archive")
        return VerifyReport(path=str(path), name=None, version=None, files=0, problems=(problem,))
    with private_copy(path) as copy:
        return verify_copy(copy, str(path), d, regenerate=regenerate)


def verify_copy(
    copy: PrivateCopy, path: str, d: Dictionary | None = None, *, regenerate: bool = False
) -> VerifyReport:
    """Verify a private copy of the release at `path`, as `verify_release` does."""
    if copy.archive is not None and copy.top is None:  # not unpacked
        return VerifyReport(path=path, name=None, version=None, files=0, problems=copy.problems)
    found, unreadable = read_evidence(copy, d)
    problems = [*copy.problems, *unreadable]
    for check in checks():
        problems += attempt(copy, check.file, check.name, partial(check.problems, found))
    for check in checks_of_sound_files():
        if not problems:
            problems += attempt(copy, check.file, check.name, partial(check.problems, found))
    if regenerate and not problems:
        problems += _regenerated(found, path)
    return VerifyReport(
        path=path,
        name=found.package.name if found.package else None,
        version=found.package.version if found.package else None,
        files=len(found.sums),
        problems=tuple(problems),
    )


def _regenerated(found: Evidence, source: str) -> list[Problem]:
    """Make the data of a release in order again from its noisy sums.

    Raises
    ------
    UsageError
        It has no guarantee, or its data cannot be made again here.
    """
    package, made, frame = found.package, found.provenance, found.frame
    if package is None or made is None or frame is None:
        return []
    if package.guarantee is None:
        raise UsageError(f"{source}: it has no noisy sums to make its data from. Leave --regenerate out.")
    from amlsynth.release.public.verification import regenerated_problems

    try:
        return list(regenerated_problems(found.folder, package, made, frame, found.d))
    except UsageError as error:
        raise UsageError(str(error).replace(str(found.folder), source)) from None
