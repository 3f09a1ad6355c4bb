"""Both endpoints at once: an illness-death model with explicit censoring.

A patient is alive and event-free, then alive after an event, then dead; death may also come first. Three
transitions have hazards of their own (Putter, Fiocco, Geskus, Statistics in Medicine 2007;26:2389-2430):
event-free to event, event-free to death, and event to death, the last in time since the event. Each is a
Cox model with a ridge penalty; a fourth one is for the end of follow-up, which cuts both endpoints off at the
same moment. So EFS <= OS, ties of the two and "dead means event" come about as they do in a trial.

Hazards are not proportional in real cohorts, which would bend the curves. So each model's times are mapped
such that their marginal distribution is the Kaplan-Meier curve of the stratum; between the observed times the
mapping is linear, so that no patient's time is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amlsynth.encoding import PATTERNS, Encoded, Pattern
from amlsynth.generators.ridge import CoxModel, ridge_cox

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_FEWEST = 30  # patients with the event, for a stratum of its own
_PER_STRATUM = 60  # later events, at least, in each class of the time of the first event
_MOST_CLASSES = 4
_KNOTS = 400  # of a curve, at quantiles of the event times
_AVERAGED = 5000  # patients that a model's marginal curve is averaged over, at most
_LAST = 5  # longest times, between which follow-up ends at the latest
_SHORTEST = 1e-3  # months, of a time after the event, so that its logarithm is finite

_EFS_STATUS = np.array([-1 if p.efs_status is None else p.efs_status for p in PATTERNS])
_OS_STATUS = np.array([-1 if p.os_status is None else p.os_status for p in PATTERNS])
_TIMES = np.array([p.times for p in PATTERNS])


@dataclass(frozen=True)
class Shrinkage:
    """Ridge penalties: of effects, of their change with failed remission, and of effects on follow-up."""

    effects: float
    interactions: float
    follow_up: float


class IllnessDeath:
    """The outcome given the covariates.

    Parameters
    ----------
    train : the training cohort.
    features : its covariates, shape (n, p).
    failed : whether first remission was not reached, shape (n,); such patients have hazards of their own.
    shrinkage : the penalties.
    """

    def __init__(self, train: Encoded, features: Floats, failed: Bools, shrinkage: Shrinkage) -> None:
        self._visible = train.pattern  # what is known of an outcome is drawn from these
        known = _completed(train)
        self._any = bool(known.usable.any())
        if not self._any:
            return
        x, failed = features[known.usable], failed[known.usable]
        os, efs = known.os[known.usable], known.efs[known.usable]
        died, event = known.died[known.usable], known.event[known.usable]
        first_is_death = event & died & (os <= efs)
        first_is_event = event & ~first_is_death

        failures = (failed & event).sum()
        self._split = bool(min(failures, event.sum() - failures) >= _FEWEST)
        z = self._with_interactions(x, failed)
        penalty = np.repeat(
            [shrinkage.effects, shrinkage.interactions], [x.shape[1], z.shape[1] - x.shape[1]]
        )
        stratum = self._stratum(failed)
        self._to_event = ridge_cox(z, efs, first_is_event, stratum, penalty)
        self._to_death = ridge_cox(z, efs, first_is_death, stratum, 2 * penalty)  # few die without event
        self._first = _Calibration(efs, event, stratum, [(self._to_event, z), (self._to_death, z)])

        at = first_is_event
        log_efs = np.log(efs[at]) if at.any() else np.zeros(1)
        self._log_mean, self._log_spread = float(log_efs.mean()), float(log_efs.std()) + 1e-9
        self._edges = self._classes(efs[at & ~failed], died[at & ~failed])
        after = self._after_features(z[at], efs[at])
        since, after_stratum = np.maximum(os - efs, _SHORTEST)[at], self._after_stratum(failed[at], efs[at])
        self._after_event = ridge_cox(
            after, since, died[at], after_stratum, np.append(penalty, 0.1 * shrinkage.effects)
        )
        self._second = _Calibration(since, died[at], after_stratum, [(self._after_event, after)])

        nobody = np.zeros(len(os), dtype=np.int64)
        self._follow_up = ridge_cox(x, os, ~died, nobody, np.full(x.shape[1], shrinkage.follow_up))
        self._end = _Calibration(os, ~died, nobody, [(self._follow_up, x)])
        longest = np.unique(os)[-_LAST:]
        self._last = float(longest[0]), float(longest[-1])

    def draw(
        self, features: Floats, failed: Bools, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int8], Floats, Floats]:
        """Draw event pattern, time and gap, as `Encoded` has them, shapes (n,)."""
        n = len(features)
        visible = rng.choice(self._visible, n)
        if not self._any:
            return visible, np.full(n, np.nan), np.zeros(n)
        z, stratum = self._with_interactions(features, failed), self._stratum(failed)
        to_event = _draw_time(self._to_event, z, stratum, rng)
        to_death = _draw_time(self._to_death, z, stratum, rng)
        first = self._first.map(np.minimum(to_event, to_death), stratum)
        nobody = np.zeros(n, dtype=np.int64)
        end = self._end.map(_draw_time(self._follow_up, features, nobody, rng), nobody)
        # Where the curve of follow-up stops above 0, it ends among the longest times, at nobody's own.
        end = np.where(np.isinf(end), rng.uniform(*self._last, n), end)

        ill = (to_event < to_death) & (first < end)
        after_time = np.where(ill, first, 1.0)
        after_stratum = self._after_stratum(failed, after_time)
        since = _draw_time(self._after_event, self._after_features(z, after_time), after_stratum, rng)
        since = self._second.map(since, after_stratum)

        efs = np.minimum(first, end)
        event = first < end
        os = np.where(ill, np.minimum(first + since, end), efs)
        died = np.where(ill, first + since < end, event)
        pattern = _shown(visible, event, died, ill)
        return pattern, np.where(_TIMES[pattern] == "efs", efs, os), os - efs

    def _with_interactions(self, features: Floats, failed: Bools) -> Floats:
        return np.column_stack((features, features * failed[:, None])) if self._split else features

    def _stratum(self, failed: Bools) -> Ints:
        return (failed & self._split).astype(np.int64)

    def _classes(self, efs: Floats, died: Bools) -> Floats:
        count = int(np.clip(died.sum() // _PER_STRATUM, 1, _MOST_CLASSES))
        edges: Floats = np.quantile(efs, np.linspace(0, 1, count + 1)[1:-1]) if count > 1 else np.empty(0)
        return edges

    def _after_features(self, z: Floats, efs: Floats) -> Floats:
        return np.column_stack((z, (np.log(efs) - self._log_mean) / self._log_spread))

    def _after_stratum(self, failed: Bools, efs: Floats) -> Ints:
        # An early relapse is another disease than a late one, so the hazards after it differ in shape.
        classes = 1 + np.digitize(efs, self._edges)
        return np.where(failed & self._split, 0, classes).astype(np.int64)


@dataclass(frozen=True)
class _Outcomes:
    """Both endpoints of the patients in whom they are `usable`; months, shape (n,)."""

    usable: Bools
    os: Floats
    efs: Floats
    died: Bools
    event: Bools


def _completed(train: Encoded) -> _Outcomes:
    """Return the patients with both endpoints, or, where hardly any has both, those with one, completed."""
    times = _TIMES[train.pattern]
    efs_status, os_status = _EFS_STATUS[train.pattern], _OS_STATUS[train.pattern]
    usable = np.isin(times, ("equal", "before")) & (efs_status >= 0) & (os_status >= 0)
    if usable.sum() < _FEWEST:
        # An endpoint that nobody has is not shown later; until then it is as the other one.
        usable = ~np.isnan(train.time)
        os_status = np.where(os_status < 0, np.where(times == "efs", 0, efs_status), os_status)
        efs_status = np.where(efs_status < 0, os_status, efs_status)
    return _Outcomes(
        usable=usable & (train.time > 0),
        os=train.time,
        efs=np.maximum(train.time - train.gap, _SHORTEST),
        died=os_status == 1,
        event=(efs_status == 1) | (os_status == 1),
    )


def _draw_time(model: CoxModel, features: Floats, stratum: Ints, rng: np.random.Generator) -> Floats:
    """Draw the time of one transition on the model's own scale; infinity where it does not come."""
    hazard = rng.exponential(size=len(features)) / model.relative(features)
    times = np.full(len(features), np.inf)
    for number, baseline in model.baselines.items():
        here = stratum == number
        times[here] = baseline.inverse(hazard[here])
    return times


