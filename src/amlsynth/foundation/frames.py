"""What public functions are given where they ask for a data frame."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import pandas as pd

from amlsynth.foundation.errors import UsageError


class HasFrame(Protocol):
    """A cohort, or a loaded data set."""

    @property
    def frame(self) -> pd.DataFrame:
        """The typed frame."""
        ...


Table: TypeAlias = pd.DataFrame | HasFrame


def frame_of(table: Table) -> pd.DataFrame:
    """Return a data frame as it is, or that of a cohort or data set.

    Raises
    ------
    UsageError
        It is none of them.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> frame_of(reference_cohort(n=20)).shape
    (20, 64)
    """
    frame = table if isinstance(table, pd.DataFrame) else getattr(table, "frame", None)
    if isinstance(frame, pd.DataFrame):
        return frame
    remedy = (
        "Give one of its frames at a time."
        if isinstance(table, list | tuple)
        else "amlsynth.read_table reads one from a file, amlsynth.load from a release."
    )
    raise UsageError(
        f"a pandas DataFrame, Cohort or Dataset is asked for here, but not {type(table).__name__}. {remedy}"
    )
