"""Cohorts for the evaluation's tests."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.shared_builds import shared

from amlsynth.cohort.split import Split, split_cohort
from amlsynth.evaluation import Evaluation, evaluate
from amlsynth.sources.reference import reference_frame


@pytest.fixture(scope="session")
def split() -> Split:
    return split_cohort(reference_frame(800, 11), 0.2, seed=3)


@pytest.fixture(scope="session")
def synthetic() -> pd.DataFrame:
    return reference_frame(640, 12)


@pytest.fixture(scope="session")
def evaluation(split: Split, synthetic: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """The whole evaluation of `synthetic`, one for all workers."""
    return shared(
        tmp_path_factory,
        "evaluation",
        lambda _: evaluate(split.train, synthetic, split.holdout, seed=5, simulated=True),
    )
