"""Aggregates of a cohort: quartiles, counts, curves, and what is held back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.summary import category_counts, summarise

D = dictionary()
RULE = DisclosureRule()


def test_counts_shares_and_quartiles(make):
    frame = make(
        SEX=["female"] * 6 + ["male"] * 12 + [None] * 6,
        AGE=[*range(40, 60)] + [None] * 4,
        NPM1=[1, 0] * 12,
    )
    summary = summarise(frame, "x", D, OFF)
    sex = {count.value: (count.n, count.share) for count in summary.variable("SEX").counts}
    assert sex == {"female": (6, 0.333), "male": (12, 0.667), "NA": (6, 0.25)}
    age = summary.variable("AGE")
    assert age.quartiles == (44.8, 49.5, 54.2) and age.missing == 4 and age.n == 24
    assert summary.variable("NPM1").counts[1].n == 12


def test_every_variable_is_summarised(split):
    summary = summarise(split.train, "x", D, RULE)
    assert tuple(variable.name for variable in summary.variables) == D.names
    assert sum(count.n for count in summary.risk if count.n is not None) <= len(split.train)
    assert [count.value for count in summary.risk] == ["favorable", "intermediate", "adverse", "NA"]


def test_no_small_cell_of_real_patients_is_shown(split):
    summary = summarise(split.holdout, "x", D, RULE)
    cells = [count.n for variable in summary.variables for count in variable.counts]
    assert None in cells  # rare alterations of a small hold-out
    assert all(n is None or n == 0 or n >= 5 for n in cells)
    for variable in summary.variables:
        hidden = [count for count in variable.counts if count.n is None]
        assert len(hidden) != 1, f"{variable.name}: the hidden cell follows from the total"


@given(st.lists(st.integers(0, 400), min_size=2, max_size=5))
def test_hidden_cells_do_not_follow_from_the_total(sizes):
    counts = {f"c{place}": size for place, size in enumerate(sizes)}
    hidden = RULE.hidden_cells(counts)
    assert all(cell in hidden for cell, n in counts.items() if 0 < n < 5)
    if hidden and any(n >= 5 for n in sizes):
        assert len(hidden) >= 2
        assert sum(counts[cell] for cell in hidden) >= 5
    if not any(0 < n < 5 for n in sizes):
        assert not hidden


@given(st.integers(0, 3000), st.integers(5, 3000), st.integers(1, 4))
def test_few_missing_values_do_not_follow_from_the_shares(present, absent, missing):
    records = {r.value: r for r in category_counts({"0": absent, "1": present, "NA": missing}, RULE)}
    assert records["NA"].n is None and records["NA"].share is None
    total = present + absent + missing
    for record in records.values():
        if record.n is None or record.share is None:
            continue
        # Every number of missing values from 1 to 4 would round to a share as near as this one.
        shares = [record.n / (total - guess) for guess in (1, 4)]
        assert all(abs(share - record.share) < 0.06 for share in shares)
        assert round(record.share * 100) == pytest.approx(record.share * 100)


def test_curves_stand_on_whole_months_and_those_of_patients_merge_them(split):
    for rule in (RULE, OFF):
        curve = summarise(split.train, "x", D, rule).endpoint("OS").curve
        months = [point.months for point in curve]
        assert curve[0].survival == 1 and months == sorted(map(int, months))
        assert all(a.survival >= b.survival for a, b in pairwise(curve))
        assert all(point.low <= point.survival <= point.high for point in curve)
        if rule.on:
            assert all(point.at_risk >= 5 and point.at_risk % 5 == 0 for point in curve)
            assert all(point.survival == round(point.survival, 2) for point in curve)
        else:
            assert months == list(range(len(curve))) and curve[0].at_risk == len(split.train)


def test_few_events_are_not_shown(make):
    frame = make(OSTM=list(np.arange(1.0, 41.0)), OSSTAT=[1] * 3 + [0] * 37)
    hidden = summarise(frame, "x", D, RULE).endpoint("OS")
    assert hidden.events is None and hidden.curve == () and "fewer than 5" in hidden.median.reason
    shown = summarise(frame, "x", D, OFF).endpoint("OS")
    assert shown.events == 3 and len(shown.curve) == 41


def test_quartiles_of_few_real_patients_are_not_shown(make):
    frame = make(AGE=list(range(30, 49)))
    assert summarise(frame, "x", D, RULE).variable("AGE").quartiles is None
    assert summarise(frame, "x", D, OFF).variable("AGE").quartiles == (34.5, 39.0, 43.5)


def test_values_outside_the_dictionary_are_counted_apart(make):
    frame = make(NPM1=[1, 0, 0])
    frame["NPM1"] = frame["NPM1"].replace(0, 9)
    counts = {c.value: c.n for c in summarise(frame, "x", D, OFF).variable("NPM1").counts}
    assert counts == {"0": 0, "1": 1, "not in the dictionary": 2, "NA": 0}
