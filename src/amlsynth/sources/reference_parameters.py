"""The parameters of the simulated reference cohort, read from `reference.yaml` beside this module."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.yamlfile import read_yaml_model

PARAMETERS_FILE = Path(__file__).with_name("reference.yaml")

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]
_Names = Annotated[tuple[str, ...], Field(strict=False)]
_Numbers = Annotated[tuple[float, ...], Field(strict=False, min_length=3)]
_Triple = Annotated[tuple[float, float, float], Field(strict=False)]
_Point = Annotated[tuple[float, float], Field(strict=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Sourced(_Entry):
    source: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Quantiles(_Sourced):
    """A quantile function by some of its points, (share, value)."""

    quantiles: Annotated[tuple[_Point, ...], Field(strict=False, min_length=3)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _check_rising("the shares", [share for share, _ in self.quantiles])
        _check_rising("the values", [value for _, value in self.quantiles])
        return self


class Effects(_Sourced):
    """Effects added up: `age` for 10 years above 56, `given` where another variable is present."""

    age: float = 0.0
    given: dict[str, float] = {}


class Logistic(Effects):
    """A probability: log odds `base` plus effects; `frequency` is what `base` was solved for."""

    frequency: _Share
    base: float


class State(Logistic):
    """A yes-or-no variable; absent beside any of `never`, present beside any of `always`."""

    name: str
    never: _Names = ()
    always: _Names = ()


class Laboratory(Effects):
    """A laboratory value as a monotone map of a normal score with effects."""

    name: str
    shares: _Numbers
    scores: _Numbers
    values: _Numbers
    log: bool

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for what, numbers in (("shares", self.shares), ("scores", self.scores), ("values", self.values)):
            _check_rising(what, list(numbers))
        if not len(self.shares) == len(self.scores) == len(self.values):
            raise ValueError("shares, scores and values must be equally many")
        return self


class Transition(Effects):
    """A hazard `strength` * exp(effects) * f(t), f the log-logistic density of `scale` and `shape`."""

    strength: _Positive
    scale: _Positive
    shape: _Positive


class LogNormal(_Sourced):
    """A time in months, log-normal."""

    median: _Positive
    sigma: _Positive


class Induction(_Entry):
    """Times from diagnosis to the end of induction, by its outcome."""

    remission: LogNormal
    refractory: LogNormal
    early_death: LogNormal


class Background(_Sourced):
    """Gompertz mortality from other causes: yearly hazard `at_60` * exp(`slope` * (age - 60))."""

    at_60: _Positive
    slope: _Positive


class Proportion(_Sourced):
    """A share of patients."""

    share: _Share


class Missing(_Sourced):
    """Columns that are NA together in a share of patients; `group:ID` stands for a group's columns."""

    columns: _Names
    share: _Share

    @property
    def names(self) -> tuple[str, ...]:
        """The columns with groups written out."""
        found: list[str] = []
        for column in self.columns:
            if column.startswith("group:"):
                found += [v.name for v in dictionary().members(column.removeprefix("group:"))]
            else:
                found.append(dictionary()[column].name)
        return tuple(found)


class Published(_Sourced):
    """The aggregates of the original cohort: tables 1 and 2 and text of the paper."""

    n: int
    age: _Triple
    male: _Share
    status: dict[str, float]
    extramedullary: _Share
    eln2022: dict[str, float]
    wbc: _Triple
    hb: _Triple
    plt: _Triple
    remission: _Share
    efs_median: _Triple
    os_median: _Triple
    follow_up_median: _Triple


class LongTerm(_Sourced):
    """Shares alive and free of events after `months`."""

    months: _Positive
    os: _Share
    efs: _Share


class Parameters(_Entry):
    """Everything the simulation needs; see `reference.yaml`."""

    sources: dict[str, str]
    published: Published
    long_term: LongTerm
    age: Quantiles
    male: Proportion
    states: Annotated[tuple[State, ...], Field(strict=False)]
    laboratory: Annotated[tuple[Laboratory, ...], Field(strict=False)]
    remission: Logistic
    early_death: Logistic
    induction: Induction
    relapse: Transition
    death_in_remission: Transition
    death_after_event: Transition
    background: Background
    follow_up: Quantiles
    missing: Annotated[tuple[Missing, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> Self:
        for entry in _entries(self):
            for key in entry.source:
                if key not in self.sources:
                    raise ValueError(f"the source {key!r} is used but not listed under sources")
        known = {"male"}
        for state in self.states:
            _check_known(state.name, (*state.given, *state.never, *state.always), known)
            known.add(state.name)
        for laboratory in self.laboratory:
            _check_known(laboratory.name, laboratory.given, known)
        known |= {"leukocytosis"}
        for name in ("remission", "early_death", "relapse", "death_in_remission"):
            _check_known(name, getattr(self, name).given, known)
        _check_known("death_after_event", self.death_after_event.given, known | {"refractory"})
        return self


@cache
def parameters() -> Parameters:
    """Return the parameters shipped with the package, checked."""
    return read_yaml_model(PARAMETERS_FILE, Parameters, what="reference cohort's parameters")


def _entries(entry: BaseModel) -> list[_Sourced]:
    """Return every entry with a source, at any depth."""
    found: list[_Sourced] = [entry] if isinstance(entry, _Sourced) else []
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, BaseModel):
                found += _entries(part)
    return found


def _check_rising(what: str, numbers: list[float]) -> None:
    if any(low >= high for low, high in pairwise(numbers)):
        raise ValueError(f"{what} must rise strictly")


def _check_known(name: str, used: Iterable[str], known: set[str]) -> None:
    for other in used:
        if other not in known:
            raise ValueError(f"{name} depends on {other!r}, which is not simulated before it")
