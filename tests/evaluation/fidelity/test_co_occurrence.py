"""Co-occurrence relative to the original: hand-worked shares, and small cells that stay hidden."""

from __future__ import annotations

import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation.fidelity.co_occurrence import co_occurrence

D = dictionary()
FIVE = DisclosureRule(5)


def pair(record, one, other, key="b"):
    places = sorted((record.traits.index(one), record.traits.index(other)), reverse=True)
    return record.differences[key][places[0] * (places[0] - 1) // 2 + places[1]]


def states(both, only_one, only_other, neither):
    one = [1] * (both + only_one) + [0] * (only_other + neither)
    other = [1] * both + [0] * only_one + [1] * only_other + [0] * neither
    return one, other


def frame(make, *counts):
    one, other = states(*counts)
    return make(fill=0, NPM1=one, FLT3I=other)


def test_shares_of_the_patients_in_whom_both_are_known(make):
    original = frame(make, 20, 10, 10, 60)
    cohort = frame(make, 15, 10, 10, 15)  # 15 of 50 against 20 of 100
    assert pair(co_occurrence(original, {"b": cohort}, D), "NPM1", "FLT3I") == 50
    unknown = cohort.assign(FLT3I=cohort["FLT3I"].mask(cohort["NPM1"].eq(1)))
    assert pair(co_occurrence(original, {"b": unknown}, D), "NPM1", "FLT3I") == -100


@pytest.mark.parametrize(
    ("counts", "shown"),
    [((5, 9, 9, 50), True), ((4, 9, 9, 50), False), ((0, 9, 9, 50), False), ((9, 3, 9, 50), False),
     ((9, 9, 2, 50), False), ((9, 0, 9, 50), True), ((9, 9, 9, 1), False)],
)  # fmt: skip
def test_small_cells_and_what_they_would_follow_from_are_hidden(make, counts, shown):
    record = co_occurrence(frame(make, *counts), {"b": frame(make, 20, 10, 10, 60)}, D, FIVE)
    assert (pair(record, "NPM1", "FLT3I") is not None) is shown
    assert record.shown == shown


def test_a_cohort_of_patients_keeps_its_own_small_cells(make):
    original, holdout = frame(make, 20, 10, 10, 60), frame(make, 3, 10, 10, 60)
    assert pair(co_occurrence(original, {"b": holdout}, D, FIVE), "NPM1", "FLT3I") is not None
    assert pair(co_occurrence(original, {"b": holdout}, D, FIVE, protected={"b"}), "NPM1", "FLT3I") is None


def test_nobody_assessed_is_no_difference(make):
    original = frame(make, 20, 10, 10, 60)
    empty = make(AGE=[50] * 20)
    record = co_occurrence(original, {"b": empty}, D)
    assert set(record.differences["b"]) == {None}
