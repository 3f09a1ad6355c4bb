"""Cohorts that the tests share."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.shared_builds import empty_figures, rough_figures, shared

from amlsynth.cohort.cohort import Cohort
from amlsynth.dictionary.model import Dictionary, load_dictionary
from amlsynth.dictionary.model import dictionary as default_dictionary
from browser import Browser
from mds import simulated_mds

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _rare_collection() -> None:
    """Look for cyclic garbage rarely: a worker holds millions of objects, and each look goes over all."""
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what `load` remembers out of the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLSYNTH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("AMLSYNTH_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _more_public_models_kept() -> Iterator[None]:
    """Keep the public models of `private` that many tests use, which are small, and make none again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.generators.private.model._KEPT", 8)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return default_dictionary()


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    """Make a typed frame of the given columns; the rest is NA, or `fill` for alterations."""

    from amlsynth.cohort.tables import to_typed

    def build(fill: int | None = None, **columns: list[Any]) -> pd.DataFrame:
        n = len(next(iter(columns.values())))
        return to_typed(pd.DataFrame({**alike(n, fill), **columns}), d)

    d = default_dictionary()

    @functools.cache
    def alike(n: int, fill: int | None) -> pd.DataFrame:
        given = {} if fill is None else {variable.name: [fill] * n for variable in d.alterations}
        return to_typed(pd.DataFrame({name: [pd.NA] * n for name in d.names} | given), d)

    return build


@pytest.fixture(scope="session")
def reference() -> pd.DataFrame:
    """The reference cohort, typed; do not change it in place."""
    from amlsynth.sources.reference import reference_cohort

    return reference_cohort(n=1606, seed=1).frame


@pytest.fixture(scope="session")
def mds_dictionary() -> Dictionary:
    return load_dictionary("mds")


@pytest.fixture(scope="session")
def mds(mds_dictionary: Dictionary) -> pd.DataFrame:
    """A simulated cohort of a second disease, typed; do not change it in place."""
    return simulated_mds(mds_dictionary, n=400, seed=1)


@pytest.fixture(scope="session")
def amlsg_dir() -> Path:
    folder = Path(os.environ.get("AMLSYNTH_AMLSG", REPOSITORY.parent / "shared" / "cohorts" / "amlsg"))
    if not (folder / "AMLSG_Clinical_Anon.RData").exists():
        pytest.skip("the files of the AMLSG cohort are not here; name their folder in AMLSYNTH_AMLSG")
    return folder


@pytest.fixture(scope="session")
def amlsg_cohort(amlsg_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """The AMLSG cohort, imported once for all workers; do not change it in place."""
    from amlsynth.sources.amlsg import import_amlsg

    return shared(tmp_path_factory, "amlsg", lambda _: import_amlsg(amlsg_dir))


@pytest.fixture(scope="session")
def amlsg(amlsg_cohort: Cohort) -> pd.DataFrame:
    """Its typed frame; do not change it in place."""
    return amlsg_cohort.frame


def _without_drawing(*, composed: bool) -> Any:
    @pytest.fixture
    def figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("AMLSYNTH_REPORT_ENGINE", "fallback")
        with empty_figures(composed=composed):
            yield

    return figures


# Reports are rendered by the built-in renderer, with empty figures, as in `built`; of cohorts that lack what
# others have the figures are composed, though not drawn.
plain_figures, composed_figures = _without_drawing(composed=False), _without_drawing(composed=True)


@pytest.fixture
def rough() -> Iterator[None]:
    """Evaluations have every figure, made of fewer draws."""
    with rough_figures():
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; the test is skipped where there is none."""
    with Browser() as started:
        yield started
