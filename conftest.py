"""What the examples in docstrings may use: `folder`, empty, and `release`, that of a small release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release of 800 synthetic patients, built as `amlsynth demo` does."""
    from amlsynth.demo import run_demo

    return run_demo(tmp_path_factory.mktemp("release"), n=800, say=lambda text: None).folder


@pytest.fixture(autouse=True)
def _example_names(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        doctest_namespace["folder"] = request.getfixturevalue("tmp_path")
        example = request.node.dtest
        if example is not None and example.docstring and "release" in example.docstring.partition(">>>")[2]:
            doctest_namespace["release"] = request.getfixturevalue("small_release")
