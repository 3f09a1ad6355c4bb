"""Reading a release: every byte checked, the data validated, and the work done once for each content.

The first time, every file is held against SHA256SUMS, a zip is compared byte for byte with what
`release build` makes of its files, and the data are validated. That is noted in the cache under the
content's SHA-256. While the release stays as it is (sizes and times of its files), only what is read is
hashed again; the validation is not repeated for the same content and dictionary.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import CHECKSUMS, NAME_PATTERN, PACKAGE, most_unpacked
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.foundation.text import unprintable_at
from amlsynth.foundation.version import __version__
from amlsynth.loading.cache import Cache
from amlsynth.loading.frames import layout, read_plain

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.release.integrity import PrivateCopy
    from amlsynth.release.package import DataPackage

_FORMAT = 3  # of the markers; a change of how releases are checked needs another
_MAX_DEPTH = 8  # of a release folder, which has two levels
_PACKAGE_LIMIT = 10_000_000  # bytes of datapackage.json, which has about 40,000
_AGAIN = "Download the release again."
# What desktops leave in folders: macOS (beside each file, on a disk of another kind), Windows, KDE.
_LITTER = re.compile(r"(?:.*/)?(?:\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini|\.directory)")
_DAMAGED = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    TypeError,
    ValueError,
    NotImplementedError,
    EOFError,
    RuntimeError,
)


@dataclass(frozen=True)
class Content:
    """What was read of a release; `digest` is the SHA-256 of the zip, or of the folder's SHA256SUMS."""

    frame: pd.DataFrame
    info: dict[str, Any]
    digest: str


def read_release(
    path: Path,
    cache: Cache,
    verify: bool = True,
    d: Dictionary | None = None,
    expected: str | None = None,
) -> Content:
    """Read a release folder or zip.

    Parameters
    ----------
    path : the folder or zip.
    cache : keeps what was found out.
    verify : False leaves out the validation against the dictionary.
    d : the dictionary to hold the data against, instead of the one that the release carries.
    expected : the SHA-256 that the bytes must have which are used, None for any.

    Raises
    ------
    DataError
        The bytes are others than expected, a byte is not that of the release, a file is missing, unlisted or
        a link, or the data break the dictionary.
    """
    signature, made_by = _signature(path), _made_by(d)
    seen = cache.seen(path, signature)
    marker = _usable(cache.checked(seen), made_by) if seen else None
    if seen and marker:
        _check_digest(path, seen, expected)
        content = _read_known(path, seen, marker)
        if content is not None:
            return content
    from amlsynth.release.integrity import private_copy

    with private_copy(path) as copy:
        folder, digest = copy.folder, copy.digest
        _check_digest(path, digest, expected)
        package = _check(copy, path)
        marker = _usable(cache.checked(digest), made_by)
        if marker:
            # The same content was validated before, at another place or time.
            content = _read_known(folder, digest, marker)
            if content is not None:
                cache.note_seen(path, signature, digest)
                return content
        d = d or _carried(folder, path)
        frame = _read_data(copy, path, package, d)
        if verify:
            from amlsynth.cohort.validation import validate  # brings Pandera, a third of a second

            validate(frame, "synthetic", d).raise_if_failed(str(path))
            marker = _new_marker(folder, package, frame, d)
            if marker is not None:
                cache.note_checked(digest, asdict(marker) | {"made_by": made_by})
                cache.note_seen(path, signature, digest)
        return Content(frame, _info((folder / PACKAGE).read_bytes()), digest)


def read_replicates(
    path: Path, expected: str, verify: bool = True, d: Dictionary | None = None
) -> tuple[pd.DataFrame, ...]:
    """Read the replicates of a release that was read before, in order; empty where it has none.

    Parameters and errors are those of `read_release`; nothing of this is kept in the cache.
    """
    from amlsynth.cohort.validation import validate
    from amlsynth.release.integrity import private_copy

    with private_copy(path) as copy:
        _check_digest(path, copy.digest, expected)
        package = _check(copy, path)
        d = d or _carried(copy.folder, path)
        frames = []
        for number, (csv, _) in enumerate(package.tables[1:], 1):
            frames.append(_read_data(copy, path, package, d, number))
            if verify:
                validate(frames[-1], "synthetic", d).raise_if_failed(f"{path}, {csv}")
        return tuple(frames)


def _check_digest(path: Path, found: str, expected: str | None) -> None:
    if expected is not None and found != expected:
        raise DataError(f"{path}: its SHA-256 is {found}, not {expected}. Get the file again.")


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
        info = zipped.getinfo(f"{top}/{name}")
        if info.file_size > most_unpacked(path.stat().st_size):
            raise ValueError("too many bytes")
        return zipped.read(info)


def _read_known(path: Path, digest: str, marker: _Marker) -> Content | None:
    """Read a release that was checked and has not changed since; None when it has.

    What is told of it is read from its data package, whose bytes are held against the marker.
    """
    try:
        package, data = _bytes(path, PACKAGE), _bytes(path, marker.data)
        found = (hashlib.sha256(package).hexdigest(), hashlib.sha256(data).hexdigest())
        if found != (marker.package_sha256, marker.data_sha256):
            return None
        info = _info(package)
        frame = read_plain(data, marker.columns)
    except _DAMAGED:
        return None
    return None if frame is None else Content(frame, info, digest)


