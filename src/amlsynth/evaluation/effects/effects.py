"""Effects: which odds and hazard ratios of markers hold in a cohort, one at a time and together.

The markers are those whose univariable effects Eckardt et al. 2024 compare ("Usability for explorative
analyses"), age, ELN 2022 risk, and every other alteration with enough carriers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.derived import ELN2022_RISKS, eln2022
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.effects.cox import cox_regression
from amlsynth.evaluation.effects.regression import cox_model, logistic_model, p_value
from amlsynth.evaluation.family import NotComputable
from amlsynth.evaluation.records import SMALL_CELL
from amlsynth.statistics.coding import Floats, numbers
from amlsynth.statistics.wald import Z95

PAPER_MARKERS = (
    "CGNK", "t8.21", "inv16_t16.16", "NPM1", "CEBPA.bZIP.inframe",  # favourable
    "FLT3I", "t.9.11",  # intermediate
    "CGCX", "minus.5", "del.5q.", "minus.7", "minus.17", "TP53", "RUNX1", "ASXL1",  # adverse
)  # fmt: skip
# Ten outcomes a covariate is the rule of thumb below which Wald intervals mislead (Peduzzi et al., J Clin
# Epidemiol 1996;49:1373); with fewer than ten carriers there cannot be ten.
MIN_CARRIERS = 10
AGE_STEP = 10.0  # years: the effect of one year rounds to 1.0

EndpointName = Literal["CR", "OS", "EFS"]
Model = Literal["univariable", "multivariable"]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """One effect that is asked for in every cohort."""

    subject: str  # a column, or "ELN2022=adverse"
    contrast: str
    endpoint: EndpointName
    model: Model


@dataclass(frozen=True)
class Answer:
    """A log ratio with its standard error, or the reason why there is none; n are analysed.

    carriers : of a marker, or patients of a risk group; None for numbers.
    small_cell : a count from 1 to 4 stands behind it, so that the record of real patients hides it.
    """

    log_ratio: float = math.nan
    standard_error: float = math.nan
    reason: str | None = None
    n: int = 0
    carriers: int | None = None
    small_cell: bool = False

    @property
    def p(self) -> float:
        return math.nan if self.reason else p_value(self.log_ratio, self.standard_error)

    @property
    def interval(self) -> tuple[float, float]:
        spread = Z95 * self.standard_error
        return self.log_ratio - spread, self.log_ratio + spread


def ask(original: pd.DataFrame, d: Dictionary) -> tuple[Question, ...]:
    """Return the effects to look at: what the original has enough patients for, in every endpoint.

    A marker of the paper needs one carrier and one patient without it, any other alteration
    `MIN_CARRIERS` of each; the multivariable model takes age and the paper's markers with `MIN_CARRIERS`
    among the patients in whom all of these are known.
    """
    paper = [name for name in PAPER_MARKERS if name in d and _fewest(original[name]) >= 1]
    more = [v.name for v in d.alterations if v.name not in PAPER_MARKERS]
    markers = paper + [name for name in more if _fewest(original[name]) >= MIN_CARRIERS]
    together = _multivariable_markers(original, paper)
    questions = []
    for endpoint in endpoints(d):
        if "AGE" in d:
            questions.append(Question("AGE", f"per {AGE_STEP:.0f} years", endpoint, "univariable"))
        questions += [Question(name, "present against absent", endpoint, "univariable") for name in markers]
        questions += [
            Question(f"ELN2022={risk}", f"{risk} against {ELN2022_RISKS[0]}", endpoint, "univariable")
            for risk in ELN2022_RISKS[1:]
        ]
        if together and "AGE" in d:
            questions.append(Question("AGE", f"per {AGE_STEP:.0f} years", endpoint, "multivariable"))
        questions += [
            Question(name, "present against absent", endpoint, "multivariable") for name in together
        ]
    return tuple(questions)


def answer(frame: pd.DataFrame, questions: Sequence[Question], d: Dictionary) -> dict[Question, Answer]:
    """Estimate every effect in one cohort; what has no estimate there says why."""
    found: dict[Question, Answer] = {}
    risk = eln2022(frame).cat.codes.to_numpy().astype(np.float64)
    columns = {q.subject: _column(frame, q.subject) for q in questions if not _is_risk(q)}
    for endpoint in dict.fromkeys(q.endpoint for q in questions):
        outcome = _Outcome.of(frame, endpoint, d)
        here = [q for q in questions if q.endpoint == endpoint]
        for question in here:
            if question.model == "univariable" and not _is_risk(question):
                found[question] = _univariable(columns[question.subject], outcome)
        groups = [q for q in here if _is_risk(q)]
        if groups:
            found |= _risk_groups(groups, risk, outcome)
        together = [q for q in here if q.model == "multivariable"]
        if together:
            found |= _together(together, columns, outcome)
    return {question: found[question] for question in questions}


def endpoints(d: Dictionary) -> tuple[EndpointName, ...]:
    """Return the endpoints whose effects are looked at: remission, and each survival endpoint."""
    names: list[EndpointName] = ["CR"] if "CR1" in d else []
    known: tuple[EndpointName, ...] = ("OS", "EFS")
    return (*names, *(name for name in known if name in {e.name for e in d.endpoints}))


@dataclass(frozen=True)
class Agreement:
    """How many of the original's significant effects a cohort keeps; each is a share of `total`."""

    total: int
    same_sign: float
    significant: float
    overlapping: float


