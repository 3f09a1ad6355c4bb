"""What a family of measures is: one module that says what it measures and computes it.

To add a measure, add its `Spec` with its `compute` to a family, in one entry; to add a family, add one module
and name it in `evaluate.FAMILIES`, or in another package as an entry point (see `plugins`). The anchors, the
record and the report come for free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.records import Figure, Measure, Spread
from amlsynth.foundation.errors import NotComputable as NotComputable  # what a measure may raise
from amlsynth.foundation.errors import UsageError

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
    outcomes: tuple[str, ...] = ()  # endpoints and response without any of which there is nothing to measure
    # May raise `NotComputable`. Families whose measures share work give the figures together instead.
    compute: Callable[[Candidate, Setting], float | Figure] | None = None
    compute_original: Callable[[Setting], float | Figure] | None = None

    def measure(
        self,
        original: Figure | None,
        synthetic: Mapping[str, Figure],
        anchors: Mapping[AnchorName, Figure],
        family: str = "",
        seeds: Mapping[str, Spread] | None = None,
        applicable: bool = True,
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
            outcomes=self.outcomes,
            applicable=applicable,
            original=original,
            figures=dict(synthetic),
            anchors=dict(anchors),
            seeds=dict(seeds or {}),
        )


@dataclass(frozen=True)
class Family:
    """Measures that are computed together.

    specs : the measures that a dictionary allows: none of a response, where the disease has none.
    figures : gives one figure for each spec that has no `compute`.
    original_figures : gives those that the original has by itself, such as its median survival.
    package : the package that an entry point brought it from; "" for those of amlsynth.
    """

    name: str
    specs: Callable[[Dictionary], tuple[Spec, ...]]
    figures: Callable[[Candidate, Setting], dict[str, Figure]] = lambda candidate, setting: {}
    original_figures: Callable[[Setting], dict[str, Figure]] = lambda setting: {}
    package: str = ""

    def measured(self, candidate: Candidate, setting: Setting) -> dict[str, Figure]:
        """Return the figure of every measure for a cohort; of an outcome that it lacks, that reason.

        Raises
        ------
        UsageError
            `figures` leaves out a measure that has no `compute`.
        """
        specs = self.specs(setting.dictionary)
        try:
            found = {s.id: attempt(partial(s.compute, candidate, setting)) for s in specs if s.compute}
            found |= self.figures(candidate, setting)
        except Exception as error:
            failed = self._failed(error)
            return {spec.id: failed for spec in specs}
        if missing := [spec.id for spec in specs if spec.id not in found]:
            raise UsageError(
                f"The measures {self.name!r} have no figure for {', '.join(missing)}: give each a `compute`, "
                "or its figure in `figures`."
            )
        return {spec.id: _or_lacking(found[spec.id], spec, candidate, setting) for spec in specs}

    def measured_original(self, setting: Setting) -> dict[str, Figure]:
        """Return the figures that the original has by itself."""
        specs = self.specs(setting.dictionary)
        try:
            found = {s.id: attempt(partial(s.compute_original, setting)) for s in specs if s.compute_original}
            found |= self.original_figures(setting)
        except Exception as error:
            failed = self._failed(error)
            return {spec.id: failed for spec in specs if spec.compute_original}
        for spec in specs:
            name = lacking(spec, setting.original, setting.dictionary)
            if spec.id in found and name is not None:
                found[spec.id] = Figure(reason=why_lacking(name, "original"))
        return found

    def _failed(self, error: Exception) -> Figure:
        """Return the reason of a failure in another package, which costs its figures and nothing else."""
        if not self.package:
            raise error
        # Without the exception's text, which may hold values of patients.
        return Figure(reason=f"the package {self.package} failed to measure it ({type(error).__name__})")


def fixed(*specs: Spec) -> Callable[[Dictionary], tuple[Spec, ...]]:
    """Return the `specs` of a family that measures the same under every dictionary."""
    return lambda d: specs


def lacking(spec: Spec, frame: pd.DataFrame, d: Dictionary) -> str | None:
    """Return the first outcome of a measure that a cohort lacks, or None."""
    return next((name for name in spec.outcomes if lacks(frame, d, name)), None)


def _or_lacking(computed: Figure, spec: Spec, candidate: Candidate, setting: Setting) -> Figure:
    """Return the figure, or that the cohort or the original lacks the outcome."""
    if (name := lacking(spec, candidate.frame, setting.dictionary)) is not None:
        return Figure(reason=why_lacking(name))
    if computed.value is None and (name := lacking(spec, setting.original, setting.dictionary)) is not None:
        return Figure(reason=why_lacking(name, "original"))
    return computed


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
