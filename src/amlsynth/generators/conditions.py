"""Conditions on patients, such as "AGE >= 60 and NPM1 == 1", for requests to a generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.expressions.evaluate import Expression, parse
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.types import BoolArray

FEW = 30  # training patients under which a condition rests on too little; a usual rule of thumb
_MOST_DRAWN = 2_000_000  # patients in vain, after which a condition counts as out of reach


@dataclass(frozen=True)
class Condition:
    """A condition over the columns of the dictionary; NA does not meet it."""

    expression: Expression
    dictionary: Dictionary

    @classmethod
    def read(cls, text: str, d: Dictionary | None = None) -> Condition:
        """Read a condition; columns by their name (in backticks with dots) or id.

        Raises
        ------
        UsageError
            The text is no condition, or names what is no column; the sentence tells the nearest.
        """
        d = d or dictionary()
        expression = parse(text)
        for name in expression.names:
            if name not in d and name not in d.by_id:
                hint = did_you_mean(name, [*d.names, *d.by_id])
                raise UsageError(f"The condition {text!r} names {name!r}, which is no column.{hint}")
        return cls(expression, d)

    def holds(self, frame: pd.DataFrame) -> BoolArray:
        """Return which rows of a typed frame meet the condition, shape (n,)."""
        columns = {
            name: frame[name if name in self.dictionary else self.dictionary.by_id[name].name]
            for name in self.expression.names
        }
        if not columns:
            raise UsageError(f"The condition {self.expression.text!r} names no column. Name one.")
        return self.expression.holds(columns)

    def warning(self, train: pd.DataFrame) -> str | None:
        """Return a warning where the training patients hold too few of the kind, else None."""
        patients = int(self.holds(train).sum())
        if patients >= FEW:
            return None
        # The exact number of so few patients would tell something of each of them.
        return (
            f"Fewer than {FEW} training patients meet {self.expression.text!r}: what the model draws of this "
            "kind is extrapolated from others. Do not draw conclusions about such patients from it."
        )

    def select(self, blocks: Iterator[pd.DataFrame], n: int) -> Iterator[pd.DataFrame]:
        """Yield rows that meet the condition from endless blocks, n in all.

        Raises
        ------
        DataError
            So few of the patients drawn meet it that it is out of reach of the model.
        """
        left, in_vain = n, 0
        for block in blocks:
            chosen = block[self.holds(block)].head(left)
            in_vain = 0 if len(chosen) else in_vain + len(block)
            if in_vain >= _MOST_DRAWN:
                raise DataError(
                    f"None of {in_vain:,} patients drawn in a row meets {self.expression.text!r}; the model "
                    "hardly knows such patients. Widen the condition."
                )
            left -= len(chosen)
            if len(chosen):
                yield chosen.reset_index(drop=True)
            if not left:
                return