def agreement(ours: Mapping[Question, Answer], theirs: Mapping[Question, Answer], alpha: float) -> Agreement:
    """Compare the effects with p < alpha in the original with those of another cohort.

    An effect without an estimate in the other cohort (no carriers, separation) is not kept. To stay
    significant it must keep its sign; intervals are those of 95 %.

    Raises
    ------
    NotComputable
        No effect of the original is significant.
    """
    significant = {question: own for question, own in ours.items() if not own.reason and own.p < alpha}
    if not significant:
        raise NotComputable(f"no effect of the original is significant (p < {alpha})")
    sign = kept = overlap = 0
    for question, own in significant.items():
        other = theirs[question]
        if other.reason:
            continue
        same = own.log_ratio * other.log_ratio > 0
        sign += same
        kept += same and other.p < alpha
        overlap += own.interval[0] <= other.interval[1] and other.interval[0] <= own.interval[1]
    total = len(significant)
    return Agreement(total, sign / total, kept / total, overlap / total)


@dataclass(frozen=True)
class _Outcome:
    """An endpoint of one cohort: who has a known one, the event, and the time of survival endpoints."""

    known: Flags
    event: Flags
    time: Floats | None

    @classmethod
    def of(cls, frame: pd.DataFrame, endpoint: EndpointName, d: Dictionary) -> _Outcome:
        if endpoint == "CR":
            status = numbers(frame["CR1"])
            return cls((status == 0) | (status == 1), status == 1, None)
        columns = d.endpoint(endpoint)
        time, status = numbers(frame[columns.time]), numbers(frame[columns.status])
        return cls((time >= 0) & ((status == 0) | (status == 1)), status == 1, time)

    def estimate(self, covariates: Floats, rows: Flags) -> tuple[Floats, Floats]:
        """Return log ratios and standard errors, shape (p,), of the rows."""
        if self.time is None:
            fit = logistic_model(self.event[rows], covariates)
        elif covariates.shape[1] == 1:
            one = cox_regression(self.time[rows], self.event[rows], covariates[:, 0])
            return np.array([one.log_hazard_ratio]), np.array([one.standard_error])
        else:
            fit = cox_model(self.time[rows], self.event[rows], covariates).estimate
        return fit.log_ratios, fit.standard_errors


def _univariable(column: Floats, outcome: _Outcome) -> Answer:
    rows = outcome.known & ~np.isnan(column)
    x = column[rows]
    binary = bool(np.isin(x, (0.0, 1.0)).all()) and x.size > 0
    about = _about(x, outcome, rows) if binary else Answer(n=len(x))
    try:
        if x.size == 0:
            raise NotComputable("no patient has both the marker and the endpoint assessed")
        if binary:
            _refuse_empty_cells(x == 1, outcome.event[rows])
        beta, error = outcome.estimate(x[:, None], rows)
    except NotComputable as reason:
        return _without(about, str(reason))
    return _with(about, beta[0], error[0])


def _risk_groups(groups: Sequence[Question], risk: Floats, outcome: _Outcome) -> dict[Question, Answer]:
    rows = outcome.known & (risk >= 0)
    codes = [float(ELN2022_RISKS.index(q.subject.partition("=")[2])) for q in groups]
    dummies = np.column_stack([risk[rows] == code for code in codes]).astype(np.float64)
    event = outcome.event[rows]
    about = [_about(dummies[:, place], outcome, rows) for place in range(len(groups))]
    try:
        if not (risk[rows] == 0).any():
            raise NotComputable(f"no patient of {ELN2022_RISKS[0]} risk to compare with")
        for place in range(len(groups)):
            _refuse_empty_cells(dummies[:, place] == 1, event)
        _refuse_empty_cells(risk[rows] == 0, event)
        beta, error = outcome.estimate(dummies, rows)
    except NotComputable as reason:
        return {q: _without(a, str(reason)) for q, a in zip(groups, about, strict=True)}
    return {q: _with(a, b, e) for q, a, b, e in zip(groups, about, beta, error, strict=True)}