class _Calibration:
    """Maps times of competing models so that the time of the first is distributed as observed.

    Parameters
    ----------
    time, event, stratum : the observed times, shape (n,); `event` of any kind.
    models : the models with their features, shape (n, p).
    """

    def __init__(
        self, time: Floats, event: Bools, stratum: Ints, models: list[tuple[CoxModel, Floats]]
    ) -> None:
        self._curves: dict[int, tuple[Floats, Floats, Floats]] = {}
        for number in np.unique(stratum[event]):
            here = np.flatnonzero(stratum == number)
            observed = np.unique(time[here][event[here]])
            if len(observed) > _KNOTS:
                observed = np.unique(np.quantile(observed, np.linspace(0, 1, _KNOTS), method="nearest"))
            averaged = here[:: max(1, len(here) // _AVERAGED)]
            cumulative = np.zeros((len(observed), len(averaged)))
            for model, features in models:
                if int(number) in model.baselines:
                    baseline = model.baselines[int(number)].at(observed)
                    cumulative += baseline[:, None] * model.relative(features[averaged])
            expected = np.exp(-cumulative).mean(axis=1)
            self._curves[int(number)] = (observed, expected, _kaplan_meier(time[here], event[here], observed))

    def map(self, times: Floats, stratum: Ints) -> Floats:
        """Return the times at which the observed curve is where the model's was; infinity beyond its end."""
        mapped = np.full(len(times), np.inf)
        for number, (observed, expected, survival) in self._curves.items():
            here = np.flatnonzero((stratum == number) & np.isfinite(times))
            level = np.interp(times[here], np.append(0.0, observed), np.append(1.0, expected))
            # A fall of the curve is spread to both sides of its time, half way to its neighbours.
            half_way = np.append((observed[:-1] + observed[1:]) / 2, observed[-1])
            knots = np.append(observed[0] / 2, half_way)
            found = np.interp(-level, -np.append(1.0, survival), knots)
            mapped[here] = np.where(level < survival[-1] - 1e-12, np.inf, found)
        return mapped


def _kaplan_meier(time: Floats, event: Bools, at: Floats) -> Floats:
    """Return the product-limit estimate at the given times, ascending."""
    times, position = np.unique(time, return_inverse=True)
    events = np.bincount(position, weights=event, minlength=len(times))
    leaving = np.bincount(position, minlength=len(times))
    at_risk = len(time) - np.append(0, np.cumsum(leaving)[:-1])
    survival: Floats = np.cumprod(1 - events / at_risk)[np.searchsorted(times, at, side="right") - 1]
    return survival


def _shown(visible: npt.NDArray[np.int8], event: Bools, died: Bools, ill: Bools) -> npt.NDArray[np.int8]:
    """Return the pattern of each outcome as far as the drawn patient of the training cohort shows it."""
    pattern = np.empty(len(visible), dtype=np.int8)
    states = event.astype(int) + 2 * died + 4 * ill
    for code in np.unique(visible):
        shown = PATTERNS[code]
        for state in range(8):
            here = (visible == code) & (states == state)
            if here.any():
                pattern[here] = PATTERNS.index(_masked(shown, state & 1, (state >> 1) & 1, bool(state & 4)))
    return pattern


def _masked(shown: Pattern, event: int, died: int, ill: bool) -> Pattern:
    times = shown.times if shown.times in ("os", "efs", "none") else ("before" if ill else "equal")
    return Pattern(
        efs_status=None if shown.efs_status is None else event,
        os_status=None if shown.os_status is None else died,
        times=times,
    )
