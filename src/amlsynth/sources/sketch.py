"""A drafted mapping for a steward's table: names, values, units and dates as far as they can be told.

Nothing is learnt and nothing is asked of a server: names are compared with the dictionary's and with a list
of what trial offices say in German and English (schema/mappings/synonyms.yaml). What is guessed says so in a
comment; what is left over stands at the end. The draft is a mapping that can be read at once.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.yamlfile import read_yaml_model
from amlsynth.sources.cells import looks_like_a_limit, to_numbers, without_codes
from amlsynth.sources.delimited import guess_format, has_decimal_commas
from amlsynth.sources.karyotype import ALTERATIONS
from amlsynth.sources.mapping_file import MISSING, ColumnMapping
from amlsynth.sources.plausibility import GivenNumbers, as_floats, fitting_units
from amlsynth.sources.source_format import SourceFormat
from amlsynth.sources.source_table import SourceTable, as_text, read_source
from amlsynth.sources.steps import decimal_step, step_remarks
from amlsynth.sources.units import factors
from amlsynth.sources.workbook import guess_header

SYNONYMS = "schema/mappings/synonyms.yaml"
_NEAR = 0.86  # likeness of two names, of 1, from which on they are taken for one
_MOST_VALUES = 12  # different values of a column that are written out
_DATE_FORMATS = ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y")


class Synonyms(BaseModel):
    """The list of names and words; see the file."""

    model_config = ConfigDict(extra="forbid")

    names: dict[str, list[str]]
    affixes: list[str]
    dates: dict[str, list[str]]
    karyotype: list[str]
    values: dict[str, list[str]]
    missing: list[str] = Field(description="texts that stand for a missing value")


@dataclass
class Draft:
    """A drafted mapping: its text, which variable got which column, and what was left over."""

    text: str
    columns: dict[str, str] = field(default_factory=dict)
    left_over: list[str] = field(default_factory=list)


def sketch(
    data: Path, out: Path | None = None, *, sheet: str | None = None, d: Dictionary | None = None
) -> Draft:
    """Draft a mapping for a table.

    Parameters
    ----------
    data : a CSV, TSV, XLSX or Parquet file.
    out : where to write it; None only returns it. An existing file is not overwritten.
    sheet : of a workbook with several.
    d : the dictionary that the mapping leads to; that of AML when not given.

    Raises
    ------
    UsageError, DataError
        The table cannot be read, or `out` exists.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> table = Path(mkdtemp()) / "trial.csv"
    >>> _ = table.write_text("Alter,Geschlecht,Zentrum\\n61,m,A\\n70,w,B\\n")
    >>> draft = sketch(table)
    >>> draft.columns, draft.left_over
    ({'AGE': 'Alter', 'SEX': 'Geschlecht'}, ['Zentrum'])
    """
    data = Path(data)
    if out is not None and Path(out).exists():
        raise UsageError(f"{out}: the file exists, and a draft would replace it. Name another file.")
    words = read_yaml_model(asset(SYNONYMS), Synonyms, what="list of synonyms")
    kind = data.suffix.lower()
    given = guess_format(data) if kind in (".csv", ".tsv", ".txt") else {}
    given |= guess_header(data, sheet) if kind == ".xlsx" and data.is_file() else {}
    source = SourceFormat.model_validate(given | ({"sheet": sheet} if sheet else {}))
    table = read_source(data, source)
    cells = (str(cell) for name in table.frame for cell in _distinct(table.frame[name]))
    if kind not in (".csv", ".tsv", ".txt") and has_decimal_commas(cells):
        given |= {"decimal": ","}
        source = source.model_copy(update={"decimal": ","})
        table = read_source(data, source)
    draft = _Drafting(table, source, given, words, d or dictionary()).draft(data, sheet)
    if out is not None:
        write_text(Path(out), draft.text)
    return draft


class _Drafting:
    """One table on its way to a draft."""

    def __init__(
        self, table: SourceTable, source: SourceFormat, given: dict[str, Any], words: Synonyms, d: Dictionary
    ) -> None:
        self.table, self.words, self.d = table, words, d
        texts = {str(cell) for name in table.frame for cell in _distinct(table.frame[name])}
        self.missing = [code for code in words.missing if code in ("", "NA") or code in texts]
        self.source = source.model_copy(update={"missing": tuple(self.missing)})
        self.given = dict(given)
        self.columns = {
            str(name): without_codes(table.frame[name], self.missing, self.source).values
            for name in table.frame.columns
        }
        self._affixes = {part for word in words.affixes for part in _tokens(word)}
        self.dates = {name: form for name in self.columns if (form := self._date_format(name))}

    def draft(self, data: Path, sheet: str | None) -> Draft:
        found = self._matched()
        entries = [self._entry(self.d[name], column, how) for name, (column, how) in found.items()]
        derived = self._derived(set(found))
        used = {column for column, _ in found.values()} | {each for _, each in derived}
        left = [name for name in self.columns if name not in used]
        lines = [
            f"# A draft for {data.name}: check every line; a question mark asks. Then import with",
            f"#   amlsynth cohort import {data.name} --mapping THIS.yaml --out cohort.parquet",
            "# docs/mapping.md explains every key.",
            f"name: {_slug(data.stem)}",
            f"title: {_quoted(data.stem)}",
            *self._source_lines(sheet),
            "",
            "columns:",
            *entries,
            *(line for line, _ in derived),
        ]
        if not entries and not derived:
            lines[-1] = "columns: {}  # ? no column was recognised"
        unmapped = [name for name in self.d.names if name not in found and not _mentions(derived, name)]
        lines += ["", f"# Not found, so NA for everybody: {_wrapped(unmapped)}", "not_assessed: [rest]"]
        if left:
            lines += ["", f"# Columns without a place so far: {_wrapped(map(repr, left))}"]
        return Draft("\n".join(lines) + "\n", {name: column for name, (column, _) in found.items()}, left)

    def _matched(self) -> dict[str, tuple[str, str]]:
        """Return variable -> (column, how it was found): each column once, the best likeness first."""
        choices: list[tuple[float, int, str, str, str]] = []
        for position, variable in enumerate(self.d.variables):
            own = [variable.name, variable.id, variable.label]
            names = [(name, "") for name in own] + [
                (name, "by a synonym") for name in self.words.names.get(variable.name, [])
            ]
            for column in self.columns:
                if column in self.dates:
                    continue
                score, how = max((self._likeness(column, name), how) for name, how in names)
                if score >= _NEAR:
                    how = how if score == 1 else "? by a similar name"
                    choices.append((-score, position, variable.name, column, how))
        found: dict[str, tuple[str, str]] = {}
        taken: set[str] = set()
        for _, _, name, column, how in sorted(choices):
            if name not in found and column not in taken:
                found[name] = (column, how)
                taken.add(column)
        return {name: found[name] for name in self.d.names if name in found}

    def _likeness(self, column: str, name: str) -> float:
        a, b = _tokens(column), _tokens(name)
        if "".join(a) == "".join(b):
            return 1.0
        outside, _ = _bracket(column)
        if "".join(_tokens(outside)) == "".join(b):
            return 0.99  # Hb (g/dl)
        a, b = (tuple(t for t in each if t not in self._affixes) or each for each in (a, b))
        if "".join(a) == "".join(b):
            return 0.98
        # Genes and bands differ by a digit: figures must be the same, and short names say too little.
        joined = "".join(a), "".join(b)
        if re.findall(r"\d+", joined[0]) != re.findall(r"\d+", joined[1]) or min(map(len, joined)) < 5:
            return 0.0
        return difflib.SequenceMatcher(None, *joined).ratio()

    def _entry(self, variable: Variable, column: str, how: str) -> str:
        parts, notes = [f"from: {_quoted(column)}"], [how] if how else []
        if variable.is_categorical:
            values, asks = self._values(variable, column)
            parts += [f"values: {values}"] if values else []
            notes += asks
        else:
            unit, note = self._unit(variable, column)
            parts += [f"unit: {_quoted(unit)}"] if unit else []
            limit = self._limit(column)
            parts += ["limits: limit"] if limit else []
            notes += [f"? values such as {limit} are kept at the limit"] if limit else []
            step = self._step(variable, column, unit)
            parts += [f"step: {step:g}"] if step else []
            notes += [note] if note else []
        comment = f"  # {'; '.join(notes)}" if notes else ""
        return f"  {variable.name}: {{{', '.join(parts)}}}{comment}"

    def _values(self, variable: Variable, column: str) -> tuple[str, list[str]]:
        """Return the value list of a column, "" where the dictionary's own values stand in it."""
        found = sorted(as_text(self.columns[column]).dropna().unique())
        own = {str(value) for value in variable.values}
        if set(found) <= own:
            return "", []
        if len(found) > _MOST_VALUES:
            return "", [f"? {len(found)} different values; say what they mean, or write an expression"]
        meaning = {
            _plain(word): target
            for target in [MISSING, *own]
            for word in [target, *self.words.values.get(target, [])]
        }
        meaning |= {_plain(value): value for value in own}
        unclear = [value for value in found if _plain(value) not in meaning]
        pairs = [f"{_quoted(value)}: {meaning.get(_plain(value), MISSING)}" for value in found]
        asks = [f"? what means {', '.join(map(repr, unclear))}"] if unclear else []
        return "{" + ", ".join(pairs) + "}", asks

    def _unit(self, variable: Variable, column: str) -> tuple[str | None, str | None]:
        read = to_numbers(self.columns[column], self.source, "limit")
        known = as_floats(read.values)
        known = known[np.isfinite(known)]
        choices = list(factors(variable, self.d))
        if not known.size or not choices:
            return None, "? no numbers in it"
        note = f"median {np.median(known):.4g}"
        inside = _plain(_bracket(column)[1])
        named = [unit for unit in choices if _plain(unit) == inside or unit in _tokens(column)]
        named += [unit for unit, word in _GERMAN_UNITS.items() if unit in choices and word in _plain(column)]
        if named:
            return named[0], None
        others = fitting_units(variable, known, GivenNumbers(known, None, column), self.d)
        return (others[0] if others else choices[0]), f"? by the {note}"

    def _limit(self, column: str) -> str | None:
        """Return a cell such as <0.5, None where there is none."""
        texts = self.columns[column]
        cells = list(texts.dropna().unique()) if texts.dtype == "string" else []
        return next((cell for cell in cells if looks_like_a_limit(cell, self.source)), None)

    def _step(self, variable: Variable, column: str, unit: str | None) -> float | None:
        """Return the step of a column's numbers, None where the mapping need not say it."""
        read = to_numbers(self.columns[column], self.source, "limit")
        numbers = {variable.name: GivenNumbers(as_floats(read.values), unit, column)}
        entry = ColumnMapping.model_validate({"from": column, "unit": unit})
        said, _ = step_remarks({variable.name: entry}, numbers, self.d)
        return decimal_step(numbers[variable.name].known()) if said else None

    def _derived(self, found: set[str]) -> list[tuple[str, str]]:
        """Return entries made of dates and of a karyotype, each with a column that it uses."""
        role = {
            word: next((c for c in self.dates if any(self._likeness(c, n) >= _NEAR for n in names)), None)
            for word, names in self.words.dates.items()
        }
        entries: list[tuple[str, str]] = []
        start, death, last = role["diagnosis"], role["death"], role["last contact"]
        ages = [v.name for v in self.d.variables if v.unit == "years" and v.name not in found]
        if start and role["birth"] and ages:
            text = f"age_at({_sql(role['birth'])}, {_sql(start)})"
            entries.append((_expression(ages[0], text, "years"), role["birth"]))
        survival = self.d.terminal
        if start and (death or last) and survival.time not in found:
            ends = ", ".join(_sql(name) for name in (death, last) if name)
            end = f"coalesce({ends})" if death and last else ends
            entries.append((_expression(survival.time, f"days_between({_sql(start)}, {end})", "days"), start))
        if death and survival.status not in found:
            entries.append((_expression(survival.status, f"{_sql(death)} is not null"), death))
        entries += [(f"  # ? a date: {_quoted(name)} ({word})", name) for word, name in role.items() if name]
        karyotype = next(
            (c for c in self.columns if any(self._likeness(c, n) >= _NEAR for n in self.words.karyotype)),
            None,
        )
        if karyotype:
            entries += [
                (_expression(name, f"iscn({_sql(karyotype)})"), karyotype)
                for name in self.d.names
                if name in ALTERATIONS and name not in found
            ]
        return entries

    def _date_format(self, name: str) -> str | None:
        column = self.columns[name]
        if column.dtype.kind == "M":
            return "native"
        if column.dtype != "string":
            return None
        known = column[column.notna() & (column != "")].head(200)
        for form in _DATE_FORMATS:
            if len(known) and pd.to_datetime(known, format=form, errors="coerce").notna().mean() > 0.8:
                return form
        return None

    def _source_lines(self, sheet: str | None) -> list[str]:
        lines = [f"  {key}: {_quoted(value)}" for key, value in self.given.items()]
        lines += [f"  sheet: {_quoted(sheet)}"] if sheet else []
        forms = sorted({form for form in self.dates.values() if form != "native"})
        lines += [f"  dates: {_quoted(forms[0])}"] if forms else []
        lines.append(f"  missing: [{', '.join(_quoted(code) for code in self.missing)}]")
        return ["source:", *lines]


