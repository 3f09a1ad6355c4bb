"""The mapping of a steward's table to the dictionary: the model of the YAML file.

See `docs/mapping-example.yaml` for a file with every key.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.yamlfile import misplaced
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.source_format import Entry, Limits, SourceFormat, as_codes, as_plain_text
from amlsynth.sources.units import factor

NOT_ASSESSED = "not-assessed"
REST = "rest"  # in not_assessed: every variable that is not mapped
MISSING = "NA"  # in `values`, what a source value without a counterpart becomes


def _parsable(text: str) -> str:
    try:
        return parse_expression(text).text
    except UsageError as error:
        raise ValueError(str(error)) from error


ExpressionText = Annotated[str, AfterValidator(_parsable)]


class ColumnMapping(Entry):
    """Where one variable comes from: a column of the source, or an expression over its columns."""

    column: str | None = Field(None, alias="from")
    expression: ExpressionText | None = None
    values: dict[str, str] | None = None
    unit: str | None = None
    missing: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), description="codes for a missing value in this variable's columns, beside source.missing"
    )
    limits: Limits | None = None
    step: float | None = Field(
        None, gt=0, description="in which the source records numbers, in its unit, such as 0.1"
    )
    optional: bool = Field(False, description="not assessed where the source has no such column")

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the source that the entry needs."""
        return (self.column,) if self.column is not None else parse_expression(self.expression or "").names

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError(f"write {{from: COLUMN}}, {{expression: '...'}} or {NOT_ASSESSED}")
        _check_keys(given, _COLUMN_KEYS)
        if ("from" in given) == ("expression" in given):
            raise ValueError("give either from or expression")
        return _read_values(given)

    @field_validator("missing", mode="before")
    @classmethod
    def _missing_as_text(cls, given: Any) -> Any:
        return as_codes(given)


_COLUMN_KEYS = ("from", "expression", "values", "unit", "missing", "limits", "step", "optional")


class Defaults(Entry):
    """What holds for many variables: for those not under `columns`, the whole entry; for the others, what
    theirs does not say.
    """

    variables: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = Field(
        alias="for", description="names of variables, ids of groups, genes or alterations"
    )
    column: str | None = Field(None, alias="from", description="{name} and {id} stand for the variable's")
    expression: str | None = None
    values: dict[str, str] | None = None
    unit: str | None = None
    missing: Annotated[tuple[str, ...], Field(strict=False)] = ()
    limits: Limits | None = None
    step: float | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("write {for: [genes], values: {...}}")
        _check_keys(given, ("for", *_COLUMN_KEYS))
        if "from" in given and "expression" in given:
            raise ValueError("give from or expression, not both")
        return _read_values(given)

    @field_validator("missing", mode="before")
    @classmethod
    def _missing_as_text(cls, given: Any) -> Any:
        return as_codes(given)


def _check_keys(given: dict[Any, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise misplaced((key,), f"unknown key.{hint} Known keys: {', '.join(known)}")


def _read_values(given: dict[Any, Any]) -> dict[Any, Any]:
    values = given.get("values")
    if not isinstance(values, dict):
        return given
    if any(isinstance(key, bool) or key is None for key in values):
        raise misplaced(("values",), "put yes, no, on, off, true, false and null in quotes")
    return given | {"values": {as_plain_text(key): _target(value) for key, value in values.items()}}


class WideColumns(Entry):
    """Columns made of a long table: 1 where any row of the patient fulfils a condition."""

    variables: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), alias="for", description="variables or groups, for each of which a column is made"
    )
    name: Annotated[str, Field(min_length=1)] = Field(description="of the new column; {name} and {id} count")
    any: str = Field(description="a condition over the long table's columns; {name}, {id}, {gene} count")
    called: dict[str, str] = Field(default_factory=dict, description="variable -> {gene} in the table")
    unseen: Literal["0", "NA"] = Field("NA", description="for all, where no row of the table fulfils it")

    @field_validator("unseen", mode="before")
    @classmethod
    def _unseen_as_text(cls, given: Any) -> Any:
        return as_plain_text(given)

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> Self:
        d = _dictionary_of(info)
        for word in self.variables:
            if members(word, d) is None:
                raise ValueError(f"{word!r} is no variable and no group.{did_you_mean(word, groups(d))}")
        example = members(self.variables[0], d) if self.variables else None
        text = self.any
        for place in ("{name}", "{id}", "{gene}"):
            text = text.replace(place, example[0] if example else "x")
        _parsable(text)
        return self


class JoinedTable(Entry):
    """A further table, joined by an id: a row a patient, or long and made wide."""

    file: str | None = Field(None, description="beside the main table; without it, a sheet of the same file")
    format: SourceFormat = Field(SourceFormat(), description="what differs from `source`")
    key: Annotated[str, Field(min_length=1)] = Field(description="the column with the id")
    match: str | None = Field(None, description="the column it is matched with; the main table's key")
    where: ExpressionText | None = Field(None, description="the rows that count")
    rows: Literal["one", "first"] = "one"
    wide: Annotated[tuple[WideColumns, ...], Field(strict=False)] = ()
    absent: Literal["0", "NA"] = Field("NA", description="of patients without a row in a long table")
    tested: str | None = Field(None, description="file with the ids of those tested, who are 0 without a row")
    optional: bool = False

    @field_validator("absent", mode="before")
    @classmethod
    def _absent_as_text(cls, given: Any) -> Any:
        return as_plain_text(given)


