"""Effects: which odds and hazard ratios of markers hold in a cohort, one at a time and together.

Subjects are the numbers and the markers that the dictionary names (for AML age and the markers that Eckardt
et al. 2024 compare under "Usability for explorative analyses"), the derived risk, and every other alteration
with enough carriers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import NotComputable
from amlsynth.evaluation.outcomes import lacks, outcome_names
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.statistics.coding import numbers, numbers_of
from amlsynth.statistics.wald import Z95, wald_p
from amlsynth.survival.cox import Ties, cox_fit, log_hazard_ratios
from amlsynth.survival.logistic import log_odds_ratios, logistic_fit
from amlsynth.survival.newton import NO_MAXIMUM, Estimates

# Ten outcomes a covariate is the rule of thumb below which Wald intervals mislead (Peduzzi et al., J Clin
# Epidemiol 1996;49:1373); with fewer than ten carriers there cannot be ten.
MIN_CARRIERS = 10

Model = Literal["univariable", "multivariable"]


@dataclass(frozen=True)
class EffectDefinition:
    """One effect that is asked for in every cohort."""

    subject: str  # a column, or a level of the derived risk: "RISK=high"
    contrast: str
    endpoint: str  # the name of the response or of an endpoint
    model: Model


@dataclass(frozen=True)
class EffectEstimate:
    """A log ratio with its standard error, or the reason why there is none; n are analysed.

    carriers : of a marker, or patients of a risk group; None for numbers.
    smallest : the smallest count, other than 0, of patients that stands behind it; 0 for numbers.
    """

    log_ratio: float = math.nan
    standard_error: float = math.nan
    reason: str | None = None
    n: int = 0
    carriers: int | None = None
    smallest: int = 0

    @property
    def p(self) -> float:
        return math.nan if self.reason else wald_p(self.log_ratio, self.standard_error)

    @property
    def interval(self) -> tuple[float, float]:
        spread = Z95 * self.standard_error
        return self.log_ratio - spread, self.log_ratio + spread


def list_effects(original: pd.DataFrame, d: Dictionary) -> tuple[EffectDefinition, ...]:
    """Return the effects to look at: what the original has enough patients for, in every outcome it has.

    A marker that the dictionary names needs one carrier and one patient without it, any other alteration
    `MIN_CARRIERS` of each; the multivariable model takes the numbers and the named markers with
    `MIN_CARRIERS` among the patients in whom all of these are known.
    """
    named = [name for name in d.roles.effect_markers if _fewest(original[name]) >= 1]
    more = [v.name for v in d.alterations if v.name not in d.roles.effect_markers]
    markers = named + [name for name in more if _fewest(original[name]) >= MIN_CARRIERS]
    together = _multivariable_markers(original, named)
    contrasts = dict.fromkeys((*markers, *together), "present against absent")
    contrasts |= {
        number.variable: f"per {number.per:g} {d[number.variable].unit or ''}".strip()
        for number in d.roles.effect_numbers
    }
    contrasts |= {subject: f"{level} against {d.risks[0]}" for subject, level in risk_subjects(d).items()}
    numeric = [number.variable for number in d.roles.effect_numbers]
    subjects: dict[Model, Sequence[str]] = {
        "univariable": (*numeric, *markers, *risk_subjects(d)),
        "multivariable": (*numeric, *together) if together else (),
    }
    return tuple(
        EffectDefinition(subject, contrasts[subject], endpoint, model)
        for endpoint in outcome_names(d)
        if not lacks(original, d, endpoint)
        for model, names in subjects.items()
        for subject in names
    )


def estimate_effects(
    frame: pd.DataFrame, effects: Sequence[EffectDefinition], d: Dictionary, ties: Ties = "efron"
) -> dict[EffectDefinition, EffectEstimate]:
    """Estimate every effect in one cohort; what has no estimate there says why.

    `ties` says how Cox regression takes events at the same time.
    """
    estimates: dict[EffectDefinition, EffectEstimate] = {}
    risk, subjects = d.classify(frame), risk_subjects(d)
    columns = {q.subject: _column(frame, q.subject, d) for q in effects if q.subject not in subjects}
    for endpoint in dict.fromkeys(q.endpoint for q in effects):
        outcome = _Outcome.of(frame, endpoint, d, ties)
        of_endpoint = [q for q in effects if q.endpoint == endpoint]
        alone = [q for q in of_endpoint if q.model == "univariable" and q.subject in columns]
        estimates |= _univariable(alone, columns, outcome)
        groups = [q for q in of_endpoint if q.subject in subjects]
        if groups and risk is not None:
            levels = [d.risks.index(subjects[q.subject]) for q in groups]
            codes = risk.cat.codes.to_numpy().astype(np.float64)
            estimates |= _risk_groups(groups, levels, codes, outcome, d.risks[0])
        together = [q for q in of_endpoint if q.model == "multivariable"]
        if together:
            estimates |= _together(together, columns, outcome)
    return {effect: estimates[effect] for effect in effects}


def risk_subjects(d: Dictionary) -> dict[str, str]:
    """Return the levels of the derived risk but the reference, by subject; empty without a classification."""
    classification = d.roles.classification
    return {f"{classification.name}={level}": level for level in d.risks[1:]} if classification else {}


@dataclass(frozen=True)
class Agreement:
    """How many of the original's significant effects a cohort keeps; each is a share of `total`."""

    total: int
    same_sign: float
    significant: float
    overlapping: float


