"""Versions of releases: semantic versions 2.0.0 (semver.org), parsed and ordered by the library `semver`."""

from __future__ import annotations

from functools import total_ordering

MAX_LENGTH = 100  # characters; keeps int() cheap on hostile input


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
        import semver  # its regular expressions take time, and few readers of data compare versions

        try:
            if len(text) > MAX_LENGTH or not text.isascii() or not text.isprintable():
                raise ValueError(text)
            self._parsed = semver.Version.parse(text)
        except ValueError:
            raise ValueError(
                f"{text[:MAX_LENGTH]!r} is no semantic version; write MAJOR.MINOR.PATCH such as 1.2.0 or "
                "2.0.0-rc.1"
            ) from None
        self.text = text

    @property
    def core(self) -> tuple[int, int, int]:
        """MAJOR, MINOR and PATCH."""
        return self._parsed.major, self._parsed.minor, self._parsed.patch

    @property
    def is_prerelease(self) -> bool:
        """Whether it is a version such as 2.0.0-rc.1."""
        return self._parsed.prerelease is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.text == other.text

    def __lt__(self, other: Version) -> bool:
        order = self._parsed.compare(other._parsed)
        return order < 0 or (order == 0 and (self._parsed.build or "") < (other._parsed.build or ""))

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


def checked_version(text: str) -> str:
    """Return the text of a version; ValueError when it is none."""
    return Version(text).text
