"""The rule: which cells are hidden, and how exactly the rest is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.disclosure.curves import ShownPoint, at_risk_of, bounds, rounded_down, shown_months
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import kaplan_meier

RULE = DisclosureRule()


@given(st.lists(st.integers(0, 12), min_size=2, max_size=4), st.integers(20, 60), st.sampled_from([3, 5]))
def test_no_hidden_cell_is_the_only_one_that_fits(small, large, min_cell):
    """Whoever knows the total, the shown cells and the rule has two ways at least to fill each cell."""
    rule = DisclosureRule(min_cell)
    counts = {f"c{place}": n for place, n in enumerate([*small, large])}
    hidden = sorted(rule.hidden_cells(counts))
    left = sum(counts[cell] for cell in hidden)
    fills = [
        fill
        for values in itertools.product(range(1, min_cell), repeat=max(len(hidden) - 1, 0))
        for place in range(len(hidden))
        if (rest := left - sum(values)) >= 1
        for fill in [dict(zip([*hidden[:place], *hidden[place + 1 :]], values, strict=True))]
        if sorted(rule.hidden_cells({**counts, **fill, hidden[place]: rest})) == hidden
        for fill in [{**fill, hidden[place]: rest}]
    ]
    for cell in hidden:
        assert counts[cell] >= min_cell or len({fill[cell] for fill in fills}) > 1, (counts, cell)


def test_what_is_off_shows_everything():
    table = OFF.table({"1": 2, "0": 97, "NA": 1})
    assert [(cell.n, cell.share) for cell in table.values()] == [(2, 0.02), (97, 0.98), (1, 0.01)]
    assert OFF.p_value(0.123456789) == 0.123456789 and OFF.statistic(0.123456789) == 0.123456789


def test_digits_are_those_that_the_number_of_patients_bears():
    assert RULE.p_value(0.0123456) == 0.012 and RULE.statistic(0.123456) == 0.123
    assert RULE.statistic(0.00021) == 0.0002 and RULE.statistic(-0.0) == 0 == RULE.statistic(0.0)
    assert [RULE.decimals(n, 4) for n in (60, 1606, 10_000, 10**7)] == [2, 2, 3, 4]
    assert RULE.coarse(0.694, 130) == 0.7 and RULE.coarse(0.694, 1180) == 0.69
    assert RULE.coarse(0.5, 20) is None and RULE.coarse(0.001, 1180) is None


def _cohort(seed: int, n: int) -> EndpointData:
    rng = np.random.default_rng(seed)
    death, censored = rng.exponential(40, n), rng.uniform(20, 140, n)
    return EndpointData("OS", np.minimum(death, censored), death <= censored)


@pytest.mark.parametrize(("seed", "n"), [(1, 60), (2, 300), (3, 1200)])
def test_shown_months_tell_nobody_and_their_bounds_hold(seed, n):
    data = _cohort(seed, n)
    fit = kaplan_meier(data)
    months = np.arange(0, int(fit.times[-1]) + 1, dtype=float)
    at_risk, survival = fit.at_risk_at(months), fit.at(months)
    places = shown_months(months, at_risk, survival, RULE, n_is_shown=True)
    assert len(places) > 5 and places[0] == 0
    assert all(at_risk[a] - at_risk[b] >= 5 for a, b in itertools.pairwise(places))
    shown = [
        ShownPoint(
            months[p], round(float(survival[p]), 2), at_risk_of(rounded_down(int(at_risk[p]), RULE), RULE)
        )
        for p in places
    ]
    found = bounds(shown, 2)
    assert len(found) == len(places) - 1
    for bound in found:
        inside = (data.time >= bound.start) & (data.time < bound.end)
        events = int((inside & data.event).sum())
        assert bound.leaving[0] <= inside.sum() <= bound.leaving[1]
        assert bound.events[0] <= events <= bound.events[1]
        assert bound.censored[0] <= inside.sum() - events <= bound.censored[1]
        assert bound.determined(RULE) is None


def test_exact_monthly_numbers_tell_the_status_of_single_patients():
    data = _cohort(4, 300)
    fit = kaplan_meier(data)
    months = np.arange(0, int(fit.times[-1]) + 1, dtype=float)
    exact = [
        ShownPoint(month, round(float(s), 4), range(r, r + 1))
        for month, s, r in zip(months, fit.at(months), fit.at_risk_at(months).tolist(), strict=True)
        if r >= 5
    ]
    told = [bound for bound in bounds(exact, 4) if bound.leaving == (1, 1) and bound.determined(RULE)]
    assert len(told) > 10
    for bound in told:
        (who,) = np.flatnonzero((data.time >= bound.start) & (data.time < bound.end))
        assert bound.events == ((1, 1) if data.event[who] else (0, 0))
