"""Downloads, with pooch: complete, with the right hash, or not at all; every failure a sentence."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amlsynth.foundation.addresses import check_url
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.types import Progress
from amlsynth.foundation.version import __version__

_RETRIES = 2
_TIMEOUT = 30  # seconds without a byte
_ANSWER_LIMIT = 5_000_000  # bytes of an answer of an API
_FILE_LIMIT = 20_000_000_000  # bytes of a file whose size nobody told
_BLOCK = 1 << 16  # bytes; pooch counts the last block as a whole one
_HEADERS = {"User-Agent": f"amlsynth/{__version__}"}
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def download(
    url: str, folder: Path, name: str, known: str | None, size: int | None, progress: Progress | None
) -> Path:
    """Download a file into a folder.

    Parameters
    ----------
    url : https, or http on this machine.
    folder, name : where the file goes.
    known : "sha256:..." or "md5:..." of the right file, None when nobody knows.
    size : bytes of the right file, None when nobody knows; a longer answer is cut off.

    Raises
    ------
    DataError
        What came has another hash or length; it is removed.
    UsageError
        The server cannot be reached or has no such file, or there is no space.
    """
    import pooch

    store = pooch.create(
        path=folder, base_url="", registry={name: known}, urls={name: url}, retry_if_failed=_RETRIES
    )
    meter = _Meter(url, size, progress)
    with _quiet(), _sentences(url):
        fetcher = pooch.HTTPDownloader(
            progressbar=meter,
            chunk_size=_BLOCK,
            timeout=_TIMEOUT,
            headers=_HEADERS,
            hooks={"response": _stay_encrypted},
        )
        try:
            path = Path(store.fetch(name, downloader=fetcher))
        except ValueError as error:
            if isinstance(error, (DataError, UsageError)):
                raise
            raise DataError(
                f"{url}: what was downloaded is not the right file and was removed; its hash should be "
                f"{known}. Try again later; if it stays so, the registry or the file is wrong."
            ) from error
    if size is not None and path.stat().st_size != size:
        raise DataError(f"{url}: {path.stat().st_size:,} bytes came of {size:,}. Try again later.")
    return path


def get_json(url: str, what: str) -> Any:
    """Ask an API; `what` is what was asked for, for the sentences."""
    import requests

    headers = _HEADERS | {"Accept": "application/json"}
    hooks = {"response": _stay_encrypted}
    content = bytearray()
    with (
        _sentences(what),
        requests.get(url, timeout=_TIMEOUT, headers=headers, stream=True, hooks=hooks) as answer,
    ):
        answer.raise_for_status()
        for block in answer.iter_content(1 << 16):
            content += block
            if len(content) > _ANSWER_LIMIT:
                raise UsageError(f"{what}: the server's answer has too many bytes. Try again later.")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what}: the server's answer is no JSON. Try again later.") from error


class _Meter:
    """What pooch calls with each block: shows progress, and stops a download that is too long."""

    def __init__(self, url: str, size: int | None, progress: Progress | None) -> None:
        self._url, self._progress = url, progress
        self._limit = _FILE_LIMIT if size is None else size
        self._size = size
        self.total = 0

    @property
    def total(self) -> int:
        """How many bytes the server says will come; pooch sets it when a download, or a retry, begins."""
        return self._total

    @total.setter
    def total(self, count: int) -> None:
        self._total, self._done = count, 0

    def update(self, count: int) -> None:
        self._done += count
        if self._done > self._limit + _BLOCK:
            raise DataError(
                f"{self._url}: more than {self._limit:,} bytes came. The file is not the right one."
            )
        whole = self._size or self._total
        if self._progress and whole:
            self._progress("downloading", min(1.0, self._done / whole))

    def reset(self) -> None:
        self._done = 0  # pooch does this at the end, and then counts all at once

    def close(self) -> None:
        pass


def _stay_encrypted(response: Any, *_: Any, **__: Any) -> None:
    """Refuse a redirection to where nothing is encrypted."""
    try:
        check_url(response.url)
    except ValueError as error:
        raise UsageError(f"The server leads to an address that is not used: {error}.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence pooch, which tells of every download on standard error."""
    import pooch

    logger = pooch.get_logger()
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        reasons = {
            404: "there is no such record or file",
            410: "it was withdrawn",
            401: "it is not public",
            403: "it is not public",
            429: "the server asks to wait; try again in some minutes",
        }
        reason = reasons.get(status, "try again later")
        raise UsageError(f"{what}: the server answered {status}: {reason}.") from error
    except requests.RequestException as error:
        raise UsageError(
            f"{what}: cannot be reached ({type(error).__name__}). Check the connection; what was loaded once "
            "is loaded again without it, by name and version."
        ) from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise UsageError(f"{what}: there is no space for it ({error.strerror}). Make space.") from error
        raise
