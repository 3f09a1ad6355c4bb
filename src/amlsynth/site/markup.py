"""HTML made of elements: every text is escaped where it is put in, so no title can become markup."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from typing import Any

_VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(tag: str, *children: Any, **attributes: str | int | bool | None) -> Markup:
    """Return an element.

    Parameters
    ----------
    tag : its name.
    children : texts, which are escaped, elements, None, or iterables of these.
    attributes : values are escaped; None and False leave one out, True gives one without a value. In
        names "_" stands for "-", and one at the end is dropped, as in `class_`.
    """
    written = ""
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        written += f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{''.join(_flat(children))}</{tag}>")


def join(*children: Any) -> Markup:
    """Return several texts and elements as one."""
    return Markup("".join(_flat(children)))


def inline(tag: str, content: str) -> Markup:
    """Return a script or style of our own, whose content is not escaped.

    Raises
    ------
    ValueError
        The content would end the element.
    """
    if f"</{tag}" in content.lower() or "<!--" in content:
        raise ValueError(f"the content ends its <{tag}> element")
    return Markup(f"<{tag}>{content}</{tag}>")


def json_ld(content: dict[str, Any]) -> Markup:
    """Return structured data as a script element, in which no text can end the element."""
    text = json.dumps(content, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/ld+json">{text}</script>')


def source_hash(content: str) -> str:
    """Return a script or style as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _flat(children: Iterable[Any]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            yield child
        elif isinstance(child, str):
            yield html.escape(child)
        elif isinstance(child, int | float):
            yield html.escape(str(child))
        else:
            yield from _flat(child)
