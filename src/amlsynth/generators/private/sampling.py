"""Patients from a tilted prior: any number, in bounded memory.

Up to `FROM_POOL` patients come from the pool that was fitted, whose moments are met exactly: drawn evenly by
weight along the outcome, so that survival curves are met too, then swapped for others of like outcome as long
as the sample's moments come closer to the fitted ones (herding).
Larger numbers come in blocks, each from a new draw of the prior that is tilted to the same means.

A patient of the pool who is drawn again is moved: numbers to those of near patients of the pool, times by
some days, so that nobody is repeated.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.missing import Masks
from amlsynth.generators.private.patients import Columns
from amlsynth.model_space.encoding import Encoded

FROM_POOL = 10_000
_PASSES = 8  # of herding; more bring little
_NEAR = 0.01  # of the pool's ranks, within which a repeated patient's numbers move
_STRETCH = 0.05  # standard deviation of the logarithm by which a repeated patient's times move
Rows = npt.NDArray[np.int64]


def draw_rows(weights: FloatArray, n: int, rng: np.random.Generator) -> Rows:
    """Draw n positions by weight, as evenly as can be (systematic sampling), in random order."""
    return rng.permutation(_evenly(weights, n, rng))


def _evenly(weights: FloatArray, n: int, rng: np.random.Generator) -> Rows:
    points = (rng.random() + np.arange(n)) / n
    rows = np.searchsorted(np.cumsum(weights), points * weights.sum(), side="right")
    evenly: Rows = np.minimum(rows, len(weights) - 1).astype(np.int64)
    return evenly


def outcome_order(frame: pd.DataFrame, columns: Columns) -> Rows:
    """Return the positions of patients in the order of their outcomes: status first, then time."""
    endpoints = [pair for pair in (columns.terminal, columns.composite) if pair is not None]
    names = [status for _, status in endpoints] + [time for time, _ in endpoints]
    keys = [frame[name].to_numpy(np.float64, na_value=np.nan) for name in reversed(names)]
    return np.lexsort(keys) if keys else np.arange(len(frame))


def herd(
    features: npt.NDArray[np.float32], weights: FloatArray, order: Rows, n: int, rng: np.random.Generator
) -> Rows:
    """Draw n positions by weight, evenly along an order, with moments as close to those of the weights as can
    be.

    Each patient is swapped for another one at the same place of the order while that brings the sample's
    moments closer; every feature counts by its standard deviation. Source: herding, Chen, Welling and Smola,
    UAI 2010.
    """
    rows = order[_evenly(weights[order], n, rng)]
    mean = weights.astype(np.float32) @ features
    deviation = np.sqrt(np.maximum(weights.astype(np.float32) @ features**2 - mean**2, 0.0))
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6)
    off = (features[rows].mean(axis=0) - mean) * scale
    for _ in range(_PASSES):
        other = order[_evenly(weights[order], n, rng)]
        steps = (features[other] - features[rows]) * (scale / n)
        lengths = np.einsum("ij,ij->i", steps, steps)
        for k in rng.permutation(n):
            if 2.0 * float(steps[k] @ off) + lengths[k] < 0.0:
                off += steps[k]
                rows[k] = other[k]
    return rng.permutation(rows)


def patients_at(
    public: pd.DataFrame,
    rows: Rows,
    columns: Columns,
    rng: np.random.Generator,
    end_of_follow_up: float | None = None,
    *,
    move_all: bool = False,
) -> pd.DataFrame:
    """Return the patients at `rows` of a public frame; who is drawn again, or everybody, is moved a little.

    Times at the end of follow-up, in months, stay there, and no other time reaches it.
    """
    frame = public.iloc[rows].reset_index(drop=True)
    again = np.full(len(rows), True) if move_all else pd.Series(rows).duplicated().to_numpy()
    if not again.any():
        return frame
    for variable in columns.numbers:
        values = public[variable.name].to_numpy(np.float64, na_value=np.nan)
        frame.loc[again, variable.name] = _near(values, rows[again], rng)
    _stretch_times(frame, again, columns, rng, math.inf if end_of_follow_up is None else end_of_follow_up)
    return frame


def hide(frame: pd.DataFrame, masks: Masks, columns: Columns) -> pd.DataFrame:
    """Return the patients with NA where the masks hide, shape (n, units of `columns`)."""
    hidden = {
        name: frame[name].mask(masks[:, position])
        for position, unit in enumerate(columns.units)
        if masks[:, position].any()
        for name in unit
    }
    return frame.assign(**hidden)


def between_decimals(encoded: Encoded, columns: Columns, rng: np.random.Generator) -> Encoded:
    """Return patients whose numbers lie anywhere in the interval that the dictionary's decimals stand for.

    The prior's are rounded to these decimals, and a cohort's step may be no multiple of theirs: haemoglobin
    in tenths of g/dl has one or two values in each tenth of mmol/l. Snapped from rounded values all tenths
    would be equally frequent, which gives them away.
    """
    numbers = encoded.numbers.copy()
    for variable in columns.numbers:
        half = 10.0**-variable.decimals / 2
        numbers[variable.name] += rng.uniform(-half, half, len(numbers))
    return replace(encoded, numbers=numbers)


def without_unassessed(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Set to NA every column that the feature map does not read."""
    assessed = {name for unit in columns.units for name in unit}
    for variable in columns.dictionary.variables:
        if variable.name not in assessed:
            frame[variable.name] = pd.Series(pd.NA, index=frame.index, dtype=variable.dtype)
    return frame


