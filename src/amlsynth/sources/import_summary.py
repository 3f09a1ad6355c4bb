"""The summary of an imported table: per variable n, missing, median and range or counts, and the unit."""

from __future__ import annotations

import pandas as pd
from pydantic import BaseModel, ConfigDict

from amlsynth.dictionary.model import Dictionary, Variable


class VariableSummary(BaseModel):
    """One variable of the imported table; statistics of the steward's own data, for the steward."""

    model_config = ConfigDict(extra="forbid")

    variable: str
    n: int
    missing: int
    median: float | None = None
    low: float | None = None
    high: float | None = None
    counts: dict[str, int] = {}
    unit: str | None = None
    assumed: bool = False

    def statistics(self) -> str:
        """Return the median and range, or the counts, as text."""
        if self.n == 0:
            return "no value"
        if self.median is not None:
            return f"median {self.median:.4g} ({self.low:.4g} to {self.high:.4g})"
        return ", ".join(f"{value} {n:,}" for value, n in self.counts.items())


def summarise(frame: pd.DataFrame, d: Dictionary, units: dict[str, str | None]) -> list[VariableSummary]:
    """Summarise the variables that an import mapped.

    Parameters
    ----------
    frame : the typed frame.
    units : mapped variable -> the unit that the mapping names, None where the dictionary's was assumed.
    """
    return [_summary(d[name], frame[name], unit) for name, unit in units.items()]


def table_lines(summaries: list[VariableSummary]) -> list[str]:
    """Return the summary as the lines of a table with a header."""
    rows = [("variable", "n", "NA", "values", "unit")]
    for item in summaries:
        total = item.n + item.missing
        unit = f"{item.unit}{' (assumed)' if item.assumed else ''}" if item.unit else ""
        share = f"{100 * item.missing / total:.0f}%" if total else ""
        rows.append((item.variable, f"{item.n:,}", share, item.statistics(), unit))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    return [
        "  ".join(
            cell.rjust(width) if place in (1, 2) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _summary(variable: Variable, column: pd.Series, unit: str | None) -> VariableSummary:
    known = column.dropna()
    base = VariableSummary(
        variable=variable.name,
        n=len(known),
        missing=len(column) - len(known),
        unit=variable.unit,
        assumed=variable.unit is not None and unit is None,
    )
    if variable.is_categorical:
        counts = {str(value): int((known == value).sum()) for value in variable.values}
        return base.model_copy(update={"counts": counts})
    if len(known) == 0:
        return base
    statistics = {
        "median": float(known.astype("Float64").median()),
        "low": float(known.min()),
        "high": float(known.max()),
    }
    return base.model_copy(update=statistics)
