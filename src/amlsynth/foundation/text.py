"""Text from outside: what may not stand in it, how it is shown on a terminal; words in a row, and counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

# Controls, which move a terminal's cursor or hide text; surrogates; marks that turn the direction of text.
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
_TURNS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DEPTH = 60
_WORD, _KEPT, _SENTENCE = 200, 40, 1_500  # characters; a path may be a long word


def is_plain(text: str) -> bool:
    """Say whether a text has no character that does something else than to be read; lines are allowed.

    Examples
    --------
    >>> is_plain("Café, 2 lines\\nof it"), is_plain("\\x1b[2J")
    (True, False)
    """
    if text.isprintable():  # which none of the characters below is
        return True
    return not any(
        unicodedata.category(sign) in _UNSHOWN or sign in _TURNS for sign in text if sign not in "\n\t"
    )


def printable(text: str) -> str:
    """Return a text for a terminal, in which no character of it can do harm."""
    if is_plain(text):
        return text
    return "".join(sign if is_plain(sign) else f"\\u{ord(sign):04x}" for sign in text)


def cut(text: str) -> str:
    """Return a sentence without endless words, and no endless one, as values of a hostile file make it.

    Examples
    --------
    >>> cut("'" + "x" * 100_000 + "' is no variable")
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is no variable"
    """
    words = re.sub(rf"(\S{{{_KEPT}}})\S{{{_WORD - _KEPT},}}", r"\1...", text)
    return words if len(words) <= _SENTENCE else words[:_SENTENCE] + "..."


def unprintable_at(data: Any, at: tuple[str, ...] = ()) -> str | None:
    """Return where in plain data a text stands that is not plain, such as "licenses.0.title".

    None where there is none. Data nested deeper than 60 levels are named, too.
    """
    if isinstance(data, str):
        return None if is_plain(data) else ".".join(at) or "the top"
    if len(at) > _DEPTH:
        return ".".join(at[:3])
    if isinstance(data, dict):
        if not all(is_plain(str(key)) for key in data):
            return ".".join((*at, "a key"))
        pairs: Iterable[tuple[Any, Any]] = data.items()
    elif isinstance(data, list | tuple):
        pairs = enumerate(data)
    else:
        return None
    for key, value in pairs:
        if isinstance(value, str) and value.isprintable():
            continue
        if value is None or isinstance(value, (int, float)):  # a record has a hundred thousand
            continue
        if found := unprintable_at(value, (*at, str(key))):
            return found
    return None


def listing(words: Sequence[str]) -> str:
    """Join words in a row.

    Examples
    --------
    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def counted(n: int, noun: str) -> str:
    """Return a count with its noun in the number that it asks for.

    Examples
    --------
    >>> counted(1, "row"), counted(1_606, "row")
    ('1 row', '1,606 rows')
    """
    return f"{n:,} {noun}" + "s" * (n != 1)
