"""How a table is written: the part `source` of a mapping."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Limits = Literal["limit", "NA"]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class SourceFormat(Entry):
    """How the table is written."""

    sheet: str | None = Field(None, description="XLSX only; needed when the file has several sheets")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'", "\u00a0", "\u202f", "’"] | None = Field(
        None, description="the sign between groups of three digits; none is guessed"
    )
    quotes: bool = Field(True, description="cells may stand in double quotes; false takes quotes as they are")
    encoding: str = "utf-8"
    missing: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        ("", "NA"), description="texts and numbers that stand for a missing value in every column"
    )
    header: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = Field(
        (), description="line (CSV) or row (XLSX) of the header, from 1; several are joined"
    )
    skip: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = Field(
        (), description="lines or rows that are no data, from 1"
    )
    comment: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="lines that begin with this are left out"
    )
    dates: str | None = Field(None, description="how dates are written, such as %d.%m.%Y")
    limits: Limits | None = Field(None, description="what becomes of numbers such as <0.1 and >100")

    @field_validator("header", "skip", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return [given] if isinstance(given, int) and not isinstance(given, bool) else given

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
        return as_codes(given)

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands are the same sign; correct one of them")
        return self


def as_codes(given: Any) -> Any:
    return [as_plain_text(item) for item in given] if isinstance(given, list) else given


def as_plain_text(item: Any) -> Any:
    """Return what a person who wrote an unquoted number in YAML meant; leave anything else alone."""
    if isinstance(item, int | float) and not isinstance(item, bool):
        return f"{item:.15g}"
    return "" if item is None else item
