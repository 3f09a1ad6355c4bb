"""What a group of measures is: one module that says what it measures and computes it.

To add a measure, add its `MeasureDefinition` with its `compute` to a group, in one entry; to add a group, add
one module and name it in `run.GROUPS`, or in another package as an entry point (see `plugins`). The anchors,
the record and the report come for free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.records import Figure, Measure, Spread
from amlsynth.foundation.errors import NotComputable as NotComputable  # what a measure may raise
from amlsynth.foundation.errors import UsageError
from amlsynth.statistics.coding import CohortCoding
from amlsynth.survival.cox import Ties

AnchorName = Literal["independent", "bootstrap", "holdout"]
CohortKind = Literal["synthetic", "independent", "bootstrap", "holdout"]

Found = TypeVar("Found")

NO_HOLDOUT = "no hold-out was given, so there is nothing the generator did not see to compare with"


class Memory(dict[str, Any]):
    """What was computed, by name."""

    def once(self, name: str, compute: Callable[[], Found]) -> Found:
        """Return what `compute` gives, computed at the first call with this name.

        A `NotComputable` is raised again each time, without computing again.
        """
        if name not in self:
            try:
                self[name] = compute()
            except NotComputable as reason:
                self[name] = reason
        value: Found | NotComputable = self[name]
        if isinstance(value, NotComputable):
            raise value.with_traceback(None)
        return value

    def once_of(self, frame: pd.DataFrame, name: str, compute: Callable[[], Found]) -> Found:
        """Return what `compute` gives of a frame, computed at the first call with this frame and name."""
        # The frame is kept with it, so that no other one takes its id.
        return self.once(f"{name} of {id(frame)}", lambda: (compute(), frame))[0]


@dataclass(frozen=True)
class EvaluationContext:
    """What every cohort is measured against; `original` is the training part.

    rule : what is held back of the original and of other cohorts of patients.
    ties : how Cox regression takes events at the same time.
    """

    original: pd.DataFrame
    holdout: pd.DataFrame | None
    dictionary: Dictionary
    seed: int
    rule: DisclosureRule = OFF
    ties: Ties = "efron"
    # Not an argument, so that a changed copy of a context begins with nothing remembered.
    memory: Memory = field(default_factory=Memory, init=False, compare=False, repr=False)

    def once(self, name: str, compute: Callable[[], Found]) -> Found:
        """Return what `compute` gives, computed at the first call with this name: four cohorts share it."""
        return self.memory.once(name, compute)

    def once_of(self, frame: pd.DataFrame, name: str, compute: Callable[[], Found]) -> Found:
        """Return what `compute` gives of a frame, computed at the first call with this frame and name."""
        return self.memory.once_of(frame, name, compute)

    @property
    def everybody(self) -> pd.DataFrame:
        """All real patients, training and hold-out, for scales that favour neither."""
        real = [self.original] if self.holdout is None else [self.original, self.holdout]
        return self.once("everybody", lambda: pd.concat(real, ignore_index=True))

    @property
    def coding(self) -> CohortCoding:
        """The coding of cohorts with numbers in bins of the original."""
        return self.once("coding", lambda: CohortCoding(self.original, self.dictionary))

    def rule_of(self, cohort: EvaluatedCohort) -> DisclosureRule:
        """Return what is held back of a cohort: nothing of one that holds no patients."""
        return self.rule if cohort.protected else OFF


@dataclass(frozen=True)
class EvaluatedCohort:
    """A cohort that is measured as if it were synthetic: a synthetic one or an anchor.

    key : tells several synthetic cohorts of one evaluation apart.
    holds_patients : whether it may hold patients, whose small cells are held back; a hold-out does.
    """

    kind: CohortKind
    frame: pd.DataFrame
    key: str = ""
    holds_patients: bool = False

    @property
    def protected(self) -> bool:
        return self.holds_patients or self.kind == "holdout"


@dataclass(frozen=True)
class MeasureDefinition:
    """What a measure is, apart from its figures; the fields are those of `records.Measure`."""

    id: str
    label: str
    aspect: Literal["fidelity", "survival", "outcome", "privacy", "validity"]
    better: Literal["higher", "lower", "zero", "half", "original", "none"]
    description: str
    source: str
    unit: str = ""
    outcomes: tuple[str, ...] = ()  # endpoints and response without any of which there is nothing to measure
    # May raise `NotComputable`. Groups whose measures share work give the figures together instead.
    compute: Callable[[EvaluatedCohort, EvaluationContext], float | Figure] | None = None
    compute_original: Callable[[EvaluationContext], float | Figure] | None = None

    def measure(
        self,
        original: Figure | None,
        synthetic: Mapping[str, Figure],
        anchors: Mapping[AnchorName, Figure],
        group: str = "",
        seeds: Mapping[str, Spread] | None = None,
        applicable: bool = True,
    ) -> Measure:
        return Measure(
            id=self.id,
            label=self.label,
            aspect=self.aspect,
            group=group,
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
class MeasureGroup:
    """Measures that are computed together.

    definitions : the measures that a dictionary allows: none of a response, where the disease has none.
    figures : gives one figure for each definition that has no `compute`.
    original_figures : gives those that the original has by itself, such as its median survival.
    package : the package that an entry point brought it from; "" for those of amlsynth.
    """

    name: str
    definitions: Callable[[Dictionary], tuple[MeasureDefinition, ...]]
    figures: Callable[[EvaluatedCohort, EvaluationContext], dict[str, Figure]] = lambda cohort, context: {}
    original_figures: Callable[[EvaluationContext], dict[str, Figure]] = lambda context: {}
    package: str = ""

    def measured(self, cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
        """Return the figure of every measure for a cohort; of an outcome that it lacks, that reason.

        Raises
        ------
        UsageError
            `figures` leaves out a measure that has no `compute`.
        """
        definitions = self.definitions(context.dictionary)
        try:
            figures = {s.id: attempt(partial(s.compute, cohort, context)) for s in definitions if s.compute}
            figures |= self.figures(cohort, context)
        except Exception as error:
            failed = self._failed(error)
            return {definition.id: failed for definition in definitions}
        if missing := [definition.id for definition in definitions if definition.id not in figures]:
            raise UsageError(
                f"The measures {self.name!r} have no figure for {', '.join(missing)}: give each a `compute`, "
                "or its figure in `figures`."
            )
        return {
            definition.id: _or_lacking(figures[definition.id], definition, cohort, context)
            for definition in definitions
        }

    def measured_original(self, context: EvaluationContext) -> dict[str, Figure]:
        """Return the figures that the original has by itself."""
        definitions = self.definitions(context.dictionary)
        try:
            figures = {
                s.id: attempt(partial(s.compute_original, context)) for s in definitions if s.compute_original
            }
            figures |= self.original_figures(context)
        except Exception as error:
            failed = self._failed(error)
            return {definition.id: failed for definition in definitions if definition.compute_original}
        for definition in definitions:
            name = lacking(definition, context.original, context.dictionary)
            if definition.id in figures and name is not None:
                figures[definition.id] = Figure(reason=why_lacking(name, "original"))
        return figures

    def _failed(self, error: Exception) -> Figure:
        """Return the reason of a failure in another package, which costs its figures and nothing else."""
        if not self.package:
            raise error
        # Without the exception's text, which may hold values of patients.
        return Figure(reason=f"the package {self.package} failed to measure it ({type(error).__name__})")


def fixed(*definitions: MeasureDefinition) -> Callable[[Dictionary], tuple[MeasureDefinition, ...]]:
    """Return the `definitions` of a group that measures the same under every dictionary."""
    return lambda d: definitions


def lacking(definition: MeasureDefinition, frame: pd.DataFrame, d: Dictionary) -> str | None:
    """Return the first outcome of a measure that a cohort lacks, or None."""
    return next((name for name in definition.outcomes if lacks(frame, d, name)), None)


def _or_lacking(
    computed: Figure, definition: MeasureDefinition, cohort: EvaluatedCohort, context: EvaluationContext
) -> Figure:
    """Return the figure, or that the cohort or the original lacks the outcome."""
    if (name := lacking(definition, cohort.frame, context.dictionary)) is not None:
        return Figure(reason=why_lacking(name))
    if (
        computed.value is None
        and (name := lacking(definition, context.original, context.dictionary)) is not None
    ):
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
