"""Importing the package, and loading data, bring nothing heavy; missing extras are named."""

from __future__ import annotations

import subprocess
import sys
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
