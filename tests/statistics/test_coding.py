"""Codes of categories and bins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import dictionary
from amlsynth.statistics.coding import bin_codes, category_codes, quantile_edges

D = dictionary()


def test_codes_tell_missing_known_and_unknown_values_apart():
    sex = pd.Series(["male", None, "other", "female"], dtype="category")
    assert category_codes(sex, D["SEX"]).tolist() == [2, 0, 3, 1]
    status = pd.Series([1, None, 7, 0], dtype="Int8")
    assert category_codes(status, D["NPM1"]).tolist() == [2, 0, 3, 1]


def test_bins_are_closed_on_the_right_and_open_ended():
    edges = quantile_edges(np.arange(11.0))
    assert bin_codes(np.array([-99, 1, 1.5, 99, np.nan]), edges).tolist() == [1, 1, 2, 10, 0]
    assert quantile_edges(np.array([5.0, 5.0])).tolist() == [5, 5]
    assert bin_codes(np.array([4.0, 5.0, 6.0]), np.array([5.0, 5.0])).tolist() == [1, 1, 1]
