"""The third stage of loading: releases on this machine, and tables of others in a layout that is known."""

from __future__ import annotations

import fnmatch
from functools import partial
from pathlib import Path

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import scratch_folder
from amlsynth.loading.reading import read_document, read_release, read_replicates
from amlsynth.loading.record import Dataset
from amlsynth.loading.registry import Entry, entries
from amlsynth.loading.request import Request


def from_path(
    request: Request,
    path: Path,
    version: str | None = None,
    *,
    name: str | None = None,
    entry: Entry | None = None,
) -> Dataset:
    """Load a release folder or zip, or a CSV file, that is on this machine.

    A `name` says that the release was found by it: then another one in its place is wrong data.
    """
    if path.suffix.lower() == ".csv" and not path.is_dir():
        return _from_foreign_file(request, path, version, entry)
    if request.sha256 is not None and path.is_dir():
        raise UsageError(f"{path}: sha256 is that of a zip, and this is a folder. Leave it out.")
    content = read_release(path, request.cache, request.verify, request.d, request.sha256)
    info = content.info
    wanted = (name or info["name"], version or info["version"])
    if wanted != (info["name"], info["version"]):
        found = f"{info['name']} {info['version']}"
        error = DataError if name else UsageError
        raise error(f"{path}: this is {found}, not {' '.join(wanted)}. Name the right file or version.")
    if entry is not None and entry.doi:
        info = info | {"doi": entry.doi}
    return Dataset(
        frame=content.frame,
        kind="release",
        path=path,
        sha256=content.digest,
        document=partial(read_document, path),
        further=partial(read_replicates, path, content.digest, request.verify, request.d),
        d=request.d,
        **info,
    )


def _from_foreign_file(request: Request, path: Path, version: str | None, entry: Entry | None) -> Dataset:
    """Load a CSV file in a layout that is known: a private copy, so that what is hashed is what is read."""
    from amlsynth.release.integrity import copy_file

    with scratch_folder() as temporary:
        copy = temporary / path.name
        digest = copy_file(path, copy)
        try:
            return _read_copy(request, path, copy, digest, version, entry)
        except (DataError, UsageError) as error:
            raise type(error)(str(error).replace(str(copy), str(path))) from error


def _read_copy(
    request: Request, path: Path, copy: Path, digest: str, version: str | None, entry: Entry | None
) -> Dataset:
    from amlsynth.loading.foreign import layout_of, read_foreign

    layout = entry.layout if entry else layout_of(copy, request.d)
    if layout is None:
        raise UsageError(
            f"{path}: no release, and its columns are in no layout that is known. A table with the columns "
            "of the dictionary is read with amlsynth.read_table."
        )
    if entry is None:
        fits = [e for e in entries(request.cache, request.registry) if e.layout == layout]
        fits = [e for e in fits if e.file and fnmatch.fnmatch(path.name.lower(), e.file.lower())]
        entry = fits[0] if len(fits) == 1 else None
    expected = request.sha256 or (entry.sha256 if entry else None)
    if expected is not None and digest != expected:
        raise DataError(f"{path}: its SHA-256 is {digest}, not {expected}. Get the file again.")
    if version is not None and (entry is None or version != entry.version):
        raise UsageError(f"{path}: the file does not tell its version. Leave {version!r} out.")
    read = read_foreign(copy, layout, request.drop_unknown, request.d)
    about = request.cache.about(digest)
    notes = list(read.notes)
    if expected is None:
        notes.insert(
            0,
            f"No registry lists the SHA-256 of this file, so nobody vouches for its bytes. It is {digest}; "
            "compare it, and give it as sha256=.",
        )
    return Dataset(
        frame=read.frame,
        name=entry.name if entry else layout,
        version=entry.version if entry else "unknown",
        title=entry.title if entry else read.layout.title,
        statement=read.layout.statement,
        kind="foreign",
        doi=entry.doi if entry else None,
        license=(entry.license if entry else None) or about.get("license"),
        citation=entry.citation if entry else None,
        original_is_simulated=None,
        path=path,
        sha256=digest,
        notes=tuple(notes),
        d=request.d,
    )
