"""The order of times among patients to whom the same happens."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable
from amlsynth.evaluation.prediction.time_order import GROUP, MIN_PATTERN, time_order

D = dictionary()
OS = D.endpoint("OS")


@pytest.fixture
def deaths(make):
    """Twelve dead after remission, of long survival, twelve without, and nine of another pattern."""

    def column(*values):
        return [value for value, count in zip(values, (12, 12, 9), strict=True) for _ in range(count)]

    times = [40.0 + month for month in range(12)] + [1.0 + month for month in range(12)] + [5.0] * 9
    return make(OSTM=times, OSSTAT=[1] * 33, EFSTM=times, EFSSTAT=column(1, 1, 0), CR1=column(1, 0, 1))


def test_it_is_the_correlation_within_patterns(deaths):
    months = deaths["OSTM"].to_numpy(dtype=float)
    value, error = time_order(deaths, np.where(months >= 40, 52, 13) - months, OS, D)
    # Earlier is of higher risk in both patterns; risks are evenly spaced and times are normal scores.
    assert 0.97 < value < 1
    assert error == pytest.approx(1 / (24 - 3) ** 0.5)  # the pattern of nine is left out
    assert time_order(deaths, months, OS, D)[0] == pytest.approx(-value)


def test_what_goes_with_the_pattern_does_not_count(deaths):
    months = deaths["OSTM"].to_numpy(dtype=float)
    order = np.tile(np.r_[0:12:2, 11:0:-2], 3)[:33]  # up and down again
    apart, _ = time_order(deaths, order + 0.0, OS, D)
    assert time_order(deaths, order - 100.0 * (months > 30), OS, D)[0] == pytest.approx(apart)


def test_few_events_and_no_variation_give_a_reason(deaths):
    with pytest.raises(NotComputable, match="fewer than 20 patients with an OS event"):
        time_order(deaths.iloc[: MIN_PATTERN + 5], np.arange(MIN_PATTERN + 5.0), OS, D)
    with pytest.raises(NotComputable, match="do not vary"):
        time_order(deaths, np.zeros(33), OS, D)


def test_shuffled_times_lose_it_and_the_original_has_it(reference):
    rng = np.random.default_rng(1)
    parts = [reference.iloc[rows].reset_index(drop=True) for rows in np.array_split(rng.permutation(1606), 2)]
    pattern = ["EFSSTAT", "OSSTAT", "CR1"]
    keys = parts[1][pattern].astype(str).agg("/".join, axis=1)
    shuffled = parts[1].copy()
    for rows in keys.groupby(keys).indices.values():
        mixed = rng.permutation(rows)
        for name in ("OSTM", "EFSTM"):
            shuffled.loc[rows, name] = parts[1][name].iloc[mixed].to_numpy()
    context = EvaluationContext(parts[0], None, D, 1)
    kept, lost = (
        GROUP.measured(EvaluatedCohort("synthetic", frame), context)["time_order_os"]
        for frame in (parts[1], shuffled)
    )
    own = GROUP.measured_original(context)["time_order_os"]
    assert own.low > 0 and kept.low > 0
    assert lost.value < 0.1 < kept.value
