"""The release's zip archive: written to the same bytes every time, unpacked without trust.

Entries are deflated, but for Parquet, which is compressed in itself. The archive can be made again from its
files and compared byte for byte; where another zlib deflated it, all but its streams is made again, and
these are only unpacked. What an archive claims to hold is bounded by its size before anything is unpacked.
"""

from __future__ import annotations

import datetime
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from amlsynth.foundation.defaults import most_unpacked
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import is_full
from amlsynth.release.checksums import Problem, name_fault, shown

_MOST_ENTRIES = 1_000
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # bits of section 4.4.4 of the zip specification
_BLOCK = 1 << 20
_MAX_DIRECTORY = 1_000_000  # bytes of the central directory; a release's has some 2,000
_LOCAL, _CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")  # headers of an entry
_VERSION, _UTF8 = 20, 0x800  # to unpack it; that its name is UTF-8
_LARGEST = (1 << 32) - 2
_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip, and those of one with more than 4 GB
_END64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
# What zipfile raises on damaged input, besides its own BadZipFile.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, struct.error, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Unpacked:
    """What `unpack` found: the archive's top folder, if all is well, and the problems."""

    top: str | None
    problems: list[Problem]


def write_archive(
    folder: Path,
    names: Iterable[str],
    archive: Path,
    top: str,
    date: datetime.date,
    streams_of: Path | None = None,
) -> None:
    """Write the files `names` of `folder` to a zip under the top folder `top`.

    The same files, names, date and zlib give the same bytes: sorted, dated `date` at 00:00, mode 644.

    Parameters
    ----------
    streams_of : an archive of the same files whose deflated streams are taken, since another zlib made them.

    Raises
    ------
    DataError
        A file or the archive has 4 GB or more, as that of some 27 million patients; or the streams are
        not exactly those of these files.
    """
    moment = ((date.year - 1980) << 9) | (date.month << 5) | date.day
    directory: list[bytes] = []
    with archive.open("wb") as target:
        for name in sorted(names):
            path, start, method = f"{top}/{name}".encode(), target.tell(), method_of(name)
            fixed = (_VERSION, 0 if path.isascii() else _UTF8, method, 0, moment)
            target.write(_LOCAL.pack(b"PK\x03\x04", *fixed, 0, 0, 0, len(path), 0) + path)
            with (folder / name).open("rb") as source:
                if streams_of is None or method == zipfile.ZIP_STORED:
                    crc, size = _compress(source, target, method)
                else:
                    place = start + _LOCAL.size + len(path)  # the same in both, or they are not the same
                    crc, size = _take_stream(streams_of, place, source, target)
            end = target.tell()
            told = (crc, end - start - _LOCAL.size - len(path), size)
            if end > _LARGEST or size > _LARGEST:
                raise DataError(
                    f"{folder / name}: a zip holds less than 4 GB. Leave out the exports or patients."
                )
            target.seek(start)
            target.write(_LOCAL.pack(b"PK\x03\x04", *fixed, *told, len(path), 0))
            target.seek(end)
            made_by = 3 << 8 | _VERSION  # Unix, wherever it is built
            mode = (stat.S_IFREG | 0o644) << 16
            entry = _CENTRAL.pack(
                b"PK\x01\x02", made_by, *fixed, *told, len(path), 0, 0, 0, 0, mode, start
            )  # fmt: skip
            directory.append(entry + path)
        start, count, length = target.tell(), len(directory), sum(map(len, directory))
        target.write(b"".join(directory))
        target.write(_END.pack(b"PK\x05\x06", 0, 0, count, count, length, start, 0))


def method_of(name: str) -> int:
    """Return how a file is compressed in an archive: Parquet is compressed in itself."""
    return zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED


def _compress(source: IO[bytes], target: IO[bytes], method: int) -> tuple[int, int]:
    """Write a file into an archive; return its CRC and size."""
    crc = size = 0
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS) if method == zipfile.ZIP_DEFLATED else None
    while block := source.read(_BLOCK):
        crc, size = zlib.crc32(block, crc), size + len(block)
        target.write(deflate.compress(block) if deflate else block)
    if deflate:
        target.write(deflate.flush())
    return crc, size


def _take_stream(archive: Path, place: int, source: IO[bytes], target: IO[bytes]) -> tuple[int, int]:
    """Copy the deflated stream that begins at a place of an archive, if it is exactly that of a file."""
    crc = size = 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    with archive.open("rb") as stream:
        stream.seek(place)
        while not inflate.eof:
            block = inflate.unconsumed_tail or stream.read(_BLOCK)
            try:
                content = inflate.decompress(block, _BLOCK)
            except zlib.error:
                content = b""
            used = len(block) - len(inflate.unused_data if inflate.eof else inflate.unconsumed_tail)
            target.write(block[:used])
            if source.read(len(content)) != content or not (used or content):
                raise DataError(f"{archive.name}: an entry is not deflated as a zip's entry is.")
            crc, size = zlib.crc32(content, crc), size + len(content)
    if source.read(1):
        raise DataError(f"{archive.name}: an entry is cut off.")
    return crc, size


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
        When an entry has a name that leaves the folder, is a link, a folder, encrypted, compressed otherwise
        than by `write_archive`, there twice, or claims too many bytes, nothing is written and the problems
        say so.
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
                    except (OSError, *_DAMAGED) as error:
                        if is_full(error):
                            raise
                        problems.append(problem("the entry is damaged; download the archive again", name))
            return Unpacked(entries[0].filename.partition("/")[0], problems)
    except (OSError, *_DAMAGED) as error:
        if is_full(error):
            raise
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
        elif info.compress_type != method_of(name):
            message = "the entry is not compressed as release build does it; unpack it, verify the folder"
            faults.append((info, message))
        seen.add(same)
    return faults


def _archive_faults(entries: list[zipfile.ZipInfo], size: int) -> list[str]:
    if not entries:
        return ["the archive is empty"]
    if len(entries) > _MOST_ENTRIES:
        return [f"{len(entries):,} entries are too many for a release"]
    faults = []
    stored = sum(info.compress_size for info in entries)
    unpacked = sum(info.file_size for info in entries)
    if stored > size or unpacked > most_unpacked(size):
        faults.append("its entries overlap or claim more bytes than a release's archive of its size has")
    tops = {info.orig_filename.partition("/")[0] for info in entries}
    if len(tops) > 1:
        faults.append(f"it has {len(tops)} top folders; a release's archive has one")
    return faults