class DropRule(Entry):
    """Rows that are left out: those for which the expression is certainly true."""

    expression: ExpressionText
    reason: Annotated[str, Field(min_length=1)]
    optional: bool = Field(False, description="left out where the source has no such column")


class Mapping(Entry):
    """The whole file. Every variable of the dictionary is a key of `columns` or in `not_assessed`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Annotated[str, Field(min_length=1)]
    statement: str | None = Field(None, description="what the cohort is, in one or two sentences")
    simulated: bool = False
    source_file: str | None = Field(None, description="the main table, where DATA is a folder")
    key: str | None = Field(None, description="the main table's column of ids, for `tables`")
    source: SourceFormat = SourceFormat()
    tables: dict[str, JoinedTable] = Field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="column -> other names, of which the first that is there is taken"
    )
    defaults: Annotated[tuple[Defaults, ...], Field(strict=False)] = ()
    columns: dict[str, ColumnMapping]
    drop_rows_where: Annotated[tuple[DropRule, ...], Field(strict=False)] = ()
    not_assessed: Annotated[tuple[str, ...], Field(strict=False)] = ()
    panels: Annotated[tuple[Annotated[tuple[str, ...], Field(strict=False)], ...], Field(strict=False)] = (
        Field((), description="lists of variables that are assessed together or not at all; groups count")
    )

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, given: Any, info: ValidationInfo) -> Any:
        """Normalise the text, write out groups and defaults, move `NAME: not-assessed` to the list."""
        given = _normalised(given)
        if not isinstance(given, dict) or not isinstance(given.get("columns", {}), dict):
            return given
        given, d = {"columns": {}, **given}, _dictionary_of(info)
        return _with_panels(_with_defaults(_with_not_assessed(given, d), d), d)

    @model_validator(mode="after")
    def _matches_dictionary(self, info: ValidationInfo) -> Self:
        d = _dictionary_of(info)
        for name in self.columns:
            _check_name(("columns", name), name, d.names)
            _check_column(name, self.columns[name], d[name], self.source, d)
        for position, name in enumerate(self.not_assessed):
            _check_name(("not_assessed", position), name, d.names)
        left = [name for name in d.names if name not in self.columns and name not in self.not_assessed]
        if left:
            raise misplaced(
                ("columns",),
                f"{len(left)} variables are neither mapped nor listed under not_assessed: {', '.join(left)}",
            )
        return self


def _dictionary_of(info: ValidationInfo) -> Dictionary:
    """Return the dictionary that the mapping leads to."""
    return info.context if isinstance(info.context, Dictionary) else dictionary()


def _normalised(given: Any) -> Any:
    """Bring text to Unicode NFC: two ways of writing an umlaut look alike, and are alike from here on."""
    if isinstance(given, str):
        return unicodedata.normalize("NFC", given)
    if isinstance(given, list):
        return [_normalised(item) for item in given]
    if isinstance(given, dict):
        return {_normalised(key): _normalised(value) for key, value in given.items()}
    return given


def _with_not_assessed(given: dict[str, Any], d: Dictionary) -> dict[str, Any]:
    columns, listed = given["columns"], given.get("not_assessed") or []
    if not isinstance(listed, list):
        return given
    moved = [name for name, entry in columns.items() if entry == NOT_ASSESSED]
    names: list[Any] = []
    for position, name in enumerate(listed):
        if not isinstance(name, str):
            raise misplaced(("not_assessed", position), f"{name!r} is no name; write a variable or a group")
        if name in columns or name in listed[:position]:
            raise misplaced(("not_assessed", position), f"{name!r} stands twice; remove one of them")
        group = members(name, d) if name not in (*d.names, REST) else None
        names += [name] if group is None else [each for each in group if each not in columns]
    kept = {name: entry for name, entry in columns.items() if name not in moved}
    return given | {"columns": kept, "not_assessed": list(dict.fromkeys([*names, *moved]))}


def _with_defaults(given: dict[str, Any], d: Dictionary) -> dict[str, Any]:
    columns, listed = dict(given["columns"]), given.get("not_assessed")
    if not isinstance(listed, list) or not isinstance(given.get("defaults", []), list):
        return given
    for position, entry in enumerate(given.get("defaults", [])):
        if not isinstance(entry, dict) or not isinstance(entry.get("for"), list):
            continue  # the model says what is wrong with it
        filled = {key: value for key, value in entry.items() if key != "for"}
        for word in entry["for"]:
            for name in _named(word, ("defaults", position, "for"), d):
                own = columns.get(name)
                if isinstance(own, dict):
                    kept = filled.keys() - own.keys() - {"from", "expression"}
                    columns[name] = {key: filled[key] for key in filled if key in kept} | own
                elif own is None and name not in listed:
                    columns[name] = _for_variable(filled, d[name])
    if REST in listed:
        rest = [name for name in d.names if name not in columns and name not in listed]
        listed = [name for name in listed if name != REST] + rest
    return given | {"columns": columns, "not_assessed": listed}


def _with_panels(given: dict[str, Any], d: Dictionary) -> dict[str, Any]:
    """Write out the groups of `panels`, without their members that are not assessed."""
    panels, absent = given.get("panels"), given.get("not_assessed")
    if not isinstance(panels, list) or not isinstance(absent, list):
        return given
    written: list[Any] = []
    seen: set[str] = set()
    for position, panel in enumerate(panels):
        if not isinstance(panel, list):
            raise misplaced(("panels", position), "write a list of variables, such as [NPM1, FLT3I]")
        names: list[str] = []
        for place, word in enumerate(panel):
            at = ("panels", position, place)
            assessed = [name for name in _named(word, at, d) if name not in absent]
            if twice := [name for name in assessed if name in seen]:
                raise misplaced(at, f"{twice[0]!r} stands in panels twice; leave it in one of them")
            seen.update(assessed)
            names += assessed
        if len(names) < 2:
            raise misplaced(
                ("panels", position),
                f"a panel of {' and '.join(names) or 'nothing'} alone, of what is assessed; name the "
                "variables that are assessed with it, or leave it out",
            )
        written.append(names)
    return given | {"panels": written}


def _named(word: Any, at: tuple[str | int, ...], d: Dictionary) -> Sequence[str]:
    """Return the variables that a word of the list at a place of the file names: itself, or its group."""
    names = members(str(word), d)
    if names is None:
        raise misplaced(
            at,
            f"{word!r} is no variable and no group.{did_you_mean(str(word), (*d.names, *groups(d)))} "
            f"Groups: {', '.join(groups(d))}",
        )
    return names


def _for_variable(entry: dict[str, Any], variable: Variable) -> dict[str, Any]:
    """Fill a default's place-holders for one variable; without from and expression, its own name."""
    filled = dict(entry)
    for key in ("from", "expression"):
        if isinstance(filled.get(key), str):
            filled[key] = filled[key].replace("{name}", variable.name).replace("{id}", variable.id)
    return filled if "from" in filled or "expression" in filled else {"from": variable.name} | filled


