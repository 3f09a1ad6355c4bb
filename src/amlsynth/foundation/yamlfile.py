"""YAML that a person edits, read into pydantic models with errors that name the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.text import cut

_LIMIT = 2_000_000  # bytes; the dictionary has about 24,000
_DEPTH = 50
_PARTS = 100_000  # keys and items, aliases written out; a mapping of every variable has about 400
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*:")  # 1:30 is 90 in YAML 1.1, and long ones take hours
_Path = tuple[str | int, ...]
_Model = TypeVar("_Model", bound=BaseModel)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain data, by libyaml where there is one; numbers of base 60 stay text."""


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def _without_base_60(loader: Any, node: yaml.ScalarNode) -> Any:
    if _SEXAGESIMAL.match(node.value):
        return node.value
    kind = node.tag.rpartition(":")[2]
    return getattr(loader, f"construct_yaml_{kind}")(node)


for _tag in _NUMBERS:
    _Loader.add_constructor(_tag, _without_base_60)


def read_yaml_model(
    path: Path, model: type[_Model], *, what: str, context: object = None, aliases: bool = False
) -> _Model:
    """Read a YAML file into `model`.

    Parameters
    ----------
    path : the file.
    model : a pydantic model; use `extra="forbid"` so that typos are found.
    what : what the file is, for the sentences, such as "dictionary" or "release spec".
    context : what the model's validators are given, such as the dictionary that a mapping is for.
    aliases : read anchors and aliases (`&name`, `*name`, `<<: *name`).

    Raises
    ------
    UsageError
        For an unreadable file, broken YAML, or content that the model refuses. The sentence names
        every wrong place as FILE:LINE with the key and the remedy.
    """
    data, lines = read_yaml(path, what=what, aliases=aliases)
    return validated_yaml(path, data, lines, model, context)


def validated_yaml(
    path: Path, data: Any, lines: Mapping[_Path, int], model: type[_Model], context: object = None
) -> _Model:
    """Validate what was read from a YAML file, with the line of each key; UsageError as `read_yaml_model`."""
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        found = error.errors()
        # A list whose entries are wrong counts as too short as well; that follows.
        within = {item["loc"][:end] for item in found for end in range(len(item["loc"]))}
        told = [item for item in found if item["type"] != "too_short" or item["loc"] not in within]
        problems = [_describe(path, lines, data, model, dict(item)) for item in told]
        raise UsageError("\n".join(problems)) from error


def misplaced(place: tuple[str | int, ...], problem: str) -> PydanticCustomError:
    """Make the error that a validator of a whole file raises for one place in it."""
    return PydanticCustomError("misplaced", "{problem}", {"problem": problem, "place": place})


def read_yaml(path: Path, *, what: str, aliases: bool = False) -> tuple[Any, dict[_Path, int]]:
    """Read plain YAML data and the line of every key, by its path of keys and positions.

    Only plain data is built (no tags) and keys may not repeat. A few lines of aliases can expand to
    gigabytes: they are refused, or with `aliases` read up to 100,000 parts, written out.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the {what} cannot be read ({error.strerror}). Check the path.") from error
    if len(content) > _LIMIT:
        raise UsageError(f"{path}: {len(content):,} bytes are too many for a {what}. Check the path.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8. Save the {what} as UTF-8.") from error
    try:
        depth = 0
        for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
            if number > 3 * _PARTS:
                raise UsageError(f"{path}: too many parts for a {what}. Check the path.")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH:  # PyYAML takes very long for thousands
                raise UsageError(f"{path}: nested deeper than {_DEPTH} levels. Correct the {what}.")
            if isinstance(event, yaml.AliasEvent) and not aliases:
                line = f":{event.start_mark.line + 1}" if event.start_mark else ""
                raise UsageError(f"{path}{line}: aliases (*name) are not read. Write the content out.")
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise UsageError(f"{path}: the file is empty. Write a {what} into it.")
        lines: dict[_Path, int] = {}
        _collect_lines(node, (), lines, path)  # before the data are built, which may be too large
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(f"{place}: not valid YAML, {error.problem}. Correct the {what}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path}: not valid YAML ({error}). Correct the {what}.") from error


def _collect_lines(node: yaml.Node, at: _Path, lines: dict[_Path, int], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if len(lines) > _PARTS or len(at) > _DEPTH:
        raise UsageError(f"{path}: written out, the aliases (*name) are too many or nested too deep.")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise UsageError(f"{path}:{key.start_mark.line + 1}: a key must be one word, no list or map.")
            inner = (*at, key.value)
            if inner in lines:
                raise UsageError(f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice.")
            lines[inner] = key.start_mark.line + 1
            _collect_lines(value, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _collect_lines(value, (*at, position), lines, path)


def line_of(lines: Mapping[_Path, int], at: _Path) -> int:
    """Return the line of the deepest part of `at` that the file has."""
    while at and at not in lines:
        at = at[:-1]
    return lines.get(at, 1)


def _describe(
    path: Path, lines: Mapping[_Path, int], data: Any, model: type[BaseModel], item: dict[str, Any]
) -> str:
    at: _Path = (*item["loc"], *item.get("ctx", {}).get("place", ()))
    key = ".".join(str(part) for part in at) or "the file"
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        owner = _model_at(model, at[:-1])
        known = list(owner.model_fields) if owner else []
        message = f"unknown key.{did_you_mean(str(at[-1]), known)}"
        if known:
            message += f" Known keys: {', '.join(known)}"
    elif item["type"] == "missing":
        message = f"the key {str(at[-1])!r} is missing; add it"
    elif not isinstance(item.get("input"), dict | list):
        message += f" (found {item.get('input')!r})"
    end = "" if message.endswith(("?", ".")) else "."
    return f"{path}:{line_of(lines, at)}: {cut(key)}: {cut(message)}{end}"


def _model_at(model: type[BaseModel] | None, at: _Path) -> type[BaseModel] | None:
    """Return the model class whose fields stand at a place, where it is a plain nesting."""
    for part in at:
        if model is None or isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        model = _first_model(field.annotation) if field else None
    return model


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _first_model(argument)
        if model:
            return model
    return None