def agreement(
    ours: Mapping[EffectDefinition, EffectEstimate],
    theirs: Mapping[EffectDefinition, EffectEstimate],
    alpha: float,
) -> Agreement:
    """Compare the effects with p < alpha in the original with those of another cohort.

    An effect without an estimate in the other cohort (no carriers, separation) is not kept. To stay
    significant it must keep its sign; intervals are those of 95 %.

    Raises
    ------
    NotComputable
        No effect of the original is significant.
    """
    significant = {
        effect: original for effect, original in ours.items() if not original.reason and original.p < alpha
    }
    if not significant:
        raise NotComputable(f"no effect of the original is significant (p < {alpha})")
    sign = kept = overlap = 0
    for effect, original in significant.items():
        other = theirs[effect]
        if other.reason:
            continue
        same = original.log_ratio * other.log_ratio > 0
        sign += same
        kept += same and other.p < alpha
        overlap += original.interval[0] <= other.interval[1] and other.interval[0] <= original.interval[1]
    total = len(significant)
    return Agreement(total, sign / total, kept / total, overlap / total)


def calibration_slope(
    ours: Mapping[EffectDefinition, EffectEstimate],
    theirs: Mapping[EffectDefinition, EffectEstimate],
    alpha: float,
) -> tuple[float, float]:
    """Return the slope of a cohort's log ratios on the original's, with its standard error.

    Over the effects with p < alpha in the original; a line through 0, weighted by the precision of the
    cohort's estimates (inverse variances). 1: effects are as strong as in the original, 0: they are gone.
    An effect without an estimate is left out. The chance in the original's estimates is not in the error,
    and draws the slope of an innocent cohort somewhat below 1 (regression to the mean).

    Raises
    ------
    NotComputable
        No effect of the original is significant, or none of those has an estimate in the cohort.
    """
    pairs = [
        (log_ratios.log_ratio, theirs[effect])
        for effect, log_ratios in ours.items()
        if not log_ratios.reason and log_ratios.p < alpha and not theirs[effect].reason
    ]
    if not pairs:
        raise NotComputable(f"no effect that is significant in the original (p < {alpha}) has an estimate")
    log_ratios = np.array([log_ratio for log_ratio, _ in pairs])
    other = np.array([estimate.log_ratio for _, estimate in pairs])
    weight = np.array([estimate.standard_error for _, estimate in pairs]) ** -2.0
    information = float(weight @ log_ratios**2)
    return float(weight @ (log_ratios * other)) / information, information**-0.5


def time_effects(
    frame: pd.DataFrame, effects: Sequence[EffectDefinition], d: Dictionary
) -> dict[EffectDefinition, EffectEstimate]:
    """Return how each subject goes with the time to the event among those who had it.

    Cox regression keeps most of an effect where only who had the event is right, and not when. The estimate
    is Fisher's z of Spearman's correlation, with the standard error (n - 3)^-1/2, of the univariable effects
    of columns on endpoints; a subject with fewer than `MIN_CARRIERS` of either value has none.
    """
    estimates = {}
    outcomes = {name: _Outcome.of(frame, name, d) for name in {effect.endpoint for effect in effects}}
    for effect in effects:
        outcome = outcomes[effect.endpoint]
        if effect.model != "univariable" or outcome.time is None or effect.subject in risk_subjects(d):
            continue
        column = _column(frame, effect.subject, d)
        rows = outcome.known & outcome.event & ~np.isnan(column)
        left, counts = _centred_ranks(column[rows])
        if len(counts) < 2 or len(left) - counts.max() < MIN_CARRIERS:
            estimates[effect] = EffectEstimate(reason="too few patients with the event")
            continue
        right, _ = _centred_ranks(outcome.time[rows])
        scale = math.sqrt(float(left @ left) * float(right @ right))
        correlation = float(left @ right) / scale if scale > 0 else math.nan
        if not abs(correlation) < 1 or len(left) < MIN_CARRIERS:
            estimates[effect] = EffectEstimate(reason="the times do not vary")
            continue
        estimates[effect] = EffectEstimate(math.atanh(correlation), float(len(left) - 3) ** -0.5)
    return estimates


