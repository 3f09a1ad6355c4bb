"""`load` and `dataset`: from a name, a DOI, a URL or a path to a checked, typed data set."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import pandas as pd

from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.loading.cache import Cache
from amlsynth.loading.frames import FrameKind, check_kind, converted
from amlsynth.loading.paths import from_path
from amlsynth.loading.record import Dataset
from amlsynth.loading.request import Request
from amlsynth.loading.resolve import Local, Remote, resolve

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary
    from amlsynth.foundation.types import Progress
    from amlsynth.loading.fetching import Fetched

_DIGEST = re.compile(r"[0-9a-f]{64}")


class _Options(TypedDict, total=False):
    """What does not change the type of what is returned; `load` describes it."""

    columns: Sequence[str] | None
    where: str | None
    cache: str | Path | None
    registry: str | Path | None
    offline: bool
    sha256: str | None
    drop_unknown: bool
    verify: bool
    d: Dictionary | None


@overload
def load(
    source: str | Path, version: str | None = None, *,
    as_: Literal["pandas"] = "pandas", replicates: Literal[False] = False, **options: Unpack[_Options],
) -> pd.DataFrame: ...  # fmt: skip
@overload
def load(
    source: str | Path, version: str | None = None, *,
    as_: Literal["pandas"] = "pandas", replicates: Literal[True], **options: Unpack[_Options],
) -> list[pd.DataFrame]: ...  # fmt: skip
@overload
def load(
    source: str | Path, version: str | None = None, *,
    as_: Literal["polars", "pyarrow"], replicates: bool = False, **options: Unpack[_Options],
) -> Any: ...  # fmt: skip
def load(
    source: str | Path,
    version: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    as_: FrameKind = "pandas",
    cache: str | Path | None = None,
    registry: str | Path | None = None,
    offline: bool = False,
    sha256: str | None = None,
    drop_unknown: bool = False,
    verify: bool = True,
    d: Dictionary | None = None,
    replicates: bool = False,
) -> Any:
    """Load a released cohort as a typed frame, with every byte checked.

    Parameters
    ----------
    source : NAME or NAME@VERSION of the registry or of a release in ./releases or in the folders that
        AMLSYNTH_RELEASES names; a DOI of Zenodo; an https URL of a release's zip; the path of a release
        folder or zip, or of a CSV file in a layout that is known.
    version : which version; the newest when not given, pre-releases only if there is nothing else.
    columns : these columns alone, in this order.
    where : these patients alone, such as "AGE >= 60 and NPM1 == 1"; NA meets no condition.
    as_ : "pandas", "polars" or "pyarrow".
    cache : folder for downloads; AMLSYNTH_CACHE, or the user's cache folder, when not given.
    registry : a registry file that is asked first; see `release/registry.yaml`.
    offline : True never uses the net: what is not on this machine is an error.
    sha256 : 64 hexadecimal digits that the zip or file must have.
    drop_unknown : drop unknown columns of a foreign table, with a note.
    verify : False leaves out the validation against the dictionary. The checksums are checked always.
    d : the dictionary that the data have to follow. When not given, a release follows the one that it
        carries, and what carries none the AML dictionary.
    replicates : True returns the release's replicates instead of its cohort: a list of frames, to fit the
        same model to each and `amlsynth.pool` the fits.

    Returns
    -------
    DataFrame of shape (patients, variables of the dictionary), or of what is chosen of both
        The typed frame, or what `as_` asks for; with `replicates` a list of them. `attrs` has name, version,
        title, statement, original_is_simulated, license, citation and doi.

    Raises
    ------
    UsageError
        No such data set or version (the sentence names the nearest, or those that there are), no net,
        no space, or a cache that cannot be written; or replicates of a release that has none.
    DataError
        The bytes are not those that were published, or the data break the dictionary.
    MissingExtraError
        `as_` asks for a package that is not installed.

    Examples
    --------
    >>> import amlsynth
    >>> frame = amlsynth.load(release)  # or a name and version, or a DOI
    >>> len(frame), frame.attrs["version"], frame["NPM1"].dtype
    (800, '1.0.0', Int8Dtype())
    >>> amlsynth.load(release, columns=["AGE", "NPM1"], where="AGE >= 60").columns.tolist()
    ['AGE', 'NPM1']
    >>> amlsynth.load("10.5281/zenodo.1234567", replicates=True)[0]   # doctest: +SKIP
    """
    check_kind(as_)
    loaded = dataset(
        source,
        version,
        cache=cache,
        registry=registry,
        offline=offline,
        sha256=sha256,
        drop_unknown=drop_unknown,
        verify=verify,
        d=d,
    )
    if not replicates:
        return converted(_chosen(loaded.frame, loaded, columns, where), as_)
    if not loaded.replicates:
        raise UsageError(
            f"{loaded.name} {loaded.version} has no replicates, so nothing can be pooled. Leave "
            "replicates=True out; docs/inference.md says what one cohort is good for."
        )
    return [converted(_chosen(frame, loaded, columns, where), as_) for frame in loaded.replicates]


def dataset(
    source: str | Path,
    version: str | None = None,
    *,
    cache: str | Path | None = None,
    registry: str | Path | None = None,
    offline: bool = False,
    sha256: str | None = None,
    drop_unknown: bool = False,
    verify: bool = True,
    d: Dictionary | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a released cohort with its metadata, codebook, citation and provenance.

    Parameters and errors are those of `load`; `progress` is called with what is being done and the share
    done, from 0 to 1.

    Examples
    --------
    >>> data = dataset(release)
    >>> data.name, len(data.frame)
    ('aml-reference', 800)
    """
    if sha256 is not None and not _DIGEST.fullmatch(sha256 := sha256.lower()):
        raise UsageError(f"sha256={sha256!r}: write 64 hexadecimal digits.")
    request = Request(
        Cache(Path(cache) if cache else None),
        Path(registry) if registry else None,
        offline,
        sha256,
        drop_unknown,
        verify,
        d,
        progress,
    )
    try:
        made = _load(source, version, request)
    except OSError as error:  # of a disk that is full or fails; errors of the net are sentences already
        place = error.filename or source
        raise UsageError(f"{place}: cannot be read or written ({error.strerror or error}).") from error
    made.frame.attrs.update({key: getattr(made, key) for key in _ATTRIBUTES})
    if made.notes:
        warnings.warn(f"{made.name} {made.version}: {' '.join(made.notes)}", stacklevel=_caller())
    return made


