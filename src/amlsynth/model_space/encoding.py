"""The model space: what generators fit and emit, from which no invalid outcome can be decoded.

- The terminal endpoint (overall survival) is kept as a time, the composite one within it (such as event-free
  survival) as the gap between the two, >= 0, so that their order cannot be broken (the indirect approach of
  Eckardt et al. 2024, page 6).
- The event pattern is one discrete state: both statuses, and whether the two times are equal, so that ties
  and statuses stay coherent; what is missing is part of the pattern. Of a dictionary without a composite
  endpoint the patterns are those of patients in whom it is missing.
- NA is one more state of a categorical variable, and an indicator beside a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.cohort.tables import TIME_DECIMALS
from amlsynth.dictionary.model import Dictionary, Role, Variable, dictionary
from amlsynth.dictionary.pandera_schema import breaks
from amlsynth.dictionary.roles import Endpoint
from amlsynth.expressions.evaluate import Expression
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray

Codes = npt.NDArray[np.int8]

_BINARY_STATE = re.compile(r"\s*(\w+)\s*==\s*([01])\s*")


class Pattern(NamedTuple):
    """One event pattern; a status of None is missing.

    `os` stands for the terminal endpoint and `efs` for the composite one, whatever their names are. `times`
    says which times are known: "equal" both and EFS = OS, "before" both and EFS < OS, "os" and "efs" one of
    them, "none" neither.
    """

    efs_status: int | None
    os_status: int | None
    times: str


def _all_patterns() -> tuple[Pattern, ...]:
    states = (0, 1, None)
    known = [Pattern(e, o, t) for t in ("equal", "before") for e, o in product((0, 1), repeat=2)]
    one = [Pattern(e, o, "os") for o in (0, 1) for e in states]
    one += [Pattern(e, o, "efs") for e in (0, 1) for o in states]
    return (*known, *one, *(Pattern(e, o, "none") for e, o in product(states, repeat=2)))


PATTERNS = _all_patterns()


def _legal(pattern: Pattern) -> Pattern:
    """Return the pattern that synthetic data may show: death is an event, event-free times agree."""
    if pattern.os_status == 1 and pattern.efs_status == 0:
        pattern = pattern._replace(efs_status=1)
    if pattern.efs_status == 0 and pattern.times == "before":
        pattern = pattern._replace(times="equal")
    return pattern


# The statuses of the patterns, -1 for a missing one, shape (patterns,).
_EFS_STATUS, _OS_STATUS = (
    np.array([-1 if status is None else status for status in statuses], dtype=np.int8)
    for statuses in zip(*((p.efs_status, p.os_status) for p in PATTERNS), strict=True)
)
LEGAL: Codes = np.array([PATTERNS.index(_legal(pattern)) for pattern in PATTERNS], dtype=np.int8)


@dataclass(frozen=True)
class Encoded:
    """A cohort of n patients in the model space.

    Attributes
    ----------
    states : int8 frame (n, categorical variables that are no status); the last code of each is NA.
    numbers : float64 frame (n, numbers that are no survival time), in the dictionary's units.
    missing : bool frame of the shape of `numbers`; where true the number is NA.
    pattern : int8 array (n,), positions in `PATTERNS`.
    time : float64 array (n,), months: of the terminal endpoint, or of the composite one where only that is
        known; NaN where neither is.
    gap : float64 array (n,), months from the composite to the terminal endpoint's time, 0 where the pattern
        has no gap.
    """

    states: pd.DataFrame
    numbers: pd.DataFrame
    missing: pd.DataFrame
    pattern: Codes
    time: FloatArray
    gap: FloatArray

    def __len__(self) -> int:
        return len(self.pattern)

    def take(self, rows: IntArray) -> Encoded:
        """Return the patients at `rows`, which may repeat."""
        states, numbers, missing = (
            frame.iloc[rows].reset_index(drop=True) for frame in (self.states, self.numbers, self.missing)
        )
        return Encoded(states, numbers, missing, self.pattern[rows], self.time[rows], self.gap[rows])

    def legal(self) -> Encoded:
        """Return the cohort with the patterns that synthetic data may show; equal times have no gap."""
        pattern = LEGAL[_in_range(self.pattern)]
        has_gap = np.isin(pattern, _with_times("before"))
        return replace(self, pattern=pattern, gap=np.where(has_gap, self.gap, 0.0))


def encode(frame: pd.DataFrame, d: Dictionary | None = None) -> Encoded:
    """Encode a typed, valid frame.

    Raises
    ------
    DataError
        A time without its status, or a composite endpoint beyond the terminal one: validate the frame first.
    """
    d = d or dictionary()
    n = len(frame)
    states = {v.name: _codes(frame[v.name], v) for v in state_variables(d)}
    numbers = {v.name: frame[v.name].to_numpy(np.float64, na_value=np.nan) for v in number_variables(d)}
    values = columns_frame(numbers, n)
    pattern, time, gap = _encode_outcome(frame, d)
    return Encoded(columns_frame(states, n), values.fillna(0.0), values.isna(), pattern, time, gap)


def decode(
    encoded: Encoded, d: Dictionary | None = None, *, role: Role = "synthetic", rounded: bool = True
) -> pd.DataFrame:
    """Decode to a typed frame that meets the dictionary, whatever the numbers in `encoded` are.

    Codes and numbers outside their range go to its nearest end, NaN to NA. For the role "synthetic" the
    pattern is made legal, and implications such as "a normal karyotype has no t(8;21)" are carried out.

    Parameters
    ----------
    encoded : n patients in the model space; a generator may have put any number into it.
    role : "original" keeps patterns that real data are known to show.
    rounded : round numbers to the dictionary's decimals; else times to 6 decimals, and the rest not, so
        that ``decode(encode(frame), role="original", rounded=False)`` is `frame`.
    """
    d = d or dictionary()
    if role == "synthetic":
        encoded = encoded.legal()
    columns: dict[str, pd.Series] = {}
    for variable in state_variables(d):
        columns[variable.name] = _state(encoded.states[variable.name].to_numpy(), variable)
    for variable in number_variables(d):
        name = variable.name
        columns[name] = _number(
            encoded.numbers[name].to_numpy(np.float64),
            encoded.missing[name].to_numpy(bool),
            variable,
            rounded,
        )
    columns |= _decode_outcome(encoded, d, rounded)
    frame = pd.DataFrame({name: columns[name] for name in d.names})
    if role == "synthetic":
        imply(frame, d)
    return frame


def columns_frame(columns: Mapping[str, npt.NDArray[Any]], n: int) -> pd.DataFrame:
    """Return columns of shape (n,) as a frame of n rows, also where there is no column at all."""
    return pd.DataFrame(dict(columns), index=pd.RangeIndex(n))


def state_variables(d: Dictionary) -> tuple[Variable, ...]:
    """The categorical variables that are encoded one by one: all but the statuses."""
    return tuple(v for v in d.variables if v.is_categorical and v.name not in d.outcome_columns)


def number_variables(d: Dictionary) -> tuple[Variable, ...]:
    """The numbers that are encoded one by one: all but the survival times."""
    return tuple(v for v in d.variables if not v.is_categorical and v.name not in d.outcome_columns)


def binary_state(expression: Expression | None, d: Dictionary) -> tuple[Variable, int] | None:
    """Return variable and state of an expression such as "CGNK == 1", or None when it is of another form.

    The variable is a tri-state one or a status; the state is 0 or 1.
    """
    match = _BINARY_STATE.fullmatch(expression.text) if expression else None
    variable = d.by_id.get(match.group(1)) if match else None
    if match is None or variable is None or variable.values != (0, 1):
        return None
    return variable, int(match.group(2))


def breaks_any(frame: pd.DataFrame, d: Dictionary) -> BoolArray:
    """Return who breaks a rule that synthetic data must keep, shape (n,)."""
    broken = np.zeros(len(frame), dtype=bool)
    for case in d.rule_cases:
        if case.rule.severity.synthetic == "error":
            broken |= breaks(d, case, frame)
    return broken


def imply(frame: pd.DataFrame, d: Dictionary) -> None:
    """Carry out the rules that say "when this, then that column is 0 (or 1)", in the dictionary's order.

    What is but a warning in synthetic data may be, as often as in the original.
    """
    for case in d.rule_cases:
        then = binary_state(case.require, d)
        if case.when is None or then is None or case.rule.severity.synthetic != "error":
            continue
        variable, state = then
        if variable.name not in d.outcome_columns:  # the event pattern has seen to those
            broken = breaks(d, case, frame)
            if broken.any():
                frame.loc[broken, variable.name] = state


def _with_times(*kinds: str) -> list[int]:
    return [code for code, pattern in enumerate(PATTERNS) if pattern.times in kinds]


def _in_range(pattern: npt.NDArray[np.generic]) -> Codes:
    last = len(PATTERNS) - 1
    numbers = np.nan_to_num(pattern.astype(np.float64), nan=last, posinf=last, neginf=0)
    return np.clip(np.rint(numbers), 0, last).astype(np.int8)


def _codes(column: pd.Series, variable: Variable) -> Codes:
    codes = column.cat.codes if variable.type == "category" else column.fillna(-1)
    values = codes.to_numpy(np.int8)
    return np.where(values < 0, len(variable.values), values).astype(np.int8)


def _encode_outcome(frame: pd.DataFrame, d: Dictionary) -> tuple[Codes, FloatArray, FloatArray]:
    os_time, os_status = _endpoint_arrays(frame, d.terminal)
    efs_time, efs_status = _endpoint_arrays(frame, d.composite)
    kinds = ("equal", "before", "os", "efs", "none")
    has_os, has_efs = ~np.isnan(os_time), ~np.isnan(efs_time)
    kind = np.select(
        [has_os & has_efs & (os_time == efs_time), has_os & has_efs, has_os, has_efs], range(4), 4
    )
    lookup = np.full((3, 3, len(kinds)), -1, dtype=np.int8)
    for code, pattern in enumerate(PATTERNS):
        efs_code, os_code = (-1 if s is None else s for s in (pattern.efs_status, pattern.os_status))
        lookup[efs_code, os_code, kinds.index(pattern.times)] = code
    pattern_codes = lookup[efs_status, os_status, kind]
    gap = np.where(has_os & has_efs, os_time - efs_time, 0.0)
    wrong = (pattern_codes < 0) | (gap < 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        order = f", or {d.composite.name} beyond {d.terminal.name}" if d.composite else ""
        raise DataError(
            f"Row {row} has a survival time without its status{order}. Validate the cohort first."
        )
    return pattern_codes, np.where(has_os, os_time, efs_time), gap


def _endpoint_arrays(frame: pd.DataFrame, endpoint: Endpoint | None) -> tuple[FloatArray, Codes]:
    """Return time (NaN missing) and status (-1 missing), shapes (n,); nobody has an endpoint of None."""
    if endpoint is None:
        return np.full(len(frame), np.nan), np.full(len(frame), -1, dtype=np.int8)
    time = frame[endpoint.time].to_numpy(np.float64, na_value=np.nan)
    return time, frame[endpoint.status].fillna(-1).to_numpy(np.int8)


def _state(codes: npt.NDArray[np.generic], variable: Variable) -> pd.Series:
    last = len(variable.values)
    if codes.dtype.kind != "i":
        codes = np.rint(np.nan_to_num(codes.astype(np.float64), nan=last, posinf=last, neginf=0))
    whole = np.clip(codes, 0, last if variable.missing else last - 1).astype(np.int8)
    if variable.type == "category":
        codes_or_na = np.where(whole == last, -1, whole)
        return pd.Series(pd.Categorical.from_codes(codes_or_na, dtype=variable.dtype))
    return pd.Series(pd.arrays.IntegerArray(whole, whole == last))


def _number(values: FloatArray, missing: BoolArray, variable: Variable, rounded: bool) -> pd.Series:
    assert variable.minimum is not None and variable.maximum is not None
    mask = missing | np.isnan(values)
    if not variable.missing:
        mask = np.zeros(len(values), dtype=bool)
    step = 10.0**-variable.decimals
    low = variable.minimum + step if variable.exclusive_minimum else variable.minimum
    filled = np.clip(np.where(np.isnan(values), low, values), low, variable.maximum)
    if rounded or variable.type == "integer":
        filled = np.round(filled, variable.decimals)
    numbers = pd.Series(pd.arrays.FloatingArray(np.where(mask, 1.0, filled), mask))
    return numbers.astype(variable.dtype)


def _decode_outcome(encoded: Encoded, d: Dictionary, rounded: bool) -> dict[str, pd.Series]:
    outer, inner = d.terminal, d.composite
    months = d[outer.time]
    assert months.minimum is not None and months.maximum is not None
    decimals = months.decimals if rounded else TIME_DECIMALS
    step = 10.0**-decimals
    shortest = months.minimum + step * months.exclusive_minimum
    codes = _in_range(encoded.pattern)
    has_gap = np.isin(codes, _with_times("before"))
    unknown = np.isnan(encoded.time)
    # A gap needs room for a time before it, so the shortest time with one is a step longer.
    time = np.clip(
        np.where(unknown, shortest, encoded.time),
        np.where(has_gap, shortest + step, shortest),
        months.maximum,
    )
    time = np.round(time, decimals)
    no_os = unknown | np.isin(codes, _with_times("efs", "none"))
    columns = _outcome_pair(outer, time, no_os, _OS_STATUS[codes])
    if inner is not None:
        gap = np.clip(np.nan_to_num(encoded.gap, nan=step, posinf=months.maximum), step, time - shortest)
        efs_time = np.where(has_gap, np.round(time - gap, decimals), time)
        # Rounding may close a gap of half a step, or leave no time before it.
        before = np.round(np.clip(efs_time, shortest, time - step), decimals)
        no_efs = unknown | np.isin(codes, _with_times("os", "none"))
        columns |= _outcome_pair(inner, np.where(has_gap, before, efs_time), no_efs, _EFS_STATUS[codes])
    return columns


def _outcome_pair(
    endpoint: Endpoint, time: FloatArray, no_time: BoolArray, status: Codes
) -> dict[str, pd.Series]:
    """Return the columns of an endpoint: its time, and its status, where -1 is missing."""
    return {
        endpoint.time: pd.Series(pd.arrays.FloatingArray(np.where(no_time, 1.0, time), no_time)),
        endpoint.status: pd.Series(pd.arrays.IntegerArray(np.abs(status), status < 0)),
    }
