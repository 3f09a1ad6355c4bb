"""Record linkage: copies with changed fields are found, strangers are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.privacy.record_linkage import BY_CHANCE, RecordLinkage
from amlsynth.sources.reference import reference_frame

D = dictionary()
NUMBERS = [v.name for v in D.variables if not v.is_categorical]


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    frame = reference_frame(2_000, seed=3)
    return frame.iloc[np.random.default_rng(3).permutation(2_000)].reset_index(drop=True)


@pytest.fixture(scope="module")
def linkage(patients: pd.DataFrame) -> RecordLinkage:
    return RecordLinkage(patients.iloc[:800], D)


def changed(patients: pd.DataFrame, fields: list[str], rows: int = 100) -> pd.DataFrame:
    """Return the first patients with some fields of strangers."""
    frame = patients.iloc[:rows].copy()
    return frame.assign(**{name: patients[name].iloc[1_000 : 1_000 + rows].to_numpy() for name in fields})


def test_strangers_are_linked_as_seldom_as_said(linkage, patients):
    released, real = patients.iloc[800:2_000], patients.iloc[:800]
    # Expected are 0.02 pairs in either of two ways; three or more would happen once in a million times.
    assert linkage.search(released, real).linked.sum() < 3 and BY_CHANCE < 0.05


@pytest.mark.parametrize("name", NUMBERS)
def test_a_copy_with_any_number_changed_is_found(linkage, patients, name):
    assert linkage.search(changed(patients, [name]), patients.iloc[:800]).linked.mean() > 0.9


def test_noise_on_every_number_hides_no_copy(linkage, patients):
    copied = patients.iloc[:100]
    noisy = copied.assign(
        **{name: (copied[name].astype(float) * 1.001).astype(copied[name].dtype) for name in NUMBERS[1:]}
    )
    assert linkage.search(noisy, patients.iloc[:800]).linked.mean() > 0.9


def test_a_patient_of_whom_all_is_changed_is_a_stranger(linkage, patients):
    everything = changed(patients, list(patients.columns))
    assert linkage.search(everything, patients.iloc[:800]).linked.sum() <= 1


def test_the_same_patient_of_a_cohort_is_left_out(linkage, patients):
    real = patients.iloc[:800]
    assert linkage.search(real, real).linked.mean() > 0.9
    assert linkage.search(real, real, without_self=True).linked.sum() < 3


def test_missing_numbers_say_nothing(linkage, patients):
    real = patients.iloc[:800].copy()
    real[NUMBERS] = real[NUMBERS].mask(np.ones((len(real), len(NUMBERS)), dtype=bool))
    unknown = RecordLinkage(real, D)
    assert not unknown.search(real.iloc[:50], real, without_self=True).linked.any()
