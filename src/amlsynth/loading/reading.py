"""Reading a release: every byte checked, the data validated, and the work done once for each content.

The first time, every file is held against SHA256SUMS, a zip is compared byte for byte with what
`release build` makes of its files, and the data are validated. That is noted in the cache under the
content's SHA-256. While the release stays as it is (sizes and times of its files), only what is read is
hashed again; the validation is not repeated for the same content and dictionary.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.foundation.version import __version__
from amlsynth.loading.cache import Cache
from amlsynth.loading.frames import layout, read_plain
from amlsynth.release.names import CHECKSUMS, PACKAGE

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.release.package import DataPackage

_FORMAT = 2  # of the markers; a change of how releases are checked needs another
_PACKAGE_LIMIT = 10_000_000  # bytes of datapackage.json, which has about 40,000
_AGAIN = "Download the release again."
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")  # what macOS and Windows leave in folders
_DAMAGED = (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError, RuntimeError)


@dataclass(frozen=True)
class Content:
    """What was read of a release; `digest` is the SHA-256 of the zip, or of the folder's SHA256SUMS."""

    frame: pd.DataFrame
    info: dict[str, Any]
    digest: str


def read_release(path: Path, cache: Cache, verify: bool = True, d: Dictionary | None = None) -> Content:
    """Read a release folder or zip.

    Parameters
    ----------
    path : the folder or zip.
    cache : keeps what was found out.
    verify : False leaves out the validation against the dictionary.
    d : the dictionary to hold the data against, instead of the one that the release carries.

    Raises
    ------
    DataError
        A byte is not that of the release, a file is missing, unlisted or a link, or the data break the
        dictionary.
    """
    signature, made_by = _signature(path), _made_by(d)
    digest = cache.seen(path, signature)
    marker = _usable(cache.checked(digest), made_by) if digest else None
    if digest and marker:
        content = _read_known(path, digest, marker)
        if content is not None:
            return content
    with _unpacked(path) as (folder, top):
        digest = sha256(path) if path.is_file() else None
        package = _check(folder, path, top)
        digest = digest or sha256(folder / CHECKSUMS)
        marker = _usable(cache.checked(digest), made_by)
        if marker:
            # The same content was validated before, at another place or time.
            plain = read_plain((folder / marker["data"]).read_bytes(), marker["columns"])
            if plain is not None:
                cache.note_seen(path, signature, digest)
                return Content(plain, marker["info"], digest)
        d = d or _carried(folder, path)
        frame = _read_data(folder, path, package, d)
        info = _info(package)
        if verify:
            from amlsynth.cohort.validation import validate  # brings Pandera, a third of a second

            validate(frame, "synthetic", d).raise_if_failed(str(path))
            marker = _marker(folder, package, info, frame, d, made_by)
            if marker is not None:
                cache.note_checked(digest, marker)
                cache.note_seen(path, signature, digest)
    return Content(frame, info, digest)


def read_document(path: Path, name: str) -> bytes:
    """Return one file of a release that was read before, if its bytes are those of SHA256SUMS.

    Raises
    ------
    DataError
        The release has no such file, or its bytes are wrong.
    """
    from amlsynth.release.checksums import read_checksums

    try:
        listed = read_checksums(_bytes(path, CHECKSUMS))[0].get(name)
        content = _bytes(path, name) if listed else b""
    except _DAMAGED as error:
        raise DataError(f"{path}: {name} cannot be read. {_AGAIN}") from error
    if listed is None or hashlib.sha256(content).hexdigest() != listed:
        raise DataError(f"{path}: {name} is not in the release, or its bytes are wrong. {_AGAIN}")
    return content


def _bytes(path: Path, name: str) -> bytes:
    """Read one file of a folder, or of a zip with its one top folder; links are not followed."""
    if path.is_dir():
        place = path
        for part in name.split("/"):
            place = place / part
            if place.is_symlink():
                raise ValueError("a link")
        return place.read_bytes()
    with zipfile.ZipFile(path) as zipped:
        top = zipped.infolist()[0].filename.partition("/")[0]
        return zipped.read(f"{top}/{name}")


def _read_known(path: Path, digest: str, marker: dict[str, Any]) -> Content | None:
    """Read a release that was checked and has not changed since; None when it has."""
    try:
        package, data = _bytes(path, PACKAGE), _bytes(path, marker["data"])
    except _DAMAGED:
        return None
    found = (hashlib.sha256(package).hexdigest(), hashlib.sha256(data).hexdigest())
    if found != (marker["package_sha256"], marker["data_sha256"]):
        return None
    del package
    frame = read_plain(data, marker["columns"])
    return None if frame is None else Content(frame, marker["info"], digest)


