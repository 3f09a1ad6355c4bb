"""The typed variable dictionary: the one source that every schema and check is derived from."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from amlsynth.expressions.evaluate import Expression, parse
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.yamlfile import misplaced, read_yaml_model

Role = Literal["original", "synthetic"]
Severity = Literal["error", "warning"]
VariableType = Literal["integer", "number", "category", "tri-state", "status"]

_DTYPES = {"integer": "Int16", "number": "Float64", "tri-state": "Int8", "status": "Int8"}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Category(_Entry):
    """One value of a categorical variable."""

    value: Annotated[str, Field(min_length=1)]
    label: str


class Group(_Entry):
    """Variables shown together; `panel` is the letter of figure 1 for genetic alterations."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    panel: Annotated[str, Field(pattern=r"^[a-z]$")] | None = None


class Typical(_Entry):
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


class Variable(_Entry):
    """One column of the core table."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]
    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    label: str
    group: str
    type: VariableType
    unit: str | None = None
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


class Endpoint(_Entry):
    """A time-to-event endpoint: the columns of its time in months and of its status.

    `event` and `censored` are the words for status 1 and 0, as clinical exports show them.
    """

    name: str
    label: str
    time: str
    status: str
    event: str = "Event"
    censored: str = "Last time known without the event"


class Severities(_Entry):
    original: Severity
    synthetic: Severity


class Rule(_Entry):
    """A rule between variables: where `when` holds, `require` must hold; NA means "cannot tell".

    With `for_each`, the rule stands for one rule a variable, whose id replaces `{each}`; an entry
    `group:NAME` stands for the members of a group.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: str | None = None
    require: str
    for_each: Annotated[tuple[str, ...], Field(strict=False)] = ()
    severity: Severities
    message: str


class RuleCase(BaseModel):
    """A rule with `{each}` filled in and its expressions parsed."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    rule: Rule
    each: Variable | None
    when: Expression | None
    require: Expression
    blamed: tuple[Variable, ...]  # whose values the failure shows


class Dictionary(_Entry):
    """The whole dictionary; see `schema/aml.yaml`."""

    name: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: str
    description: str
    days_per_month: Annotated[float, Field(gt=0)]
    missing_values: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    groups: Annotated[tuple[Group, ...], Field(strict=False)]
    endpoints: Annotated[tuple[Endpoint, ...], Field(strict=False)]
    variables: Annotated[tuple[Variable, ...], Field(strict=False, min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for section, key in (
            ("variables", "name"),
            ("variables", "id"),
            ("variables", "export_name"),
            ("groups", "id"),
            ("rules", "id"),
        ):
            seen: set[str] = set()
            for position, entry in enumerate(getattr(self, section)):
                value = getattr(entry, key)
                if value in seen:
                    raise misplaced((section, position, key), f"{value!r} stands twice; each must be unique")
                seen.add(value)
        groups = {group.id for group in self.groups}
        for position, variable in enumerate(self.variables):
            if variable.group not in groups:
                raise misplaced(
                    ("variables", position, "group"),
                    f"the group {variable.group!r} is not defined.{did_you_mean(variable.group, groups)}",
                )
        for position, endpoint in enumerate(self.endpoints):
            for key in ("time", "status"):
                column = getattr(endpoint, key)
                if column not in self._by_name:
                    raise misplaced(
                        ("endpoints", position, key),
                        f"{column!r} is no variable.{did_you_mean(column, self._by_name)}",
                    )
        self.rule_cases  # noqa: B018  (parsed here, so that a wrong rule is found on loading)
        return self

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.names))  # what is equal has the same columns

    @cached_property
    def _by_name(self) -> dict[str, Variable]:
        return {variable.name: variable for variable in self.variables}

    @cached_property
    def by_id(self) -> dict[str, Variable]:
        return {variable.id: variable for variable in self.variables}

    def __getitem__(self, name: str) -> Variable:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The column names, in the order of the core table."""
        return tuple(self._by_name)

    @cached_property
    def alterations(self) -> tuple[Variable, ...]:
        """The genetic alterations: the members of the groups that are a panel of figure 1."""
        panels = {group.id for group in self.groups if group.panel}
        return tuple(variable for variable in self.variables if variable.group in panels)

    def members(self, group: str) -> tuple[Variable, ...]:
        """Return the variables of a group; KeyError when there is no such group."""
        if group not in {known.id for known in self.groups}:
            raise KeyError(group)
        return tuple(variable for variable in self.variables if variable.group == group)

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint by its name, "OS" or "EFS"; KeyError when there is no such endpoint."""
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise KeyError(name)

    @cached_property
    def rule_cases(self) -> tuple[RuleCase, ...]:
        """Every rule, written out for each variable that it speaks of."""
        return tuple(case for position in range(len(self.rules)) for case in self._cases(position))

    def _cases(self, position: int) -> list[RuleCase]:
        rule = self.rules[position]
        targets: list[Variable | None] = [None]
        if rule.for_each:
            place = ("rules", position, "for_each")
            targets = [variable for entry in rule.for_each for variable in self._targets(place, entry)]
        cases = []
        for each in targets:
            when = self._parse(("rules", position, "when"), rule.when, each) if rule.when else None
            require = self._parse(("rules", position, "require"), rule.require, each)
            names = dict.fromkeys((*(when.names if when else ()), *require.names))
            # For one of many the culprit is the variable itself; the rest is context.
            blamed = (each,) if each else tuple(self.by_id[name] for name in names)
            cases.append(RuleCase(rule=rule, each=each, when=when, require=require, blamed=blamed))
        return cases

    def _targets(self, place: tuple[str | int, ...], entry: str) -> tuple[Variable, ...]:
        kind, _, group = entry.partition(":")
        try:
            return self.members(group) if kind == "group" else (self.by_id[entry],)
        except KeyError:
            choices = [*self.by_id, *(f"group:{known.id}" for known in self.groups)]
            problem = f"{entry!r} is no variable's id and no group.{did_you_mean(entry, choices)}"
            raise misplaced(place, problem) from None

    def _parse(self, place: tuple[str | int, ...], text: str, each: Variable | None) -> Expression:
        try:
            expression = parse(text.replace("{each}", each.id) if each else text)
        except UsageError as error:
            raise misplaced(place, f"the rule cannot be read: {error}") from error
        for name in expression.names:
            if name not in self.by_id:
                raise misplaced(place, f"{name!r} is no variable's id.{did_you_mean(name, self.by_id)}")
        return expression


def load_dictionary(path: Path) -> Dictionary:
    """Read a dictionary from YAML.

    Raises
    ------
    UsageError
        The file is not a dictionary; the sentences name the lines that are wrong.
    """
    return read_yaml_model(path, Dictionary, what="dictionary")


@cache
def dictionary() -> Dictionary:
    """Return the AML dictionary that this version of amlsynth carries."""
    return load_dictionary(asset("schema/aml.yaml"))
