"""Downloads: complete, with the right hash, within a time, or not at all; every failure a sentence.

Nothing that a server says is trusted: redirections are followed one by one, only to where it is encrypted
and not into a private network; nothing is decompressed; what is too long, too slow or too late is given up.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from amlsynth.foundation.addresses import check_url, is_this_machine
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.retry_after import ASKS_TO_WAIT, retry_after
from amlsynth.foundation.types import Progress
from amlsynth.foundation.version import __version__

_RETRIES = 2
_TIMEOUT = 30.0  # seconds without a byte
_ANSWER_TIME = 60.0  # seconds for an answer to begin, and for all of an answer of an API
_LEAST_SPEED = 2_000  # bytes a second, over all of a file; a modem's third
_LONGEST_WAIT = 60.0  # seconds that a server may ask to wait
_ANSWER_LIMIT = 5_000_000  # bytes of an answer of an API
_FILE_LIMIT = 20_000_000_000  # bytes of a file whose size nobody told
_REDIRECTS = 5
_BLOCK = 1 << 16
_HEADERS = {"User-Agent": f"amlsynth/{__version__}", "Accept-Encoding": "identity"}
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_pause = time.sleep
_Result = TypeVar("_Result")
_Received = Callable[[int, int | None], object]  # bytes so far, and of how many


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
        The server cannot be reached, has no such file or is too slow, or there is no space.
    """
    kind, _, expected = (known or "sha256:").partition(":")
    found = hashlib.new(kind, usedforsecurity=kind != "md5")
    path = folder / name

    def received(count: int, whole: int | None) -> None:
        if count > (_FILE_LIMIT if size is None else size):
            raise DataError(f"{url}: more than {size or _FILE_LIMIT:,} bytes came. It is not the right file.")
        if progress and (size or whole):
            progress("downloading", min(1.0, count / (size or whole or 1)))

    try:
        with _sentences(url), path.open("wb") as target:
            for block in _blocks(url, None, "*/*", received):
                found.update(block)
                target.write(block)
        if expected and found.hexdigest() != expected:
            raise DataError(
                f"{url}: what was downloaded is not the right file and was removed; its hash should be "
                f"{known}. Try again later; if it stays so, the registry or the file is wrong."
            )
        if size is not None and path.stat().st_size != size:
            raise DataError(f"{url}: {path.stat().st_size:,} bytes came of {size:,}. Try again later.")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def get_json(url: str, what: str) -> Any:
    """Ask an API; `what` is what was asked for, for the sentences."""

    def received(count: int, _: int | None) -> None:
        if count > _ANSWER_LIMIT:
            raise UsageError(f"{what}: the server's answer has too many bytes. Try again later.")

    with _sentences(what):
        content = b"".join(_blocks(url, _ANSWER_TIME, "application/json", received))
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what}: the server's answer is no JSON. Try again later.") from error


def _blocks(url: str, seconds: float | None, accept: str, received: _Received) -> Iterator[bytes]:
    """Yield what a server has at an address, in at most `seconds` or as its size allows."""
    import requests
    import urllib3

    begun = time.monotonic()
    with _answer(url, accept) as answer:
        told = answer.headers.get("Content-Length", "")
        whole = int(told) if told.isdecimal() and len(told) < 16 else None
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise UsageError(f"{url}: the server compresses what was asked for as it is. Try again later.")
        count = 0
        try:
            while block := answer.raw.read1(_BLOCK, decode_content=False):  # what is there, if but a byte
                count += len(block)
                received(count, whole)
                passed = time.monotonic() - begun
                if passed > (_ANSWER_TIME + count / _LEAST_SPEED if seconds is None else seconds):
                    raise UsageError(f"{url}: the server is too slow ({count:,} bytes in {passed:.0f} s).")
                yield block
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise requests.ConnectionError(error) from error
    if whole is not None and count != whole:
        raise DataError(f"{url}: {count:,} bytes came of {whole:,}. Try again later.")


@contextmanager
def _answer(url: str, accept: str) -> Iterator[Any]:
    """Yield the answer of a server, its body unread; asked again where the connection or the server fails."""
    import requests

    session = requests.Session()
    for left in range(_RETRIES, -1, -1):
        try:
            answer = _within(_ANSWER_TIME, lambda: _followed(session, url, accept), url)
        except requests.ConnectionError:
            if not left:
                raise
            continue
        if answer.status_code not in ASKS_TO_WAIT or not left or not _waited(answer):
            break
    with session, answer:
        answer.raise_for_status()
        yield answer


def _waited(answer: Any) -> bool:
    """Wait as long as a busy server asks; False where that is too long."""
    asked = retry_after(answer.status_code, answer.headers)
    seconds = 1.0 if asked is None else asked
    if seconds > _LONGEST_WAIT:
        return False
    answer.close()
    _pause(seconds)
    return True


def _followed(session: Any, url: str, accept: str) -> Any:
    """Return the answer at an address, led on by the server to no worse place than the first one."""
    here = is_this_machine(url)
    for _ in range(_REDIRECTS):
        answer = session.get(
            url, timeout=_TIMEOUT, headers=_HEADERS | {"Accept": accept}, stream=True, allow_redirects=False
        )
        if not answer.is_redirect:
            return answer
        url = urljoin(url, answer.headers["Location"])
        answer.close()
        try:
            check_url(url)
            if not here and _is_private(url):
                raise ValueError(f"{url[:200]!r} is in a private network")
        except ValueError as error:
            raise UsageError(f"The server leads to an address that is not used: {error}.") from error
    raise UsageError(f"{url}: the server leads from one address to another without end.")


def _is_private(url: str) -> bool:
    try:
        return not ipaddress.ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:  # a name
        return is_this_machine(url)


def _within(seconds: float, work: Callable[[], _Result], what: str) -> _Result:
    """Return what `work` returns, if it does in time: a server may send its headers byte by byte."""
    made: list[_Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not made:
        raise UsageError(f"{what}: the server did not answer in {seconds:.0f} seconds. Try again later.")
    return made[0]


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
