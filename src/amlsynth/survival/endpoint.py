"""The times and events of one endpoint, taken from a cohort."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from amlsynth.dictionary.roles import Endpoint
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.coding import numbers_of


@dataclass(frozen=True)
class EndpointData:
    """Times and events of the patients in whom both are known; months; shape (n,)."""

    name: str
    time: FloatArray
    event: BoolArray
    left_out: int = 0

    @property
    def n(self) -> int:
        return len(self.time)

    def reversed(self) -> EndpointData:
        """Return the follow-up: censoring is the event and the event censors."""
        return EndpointData(self.name, self.time, ~self.event, self.left_out)


def endpoint_data(frame: pd.DataFrame, endpoint: Endpoint) -> EndpointData:
    """Take an endpoint from a cohort; a missing or negative time or an unknown status is left out."""
    known = known_endpoint(frame, endpoint)
    time, status = numbers_of(frame, endpoint.time), numbers_of(frame, endpoint.status)
    return EndpointData(endpoint.name, time[known], status[known] == 1, int((~known).sum()))


def known_endpoint(frame: pd.DataFrame, endpoint: Endpoint) -> BoolArray:
    """Return which patients have a time, not negative, and a status, shape (n,)."""
    time, status = numbers_of(frame, endpoint.time), numbers_of(frame, endpoint.status)
    known: BoolArray = (time >= 0) & ((status == 0) | (status == 1))
    return known
