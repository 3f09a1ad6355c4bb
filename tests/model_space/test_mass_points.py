"""Times that many patients share stay shared: the end of follow-up, failures on day 1, deaths on day 0."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.dictionary.model import dictionary
from amlsynth.generators import create
from amlsynth.generators.building_blocks.scales import from_real_line, to_real_line
from amlsynth.model_space.encoding import decode, encode
from amlsynth.model_space.mass_points import MassPoints
from amlsynth.model_space.resolution import Resolution

STEP = 0.01
DAY = 0.03  # months, at the dictionary's decimals


def cut(frame: pd.DataFrame, months: float) -> pd.DataFrame:
    """Return a cohort whose follow-up ends for everybody after so many months."""
    frame = frame.copy()
    for endpoint in dictionary().endpoints:
        beyond = (frame[endpoint.time] > months).fillna(False)
        frame.loc[beyond, endpoint.time], frame.loc[beyond, endpoint.status] = months, 0
    return frame


def with_early_events(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a cohort in which failures of induction are events on day 1, and some died on day 0."""
    frame = frame.copy()
    failed = ((frame["CR1"] == 0) & (frame["EFSTM"] < frame["OSTM"])).fillna(False)
    frame.loc[failed, "EFSTM"] = DAY
    died = frame.index[((frame["OSSTAT"] == 1) & (frame["OSTM"] < 1)).fillna(False)][:20]
    frame.loc[died, ["OSTM", "EFSTM"]] = 0.0
    frame.loc[died, ["OSSTAT", "EFSSTAT"]] = 1
    return frame


@pytest.fixture(scope="module")
def massed(reference: pd.DataFrame) -> pd.DataFrame:
    return with_early_events(cut(reference.head(400), 60.0)).reset_index(drop=True)


def points_of(frame: pd.DataFrame, few: int | None = None, seed: int = 0) -> MassPoints:
    return MassPoints.of(encode(frame).legal(), STEP, few, np.random.default_rng(seed))


def test_mass_points_are_found_and_nothing_else(reference: pd.DataFrame, massed: pd.DataFrame) -> None:
    assert points_of(massed).times.tolist() == [0.0, DAY, 60.0]
    assert points_of(cut(reference, 24.0), few=8).times.tolist() == [24.0]
    assert len(points_of(reference, few=8)) == 0
    days = {name: (reference[name] * 30.4375).round() / 30.4375 for name in ("OSTM", "EFSTM")}
    months = {name: reference[name].round().clip(lower=1) for name in ("OSTM", "EFSTM")}
    for steps in (days, months):  # common steps are no mass points
        assert len(points_of(reference.assign(**steps), few=8)) == 0


def test_one_death_on_day_0_is_kept_unless_single_patients_are_hidden(reference: pd.DataFrame) -> None:
    frame = reference.head(300).copy()
    row = frame.index[(frame["OSSTAT"] == 1).fillna(False)][0]
    frame.loc[row, ["OSTM", "EFSTM"]], frame.loc[row, ["OSSTAT", "EFSSTAT"]] = 0.0, 1
    assert validate(frame, "original").ok
    assert points_of(frame).has_zero
    assert not any(points_of(frame, few=8, seed=seed).has_zero for seed in range(20))
    for name in ("bootstrap", "independent"):
        sample = create(name).fit(frame, np.random.default_rng(1)).sample(3000, np.random.default_rng(2))
        assert 0 < (sample["OSTM"] == 0).mean() < 0.01


def test_spreading_is_undone_by_collapsing(massed: pd.DataFrame) -> None:
    encoded, points = encode(massed).legal(), points_of(massed)
    spread = points.spread(encoded, np.random.default_rng(1))
    inner = spread.time - spread.gap
    assert (spread.time > 0).all() and (inner > 0).all()
    assert np.unique(spread.time, return_counts=True)[1].max() < 5  # no mass points are left
    order = np.argsort(encoded.time, kind="stable")
    assert (np.diff(spread.time[order])[np.diff(encoded.time[order]) > 0] > 0).all()
    resolution = Resolution.stated(dictionary())
    again = points.collapse(spread)
    pd.testing.assert_frame_equal(
        decode(again, role="original", rounded=False), decode(encoded, role="original", rounded=False)
    )
    zero = Resolution(resolution.numbers, resolution.time, zero=True)
    pd.testing.assert_frame_equal(decode(zero.snap(again)), massed)


def test_generators_that_miss_a_gap_by_a_factor_hit_the_point(massed: pd.DataFrame) -> None:
    # nflow and ctabgan-plus draw the log of the time and the logit of the gap's share, with errors.
    encoded, points = encode(massed).legal(), points_of(massed)
    spread = points.spread(encoded, np.random.default_rng(1))
    log_time, share = to_real_line(spread.time, spread.gap)
    rng = np.random.default_rng(2)
    share += np.where(spread.gap > 0, rng.uniform(-1.0, 1.0, len(share)), 0.0)
    time, gap = from_real_line(log_time, share)
    hit = points.collapsed(time - np.where(spread.gap > 0, gap, 0.0)) == DAY
    on_day_1 = (massed["EFSTM"] == DAY).fillna(False).to_numpy(dtype=bool)
    np.testing.assert_array_equal(hit[on_day_1], True)
    assert hit[~on_day_1].mean() < 0.02
    # The end of follow-up is hit by any time beyond it.
    start = 60.0 * np.exp(points.widths[:-1].sum())
    assert points.collapsed(np.array([start, 1.1 * start, 1e9])).tolist() == [60.0, 60.0, 60.0]


@pytest.mark.parametrize("name", ["event-history", "sequential-cart"])
def test_samples_have_the_mass_points_of_the_original(name: str, massed: pd.DataFrame) -> None:
    model = create(name).fit(massed, np.random.default_rng(5))
    sample = model.sample(2000, np.random.default_rng(6))
    broken = validate(sample, "synthetic").by_rule().query("severity == 'error'")
    assert set(broken["rule"]) <= {DUPLICATE_RULE}
    assert sample["OSTM"].max() == 60.0

    def shares(frame: pd.DataFrame) -> list[float]:
        on_points = (frame["OSTM"] == 60, frame["EFSTM"] == 60, frame["EFSTM"] == DAY, frame["OSTM"] == 0)
        return [float(on.mean()) for on in on_points]

    # Three standard errors of a share of 0.25 in 400 patients are 0.065.
    np.testing.assert_allclose(shares(sample), shares(massed), atol=0.07)
    assert shares(sample)[3] > 0
    at_end = sample[sample["OSTM"] == 60]
    assert (at_end["OSSTAT"] == 0).mean() > 0.97
    assert ((sample["OSTM"] > 59.5) & (sample["OSTM"] < 60)).mean() < 0.02


def test_whoever_is_beyond_the_end_alone_is_not_told(massed: pd.DataFrame) -> None:
    frame = massed.copy()
    row = frame.index[(frame["OSTM"] == 60).fillna(False)][0]
    frame.loc[row, ["OSTM", "EFSTM"]] = 95.0
    frame.loc[row, "EFSSTAT"] = 0
    sample = (
        create("event-history").fit(frame, np.random.default_rng(5)).sample(500, np.random.default_rng(6))
    )
    assert sample["OSTM"].max() == 60.0
