"""Failures of validation, collected as a table: rule, column, row, value, severity, message."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.foundation.errors import DataError

COLUMNS = ("rule", "column", "row", "value", "severity", "message")

# Of one rule on one column this many rows are listed; the rest are counted. A million wrong cells
# help nobody, and would take more memory than the data.
LISTED = 1_000


@dataclass
class Failures:
    """Failing cells by rule and column; `counts` counts also those that are not listed."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)  # rule, column, severity

    def add(
        self,
        rule: str,
        column: str,
        wrong: npt.NDArray[np.bool_],
        values: pd.Series,
        severity: str,
        message: str,
    ) -> None:
        """Add the cells of `values` where `wrong` is true, rows counted from 1."""
        rows = np.flatnonzero(wrong)
        if rows.size == 0:
            return
        key = (rule, column, severity)
        self.counts[key] = self.counts.get(key, 0) + rows.size
        rows = rows[:LISTED]
        shown = ["NA" if pd.isna(value) else str(value) for value in values.iloc[rows]]
        self.parts.append(
            pd.DataFrame(
                {
                    "rule": rule,
                    "column": column,
                    "row": rows + 1,
                    "value": shown,
                    "severity": severity,
                    "message": message,
                }
            )
        )

    def extend(self, other: Failures) -> None:
        """Take over the failures of another collection."""
        self.parts.extend(other.parts)
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count

    def table(self) -> pd.DataFrame:
        """Return the listed failures, by row and then by rule."""
        if not self.parts:
            return pd.DataFrame(columns=list(COLUMNS))
        table = pd.concat(self.parts, ignore_index=True)
        return table.sort_values(["row", "rule", "column"], kind="stable", ignore_index=True)

    def count(self, severity: str) -> int:
        """Count the failures of a severity, "error" or "warning"."""
        return sum(count for (_, _, found), count in self.counts.items() if found == severity)

    def sentences(self, source: str, severity: str = "error", most: int = 10) -> str:
        """Describe the first failures of a severity, a line each."""
        table = self.table()
        table = table[table["severity"] == severity].head(most)
        lines = [
            f"{source}: row {item.row}, column {item.column}: {item.value!r} breaks the rule {item.rule}: "
            f"{item.message}."
            for item in table.itertuples()
        ]
        rest = self.count(severity) - len(lines)
        if rest > 0:
            lines.append(f"{source}: {rest:,} more; amlsynth validate lists them.")
        return "\n".join(lines)

    def raise_if_any(self, source: str) -> None:
        """Raise DataError when there is an error among the failures; warnings pass."""
        if self.count("error"):
            raise DataError(self.sentences(source))
