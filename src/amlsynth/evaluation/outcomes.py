"""The outcomes that a dictionary knows, and which of them a cohort has: some have overall survival alone."""

from __future__ import annotations

import pandas as pd

from amlsynth.dictionary.model import Dictionary


def outcome_names(d: Dictionary) -> tuple[str, ...]:
    """Return the names of the response, where the disease has one, and of the endpoints."""
    response = () if d.roles.response is None else (d.roles.response.name,)
    return (*response, *(endpoint.name for endpoint in d.endpoints))


def outcome_columns(d: Dictionary, name: str) -> tuple[str, ...]:
    """Return the columns of an outcome: time and status of an endpoint, or the variable of the response.

    Raises
    ------
    KeyError
        The dictionary has no outcome of that name.
    """
    if d.roles.response is not None and name == d.roles.response.name:
        return (d.roles.response.variable,)
    endpoint = d.endpoint(name)
    return endpoint.time, endpoint.status


def known_at_diagnosis(d: Dictionary) -> tuple[str, ...]:
    """Return the columns that are no outcome, in the dictionary's order."""
    outcomes = {column for name in outcome_names(d) for column in outcome_columns(d, name)}
    return tuple(name for name in d.names if name not in outcomes)


def lacks(frame: pd.DataFrame, d: Dictionary, name: str) -> bool:
    """Return whether a cohort lacks an outcome: one of its columns is missing in every patient."""
    return any(bool(frame[column].isna().all()) for column in outcome_columns(d, name))


def why_lacking(name: str, cohort: str = "cohort") -> str:
    """Return the reason of a figure that a cohort without an outcome does not have."""
    return f"the {cohort} has no {name}: every value is missing"
