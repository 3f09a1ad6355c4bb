"""The resolution in which numbers were recorded, so that synthetic numbers are recorded alike.

A trial's times are whole days and its haemoglobin may be tenths of a gram per decilitre; in the dictionary's
units both are multiples of odd steps. Synthetic numbers between these steps would give themselves away at a
glance, whatever else is right about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from amlsynth.cohort.tables import TIME_DECIMALS
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import FloatArray
from amlsynth.model_space.encoding import PATTERNS, Encoded, number_variables

_ENOUGH = 10  # distinct values, from which a step can be told
_MOST = 0.9  # of the values on the dictionary's own step make it the step
_NEARLY_ALL = 0.99  # of the values must be on any other step
_SMALLEST = 1e-4  # step that is looked for, in the variable's unit
_BEFORE = [code for code, pattern in enumerate(PATTERNS) if pattern.times == "before"]


@dataclass(frozen=True)
class Resolution:
    """The step of each number, in its unit, and that of the survival times in months.

    `zero` says whether a time may be 0; else the shortest is a step.
    """

    numbers: Mapping[str, float]
    time: float
    zero: bool = False

    @classmethod
    def of(cls, encoded: Encoded, d: Dictionary) -> Self:
        """Learn the steps from a cohort in the model space."""
        numbers = {}
        for variable in number_variables(d):
            known = encoded.numbers[variable.name].to_numpy()[~encoded.missing[variable.name].to_numpy()]
            numbers[variable.name] = find_step(known, 10.0**-variable.decimals)
        times = encoded.time[~np.isnan(encoded.time)]
        months = d[d.terminal.time]
        return cls(numbers, find_step(times, 10.0**-months.decimals))

    @classmethod
    def stated(cls, d: Dictionary, steps: Mapping[str, float] | None = None) -> Self:
        """Return the dictionary's decimals, or the steps that a cohort's record states, by variable."""
        steps = steps or {}

        def step(name: str) -> float:
            return float(steps.get(name, 10.0 ** -d[name].decimals))

        return cls({v.name: step(v.name) for v in number_variables(d)}, step(d.terminal.time))

    def above_zero(self, encoded: Encoded) -> Encoded:
        """Return the cohort with times of one step in place of 0, unless 0 is kept as a mass point.

        Generators work on the logarithms of times.
        """
        short = encoded.time - encoded.gap <= 0
        if self.zero or not short.any():
            return encoded
        has_gap = np.isin(encoded.pattern, _BEFORE)
        time = np.where(short, np.maximum(encoded.time, self.time * (1 + has_gap)), encoded.time)
        return replace(encoded, time=time, gap=np.where(short & has_gap, time - self.time, encoded.gap))

    def snap(self, encoded: Encoded) -> Encoded:
        """Return the cohort with its numbers and times at whole steps; a gap keeps one step at least.

        With `zero` a time of exactly 0 stays so; a short one is a step at least all the same.
        """
        numbers = encoded.numbers.copy()
        for name, step in self.numbers.items():
            numbers[name] = _at_steps(numbers[name].to_numpy(np.float64), step)
        has_gap = np.isin(encoded.pattern, _BEFORE)
        at_zero = encoded.time - encoded.gap <= 0
        shortest = np.where(at_zero, 0.0, self.time) if self.zero else self.time
        at_steps = np.maximum(_at_steps(encoded.time, self.time), shortest + self.time * has_gap)
        time: FloatArray = np.round(at_steps, TIME_DECIMALS)
        gap = np.clip(_at_steps(encoded.gap, self.time), self.time, np.maximum(time - shortest, self.time))
        return replace(
            encoded,
            numbers=numbers,
            time=time,
            gap=np.where(has_gap, gap, 0.0),
        )


def find_step(values: FloatArray, default: float) -> float:
    """Return the step that values are multiples of.

    Parameters
    ----------
    values : shape (n,), no NaN.
    default : the step to return when nine in ten values are multiples of it, or no step is found.

    Notes
    -----
    The smallest distance of two values is a first guess, which a regression on the multiples refines; it
    counts when nearly all values are multiples.
    """
    distinct = np.unique(np.round(values, 9))
    if len(distinct) < _ENOUGH or _share_on(values, default) >= _MOST:
        return default
    distances = np.diff(distinct)
    distances = distances[distances > _SMALLEST]
    if not len(distances):
        return default
    step = float(distances.min())
    # A first guess is off by the rounding of the values, which adds up over many steps: refine upwards.
    for reach in (50, 500, np.inf):
        near = distinct[(distinct > 0) & (distinct <= reach * step)]
        multiples = np.rint(near / step)
        if multiples.any():
            step = float((near * multiples).sum() / (multiples**2).sum())
    return step if step > default * 1e-3 and _share_on(values, step) >= _NEARLY_ALL else default


def _share_on(values: FloatArray, step: float) -> float:
    return float((np.abs(values - _at_steps(values, step)) <= max(0.01 * step, 2e-6)).mean())


def _at_steps(values: FloatArray, step: float) -> FloatArray:
    # Rounding removes what the product of a whole number and a fraction leaves behind.
    at: FloatArray = np.round(np.rint(values / step) * step, 9)
    return at
