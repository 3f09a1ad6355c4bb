"""What is very rare in the training patients and only a warning is as rare in samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import Dictionary
from amlsynth.generators import create
from amlsynth.generators.building_blocks.rarities import Rarities, beyond

RULES = ["one_class_defining_fusion", "npm1_without_fusion"]


def shares(frame: pd.DataFrame, d: Dictionary) -> dict[str, float]:
    rare = Rarities.of(frame, d)
    return {case.rule.id: share for case, share in zip(rare.cases, rare.shares, strict=True)}


@pytest.mark.parametrize("name", ["event-history", "sequential-cart"])
def test_odd_pairs_are_as_rare_as_in_the_original(
    name: str, reference: pd.DataFrame, dictionary: Dictionary
) -> None:
    # A cohort in which the markers meet as often as chance has it, but for these patients.
    train = reference.head(400).copy()
    odd = train.index[(train["NPM1"] == 1).fillna(False)][:4]
    train.loc[odd, "t8.21"], train.loc[odd, "CGNK"] = 1, 0
    original = shares(train, dictionary)
    assert set(original) == set(RULES)
    sample = create(name).fit(train, np.random.default_rng(1)).sample(3000, np.random.default_rng(2))
    for rule, share in shares(sample, dictionary).items():
        # The share itself is known to two or three patients of 400.
        assert share < original[rule] + 0.01, rule


def test_nobody_alone_makes_a_pair_possible(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    rng = np.random.default_rng(1)
    rare = Rarities.of(reference.head(400), dictionary)
    drawn = np.array([rare.drawn(rng).shares for _ in range(2000)])
    counts = np.array(rare.shares) * 400
    assert (drawn > 0).all()
    np.testing.assert_allclose(drawn.mean(axis=0), (counts + 0.5) / 401, rtol=0.1)


def test_the_right_number_is_drawn_again() -> None:
    hit = np.arange(100) < 10
    rng = np.random.default_rng(1)
    again = beyond([hit, ~hit], [4, 100], rng)
    assert again.sum() == 6 and not again[~hit].any()
    assert not beyond([hit], [10], rng).any()
