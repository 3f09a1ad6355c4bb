"""`load`: a released cohort as a typed data frame, with its bytes checked before they are read.

What is imported here stays small: reading a release needs none of the packages that make one.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from amlsynth.dictionary import dictionary
from amlsynth.errors import DataError, UsageError, did_you_mean
from amlsynth.release.archive import unpack
from amlsynth.release.checksums import CHECKSUMS, check_file, read_checksums
from amlsynth.release.package import PACKAGE, DataPackage, data_paths
from amlsynth.release.semver import PATTERN as VERSION_PATTERN
from amlsynth.release.semver import Version
from amlsynth.release.spec import NAME_PATTERN
from amlsynth.tables import read_table

SEARCH_VARIABLE = "AMLSYNTH_RELEASES"
_NAME = re.compile(rf"(?P<name>{NAME_PATTERN})(?:@(?P<version>.+))?")
_STEM = re.compile(rf"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*?)-(?P<version>{VERSION_PATTERN})", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A release on this machine: a folder or a zip that is called NAME-VERSION."""

    name: str
    version: Version
    path: Path


def load(name: str | Path, version: str | None = None, *, verify: bool = True) -> pd.DataFrame:
    """Load a released cohort.

    Parameters
    ----------
    name : a release's folder or zip, or NAME or NAME@VERSION of a release in one of the folders that
        the environment variable AMLSYNTH_RELEASES names, or in ./releases.
    version : which version; the newest when not given, pre-releases only if there is nothing else.
    verify : False leaves out the validation against the dictionary. The SHA-256 is checked always.

    Returns
    -------
    DataFrame of shape (patients, 63)
        The typed frame. `attrs` has name, version, title, statement, original_is_simulated, license
        and citation.

    Raises
    ------
    UsageError
        No such release or version; the sentence names the nearest, or the versions that there are.
    DataError
        The bytes are not those that the release lists, or the data break the dictionary.
    """
    path = Path(name)
    if not _is_release(path):
        asked = _NAME.fullmatch(str(name)) if isinstance(name, str) else None
        if asked is None:
            raise UsageError(f"{name}: there is no release folder or zip there. Check the path.")
        if version and asked["version"] and version != asked["version"]:
            raise UsageError(f"{name}: the version is given twice, and {version} is another one.")
        found = _find(asked["name"], version or asked["version"])
        return _load(found.path, found.name, str(found.version), verify)
    return _load(path, None, version, verify)


def local_releases() -> list[Found]:
    """List the releases on this machine, by name and from the oldest version to the newest.

    A release that stands in several places is listed once: the first folder that is searched wins,
    and there the unpacked release.
    """
    listed: dict[tuple[str, str], Found] = {}
    for folder in _search_path():
        try:
            paths = sorted(folder.iterdir(), key=lambda path: (path.suffix == ".zip", path.name))
        except OSError:
            continue  # a folder that is not there holds no releases
        for path in paths:
            match = _STEM.fullmatch(path.name.removesuffix(".zip"))
            if match and _is_release(path):
                found = Found(match["name"], Version(match["version"]), path)
                listed.setdefault((found.name, found.version.text), found)
    return sorted(listed.values(), key=lambda found: (found.name, found.version))


def _is_release(path: Path) -> bool:
    """Say whether a path looks like a release; that it is one is found out on reading."""
    try:
        return (path / CHECKSUMS).is_file() if path.is_dir() else path.suffix == ".zip" and path.is_file()
    except (OSError, ValueError):
        return False


def _search_path() -> list[Path]:
    named = os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep)
    return [*(Path(part) for part in named if part), Path("releases")]


def _find(name: str, version: str | None) -> Found:
    releases = local_releases()
    searched = ", ".join(str(folder) for folder in _search_path())
    versions = {found.version.text: found for found in releases if found.name == name}
    if not versions:
        names = sorted({found.name for found in releases})
        raise UsageError(
            f"There is no release {name!r} in {searched}.{did_you_mean(name, names)} "
            f"Give the path of its folder or zip, or name the folder of your releases in {SEARCH_VARIABLE}."
        )
    if version is None:
        final = [found for found in versions.values() if not found.version.is_prerelease]
        return (final or list(versions.values()))[-1]
    if version not in versions:
        raise UsageError(
            f"There is no version {version!r} of {name} in {searched}. Versions: {', '.join(versions)}."
        )
    return versions[version]


def _load(path: Path, name: str | None, version: str | None, verify: bool) -> pd.DataFrame:
    with _opened(path) as folder:
        sums = _checksums(folder, path)
        package = _package(folder, path, sums)
        if (name or package.name, version or package.version) != (package.name, package.version):
            asked = f"{name or package.name} {version or package.version}"
            found = f"{package.name} {package.version}"
            error = DataError if name else UsageError
            raise error(f"{path}: this is {found}, not {asked}. Name the right file or version.")
        parquet = data_paths(package.name)[1]
        _check(folder, path, sums, parquet)
        try:
            frame = read_table(folder / parquet)
        except DataError as error:
            raise DataError(
                f"{path}: the data are not as the dictionary {dictionary().version} of this installation "
                f"wants them (the release names {package.dictionary_version}). Install the amlsynth that "
                "fits the release."
            ) from error
    if verify:
        from amlsynth.validation import validate  # brings Pandera, a third of a second

        validate(frame, "synthetic").raise_if_failed(str(path))
    frame.attrs.update(
        name=package.name,
        version=package.version,
        title=package.title,
        statement=package.statement,
        original_is_simulated=package.original_is_simulated,
        license=", ".join(entry.name for entry in package.licenses),
        citation=package.citation,
    )
    return frame


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """Yield the release's folder; of a zip only what `load` reads is unpacked, to a temporary folder."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="amlsynth-") as temporary:
        wanted = (CHECKSUMS, PACKAGE)
        found = unpack(path, Path(temporary), lambda name: name in wanted or name.endswith(".parquet"))
        if found.problems:
            raise DataError(f"{path}: {found.problems[0]}.")
        yield Path(temporary)


def _checksums(folder: Path, source: Path) -> dict[str, str]:
    try:
        sums, problems = read_checksums((folder / CHECKSUMS).read_bytes())
    except OSError as error:
        raise DataError(f"{source}: {CHECKSUMS} is missing or unreadable; download it again.") from error
    if problems:
        raise DataError(f"{source}: {problems[0]}. Download the release again.")
    return sums


def _check(folder: Path, source: Path, sums: dict[str, str], name: str) -> None:
    """Refuse a file whose bytes are not those of SHA256SUMS."""
    if name not in sums or (folder / name).is_symlink() or not (folder / name).is_file():
        raise DataError(f"{source}: {name} is missing from the release or from {CHECKSUMS}.")
    problem = check_file(folder, name, sums[name])
    if problem:
        raise DataError(f"{source}: {problem}. Download the release again.")


def _package(folder: Path, source: Path, sums: dict[str, str]) -> DataPackage:
    _check(folder, source, sums, PACKAGE)
    try:
        return DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DataError(
            f"{source}: {PACKAGE} is not as this version of amlsynth reads it, at {place}: {first['msg']}."
        ) from error
