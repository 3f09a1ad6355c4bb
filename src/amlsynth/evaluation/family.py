"""What a family of measures is: one module that says what it measures and computes it.

To add a measure, add its `Spec` to a family and its figure to that family's `figures`; to add a
family, add one module and name it in `evaluate.FAMILIES`. The anchors and the record come for free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import Figure, Measure, Spread
from amlsynth.foundation.errors import NotComputable as NotComputable  # what a measure may raise

AnchorName = Literal["independent", "bootstrap", "holdout"]
CandidateKind = Literal["synthetic", "independent", "bootstrap", "holdout"]

Found = TypeVar("Found")

NO_HOLDOUT = "no hold-out was given, so there is nothing the generator did not see to compare with"


@dataclass(frozen=True)
class Setting:
    """What every candidate is measured against; `original` is the training part."""

    original: pd.DataFrame
    holdout: pd.DataFrame | None
    dictionary: Dictionary
    seed: int
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, compute: Callable[[], Found]) -> Found:
        """Return what `compute` gives, computed at the first call with this name: four candidates share it.

        A `NotComputable` is raised again each time.
        """
        if name not in self.memory:
            self.memory[name] = compute()
        found: Found = self.memory[name]
        return found


@dataclass(frozen=True)
class Candidate:
    """A cohort that is measured as if it were synthetic: a synthetic one or an anchor.

    key : tells several synthetic cohorts of one evaluation apart.
    holds_patients : whether it may hold patients, whose small cells are held back; a hold-out does.
    """

    kind: CandidateKind
    frame: pd.DataFrame
    key: str = ""
    holds_patients: bool = False

    @property
    def protected(self) -> bool:
        return self.holds_patients or self.kind == "holdout"


@dataclass(frozen=True)
class Spec:
    """What a measure is, apart from its figures; the fields are those of `records.Measure`."""

    id: str
    label: str
    group: Literal["fidelity", "survival", "outcome", "privacy", "validity"]
    better: Literal["higher", "lower", "zero", "original", "none"]
    description: str
    source: str
    unit: str = ""

    def measure(
        self,
        original: Figure | None,
        synthetic: Mapping[str, Figure],
        anchors: Mapping[AnchorName, Figure],
        family: str = "",
        seeds: Mapping[str, Spread] | None = None,
    ) -> Measure:
        return Measure(
            id=self.id,
            label=self.label,
            group=self.group,
            family=family,
            better=self.better,
            unit=self.unit,
            description=self.description,
            source=self.source,
            original=original,
            figures=dict(synthetic),
            anchors=dict(anchors),
            seeds=dict(seeds or {}),
        )


@dataclass(frozen=True)
class Family:
    """Measures that are computed together.

    `figures` gives one figure for each spec; `original_figures` gives those that the original has
    by itself, such as its median survival.
    """

    name: str
    specs: tuple[Spec, ...]
    figures: Callable[[Candidate, Setting], dict[str, Figure]]
    original_figures: Callable[[Setting], dict[str, Figure]] = lambda setting: {}


def attempt(compute: Callable[[], float | Figure]) -> Figure:
    """Return the figure, or the reason why there is none; NaN and infinity are no values."""
    try:
        result = compute()
    except NotComputable as reason:
        return Figure(reason=str(reason))
    return result if isinstance(result, Figure) else figure(result)


def figure(
    value: float, low: float | None = None, high: float | None = None, decimals: int | None = None
) -> Figure:
    """Make a figure of plain numbers, with `decimals` or else ten significant digits.

    Digits beyond the tenth depend on the order in which a machine's linear algebra adds.
    """
    if not math.isfinite(value):
        return Figure(reason="the computation has no finite result for these cohorts")

    def tidy(number: float | None) -> float | None:
        if number is None or not math.isfinite(number):
            return None
        rounded = float(f"{number:.10g}") if decimals is None else round(float(number), decimals)
        return rounded + 0.0  # which turns -0.0 into 0.0

    return Figure(value=tidy(value), low=tidy(low), high=tidy(high))
