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

from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.generators.event_history.calibration import Calibration
from amlsynth.generators.event_history.ridge import ridge_cox
from amlsynth.model_space.encoding import PATTERNS, Encoded, Pattern
from amlsynth.survival.cox import CoxFit, relative_hazard

Ints = IntArray

_FEWEST = 30  # patients with the event, for a stratum of its own
_PER_STRATUM = 60  # later events, at least, in each class of the time of the first event
_MOST_CLASSES = 4
_LAST = 5  # longest times, between which follow-up ends at the latest
_SHORTEST = 1e-3  # months, of a time after the event, so that its logarithm is finite

_EFS_STATUS = np.array([-1 if p.efs_status is None else p.efs_status for p in PATTERNS])
_OS_STATUS = np.array([-1 if p.os_status is None else p.os_status for p in PATTERNS])
_TIMES = np.array([p.times for p in PATTERNS])


@dataclass(frozen=True)
class Shrinkage:
    """Ridge penalties: of effects, of their change with a failed response, and of effects on follow-up."""

    effects: float
    interactions: float
    follow_up: float


class IllnessDeath:
    """The outcome given the covariates.

    Parameters
    ----------
    train : the training cohort.
    features : its covariates, shape (n, p).
    failed : whether the response was not reached, shape (n,); such patients have hazards of their own.
    shrinkage : the penalties.
    """

    def __init__(self, train: Encoded, features: FloatArray, failed: BoolArray, shrinkage: Shrinkage) -> None:
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
        self._event_share = first_is_event.sum() / max(1, event.sum())
        self._first = Calibration(efs, event, stratum, [(self._to_event, z), (self._to_death, z)])

        at = first_is_event
        log_efs = np.log(efs[at]) if at.any() else np.zeros(1)
        self._log_mean, self._log_spread = float(log_efs.mean()), float(log_efs.std()) + 1e-9
        self._edges = self._classes(efs[at & ~failed], died[at & ~failed])
        after = self._after_features(z[at], efs[at])
        since, after_stratum = np.maximum(os - efs, _SHORTEST)[at], self._after_stratum(failed[at], efs[at])
        self._after_event = ridge_cox(
            after, since, died[at], after_stratum, np.append(penalty, 0.1 * shrinkage.effects)
        )
        self._second = Calibration(since, died[at], after_stratum, [(self._after_event, after)])

        nobody = np.zeros(len(os), dtype=np.int64)
        self._follow_up = ridge_cox(x, os, ~died, nobody, np.full(x.shape[1], shrinkage.follow_up))
        self._end = Calibration(os, ~died, nobody, [(self._follow_up, x)])
        self._censored = bool((~died).any())
        longest = np.unique(os)[-_LAST:]
        self._last = float(longest[0]), float(longest[-1])

    def draw(
        self, features: FloatArray, failed: BoolArray, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int8], FloatArray, FloatArray]:
        """Draw event pattern, time and gap, as `Encoded` has them, shapes (n,)."""
        n = len(features)
        visible = rng.choice(self._visible, n)
        if not self._any:
            return visible, np.full(n, np.nan), np.zeros(n)
        stratum = self._stratum(failed)
        to_event = _draw_time(self._to_event, self._effects(self._to_event, features, failed), stratum, rng)
        to_death = _draw_time(self._to_death, self._effects(self._to_death, features, failed), stratum, rng)
        first = self._first.map(np.minimum(to_event, to_death), stratum, rng)
        # Beyond the last event of both models there is none to tell what comes first.
        either = rng.random(n) < self._event_share
        comes_event = np.where(np.isinf(to_event) & np.isinf(to_death), either, to_event < to_death)
        nobody = np.zeros(n, dtype=np.int64)
        end = _draw_time(self._follow_up, features @ self._follow_up.beta, nobody, rng)
        end = self._end.map(end, nobody, rng)
        # Where the curve of follow-up stops above 0, it ends among the longest times, at nobody's own.
        latest = rng.uniform(*self._last, n)
        if self._censored:
            end = np.where(np.isinf(end), latest, end)
        first = np.where(np.isinf(first) & np.isinf(end), latest, first)

        ill = comes_event & (first < end)
        after_time = np.where(ill, first, 1.0)
        after_stratum = self._after_stratum(failed, after_time)
        effects = self._effects(self._after_event, features, failed)
        effects += self._after_event.beta[-1] * self._lateness(after_time)
        since = _draw_time(self._after_event, effects, after_stratum, rng)
        since = self._second.map(since, after_stratum, rng)

        efs = np.minimum(first, end)
        event = first < end
        os = np.where(ill, np.minimum(first + since, end), efs)
        died = np.where(ill, first + since < end, event)
        pattern = _shown(visible, event, died, ill)
        return pattern, np.where(_TIMES[pattern] == "efs", efs, os), os - efs

    def _with_interactions(self, features: FloatArray, failed: BoolArray) -> FloatArray:
        return np.column_stack((features, features * failed[:, None])) if self._split else features

    def _effects(self, model: CoxFit, features: FloatArray, failed: BoolArray) -> FloatArray:
        """Return the linear predictor, without building the interactions of many patients."""
        width = features.shape[1]
        effects: FloatArray = features @ model.beta[:width]
        if self._split:
            effects[failed] += features[failed] @ model.beta[width : 2 * width]
        return effects

    def _stratum(self, failed: BoolArray) -> Ints:
        return (failed & self._split).astype(np.int64)

    def _classes(self, efs: FloatArray, died: BoolArray) -> FloatArray:
        count = int(np.clip(died.sum() // _PER_STRATUM, 1, _MOST_CLASSES))
        edges: FloatArray = np.quantile(efs, np.linspace(0, 1, count + 1)[1:-1]) if count > 1 else np.empty(0)
        return edges

    def _after_features(self, z: FloatArray, efs: FloatArray) -> FloatArray:
        return np.column_stack((z, self._lateness(efs)))

    def _lateness(self, efs: FloatArray) -> FloatArray:
        late: FloatArray = (np.log(efs) - self._log_mean) / self._log_spread
        return late

    def _after_stratum(self, failed: BoolArray, efs: FloatArray) -> Ints:
        # An early relapse is another disease than a late one, so the hazards after it differ in shape.
        classes = 1 + np.digitize(efs, self._edges)
        return np.where(failed & self._split, 0, classes).astype(np.int64)


@dataclass(frozen=True)
class _Outcomes:
    """Both endpoints of the patients in whom they are `usable`; months, shape (n,)."""

    usable: BoolArray
    os: FloatArray
    efs: FloatArray
    died: BoolArray
    event: BoolArray


def _completed(train: Encoded) -> _Outcomes:
    """Return the patients with both endpoints, or, where hardly any has both, those with one, completed."""
    times = _TIMES[train.pattern]
    efs_status, os_status = _EFS_STATUS[train.pattern], _OS_STATUS[train.pattern]
    usable = np.isin(times, ("equal", "before")) & (efs_status >= 0) & (os_status >= 0)
    if usable.sum() < _FEWEST:
        # An endpoint that nobody has is not shown later; until then it is as the other one.
        usable = ~np.isnan(train.time)
        os_status = np.where(os_status < 0, efs_status, os_status)
        efs_status = np.where(efs_status < 0, os_status, efs_status)
    return _Outcomes(
        usable=usable & (train.time > 0),
        os=train.time,
        efs=np.maximum(train.time - train.gap, _SHORTEST),
        died=os_status == 1,
        event=(efs_status == 1) | (os_status == 1),
    )


def _draw_time(model: CoxFit, effects: FloatArray, stratum: Ints, rng: np.random.Generator) -> FloatArray:
    """Draw the time of one transition on the model's own scale; infinity where it does not come.

    effects : the linear predictor, shape (n,).
    """
    hazard = rng.exponential(size=len(effects)) / relative_hazard(effects)
    times = np.full(len(effects), np.inf)
    for number, baseline in model.baselines.items():
        rows = stratum == number
        times[rows] = baseline.inverse(hazard[rows])
    return times


def _shown(
    visible: npt.NDArray[np.int8], event: BoolArray, died: BoolArray, ill: BoolArray
) -> npt.NDArray[np.int8]:
    """Return the pattern of each outcome as far as the drawn patient of the training cohort shows it."""
    pattern = np.empty(len(visible), dtype=np.int8)
    states = event.astype(int) + 2 * died + 4 * ill
    for code in np.unique(visible):
        known = PATTERNS[code]
        for state in range(8):
            rows = (visible == code) & (states == state)
            if rows.any():
                pattern[rows] = PATTERNS.index(_masked(known, state & 1, (state >> 1) & 1, bool(state & 4)))
    return pattern


def _masked(visible: Pattern, event: int, died: int, ill: bool) -> Pattern:
    times = visible.times if visible.times in ("os", "efs", "none") else ("before" if ill else "equal")
    return Pattern(
        efs_status=None if visible.efs_status is None else event,
        os_status=None if visible.os_status is None else died,
        times=times,
    )