def members(word: str, d: Dictionary) -> list[str] | None:
    """Return the variables that a word in `for` or `not_assessed` stands for; None where there are none.

    A variable's name is itself; a group's id, its members; `alterations`, all genetic alterations; `genes`,
    those that are not cytogenetic.
    """
    if word in d:
        return [word]
    if word in ("alterations", "genes"):
        return [v.name for v in d.alterations if word == "alterations" or v.group != _CYTOGENETIC]
    try:
        return [variable.name for variable in d.members(word)]
    except KeyError:
        return None


def groups(d: Dictionary) -> list[str]:
    """Return the words that stand for several variables."""
    return ["genes", "alterations", *(group.id for group in d.groups)]


_CYTOGENETIC = "cytogenetic"  # the group of alterations that are no gene's


def _check_name(place: tuple[str | int, ...], name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or " See: amlsynth schema show."
        raise misplaced(place, f"{name!r} is no variable of the dictionary.{hint}")


def _check_column(
    name: str, entry: ColumnMapping, variable: Variable, source: SourceFormat, d: Dictionary
) -> None:
    if entry.unit is not None:
        try:
            factor(variable, entry.unit, d)
        except ValueError as error:
            raise misplaced(("columns", name, "unit"), str(error)) from None
    for key in ("limits", "step"):
        if getattr(entry, key) is not None and variable.is_categorical:
            raise misplaced(("columns", name, key), f"{name} is no number, which takes no {key}; remove it")
    if entry.values is None:
        return
    if not variable.is_categorical:
        raise misplaced(
            ("columns", name, "values"), f"{name} is a number, which takes no values; remove them"
        )
    stated = source.missing if "missing" in source.model_fields_set else ()
    for given, target in entry.values.items():
        if given in (*stated, *entry.missing) and target != MISSING:
            where = "source.missing" if given in stated else f"columns.{name}.missing"
            raise misplaced(
                ("columns", name, "values", given),
                f"{given!r} is {target} here, and a missing value in {where}: it cannot be both. Take it "
                "out of one of them; a code for a few columns stands in their own `missing`",
            )
    allowed = [*map(str, variable.values), MISSING]
    for given, target in entry.values.items():
        if target not in allowed:
            hint = f"{did_you_mean(target, allowed)} Values: {', '.join(allowed)}"
            raise misplaced(("columns", name, "values", given), f"{target!r} is no value of {name}.{hint}")


def _target(value: Any) -> Any:
    if value is None:
        return MISSING
    return str(int(value)) if isinstance(value, bool) else as_plain_text(value)
