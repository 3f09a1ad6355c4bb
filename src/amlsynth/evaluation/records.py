"""What an evaluation says, as typed records: the content of evaluation.json.

A measure that cannot be computed has value None and a reason, never 0. What is said of patients has gone
through the rule of `disclosure.rule`. Several synthetic cohorts can stand in one evaluation, each under its
key; `synthetic` of an evaluation and of a measure is that of the first, the only one of a release.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from amlsynth.disclosure.rule import MIN_CELL, OFF, DisclosureRule
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.survival.cox import Ties

SCHEMA_VERSION = "3"
_RISK_OF_VERSION_2 = "eln2022"


class Figure(StrictModel):
    """One computed number, or the reason why there is none."""

    value: float | None = None
    low: float | None = Field(None, description="lower end of the 95 % interval")
    high: float | None = Field(None, description="upper end of the 95 % interval")
    reason: str | None = Field(None, description="why there is no value")


class Spread(StrictModel):
    """A measure over the cohorts that one generator made with several seeds."""

    cohorts: int  # that have a value; with fewer than two there is no spread
    mean: float
    sd: float
    least: float
    most: float


class Measure(StrictModel):
    """One measure of each synthetic cohort beside the same measure of the three anchors."""

    id: str  # such as "km_score_os"
    label: str
    aspect: Literal["fidelity", "survival", "outcome", "privacy", "validity"]
    group: str = Field("", description="measures that are computed together, such as Kaplan-Meier")
    # "half": near 0.5, guessing; "original": near the original's figure; "none": for information alone
    better: Literal["higher", "lower", "zero", "half", "original", "none"]
    unit: str = ""
    description: str
    source: str
    outcomes: tuple[str, ...] = Field((), description="endpoints and response that it is about")
    applicable: bool = Field(True, description="False where the original lacks one of these outcomes")
    original: Figure | None = None  # the figure of the original itself, where it has one
    figures: Annotated[dict[str, Figure], Field(min_length=1)]  # of the synthetic cohorts, by key
    anchors: dict[Literal["independent", "bootstrap", "holdout"], Figure]
    seeds: dict[str, Spread] = Field({}, description="by generator, where one made several cohorts")

    @property
    def synthetic(self) -> Figure:
        """The figure of the first synthetic cohort: the only one, in most evaluations."""
        return next(iter(self.figures.values()))


class CategoryCount(StrictModel):
    """Patients with one value of a categorical variable; n None where the cell is held back."""

    value: str  # a category, "1" for present, "NA" for missing
    n: int | None
    share: float | None = Field(None, description="of the patients with a known value; for NA of all")


class Bin(StrictModel):
    """The share of the patients with a known value from `low` to below `high`."""

    low: float
    high: float
    share: float


class VariableSummary(StrictModel):
    """One variable in one cohort: quartiles for numbers, counts for the rest."""

    name: str
    n: int
    missing: int | None
    quartiles: tuple[float, float, float] | None = None
    counts: tuple[CategoryCount, ...] = ()
    histogram: tuple[Bin, ...] = Field((), description="of numbers; empty in older files and where held back")


class CurvePoint(StrictModel):
    months: float
    survival: float
    low: float
    high: float
    # Of patients rounded down to a multiple of the smallest cell that is shown; None in older files
    at_risk: int | None


class SurvivalSummary(StrictModel):
    """Kaplan-Meier summary of one endpoint in one cohort, months."""

    endpoint: str
    n: int | None  # with a known time and status; None where few have not
    events: int | None  # None where few had an event, or few had none
    median: Figure
    follow_up: Figure  # reverse Kaplan-Meier median
    # At whole months; of patients, months are left out until enough have left in between
    curve: tuple[CurvePoint, ...]

    def at_risk_between(self, month: float, min_cell: int) -> tuple[int, int] | None:
        """Return the least and the most patients at risk at a month, or None after the end of the curve."""
        before = [point for point in self.curve if point.months <= month]
        after = [point for point in self.curve if point.months >= month]
        if not before or not after or before[-1].at_risk is None or after[0].at_risk is None:
            return None
        return after[0].at_risk, before[-1].at_risk + max(min_cell - 1, 0)


class Origin(StrictModel):
    """Where a cohort's file came from, as far as it is known."""

    file: str | None = None  # its name without its folder
    sha256: str | None = None
    generator: str | None = None
    seed: int | None = None


