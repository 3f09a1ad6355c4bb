"""What the examples in docstrings may use: `folder`, empty, and `release`, that of a small release.

And what holds for all tests.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest


def pytest_collection_finish() -> None:
    """Take modules and collected tests, which stay, out of what is looked through for garbage each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _once() -> Iterator[None]:
    from tests.shared_builds import deflated_once, valid_once

    with valid_once(), deflated_once():
        yield


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release for sharing under an agreement: 800 patients, one for all workers.

    Its evaluation is that of the small release of tests/release, its report a line.
    """
    import yaml
    from tests.release.conftest import GATES, build_small, neither_evaluated_nor_drawn
    from tests.shared_builds import shared

    from amlsynth.evaluation import read_evaluation
    from amlsynth.foundation.assets import asset
    from amlsynth.release import build_release

    def build(folder: Path) -> Path:
        spec = yaml.safe_load(asset("release/aml-reference.yaml").read_text(encoding="utf-8"))
        spec["generator"] = {"name": "event-history", "n": 800, "seed": 1}
        spec["gates"] = {"profile": "easy", "file": "gates.yaml"}
        (folder / "gates.yaml").write_text(yaml.safe_dump(GATES), encoding="utf-8")
        path = folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")
        small = shared(tmp_path_factory, "built", build_small)
        found = read_evaluation(small.folder / "evaluation.json")
        as_many = found.synthetic.model_copy(update={"n": 800})
        with neither_evaluated_nor_drawn(found.model_copy(update={"synthetics": (as_many,)})):
            return build_release(path, folder / "out").folder

    return shared(tmp_path_factory, "small_release", build)


@pytest.fixture(autouse=True)
def _example_names(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> Iterator[None]:
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    doctest_namespace["folder"] = request.getfixturevalue("tmp_path")
    code = ((request.node.dtest and request.node.dtest.docstring) or "").partition(">>>")[2]
    from tests.shared_builds import empty_figures, rough_figures

    if "release" not in code:
        with rough_figures() if "evaluat" in code or "compare" in code else nullcontext():
            yield
        return
    doctest_namespace["release"] = request.getfixturevalue("small_release")
    with empty_figures():
        yield