def _centred_ranks(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return mid-ranks less their mean, shape (n,), and how often each different value occurs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[place]
    return ranks - (len(values) / 2), counts


@dataclass(frozen=True)
class _Outcome:
    """An endpoint of one cohort: who has a known one, the event, and the time of survival endpoints."""

    known: BoolArray
    event: BoolArray
    time: FloatArray | None
    ties: Ties = "efron"

    @classmethod
    def of(cls, frame: pd.DataFrame, endpoint: str, d: Dictionary, ties: Ties = "efron") -> _Outcome:
        response = d.roles.response
        if response is not None and endpoint == response.name:
            status = numbers_of(frame, response.variable)
            return cls((status == 0) | (status == 1), status == 1, None)
        columns = d.endpoint(endpoint)
        time, status = numbers_of(frame, columns.time), numbers_of(frame, columns.status)
        return cls((time >= 0) & ((status == 0) | (status == 1)), status == 1, time, ties)

    @property
    def is_odds(self) -> bool:
        """Whether effects on it are odds ratios: it has no time."""
        return self.time is None

    def estimate(self, covariates: FloatArray, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return log ratios and standard errors, shape (p,), of the rows."""
        fit: Estimates
        if self.time is None:
            fit = logistic_fit(self.event[rows], covariates)
        else:
            fit = cox_fit(self.time[rows], self.event[rows], covariates, ties=self.ties)
        return fit.beta, fit.standard_errors

    def estimate_each(self, markers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log ratios and standard errors, shape (p,), of binary markers, shape (n, p), each alone."""
        values, event = markers[self.known], self.event[self.known]
        if self.time is None:
            return log_odds_ratios(event, values)
        return log_hazard_ratios(self.time[self.known], event, values, self.ties)


def _univariable(
    effects: Sequence[EffectDefinition], columns: Mapping[str, FloatArray], outcome: _Outcome
) -> dict[EffectDefinition, EffectEstimate]:
    """Fit a model for each subject, to the patients in whom it is known; those of markers all at once."""
    estimates: dict[EffectDefinition, EffectEstimate] = {}
    markers: dict[EffectDefinition, EffectEstimate] = {}
    for effect in effects:
        column = columns[effect.subject]
        rows = outcome.known & ~np.isnan(column)
        x = column[rows]
        binary = _is_binary(x)
        about = _about(x, outcome, rows) if binary else EffectEstimate(n=len(x))
        try:
            if x.size == 0:
                raise NotComputable("no patient has both the marker and the endpoint assessed")
            if binary:
                _refuse_empty_cells(x == 1, outcome.event[rows], outcome.is_odds)
                markers[effect] = about
                continue
            beta, error = outcome.estimate(x[:, None], rows)
        except NotComputable as reason:
            estimates[effect] = _without(about, str(reason))
        else:
            estimates[effect] = _with(about, beta[0], error[0])
    if markers:
        beta, error = outcome.estimate_each(np.column_stack([columns[effect.subject] for effect in markers]))
        for (effect, about), b, e in zip(markers.items(), beta, error, strict=True):
            estimates[effect] = _without(about, NO_MAXIMUM) if np.isnan(b) else _with(about, b, e)
    return estimates


def _is_binary(x: FloatArray) -> bool:
    return bool(((x == 0) | (x == 1)).all())


def _risk_groups(
    groups: Sequence[EffectDefinition],
    levels: Sequence[int],
    risk: FloatArray,
    outcome: _Outcome,
    reference: str,
) -> dict[EffectDefinition, EffectEstimate]:
    """Fit one model of the risk groups; `levels` are their codes in `risk`, where the reference is 0."""
    rows = outcome.known & (risk >= 0)
    dummies = np.column_stack([risk[rows] == level for level in levels]).astype(np.float64)
    event = outcome.event[rows]
    about = [_about(dummies[:, place], outcome, rows) for place in range(len(groups))]
    try:
        if not (risk[rows] == 0).any():
            raise NotComputable(f"no patient of {reference} risk to compare with")
        for place in range(len(groups)):
            _refuse_empty_cells(dummies[:, place] == 1, event, outcome.is_odds)
        _refuse_empty_cells(risk[rows] == 0, event, outcome.is_odds)
        beta, error = outcome.estimate(dummies, rows)
    except NotComputable as reason:
        return {q: _without(a, str(reason)) for q, a in zip(groups, about, strict=True)}
    return {q: _with(a, b, e) for q, a, b, e in zip(groups, about, beta, error, strict=True)}


def _together(
    effects: Sequence[EffectDefinition], columns: Mapping[str, FloatArray], outcome: _Outcome
) -> dict[EffectDefinition, EffectEstimate]:
    """Fit one model; covariates without carriers in this cohort are left out of it and say so."""
    values = np.column_stack([columns[q.subject] for q in effects])
    rows = outcome.known & ~np.isnan(values).any(axis=1)
    x, event = values[rows], outcome.event[rows]
    binary = [_is_binary(column) for column in x.T]
    about = [
        _about(column, outcome, rows) if is_binary else EffectEstimate(n=len(x))
        for column, is_binary in zip(x.T, binary, strict=True)
    ]
    reasons: list[str | None] = [None] * len(effects)
    for place, (column, is_binary) in enumerate(zip(x.T, binary, strict=True)):
        try:
            if len(x) == 0:
                raise NotComputable("no patient has all covariates and the endpoint assessed")
            if is_binary:
                _refuse_empty_cells(column == 1, event, outcome.is_odds)
            elif np.ptp(column) == 0:
                raise NotComputable("the covariate has one value only, so no effect")
        except NotComputable as reason:
            reasons[place] = str(reason)
    estimates: dict[int, tuple[float, float]] = {}
    while used := [place for place, why in enumerate(reasons) if why is None]:
        try:
            beta, error = outcome.estimate(x[:, used], rows)
        except NotComputable as reason:
            # Rare markers that separate outcomes in combination; the rest still has estimates.
            rarest = min(used, key=lambda place: _fewest_in_a_cell(x[:, place], event))
            reasons[rarest] = f"left out as the rarest, for with it {reason}"
            continue
        estimates = {place: (beta[i], error[i]) for i, place in enumerate(used)}
        break
    return {
        effect: _with(about[place], *estimates[place])
        if place in estimates
        else _without(about[place], reasons[place] or "the model has no estimate")
        for place, effect in enumerate(effects)
    }


def _refuse_empty_cells(carrier: BoolArray, event: BoolArray, is_odds: bool) -> None:
    """Say which empty cell leaves a ratio without a finite estimate; odds need who had no event as well."""
    if not carrier.any() or carrier.all():
        raise NotComputable("there are no carriers, or none without: the ratio has no finite estimate")
    for group in (event[carrier], event[~carrier]):
        if not group.any():
            raise NotComputable("one of the groups has no event, so the ratio has no finite estimate")
        if is_odds and group.all():
            raise NotComputable("in one of the groups all had the event, so the odds have no finite ratio")


def _fewest_in_a_cell(x: FloatArray, event: BoolArray) -> int:
    """Return the smallest count of the marker by the event; of a number, of all patients."""
    groups = (x == 1, x == 0) if _is_binary(x) else (np.ones(len(x), dtype=bool),)
    return min(int((group & side).sum()) for group in groups for side in (event, ~event))


def _about(x: FloatArray, outcome: _Outcome, rows: BoolArray) -> EffectEstimate:
    """Count who stands behind a marker's effect.

    An odds ratio is as good as its four cells, so each must be large enough to show. A hazard ratio does not
    tell how many carriers were censored: there the carriers and their events must be enough.
    """
    carrier, event = x == 1, outcome.event[rows]
    cells = [(carrier & event).sum(), carrier.sum(), (~carrier & event).sum(), (~carrier).sum()]
    if outcome.time is None:
        cells += [(carrier & ~event).sum(), (~carrier & ~event).sum()]
    return EffectEstimate(
        n=len(x), carriers=int(carrier.sum()), smallest=min((int(c) for c in cells if c > 0), default=0)
    )


def _with(about: EffectEstimate, log_ratio: float, error: float) -> EffectEstimate:
    return EffectEstimate(float(log_ratio), float(error), None, about.n, about.carriers, about.smallest)


def _without(about: EffectEstimate, reason: str) -> EffectEstimate:
    return EffectEstimate(math.nan, math.nan, reason, about.n, about.carriers, about.smallest)


def _multivariable_markers(original: pd.DataFrame, paper: Sequence[str]) -> list[str]:
    values = {name: numbers_of(original, name) for name in paper}
    chosen = [name for name in paper if _fewest(original[name]) >= MIN_CARRIERS]
    if not chosen:
        return []
    complete = ~np.isnan(np.column_stack([values[name] for name in chosen])).any(axis=1)
    return [
        name
        for name in chosen
        if min((values[name][complete] == 1).sum(), (values[name][complete] == 0).sum()) >= MIN_CARRIERS
    ]


def _fewest(column: pd.Series) -> int:
    values = numbers(column)
    return int(min((values == 1).sum(), (values == 0).sum()))


def _column(frame: pd.DataFrame, name: str, d: Dictionary) -> FloatArray:
    per = next((number.per for number in d.roles.effect_numbers if number.variable == name), None)
    values = numbers_of(frame, name)
    return values if per is None else values / per
