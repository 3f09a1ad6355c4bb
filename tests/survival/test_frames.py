"""Cohorts as survival packages take them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from amlsynth import survival_frame
from amlsynth.foundation.errors import UsageError


@pytest.fixture
def frame(make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return make(
        AGE=[50, 60, 70, 80],
        SEX=["female", "male", pd.NA, "male"],
        NPM1=[1, 0, pd.NA, 1],
        OSTM=[1.5, 2.5, pd.NA, 4.5],
        OSSTAT=[1, 0, 1, pd.NA],
    )


def test_patients_without_an_outcome_are_left_out_and_categories_are_indicators(frame: pd.DataFrame) -> None:
    made = survival_frame(frame, "OS", ["AGE", "SEX", "NPM1"])
    expected = pd.DataFrame(
        {
            "AGE": [50.0, 60.0],
            "SEX_male": [0.0, 1.0],
            "NPM1": [1.0, 0.0],
            "time": [1.5, 2.5],
            "event": [True, False],
        }
    )
    pd.testing.assert_frame_equal(made, expected)


def test_na_is_nan_in_every_kind_of_column(frame: pd.DataFrame) -> None:
    frame.loc[2, ["OSTM", "OSSTAT"]] = [3.5, 1]
    made = survival_frame(frame, "OS", ["SEX", "NPM1"])
    assert made.loc[2, ["SEX_male", "NPM1"]].isna().all() and made.loc[2, "time"] == 3.5


def test_covariates_and_outcome_apart(frame: pd.DataFrame) -> None:
    covariates, outcome = survival_frame(frame, "OS", return_X_y=True)
    assert outcome.dtype.names == ("event", "time") and outcome["event"].dtype.kind == "b"
    assert outcome["time"].tolist() == [1.5, 2.5] and outcome["event"].tolist() == [True, False]
    outcomes = {"OSTM", "OSSTAT", "EFSTM", "EFSSTAT", "time", "event"}
    assert not outcomes & set(covariates.columns) and {"AGE", "SEX_male", "NPM1"} <= set(covariates.columns)
    assert all(dtype == np.float64 for dtype in covariates.dtypes)
    few = survival_frame(frame[["AGE", "OSTM", "OSSTAT"]], "OS")  # of a frame loaded with `columns`
    assert few.columns.tolist() == ["AGE", "time", "event"]


@pytest.mark.parametrize(
    ("endpoint", "columns", "says"),
    [("PFS", ["AGE"], "Did you mean 'EFS'"), ("OS", ["AGEE"], "Did you mean 'AGE'")],
)
def test_what_there_is_not(frame: pd.DataFrame, endpoint: str, columns: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        survival_frame(frame, endpoint, columns)


def test_lifelines_takes_it(reference: pd.DataFrame) -> None:
    lifelines = pytest.importorskip("lifelines")
    made = survival_frame(reference.head(300), "OS", ["AGE", "NPM1"]).dropna()
    fitted = lifelines.CoxPHFitter().fit(made, "time", "event")
    assert fitted.params_["AGE"] > 0
