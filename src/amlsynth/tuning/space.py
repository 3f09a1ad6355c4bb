"""The search space of a generator, from the `Search` beside each of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic.fields import FieldInfo

from amlsynth.foundation.errors import UsageError
from amlsynth.generators.base import Parameters, Search

if TYPE_CHECKING:
    import optuna

_STORABLE = (bool, int, float, str, type(None))  # what a study's storage keeps of a choice


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched; `whole` for whole numbers, `choices` instead of a range."""

    name: str
    search: Search
    whole: bool
    choices: tuple[Any, ...]
    default: Any

    @property
    def options(self) -> dict[Any, Any]:
        """The choices by what the study stores of them: themselves, or their text where they are tuples."""
        return {c if isinstance(c, _STORABLE) else repr(c): c for c in self.choices}

    def suggest(self, trial: optuna.Trial) -> Any:
        """Let the study's sampler choose a value."""
        if self.choices:
            return self.options[trial.suggest_categorical(self.name, list(self.options))]
        low, high = self.search.low, self.search.high
        assert low is not None and high is not None  # search_space has seen to that
        if self.whole:
            return trial.suggest_int(self.name, int(low), int(high), log=self.search.log)
        return trial.suggest_float(self.name, float(low), float(high), log=self.search.log)

    @property
    def stored_default(self) -> Any:
        """The default as the study stores it, or None where it lies outside the space."""
        if self.choices:
            return next((key for key, choice in self.options.items() if choice == self.default), None)
        low, high = self.search.low, self.search.high
        assert low is not None and high is not None
        inside = isinstance(self.default, int | float) and low <= self.default <= high
        return self.default if inside else None

    def describe(self) -> str:
        """Return the range in words, which also tells one space from another."""
        if self.choices:
            return " | ".join(map(str, self.choices))
        return f"{self.search.low:g} to {self.search.high:g}{', log scale' if self.search.log else ''}"


def search_space(params: type[Parameters], fixed: Mapping[str, Any], generator: str) -> tuple[Dimension, ...]:
    """Return what is searched of a generator's parameters: those with a `Search` that are not fixed.

    Raises
    ------
    UsageError
        No parameter is left to search.
    """
    every = {name: _dimension(name, field) for name, field in params.model_fields.items()}
    searched = tuple(d for name, d in every.items() if d is not None and name not in fixed)
    if not searched:
        tunable = [name for name, dimension in every.items() if dimension is not None]
        raise UsageError(
            f"{generator} has no parameter to tune."
            if not tunable
            else f"All that can be tuned of {generator} is fixed by --param: {', '.join(tunable)}. "
            "Leave one of them out."
        )
    return searched


def stored_defaults(space: tuple[Dimension, ...]) -> dict[str, Any] | None:
    """Return the generator's defaults as a study stores them, or None when one lies outside the space."""
    defaults = {dimension.name: dimension.stored_default for dimension in space}
    inside = all(
        value is not None or None in dimension.options
        for dimension, value in zip(space, defaults.values(), strict=True)
    )
    return defaults if inside else None


def _dimension(name: str, field: FieldInfo) -> Dimension | None:
    search = next((item for item in field.metadata if isinstance(item, Search)), None)
    if search is None:
        return None
    kinds = get_args(field.annotation) or (field.annotation,)
    choices = search.choices or ((False, True) if bool in kinds else ())
    if not choices and (search.low is None or search.high is None or search.low > search.high):
        raise TypeError(f"the Search of {name} needs low and high, or choices")
    whole = int in kinds and float not in kinds
    return Dimension(name, search, whole, choices, field.get_default(call_default_factory=True))
