"""The steps in which a source records numbers: whole days, tenths of a gram per decilitre.

Synthetic numbers are recorded in the same steps. A step is the steward's word, in the mapping, or follows
from it (times in days are whole days); it is never taken from the cells in silence, since a generator with a
guarantee may use only what is said. What the cells look like is a note or a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.types import FloatArray
from amlsynth.sources.mapping_file import ColumnMapping
from amlsynth.sources.plausibility import GivenNumbers

_WHOLE = ("days", "weeks")  # units of times that nobody records parts of
_FEWEST = 20  # numbers from which a step can be told
_NEARLY_ALL = 0.99  # of the numbers are on the step
_DECIMALS = 3  # at most, of a step that is looked for


def stated_step(variable: Variable, entry: ColumnMapping) -> float | None:
    """Return the step that a mapping states for a variable, in the source's unit; None where it does not."""
    if entry.step is not None:
        return entry.step
    if variable.unit == "months" and (entry.unit or "").lower() in _WHOLE:
        return 1.0
    return None


def decimal_step(values: FloatArray) -> float | None:
    """Return 1, 0.1, 0.01 or 0.001, whichever is the largest that numbers are multiples of; or None.

    Examples
    --------
    >>> decimal_step(np.arange(40) / 10)
    0.1
    """
    if len(values) < _FEWEST:
        return None
    for decimals in range(_DECIMALS + 1):
        if _share_on(values, 10.0**-decimals) >= _NEARLY_ALL:
            return float(10.0**-decimals)
    return None


def step_remarks(
    columns: Mapping[str, ColumnMapping], numbers: Mapping[str, GivenNumbers], d: Dictionary
) -> tuple[list[str], list[str]]:
    """Return notes on steps that the mapping could state, and warnings of those that the cells contradict."""
    unsaid, warnings = [], []
    for name, given in numbers.items():
        variable, values = d[name], given.known()
        stated, found = stated_step(variable, columns[name]), decimal_step(values)
        if stated is not None and len(values) and (share := _share_on(values, stated)) < _NEARLY_ALL:
            warnings.append(
                f"{name}: {1 - share:.0%} of the values of {given.where} are no multiples of {stated:g} "
                f"{given.unit or variable.unit}, in which synthetic ones will be recorded. Set "
                f"columns.{name}.step."
            )
        converted = given.unit is not None and given.unit != variable.unit
        differs = found is not None and (converted or found > 10.0**-variable.decimals)
        if stated is None and variable.type == "number" and differs:
            unsaid.append(f"{name} (step: {found:g})")
    if not unsaid:
        return [], warnings
    note = (
        f"The source seems to record {', '.join(unsaid)}, in its unit. Say so under columns.NAME.step, and "
        "synthetic numbers are recorded alike; without it they have the dictionary's decimals."
    )
    return [note], warnings


def _share_on(values: FloatArray, step: float) -> float:
    multiples = values / step
    near = np.abs(multiples - np.rint(multiples)) <= 1e-6 * np.maximum(1.0, np.abs(multiples))
    return float(near.mean())
