"""Cohorts for the evaluation's tests: simulated ones, and hand-made ones of a few columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from amlsynth.cohort.split import Split, split_cohort
from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import Evaluation, evaluate
from amlsynth.sources.reference import reference_frame

Make = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def make() -> Make:
    """Make a typed frame of the given columns; the rest is NA, or `fill` for alterations."""

    def build(fill: int | None = None, **columns: list[Any]) -> pd.DataFrame:
        d = dictionary()
        n = len(next(iter(columns.values())))
        values = {name: [pd.NA] * n for name in d.names}
        if fill is not None:
            values |= {variable.name: [fill] * n for variable in d.alterations}
        return to_typed(pd.DataFrame({**values, **columns})[list(d.names)], d)

    return build


@pytest.fixture(scope="session")
def split() -> Split:
    return split_cohort(reference_frame(800, 11), 0.2, seed=3)


@pytest.fixture(scope="session")
def synthetic() -> pd.DataFrame:
    return reference_frame(640, 12)


@pytest.fixture(scope="session")
def evaluation(split: Split, synthetic: pd.DataFrame) -> Evaluation:
    return evaluate(split.train, synthetic, split.holdout, seed=5, simulated=True)
