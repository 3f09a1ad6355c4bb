"""The base of every record that is read from a file: unknown keys are errors, and nothing changes it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A pydantic model that refuses unknown keys and cannot be changed once it is made.

    A subclass may ask for more, such as `strict=True` for types or `allow_inf_nan=False` for numbers.

    Examples
    --------
    >>> class Point(StrictModel):
    ...     x: float
    >>> Point(x=1).x
    1.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