_GERMAN_UNITS = {"days": "tage", "months": "monate", "years": "jahre", "weeks": "wochen"}


def _distinct(column: pd.Series) -> Iterable[Any]:
    return column.dropna().unique() if column.dtype == "string" else ()


def _plain(text: str) -> str:
    """Return a text without case, signs, and ways of writing umlauts; signs alone stay."""
    text = unicodedata.normalize("NFC", text).lower().strip()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(umlaut, letters)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.sub(r"[\s_.()/;:,-]+", "", text) or text


@functools.lru_cache(maxsize=1 << 14)  # every column is held against every name
def _tokens(text: str) -> tuple[str, ...]:
    apart = re.sub(r"(?<=[a-zäöüß])(?=[A-Z])", " ", unicodedata.normalize("NFC", text))
    minus = re.sub(r"(?<![\w])-(?=\d)", "minus", apart)
    return tuple(_plain(part) for part in re.split(r"[^0-9A-Za-zÀ-ÿ]+", minus) if part)


def _bracket(name: str) -> tuple[str, str]:
    """Return a name without what stands in brackets at its end, and that: "Hb", "g/dl"."""
    match = re.fullmatch(r"(.*\S)\s*[(\[]([^)\]]+)[)\]]\s*", name)
    return (match[1], match[2]) if match else (name, "")


def _quoted(value: Any) -> str:
    """Return a value as YAML can have it anywhere: JSON's quotes, or a plain number or truth."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value)
        reserved = value.lower() in ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
        return value if plain and not reserved else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _sql(column: str) -> str:
    return (
        column if re.fullmatch(r"[A-Za-z_]\w*", column, re.ASCII) else '"' + column.replace('"', '""') + '"'
    )


def _expression(name: str, text: str, unit: str | None = None) -> str:
    quoted = "'" + text.replace("'", "''") + "'"
    return f"  {name}: {{expression: {quoted}{f', unit: {unit}' if unit else ''}}}  # ? derived"


def _mentions(derived: list[tuple[str, str]], name: str) -> bool:
    return any(line.startswith(f"  {name}:") for line, _ in derived)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", _plain(text)).strip("-") or "trial"


def _wrapped(words: Iterable[str]) -> str:
    import textwrap

    return "\n#   ".join(textwrap.wrap(", ".join(words) or "nothing", 100))
