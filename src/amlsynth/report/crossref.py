"""What Quarto's notation means, worked out on pandoc's document tree.

Figures (`{#fig-x fig-alt="..."}`), tables (`: caption {#tbl-x}`) and references (`@fig-x`) are all that
report.qmd
uses; its blocks are divs and raw Typst, which pandoc knows itself. The tree is pandoc's JSON, as
https://hackage.haskell.org/package/pandoc-types documents it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

from amlsynth.foundation.errors import UsageError

Target = Literal["html", "typst"]
Node = dict[str, Any]

_STARTS = re.compile(r"=|[-+/]|[0-9]+\.")
_KINDS = {"fig": "Figure", "tbl": "Table"}


def resolve(tree: Node, target: Target) -> Node:
    """Return the tree with numbers in captions, links for references and alternative texts.

    Raises
    ------
    UsageError
        A reference names no figure and no table.
    """
    numbers = _number(tree)
    change: dict[str, Callable[[Node], Any]] = {
        "Figure": lambda node: _captioned(node, numbers, target),
        "Table": lambda node: _captioned(node, numbers, target),
        "Cite": lambda node: _reference(node, numbers),
        # No language, so no colours that the templates would have to know.
        "CodeBlock": lambda node: {"t": "CodeBlock", "c": [["", [], []], node["c"][1]]},
    }
    if target == "typst":
        change |= {"Plain": _guard_start, "Para": _guard_start}
    blocks = _walk(tree["blocks"], change)
    return {**tree, "blocks": _kept_with_lists(blocks) if target == "typst" else blocks}


def _kept_with_lists(blocks: list[Node]) -> list[Node]:
    """Keep a paragraph that leads to a list on the page on which the list begins."""
    kept: list[Node] = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        leads = block["t"] == "Para" and after is not None and after["t"] in ("BulletList", "OrderedList")
        raw = [{"t": "RawBlock", "c": ["typst", mark]} for mark in ("#block(sticky: true)[", "]")]
        kept += [raw[0], block, raw[1]] if leads else [block]
    return kept


def _number(tree: Node) -> dict[str, str]:
    """Return the name of every labelled figure and table, such as {"tbl-baseline": "Table 1"}."""
    names: dict[str, str] = {}
    tally = dict.fromkeys(_KINDS, 0)

    def visit(node: Node) -> Node:
        identifier = node["c"][0][0]
        kind = identifier.partition("-")[0]
        if kind in _KINDS:
            tally[kind] += 1
            names[identifier] = f"{_KINDS[kind]} {tally[kind]}"
        return node

    _walk(tree["blocks"], {"Figure": visit, "Table": visit})
    return names


def _captioned(node: Node, numbers: dict[str, str], target: Target) -> Node:
    (identifier, _, _), caption, *rest = node["c"]
    if identifier in numbers:
        blocks = caption[1]
        lead = [_strong(f"{numbers[identifier]}."), {"t": "Space"}]
        if blocks:
            blocks[0]["c"] = lead + blocks[0]["c"]
    if node["t"] == "Figure":
        rest = _walk(rest, {"Image": lambda found: _image(found, target)})
    return {"t": node["t"], "c": [[identifier, [], []], caption, *rest]}


def _image(node: Node, target: Target) -> Node:
    (identifier, classes, pairs), inlines, (path, title) = node["c"]
    texts = dict(pairs)
    alt = texts.pop("fig-alt", None)
    if target == "typst":
        # pandoc's writer drops the text for readers who cannot see the image.
        alternative = f", alt: {json.dumps(alt, ensure_ascii=False)}" if alt else ""
        markup = f"#image({json.dumps(path, ensure_ascii=False)}, width: 80%{alternative})"
        return {"t": "RawInline", "c": ["typst", markup]}
    if alt:
        inlines = [{"t": "Str", "c": alt}]
    return {
        "t": "Image",
        "c": [[identifier, classes, list(map(list, texts.items()))], inlines, [path, title]],
    }


def _reference(node: Node, numbers: dict[str, str]) -> Node | list[Node]:
    links: list[Node] = []
    for citation in node["c"][0]:
        identifier = citation["citationId"]
        if identifier not in numbers:
            raise UsageError(f"report.qmd refers to @{identifier}, but no figure or table has that label.")
        text = [{"t": "Str", "c": numbers[identifier].replace(" ", "\u00a0")}]
        links += [{"t": "Str", "c": ","}, {"t": "Space"}] if links else []
        links.append({"t": "Link", "c": [["", [], []], text, [f"#{identifier}", ""]]})
    return links


def _guard_start(node: Node) -> Node:
    """Escape a first word such as "=" or "1.", which typst would read as a heading or a list."""
    first = node["c"][0] if node["c"] else None
    if first and first["t"] == "Str" and _STARTS.fullmatch(first["c"]):
        node["c"][0] = {"t": "RawInline", "c": ["typst", first["c"][:-1] + "\\" + first["c"][-1]]}
    return node


def _strong(text: str) -> Node:
    return {"t": "Strong", "c": [{"t": "Str", "c": text}]}


def _walk(value: Any, change: dict[str, Callable[[Node], Any]]) -> Any:
    """Return a copy of a part of the tree, each node changed after the nodes inside it.

    A change that returns a list puts all of it in the place of the node. Words and spaces, of which most of a
    report consists, and empty lists are not copied: no change is made within them.
    """
    if isinstance(value, dict):
        if "t" not in value:
            return {key: _walk(item, change) for key, item in value.items()}
        node = {"t": value["t"]}
        if "c" in value:
            node["c"] = _walk(value["c"], change)
        return change[node["t"]](node) if node["t"] in change else node
    if isinstance(value, list):
        found: list[Any] = []
        for item in value:
            if isinstance(item, dict):
                name = item.get("t")
                if (name == "Str" or (name and "c" not in item)) and name not in change:
                    found.append(item)
                elif isinstance(new := _walk(item, change), list):
                    found += new
                else:
                    found.append(new)
            else:
                found.append(_walk(item, change) if item and isinstance(item, list) else item)
        return found
    return value
