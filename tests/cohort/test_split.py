"""The split is stratified, disjoint, complete and decided by its seed."""

from __future__ import annotations

import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.foundation.errors import DataError, UsageError
from cohorts import small_cohort


def test_parts_are_disjoint_and_complete(reference: pd.DataFrame) -> None:
    split = split_cohort(reference, seed=3)
    assert (len(split.train), len(split.holdout)) == (1285, 321)
    together = pd.concat([split.train, split.holdout])
    key = list(reference.columns)
    assert (
        together.sort_values(key)
        .reset_index(drop=True)
        .equals(reference.sort_values(key).reset_index(drop=True))
    )


def test_seed_decides(reference: pd.DataFrame) -> None:
    assert split_cohort(reference, seed=3).train.equals(split_cohort(reference, seed=3).train)
    assert not split_cohort(reference, seed=3).train.equals(split_cohort(reference, seed=4).train)


def test_strata_keep_their_shares(reference: pd.DataFrame) -> None:
    for seed in range(5):
        split = split_cohort(reference, seed=seed)
        for column in ("OSSTAT", "EFSSTAT", "CR1"):
            difference = split.train[column].mean() - split.holdout[column].mean()
            assert abs(difference) < 0.02, column


def test_strata_are_the_dictionarys() -> None:
    trial, lymphoma = small_cohort("trial"), small_cohort("lymphoma")
    for seed in range(5):
        split = split_cohort(trial.frame, seed=seed, d=trial.d)
        shares = [(part["ARM"] == "standard").mean() for part in (split.train, split.holdout)]
        assert abs(shares[0] - shares[1]) < 0.03
    assert lymphoma.d.roles.strata == ()
    split = split_cohort(lymphoma.frame, seed=1, d=lymphoma.d)
    assert (len(split.train), len(split.holdout)) == (240, 60)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_share_must_be_a_share(reference: pd.DataFrame, share: float) -> None:
    with pytest.raises(UsageError, match="not between 0 and 1"):
        split_cohort(reference, share, seed=1)


def test_one_patient_cannot_be_split(reference: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="1 patients cannot be split"):
        split_cohort(reference.head(1), seed=1)
