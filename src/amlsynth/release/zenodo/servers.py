"""Which server a release goes to, and the token for it, which no message ever shows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from amlsynth.foundation.addresses import SANDBOX_URL, URL_VARIABLE, ZENODO_URL, check_url
from amlsynth.foundation.errors import UsageError

_KEYRING = "amlsynth"


@dataclass(frozen=True)
class Server:
    """A Zenodo.

    title : as sentences call it.
    base : its address, without a slash at the end.
    variable : the environment variable that holds its token.
    account : under which the keyring has its token (service "amlsynth"), None where it has none.
    lasting : whether its records and DOIs are for ever; those of the sandbox are not.
    """

    title: str
    base: str
    variable: str
    account: str | None
    lasting: bool

    @property
    def origin(self) -> tuple[str, str | None, int | None]:
        return origin(self.base)


# The variables are those that zenodo-client reads as well.
ZENODO = Server("Zenodo", ZENODO_URL, "ZENODO_API_TOKEN", "zenodo", lasting=True)
SANDBOX = Server(
    "the Zenodo sandbox",
    SANDBOX_URL,
    "ZENODO_SANDBOX_API_TOKEN",
    "zenodo-sandbox",
    lasting=False,
)


def choose_server(*, sandbox: bool, environ: Mapping[str, str] = os.environ) -> Server:
    """Return Zenodo, its sandbox, or the server that AMLSYNTH_ZENODO_URL names.

    The latter has a token of its own, so that a token for Zenodo is never sent elsewhere.

    Raises
    ------
    UsageError
        The variable names no https:// address and none of this machine.
    """
    url = environ.get(URL_VARIABLE, "").rstrip("/")
    if not url:
        return SANDBOX if sandbox else ZENODO
    try:
        parts = urlsplit(check_url(url))
        if parts.query or parts.fragment:
            raise ValueError("an address of a server has neither")
    except ValueError:
        raise UsageError(
            f"{URL_VARIABLE}: it must be an https:// address, or http:// on this machine, without a user "
            "name. Correct it, or unset it to publish to Zenodo."
        ) from None
    return Server(f"the server at {url}", url, "AMLSYNTH_ZENODO_TOKEN", None, lasting=not sandbox)


def find_token(server: Server, environ: Mapping[str, str] = os.environ) -> str:
    """Return the token for a server from the environment, else from the keyring.

    Raises
    ------
    UsageError
        There is none, or it cannot be one; the sentence says where it belongs and never shows it.
    """
    token = environ.get(server.variable, "").strip() or _from_keyring(server)
    keyring = (
        f", or store it in the keyring with: keyring set {_KEYRING} {server.account}"
        if server.account
        else ""
    )
    if not token:
        raise UsageError(
            f"There is no token for {server.title}. Make one at {server.base}/account/settings/applications "
            "with the scopes deposit:write and deposit:actions, and put it into the environment variable "
            f"{server.variable}{keyring}. A token is never given on the command line."
        )
    if not re.fullmatch(r"[!-~]{8,500}", token):
        raise UsageError(
            f"The token for {server.title} has blanks or other characters that no token has, or is too "
            f"short. Copy it again into {server.variable}{keyring}."
        )
    return token


def _from_keyring(server: Server) -> str:
    if server.account is None:
        return ""
    try:
        import keyring

        return (keyring.get_password(_KEYRING, server.account) or "").strip()
    except Exception:  # no keyring, a locked one, or a backend that fails in its own way: no token there
        return ""


def redact(text: str, token: str) -> str:
    """Return text without the token, however it stands there, and without any access_token=..."""
    for form in {token, quote(token, safe="")} - {""}:
        text = text.replace(form, "***")
    return re.sub(r"(access_token=)[^&\s'\"]+", r"\1***", text)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of an address: where a token may be sent."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
