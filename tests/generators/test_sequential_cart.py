"""The trees keep associations, missingness and ties, and copy nobody."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from amlsynth.foundation.errors import UsageError
from amlsynth.generators import create


@pytest.fixture(scope="module")
def synthetic(reference: pd.DataFrame) -> pd.DataFrame:
    model = create("sequential-cart").fit(reference, np.random.default_rng(0))
    return model.sample(20_000, np.random.default_rng(1))


def _log_odds(frame: pd.DataFrame, one: str, other: str) -> float:
    table = pd.crosstab(frame[one], frame[other]).to_numpy(float) + 0.5
    return float(np.log(table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])))


@pytest.mark.parametrize("pair", [("NPM1", "FLT3I"), ("NPM1", "RUNX1"), ("TP53", "CGCX"), ("CGNK", "NPM1")])
def test_co_occurrence_is_kept(
    reference: pd.DataFrame, synthetic: pd.DataFrame, pair: tuple[str, str]
) -> None:
    original = _log_odds(reference, *pair)
    assert abs(original) > 0.5
    assert np.sign(_log_odds(synthetic, *pair)) == np.sign(original)
    assert abs(_log_odds(synthetic, *pair) - original) < 0.8


def test_ties_and_missingness_are_kept(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    def tied(frame: pd.DataFrame) -> float:
        return float((frame["EFSTM"] == frame["OSTM"]).mean())

    assert abs(tied(synthetic) - tied(reference)) < 0.02
    missing = (reference.isna().mean() - synthetic.isna().mean()).abs()
    assert missing.max() < 0.03


def test_cytogenetics_are_missing_together(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    def both(frame: pd.DataFrame) -> float:
        return float((frame["t8.21"].isna() & frame["minus.7"].isna()).mean())

    assert abs(both(synthetic) - both(reference)) < 0.02


def test_nobody_is_copied(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    assert len(synthetic.merge(reference, how="inner", on=list(reference.columns))) == 0


@pytest.mark.parametrize(("key", "value"), [("min_leaf", "1"), ("min_leaf", "many"), ("prior", "-1")])
def test_parameters_have_bounds(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"sequential-cart: the parameter {key} cannot be '{value}'"):
        create("sequential-cart", {key: value})


def test_drawing_that_is_given_up_may_end_in_one_of_its_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a disk is full, and the thread that frees the memory of the rest is one that drew it."""
    model = create("sequential-cart")
    given_up, ended = threading.Event(), threading.Event()
    errors: list[BaseException | None] = []

    def recorded(n: int, _: np.random.Generator) -> pd.DataFrame:
        if n == 2:
            given_up.wait(10)
            try:
                drawn.close()
                errors.append(None)
            except RuntimeError as error:
                errors.append(error)
            ended.set()
        return pd.DataFrame()

    monkeypatch.setattr(model, "_recorded", recorded)
    drawn = model._drawn(iter([(size, np.random.default_rng(size)) for size in (1, 2, 3, 4)]), ahead=2)
    assert next(drawn)[0] == 1
    given_up.set()
    assert ended.wait(10) and errors == [None]
