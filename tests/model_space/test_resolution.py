"""Synthetic numbers are recorded at the steps of the original's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.dictionary.model import dictionary
from amlsynth.generators import create
from amlsynth.model_space.encoding import decode, encode
from amlsynth.model_space.resolution import Resolution, find_step


@given(
    step=st.sampled_from([1 / 30.4375, 0.06206, 0.25, 7.0]),
    seed=st.integers(0, 1000),
    decimals=st.sampled_from([6, 12]),
)
def test_a_step_is_found_behind_rounding(step: float, seed: int, decimals: int) -> None:
    multiples = np.random.default_rng(seed).integers(1, 4000, 800)
    assert find_step(np.round(multiples * step, decimals), 0.0037) == pytest.approx(step, rel=1e-4)


def test_numbers_without_a_step_have_the_default() -> None:
    assert find_step(np.random.default_rng(1).lognormal(size=500), 0.1) == 0.1
    assert find_step(np.array([60.0] * 500), 0.1) == 0.1
    assert find_step(np.empty(0), 1.0) == 1.0


def test_the_dictionarys_step_holds_when_most_values_keep_it() -> None:
    values = np.round(np.random.default_rng(1).gamma(2, 20, 1000), 1)
    values[:60] += 0.03
    assert find_step(values, 0.1) == 0.1


def test_synthetic_numbers_are_on_the_steps(reference: pd.DataFrame) -> None:
    d = dictionary()
    grams = (reference["HB"] / 0.6206).round(1) * 0.6206
    days = {name: (reference[name] * 30.4375).round().clip(lower=1) / 30.4375 for name in ("OSTM", "EFSTM")}
    train = reference.assign(HB=grams, **days)
    resolution = Resolution.of(encode(train), d)
    assert resolution.numbers["HB"] == pytest.approx(0.06206, rel=1e-6)
    assert resolution.time == pytest.approx(1 / 30.4375, rel=1e-6)
    # No generator learns the steps from patients: the record of the cohort's import tells them.
    model = create("event-history").fit(train, np.random.default_rng(0), resolution=resolution)
    frame = model.sample(2000, np.random.default_rng(1))
    for name, step in (("HB", 0.06206), ("OSTM", 1 / 30.4375), ("EFSTM", 1 / 30.4375)):
        multiples = frame[name].dropna().to_numpy(float) / step
        np.testing.assert_allclose(multiples, np.rint(multiples), atol=1e-3)


def test_gaps_keep_a_step_and_whatever_a_generator_emits_stays_valid(reference: pd.DataFrame) -> None:
    d = dictionary()
    encoded = encode(reference).legal()
    resolution = Resolution.of(encoded, d)
    encoded.gap[:] = np.where(encoded.gap > 0, 1e-7, 0.0)
    encoded.time[:50] = 1e-9
    encoded.time[50:60] = np.inf
    frame = decode(resolution.snap(encoded), d, rounded=False)
    before = encoded.gap > 0
    assert (frame["EFSTM"] <= frame["OSTM"]).all()
    assert (frame.loc[before, "EFSTM"] < frame.loc[before, "OSTM"]).all()
