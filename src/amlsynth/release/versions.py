"""Versions of releases: semantic versions 2.0.0 (semver.org); no package, since every load needs them."""

from __future__ import annotations

import re
from functools import total_ordering

MAX_LENGTH = 100  # characters; keeps int() cheap on hostile input
_NUMBER, _PART = "(?:0|[1-9][0-9]*)", "[0-9A-Za-z-]+"
_FIELD = f"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"  # of a pre-release: no leading zeros in numbers
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_FIELD}(?:\.{_FIELD})*))?(?:\+({_PART}(?:\.{_PART})*))?"
)


@total_ordering
class Version:
    """A semantic version such as 1.2.0 or 2.0.0-rc.1.

    The order is that of section 11 of semver.org; build metadata, which has no order there, decides last, so
    that sorting is reproducible. ValueError when the text is none.

    Examples
    --------
    >>> Version("1.2.0") < Version("1.10.0-rc.1") < Version("1.10.0")
    True
    """

    def __init__(self, text: str) -> None:
        found = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if found is None:
            raise ValueError(
                f"{text[:MAX_LENGTH]!r} is no semantic version; write MAJOR.MINOR.PATCH such as 1.2.0 or "
                "2.0.0-rc.1"
            )
        self.text = text
        major, minor, patch, fields, build = found.groups()
        self.core = int(major), int(minor), int(patch)  # MAJOR, MINOR and PATCH
        self.is_prerelease = fields is not None  # such as 2.0.0-rc.1
        parts = tuple(map(_field, fields.split("."))) if fields else ()
        self._order = self.core, not self.is_prerelease, parts, build or ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.text == other.text

    def __lt__(self, other: Version) -> bool:
        return self._order < other._order

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


def _field(text: str) -> tuple[bool, int, str]:
    """Return how a field of a pre-release is ordered: numbers by value and before words, words by ASCII."""
    return (False, int(text), "") if text.isdecimal() else (True, 0, text)


def checked_version(text: str) -> str:
    """Return the text of a version; ValueError when it is none."""
    return Version(text).text
