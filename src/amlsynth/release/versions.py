"""Versions of releases: semantic versions 2.0.0 (semver.org)."""

from __future__ import annotations

import re
from functools import total_ordering

MAX_LENGTH = 100  # characters; keeps int() cheap on hostile input
_NUMBER = "(?:0|[1-9][0-9]*)"
_PART = f"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = "[0-9A-Za-z-]+"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PART}(?:\.{_PART})*))?(?:\+({_BUILD}(?:\.{_BUILD})*))?"
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
        parsed = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parsed is None:
            raise ValueError(
                f"{text[:MAX_LENGTH]!r} is no semantic version; write MAJOR.MINOR.PATCH such as 1.2.0 or "
                "2.0.0-rc.1"
            )
        major, minor, patch, prerelease, build = parsed.groups()
        self.text = text
        self.core = int(major), int(minor), int(patch)  # MAJOR, MINOR and PATCH
        self.is_prerelease = prerelease is not None  # such as 2.0.0-rc.1
        # A number is before a word, and fewer parts before more; a prerelease before what it comes to.
        parts = [
            (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
            for part in (prerelease or "").split(".")
        ]
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


def checked_version(text: str) -> str:
    """Return the text of a version; ValueError when it is none."""
    return Version(text).text
