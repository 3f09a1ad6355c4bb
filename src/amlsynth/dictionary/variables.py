"""The parts of a dictionary: variables with their categories, groups, and the rules between variables."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from amlsynth.dictionary.roles import Entry, UnitConvention
from amlsynth.expressions.evaluate import Expression
from amlsynth.foundation.strict_model import StrictModel

Role = Literal["original", "synthetic"]
Severity = Literal["error", "warning"]
VariableType = Literal["integer", "number", "category", "tri-state", "status"]

_FORMULA = re.compile(r"[=@\t\r]|[-+].*[(!|]")
_DTYPES = {"integer": "Int16", "number": "Float64", "tri-state": "Int8", "status": "Int8"}


def _no_formula(value: str) -> str:
    """Refuse a value that spreadsheets would run when they open a CSV file that holds it."""
    if _FORMULA.match(value):
        raise ValueError(f"{value[:40]!r} is a formula for spreadsheets; begin it with a letter or a digit")
    return value


class Category(Entry):
    """One value of a categorical variable."""

    value: Annotated[str, Field(min_length=1), AfterValidator(_no_formula)]
    label: str
    export_value: Annotated[str, Field(min_length=1)] | None = None  # its code in clinical exports


class Group(Entry):
    """Variables shown together; `panel` is the letter of figure 1 for genetic alterations."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    panel: Annotated[str, Field(pattern=r"^[a-z]$")] | None = None


class Typical(Entry):
    """What is usual in a cohort, to tell a wrong unit from a right one; never a reason to refuse a value.

    `median` is where the median of a cohort lies, `values` where nearly all of its patients lie, both in
    the variable's unit.
    """

    median: Annotated[tuple[float, float], Field(strict=False)]
    values: Annotated[tuple[float, float], Field(strict=False)]

    @model_validator(mode="after")
    def _nested(self) -> Self:
        low, high = self.median
        if not self.values[0] <= low < high <= self.values[1]:
            raise ValueError("typical needs values[0] <= median[0] < median[1] <= values[1]")
        return self


class Variable(Entry):
    """One column of the core table."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]
    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    label: str
    group: str
    type: VariableType
    unit: str | None = None
    other_units: Annotated[tuple[UnitConvention, ...], Field(strict=False)] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    typical: Typical | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] = 0
    categories: Annotated[tuple[Category, ...], Field(strict=False)] = ()
    missing: bool = True
    description: str
    source: str
    export_name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
    # The column of clinical exports that names the unit, where their standard has one: AGEU beside AGE.
    export_unit: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numeric = self.type in ("integer", "number")
        if numeric and (self.minimum is None or self.maximum is None):
            raise ValueError(f"{self.name} is a number and needs minimum and maximum")
        if not numeric and (self.minimum is not None or self.maximum is not None or self.unit):
            raise ValueError(f"{self.name} is no number and takes no minimum, maximum or unit")
        if not numeric and self.typical is not None:
            raise ValueError(f"{self.name} is no number and takes no typical values")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"the minimum of {self.name} is not below its maximum")
        if (self.type == "category") != bool(self.categories):
            raise ValueError(f"{self.name}: categories belong to, and only to, the type category")
        if self.export_unit and not self.unit:
            raise ValueError(f"{self.name} has no unit that the column {self.export_unit} could name")
        if len({category.value for category in self.categories}) != len(self.categories):
            raise ValueError(f"{self.name} has the same category twice")
        return self

    @property
    def is_categorical(self) -> bool:
        return self.type in ("category", "tri-state", "status")

    @cached_property
    def values(self) -> tuple[str, ...] | tuple[int, ...]:
        """The values that a categorical variable may take, NA apart; empty for numbers."""
        if self.type == "category":
            return tuple(category.value for category in self.categories)
        return (0, 1) if self.is_categorical else ()

    @property
    def category_labels(self) -> dict[str, str]:
        return {category.value: category.label for category in self.categories}

    @cached_property
    def dtype(self) -> Any:
        """The pandas dtype of the column in a typed frame."""
        if self.type == "category":
            return pd.CategoricalDtype(list(self.values), ordered=False)
        return pd.api.types.pandas_dtype(_DTYPES[self.type])


class Severities(Entry):
    original: Severity
    synthetic: Severity


class Rule(Entry):
    """A rule between variables: where `when` holds, `require` must hold; NA means "cannot tell".

    With `for_each`, the rule stands for one rule a variable, whose id replaces `{each}`; an entry
    `group:NAME` stands for the members of a group, and `!ID` takes a variable out again.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: str | None = None
    require: str
    for_each: Annotated[tuple[str, ...], Field(strict=False)] = ()
    severity: Severities
    message: str


class RuleCase(StrictModel):
    """A rule with `{each}` filled in and its expressions parsed."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rule: Rule
    each: Variable | None
    when: Expression | None
    require: Expression
    blamed: tuple[Variable, ...]  # whose values the failure shows
