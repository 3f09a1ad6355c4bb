"""Pooled effects against the original's: what comes from the same patients agrees, what does not differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.effects.pooled import interval_overlap, pooled_effects
from amlsynth.sources.reference import reference_cohort


@pytest.fixture(scope="module")
def original() -> pd.DataFrame:
    return reference_cohort(n=300, seed=1).frame


def _resampled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame.sample(1500, replace=True, random_state=seed).reset_index(drop=True)


def test_replicates_of_the_original_agree_and_others_do_not(original: pd.DataFrame) -> None:
    d = dictionary()
    boots = [_resampled(_resampled(original, seed).head(300), seed) for seed in range(4)]
    found = pooled_effects(original, boots, d, OFF)
    assert (found.replicates, found.patients) == (4, 1500) and found.effects > 20
    assert found.covering.value is not None and found.covering.value > 0.9
    # Outcomes that belong to other patients: no effect is left in them, so fewer pooled intervals hold ours.
    outcome = ["CR1", *sorted(d.outcome_columns)]
    rng = np.random.default_rng(0)
    mixed = []
    for frame in boots:
        other = frame.copy()
        other[outcome] = frame[outcome].iloc[rng.permutation(len(frame))].reset_index(drop=True)
        mixed.append(other)
    apart = pooled_effects(original, mixed, d, OFF)
    assert apart.overlap.value is not None and found.overlap.value is not None
    assert apart.overlap.value < found.overlap.value - 0.05


def test_figures_of_patients_are_rounded(original: pd.DataFrame) -> None:
    boots = [_resampled(original, seed) for seed in range(2)]
    exact = pooled_effects(original, boots, dictionary(), OFF)
    shown = pooled_effects(original, boots, dictionary(), DisclosureRule())
    assert exact.overlap.value != shown.overlap.value
    assert shown.overlap.value == pytest.approx(exact.overlap.value, abs=1e-3)


def test_overlap_is_the_mean_share_of_both() -> None:
    one, other = np.array([[0.0, 1.0], [0.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 2.0]])
    assert interval_overlap(one, other).tolist() == [1.0, (0.25 + 1.0) / 2]
