"""One split of a simulated cohort, and candidates of known worth, for every attack."""

from __future__ import annotations

import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.anchors import make_anchors
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.sources.reference import reference_frame


@pytest.fixture(scope="session")
def context() -> EvaluationContext:
    split = split_cohort(reference_frame(1606, 21), 0.2, seed=4)
    return EvaluationContext(split.train, split.holdout, dictionary(), seed=9)


@pytest.fixture(scope="session")
def cohorts(context: EvaluationContext) -> dict[str, EvaluatedCohort]:
    """A fresh cohort of the same population, and the anchors."""
    found: dict[str, EvaluatedCohort] = {"fresh": EvaluatedCohort("synthetic", reference_frame(1285, 22))}
    for name, anchor in make_anchors(context, 1285).items():
        assert isinstance(anchor, EvaluatedCohort)
        found[name] = anchor
    return found


@pytest.fixture(scope="session")
def without_holdout(context: EvaluationContext) -> EvaluationContext:
    return EvaluationContext(context.original, None, context.dictionary, context.seed)


@pytest.fixture(scope="session")
def fresh(cohorts: dict[str, EvaluatedCohort]) -> pd.DataFrame:
    return cohorts["fresh"].frame
