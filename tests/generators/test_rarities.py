"""What is very rare in the training patients and only a warning is as rare in samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.validation import validate
from amlsynth.dictionary.model import Dictionary
from amlsynth.generators import create
from amlsynth.generators.building_blocks.rarities import Rarities

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
    train = reference.head(400)
    rare = Rarities.of(train, dictionary)
    counts = np.array(rare.shares) * 400
    np.testing.assert_allclose(rare.smoothed().shares, (counts + 0.5) / 401)
    allowed = [rare.smoothed().allowed(4000, np.random.default_rng(seed)) for seed in range(20)]
    assert (np.sum(allowed, axis=0) > 0).all()


def test_what_is_parted_stays_as_frequent(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    frame = reference.head(600).copy()
    fusions = ["t8.21", "inv16_t16.16", "t.9.11", "t.v.11", "t.6.9", "inv.3"]
    without = (frame[[*fusions, "NPM1"]] == 0).fillna(False).all(axis=1)
    abnormal = frame.index[(frame["CGNK"] == 0).fillna(False) & without]
    frame.loc[abnormal[:12], ["t8.21", "inv.3"]] = 1
    frame.loc[abnormal[20:30], ["NPM1", "t.6.9"]] = 1
    before = frame[[*fusions, "NPM1"]].sum()
    rare = Rarities.of(frame, dictionary)
    assert sum(hit.sum() for hit in rare.broken(frame)) >= 22
    left = rare.settle(frame, [3, 0], np.random.default_rng(1))
    assert not left.any()
    assert [hit.sum() for hit in rare.broken(frame)] == [3, 0]
    pd.testing.assert_series_equal(frame[[*fusions, "NPM1"]].sum(), before)
    assert validate(frame, "synthetic").by_rule().query("severity == 'error'").empty
    assert frame.dtypes.equals(reference.dtypes)
    # Alone there is nobody to give a finding to: the patient is drawn again.
    one = frame.loc[[abnormal[40]]].assign(**{"t8.21": np.int8(1), "inv.3": np.int8(1)})
    one = one.astype(reference.dtypes.to_dict()).reset_index(drop=True)
    assert rare.settle(one, [0, 0], np.random.default_rng(1)).all()
