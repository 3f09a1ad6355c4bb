"""What an evaluation says, as typed records: the content of evaluation.json.

A measure that cannot be computed has value None and a reason, never 0. Aggregates of the original
hold no cell that counts fewer than `SMALL_CELL` patients and no patient's value: survival curves
stand on a fixed grid of months.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from amlsynth.errors import DataError, UsageError
from amlsynth.files import write_text

SMALL_CELL = 5


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Record):
    """One computed number, or the reason why there is none."""

    value: float | None = None
    low: float | None = Field(None, description="lower end of the 95 % interval")
    high: float | None = Field(None, description="upper end of the 95 % interval")
    reason: str | None = Field(None, description="why there is no value")


class Measure(Record):
    """One measure of the synthetic cohort beside the same measure of the three anchors."""

    id: str  # such as "km_score_os"
    label: str
    group: Literal["fidelity", "survival", "outcome", "privacy", "validity"]
    # "original": near the original's figure; "none": shown for information, no value is better
    better: Literal["higher", "lower", "zero", "original", "none"]
    unit: str = ""
    description: str
    source: str
    original: Figure | None = None  # the figure of the original itself, where it has one
    synthetic: Figure
    anchors: dict[Literal["independent", "bootstrap", "holdout"], Figure]


class CategoryCount(Record):
    """Patients with one value of a categorical variable; n None where the cell is suppressed."""

    value: str  # a category, "1" for present, "NA" for missing
    n: int | None
    share: float | None = Field(None, description="of the patients with a known value; for NA of all")


class VariableSummary(Record):
    """One variable in one cohort: quartiles for numbers, counts for the rest."""

    name: str
    n: int
    missing: int | None
    quartiles: tuple[float, float, float] | None = None
    counts: tuple[CategoryCount, ...] = ()


class CurvePoint(Record):
    months: float
    survival: float
    low: float
    high: float
    at_risk: int | None  # None where fewer than SMALL_CELL are left


class SurvivalSummary(Record):
    """Kaplan-Meier summary of one endpoint in one cohort, months."""

    endpoint: Literal["OS", "EFS"]
    n: int
    events: int | None  # None where fewer than SMALL_CELL had an event, or had none
    median: Figure
    follow_up: Figure  # reverse Kaplan-Meier median
    curve: tuple[CurvePoint, ...]


class CohortSummary(Record):
    """The aggregates of one cohort that tables and figures are made of."""

    label: str
    n: int
    variables: tuple[VariableSummary, ...]
    eln2022: tuple[CategoryCount, ...]
    survival: tuple[SurvivalSummary, ...]

    def variable(self, name: str) -> VariableSummary:
        return next(summary for summary in self.variables if summary.name == name)

    def endpoint(self, name: str) -> SurvivalSummary:
        return next(summary for summary in self.survival if summary.endpoint == name)


class Comparison(Record):
    """One test of synthetic against original, for tables 1 and 2 of the paper."""

    subject: str  # variable or endpoint: "AGE", "ELN2022", "CR1", "OS", "EFS"
    test: str  # "Mann-Whitney", "Fisher's exact", "log-rank", "Cox regression", "logistic regression"
    p_value: Figure
    effect: Figure | None = None  # hazard or odds ratio, synthetic against original
    effect_name: str | None = None
    adjusted_p: Figure | None = None  # for the number of tests of the evaluation, false discovery rate
    effect_size: Figure | None = None  # on a scale that all variables share
    effect_size_name: str | None = None  # "standardised difference", "Cramér's V"


class Effect(Record):
    """The effect of one marker on one endpoint in one cohort, for forest plots."""

    subject: str  # a variable, "AGE" or "NPM1", or "ELN2022=adverse"
    contrast: str  # "present against absent", "per 10 years", "adverse against favorable"
    endpoint: Literal["CR", "OS", "EFS"]
    model: Literal["univariable", "multivariable"]
    cohort: Literal["original", "synthetic", "holdout"]
    effect_name: Literal["odds ratio", "hazard ratio"]
    effect: Figure
    p_value: Figure
    n: int | None = None  # patients analysed; None where held back
    carriers: int | None = None  # None for numbers, and where held back


class Evaluation(Record):
    """Everything one evaluation found."""

    schema_version: Literal["1"] = "1"
    dictionary_version: str
    amlsynth_version: str
    seed: int
    original_is_simulated: bool
    original: CohortSummary  # the training cohort
    holdout: CohortSummary | None
    synthetic: CohortSummary
    measures: tuple[Measure, ...]
    comparisons: tuple[Comparison, ...]
    effects: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = ()

    def measure(self, identifier: str) -> Measure:
        for measure in self.measures:
            if measure.id == identifier:
                return measure
        raise KeyError(identifier)


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write evaluation.json: sorted by the model's field order, floats in shortest form, LF."""
    write_text(path, evaluation.model_dump_json(indent=1) + "\n")


def read_evaluation(path: Path) -> Evaluation:
    """Read evaluation.json.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        The file is not an evaluation of this version; the sentence names the first wrong field.
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}). Make it with: amlsynth evaluate"
        ) from error
    try:
        return Evaluation.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not an evaluation that this version reads, at {where or 'the top'}: "
            f"{first['msg']}. Run amlsynth evaluate again."
        ) from error