def _signature(path: Path) -> str:
    """Return a text that changes when a file of the release is written, added, removed or replaced."""
    lines: list[str] = []

    def note(place: str, stat: os.stat_result) -> None:
        parts = (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        lines.append(f"{place}\0{parts}")

    try:
        if not path.is_dir():
            note("", path.stat())
        waiting = [(str(path), 0)] if path.is_dir() else []
        while waiting:
            folder, depth = waiting.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    note(entry.path, entry.stat(follow_symlinks=False))
                    if depth < _MAX_DEPTH and entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
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


@dataclass(frozen=True)
class _Marker:
    """What the cache notes of a validated release: nothing of it is shown, all is checked on reading."""

    name: str
    version: str
    data_sha256: str
    package_sha256: str
    columns: list[list[Any]]

    @property
    def data(self) -> str:
        return f"data/{self.name}.parquet"


def _usable(found: dict[str, Any] | None, made_by: list[Any]) -> _Marker | None:
    """Return a marker if this version made it, with these dictionaries, and it is as it writes them."""
    if found is None or found.get("made_by") != made_by:
        return None
    try:
        marker = _Marker(**{key: value for key, value in found.items() if key != "made_by"})
        texts = (marker.name, marker.version, marker.data_sha256, marker.package_sha256)
        columns = [name for name, kind in marker.columns if isinstance(kind, str) or all(map(_is_text, kind))]
    except (TypeError, ValueError):
        return None
    fine = all(map(_is_text, texts)) and all(map(_is_text, columns)) and len(columns) == len(marker.columns)
    return marker if fine and re.fullmatch(NAME_PATTERN, marker.name) else None


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


def _new_marker(folder: Path, package: DataPackage, frame: pd.DataFrame, d: Dictionary) -> _Marker | None:
    """Describe a validated release, None when its data have to be read with the dictionary each time."""
    from amlsynth.release.file_names import data_paths

    columns = layout(d)
    data = (folder / data_paths(package.name)[1]).read_bytes()
    plain = read_plain(data, columns)
    if plain is None or not plain.equals(frame) or not plain.dtypes.equals(frame.dtypes):
        return None
    return _Marker(
        name=package.name,
        version=package.version,
        data_sha256=hashlib.sha256(data).hexdigest(),
        package_sha256=sha256(folder / PACKAGE),
        columns=columns,
    )


def _check(copy: PrivateCopy, source: Path) -> DataPackage:
    """Refuse a release whose bytes are not as they should be; return its data package."""
    from amlsynth.release.integrity import archive_problems

    # Nothing of litter is read, and it comes back whenever somebody looks at the folder.
    problems = [
        problem
        for problem in copy.problems
        if not (problem.check == "extra" and _LITTER.fullmatch(problem.file))
    ]
    if not problems:
        package = _package(copy.folder, source, copy.sums)
        problems = list(archive_problems(copy, package))
    if problems:
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        remedy = "" if all(problem.check == "extra" for problem in problems) else f" {_AGAIN}"
        first = problems[0].message if problems[0].file == source.name else problems[0]
        raise DataError(f"{source}: {first}{more}.{remedy}")
    return package


def _package(folder: Path, source: Path, sums: dict[str, str]) -> DataPackage:
    from pydantic import ValidationError

    from amlsynth.release.package import DataPackage

    if PACKAGE not in sums:
        raise DataError(f"{source}: {PACKAGE} is missing. {_AGAIN}")
    if (folder / PACKAGE).stat().st_size > _PACKAGE_LIMIT:
        raise DataError(f"{source}: {PACKAGE} has too many bytes. {_AGAIN}")
    try:
        content = (folder / PACKAGE).read_bytes()
        package = DataPackage.model_validate_json(content)
        _ = package.date  # ValueError when there is no such day
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DataError(
            f"{source}: {PACKAGE} is not as this version of amlsynth reads it, at {place}: {first['msg']}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: {PACKAGE} cannot be read ({type(error).__name__}). {_AGAIN}") from error
    odd = unprintable_at(json.loads(content))
    if odd:
        raise DataError(f"{source}: {PACKAGE} has control characters at {odd}, which no release has.")
    paths = package.data_files
    if len(package.described) != len(paths):
        raise DataError(f"{source}: {PACKAGE} describes half a replicate. {_AGAIN}")
    for resource, path in zip(package.described, paths, strict=True):
        if path not in sums:
            raise DataError(f"{source}: {path} is missing from the release. {_AGAIN}")
        if resource.path != path or resource.hash != f"sha256:{sums[path]}":
            raise DataError(f"{source}: {PACKAGE} describes another file than {path}. {_AGAIN}")
    return package


def _read_data(
    copy: PrivateCopy, source: Path, package: DataPackage, d: Dictionary, number: int = 0
) -> pd.DataFrame:
    """Read the cohort of a release, or one of its replicates, numbered from 1."""
    from amlsynth.cohort.tables import read_table
    from amlsynth.release.integrity import rows_problems

    table = package.tables[number]
    for problem in rows_problems(copy, table, len(d.names)):
        raise DataError(f"{source}: {problem}. {_AGAIN}")
    try:
        return read_table(copy.folder / table[1], d)
    except DataError as error:
        raise DataError(
            f"{source}: the data are not as the dictionary {d.name} {d.version} wants them (the release "
            f"names {package.follows}). Load it without a dictionary of your own, or with the one that fits."
        ) from error


def _info(package: bytes) -> dict[str, Any]:
    """Return what is told of a release; of a data package that was validated, so that json is enough."""
    content = json.loads(package)
    return {
        "name": content["name"],
        "version": content["version"],
        "title": content["title"],
        "statement": content["statement"],
        "original_is_simulated": content["original_is_simulated"],
        "doi": content["id"].removeprefix("https://doi.org/") if content.get("id") else None,
        "license": ", ".join(entry["name"] for entry in content["licenses"]),
        "citation": content["citation"],
        "carries_dictionary": content.get("dictionary") is not None,
    }
