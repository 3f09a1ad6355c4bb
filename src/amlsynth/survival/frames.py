"""Cohorts as the survival packages of Python take them: lifelines, scikit-survival, statsmodels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary_of
from amlsynth.dictionary.roles import Endpoint
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.frames import Table, frame_of
from amlsynth.survival.endpoint import endpoint_data, known_endpoint


@overload
def survival_frame(
    frame: Table,
    endpoint: str,
    columns: Sequence[str] | None = None,
    *,
    return_X_y: Literal[False] = False,
    d: Dictionary | None = None,
) -> pd.DataFrame: ...
@overload
def survival_frame(
    frame: Table,
    endpoint: str,
    columns: Sequence[str] | None = None,
    *,
    return_X_y: Literal[True],
    d: Dictionary | None = None,
) -> tuple[pd.DataFrame, npt.NDArray[Any]]: ...
def survival_frame(
    frame: Table,
    endpoint: str,
    columns: Sequence[str] | None = None,
    *,
    return_X_y: bool = False,
    d: Dictionary | None = None,
) -> Any:
    """Return covariates, time and event of an endpoint as plain numbers, one row a patient.

    Parameters
    ----------
    frame : a typed frame, as `load` returns it, or a cohort or data set.
    endpoint : its name, such as "OS".
    columns : covariates; without them all variables of the frame that belong to no endpoint.
    return_X_y : True returns covariates and outcome apart, as scikit-survival wants them.
    d : the dictionary of the frame; that of the cohort, or of AML, when not given.

    Returns
    -------
    DataFrame of floats with the covariates, `time` in months and `event` (True or False)
        Patients without a time or status are left out; the index is that of `frame`. Categories are
        0/1 columns NAME_VALUE, the first value left out; NA is NaN.
    With return_X_y a pair: the covariates, and a structured array of shape (n,), fields `event` and `time`.

    Raises
    ------
    UsageError
        No such endpoint or column; the sentence names the nearest.

    Examples
    --------
    >>> import amlsynth
    >>> frame = amlsynth.reference_cohort(n=200).frame
    >>> survival_frame(frame, "OS", ["AGE", "SEX", "NPM1"]).columns.tolist()
    ['AGE', 'SEX_male', 'NPM1', 'time', 'event']
    >>> X, y = survival_frame(frame, "OS", ["AGE"], return_X_y=True)
    >>> y.dtype.names
    ('event', 'time')
    """
    d, frame = dictionary_of(frame, d), frame_of(frame)
    chosen = endpoint_named(endpoint, d)
    here = [name for name in d.names if name in frame.columns]
    names = _covariates(here, d) if columns is None else list(columns)
    for name in names:
        if name not in here:
            hint = did_you_mean(name, here)
            raise UsageError(f"columns={name!r}: there is no such column.{hint}")
    known = known_endpoint(frame, chosen)
    covariates = pd.concat(
        [pd.DataFrame(index=frame.index[known]), *(_numbers(frame.loc[known, name], d) for name in names)],
        axis=1,
    )
    data = endpoint_data(frame, chosen)
    if return_X_y:
        outcome = np.empty(data.n, dtype=[("event", bool), ("time", float)])
        outcome["event"], outcome["time"] = data.event, data.time
        return covariates, outcome
    return covariates.assign(time=data.time, event=data.event)


def endpoint_named(name: str, d: Dictionary) -> Endpoint:
    """Return an endpoint by its name; UsageError when there is none, with the nearest."""
    known = {endpoint.name: endpoint for endpoint in d.endpoints}
    if name not in known:
        hint = did_you_mean(name, known)
        raise UsageError(f"endpoint={name!r}: there is no such endpoint.{hint} There are {', '.join(known)}.")
    return known[name]


def _covariates(names: Sequence[str], d: Dictionary) -> list[str]:
    outcomes = {column for endpoint in d.endpoints for column in (endpoint.time, endpoint.status)}
    return [name for name in names if name not in outcomes]


def _numbers(column: pd.Series, d: Dictionary) -> pd.DataFrame:
    """Return a column as floats, a categorical one as indicators of all values but the first."""
    name = str(column.name)
    variable = d[name]
    if variable.type != "category":
        values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        return pd.DataFrame({name: values}, index=column.index)
    known = column.notna().to_numpy()
    return pd.DataFrame(
        {
            f"{name}_{value}": np.where(known, (column == value).to_numpy(dtype=float, na_value=0.0), np.nan)
            for value in variable.values[1:]
        },
        index=column.index,
    )
