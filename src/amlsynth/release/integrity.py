"""The bytes of a release, taken once: a private copy, unpacked and held against its checksums.

What is checked is what is used: whatever happens to the folder or zip meanwhile, nobody else can change the
copy. All that reads releases which others made begins here.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import is_full, scratch_folder, sha256
from amlsynth.release.archive import unpack, write_archive
from amlsynth.release.checksums import (
    CHECKSUMS,
    PUBLISH_STATE,
    Problem,
    check_files,
    not_regular,
    shown,
    unreadable,
    walk,
)
from amlsynth.release.environment import ZLIB
from amlsynth.release.file_names import PROVENANCE
from amlsynth.release.package import DataPackage

_BLOCK = 1 << 20


@dataclass(frozen=True)
class PrivateCopy:
    """A copy of a release that only this process has.

    folder : where its files are; gone when the block ends that asked for it.
    archive : the copied zip, None of a folder.
    top : the zip's top folder.
    digest : SHA-256 of the zip, or of the folder's SHA256SUMS ("" where it has none).
    sums : checksums of the files whose bytes are as listed.
    problems : what is wrong with entries, names and bytes.
    """

    folder: Path
    archive: Path | None
    top: str | None
    digest: str
    sums: dict[str, str]
    problems: tuple[Problem, ...]


@contextmanager
def private_copy(path: Path) -> Iterator[PrivateCopy]:
    """Copy a release folder or zip to a temporary folder and hold its files against SHA256SUMS.

    Links are not followed, special files never opened. Of an archive with problems nothing is unpacked.

    Raises
    ------
    UsageError
        There is no room for the copy.
    """
    with scratch_folder() as temporary:
        folder = temporary / "release"
        folder.mkdir()
        archive, top, digest = None, None, ""
        if path.is_dir():
            problems = _copy_folder(path, folder)
        else:
            archive = temporary / path.name
            digest = copy_file(path, archive)
            unpacked = unpack(archive, folder)
            top, problems = unpacked.top, unpacked.problems
            if problems or top is None:
                yield PrivateCopy(folder, archive, None, digest, {}, tuple(problems))
                return
        sums, problems = check_files(folder, problems)
        if archive is None and (folder / CHECKSUMS).is_file():
            digest = sha256(folder / CHECKSUMS)
        yield PrivateCopy(folder, archive, top, digest, sums, tuple(problems))


def copy_file(source: Path, target: Path) -> str:
    """Copy a file; return the SHA-256 of the bytes that were copied.

    Raises
    ------
    OSError
        It cannot be read, or is no regular file.
    """
    found = hashlib.sha256()
    # Not to wait for the writer of a pipe that stands in the place of a file.
    handle = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream, target.open("xb") as copy:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "no regular file", str(source))
        while block := stream.read(_BLOCK):
            found.update(block)
            copy.write(block)
    return found.hexdigest()


def _copy_folder(source: Path, target: Path) -> list[Problem]:
    """Copy the regular files of a folder; return what is not copied, and why."""
    problems = []
    try:
        for name, regular in walk(source):
            if not regular:
                problems.append(not_regular(name))
            elif name != PUBLISH_STATE:
                place = target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                try:
                    copy_file(source / name, place)
                except OSError as error:
                    if is_full(error):  # which is said of the copy, and not of the release
                        raise
                    place.unlink(missing_ok=True)
                    problems.append(unreadable(shown(name), error))
    except OSError as error:
        if is_full(error):
            raise
        problems.append(unreadable(str(error.filename), error))
    return problems


def archive_problems(copy: PrivateCopy, package: DataPackage) -> Iterator[Problem]:
    """Make the archive again from its files; yield what differs from the one that there is."""
    if copy.archive is None:
        return
    stem = f"{package.name}-{package.version}"
    if copy.top != stem:
        message = f"its top folder is {copy.top!r} and should be {stem!r}"
        yield Problem(file=copy.archive.name, check="archive", message=message)
        return
    # The streams depend on the zlib; where another wrote them, all else is made again.
    if not any(_made_again(copy, stem, package, streams) for streams in (None, *_foreign_streams(copy))):
        message = (
            "the files are right, but the archive is not byte for byte what release build makes of them; "
            "download it again, or unpack it and use the folder"
        )
        yield Problem(file=copy.archive.name, check="archive", message=message)


def _made_again(copy: PrivateCopy, stem: str, package: DataPackage, streams_of: Path | None) -> bool:
    """Make the archive again; say whether it has the bytes of the one that there is."""
    again = copy.folder.parent / ".made-again"
    try:
        write_archive(copy.folder, [*copy.sums, CHECKSUMS], again, stem, package.date, streams_of)
        return sha256(again) == copy.digest
    except DataError:
        return False
    finally:
        again.unlink(missing_ok=True)


def _foreign_streams(copy: PrivateCopy) -> Iterator[Path]:
    """Yield the archive if its provenance names another zlib than that of this Python."""
    if copy.archive is None or PROVENANCE not in copy.sums:
        return
    try:
        found = json.loads((copy.folder / PROVENANCE).read_bytes())["packages"][ZLIB]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if found != zlib.ZLIB_RUNTIME_VERSION:
        yield copy.archive


def rows_problems(copy: PrivateCopy, paths: tuple[str, str], columns: int) -> Iterator[Problem]:
    """Yield what is wrong with the Parquet file beside the CSV, whose lines are real, before it is read.

    `columns` is how many it should have; that they are the right ones is found out on reading.
    """
    from amlsynth.foundation.parquet import check_footer, try_reading

    csv, parquet = paths
    lines = count_lines(copy.folder / csv) - 1
    try:
        check_footer(copy.folder / parquet, rows=lines)
        try_reading(copy.folder / parquet, columns, lines)
    except DataError as error:
        yield Problem(file=parquet, check="data", message=str(error).partition(": ")[2].rstrip("."))


def count_lines(path: Path) -> int:
    """Return the number of line ends in a file."""
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))
