"""The cache of `load`: downloaded files by their SHA-256, and what was found out about files.

    datasets/SHA256/FILE     a downloaded file, and beside it about.json: where it came from
    known/KEY.json           which SHA-256 a DOI, a URL or a registry entry had when it was first loaded
    seen/PATH.json           which content a path had, while its size and times stay the same
    checked/CONTENT.json     that exactly this content was verified and validated, by which dictionary
    downloads/               what is being downloaded; nothing here is ever loaded

A file enters `datasets` by one rename when it is complete and its hash is right, so that several
processes may load at once, and a download that was cut off is never used. Markers are hints that save
work: one that is missing, damaged or cannot be written is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amlsynth.foundation.errors import AmlsynthError, UsageError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.text import is_plain

CACHE_VARIABLE = "AMLSYNTH_CACHE"
_ABOUT = "about.json"
_LONGEST = 2_000  # characters of a note
_STALE = 24 * 3600  # seconds after which a download that was cut off is removed


class Cache:
    """The cache in one folder; the folder is made when something is first written."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, or what AMLSYNTH_CACHE names, or the user's cache folder of this system."""
        named = folder or os.environ.get(CACHE_VARIABLE)
        if not named:
            import platformdirs

            named = platformdirs.user_cache_dir("amlsynth")
        self.folder = Path(named)

    def file(self, digest: str) -> Path | None:
        """Return the cached file with this SHA-256; that its bytes still have it is checked on reading."""
        try:
            names = [p for p in (self.folder / "datasets" / digest).iterdir() if p.name != _ABOUT]
        except OSError:
            return None
        return names[0] if len(names) == 1 and names[0].is_file() else None

    def about(self, digest: str) -> dict[str, Any]:
        """Return what is known about where a cached file came from: plain words, and nothing else."""
        found = _read(self.folder / "datasets" / digest / _ABOUT) or {}
        return {k: v for k, v in found.items() if isinstance(v, str) and len(v) < _LONGEST and is_plain(v)}

    def files(self) -> list[tuple[str, Path]]:
        """List the cached files with their SHA-256."""
        try:
            digests = sorted(path.name for path in (self.folder / "datasets").iterdir())
        except OSError:
            return []
        found = [(digest, self.file(digest)) for digest in digests]
        return [(digest, path) for digest, path in found if path is not None]

    def remove(self, digest: str) -> None:
        """Remove a cached file."""
        shutil.rmtree(self.folder / "datasets" / digest, ignore_errors=True)

    @contextmanager
    def downloading(self) -> Iterator[Path]:
        """Yield an empty folder for a download, removed afterwards unless `adopt` took it.

        Raises
        ------
        UsageError
            The cache cannot be written.
        """
        downloads = self.folder / "downloads"
        try:
            downloads.mkdir(parents=True, exist_ok=True)
            self._remove_stale(downloads)
            folder = Path(tempfile.mkdtemp(dir=downloads))
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield folder
        except OSError as error:  # no space, say
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, folder: Path, digest: str, about: dict[str, Any]) -> Path:
        """Take the one file in a folder of `downloading`, whose SHA-256 is `digest`; return its path."""
        target = self.folder / "datasets" / digest
        (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        folder.chmod(0o755)  # mkdtemp makes folders that only their owner reads
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError:
            # Another process was quicker, with the same bytes; or a file was lost from the folder there.
            if self.file(digest) is None:
                self.remove(digest)
                folder.rename(target)
        path = self.file(digest)
        if path is None:
            raise UsageError(f"{target}: what was put there is gone. Load again.")
        return path

    def known(self, key: str) -> str | None:
        """Return the SHA-256 that a DOI, URL or registry entry had when it was first loaded."""
        entry = _read(self.folder / "known" / f"{_hash(key)}.json") or {}
        digest = entry.get("sha256")
        return _digest(digest) if entry.get("key") == key else None

    def remember(self, key: str, digest: str) -> None:
        """Note the SHA-256 of a DOI, URL or registry entry."""
        _write(self.folder / "known" / f"{_hash(key)}.json", {"key": key, "sha256": digest})

    def seen(self, path: Path, signature: str) -> str | None:
        """Return the content that a path had when it was last read, None when it may have changed."""
        entry = _read(self.folder / "seen" / f"{_hash(str(path.absolute()))}.json") or {}
        content = entry.get("content")
        return _digest(content) if entry.get("signature") == signature else None

    def note_seen(self, path: Path, signature: str, content: str) -> None:
        """Note which content a path has."""
        name = f"{_hash(str(path.absolute()))}.json"
        _write(self.folder / "seen" / name, {"signature": signature, "content": content})

    def checked(self, content: str) -> dict[str, Any] | None:
        """Return the marker of a content that was verified and validated; None when it was not."""
        return _read(self.folder / "checked" / f"{content}.json")

    def note_checked(self, content: str, marker: dict[str, Any]) -> None:
        """Note that a content was verified and validated."""
        _write(self.folder / "checked" / f"{content}.json", marker)

    def _remove_stale(self, downloads: Path) -> None:
        for left in downloads.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE:
                    shutil.rmtree(left, ignore_errors=True)

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self.folder}: the cache cannot be written ({error.strerror or error}). Make space or name "
            f"another folder in {CACHE_VARIABLE}."
        )


def _digest(found: Any) -> str | None:
    """Return what a marker has for a SHA-256, if it is one: it becomes part of a path."""
    return found if isinstance(found, str) and re.fullmatch("[0-9a-f]{64}", found) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    with contextlib.suppress(OSError, AmlsynthError):  # a read-only cache serves as well
        write_text(path, json.dumps(content, indent=1) + "\n")
