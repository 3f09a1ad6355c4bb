"""Versions: which texts are versions, and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.release.versions import Version


def test_the_order_is_that_of_the_specification() -> None:
    ordered = [
        "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
        "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0",
    ]  # fmt: skip
    assert [str(version) for version in sorted(map(Version, reversed(ordered)))] == ordered


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0\n", "1.0.٣"],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write MAJOR\.MINOR\.PATCH"):
        Version(text)


def test_what_was_built_comes_last() -> None:
    assert Version("1.0.0") < Version("1.0.0+a") < Version("1.0.0+b") < Version("1.0.1-1+a")


@given(st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[0-9a-z.-]{1,8})?", fullmatch=True))
def test_any_text_is_a_version_or_a_value_error(text: str) -> None:
    try:
        version = Version(text)
    except ValueError:
        return
    assert str(version) == text
    assert version.is_prerelease == ("-" in text)


numbers = st.integers(0, 30)
versions = st.builds(lambda a, b, c: Version(f"{a}.{b}.{c}"), numbers, numbers, numbers)


@given(versions, versions)
def test_the_order_is_total_and_agrees_with_equality(one: Version, other: Version) -> None:
    assert (one < other) + (one == other) + (one > other) == 1
    assert (one == other) == (hash(one) == hash(other))
