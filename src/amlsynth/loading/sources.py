"""What a text names: a DOI, a record of Zenodo, a URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_DOI = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9]{4,9}/[^\s?#]{1,200})", re.ASCII | re.IGNORECASE
)
_RECORD = re.compile(r"https://(sandbox\.)?zenodo\.org/records?/([0-9]{1,12})/?", re.ASCII)
_ZENODO = re.compile(r"(10\.5281|10\.5072)/zenodo\.([0-9]{1,12})", re.ASCII)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def doi_of(text: str) -> str | None:
    """Return the DOI that a text is, in lower case; None for other text.

    Understood are 10.5281/zenodo.1, doi:10.5281/zenodo.1, https://doi.org/10.5281/zenodo.1 and
    https://zenodo.org/records/1.
    """
    record = _RECORD.fullmatch(text)
    if record:
        return f"{'10.5072' if record[1] else '10.5281'}/zenodo.{record[2]}"
    match = _DOI.fullmatch(text)
    return match[1].lower() if match else None


def zenodo_record(doi: str) -> tuple[int, bool] | None:
    """Return the number of a Zenodo record and whether it is in the sandbox; None for other DOIs."""
    match = _ZENODO.fullmatch(doi)
    return (int(match[2]), match[1] == "10.5072") if match else None


def check_url(url: str) -> str:
    """Return a URL that may be downloaded from: https, or http on this machine.

    Raises
    ------
    ValueError
        It is another one.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL") from error
    if parts.username or parts.password:
        raise ValueError("a URL must not hold a user name or password")
    if not host or parts.scheme not in ("https", "http") or not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} is no https URL")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError(f"{url!r} is not encrypted; use https")
    return url


def is_url(text: str) -> bool:
    """Say whether a text is meant as a URL."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.ASCII | re.IGNORECASE) is not None
