"""Near copies: rows with a real patient's numbers or nearly all categories, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.near_copies import GROUP, equal_numbers
from cohorts import small_cohort

D = dictionary()
NAN = float("nan")


def shares(context, frame, kind="synthetic"):
    return {name: f.value for name, f in GROUP.measured(EvaluatedCohort(kind, frame), context).items()}


@pytest.mark.parametrize(
    ("row", "copied"),
    [
        ([50.0, 4.5, 9.9, NAN], True),  # NA equals NA
        ([50.0, 4.5, 9.9, 1.0], False),
        ([50.0, 4.5, 9.8, NAN], False),
        ([60.0, 4.5, NAN, NAN], False),  # two known numbers agree with strangers
    ],
)
def test_all_numbers_of_one_patient(row, copied):
    real = np.array([[50.0, 4.5, 9.9, NAN], [50.0, 4.5, 9.8, 3.0], [60.0, 4.5, NAN, NAN]])
    assert equal_numbers(np.array([row]), real).tolist() == [copied]


def test_numbers_of_two_patients_together_are_no_copy():
    real = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert not equal_numbers(np.array([[1.0, 2.0, 6.0]]), real).any()


@pytest.fixture(scope="module")
def context(reference):
    return EvaluationContext(reference.iloc[:200], reference.iloc[200:260].reset_index(drop=True), D, seed=0)


def test_flipped_and_jittered_copies_are_counted(context, reference):
    strangers = reference.iloc[260:300]
    assert shares(context, strangers)["linked_rows"] == 0
    gene = D.alterations[0].name
    copied = context.original.iloc[:10]
    copied = copied.assign(**{gene: 1 - copied[gene].fillna(0)})
    found = shares(context, pd.concat([strangers, copied], ignore_index=True))
    assert found["numbers_copied"] == found["linked_rows"] == 10 / 50
    assert found["categories_near"] >= 10 / 50
    assert found["exact_matches_holdout"] == 0


def test_hold_out_patients_are_real_patients_as_well(context, reference):
    released = pd.concat([reference.iloc[260:300], context.holdout.iloc[:10]], ignore_index=True)
    found = shares(context, released)
    assert found["exact_matches_holdout"] == 10 and found["numbers_copied"] == 10 / 50


def test_the_hold_out_as_anchor_is_not_compared_with_itself(context):
    found = shares(context, context.holdout, "holdout")
    assert found["numbers_copied"] == 0 and found["exact_matches_holdout"] == 0
    own = GROUP.measured_original(context)
    assert own["numbers_copied"].value == 0 and own["categories_near"].high < 1


def test_without_a_hold_out_training_alone_counts(context, reference):
    alone = EvaluationContext(context.original, None, D, seed=0)
    found = GROUP.measured(EvaluatedCohort("synthetic", context.original.iloc[:50]), alone)
    assert found["numbers_copied"].value == 1
    assert "no hold-out" in found["exact_matches_holdout"].reason


def test_a_dictionary_of_few_numbers_says_so():
    small = small_cohort("bare")
    context = EvaluationContext(small.frame.iloc[:60], small.frame.iloc[60:], small.d, seed=0)
    found = GROUP.measured(EvaluatedCohort("synthetic", small.frame.iloc[:60]), context)
    assert "fewer than 3 numbers" in found["numbers_copied"].reason
    assert found["categories_near"].value == 1
