"""The mapping of a steward's table to the dictionary: the model of the YAML file.

See `docs/mapping-example.yaml` for a file with every key.
"""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.expressions.evaluate import parse
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.yamlfile import misplaced
from amlsynth.sources.units import factor

NOT_ASSESSED = "not-assessed"
MISSING = "NA"  # in `values`, what a source value without a counterpart becomes


def _parsable(text: str) -> str:
    try:
        return parse(text).text
    except UsageError as error:
        raise ValueError(str(error)) from error


ExpressionText = Annotated[str, AfterValidator(_parsable)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class SourceFormat(_Entry):
    """How the table is written."""

    sheet: str | None = Field(None, description="XLSX only; needed when the file has several sheets")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    missing: Annotated[tuple[str, ...], Field(strict=False)] = ("", "NA")

    @field_validator("delimiter")
    @classmethod
    def _plain_delimiter(cls, sign: str | None) -> str | None:
        if sign is not None and (not sign.isascii() or sign in '"\r\n\x00' or sign.isalnum()):
            raise ValueError("a delimiter is a sign such as a comma, a semicolon or \\t")
        return sign

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            known = codecs.lookup(name)._is_text_encoding
        except LookupError:
            known = False
        if not known:
            raise ValueError("not a known encoding; use utf-8, cp1252, latin-1 or utf-16")
        return name

    @field_validator("missing", mode="before")
    @classmethod
    def _missing_as_text(cls, given: Any) -> Any:
        if isinstance(given, list):
            return [_as_text(item) for item in given]
        return given


class ColumnMapping(_Entry):
    """Where one variable comes from: a column of the source, or an expression over its columns."""

    column: str | None = Field(None, alias="from")
    expression: ExpressionText | None = None
    values: dict[str, str] | None = None
    unit: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError(f"write {{from: COLUMN}}, {{expression: '...'}} or {NOT_ASSESSED}")
        known = ["from", "expression", "values", "unit"]
        for key in given:
            if key not in known:
                hint = did_you_mean(str(key), known)
                raise misplaced((key,), f"unknown key.{hint} Known keys: {', '.join(known)}")
        if ("from" in given) == ("expression" in given):
            raise ValueError("give either from or expression")
        values = given.get("values")
        if isinstance(values, dict):
            if any(isinstance(key, bool) or key is None for key in values):
                raise misplaced(("values",), "put yes, no, on, off, true, false and null in quotes")
            given = given | {"values": {_as_text(key): _target(value) for key, value in values.items()}}
        return given


class DropRule(_Entry):
    """Rows that are left out: those for which the expression is certainly true."""

    expression: ExpressionText
    reason: Annotated[str, Field(min_length=1)]


class Mapping(_Entry):
    """The whole file. Every variable of the dictionary is a key of `columns` or in `not_assessed`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Annotated[str, Field(min_length=1)]
    statement: str | None = Field(None, description="what the cohort is, in one or two sentences")
    simulated: bool = False
    source: SourceFormat = SourceFormat()
    columns: dict[str, ColumnMapping]
    drop_rows_where: Annotated[tuple[DropRule, ...], Field(strict=False)] = ()
    not_assessed: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @model_validator(mode="before")
    @classmethod
    def _not_assessed_in_columns(cls, given: Any) -> Any:
        """Move `NAME: not-assessed` from the columns to the list."""
        if not isinstance(given, dict) or not isinstance(given.get("columns"), dict):
            return given
        columns, listed = given["columns"], given.get("not_assessed") or []
        moved = [name for name, entry in columns.items() if entry == NOT_ASSESSED]
        if not isinstance(listed, list):
            return given
        for position, name in enumerate(listed):
            if name in columns or name in listed[:position]:
                raise misplaced(("not_assessed", position), f"{name!r} stands twice; remove one of them")
        kept = {name: entry for name, entry in columns.items() if name not in moved}
        return given | {"columns": kept, "not_assessed": [*listed, *moved]}

    @model_validator(mode="after")
    def _matches_dictionary(self, info: ValidationInfo) -> Self:
        d = info.context if isinstance(info.context, Dictionary) else dictionary()
        for name in self.columns:
            _check_name(("columns", name), name, d.names)
            _check_column(name, self.columns[name], d[name], d)
        for position, name in enumerate(self.not_assessed):
            _check_name(("not_assessed", position), name, d.names)
        left = [name for name in d.names if name not in self.columns and name not in self.not_assessed]
        if left:
            raise misplaced(
                ("columns",),
                f"{len(left)} variables are neither mapped nor listed under not_assessed: {', '.join(left)}",
            )
        return self


def _check_name(place: tuple[str | int, ...], name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or " See: amlsynth schema show."
        raise misplaced(place, f"{name!r} is no variable of the dictionary.{hint}")


def _check_column(name: str, entry: ColumnMapping, variable: Variable, d: Dictionary) -> None:
    if entry.unit is not None:
        try:
            factor(variable, entry.unit, d)
        except ValueError as error:
            raise misplaced(("columns", name, "unit"), str(error)) from None
    if entry.values is None:
        return
    if not variable.is_categorical:
        raise misplaced(
            ("columns", name, "values"), f"{name} is a number, which takes no values; remove them"
        )
    allowed = [*map(str, variable.values), MISSING]
    for given, target in entry.values.items():
        if target not in allowed:
            hint = f"{did_you_mean(target, allowed)} Values: {', '.join(allowed)}"
            raise misplaced(("columns", name, "values", given), f"{target!r} is no value of {name}.{hint}")


def _as_text(item: Any) -> Any:
    """Return what a person who wrote an unquoted number in YAML meant; leave anything else alone."""
    if isinstance(item, int | float) and not isinstance(item, bool):
        return f"{item:.15g}"
    return "" if item is None else item


def _target(value: Any) -> Any:
    if value is None:
        return MISSING
    return str(int(value)) if isinstance(value, bool) else _as_text(value)