def _together(
    questions: Sequence[Question], columns: Mapping[str, Floats], outcome: _Outcome
) -> dict[Question, Answer]:
    """Fit one model; covariates without carriers in this cohort are left out of it and say so."""
    values = np.column_stack([columns[q.subject] for q in questions])
    rows = outcome.known & ~np.isnan(values).any(axis=1)
    x, event = values[rows], outcome.event[rows]
    binary = [bool(np.isin(column, (0.0, 1.0)).all()) for column in x.T]
    about = [
        _about(column, outcome, rows) if is_binary else Answer(n=len(x))
        for column, is_binary in zip(x.T, binary, strict=True)
    ]
    reasons: list[str | None] = [None] * len(questions)
    for place, (column, is_binary) in enumerate(zip(x.T, binary, strict=True)):
        try:
            if len(x) == 0:
                raise NotComputable("no patient has all covariates and the endpoint assessed")
            if is_binary:
                _refuse_empty_cells(column == 1, event)
            elif np.ptp(column) == 0:
                raise NotComputable("the covariate has one value only, so no effect")
        except NotComputable as reason:
            reasons[place] = str(reason)
    found: dict[int, tuple[float, float]] = {}
    while used := [place for place, why in enumerate(reasons) if why is None]:
        try:
            beta, error = outcome.estimate(x[:, used], rows)
        except NotComputable as reason:
            # Rare markers that separate outcomes in combination; the rest still has estimates.
            rarest = min(used, key=lambda place: _fewest_in_a_cell(x[:, place], event))
            reasons[rarest] = f"left out as the rarest, for with it {reason}"
            continue
        found = {place: (beta[i], error[i]) for i, place in enumerate(used)}
        break
    return {
        question: _with(about[place], *found[place])
        if place in found
        else _without(about[place], reasons[place] or "the model has no estimate")
        for place, question in enumerate(questions)
    }


def _refuse_empty_cells(carrier: Flags, event: Flags) -> None:
    if not carrier.any() or carrier.all():
        raise NotComputable("there are no carriers, or none without: the ratio has no finite estimate")
    for group in (event[carrier], event[~carrier]):
        if not group.any():
            raise NotComputable("one of the groups has no event, so the ratio has no finite estimate")


def _fewest_in_a_cell(x: Floats, event: Flags) -> int:
    """Return the smallest count of the marker by the event; of a number, of all patients."""
    groups = (x == 1, x == 0) if np.isin(x, (0.0, 1.0)).all() else (np.ones(len(x), dtype=bool),)
    return min(int((group & side).sum()) for group in groups for side in (event, ~event))


def _about(x: Floats, outcome: _Outcome, rows: Flags) -> Answer:
    """Count who stands behind a marker's effect.

    An odds ratio is as good as its four cells, so each must be large enough to show. A hazard ratio does not
    tell how many carriers were censored: there the carriers and their events must be enough.
    """
    carrier, event = x == 1, outcome.event[rows]
    cells = [(carrier & event).sum(), carrier.sum(), (~carrier & event).sum(), (~carrier).sum()]
    if outcome.time is None:
        cells += [(carrier & ~event).sum(), (~carrier & ~event).sum()]
    return Answer(
        n=len(x), carriers=int(carrier.sum()), small_cell=any(0 < cell < SMALL_CELL for cell in cells)
    )


def _with(about: Answer, log_ratio: float, error: float) -> Answer:
    return Answer(float(log_ratio), float(error), None, about.n, about.carriers, about.small_cell)


def _without(about: Answer, reason: str) -> Answer:
    return Answer(math.nan, math.nan, reason, about.n, about.carriers, about.small_cell)


def _multivariable_markers(original: pd.DataFrame, paper: Sequence[str]) -> list[str]:
    values = {name: numbers(original[name]) for name in paper}
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


def _column(frame: pd.DataFrame, name: str) -> Floats:
    values = numbers(frame[name])
    return values / AGE_STEP if name == "AGE" else values


def _is_risk(question: Question) -> bool:
    return question.subject.startswith("ELN2022=")
