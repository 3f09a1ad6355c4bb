"""Requests to Zenodo: with the token in the header, with bounded patience, with sentences for failures.

Zenodo has two APIs at one address. Drafts in the words of the newer one are asked for by its own media type.

zenodo-client sends the token in the query string, where it shows in the text of its errors, never
tries again and knows one patience for all; so the requests are made here.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.foundation.retry_after import retry_after
from amlsynth.foundation.version import __version__
from amlsynth.release.zenodo.servers import Server, origin, redact

Sleep = Callable[[float], object]
Tell = Callable[[int], object]  # bytes that went out
Say = Callable[[str], object]  # a few words for the user

_TRIES = 6
_LONGEST_WAIT = 120.0  # seconds; Zenodo counts its limits by the minute and by the hour
_PATIENCE = (
    10.0,
    120.0,
)  # seconds to connect, and for each answer; publishing takes Zenodo a minute at times
_PASSING = {408, 425, 500, 502, 503, 504}  # answers after which another try may succeed
_REDIRECTS = 5  # that are followed, on the same server
_BLOCK = 1 << 20
_JSON = "application/json"
_DRAFT = "application/vnd.inveniordm.v1+json"  # a draft in the words of the newer API


class Unclear(Exception):
    """The server may or may not have done what it was asked; only reading tells."""


class Client:
    """Makes requests to one server.

    Parameters
    ----------
    server : the server; links that lead elsewhere are not followed, so that the token stays there.
    token : sent in the Authorization header and nowhere else.
    sleep : waits so many seconds between tries; tests give another.
    say : is told in words when a wait is long.
    """

    def __init__(
        self, server: Server, token: str, sleep: Sleep = time.sleep, say: Say = lambda _: None
    ) -> None:
        requests = require_extra("publish", "requests", "Publishing a release")
        self.server = server
        self._token = token
        self._sleep = sleep
        self._say = say
        self._session = requests.Session()
        # Zenodo asks that clients name themselves.
        self._session.headers["User-Agent"] = f"amlsynth/{__version__} (release publish)"
        if server.base.startswith("http://"):  # this machine: no proxy
            self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at a path; None where there is nothing (404, 410)."""
        return self._repeated("GET", path, params=params)

    def put(self, path: str, content: Any) -> Any:
        """Replace what is at a path by JSON."""
        return self._needed(self._repeated("PUT", path, json=content), "PUT", path)

    def delete(self, path: str) -> None:
        """Delete what is at a path; what is gone already is fine."""
        self._repeated("DELETE", path)

    def upload(self, path: str, file: Path, tell: Tell) -> Any:
        """Send a file."""
        return self._needed(self._repeated("PUT", path, file=file, tell=tell), "PUT", path)

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of what anybody gets at a path, None where nobody gets anything."""
        answer = self._send("GET", path, public=True, stream=True)
        if isinstance(answer, str) or answer.status_code != 200:
            return None
        found = hashlib.sha256()
        try:
            for block in answer.iter_content(_BLOCK):
                found.update(block)
        except OSError:  # what requests raises is one
            return None
        return found.hexdigest()

    def post(self, path: str, content: Any = None) -> Any:
        """Ask for something to be done, once.

        Raises
        ------
        Unclear
            There was no answer, or one of 500 to 504: read before asking again.
        """
        for number in range(1, _TRIES + 1):
            answer = self._send("POST", path, json=content)
            if isinstance(answer, str):
                raise Unclear(answer)
            if answer.status_code == 429:  # refused before it was done, so asking again is safe
                self._wait(number, answer)
                continue
            if answer.status_code in _PASSING:
                raise Unclear(f"it answered {answer.status_code}")
            return self._needed(self._content(answer, "POST", path), "POST", path)
        raise self.gave_up("it asked to wait (429)")

    def _repeated(self, method: str, path: str, **what: Any) -> Any:
        """Make a request that does no harm when it is made twice, until it is answered."""
        why = ""
        for number in range(1, _TRIES + 1):
            answer = self._send(method, path, **what)
            if isinstance(answer, str):
                why = answer
                self._wait(number, None)
            elif answer.status_code == 429 or answer.status_code in _PASSING:
                why = f"it answered {answer.status_code}"
                self._wait(number, answer)
            else:
                return self._content(answer, method, path)
        raise self.gave_up(why)

    def _send(
        self,
        method: str,
        path: str,
        *,
        file: Path | None = None,
        tell: Tell | None = None,
        public: bool = False,
        **what: Any,
    ) -> Any:
        """Return the answer, or why there is none; `public` asks without the token."""
        import requests

        url = path if "://" in path else f"{self.server.base}/api/{path}"
        headers = {"Accept": _DRAFT if "/draft" in path else _JSON}
        with ExitStack() as stack:
            if file is not None:
                body = stack.enter_context(file.open("rb"))
                what["data"] = _Told(body, file.stat().st_size, tell)
                headers["Content-Type"] = "application/octet-stream"
            # An object, since a header alone would lose to a .netrc.
            what |= {"headers": headers, "auth": _no_token if public else self._authorize}
            try:
                for _ in range(_REDIRECTS):
                    answer = self._session.request(
                        method, self._own(url), timeout=_PATIENCE, allow_redirects=False, **what
                    )
                    if not (method == "GET" and answer.is_redirect):
                        return answer
                    url = urljoin(url, answer.headers["Location"])
                    what.pop("params", None)  # they are in the new address, if they still count
                return "it leads from one address to another without end"
            except requests.exceptions.SSLError:
                return "its certificate was not accepted"
            except requests.exceptions.Timeout:
                return "it did not answer in time"
            except requests.exceptions.RequestException:
                return "there was no connection, or it broke off"

    def _own(self, url: str) -> str:
        """Return an address of the server; the token goes nowhere else."""
        if origin(url) != self.server.origin:
            raise DataError(
                f"{self.server.title} answered with a link to another server, which is not followed. Check "
                "its address and try again."
            )
        return url

    def _content(self, answer: Any, method: str, path: str) -> Any:
        if answer.status_code in (404, 410):
            return None
        if answer.status_code == 204 or not answer.content:
            return {}
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.ok and content is not None:
            return content
        if answer.ok:
            raise DataError(
                f"{self.server.title} answered with something else than JSON; is there a login page or a "
                f"proxy between? Open {self.server.base} in a browser, then try again."
            )
        said = self._said(content)
        if answer.status_code in (401, 403):
            raise UsageError(
                f"{self.server.title} refused the token in {self.server.variable} or the keyring, or what "
                f"was to be done with it ({answer.status_code}, {method}){said}. The token must be one of "
                f"{self.server.base}, not expired, with the scopes deposit:write and deposit:actions, of an "
                "account that may change this data set."
            )
        raise DataError(f"{self.server.title} refused a request ({answer.status_code}, {method}){said}.")

    def _said(self, content: Any) -> str:
        """Return what the server says of an error, as one safe line."""
        if not isinstance(content, dict):
            return ""
        parts = [content.get("message"), *error_lines(content.get("errors"))]
        text = "; ".join(str(part).rstrip(".") for part in parts if part)[:500]
        return (
            ": " + redact("".join(c if c.isprintable() else " " for c in text), self._token) if text else ""
        )

    def _needed(self, content: Any, method: str, path: str) -> Any:
        if content is None:
            raise DataError(
                f"{self.server.title} no longer has what was to be changed ({method}, not found). Run the "
                "command again; it goes on from what there is."
            )
        return content

    def _wait(self, number: int, answer: Any) -> None:
        if number == _TRIES:
            return
        asked = None if answer is None else retry_after(answer.status_code, answer.headers)
        if asked is not None and asked > _LONGEST_WAIT:
            raise self.gave_up(f"it asked to wait for {math.ceil(asked / 60)} minutes")
        if asked:
            self._say(f"waiting for {asked:.0f} seconds, as {self.server.title} asks")
        self._sleep(float(2 ** (number - 1)) if asked is None else asked)

    def gave_up(self, why: str) -> UsageError:
        """Return the error that ends a run which another one can take up."""
        return UsageError(
            f"{self.server.title} ({self.server.base}) could not be used: {why}. Check the connection and "
            "run the command again later; it goes on where it stopped."
        )

    def _authorize(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def error_lines(errors: Any) -> list[str]:
    """Return what the `errors` of an answer say, one text for each."""
    lines = []
    for item in errors if isinstance(errors, list) else ():
        if isinstance(item, dict):
            message = item.get("message") or " ".join(map(str, item.get("messages") or ()))
            place = str(item.get("field") or item.get("community") or "")
            lines.append(f"{place}: {message}" if place else str(message))
    return lines


def _no_token(request: Any) -> Any:
    return request


class _Told:
    """A file of known length that tells how many bytes were read of it."""

    def __init__(self, stream: Any, size: int, tell: Tell | None) -> None:
        self._stream, self._size, self._tell = stream, size, tell

    def __len__(self) -> int:  # makes requests send Content-Length instead of chunks, which Zenodo wants
        return self._size

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._stream.read(min(size, _BLOCK) if size and size > 0 else size)
        if self._tell:
            self._tell(len(block))
        return block
