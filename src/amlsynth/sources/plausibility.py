"""What looks wrong in an imported table without breaking a rule: units, mixtures of units, statuses alone.

Everything is told by the dictionary's `typical` values of a variable; a cohort may be unusual, so these are
warnings, never refusals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.sources.units import factors

_ENOUGH = 10  # values below which a median says little
_SHARE = 0.03  # of the values in another unit, at which a column counts as mixed
_FIT = 0.95  # of the values that must fit one of two units


@dataclass(frozen=True)
class GivenNumbers:
    """The numbers of a variable as the source has them, and the unit that they were taken in.

    `unit` is the mapping's word, or None where the dictionary's unit was assumed.
    """

    values: npt.NDArray[np.float64]
    unit: str | None
    where: str

    def known(self) -> npt.NDArray[np.float64]:
        return self.values[np.isfinite(self.values)]


def unit_warning(variable: Variable, given: GivenNumbers, d: Dictionary) -> str | None:
    """Return what speaks against the unit of a column, None where nothing does."""
    typical, known, choices = variable.typical, given.known(), factors(variable, d)
    if typical is None or known.size == 0:
        return None
    times = _factor(given, choices)
    others = fitting_units(variable, known, given, d)
    if not others and (mixed := _mixture(variable, known, times, choices)):
        return f"{variable.name}: {given.where} {mixed}"
    median = float(np.median(known)) * times
    low, high = typical.median
    if known.size < _ENOUGH or low <= median <= high:
        return None
    unit = given.unit or variable.unit
    text = (
        f"{variable.name}: the median of {given.where}, {median:.4g} {variable.unit}"
        f"{f' taken from {unit}' if given.unit and unit != variable.unit else ''}, is outside {low:g} to "
        f"{high:g}, where the medians of cohorts lie."
    )
    if others:
        text += f" Are these {' or '.join(others)}? Then set columns.{variable.name}.unit: {others[0]}."
    return text


def fitting_units(
    variable: Variable, known: npt.NDArray[np.float64], given: GivenNumbers, d: Dictionary
) -> list[str]:
    """Return the units, other than the one taken, in which a whole column would be as usual.

    Empty where the unit taken fits, too.
    """
    typical, choices = variable.typical, factors(variable, d)
    if typical is None or known.size == 0:
        return []

    def fits(times: float) -> bool:
        low, high = typical.values
        usual = (low <= known * times) & (known * times <= high)
        inside = typical.median[0] <= float(np.median(known)) * times <= typical.median[1]
        return inside and float(usual.mean()) >= _FIT

    now = _factor(given, choices)
    if fits(now):
        return []
    fitting = {round(times, 9): unit for unit, times in reversed(choices.items()) if fits(times)}
    return list(reversed(fitting.values()))


def column_warnings(frame: pd.DataFrame, d: Dictionary, mapped: list[str]) -> list[str]:
    """Return what is odd about whole columns: a status without times, one value for everybody."""
    warnings = []
    for endpoint in d.endpoints:
        times, statuses = frame[endpoint.time].notna().sum(), frame[endpoint.status].notna().sum()
        if statuses and not times:
            warnings.append(
                f"{endpoint.status} is known for {statuses:,} patients, {endpoint.time} for none: a status "
                "without its time cannot be used. Check the column of the time."
            )
    alike = []
    for name in mapped:
        values = frame[name].dropna()
        if len(values) >= _ENOUGH and values.nunique() == 1:
            alike.append(f"{name} ({values.iloc[0]})")
    if alike:
        warnings.append(f"One value for everybody who has one: {', '.join(alike)}. Check that this is so.")
    return warnings


def _mixture(
    variable: Variable, known: npt.NDArray[np.float64], times: float, choices: dict[str, float]
) -> str | None:
    """Tell two units in one column: values impossible in the one are usual in the other, and reverse."""
    assert variable.typical is not None  # told by the caller
    low, high = variable.typical.values
    usual = (low <= known * times) & (known * times <= high)
    if usual.all() or usual.mean() < _SHARE:
        return None
    for unit, other in choices.items():
        converted = known * other
        moved = ~usual & (variable.typical.median[0] / 3 <= converted) & (converted <= high)
        if moved.sum() >= max(2, _SHARE * known.size) and (usual | moved).mean() >= _FIT:
            return (
                f"seems to mix units: {int(moved.sum()):,} of {known.size:,} values are usual only in "
                f"{unit}, such as {_example(known[moved])}, the others in the unit taken, such as "
                f"{_example(known[usual])}. Correct the column, or convert it with an expression."
            )
    return None


def _example(values: npt.NDArray[np.float64]) -> str:
    # The middle value: typical of its kind, and no patient's extreme.
    return f"{float(np.sort(values)[values.size // 2]):g}"


def _factor(given: GivenNumbers, choices: dict[str, float]) -> float:
    if given.unit is None:
        return 1.0
    written: dict[str, float] = {unit.lower(): times for unit, times in choices.items()}
    return written.get(given.unit.replace("\u03bc", "µ").lower(), 1.0)


def as_floats(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return a column of numbers as floats, NaN where missing."""
    return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