def _chosen(
    frame: pd.DataFrame, loaded: Dataset, columns: Sequence[str] | None, where: str | None
) -> pd.DataFrame:
    """Return the rows and columns that were asked for, with the attributes of the whole."""
    attributes = frame.attrs
    if where is not None:
        from amlsynth.generators.conditions import Condition

        frame = frame[Condition.read(where, loaded.dictionary).holds(frame)].reset_index(drop=True)
    if columns is not None:
        unknown = [name for name in columns if name not in frame.columns]
        if unknown:
            hint = did_you_mean(str(unknown[0]), frame.columns)
            raise UsageError(f"columns={unknown[0]!r}: {loaded.name} has no such column.{hint}")
        frame = frame[list(columns)]
    frame.attrs = attributes
    return frame


_ATTRIBUTES = (
    "name", "version", "title", "statement", "original_is_simulated", "license", "citation", "doi",
)  # fmt: skip


def _caller() -> int:
    """Return how far up the first frame outside of this module is, for warnings."""
    import sys

    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame, level = frame.f_back, level + 1
    return level


def _load(source: str | Path, version: str | None, request: Request) -> Dataset:
    """Go through the three stages, which do not know each other: resolve, fetch, read."""
    found = resolve(source, version, request)
    if isinstance(found, Local):
        return from_path(request, found.path, found.version, name=found.name)
    from amlsynth.loading.fetching import fetch

    fetched = fetch(found, request)
    try:
        return _read(found, fetched, request)
    except DataError as error:
        if not fetched.in_cache:
            raise
        request.cache.remove(str(fetched.digest))  # it was damaged in the cache, or came wrong
        if fetched.downloaded:
            raise
        if request.offline:
            raise DataError(f"{error} The damaged copy was removed; load again with the net.") from error
    fetched = fetch(found, request, again=True)
    try:
        return _read(found, fetched, request)
    except DataError:
        request.cache.remove(str(fetched.digest))
        raise


def _read(found: Remote, fetched: Fetched, request: Request) -> Dataset:
    """Read a fetched file, and remember which it was once that was well."""
    entry = found.entry
    made = from_path(
        request if entry else dataclasses.replace(request, sha256=None),  # it is held against the file here
        fetched.path,
        found.version,
        name=entry.name if entry else None,
        entry=entry,
    )
    if fetched.digest is not None and made.sha256 != fetched.digest:
        raise DataError(
            f"{fetched.path}: the file of {found.what} has the SHA-256 {made.sha256}; it should be "
            f"{fetched.digest}. It is not used."
        )
    for key in fetched.keys:
        request.cache.remember(key, made.sha256)
    notes = (*made.notes, f"This is {fetched.note}.") if fetched.note else made.notes
    return dataclasses.replace(made, doi=fetched.doi or made.doi, notes=notes)
