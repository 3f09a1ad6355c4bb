"""What one patient alone decides, taken out of a training cohort before a generator sees it.

A generator that fits what it is given can repeat a state that one patient has, the exact largest number, or a
missing value that nobody else lacks; by that alone it tells who was in (`amlsynth audit` measures it). Here
the cohort is changed first, as little as hides that:

- missing values: those of a variable that few lack are filled in; variables that are missing in the same
  patients but for a few become missing in the same patients;
- of two states the rarer one, where few have it, goes to as few others at random, and both can always come
  out; rare categories and event patterns give way to those of other patients;
- numbers and times become draws from a smooth quantile function through means of blocks of patients, with
  exponential tails: no knot and no end is one patient's;
- patients are resampled, so that each may be absent, and margins vary from fit to fit as samples do (proper
  synthesis: Raghunathan, Reiter and Rubin, Journal of Official Statistics 2003;19:1).

What counts as few is drawn anew for every variable of every fit, so that no number of carriers is the one at
which a single patient tips the scale. This makes attacks fail that were tried; it proves nothing. The
generator `private` has the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.model_space.encoding import Encoded
from amlsynth.model_space.mass_points import MassPoints

_TAIL = 1.2  # scales at which a tail ends: nobody is 120 years old because some are 90
_LARGEST = 0.999  # share of a time that the gap before its end may take


@dataclass(frozen=True)
class Discretion:
    """How much is taken out.

    Attributes
    ----------
    few : patients who decide nothing: the threshold is drawn between a half and one and a half of it.
    block : patients whose mean is a knot of a quantile function; those at either end make the tail.
    copies : patients are drawn without replacement from so many copies of the cohort; 1 leaves it as it is.
    bootstrap : patients are drawn with replacement instead, as from endless copies.
    """

    few: int
    block: int
    copies: int
    bootstrap: bool = False


def discreet(
    train: Encoded,
    discretion: Discretion,
    d: Dictionary,
    rng: np.random.Generator,
    mass_points: MassPoints | None = None,
) -> Encoded:
    """Return a cohort of as many patients in which no single patient decides what can come out.

    Times on `mass_points`, which many patients share, stay as they are.
    """
    hidden = _missing_together(train, discretion, d, rng)
    hidden = _without_rare_patterns(_without_rare_states(hidden, discretion, d, rng), discretion, rng)
    n = len(hidden)
    if discretion.bootstrap:
        drawn = rng.integers(n, size=n)
    else:
        drawn = rng.permutation(np.repeat(np.arange(n), discretion.copies))[:n]
    return _smoothed(hidden.take(drawn), discretion, d, rng, mass_points or MassPoints.none())


def _threshold(discretion: Discretion, n: int, rng: np.random.Generator) -> int:
    """Draw what is too few; in a small cohort at most a tenth of it."""
    few = min(discretion.few, max(2, n // 20))
    return int(rng.integers((few + 1) // 2, few + few // 2 + 1))


def _missing_together(
    train: Encoded, discretion: Discretion, d: Dictionary, rng: np.random.Generator
) -> Encoded:
    """Make missing values of variables such that no group of variables is parted by few patients."""
    states, numbers, missing = train.states.copy(), train.numbers.copy(), train.missing.copy()
    n = len(train)
    masks = {str(name): states[name].to_numpy() == len(d[str(name)].values) for name in states}
    masks |= {str(name): missing[name].to_numpy(bool) for name in missing}
    groups: list[BoolArray] = []
    for name, mask in masks.items():
        few = _threshold(discretion, n, rng)
        regular = _regular(mask, groups, few)
        if not np.array_equal(regular, mask):
            _set_missing(states, numbers, missing, d[name], mask, regular, rng)
        if (
            regular.any()
            and not regular.all()
            and not any(np.array_equal(regular, group) for group in groups)
        ):
            groups.append(regular)
    return replace(train, states=states, numbers=numbers, missing=missing)


def _regular(mask: BoolArray, groups: list[BoolArray], few: int) -> BoolArray:
    """Return the mask, or the one in its place: nobody, everybody, or a group that differs in few."""
    count = int(mask.sum())
    if count < few:
        return np.zeros_like(mask)
    if len(mask) - count < few:
        return np.ones_like(mask)
    for group in groups:
        if (group != mask).sum() < min(few, count / 2):
            return group
    return mask


def _set_missing(
    states: pd.DataFrame,
    numbers: pd.DataFrame,
    missing: pd.DataFrame,
    variable: Variable,
    mask: BoolArray,
    regular: BoolArray,
    rng: np.random.Generator,
) -> None:
    """Enter another missingness of a variable; who has no value yet is given another patient's."""
    name, known, filled = variable.name, ~mask, mask & ~regular
    if variable.is_categorical:
        codes = states[name].to_numpy().copy()
        if known.any():
            codes[filled] = rng.choice(codes[known], int(filled.sum()))
            codes[regular] = len(variable.values)
            states[name] = codes
        return
    values = numbers[name].to_numpy(np.float64).copy()
    if known.any():
        values[filled] = rng.choice(values[known], int(filled.sum()))
        numbers[name], missing[name] = np.where(regular, 0.0, values), regular


