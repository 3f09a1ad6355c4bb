"""Imports run one way: no module imports from a room above its own, and none in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import amlsynth

SOURCE = Path(amlsynth.__file__).parent

# From the ground up; README's "How it is built" tells what each is for.
ROOMS = (
    "foundation", "expressions", "dictionary", "cohort", "sources", "model_space", "statistics", "survival",
    "disclosure", "inference", "generators", "evaluation", "audit", "gates", "tuning", "report", "release",
    "loading", "site", "face", "demo", "cli", "__main__",
)  # fmt: skip


def _modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; packages by that of the folder."""
    paths = sorted(SOURCE.rglob("*.py"))
    return {_name(path): path for path in paths if "_data" not in path.parts}


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found = inner if inner in modules else node.module
                if found in modules:
                    yield found


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "face"


@cache
def _arrows() -> dict[str, set[str]]:
    modules = _modules()
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    return {name: set(_imports(tree, modules)) - {name} for name, tree in trees.items()}


def test_every_module_lies_in_a_room() -> None:
    assert {_room(module) for module in _modules()} <= set(ROOMS)


def test_no_module_imports_from_a_room_above_its_own() -> None:
    upward = [
        f"{module} imports {target}"
        for module, targets in _arrows().items()
        for target in targets
        if ROOMS.index(_room(target)) > ROOMS.index(_room(module))
    ]
    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    # A package's __init__ names what lies in it, and so does what it lies in.
    packages = {name for name, path in _modules().items() if path.name == "__init__.py"}
    arrows = {module: targets - packages for module, targets in _arrows().items() if module not in packages}
    try:
        tuple(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        raise AssertionError(f"a circle: {' -> '.join(error.args[1])}") from None
