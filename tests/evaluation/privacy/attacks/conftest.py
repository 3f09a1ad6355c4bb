"""One split of a simulated cohort, and candidates of known worth, for every attack."""

from __future__ import annotations

import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.anchors import make_anchors
from amlsynth.evaluation.family import Candidate, Setting
from amlsynth.sources.reference import reference_frame


@pytest.fixture(scope="session")
def setting() -> Setting:
    split = split_cohort(reference_frame(1606, 21), 0.2, seed=4)
    return Setting(split.train, split.holdout, dictionary(), seed=9)


@pytest.fixture(scope="session")
def candidates(setting: Setting) -> dict[str, Candidate]:
    """A fresh cohort of the same population, and the anchors."""
    found: dict[str, Candidate] = {"fresh": Candidate("synthetic", reference_frame(1285, 22))}
    for name, anchor in make_anchors(setting, 1285).items():
        assert isinstance(anchor, Candidate)
        found[name] = anchor
    return found


@pytest.fixture(scope="session")
def without_holdout(setting: Setting) -> Setting:
    return Setting(setting.original, None, setting.dictionary, setting.seed)


@pytest.fixture(scope="session")
def fresh(candidates: dict[str, Candidate]) -> pd.DataFrame:
    return candidates["fresh"].frame