def _without_rare_states(
    train: Encoded, discretion: Discretion, d: Dictionary, rng: np.random.Generator
) -> Encoded:
    """Hide who has a state that few have.

    Of two states the rarer goes to as few patients drawn at random, whether it is there or not, so that both
    can always come out. A category of several that few have gives way to those of other patients.
    """
    states = train.states.copy()
    for name in states:
        codes = states[name].to_numpy().copy()
        values = d[str(name)].values
        known = codes != len(values)
        few = _threshold(discretion, len(codes), rng)
        if d[str(name)].type == "tri-state":
            positive = int((codes == 1).sum())
            rarer, count = (1, positive) if 2 * positive <= known.sum() else (0, int(known.sum()) - positive)
            if count < few <= known.sum():
                codes[known] = 1 - rarer
                codes[rng.choice(np.flatnonzero(known), int(rng.integers(1, max(2, few))), replace=False)] = (
                    rarer
                )
                states[name] = codes
            continue
        present, counts = np.unique(codes[known], return_counts=True)
        rare = present[counts < min(few, counts.max(initial=0))]
        hit = np.isin(codes, rare) & known
        if hit.any():
            codes[hit] = rng.choice(codes[known & ~hit], int(hit.sum()))
            states[name] = codes
    return replace(train, states=states)


def _without_rare_patterns(train: Encoded, discretion: Discretion, rng: np.random.Generator) -> Encoded:
    """Give patients with an event pattern that few have the outcome of other patients."""
    present, counts = np.unique(train.pattern, return_counts=True)
    few = _threshold(discretion, len(train), rng)
    hit = np.isin(train.pattern, present[counts < min(few, counts.max())])
    if not hit.any():
        return train
    source = np.arange(len(train))
    source[hit] = rng.choice(np.flatnonzero(~hit), int(hit.sum()))
    return replace(train, pattern=train.pattern[source], time=train.time[source], gap=train.gap[source])


def _smoothed(
    train: Encoded, discretion: Discretion, d: Dictionary, rng: np.random.Generator, points: MassPoints
) -> Encoded:
    """Draw numbers and times anew from smooth quantile functions; ranks stay but for neighbours."""
    numbers = train.numbers.copy()
    for name in numbers:
        variable = d[str(name)]
        known = ~train.missing[name].to_numpy(bool)
        low, high = variable.minimum, variable.maximum
        assert low is not None and high is not None  # of every number
        values = numbers[name].to_numpy(np.float64).copy()
        values[known] = redrawn(values[known], discretion.block, rng, low, high)
        numbers[name] = values
    time, gap = train.time.copy(), train.gap.copy()
    longest, shortest = d[d.terminal.time].maximum, 10.0 ** -d[d.terminal.time].decimals
    assert longest is not None
    free = ~np.isnan(time) & ~points.at(time)
    time[free] = redrawn(time[free], discretion.block, rng, shortest, points.end_of_others(longest))
    inner, later = train.time - train.gap, train.gap > 0
    free = later & ~points.at(inner)
    share = np.log(gap[free] / inner[free])
    drawn = 1 / (1 + np.exp(-redrawn(share, discretion.block, rng)))
    gap[free] = time[free] * np.minimum(drawn, _LARGEST)
    fixed = later & ~free
    gap[fixed] = np.maximum(time[fixed] - inner[fixed], time[fixed] * (1 - _LARGEST))
    return replace(train, numbers=numbers, time=time, gap=gap)


def redrawn(
    values: FloatArray, block: int, rng: np.random.Generator, low: float = -np.inf, high: float = np.inf
) -> FloatArray:
    """Draw each value anew from a smooth quantile function, at its own rank.

    Parameters
    ----------
    values : shape (n,), no NaN. block : values whose mean is a knot. low, high : bounds of what is drawn.

    Notes
    -----
    Knots are means of blocks, at the blocks' middle ranks; where blocks begin is drawn. The outermost blocks
    have exponential tails from the middle between their median and the next mean, whose scale is the median
    of their excesses, so that the outermost value does not set it, times the noise of a scale that so many
    values tell.
    """
    n = len(values)
    if n < 4 * block or values.min() == values.max():
        return values
    order = np.lexsort((rng.random(n), values))
    ordered = values[order]
    starts = np.append(0, np.arange(block + int(rng.integers(block)), n - block, block))
    ends = np.append(starts[1:], n)
    means = np.add.reduceat(ordered, starts) / (ends - starts)
    middles = (starts + ends) / 2
    # A mean at either end would be moved by the outermost value, however far out that is.
    means[0], means[-1] = np.median(ordered[: ends[0]]), np.median(ordered[starts[-1] :])
    # A block of equal values is a mass point, which stays one.
    place = np.arange(n) + rng.random(n)
    drawn = np.interp(place, middles, means)
    constant = ordered[starts] == ordered[ends - 1]
    tied = np.repeat(constant, ends - starts)
    drawn = np.where(tied, ordered, drawn)
    for inside, sign in ((slice(starts[-1], n), 1.0), (slice(0, ends[0]), -1.0)):
        part = ordered[inside]
        if part[0] == part[-1]:
            continue
        neighbour = means[-2] if sign > 0 else means[1]
        edge = (float(np.median(part)) + neighbour) / 2
        excess = np.maximum(sign * (part - edge), 0.0)
        noise = rng.gamma(len(part)) / len(part)
        scale = float(np.median(excess)) * noise / -np.log((1 + np.exp(-_TAIL)) / 2)
        tail = -scale * np.log1p(-np.sort(rng.random(len(part))) * (1 - np.exp(-_TAIL)))
        drawn[inside] = edge + sign * (tail if sign > 0 else tail[::-1])
    redrawn_values = np.empty(n)
    redrawn_values[order] = np.clip(drawn, low, high)
    return redrawn_values
