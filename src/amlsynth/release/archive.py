"""The release's zip archive: written to the same bytes every time, unpacked without trust.

Entries are stored and not compressed. So the bytes do not depend on the zlib at hand, the archive can
be made again from its files and compared byte for byte, and no entry can expand: there are no zip bombs.
"""

from __future__ import annotations

import datetime
import shutil
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from amlsynth.release.checksums import Problem, name_fault, shown

_MOST_ENTRIES = 1_000
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # bits of section 4.4.4 of the zip specification
_BLOCK = 1 << 20
_MAX_DIRECTORY = 1_000_000  # bytes of the central directory; a release's has some 2,000
_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip, and those of one with more than 4 GB
_END64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
# What zipfile raises on damaged input, besides its own BadZipFile.
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, struct.error, OverflowError)


@dataclass(frozen=True)
class Unpacked:
    """What `unpack` found: the archive's top folder, if all is well, and the problems."""

    top: str | None
    problems: list[Problem]


def write_archive(folder: Path, names: Iterable[str], archive: Path, top: str, date: datetime.date) -> None:
    """Write the files `names` of `folder` to a zip under the top folder `top`.

    The same files, names and date give the same bytes: sorted, stored, dated `date` at 00:00, mode 644.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
        for name in sorted(names):
            info = zipfile.ZipInfo(f"{top}/{name}", (date.year, date.month, date.day, 0, 0, 0))
            info.create_system = 3  # Unix, wherever it is built
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, zipped.open(info, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK)


def unpack(archive: Path, target: Path, wanted: Callable[[str], bool] = lambda name: True) -> Unpacked:
    """Unpack a release archive into the folder `target`, without its top folder.

    Parameters
    ----------
    archive : the zip.
    target : an existing, empty folder; nothing is written outside it.
    wanted : says which names (below the top folder) to write; all entries are checked in any case.

    Returns
    -------
    Unpacked
        When an entry has a name that leaves the folder, is a link, a folder, encrypted, compressed or
        there twice, nothing is written and the problems say so.
    """

    def problem(message: str, name: str = "") -> Problem:
        return Problem(file=shown(name) if name else archive.name, check="archive", message=message)

    try:
        fault = _directory_fault(archive)
        if fault:
            return Unpacked(None, [problem(fault)])
        with zipfile.ZipFile(archive) as zipped:
            entries = zipped.infolist()
            problems = [problem(fault, info.orig_filename) for info, fault in _entry_faults(entries)]
            problems += [problem(fault) for fault in _archive_faults(entries, archive.stat().st_size)]
            if problems:
                return Unpacked(None, problems)
            for info in entries:
                name = info.filename.partition("/")[2]
                if wanted(name):
                    try:
                        _write(zipped, info, target / name)
                    except (OSError, *_DAMAGED):
                        problems.append(problem("the entry is damaged; download the archive again", name))
            return Unpacked(entries[0].filename.partition("/")[0], problems)
    except (OSError, *_DAMAGED):
        return Unpacked(None, [problem("not a readable zip archive; it is damaged or cut off")])


def _directory_fault(archive: Path) -> str | None:
    """Return what is wrong with the end of an archive, before zipfile reads as long a list as it claims."""
    with archive.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _END.size - _LOCATOR.size - _END64.size))
        tail = stream.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\x05\x06":
        return "not a readable zip archive; it is damaged or cut off"
    *_, count, length, start, comment = _END.unpack(tail[-_END.size :])
    if comment:
        return "it has a comment, which release build never writes"
    locator = tail[-_END.size - _LOCATOR.size : -_END.size]
    if locator[:4] == b"PK\x06\x07":
        record = tail[: -_END.size - _LOCATOR.size]
        if len(record) < _END64.size or record[:4] != b"PK\x06\x06":
            return "not a readable zip archive; it is damaged or cut off"
        *_, count, length, start = _END64.unpack(record)
    if count > _MOST_ENTRIES:
        return f"{count:,} entries are too many for a release"
    if length > _MAX_DIRECTORY or start + length > size:
        return "its list of entries is too long for a release, or lies outside the archive"
    return None


def _write(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, _BLOCK)


def _entry_faults(entries: list[zipfile.ZipInfo]) -> list[tuple[zipfile.ZipInfo, str]]:
    faults: list[tuple[zipfile.ZipInfo, str]] = []
    seen: set[str] = set()
    for info in entries[: _MOST_ENTRIES + 1]:
        name = info.orig_filename  # zipfile cuts `filename` at a NUL
        mode = info.external_attr >> 16
        # Some file systems take names that differ in case or composition for the same.
        same = unicodedata.normalize("NFC", name).casefold()
        fault = name_fault(name.removesuffix("/"))
        if fault:
            faults.append((info, f"the name {fault}"))
        if same in seen:
            faults.append((info, "the entry stands twice"))
        if name.endswith("/") or stat.S_ISDIR(mode):
            faults.append((info, "a folder has an entry of its own; a release's archive holds files only"))
        elif "/" not in name:
            faults.append((info, "the file is not in the archive's top folder"))
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            faults.append((info, "the entry is a link or special file"))
        if info.flag_bits & _ENCRYPTED:
            faults.append((info, "the entry is encrypted"))
        elif info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            faults.append(
                (
                    info,
                    "the entry is compressed, which release build never does; unpack it, verify the folder",
                )
            )
        seen.add(same)
    return faults


def _archive_faults(entries: list[zipfile.ZipInfo], size: int) -> list[str]:
    if not entries:
        return ["the archive is empty"]
    if len(entries) > _MOST_ENTRIES:
        return [f"{len(entries):,} entries are too many for a release"]
    faults = []
    if sum(info.file_size for info in entries) > size:
        faults.append("its entries overlap or claim more bytes than the archive has")
    tops = {info.orig_filename.partition("/")[0] for info in entries}
    if len(tops) > 1:
        faults.append(f"it has {len(tops)} top folders; a release's archive has one")
    return faults
