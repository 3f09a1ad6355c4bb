"""What a text names, DOI, record of Zenodo or URL, and the addresses of Zenodo: said once."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

DOI_PATTERN = r"10\.[0-9]{4,9}/[!-~]{1,180}"
ZENODO_URL, SANDBOX_URL = "https://zenodo.org", "https://sandbox.zenodo.org"
ZENODO_PREFIX, SANDBOX_PREFIX = "10.5281", "10.5072"  # which DataCite gave to Zenodo and to all sandboxes
URL_VARIABLE = "AMLSYNTH_ZENODO_URL"  # another server, for tests

_LOOPBACK = ("127.0.0.1", "localhost", "::1")  # this machine, to which nothing has to be encrypted
_RESOLVER = re.compile(r"(?:https?://(?:www\.|dx\.)?doi\.org/|(?:info:)?doi[:/\s]\s*)", re.IGNORECASE)
_LOOSE = re.compile(r"10\.[0-9]{4,9}/[^\s?#]{1,200}", re.ASCII)
_AT_ZENODO = r"(?:https?://)?(?:www\.)?(sandbox\.)?zenodo\.org"
_RECORD = re.compile(
    rf"{_AT_ZENODO}/(?:api/)?(?:records?|badge/latestdoi)/([0-9]{{1,12}})(?:[/?#].*)?", re.ASCII
)
_DOI_PAGE = re.compile(
    rf"{_AT_ZENODO}/(?:doi|badge/doi)/(?P<doi>[^?#]*?)(?:\.svg)?/?(?:[?#].*)?", re.I | re.ASCII
)
_ZENODO = re.compile(
    rf"({re.escape(ZENODO_PREFIX)}|{re.escape(SANDBOX_PREFIX)})/zenodo\.([0-9]{{1,12}})", re.ASCII
)


def doi_of(text: str) -> str | None:
    """Return the DOI that a text is, in lower case; None for other text.

    Read are DOIs, their resolver's addresses, and the addresses of a record of Zenodo, of its files, badges
    and API answers, as people copy them.

    Examples
    --------
    >>> doi_of("https://doi.org/10.5281/Zenodo.1"), doi_of("https://zenodo.org/records/1/files/a.zip?download=1")
    ('10.5281/zenodo.1', '10.5281/zenodo.1')
    """
    text = unquote(text.strip())
    record = _RECORD.fullmatch(text)
    if record:
        return f"{SANDBOX_PREFIX if record[1] else ZENODO_PREFIX}/zenodo.{record[2]}"
    page = _DOI_PAGE.fullmatch(text)
    match = _LOOSE.fullmatch(_without_resolver(page["doi"] if page else text))
    return match[0].rstrip(".,;/").lower() if match else None


def plain_doi(text: str) -> str:
    """Return a DOI without its resolver and prefix; ValueError when it is none."""
    doi = _without_resolver(text.strip())
    if not re.fullmatch(DOI_PATTERN, doi, re.ASCII):
        raise ValueError(f"{text!r} is no DOI; write it as {ZENODO_PREFIX}/zenodo.8334265")
    return doi


def doi_url(doi: str) -> str:
    """Return the address under which a DOI resolves."""
    return f"https://doi.org/{doi}"


def zenodo_record(doi: str) -> tuple[int, bool] | None:
    """Return the number of a Zenodo record and whether it is in the sandbox; None for other DOIs."""
    match = _ZENODO.fullmatch(doi)
    return (int(match[2]), match[1] == SANDBOX_PREFIX) if match else None


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


def is_this_machine(url: str) -> bool:
    """Say whether a URL is one of this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return host in _LOOPBACK or host.endswith(".localhost")


def is_url(text: str) -> bool:
    """Say whether a text is meant as a URL."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.ASCII | re.IGNORECASE) is not None


def _without_resolver(text: str) -> str:
    match = _RESOLVER.match(text)
    return text[match.end() :] if match else text
