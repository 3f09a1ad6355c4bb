"""What the examples in docstrings may use: `folder`, an empty folder that goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _example_names(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        doctest_namespace["folder"] = Path(request.getfixturevalue("tmp_path"))
