"""How the docstrings here differ from numpydoc: `name : what it is`, since the annotation has the type."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(r"^(Parameters|Attributes)\n-+\n", re.MULTILINE)
_ITEM = re.compile(r"^(\w[\w, *]*?) : (.*)$")


class DescribedNames(griffe.Extension):
    """Gives numpydoc's reader `name` with its description below, which it takes the annotation for."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = described(obj.docstring.value)


def described(text: str) -> str:
    """Return a docstring with what follows each name's colon on the line below."""
    start = _SECTION.search(text)
    if start is None:
        return text
    body, blank, rest = text[start.end() :].partition("\n\n")
    lines = [_ITEM.sub(r"\1\n    \2", line) for line in body.splitlines()]
    return text[: start.end()] + "\n".join(lines) + blank + described(rest)
