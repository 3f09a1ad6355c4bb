"""Rates of success and their intervals: Wilson, risk over a control attack, AUC after DeLong.

`benchmarks/privacy_null.py` measures how often the intervals hold what is true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amlsynth.evaluation.measure_group import NotComputable, figure
from amlsynth.evaluation.records import Figure
from amlsynth.statistics.coding import Floats
from amlsynth.statistics.proportions import wilson_interval
from amlsynth.statistics.wald import Z95

DECIMALS = 4  # of rates and AUCs: no single comparison of patients can be read back
FALSE_POSITIVES = 0.1  # the rate at which the true positive rate is read


@dataclass(frozen=True)
class Rate:
    """A share of successes among `n` independent attempts; `n` may be an effective number."""

    share: float
    n: float

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson_interval(self.share, self.n)

    @property
    def figure(self) -> Figure:
        return figure(self.share, *self.interval, decimals=DECIMALS)


def rate_of(
    successes: NDArray[np.bool_] | Floats,
    weights: NDArray[np.int64] | None = None,
    groups: NDArray[Any] | None = None,
) -> Rate:
    """Return the rate of one success (or share of successes) a target, shape (targets,).

    With shares, as where one patient is attacked several times, `n` is the number of independent
    attempts that would have the variance of the mean over targets, and at least the targets. `weights`,
    shape (targets,), are those of the mean. Targets of the same key in `groups`, shape (targets,), succeed
    together, so that `n` is nearer to the number of groups.

    Raises
    ------
    NotComputable
        There is no target.
    """
    values = np.asarray(successes, dtype=np.float64)
    if len(values) == 0:
        raise NotComputable("there is nobody left to attack in these cohorts")
    weight = np.ones(len(values)) if weights is None else weights / weights.mean()
    share = float(np.clip((weight * values).mean(), 0.0, 1.0))
    # The variance of a weighted mean, by linearisation
    parts, sizes = weight * (values - share), weight
    if groups is not None:
        _, group = np.unique(groups, return_inverse=True)
        parts, sizes = (np.bincount(group, each) for each in (parts, sizes))
    targets = len(values) ** 2 / float((sizes**2).sum())  # Kish's number of equal weights
    spread = float((parts**2).sum()) * len(parts) / (max(len(parts) - 1, 1) * len(values) ** 2)
    effective = share * (1 - share) / spread if spread > 0 else targets
    return Rate(share, max(effective, targets))


def risk_figure(main: Rate, control: Rate) -> Figure:
    """Return how much more often an attack succeeds on training patients than on non-members.

    Giomi et al. 2023, equation 3: (main - control) / (1 - control), which is 1 - (1 - main) / (1 - control).
    With few non-members the quotient is too large on average, by the relative variance of 1 - control, and is
    divided by 1 plus that (delta method). The 95 % interval is that of a ratio whose parts have Wilson's
    intervals, which are not as wide on both sides (MOVER: Donner and Zou, Stat Methods Med Res 2012;21:347).
    Below 0 the attack does better on those that the generator never saw, which is chance.

    Raises
    ------
    NotComputable
        The control attack always succeeds, so that nothing is left to be gained.
    """
    if control.share >= 1:
        raise NotComputable("the attack always succeeds on patients that the generator never saw")
    room = 1 - control.share
    value = 1 - (1 - main.share) / room / (1 + control.share / (room * control.n))
    low, high = _interval_of_ratio(_Failures.of(main), _Failures.of(control))
    return _clamped(value, min(1 - high, value), max(1 - low, value), -1.0)


class _Failures(NamedTuple):
    """The share of attempts that fail, with its interval."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, rate: Rate) -> _Failures:
        low, high = rate.interval
        return cls(1 - rate.share, 1 - high, 1 - low)


def _interval_of_ratio(one: _Failures, other: _Failures) -> tuple[float, float]:
    """Return the 95 % interval of one share over another, which is not 0."""

    def root(end: float, other_end: float) -> float:
        product = end * (2 * one.share - end) * other_end * (2 * other.share - other_end)
        return middle + math.sqrt(max(middle**2 - product, 0.0))

    middle = one.share * other.share
    below = root(one.low, other.high)
    low = one.low * (2 * one.share - one.low) / below if below > 0 else 0.0
    return low, root(one.high, other.low) / (other.low * (2 * other.share - other.low))