def _near(values: FloatArray, rows: Rows, rng: np.random.Generator) -> FloatArray:
    """Return the values of patients whose ranks are near those of the patients at `rows`."""
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    reach = max(int(_NEAR * len(order)), 1)
    moved = rank[rows] + rng.integers(-reach, reach + 1, size=len(rows))
    near: FloatArray = values[order[np.clip(moved, 0, len(order) - 1)]]
    return near


def _stretch_times(
    frame: pd.DataFrame, again: npt.NDArray[np.bool_], columns: Columns, rng: np.random.Generator, end: float
) -> None:
    """Move both times of a patient by the same factor, to whole days; ties, order and times of 0 stay."""
    if columns.terminal is None:
        return
    d = columns.dictionary
    factor = np.exp(_STRETCH * rng.standard_normal(int(again.sum())))
    outer = frame.loc[again, columns.terminal[0]].to_numpy(np.float64, na_value=np.nan)
    last = _whole_days(np.array([end - 1.0 / d.days_per_month]), columns.terminal[0], d)
    new = np.minimum(_whole_days(outer * factor, columns.terminal[0], d), last)
    new = np.where((outer >= end) | (outer == 0), outer, new)
    frame.loc[again, columns.terminal[0]] = new
    if columns.composite is not None:
        inner = frame.loc[again, columns.composite[0]].to_numpy(np.float64, na_value=np.nan)
        moved = np.where(inner == 0, 0.0, _whole_days(inner * factor, columns.composite[0], d))
        # An event before death or censoring stays before it, by a day at least where there is room.
        day = np.round(1.0 / d.days_per_month, d[columns.composite[0]].decimals)
        room = np.where(new > day, _whole_days(new - 1.0 / d.days_per_month, columns.composite[0], d), new)
        frame.loc[again, columns.composite[0]] = np.where(inner < outer, np.minimum(moved, room), new)


def _whole_days(months: FloatArray, name: str, d: Dictionary) -> FloatArray:
    """Round to days, at least one, in months with the dictionary's decimals and within its range."""
    days = np.maximum(np.rint(months * d.days_per_month), 1.0)
    longest = d[name].maximum
    assert longest is not None
    months = np.minimum(days / d.days_per_month, longest)
    rounded: FloatArray = np.round(months, d[name].decimals).astype(np.float64)
    return rounded
