"""The columns of a flow: scores and binary columns, and the way back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from amlsynth.dictionary.model import Dictionary
from amlsynth.generators.building_blocks.normal_scores import NormalScores
from amlsynth.generators.nflow.dequantise import BinaryColumn, Number
from amlsynth.generators.nflow.layout import Layout
from amlsynth.model_space.encoding import Encoded, encode

numbers = st.lists(st.integers(-3000, 3000).map(lambda v: v / 10), min_size=1, max_size=60)


@given(numbers, st.lists(st.floats(-3.5, 3.5), min_size=2, max_size=20))
def test_scores_are_monotone_and_turn_back(values: list[float], scores: list[float]) -> None:
    distribution = NormalScores(np.array(values), step=0.1)
    ascending = np.sort(scores)
    found = distribution.value(ascending)
    assert (np.diff(found) >= 0).all()
    assert found.min() >= min(values) - max(np.ptp(values) / 2, 0.051)
    np.testing.assert_allclose(distribution.score(found), ascending, atol=1e-6)
    assert (np.diff(distribution.score(np.sort(values))) >= 0).all()


@given(numbers.filter(lambda values: len(values) > 1))
def test_quantiles_lie_between_their_patients(values: list[float]) -> None:
    ordered, m = np.sort(values), len(values)
    between = NormalScores(ordered, step=0.1).value(ndtri(np.arange(1, m) / m))
    assert (ordered[:-1] - 0.051 <= between).all()
    assert (between <= ordered[1:] + 0.051).all()


def test_no_patients_value_is_returned_by_construction() -> None:
    values = np.random.default_rng(1).gamma(2.0, 10.0, 300)
    distribution = NormalScores(values, step=1e-6)
    knots = distribution.value(np.linspace(-4, 4, 10_001))
    assert not np.isin(values, knots).any()


def test_bounds_hold_beyond_the_outermost_patients() -> None:
    distribution = NormalScores(np.array([0.0, 10.0, 100.0]), step=0.1, low=0.0, high=110.0)
    assert distribution.value(np.array([-np.inf, np.inf])).tolist() == [0.0, 110.0]


def _round_trip(frame: pd.DataFrame, dictionary: Dictionary) -> tuple[Encoded, Encoded]:
    """Send a cohort through its own columns: the scores of training patients, drawn again."""
    encoded = encode(frame, dictionary).legal()
    layout = Layout(encoded, dictionary)
    complete, sample = layout.sample_of(encoded), layout.empty_sample(len(frame))
    for column in layout.columns:
        known = column.known(sample)
        np.testing.assert_array_equal(known, column.known(complete))
        if isinstance(column, Number):
            scores = column.score(complete)
        else:
            assert isinstance(column, BinaryColumn)
            scores = column.threshold + np.where(column.is_yes(complete), 1e-3, -1e-3)
        np.testing.assert_allclose(column.write(sample, known, scores), column.feature(complete))
    return encoded, layout.encoded(sample)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(50, 200))
def test_every_cohort_comes_back_from_its_columns(seed: int, n: int) -> None:
    from amlsynth.dictionary.model import dictionary
    from amlsynth.sources.reference import reference_cohort

    before, after = _round_trip(reference_cohort(n=n, seed=seed).frame, dictionary())
    pd.testing.assert_frame_equal(after.states, before.states)
    pd.testing.assert_frame_equal(after.missing, before.missing)
    np.testing.assert_array_equal(after.pattern, before.pattern)
    # Scores end at those of 1 and 9,999 of 10,000, so the outermost patients move inward a little.
    np.testing.assert_allclose(after.time, before.time, rtol=0.05)
    np.testing.assert_allclose(after.gap, before.gap, rtol=0.05, atol=0.02)
    present = ~before.missing.to_numpy()
    np.testing.assert_allclose(
        after.numbers.to_numpy()[present], before.numbers.to_numpy()[present], rtol=0.02, atol=0.6
    )


def test_what_is_missing_together_is_one_column(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    layout = Layout(encode(reference, dictionary).legal(), dictionary)
    missing = reference.isna()
    masks = {missing[name].to_numpy().tobytes() for name in reference if missing[name].any()}
    drawn = [column for column in layout.columns if column.name.startswith("missing: ")]
    outcome = {missing[name].to_numpy().tobytes() for name in ("OSTM", "OSSTAT", "EFSTM", "EFSSTAT")}
    assert len(drawn) == len(masks - outcome)


def test_the_outcome_comes_last_and_rare_alterations_after_frequent_ones(
    reference: pd.DataFrame, dictionary: Dictionary
) -> None:
    layout = Layout(encode(reference, dictionary).legal(), dictionary)
    names = [column.name.split(":")[0] for column in layout.columns]
    assert names[-2:] == ["survival time", "survival gap"]
    assert names[-3] == "event pattern"
    assert names.index("AGE") < names.index("CGNK") < names.index("NPM1") < names.index("NOTCH1")
    assert names.index("NOTCH1") < names.index("WBC") < names.index("CR1") < names.index("event pattern")


def test_what_rules_force_is_not_drawn(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    encoded = encode(reference, dictionary).legal()
    layout = Layout(encoded, dictionary)
    complete = layout.sample_of(encoded)
    drawn = {column.name: column.known(complete) for column in layout.columns}
    normal = (reference["CGNK"] == 1).to_numpy(bool, na_value=False)
    wild = (reference["CEBPA"] == 0).to_numpy(bool, na_value=False)
    assert normal.any() and wild.any()
    assert not drawn["t8.21: 1"][normal].any()
    assert not drawn["CEBPA.bZIP.inframe: 1"][wild].any()
    assert drawn["NPM1: 1"][normal].any()


@pytest.mark.parametrize("n", [1, 2])
def test_one_value_is_a_distribution(n: int) -> None:
    distribution = NormalScores(np.full(n, 60.0), step=1.0)
    assert set(np.round(distribution.value(np.linspace(-3, 3, 7)), 6) // 1) <= {59.0, 60.0}
    assert abs(distribution.score(np.array([60.0]))[0]) < 1e-9
