"""The static pass: who alone decides something that a generator can repeat. It fits nothing.

A state, a combination of missing values, an event pattern or an extreme number that one patient has is either
gone or there when that patient is left out. A generator that can emit all it has seen then tells by one look
at a release whether that patient was in: a patient with a state that c of n have is copied into a release of
m with probability 1 - (1 - c/n)^m when states are drawn with their frequencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from amlsynth.audit.columns import NA, Columns
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import FloatArray
from amlsynth.model_space.resolution import find_step

Kind = Literal["state", "missing together", "missing apart", "event pattern", "extreme", "resolution"]
KINDS: dict[Kind, str] = {
    "state": "a state that no other patient has",
    "missing together": "a combination of missing values that no other patient has",
    "missing apart": "two variables that are missing in the same patients but for this one",
    "event pattern": "a pattern of events and times that no other patient has",
    "extreme": "the smallest or largest number, which no other patient reaches",
    "resolution": "the step in which a number is recorded, which is another without this patient",
}
_MOST_FOR_STEPS = 5_000  # patients, of whom each is left out once to see what the step becomes
_MOST_APART = 1  # patients in whom two variables that are otherwise missing together differ
_FEWEST_TOGETHER = 5  # patients in whom both are missing


@dataclass(frozen=True)
class Finding:
    """Something that one patient decides.

    Attributes
    ----------
    kind : what it is. row : the patient, from 0. columns : the variables that show it.
    value : the state, number or pattern in words; it stays inside.
    chance : probability that a release of as many patients shows it, when the generator draws what it has
        seen with its frequency; for extremes that of being reached again by a copy.
    weight : how far it stands out: for extremes the distance to the next patient in interquartile ranges.
    """

    kind: Kind
    row: int
    columns: tuple[str, ...]
    value: str
    chance: float
    weight: float = 0.0


def chance_of_being_seen(carriers: int, n: int, released: int) -> float:
    """Return the probability that a release of `released` shows a state that `carriers` of `n` have.

    >>> round(chance_of_being_seen(1, 1475, 1475), 3)
    0.632
    """
    return float(1 - (1 - carriers / n) ** released)


def static_findings(frame: pd.DataFrame, d: Dictionary, released: int | None = None) -> list[Finding]:
    """List everything that one patient alone decides, by kind and then by row.

    Parameters
    ----------
    frame : a typed cohort. released : patients in a release; as many as the cohort has by default.
    """
    columns = Columns(d)
    matrix = columns.matrix(frame)
    chance = chance_of_being_seen(1, len(frame), released or len(frame))
    findings = [
        *_states(columns, matrix, chance),
        *_missing_together(columns, matrix, chance),
        *_missing_apart(columns, matrix, chance),
        *_event_patterns(columns, matrix, chance),
        *_extremes(columns, matrix, chance),
        *_resolution(columns, matrix),
    ]
    kinds = list(KINDS)
    return sorted(findings, key=lambda finding: (kinds.index(finding.kind), finding.row, finding.columns))


def _states(columns: Columns, matrix: FloatArray, chance: float) -> Iterator[Finding]:
    for place, name in enumerate(columns.names):
        values = matrix[:, place]
        if columns.numeric[place]:
            values = np.where(values == NA, NA, 0.0)  # of a number only whether it is there
        for value, row in _once(values):
            if not columns.numeric[place] or (value == NA and name in columns.dictionary):
                yield Finding("state", row, (name,), columns.describe(name, value), chance)


def _missing_together(columns: Columns, matrix: FloatArray, chance: float) -> Iterator[Finding]:
    for _, row in _once(columns.missing_pattern(matrix).astype(np.float64)):
        names = tuple(
            name for name, value in zip(columns.dictionary.names, matrix[row], strict=False) if value == NA
        )
        yield Finding("missing together", row, names, f"{len(names)} variables missing", chance)


def _missing_apart(columns: Columns, matrix: FloatArray, chance: float) -> Iterator[Finding]:
    missing = matrix[:, : len(columns.dictionary.names)] == NA
    counts = missing.T.astype(np.float64) @ missing.astype(np.float64)
    each = np.diag(counts)
    apart = each[:, None] + each[None, :] - 2 * counts
    for one, other in zip(
        *np.nonzero(np.triu((apart == _MOST_APART) & (counts >= _FEWEST_TOGETHER), 1)), strict=True
    ):
        row = int(np.flatnonzero(missing[:, one] != missing[:, other])[0])
        names = (columns.names[one], columns.names[other])
        which = names[0] if missing[row, one] else names[1]
        yield Finding("missing apart", row, names, f"only {which} missing", chance)


def _event_patterns(columns: Columns, matrix: FloatArray, chance: float) -> Iterator[Finding]:
    names = tuple(name for e in columns.dictionary.endpoints for name in (e.time, e.status))
    for _, row in _once(columns.event_pattern(matrix)):
        statuses = ", ".join(
            columns.describe(e.status, matrix[row, columns.names.index(e.status)])
            for e in columns.dictionary.endpoints
        )
        yield Finding("event pattern", row, names, statuses, chance)


def _extremes(columns: Columns, matrix: FloatArray, chance: float) -> Iterator[Finding]:
    for name in columns.number_names:
        values = matrix[:, columns.names.index(name)]
        known = np.flatnonzero(values != NA)
        if len(known) < 4:
            continue
        order = known[np.argsort(values[known], kind="stable")]
        spread = float(np.subtract(*np.quantile(values[known], [0.75, 0.25]))) or 1.0
        for end, before in ((order[0], order[1]), (order[-1], order[-2])):
            gap = abs(float(values[end] - values[before])) / spread
            if gap > 0:
                yield Finding("extreme", int(end), (name,), columns.describe(name, values[end]), chance, gap)


def _resolution(columns: Columns, matrix: FloatArray) -> Iterator[Finding]:
    if len(matrix) > _MOST_FOR_STEPS:
        return
    for name in columns.number_names:
        if name not in columns.dictionary:
            continue
        values = matrix[:, columns.names.index(name)]
        known = np.flatnonzero(values != NA)
        default = 10.0 ** -columns.dictionary[name].decimals
        step = find_step(values[known], default)
        _, first, counts = np.unique(values[known], return_index=True, return_counts=True)
        for place in first[counts == 1]:  # a value that comes again is there without the patient too
            without = find_step(np.delete(values[known], place), default)
            if abs(without - step) > 1e-3 * step:
                yield Finding(
                    "resolution",
                    int(known[place]),
                    (name,),
                    f"{step:.4g}, without the patient {without:.4g}",
                    1.0,
                )


def _once(values: FloatArray) -> Iterator[tuple[float, int]]:
    """Yield each value that stands once, with its row."""
    unique, first, counts = np.unique(values, return_index=True, return_counts=True)
    for place in np.flatnonzero(counts == 1):
        yield float(unique[place]), int(first[place])
