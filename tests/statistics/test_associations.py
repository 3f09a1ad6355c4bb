"""Associations against plain implementations, and their score against hand-worked cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.errors import NotComputable
from amlsynth.statistics.associations import associations, log_correlation_score, log_score

D = dictionary()


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (0.5, 0.5, 1.0),
        (0.5, 0.25, 0.0),  # ln 0.25 is twice ln 0.5: relative error 1
        (0.5, 0.5**0.5, 0.5),
        (0.25, 0.5, 0.5),
        (0.5, 0.0, 0.0),  # lost association
        (0.0, 0.5, 0.0),  # invented association: infinite error, clipped
        (0.5, -0.5, 0.0),  # the sign counts
    ],
)
def test_log_score_of_two_columns(ours, theirs, expected):
    left, right = (np.array([[1.0, r], [r, 1.0]]) for r in (ours, theirs))
    assert log_score(left, right) == pytest.approx(expected)


def test_log_score_leaves_out_cells_that_are_undefined():
    left = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0.0]])
    assert log_score(left, left) == 1
    with pytest.raises(NotComputable):
        log_score(np.eye(3), np.eye(3))


def test_associations_equal_plain_computations(reference):
    frame = reference
    matrix = associations(frame, D)
    place = {name: i for i, name in enumerate(D.names)}
    filled = frame[["AGE", "WBC"]].astype(float).fillna(-1)
    pearson = np.corrcoef(filled["AGE"], filled["WBC"])[0, 1]
    assert matrix[place["AGE"], place["WBC"]] == pytest.approx(pearson)

    groups = filled["WBC"].groupby(frame["NPM1"].astype("Float64").fillna(-1).to_numpy())
    between = sum(len(g) * (g.mean() - filled["WBC"].mean()) ** 2 for _, g in groups)
    ratio = np.sqrt(between / ((filled["WBC"] - filled["WBC"].mean()) ** 2).sum())
    assert matrix[place["NPM1"], place["WBC"]] == pytest.approx(ratio)
    assert matrix[place["WBC"], place["NPM1"]] == pytest.approx(ratio)

    x, y = (frame[name].astype("string").fillna("NA") for name in ("FLT3I", "AMLSTAT"))

    def entropy(keys):
        share = pd.Series(keys).value_counts(normalize=True).to_numpy()
        return -(share * np.log(share)).sum()

    joint = entropy([f"{a}|{b}" for a, b in zip(x, y, strict=True)])
    for first, second, names in ((x, y, ("FLT3I", "AMLSTAT")), (y, x, ("AMLSTAT", "FLT3I"))):
        u = (entropy(first) + entropy(second) - joint) / entropy(first)
        assert matrix[place[names[0]], place[names[1]]] == pytest.approx(u)


def test_a_constant_column_has_no_association(make):
    matrix = associations(make(AGE=[40, 50, 60], WBC=[1.0, 2.0, 9.0], NPM1=[1, 1, 1]), D)
    place = D.names.index("NPM1")
    assert not matrix[place].any() and not matrix[:, place].any()
    assert matrix[0, 0] == 1


def test_logcorr_of_the_same_cohort_is_one(reference):
    assert log_correlation_score(reference, reference, D) == 1