def _clamped(value: float, low: float, high: float, least: float = 0.0) -> Figure:
    """Return a figure whose value lies between `least` and 1, as its interval does."""
    middle, low, high = (min(max(end, least), 1.0) for end in (value, low, high))
    return figure(middle, low, high, decimals=DECIMALS)


@dataclass(frozen=True)
class Scores:
    """Scores of members and non-members, shapes (members,) and (non_members,); members should have more."""

    members: Floats
    non_members: Floats

    def of(self, members: NDArray[np.bool_], non_members: NDArray[np.bool_]) -> Scores:
        """Return the scores of some."""
        return Scores(self.members[members], self.non_members[non_members])


@dataclass(frozen=True)
class RocEstimate:
    """How well scores tell members from non-members: the share of pairs in the right order, ties half.

    members, non_members : each patient's share of the other side that it is in the right order with,
        shapes (members,) and (non_members,): the placements of DeLong et al. 1988.
    rounds : in which the non-members were tested, a part of them in each.
    """

    members: Floats
    non_members: Floats
    rounds: int = 1

    @classmethod
    def of(cls, *rounds: Scores) -> RocEstimate:
        """Place scores; in several rounds the members are the same and the non-members are not."""
        return cls(
            np.mean([_share_below(scores.members, scores.non_members) for scores in rounds], axis=0),
            np.concatenate([1 - _share_below(scores.non_members, scores.members) for scores in rounds]),
            len(rounds),
        )

    @property
    def auc(self) -> float:
        return float(self.members.mean())

    @property
    def figure(self) -> Figure:
        """The AUC with DeLong's 95 % interval; it gives both sides the same weight whatever their size.

        Those tested in one round are the reference of the other, so that chance does the same in both: the
        variance is that of one round. Where every pair is in order it is 0, and Wilson's interval for
        the smaller side is given instead.
        """
        tested = len(self.non_members) / self.rounds
        variance = self.members.var(ddof=1) / len(self.members) + self.non_members.var(ddof=1) / tested
        if variance <= 0 and self.auc in (0.0, 1.0):
            return Rate(self.auc, min(len(self.members), tested)).figure
        half = Z95 * math.sqrt(variance)
        return _clamped(self.auc, self.auc - half, self.auc + half)


def true_positive_figure(*rounds: Scores, at: float = FALSE_POSITIVES) -> Figure:
    """Return the share of members found where a share `at` of the non-members is taken for members.

    A threshold just above the (k + 1)-th of o non-members takes (k + 1) / (o + 1) of all non-members for
    members: one more is as likely to lie in each of the o + 1 gaps between them. Between two thresholds the
    curve is a straight line; over several rounds, with the same members and other non-members, the curves are
    averaged. The 95 % interval holds the chance in both sides: that of the non-members moves the threshold,
    by the slope of the curve around it. Of several rounds it is that of one, as for the AUC.
    """
    points = (at, at / 2, at * 1.5)
    curves = [_curve(scores, points) for scores in rounds]
    found, below, above = np.mean(curves, axis=0).tolist()
    slope = (above - below) / at
    non_members = np.mean([len(scores.non_members) for scores in rounds])
    variance = found * (1 - found) / len(rounds[0].members) + slope**2 * at * (1 - at) / non_members
    half = Z95 * math.sqrt(variance)
    return _clamped(found, found - half, found + half)


def _curve(scores: Scores, points: tuple[float, ...]) -> Floats:
    thresholds = np.unique(np.concatenate((scores.members, scores.non_members)))[::-1]
    others = len(scores.non_members)
    # The upper end of a step with k non-members lies just above the next of them.
    expected = (_share_at_least(scores.non_members, thresholds) * others + 1) / (others + 1)
    false = np.concatenate(([0.0], expected))
    true = np.concatenate(([0.0], _share_at_least(scores.members, thresholds)))
    last = np.append(np.diff(false) > 0, True)  # the upper end of each step
    found: Floats = np.interp(points, false[last], true[last])
    return found


def _share_below(scores: Floats, non_members: Floats) -> Floats:
    ordered = np.sort(non_members)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    share: Floats = (below + up_to) / (2 * len(non_members))
    return share


def _share_at_least(scores: Floats, thresholds: Floats) -> Floats:
    share: Floats = 1 - np.searchsorted(np.sort(scores), thresholds, side="left") / len(scores)
    return share
