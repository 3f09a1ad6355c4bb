"""SHA256SUMS: the list of every file of a release, written and checked.

The form is that of `sha256sum`, sorted by name, so that `sha256sum -c SHA256SUMS` checks it as well.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from amlsynth.foundation.defaults import CHECKSUMS as CHECKSUMS
from amlsynth.foundation.files import sha256, write_text
from amlsynth.foundation.strict_model import StrictModel

# What `release publish` keeps in a release folder: the one file that is no part of the release.
PUBLISH_STATE = "publish.json"
_LIMIT = 1_000_000  # bytes; a release has about fifteen lines
_MAX_DEPTH, _MAX_FILES = 8, 10_000  # of a release folder, which has two levels
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_WINDOWS_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


class Problem(StrictModel):
    """One thing that is wrong with a release."""

    file: str  # relative to the release, or the archive's name
    check: str  # such as "checksum", "missing", "extra", "archive", "package", "data", "gates"
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS over every other file of `folder` but the state of publishing."""
    names = sorted(name for name, _ in walk(folder) if name not in (CHECKSUMS, PUBLISH_STATE))
    write_text(folder / CHECKSUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def read_checksums(content: bytes) -> tuple[dict[str, str], list[Problem]]:
    """Read SHA256SUMS strictly: from file names to 64 hexadecimal digits, and what is wrong with it."""
    sums: dict[str, str] = {}
    problems: list[Problem] = []

    def wrong(message: str) -> None:
        problems.append(Problem(file=CHECKSUMS, check="checksums", message=message))

    if len(content) > _LIMIT:
        wrong(f"{len(content):,} bytes are too many for a list of checksums")
        return sums, problems
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        wrong("it is not UTF-8 text")
        return sums, problems
    if not text.endswith("\n"):
        wrong("it is empty or its last line is cut off")
    names: list[str] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if not match:
            wrong(f"line {number} is not 64 hexadecimal digits, two spaces and a file name")
            continue
        digest, name = match.groups()
        fault = name_fault(name)
        if fault:
            wrong(f"line {number}: the file name {shown(name)} {fault}")
        elif name in sums:
            wrong(f"line {number}: the file name {shown(name)} stands twice")
        else:
            names.append(name)
            sums[name] = digest
    if names != sorted(names):
        wrong("its lines are not sorted by file name")
    return sums, problems


def check_files(folder: Path, known: Sequence[Problem] = ()) -> tuple[dict[str, str], list[Problem]]:
    """Hold every file of `folder` against its SHA256SUMS.

    Parameters
    ----------
    folder : the release.
    known : what is known to be wrong with files that are not in `folder` for that reason.

    Returns
    -------
    The checksums of the files that are as listed, by name, and the problems. Links and special files
    are problems and never opened.
    """
    present: dict[str, bool] = {}
    problems: list[Problem] = [*known]
    absent = {problem.file for problem in known}
    try:
        for name, regular in walk(folder):
            present[name] = regular
            if not regular:
                problems.append(not_regular(name))
    except OSError as error:
        problems.append(unreadable(str(error.filename), error))
    if not present.get(CHECKSUMS, False):
        if CHECKSUMS in absent:
            return {}, problems
        problems.append(Problem(file=CHECKSUMS, check="missing", message="the list of checksums is missing"))
        return {}, problems
    try:
        with (folder / CHECKSUMS).open("rb") as stream:
            content = stream.read(_LIMIT + 1)
    except OSError as error:
        return {}, [*problems, unreadable(CHECKSUMS, error)]
    sums, wrong_lines = read_checksums(content)
    problems += wrong_lines
    for name in sorted(set(present) - set(sums) - {CHECKSUMS, PUBLISH_STATE}):
        if present[name]:
            message = "the file is not listed in SHA256SUMS; it is no part of the release, so remove it"
            problems.append(Problem(file=shown(name), check="extra", message=message))
    good: dict[str, str] = {}
    for name, digest in sums.items():
        if name not in present and shown(name) in absent:
            continue
        if name not in present:
            message = "the file is listed in SHA256SUMS but missing"
            problems.append(Problem(file=name, check="missing", message=message))
        elif present[name]:
            problem = check_file(folder, name, digest)
            if problem:
                problems.append(problem)
            else:
                good[name] = digest
    return good, problems


def check_file(folder: Path, name: str, digest: str) -> Problem | None:
    """Return what is wrong with one listed file, None when its SHA-256 is as listed."""
    try:
        found = sha256(folder / name)
    except OSError as error:
        return unreadable(name, error)
    if found != digest:
        message = f"the bytes are not those of the release: SHA-256 is {found}, listed is {digest}"
        return Problem(file=name, check="checksum", message=message)
    return None


def name_fault(name: str) -> str | None:
    """Return why a file name from outside must not be used as a path, None when it is safe."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or ":" in name:
        return "is not a relative path with forward slashes"
    if any(part in ("", ".", "..") for part in parts):
        return "leaves its folder or has empty parts"
    if not name.isprintable() or len(name.encode("utf-8", "surrogatepass")) > 200:
        return "has control characters or is too long"
    if any(_WINDOWS_DEVICES.fullmatch(part) or part != part.rstrip(". ") for part in parts):
        return "means something else on Windows"
    return None


def shown(name: str) -> str:
    """Return a file name from outside as safe text for a message."""
    return name if name.isprintable() and len(name) <= 200 else ascii(name[:200])


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield name and "is a regular file" of everything in a folder but folders, following no link.

    A folder that is empty, or deeper than any of a release, is yielded as no regular file and not entered.

    Raises
    ------
    OSError
        A folder cannot be read, or holds more files than any release.
    """
    count = 0
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        with os.scandir(folder / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        count += len(found)
        if count > _MAX_FILES:
            raise OSError(errno.EMFILE, f"more than {_MAX_FILES:,} files", str(folder))
        if not found and prefix:
            yield prefix, False
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if depth < _MAX_DEPTH:
                    waiting.append((f"{prefix}{entry.name}/", depth + 1))
                else:
                    yield f"{prefix}{entry.name}/", False
            else:
                yield prefix + entry.name, stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)


def not_regular(name: str) -> Problem:
    """Return the problem of what `walk` yields as no regular file."""
    what = "a folder that is empty or too deep" if name.endswith("/") else "a link or special file"
    return Problem(file=shown(name), check="link", message=f"{what}; remove it")


def unreadable(name: str, error: OSError) -> Problem:
    message = f"cannot be read ({error.strerror}); check its permissions"
    return Problem(file=name, check="unreadable", message=message)