class CohortSummary(StrictModel):
    """The aggregates of one cohort that tables and figures are made of."""

    key: str = "synthetic"  # "original", "holdout", and "synthetic" or "synthetic-1", "synthetic-2", ...
    label: str
    n: int
    min_cell: int = Field(0, description="smallest count that is shown of it; 0 for no patients")
    origin: Origin | None = None
    variables: tuple[VariableSummary, ...]
    risk: tuple[CategoryCount, ...] = ()  # of the dictionary's classification, where it has one
    survival: tuple[SurvivalSummary, ...]

    def variable(self, name: str) -> VariableSummary:
        return next(summary for summary in self.variables if summary.name == name)

    def endpoint(self, name: str) -> SurvivalSummary:
        return next(summary for summary in self.survival if summary.endpoint == name)


class Comparison(StrictModel):
    """One test of a cohort against the original, for tables 1 and 2 of the paper."""

    cohort: str = "synthetic"  # a key: of a synthetic cohort, or "holdout"
    subject: str  # a variable, the classification, or an endpoint: "AGE", "AGEGROUP=old", "OS"
    test: str  # "Mann-Whitney", "Fisher's exact", "log-rank", "Cox regression", "logistic regression"
    p_value: Figure
    effect: Figure | None = None  # hazard or odds ratio, synthetic against original
    effect_name: str | None = None
    adjusted_p: Figure | None = None  # for the number of tests of the evaluation, false discovery rate
    effect_size: Figure | None = None  # on a scale that all variables share
    effect_size_name: str | None = None  # "standardised difference", "Cramér's V"


class Effect(StrictModel):
    """The effect of one marker on one endpoint in one cohort, for forest plots."""

    subject: str  # a variable, or a level of the classification: "AGE", "RISK=high"
    contrast: str  # "present against absent", "per 10 years", "adverse against favorable"
    endpoint: str  # the name of the response or of an endpoint
    model: Literal["univariable", "multivariable"]
    cohort: str  # a key: "original", "holdout", or that of a synthetic cohort
    effect_name: Literal["odds ratio", "hazard ratio"]
    effect: Figure
    p_value: Figure
    n: int | None = None  # patients analysed; None where held back
    carriers: int | None = None  # None for numbers, and where held back


class CoOccurrence(StrictModel):
    """How often two traits occur together in a cohort, relative to the original, for figure 2.

    The pairs are those of `traits` below the diagonal, row by row: (1, 0), (2, 0), (2, 1), (3, 0), ...
    """

    traits: tuple[str, ...]  # a variable for its presence, or "SEX=female"
    # Share of the patients in whom both are known, less the original's, over the original's, in percent;
    # None where few patients of the original have both, or a small cell would follow.
    differences: dict[str, tuple[int | None, ...]]  # by key of the cohort
    shown: int  # pairs with enough patients of the original


class RuleCount(StrictModel):
    """How many patients of each cohort break a rule of the dictionary."""

    rule: str
    columns: str
    message: str
    severity: Literal["error", "warning"]
    counts: dict[str, int | None]  # by key of the cohort; None where held back


class PooledEffects(StrictModel):
    """The original's effects beside those pooled over replicates; ratios on the log scale."""

    replicates: int
    patients: int = Field(description="in each replicate")
    effects: int = Field(description="with an estimate in the original and in every replicate")
    overlap: Figure = Field(description="mean share of the two 95 % intervals that they have in common")
    covering: Figure = Field(description="share of pooled intervals that hold the original's estimate")
    width: Figure = Field(description="median width of the pooled interval against the original's")


