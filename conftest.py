"""What the examples in docstrings may use: `folder`, empty, and `release`, that of a small release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release for sharing under an agreement: 800 patients, with evaluation and report."""
    import yaml

    from amlsynth.foundation.assets import asset
    from amlsynth.release import build_release

    folder = tmp_path_factory.mktemp("release")
    spec = yaml.safe_load(asset("release/aml-reference.yaml").read_text(encoding="utf-8"))
    spec["generator"] = {"name": "event-history", "n": 800, "seed": 1}
    spec["gates"]["profile"] = "research"
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")
    return build_release(path, folder / "out").folder


@pytest.fixture(autouse=True)
def _example_names(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        doctest_namespace["folder"] = request.getfixturevalue("tmp_path")
        example = request.node.dtest
        if example is not None and example.docstring and "release" in example.docstring.partition(">>>")[2]:
            doctest_namespace["release"] = request.getfixturevalue("small_release")
