"""The release site: a static catalogue of releases that works from a folder and on GitHub Pages.

Every release is verified before it is listed. Pages ask for nothing but themselves: style and script
stand in them, and a content security policy forbids everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import check_place, real_path, replacing_folder, write_text
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.site.catalogue import DataSet, read_catalogue
from amlsynth.site.pages import data_set_page, index_page

__all__ = ["SiteResult", "build_site"]

_RECORD = "site.json"
_GENERATOR = "amlsynth site"


@dataclass(frozen=True)
class SiteResult:
    """A site that was written: its first page, and what it lists."""

    index: Path
    data_sets: int
    versions: int


def build_site(
    releases: Sequence[Path],
    out: Path,
    *,
    title: str | None = None,
    data: bool = True,
    progress: Progress = no_progress,
    d: Dictionary | None = None,
) -> SiteResult:
    """Write the site of some releases.

    Parameters
    ----------
    releases : release folders and zips; a release given twice is listed once.
    out : the site's folder. An older site there is replaced when the new one is complete.
    title : stands at the head of the first page; by default it names the disease, where there is one.
    data : False leaves out the data, the clinical exports and the zips; pages then lead to the DOI.
    progress : called with what is being done and the share done, from 0 to 1.
    d : the dictionary that all releases have to follow; each the one that it carries when not given.

    Returns
    -------
    SiteResult
        The same releases give the same bytes, in whatever order they are given.

    Raises
    ------
    UsageError
        No release is given, one is not there, two of the same name and version differ, or `out` holds
        something else than a site or a release.
    DataError
        A release does not verify.

    Examples
    --------
    >>> build_site([release], folder / "site").versions
    1
    """
    releases, out = [Path(path) for path in releases], Path(out)
    if not releases:
        raise UsageError("There is no release to list. Name release folders or zips.")
    if title is not None and not title.strip():
        raise UsageError("The title of the site is empty. Give it a name.")
    _check_place(releases, out)
    with replacing_folder(out) as folder:
        data_sets = read_catalogue(releases, folder, data=data, tell=progress, d=d)
        progress("writing the pages", 0.95)
        title = title or _title(data_sets)
        for data_set in data_sets:
            for listed in data_set.versions:
                page = data_set_page(data_set, listed, site_title=title, data=data)
                write_text(folder / listed.place / "index.html", page)
            page = data_set_page(data_set, data_set.newest, site_title=title, data=data, versioned=False)
            write_text(folder / data_set.name / "index.html", page)
        write_text(folder / "index.html", index_page(data_sets, title))
        write_text(folder / ".nojekyll", "")  # GitHub Pages then serves every file as it is
        write_text(folder / _RECORD, _record(data_sets, folder))
    progress("done", 1.0)
    return SiteResult(out / "index.html", len(data_sets), sum(len(found.versions) for found in data_sets))


def _title(data_sets: Iterable[DataSet]) -> str:
    diseases = {listed.dictionary.words.disease for found in data_sets for listed in found.versions}
    return f"Synthetic cohorts of {diseases.pop()}" if len(diseases) == 1 else "Synthetic cohorts"


def _record(data_sets: Iterable[DataSet], folder: Path) -> str:
    """Return the catalogue for machines; it also tells an older site from a folder of something else."""
    content = {
        "generator": _GENERATOR,
        "data_sets": [
            {
                "name": data_set.name,
                "title": data_set.newest.package.title,
                "versions": [listed.record() for listed in data_set.versions],
            }
            for data_set in data_sets
        ],
        "entries": sorted({_RECORD, *(path.name for path in folder.iterdir())}),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _check_place(releases: Iterable[Path], out: Path) -> None:
    """Refuse a place where the site would replace what is no site."""
    check_place(out, folder=True)
    place = real_path(out)
    for path in releases:
        here = real_path(path)
        if here.is_relative_to(place) or (path.is_dir() and place.is_relative_to(here)):
            raise UsageError(f"{out}: the release {path} and the site would overlap. Name another folder.")
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        record = json.loads((out / _RECORD).read_text(encoding="utf-8"))
        ours = record["generator"] == _GENERATOR
        entries = set(record["entries"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        ours, entries = False, set()
    others = sorted(path.name for path in out.iterdir() if path.name not in entries)
    if not ours or others:
        what = f"it holds {others[0]!r}, which is no part of a site" if others else "it is no site"
        raise UsageError(f"{out}: {what} and would be lost. Name another folder, or remove it.")