class Evaluation(StrictModel):
    """Everything one evaluation found."""

    schema_version: Literal["3"] = "3"
    # "comparison": of any two cohorts, where none is known to be made from the other
    kind: Literal["evaluation", "comparison"] = "evaluation"
    dictionary_name: str = "aml"
    dictionary_version: str
    amlsynth_version: str
    seed: int
    original_is_simulated: bool
    cox_ties: Ties = Field("efron", description="how Cox regression took events at the same time")
    min_cell: int = Field(MIN_CELL, description="smallest count of patients shown; 0: nothing is held back")
    original: CohortSummary  # the training cohort
    holdout: CohortSummary | None
    synthetics: Annotated[tuple[CohortSummary, ...], Field(min_length=1)]
    measures: tuple[Measure, ...]
    comparisons: tuple[Comparison, ...]
    effects: tuple[Effect, ...] = ()
    pooled: PooledEffects | None = Field(None, description="of a release with replicates")
    co_occurrence: CoOccurrence | None = None
    rules: tuple[RuleCount, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = self.keys
        if len(set(keys)) < len(keys):
            raise ValueError("two synthetic cohorts have the same key")
        for measure in self.measures:
            if tuple(measure.figures) != keys:
                raise ValueError(f"the measure {measure.id} has not one figure for each synthetic cohort")
        return self

    @property
    def rule(self) -> DisclosureRule:
        """The rule by which numbers of patients were held back."""
        return DisclosureRule(self.min_cell) if self.min_cell else OFF

    @property
    def synthetic(self) -> CohortSummary:
        """The first synthetic cohort: the only one, in most evaluations."""
        return self.synthetics[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the synthetic cohorts."""
        return tuple(cohort.key for cohort in self.synthetics)

    def measure(self, identifier: str) -> Measure:
        for measure in self.measures:
            if measure.id == identifier:
                return measure
        raise KeyError(identifier)


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write evaluation.json: sorted by the model's field order, floats in shortest form, LF.

    Examples
    --------
    >>> from amlsynth import read_evaluation
    >>> write_evaluation(read_evaluation(release / "evaluation.json"), folder / "evaluation.json")
    """
    write_text(path, evaluation.model_dump_json(indent=1) + "\n")


def read_evaluation(path: Path) -> Evaluation:
    """Read evaluation.json.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        The file is not an evaluation of this version; the sentence names the first wrong field.

    Examples
    --------
    >>> evaluation = read_evaluation(release / "evaluation.json")
    >>> evaluation.measure("km_score_os").figures["synthetic"].value > 0.9
    True
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}). Make it with: amlsynth evaluate"
        ) from error
    try:
        try:
            return Evaluation.model_validate_json(text)
        except ValidationError:
            return Evaluation.model_validate_json(_of_another_version(path, text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not an evaluation that this version reads, at {where or 'the top'}: "
            f"{first['msg']}. Run amlsynth evaluate again."
        ) from error


def _of_another_version(path: Path, text: bytes) -> bytes:
    """Return the text of a file of version 2 as one of this version, and any other as it is."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version == "2":
        return json.dumps(_from_version_2(content)).encode()
    if version not in (None, SCHEMA_VERSION):
        raise DataError(
            f"{path}: its schema_version is {version!r} and this amlsynth reads {SCHEMA_VERSION!r} and '2'; "
            "it was written by another version. Run amlsynth evaluate again."
        )
    return text


def _from_version_2(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a file of amlsynth 0.1, which had other names.

    The risk went by the name of one classification, the aspect of a measure was called group, and its group
    family.
    """
    cohorts = [content.get("original"), content.get("holdout"), *(content.get("synthetics") or ())]
    for cohort in cohorts:
        if isinstance(cohort, dict) and _RISK_OF_VERSION_2 in cohort:
            cohort["risk"] = cohort.pop(_RISK_OF_VERSION_2)
    for measure in content.get("measures") or ():
        if isinstance(measure, dict):
            measure["aspect"], measure["group"] = measure.pop("group", None), measure.pop("family", "")
    return content | {"schema_version": SCHEMA_VERSION}
