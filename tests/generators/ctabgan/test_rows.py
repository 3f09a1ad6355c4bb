"""The mixed-type encoder gives back what it was given, and lays rows out as it says."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.dictionary.model import dictionary
from amlsynth.generators.ctabgan.missing import missing_together
from amlsynth.generators.ctabgan.rows import PATTERN, RowEncoder, outcome_scales
from amlsynth.generators.ctabgan.transforms import fit_column
from amlsynth.model_space.encoding import decode, encode

numbers = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=30)
positive = st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def encoder(reference: pd.DataFrame) -> RowEncoder:
    return RowEncoder(encode(reference).legal(), 3, dictionary(), np.random.default_rng(6))


@settings(max_examples=30, deadline=None)
@given(numbers | positive, st.integers(1, 4), st.sampled_from(["auto", "linear"]))
def test_numbers_come_back(values: list[float | None], max_modes: int, scale: str) -> None:
    array = np.array([np.nan if value is None else value for value in values])
    missing = np.isnan(array)
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column = fit_column("x", array, missing, max_modes=max_modes, rng=rng, scale=scale)  # type: ignore[arg-type]
    alpha, state = column.encode(array, missing, rng)
    assert (np.abs(alpha) <= 1).all()
    assert (state < column.states).all() or not len(array)
    back, back_missing = column.decode(alpha, state)
    np.testing.assert_array_equal(back_missing, missing)
    known = array[~missing]
    # Logarithms of numbers of very different size cost digits.
    tolerance = 1e-9 * max(1.0, float(np.abs(known).max())) if len(known) else 0
    np.testing.assert_allclose(back[~missing], known, rtol=1e-6, atol=tolerance)


def test_two_humps_make_two_modes_and_one_is_simple() -> None:
    rng = np.random.default_rng(2)
    two = np.concatenate([rng.normal(-5, 0.5, 400), rng.normal(5, 0.5, 400)])
    none = np.zeros(800, dtype=bool)
    column = fit_column("x", two, none, max_modes=5, rng=rng)
    _alpha, state = column.encode(two, none, rng)
    of_the_left = set(state[two < 0])
    assert column.modes >= 2
    assert not of_the_left & set(state[two > 0])
    simple = fit_column("x", rng.normal(0, 1, 800), none, max_modes=1, rng=rng)
    assert (simple.modes, simple.states) == (1, 1)


def test_skewed_numbers_are_logarithms_first() -> None:
    rng = np.random.default_rng(3)
    none = np.zeros(500, dtype=bool)
    skewed = np.exp(rng.normal(2, 1, 500))
    assert fit_column("x", skewed, none, max_modes=1, rng=rng).shift == 0.0
    assert fit_column("x", np.append(skewed[1:], 0.0), none, max_modes=1, rng=rng).shift > 0  # type: ignore[operator]
    assert fit_column("x", rng.normal(50, 5, 500), none, max_modes=1, rng=rng).shift is None
    assert fit_column("x", -skewed, none, max_modes=1, rng=rng).shift is None


def test_missing_is_a_state_and_constants_need_none() -> None:
    rng = np.random.default_rng(4)
    values, missing = np.array([5.0, 5.0, 0.0]), np.array([False, False, True])
    column = fit_column("x", values, missing, max_modes=3, rng=rng)
    assert (column.modes, column.states, column.varies) == (1, 2, False)
    nobody = fit_column("x", values, np.ones(3, dtype=bool), max_modes=3, rng=rng)
    assert (nobody.modes, nobody.states, nobody.varies) == (0, 1, False)
    assert nobody.decode(np.zeros(2), np.zeros(2, dtype=np.int64))[1].all()


def test_cohorts_come_back(reference: pd.DataFrame, encoder: RowEncoder) -> None:
    train, n = encode(reference).legal(), len(reference)
    rng = np.random.default_rng(5)
    rows, layout = encoder.encode(train, rng), encoder.layout
    assert rows.shape == (n, layout.width)
    for block in layout.blocks:
        assert set(np.unique(rows[:, block.slice])) == {0, 1}
        known = 1 if block.gate is None else rows[:, layout.known_position(block.gate)]
        assert (rows[:, block.slice].sum(axis=1) == known).all(), block.name
    codes = np.column_stack([rows[:, block.slice].argmax(axis=1) for block in layout.blocks])
    back = encoder.decode(codes, rows[:, list(layout.scalars)].astype(np.float64))
    pd.testing.assert_frame_equal(back.states, train.states)
    pd.testing.assert_frame_equal(back.missing, train.missing)
    np.testing.assert_array_equal(back.pattern, train.pattern)
    np.testing.assert_allclose(back.numbers, train.numbers, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(back.time, train.time, rtol=1e-4)
    np.testing.assert_allclose(back.gap, train.gap, rtol=1e-3, atol=1e-4)


def test_every_position_has_one_owner(encoder: RowEncoder) -> None:
    layout = encoder.layout
    positions = [p for block in layout.blocks for p in block.positions] + list(layout.scalars)
    assert sorted(positions) == list(range(layout.width))


@pytest.fixture(scope="module")
def holes(reference: pd.DataFrame) -> pd.DataFrame:
    """300 patients, complete but for two groups of columns and three columns more."""
    frame = reference.iloc[:300].copy()
    for name in frame.columns.difference(["OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]):
        frame[name] = frame[name].ffill().bfill()
    frame.loc[frame.index[:30], ["HB", "PLT", "NPM1"]] = pd.NA
    frame.loc[frame.index[:45], "FLT3I"] = pd.NA
    frame.loc[frame.index[20:50], "WT1"] = pd.NA
    frame.loc[frame.index[:5], ["IDH1", "IDH2"]] = pd.NA
    frame["BCORL1"] = pd.NA
    frame["BCORL1"] = frame["BCORL1"].astype(reference["BCORL1"].dtype)
    return frame


def test_groups_are_columns_missing_in_the_same_patients(holes: pd.DataFrame) -> None:
    leaders = missing_together(encode(holes), dictionary())
    # FLT3I lacks 15 more, and also the 5 of the smaller group; WT1 lacks only some; BCORL1 lacks all.
    assert {name for name, leader in leaders.items() if leader == leaders["HB"]} == {
        "HB",
        "PLT",
        "NPM1",
        "FLT3I",
    }
    assert {name for name, leader in leaders.items() if leader == "IDH1"} == {"IDH1", "IDH2"}
    assert len(leaders) == 6
    assert missing_together(encode(holes.iloc[50:]), dictionary()) == {}


def test_missing_together_comes_back_and_stays_together(holes: pd.DataFrame) -> None:
    rng = np.random.default_rng(8)
    train = encode(holes).legal()
    encoder = RowEncoder(train, 1, dictionary(), rng)
    rows, layout = encoder.encode(train, rng), encoder.layout
    haemoglobin = layout.number("HB")
    assert haemoglobin.block is None and haemoglobin.scalar is not None and haemoglobin.gate is not None
    assert (rows[:30, haemoglobin.scalar] == 0).all()
    codes = np.column_stack([rows[:, block.slice].argmax(axis=1) for block in layout.blocks])
    back = encoder.decode(codes, rows[:, list(layout.scalars)].astype(np.float64))
    pd.testing.assert_frame_equal(back.states, train.states)
    pd.testing.assert_frame_equal(back.missing, train.missing)
    np.testing.assert_allclose(back.numbers, train.numbers, rtol=1e-3, atol=1e-3)
    # Whatever is drawn for the columns, a group is missing as a whole, and its followers with it.
    codes = np.column_stack([rng.integers(0, block.size, 500) for block in layout.blocks])
    drawn = decode(
        encoder.decode(codes, rng.uniform(-1, 1, (500, len(layout.scalars)))), role="original"
    ).isna()
    for group in (["HB", "PLT", "NPM1"], ["IDH1", "IDH2"]):
        assert 0.3 < drawn[group[0]].mean() < 0.7
        for name in group[1:]:
            assert (drawn[name] == drawn[group[0]]).all(), name
    assert drawn.loc[drawn["HB"], "FLT3I"].all() and not drawn.loc[~drawn["HB"], "FLT3I"].all()
    assert drawn.loc[~drawn["HB"], "FLT3I"].any() and drawn["BCORL1"].all()


def test_pattern_decides_who_has_time_and_gap(encoder: RowEncoder) -> None:
    rng = np.random.default_rng(7)
    layout = encoder.layout
    codes = np.column_stack([rng.integers(0, block.size, 500) for block in layout.blocks])
    drawn = encoder.decode(codes, rng.uniform(-1, 1, (500, len(layout.scalars))))
    block = layout.block(PATTERN)
    assert block is not None
    assert set(drawn.pattern) <= set(encoder.states(PATTERN))
    log_time, share = outcome_scales(drawn)
    gap_known = ~np.isnan(share)
    assert (drawn.gap[gap_known] > 0).all() and (drawn.gap[~gap_known] == 0).all()
    assert (drawn.gap[gap_known] < drawn.time[gap_known]).all()
    assert not np.isnan(log_time).any()  # the reference cohort has times for everybody
