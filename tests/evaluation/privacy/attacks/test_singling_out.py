"""Singling out: predicates by hand, copies caught, unseen cohorts not."""

from __future__ import annotations

import numpy as np
import pytest

from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext
from amlsynth.evaluation.privacy.attacks import predicates as module
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.predicates import (
    MISSING,
    Predicates,
    Sign,
    guessed,
    multivariate,
    predicate_table,
    univariate,
)
from amlsynth.evaluation.privacy.attacks.singling_out import GROUP, multivariate_attack

D = dictionary()
RISKS = ("singling_out_univariate_risk", "singling_out_multivariate_risk")


@pytest.fixture(scope="module")
def figures(context, cohorts):
    return {name: GROUP.figures(cohort, context) for name, cohort in cohorts.items()}


def test_copies_are_caught(figures):
    for name in RISKS:
        assert figures["bootstrap"][name].value > 0.08 and figures["bootstrap"][name].low > 0.05


@pytest.mark.parametrize("kind", ["fresh", "holdout"])
def test_unseen_patients_single_nobody_out(figures, kind):
    for name in RISKS:
        assert figures[kind][name].low < 0.02 and figures[kind][name].value < 0.05


def test_independent_columns_single_out_by_their_exact_numbers_only(figures):
    # They hold the training patients' numbers as they are, so that one alone can be found again.
    found = figures["independent"]
    assert found["singling_out_univariate_risk"].low > 0
    assert found["singling_out_multivariate_risk"].low < 0.02


def test_the_attacks_beat_guessing(figures):
    for name in ("singling_out_univariate", "singling_out_multivariate"):
        assert figures["fresh"][f"{name}_main"].low > figures["fresh"][f"{name}_baseline"].high


def test_predicates_that_the_same_patient_decides_are_one_attempt():
    table = np.arange(40.0)[:, None]

    def equal_to(*values):
        column = np.array(values, dtype=float)[:, None]
        return Predicates(np.zeros(column.shape, np.intp), np.zeros(column.shape, np.int8), column)

    assert equal_to(*range(20)).independent_attempts(table, 10) == 20
    assert equal_to(*[7] * 20).independent_attempts(table, 10) == pytest.approx(1)
    assert equal_to(*[7] * 10, *[8] * 10).independent_attempts(table, 10) == pytest.approx(2, abs=0.7)
    assert equal_to(99, 98).independent_attempts(table, 10) == 2  # true of nobody


def test_univariate_predicates_by_hand():
    table = np.array([[20.0, 1], [30, 1], [30, 2], [MISSING, 1]])
    found = univariate(table, np.array([True, False]))
    terms = set(zip(found.columns[:, 0], found.signs[:, 0], found.values[:, 0], strict=True))
    assert terms == {
        (0, Sign.EQUAL, 20.0),
        (0, Sign.AT_MOST, 20.0),
        (0, Sign.EQUAL, MISSING),
        (1, Sign.EQUAL, 2),
    }
    assert found.count(table).tolist() == [1] * 4


def test_terms_are_joined_and_missing_is_neither_large_nor_small():
    table = np.array([[20.0, 1], [30, 1], [40, 2], [MISSING, 1]])
    columns = np.array([[0, 1], [0, 1], [0, 1], [0, 1]])
    signs = np.array(
        [[Sign.AT_MOST, Sign.EQUAL], [Sign.AT_LEAST, Sign.EQUAL], [Sign.AT_MOST, Sign.EQUAL], [2, 0]]
    )
    values = np.array([[35.0, 1], [25, 1], [MISSING, 1], [50, 3]])
    found = Predicates(columns, signs.astype(np.int8), values).count(table)
    assert found.tolist() == [2, 1, 1, 0]


def test_counting_in_blocks_is_counting_one_by_one(fresh, monkeypatch):
    table, numeric = predicate_table(fresh, D)
    rng = np.random.default_rng(0)
    some = multivariate(table, numeric, 3, 200, rng)
    expected = []
    for columns, signs, values in zip(some.columns, some.signs, some.values, strict=True):
        holds = np.ones(len(table), dtype=bool)
        for column, sign, value in zip(columns, signs, values, strict=True):
            cells = table[:, column]
            if sign == Sign.EQUAL or value == MISSING:
                holds &= cells == value
            elif sign == Sign.AT_LEAST:
                holds &= cells >= value
            else:
                holds &= (cells <= value) & (cells != MISSING)
        expected.append(holds.sum())
    monkeypatch.setattr(module, "CELLS", 5_000)
    assert some.count(table).tolist() == expected
    assert min(expected) >= 1  # each is true of the row that it was made of


def test_guesses_stay_within_what_is_released(fresh):
    table, numeric = predicate_table(fresh, D)
    found = guessed(table, numeric, 4, 100, np.random.default_rng(0))
    assert found.columns.shape == (100, 4)
    assert all(len(set(row)) == 4 for row in found.columns.tolist())
    assert (found.values <= table.max(axis=0)[found.columns]).all()


def test_predicates_single_out_one_released_patient(context, cohorts):
    result = multivariate_attack(AttackData.of(cohorts["fresh"], context))
    assert result.main.n >= 500
    assert result == multivariate_attack(AttackData.of(cohorts["fresh"], context))


def test_what_cannot_be_attacked_gives_a_reason(context, fresh, without_holdout, make):
    constant = fresh.iloc[[0] * 50].reset_index(drop=True)
    for cohort, place, word in (
        (EvaluatedCohort("synthetic", fresh), without_holdout, "hold-out"),
        (EvaluatedCohort("synthetic", constant), context, "predicates"),
        (EvaluatedCohort("synthetic", fresh.head(1)), context, "released patients"),
        (EvaluatedCohort("synthetic", make(NPM1=[None] * 50)), context, "predicates"),
    ):
        for found in GROUP.figures(cohort, place).values():
            assert found.value is None and word in found.reason


def test_training_patients_of_whom_nothing_is_known_give_no_warning(make, fresh):
    empty = make(NPM1=[None] * 40)
    found = GROUP.figures(EvaluatedCohort("synthetic", fresh), EvaluationContext(empty, empty.head(12), D, 0))
    assert found["singling_out_multivariate_main"].value == 0
