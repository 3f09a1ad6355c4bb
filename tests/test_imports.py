"""Importing brings nothing heavy; missing extras are named; what studies and docs import from here exists."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import amlsynth
from amlsynth.foundation.errors import MissingExtraError, require_extra

HEAVY = (
    "torch", "sklearn", "lifelines", "statsmodels", "scipy", "matplotlib", "frictionless", "synthcity",
    "duckdb", "openpyxl", "mlcroissant", "rocrate", "datacite", "pyreadstat", "odmlib",
)  # fmt: skip


def _loaded(code: str) -> set[str]:
    """Run code in a new interpreter and return the heavy modules that it has loaded."""
    names = (*HEAVY, "pandas", "pandera")
    script = f"import sys\n{code}\nprint(*(name for name in {names!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    assert _loaded("import amlsynth") == set()


def test_validating_and_reading_load_no_extra(reference: pd.DataFrame, tmp_path: Path) -> None:
    amlsynth.write_table(reference, tmp_path / "c.csv")
    code = (
        "import amlsynth\nfrom amlsynth.cli import cli\n"
        "amlsynth.dictionary, amlsynth.validate, amlsynth.read_table, amlsynth.load, amlsynth.generate\n"
        f"frame = amlsynth.read_table({str(tmp_path / 'c.csv')!r})\nassert amlsynth.validate(frame).ok"
    )
    assert _loaded(code) <= {"pandas", "pandera"}


def test_every_public_name_is_there() -> None:
    for name in amlsynth.__all__:
        assert getattr(amlsynth, name) is not None
    assert set(amlsynth.__all__) <= set(dir(amlsynth))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(amlsynth, "nothing")  # noqa: B009


def test_missing_extra_gives_the_pip_line() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'amlsynth\[report\]'"):
        require_extra("report", "no_such_package_xyz", "Rendering the report")


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_every_benchmark_imports_what_there_is(repository: Path) -> None:
    """They run seldom, so that a renamed function would be missed for long."""
    trees = {
        path.stem: ast.parse(path.read_text(encoding="utf-8"))
        for path in (repository / "benchmarks").glob("*.py")
    }
    taken = {
        (script, node.module, alias.name)
        for script, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if node.module in trees or node.module.split(".")[0] == "amlsynth"
    }
    assert {module for _, module, _ in taken} >= {"populations", "amlsynth.generators.generation"}

    def exists(module: str, name: str) -> bool:
        if module in trees:
            return name in set(_defined(trees[module]))
        package = importlib.import_module(module)
        folders = getattr(package, "__path__", ())
        return hasattr(package, name) or name in {found.name for found in pkgutil.iter_modules(folders)}

    assert [each for each in sorted(taken) if not exists(*each[1:])] == []
