"""Versions of releases: semantic versions 2.0.0 (semver.org), parsed and ordered."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import NamedTuple

# Nine digits are enough for any release, and keep int() cheap on hostile input.
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_PART = r"(?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PATTERN = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PART}(?:\.{_PART})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION = re.compile(PATTERN, re.ASCII)


class _Parts(NamedTuple):
    release: tuple[int, int, int]
    is_final: bool  # a pre-release comes before its release
    pre: tuple[tuple[bool, int, str], ...]
    build: str


@total_ordering
class Version:
    """A semantic version such as 1.2.0 or 2.0.0-rc.1.

    The order is that of section 11 of semver.org; build metadata, which has no order there, decides
    last, so that sorting is reproducible.
    """

    def __init__(self, text: str) -> None:
        if not _VERSION.fullmatch(text):
            raise ValueError(
                f"{text!r} is no semantic version; write MAJOR.MINOR.PATCH such as 1.2.0 or 2.0.0-rc.1"
            )
        self.text = text
        body, _, build = text.partition("+")
        numbers, _, pre = body.partition("-")
        major, minor, patch = (int(part) for part in numbers.split("."))
        # Numbers come before words and in numeric order; words in ASCII order.
        parts = [part for part in pre.split(".") if part]
        key = tuple((not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts)
        self._key = _Parts((major, minor, patch), not pre, key, build)

    @property
    def core(self) -> tuple[int, int, int]:
        """MAJOR, MINOR and PATCH."""
        return self._key.release

    @property
    def is_prerelease(self) -> bool:
        """Whether it is a version such as 2.0.0-rc.1."""
        return not self._key.is_final

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.text == other.text

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"
