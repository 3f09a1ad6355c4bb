"""Codes of categories and bins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.statistics.coding import (
    bin_codes,
    category_codes,
    codes_of,
    columns_remembered,
    numbers_of,
    quantile_edges,
    rows_of,
)

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


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True]), slice(2)])
def test_some_rows_have_the_columns_of_the_whole(rows):
    frame = pd.DataFrame(
        {"AGE": pd.array([50, None, 60], dtype="Int16"), "NPM1": pd.array([1, 0, None], dtype="Int8")}
    )
    plain = frame.iloc[rows]
    ages, codes = numbers_of(plain, "AGE"), codes_of(plain, D["NPM1"])
    with columns_remembered():
        nested = rows_of(rows_of(frame, np.arange(3)), rows)
        assert nested.equals(plain)
        del frame
        np.testing.assert_array_equal(numbers_of(nested, "AGE"), ages)
        np.testing.assert_array_equal(codes_of(nested, D["NPM1"]), codes)
        assert numbers_of(nested, "AGE") is numbers_of(nested, "AGE")


def test_columns_are_read_once_within_a_block_and_for_each_frame():
    def cohort(age):
        return pd.DataFrame({"AGE": pd.array([age], dtype="Int16"), "NPM1": pd.array([1], dtype="Int8")})

    first, second = cohort(50), cohort(60)
    with columns_remembered():
        assert numbers_of(first, "AGE") is numbers_of(first, "AGE")
        assert codes_of(first, D["NPM1"]) is codes_of(first, D["NPM1"])
        assert numbers_of(second, "AGE").tolist() == [60]
        with pytest.raises(ValueError, match="read-only"):
            numbers_of(first, "AGE")[0] = 1
        for age in range(70, 90):  # frames that are gone leave no columns to those that take their place
            assert numbers_of(cohort(age), "AGE").tolist() == [age]
    first.loc[0, "AGE"] = 51
    assert numbers_of(first, "AGE").tolist() == [51]
