"""One public model and one noisy sum for all tests of the generator with a guarantee."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.generators.private.generator import Private, private
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sums import SumsFile, write_sums

POOL = 4_000


@pytest.fixture(scope="session")
def generator() -> Private:
    """Not fitted; epsilon 3, a small pool."""
    return private(pool=POOL)


@pytest.fixture(scope="session")
def public(generator: Private) -> PublicModel:
    return generator.public


@pytest.fixture(scope="session")
def sums(generator: Private, reference: pd.DataFrame) -> SumsFile:
    """A noisy sum of the reference cohort."""
    return generator.measure(reference)


@pytest.fixture(scope="session")
def sums_path(sums: SumsFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sums") / "reference.sums.json"
    write_sums(sums, path)
    return path


@pytest.fixture(scope="session")
def fitted(sums: SumsFile) -> Private:
    return private(pool=POOL).fit_sums((("the sum", sums),))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)