def _signature(path: Path) -> str:
    """Return a text that changes when a file of the release is written, added, removed or replaced."""
    lines: list[str] = []

    def note(place: str, stat: os.stat_result) -> None:
        parts = (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        lines.append(f"{place}\0{parts}")

    try:
        if not path.is_dir():
            note("", path.stat())
        else:
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    place = os.path.join(folder, name)  # noqa: PTH118  (quicker, and this runs on each load)
                    note(place, os.lstat(place))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogatepass")).hexdigest()


@functools.cache
def _dictionary_digest() -> str:
    return sha256(asset("schema/aml.yaml"))


def _made_by(d: Dictionary | None) -> list[Any]:
    """Return what a reading depends on beside the release: versions, and the reader's dictionaries."""
    if d is None:
        return [_FORMAT, __version__, _dictionary_digest()]
    from amlsynth.dictionary.carried import dictionary_yaml

    given = hashlib.sha256(dictionary_yaml(d).encode("utf-8")).hexdigest()
    return [_FORMAT, __version__, _dictionary_digest(), given]


def _carried(folder: Path, source: Path) -> Dictionary:
    """Return the dictionary that a release carries; releases of older versions follow that of AML."""
    from amlsynth.dictionary.carried import carried_dictionary
    from amlsynth.dictionary.model import dictionary

    try:
        return carried_dictionary(folder) or dictionary()
    except UsageError as error:
        problem = str(error).replace(f"{folder}/", "")
        raise DataError(
            f"{source}: {problem} The dictionary of this release cannot be read by this version of amlsynth; "
            "install the one that its provenance.json names."
        ) from None


def _usable(marker: dict[str, Any] | None, made_by: list[Any]) -> dict[str, Any] | None:
    """Return a marker if this version made it, with these dictionaries."""
    return marker if marker is not None and marker.get("made_by") == made_by else None


def _marker(
    folder: Path,
    package: DataPackage,
    info: dict[str, Any],
    frame: pd.DataFrame,
    d: Dictionary,
    made_by: list[Any],
) -> dict[str, Any] | None:
    """Describe a validated release, None when its data have to be read with the dictionary each time."""
    from amlsynth.release.package import data_paths

    columns = layout(d)
    data = (folder / data_paths(package.name)[1]).read_bytes()
    plain = read_plain(data, columns)
    if plain is None or not plain.equals(frame) or not plain.dtypes.equals(frame.dtypes):
        return None
    return {
        "made_by": made_by,
        "info": info,
        "data": data_paths(package.name)[1],
        "data_sha256": hashlib.sha256(data).hexdigest(),
        "package_sha256": sha256(folder / PACKAGE),
        "columns": columns,
    }


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the release's folder and, of a zip, its top folder's name; a zip goes to a temporary folder."""
    if path.is_dir():
        yield path, None
        return
    from amlsynth.release.archive import unpack

    with tempfile.TemporaryDirectory(prefix="amlsynth-") as temporary:
        folder = Path(temporary) / "release"
        folder.mkdir()
        found = unpack(path, folder)
        if found.problems or found.top is None:
            raise DataError(f"{path}: {found.problems[0]}.")
        yield folder, found.top


def _check(folder: Path, source: Path, top: str | None) -> DataPackage:
    """Hold every file against SHA256SUMS, and a zip against what release build makes of its files."""
    from amlsynth.release.archive import write_archive
    from amlsynth.release.checksums import check_files

    sums, problems = check_files(folder)
    # Nothing of such a file is read, and it comes back whenever somebody looks at the folder.
    problems = [
        problem
        for problem in problems
        if not (problem.check == "extra" and problem.file.split("/")[-1] in _LITTER)
    ]
    if problems:
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        remedy = "" if all(problem.check == "extra" for problem in problems) else f" {_AGAIN}"
        raise DataError(f"{source}: {problems[0]}{more}.{remedy}")
    package = _package(folder, source, sums)
    if top is not None:
        if top != f"{package.name}-{package.version}":
            raise DataError(f"{source}: its top folder is {top!r}, not NAME-VERSION. {_AGAIN}")
        again = folder.parent / "again.zip"
        write_archive(folder, [*sums, CHECKSUMS], again, top, package.date)
        if sha256(again) != sha256(source):
            raise DataError(
                f"{source}: the files are right, but the archive is not byte for byte what release build "
                "makes of them. Download it again, or unpack it and load the folder."
            )
        again.unlink()
    return package


def _package(folder: Path, source: Path, sums: dict[str, str]) -> DataPackage:
    from pydantic import ValidationError

    from amlsynth.release.package import DataPackage, data_paths

    if PACKAGE not in sums:
        raise DataError(f"{source}: {PACKAGE} is missing. {_AGAIN}")
    if (folder / PACKAGE).stat().st_size > _PACKAGE_LIMIT:
        raise DataError(f"{source}: {PACKAGE} has too many bytes. {_AGAIN}")
    try:
        package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
        _ = package.date  # ValueError when there is no such day
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DataError(
            f"{source}: {PACKAGE} is not as this version of amlsynth reads it, at {place}: {first['msg']}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: {PACKAGE} cannot be read ({type(error).__name__}). {_AGAIN}") from error
    paths = data_paths(package.name)
    for resource, path in zip(package.resources, paths, strict=True):
        if path not in sums:
            raise DataError(f"{source}: {path} is missing from the release. {_AGAIN}")
        if resource.path != path or resource.hash != f"sha256:{sums[path]}":
            raise DataError(f"{source}: {PACKAGE} describes another file than {path}. {_AGAIN}")
    return package


def _read_data(folder: Path, source: Path, package: DataPackage, d: Dictionary) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet

    from amlsynth.cohort.tables import read_table
    from amlsynth.release.package import data_paths

    csv, parquet = data_paths(package.name)
    try:
        # A small Parquet file can claim any number of rows; the lines of the CSV are real.
        with pyarrow.parquet.ParquetFile(folder / parquet) as opened:
            rows = opened.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{source}: {parquet} is not a readable Parquet file. {_AGAIN}") from error
    lines = _lines(folder / csv) - 1
    if rows != lines:
        raise DataError(f"{source}: {parquet} has {rows:,} rows where {csv} has {lines:,}. {_AGAIN}")
    try:
        return read_table(folder / parquet, d)
    except DataError as error:
        raise DataError(
            f"{source}: the data are not as the dictionary {d.name} {d.version} wants them (the release "
            f"names {package.follows}). Load it without a dictionary of your own, or with the one that fits."
        ) from error


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def _info(package: DataPackage) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "title": package.title,
        "statement": package.statement,
        "original_is_simulated": package.original_is_simulated,
        "doi": package.doi,
        "license": ", ".join(entry.name for entry in package.licenses),
        "citation": package.citation,
        "carries_dictionary": package.dictionary is not None,
    }
