"""What the objectives measure behaves: copies leak, shuffled columns lose effects, halves are alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.split import Split, split_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError
from amlsynth.generators import create
from amlsynth.sources.reference import reference_frame
from amlsynth.tuning import measures
from amlsynth.tuning.objectives import OBJECTIVES, Objective, Part, objective


@pytest.fixture(scope="module")
def split() -> Split:
    return split_cohort(reference_frame(900, 5), 0.25, seed=1)


@pytest.fixture(scope="module")
def cohorts(split: Split) -> dict[str, pd.DataFrame]:
    n = len(split.train)
    made = {
        name: create(name).fit(split.train, np.random.default_rng(1)).sample(n, np.random.default_rng(2))
        for name in ("bootstrap", "independent")
    }
    return made | {"like": reference_frame(n, 6)}


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_likeness_scores_higher_than_shuffled_columns_and_copies(
    name: str, split: Split, cohorts: dict[str, pd.DataFrame], dictionary: Dictionary
) -> None:
    aim = objective(name, dictionary)
    found = {
        kind: aim.scores(Part(split.train, split.holdout, frame, dictionary, 1))
        for kind, frame in cohorts.items()
    }
    totals = {kind: aim.total(scores) for kind, scores in found.items()}
    assert all(0 <= score <= 1 for scores in found.values() for score in scores.values())
    assert totals["like"] > totals["independent"] + 0.05
    if name == "default":
        # The paper's objective has no privacy in it and likes copies best; the default one does not.
        assert totals["like"] > totals["bootstrap"]
        assert found["bootstrap"]["privacy"] == 0 and found["like"]["privacy"] > 0.5
        assert found["like"]["effects"] > found["independent"]["effects"] + 0.1
        assert found["independent"]["classifier"] < 0.6 < found["like"]["classifier"]


def test_effects_are_kept_by_the_patients_themselves(split: Split, dictionary: Dictionary) -> None:
    assert measures.effects_kept(split.train, split.train, dictionary) == 1.0
    shuffled = split.train.assign(NPM1=split.train["NPM1"].sample(frac=1, random_state=1).to_numpy())
    assert measures.effects_kept(split.train, shuffled, dictionary) < 1.0


def test_what_cannot_be_scored_is_left_out_or_lost(split: Split, dictionary: Dictionary) -> None:
    outcome = ["OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]
    blank = split.train.assign(
        **{c: pd.Series([pd.NA] * len(split.train)).astype(split.train[c].dtype) for c in outcome}
    )
    every = objective("default", dictionary)
    whole = every.assessable(Part(split.train, split.holdout, split.train, dictionary, 1))
    assert len(whole.components) == len(every.components)
    without = every.assessable(Part(blank, split.holdout, blank, dictionary, 1))
    assert {c.name for c in whole.components} - {c.name for c in without.components} == {"os", "efs", "ties"}
    lost = whole.scores(Part(split.train, split.holdout, blank, dictionary, 1))
    assert lost["os"] == lost["efs"] == lost["ties"] == 0
    empty = Objective("none", "", tuple(c for c in whole.components if c.name == "os"))
    with pytest.raises(DataError, match="None of what the objective 'none' scores"):
        empty.assessable(Part(blank, split.holdout, blank, dictionary, 1))


def test_objectives_score_what_the_dictionary_has(mds: pd.DataFrame, mds_dictionary: Dictionary) -> None:
    half, other = mds.iloc[:200].reset_index(drop=True), mds.iloc[200:].reset_index(drop=True)
    part = Part(half, other, other, mds_dictionary, 1)
    expected = {
        "default": {"os", "lfs", "ties", "columns", "pairs", "effects", "classifier", "privacy"},
        "paper": {
            "bsm", "logcorr", "rsc", "discriminator", "k_means",
            "mcc_os_2y", "optimism_os", "divergence_os", "sight_os",
        },
    }  # fmt: skip
    for name, components in expected.items():
        scores = objective(name, mds_dictionary).assessable(part).scores(part)
        assert set(scores) == components
        assert all(0 <= score <= 1 for score in scores.values())
