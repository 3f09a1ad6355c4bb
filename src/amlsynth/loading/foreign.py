"""Synthetic cohorts that others published: tables whose columns a layout maps to the dictionary.

Their values are typed as the dictionary wants them. That they break its rules is told and does not stop
them from being loaded: they are what was published.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from amlsynth.cohort.tables import type_frame
from amlsynth.cohort.validation import validate
from amlsynth.dictionary.model import Dictionary, Variable, dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.yamlfile import read_yaml_model
from amlsynth.sources.cells import without_codes
from amlsynth.sources.source_format import SourceFormat
from amlsynth.sources.source_table import read_source

_LAYOUTS = "release/layouts"
_LIMIT = 500_000_000  # bytes; the published files have about 400,000
_SIGNS = ";\t,"


class Layout(StrictModel):
    """How the columns of a published table are those of the dictionary; see release/layouts."""

    title: str
    statement: str
    renamed: Annotated[
        dict[str, str], Field(description="by the dictionary's name, the table's", default_factory=dict)
    ]
    values: Annotated[
        dict[str, dict[str, str]], Field(description="by the dictionary's name", default_factory=dict)
    ]
    not_assessed: tuple[str, ...] = ()
    dropped: Annotated[tuple[str, ...], Field(description="columns without a place in the dictionary")] = ()

    def wanted(self, d: Dictionary) -> dict[str, str]:
        """Return the columns that the table must have: the dictionary's name and the table's."""
        names = (name for name in d.names if name not in self.not_assessed)
        return {name: self.renamed.get(name, name) for name in names}


@dataclass(frozen=True)
class Foreign:
    """A typed foreign table: `notes` tells what was dropped and which rules it breaks."""

    frame: pd.DataFrame
    layout: Layout
    notes: tuple[str, ...]
    rules_broken: dict[str, int]


def read_layout(name: str) -> Layout:
    """Read a layout of the package.

    Raises
    ------
    UsageError
        There is no such layout; the sentence names the nearest.
    """
    path = asset(_LAYOUTS) / f"{name}.yaml"
    if name not in layout_names():
        raise UsageError(f"There is no layout {name!r}.{did_you_mean(name, layout_names())}")
    return read_yaml_model(path, Layout, what="layout")


def layout_names() -> list[str]:
    """List the layouts of the package."""
    return sorted(path.stem for path in asset(_LAYOUTS).glob("*.yaml"))


def layout_of(path: Path, d: Dictionary | None = None) -> str | None:
    """Return the layout whose columns a CSV file has; None when there is none."""
    d = d or dictionary()
    columns = set(_read(path, d).columns)
    for name in layout_names():
        if set(read_layout(name).wanted(d).values()) <= columns:
            return name
    return None


def read_foreign(path: Path, name: str, drop_unknown: bool = False, d: Dictionary | None = None) -> Foreign:
    """Read a CSV file in a layout of the package.

    Parameters
    ----------
    path : the file; the sign between its cells and the decimal sign are found out.
    name : the layout.
    drop_unknown : drop, with a note, columns that neither the layout nor the dictionary knows.
    d : the dictionary that the layout maps to; that of AML when not given.

    Raises
    ------
    DataError
        The file cannot be read, columns are missing or unknown, or cells are not of their type.
    """
    d = d or dictionary()
    layout = read_layout(name)
    table = _read(path, d)
    columns = [str(column) for column in table.columns]
    wanted = layout.wanted(d)
    missing = [column for column in wanted.values() if column not in columns]
    known = {*wanted.values(), *layout.dropped}
    unknown = [column for column in columns if column not in known]
    if missing:
        hint = did_you_mean(missing[0], unknown)
        raise DataError(
            f"{path}: not in the layout {name}; missing column{_s(missing)} {_listed(missing)}.{hint} "
            "Check that this is the published file."
        )
    if unknown and not drop_unknown:
        raise DataError(
            f"{path}: unknown column{_s(unknown)} {_listed(unknown)} in the layout {name}. Check the file, "
            "or leave them out with drop_unknown=True (--drop-unknown)."
        )
    typed = type_frame(_renamed(table, layout, wanted, d), d, str(path))
    typed.failures.raise_if_any(str(path))
    report = validate(typed.frame, "synthetic", d)
    broken = {str(rule): int(n) for rule, n in report.by_rule().groupby("rule")["failures"].sum().items()}
    dropped = [column for column in columns if column in layout.dropped]
    notes = [f"Columns without a place in the dictionary were left out: {', '.join(dropped)}."] * bool(
        dropped
    )
    notes += [f"Unknown columns were left out: {', '.join(unknown)}."] * bool(unknown)
    if layout.not_assessed:
        notes.append(f"Not in the file, and NA throughout: {', '.join(layout.not_assessed)}.")
    if broken:
        counts = ", ".join(f"{rule} ({n:,})" for rule, n in sorted(broken.items()))
        notes.append(
            f"The published data break rules of the dictionary, by number of cells or rows: {counts}."
        )
    return Foreign(typed.frame, layout, tuple(notes), broken)


def _read(path: Path, d: Dictionary) -> pd.DataFrame:
    """Read a CSV file as text, with the sign between cells that its header has most."""
    try:
        if path.stat().st_size > _LIMIT:
            raise DataError(f"{path}: too many bytes for a published cohort. Check the file.")
        with path.open("rb") as stream:
            header = stream.readline(1_000_000)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    delimiter = max(_SIGNS, key=lambda sign: header.count(sign.encode()))
    missing = d.missing_values
    source = SourceFormat(delimiter=delimiter, missing=missing)
    table = read_source(path, source).frame
    return table.apply(lambda column: without_codes(column, missing, source).values)


def _renamed(table: pd.DataFrame, layout: Layout, wanted: dict[str, str], d: Dictionary) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for variable in d.variables:
        if variable.name in wanted:
            column = table[wanted[variable.name]]
            columns[variable.name] = _translated(column, variable, layout.values.get(variable.name, {}))
        else:
            columns[variable.name] = pd.Series(pd.NA, index=table.index, dtype=variable.dtype)
    return pd.DataFrame(columns)


def _translated(column: pd.Series[Any], variable: Variable, values: dict[str, str]) -> pd.Series[Any]:
    if column.dtype != "string":
        return column
    if variable.type in ("integer", "number"):
        return column.str.replace(",", ".", regex=False)
    return column.replace(values) if values else column


def _s(names: list[str]) -> str:
    return "s" if len(names) > 1 else ""


def _listed(names: list[str], most: int = 10) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
