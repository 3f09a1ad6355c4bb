"""The mixed distance by hand, and in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.privacy.attacks import mixed
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace

D = dictionary()


def all_distances(space, rows, targets):
    return np.vstack([block for _, block in space.blocks(rows, targets)])


def test_distances_by_hand(make):
    real = make(AGE=[20, 30, 40, 50], NPM1=[0, 1, 0, None])
    space = MixedSpace(real, D)
    points = space.points(make(AGE=[20, 50, None, None], NPM1=[0, 0, None, 1]))
    found = all_distances(space, points, points)
    assert found[0, 1] == 0.75  # three of four ranks apart
    assert found[0, 2] == 2  # NA against a value, twice
    assert found[2, 3] == 1  # NA against NA is no difference
    assert np.array_equal(found, found.T) and not found.diagonal().any()


def test_some_variables_only_and_numbers_outside_the_known(make):
    space = MixedSpace(make(AGE=[20, 30]), D, names=["AGE"])
    points = space.points(make(AGE=[18, 90, 20], NPM1=[0, 1, 1]))
    assert all_distances(space, points, points)[0].tolist() == [0, 1, 0.25]


def test_a_variable_that_nobody_has_separates_nobody_who_lacks_it(make):
    space = MixedSpace(make(NPM1=[1, 0]), D)
    points = space.points(make(NPM1=[1, 0], AGE=[50, None]))
    assert all_distances(space, points, points)[0].tolist() == [0, 2]


@pytest.mark.parametrize("without_self", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_blocks_give_the_same_as_all_pairs(context, monkeypatch, without_self, k):
    space = MixedSpace(context.original, D)
    rows = space.points(context.original.head(60))
    whole = all_distances(space, rows, rows)
    if without_self:
        np.fill_diagonal(whole, np.inf)
    monkeypatch.setattr(mixed, "CELLS", 60 * 7)
    found = space.kth_nearest(rows, rows, k, without_self)
    assert found.tolist() == np.sort(whole, axis=1)[:, k - 1].tolist()
