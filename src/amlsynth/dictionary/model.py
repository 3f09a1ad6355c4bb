"""The typed variable dictionary: the one source that every schema and check is derived from."""

from __future__ import annotations

import re
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import pandas as pd
from pydantic import Field, model_validator

from amlsynth.dictionary import derived
from amlsynth.dictionary.roles import Endpoint, Entry, Roles, Words
from amlsynth.dictionary.variables import Group as Group
from amlsynth.dictionary.variables import Role as Role
from amlsynth.dictionary.variables import Rule
from amlsynth.dictionary.variables import RuleCase as RuleCase
from amlsynth.dictionary.variables import Variable as Variable
from amlsynth.expressions.evaluate import Expression, parse
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.files import real_path
from amlsynth.foundation.yamlfile import misplaced, read_yaml, validated_yaml

_BUILT_IN = re.compile(r"[a-z][a-z0-9_-]*")


class Dictionary(Entry):
    """The whole dictionary; see `schema/aml.yaml`.

    Examples
    --------
    >>> from amlsynth import dictionary
    >>> d = dictionary()
    >>> "NPM1" in d, d["NPM1"].label, d.terminal.name
    (True, 'NPM1', 'OS')
    """

    name: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: str
    description: str
    days_per_month: Annotated[float, Field(ge=28, le=31)]
    missing_values: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    groups: Annotated[tuple[Group, ...], Field(strict=False)]
    words: Words = Words()
    endpoints: Annotated[tuple[Endpoint, ...], Field(strict=False)]
    roles: Roles = Roles()
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
        self._check_endpoints()
        self._check_roles()
        self.rule_cases  # noqa: B018  (parsed here, so that a wrong rule is found on loading)
        return self

    def _check_endpoints(self) -> None:
        if not self.endpoints:
            raise misplaced(
                ("endpoints",), "a dictionary needs an endpoint with the columns of its time and its status"
            )
        names = [endpoint.name for endpoint in self.endpoints]
        for position, endpoint in enumerate(self.endpoints):
            if names.index(endpoint.name) < position:
                raise misplaced(
                    ("endpoints", position, "name"), f"{endpoint.name!r} stands twice; each must be unique"
                )
            for key, types in (("time", ("number",)), ("status", ("status",))):
                place = ("endpoints", position, key)
                self._check_variable(place, getattr(endpoint, key))
                if self[getattr(endpoint, key)].type not in types:
                    raise misplaced(place, f"{getattr(endpoint, key)!r} is not of the type {types[0]}")
            if endpoint.within is not None and endpoint.within not in {*names} - {endpoint.name}:
                raise misplaced(
                    ("endpoints", position, "within"),
                    f"{endpoint.within!r} is no other endpoint.{did_you_mean(endpoint.within, names)}",
                )
        outer = [endpoint for endpoint in self.endpoints if endpoint.within is None]
        if len(outer) != 1 or len(self.endpoints) > 2:
            raise misplaced(
                ("endpoints",),
                "one endpoint that nothing outlasts, such as overall survival, and at most one `within` it "
                f"can be modelled; of these {len(self.endpoints)}, {len(outer)} are not within another",
            )

    def _check_roles(self) -> None:
        for key in ("strata", "secrets", "genetic", "effect_markers"):
            for position, name in enumerate(getattr(self.roles, key)):
                self._check_variable(("roles", key, position), name)
        for position, number in enumerate(self.roles.effect_numbers):
            self._check_variable(("roles", "effect_numbers", position, "variable"), number.variable)
        if self.roles.first is not None:
            self._check_variable(("roles", "first"), self.roles.first)
        if self.roles.response is not None:
            place = ("roles", "response", "variable")
            self._check_variable(place, self.roles.response.variable)
            if self[self.roles.response.variable].type != "tri-state":
                raise misplaced(place, "a response is of the type tri-state: reached, not reached, unknown")
        classification = self.roles.classification
        if classification is not None and classification.function not in derived.CLASSIFICATIONS:
            known = derived.CLASSIFICATIONS
            raise misplaced(
                ("roles", "classification", "function"),
                f"there is no derived function {classification.function!r}."
                f"{did_you_mean(classification.function, known)} Registered: {', '.join(known)}",
            )

    def _check_variable(self, place: tuple[str | int, ...], name: str) -> None:
        if name not in self._by_name:
            raise misplaced(place, f"{name!r} is no variable.{did_you_mean(name, self._by_name)}")

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
        """Return the variables of a group; KeyError when there is no such group.

        Examples
        --------
        >>> from amlsynth import dictionary
        >>> [variable.name for variable in dictionary().members("outcome")]
        ['CR1', 'OSTM', 'OSSTAT', 'EFSTM', 'EFSSTAT']
        """
        if group not in {known.id for known in self.groups}:
            raise KeyError(group)
        return tuple(variable for variable in self.variables if variable.group == group)

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint by its name, such as "OS"; KeyError when there is no such endpoint.

        Examples
        --------
        >>> from amlsynth import dictionary
        >>> dictionary().endpoint("EFS").time
        'EFSTM'
        """
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise KeyError(name)

    @cached_property
    def terminal(self) -> Endpoint:
        """The endpoint that nothing outlasts: overall survival, whose event is death."""
        return next(endpoint for endpoint in self.endpoints if endpoint.within is None)

    @cached_property
    def composite(self) -> Endpoint | None:
        """The endpoint within the terminal one, such as event-free survival; None where there is none."""
        return next((endpoint for endpoint in self.endpoints if endpoint.within is not None), None)

    @cached_property
    def outcome_columns(self) -> frozenset[str]:
        """The columns of times and statuses of all endpoints."""
        return frozenset(column for e in self.endpoints for column in (e.time, e.status))

    @cached_property
    def response(self) -> Variable | None:
        """The variable of the response to treatment, or None."""
        return self[self.roles.response.variable] if self.roles.response else None

    def classify(self, frame: pd.DataFrame) -> pd.Series | None:
        """Return the derived risk of every patient as a categorical series, or None without a classification.

        Raises KeyError when a column that the classification needs is not in `frame`.

        Examples
        --------
        >>> from amlsynth import dictionary, reference_cohort
        >>> risk = dictionary().classify(reference_cohort(n=50).frame)
        >>> list(risk.cat.categories) == list(dictionary().risks)
        True
        """
        chosen = self.roles.classification
        return derived.CLASSIFICATIONS[chosen.function].classify(frame) if chosen else None

    @cached_property
    def risks(self) -> tuple[str, ...]:
        """The levels of the derived risk, the reference first; empty without a classification."""
        chosen = self.roles.classification
        return derived.CLASSIFICATIONS[chosen.function].levels if chosen else ()

    @cached_property
    def rule_cases(self) -> tuple[RuleCase, ...]:
        """Every rule, written out for each variable that it speaks of."""
        return tuple(case for position in range(len(self.rules)) for case in self._cases(position))

    def _cases(self, position: int) -> list[RuleCase]:
        rule = self.rules[position]
        targets: list[Variable | None] = [None]
        if rule.for_each:
            place = ("rules", position, "for_each")
            taken = [entry for entry in rule.for_each if not entry.startswith("!")]
            out = [
                v for entry in rule.for_each if entry.startswith("!") for v in self._targets(place, entry[1:])
            ]
            targets = [v for entry in taken for v in self._targets(place, entry) if v not in out]
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


@cache
def dictionary() -> Dictionary:
    """Return the AML dictionary that this version of amlsynth carries.

    Examples
    --------
    >>> d = dictionary()
    >>> d.name, len(d.alterations), d["OSTM"].unit
    ('aml', 50, 'months')
    """
    return load_dictionary(asset("schema/aml.yaml"))


def dictionary_of(table: object, d: Dictionary | None = None) -> Dictionary:
    """Return the dictionary given, or else that of a cohort or data set, or else that of AML."""
    own = getattr(table, "dictionary", None)
    return d or (own if isinstance(own, Dictionary) else dictionary())


def require_default(d: Dictionary | None, what: str) -> None:
    """Refuse another dictionary than the default one for a source that follows that one; UsageError."""
    if d is not None and d != dictionary():
        default = dictionary()
        raise UsageError(
            f"{what} follows the dictionary {default.name} {default.version}, not {d.name} {d.version}. "
            "Leave the dictionary out, or name a file of your own."
        )


def load_dictionary(source: str | Path = "aml", folder: Path | None = None) -> Dictionary:
    """Read a dictionary from YAML.

    Parameters
    ----------
    source : a file, or the name of a dictionary that this version carries ("aml", "mds"). A file may say
        `extends: NAME` (or a path beside it) and add groups, variables and rules to that dictionary.
    folder : where a relative path begins; the current folder when not given.

    Raises
    ------
    UsageError
        The file is not a dictionary; the sentences name the lines that are wrong.

    Examples
    --------
    >>> mds = load_dictionary("mds")
    >>> [endpoint.name for endpoint in mds.endpoints]
    ['OS', 'LFS']
    """
    path = _dictionary_path(source, folder or Path())
    data, lines = _extended(path, ())
    return validated_yaml(path, data, lines, Dictionary)


def carried_names() -> tuple[str, ...]:
    """Return the names of the dictionaries that this version carries."""
    return tuple(sorted(path.stem for path in asset("schema").glob("*.yaml")))


def _dictionary_path(source: str | Path, folder: Path) -> Path:
    """Return the file of a built-in name, or of a path relative to `folder`."""
    text = str(source)
    if _BUILT_IN.fullmatch(text) and not (folder / text).is_file():
        try:
            return asset(f"schema/{text}.yaml")
        except UsageError:
            known = carried_names()
            raise UsageError(
                f"There is no dictionary {text!r}.{did_you_mean(text, known)} "
                f"Give a YAML file, or one of: {', '.join(known)}."
            ) from None
    return folder / text


def _extended(path: Path, under: tuple[Path, ...]) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """Return the content of a dictionary file with that of the one it extends, and the lines of its keys.

    Lists of the base come first, so that errors in the added part keep the lines of this file; what stands
    only in the base has no line here, and was checked with it.
    """
    data, lines = read_yaml(path, what="dictionary")
    if not isinstance(data, dict) or "extends" not in data:
        return data, lines
    data = dict(data)
    line = lines.get(("extends",), 1)
    source = data.pop("extends")
    if not isinstance(source, str):
        raise UsageError(f"{path}:{line}: extends: give the name or the file of one dictionary.")
    base_path = real_path(_dictionary_path(source, path.parent))
    if base_path in (real_path(path), *under):
        raise UsageError(f"{path}:{line}: extends: the dictionary extends itself. Name another one.")
    base, base_lines = _extended(base_path, (*under, real_path(path)))
    validated_yaml(base_path, base, base_lines, Dictionary)
    for key in ("name", "version", "title"):
        if key not in data:
            raise UsageError(
                f"{path}:{line}: a dictionary that extends another has a {key} of its own; add it."
            )
    merged = {**base, **data}
    moved = dict(lines)
    for key in ("groups", "variables", "rules"):
        inherited, added = base.get(key, []), data.get(key, [])
        if not isinstance(inherited, list) or not isinstance(added, list):
            continue
        merged[key] = [*inherited, *added]
        for place in [place for place in lines if len(place) > 1 and place[0] == key]:
            moved.pop(place, None)
        for place, number in lines.items():
            if len(place) > 1 and place[0] == key and isinstance(place[1], int):
                moved[(key, place[1] + len(inherited), *place[2:])] = number
    for key in ("roles", "words"):
        if isinstance(base.get(key), dict) and isinstance(data.get(key), dict):
            merged[key] = {**base[key], **data[key]}
    return merged, moved
