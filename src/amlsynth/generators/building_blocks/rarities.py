"""What is very rare in patients and a rule only warns of: as rare in samples as in the training patients.

A regression or a tree knows that NPM1 and a class-defining fusion hardly ever meet, but not that well: with a
penalty they meet several times as often. The rules of the dictionary say which such meetings are odd. Of a
patient too many, one of the findings goes to a patient who may have it, so that each stays as frequent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, RuleCase
from amlsynth.dictionary.pandera_schema import breaks, breaks_by_id, names_in
from amlsynth.foundation.types import BoolArray, IntArray

_LOOKED_AT = 20  # patients for each to whom a finding is to go


@dataclass(frozen=True)
class Rarities:
    """The rules that synthetic data may break, and the share of the training patients who do.

    Rules on outcomes alone are left out: the event patterns see to those.
    """

    d: Dictionary | None
    cases: tuple[RuleCase, ...]
    watched: tuple[RuleCase, ...]  # these, and what synthetic data must keep
    shares: tuple[float, ...]
    n: int

    @classmethod
    def none(cls) -> Self:
        """Return no rules."""
        return cls(None, (), (), (), 0)

    @classmethod
    def of(cls, train: pd.DataFrame, d: Dictionary) -> Self:
        """Count among the patients of a typed frame."""
        watched = tuple(
            case
            for case in d.rule_cases
            if case.rule.severity.synthetic == "error"
            or not {variable.name for variable in case.blamed} <= d.outcome_columns
        )
        cases = tuple(case for case in watched if case.rule.severity.synthetic == "warning")
        shares = tuple(float(breaks(d, case, train).mean()) for case in cases)
        return cls(d, cases, watched, shares, len(train))

    def smoothed(self) -> Self:
        """Return shares that no single patient decides: none is 0, by half a patient more (Jeffreys)."""
        return replace(self, shares=tuple((share * self.n + 0.5) / (self.n + 1) for share in self.shares))

    def allowed(self, n: int, rng: np.random.Generator) -> list[int]:
        """Draw how many of n patients may break each rule."""
        return [int(rng.binomial(n, share)) for share in self.shares]

    def broken(self, frame: pd.DataFrame) -> list[BoolArray]:
        """Return who breaks each rule, shape (n,) each."""
        return [breaks(self.d, case, frame) for case in self.cases] if self.d is not None else []

    def settle(self, frame: pd.DataFrame, allowed: Sequence[int], rng: np.random.Generator) -> BoolArray:
        """Part the findings of patients too many, in place; return who is left for whom nobody was found.

        A finding that moves leaves a 0 and takes the place of one, so that its frequency stays.
        """
        left = np.zeros(len(frame), dtype=bool)
        for case, hit, most in zip(self.cases, self.broken(frame), allowed, strict=True):
            rows = np.flatnonzero(hit)
            if len(rows) > most:
                again = rng.choice(rows, len(rows) - most, replace=False)
                left[self._parted(frame, case, again, rng)] = True
        return left

    def _parted(
        self, frame: pd.DataFrame, case: RuleCase, rows: IntArray, rng: np.random.Generator
    ) -> IntArray:
        """Give findings of `rows` to others; return the rows that still break the rule."""
        assert self.d is not None
        names = [name for name in case.require.names if self.d.by_id[name].type == "tri-state"]
        for name in rng.permutation(names).tolist():
            column = self.d.by_id[name].name
            here = rows[(frame[column].iloc[rows] == 1).to_numpy(bool, na_value=False)]
            here = here[~self._breaking(frame, here, name, 0)]
            others = np.flatnonzero((frame[column] == 0).to_numpy(bool, na_value=False))
            # Among so many at random there are enough who may have the finding.
            others = rng.permutation(others)[: _LOOKED_AT * (len(here) + _LOOKED_AT)]
            if not len(here):
                continue
            others = others[~self._breaking(frame, others, name, 1)]
            count = min(len(here), len(others))
            taken = here[:count]
            frame.iloc[taken, frame.columns.get_loc(column)] = 0  # type: ignore[index]
            frame.iloc[others[:count], frame.columns.get_loc(column)] = 1  # type: ignore[index]
            rows = rows[~np.isin(rows, taken)]
        return rows

    def _breaking(self, frame: pd.DataFrame, rows: IntArray, name: str, state: int) -> BoolArray:
        """Return who of `rows`, with a variable in this state, breaks a rule on it: an error, or rare."""
        assert self.d is not None
        if not len(rows):
            return np.zeros(0, dtype=bool)
        cases = [case for case in self.watched if name in names_in(case)]
        needed = {each for case in cases for each in names_in(case)} - {name}
        part = {each: frame[self.d.by_id[each].name].iloc[rows] for each in needed}
        part[name] = pd.Series(pd.array(np.full(len(rows), state), dtype="Int8"), frame.index[rows])
        broken = np.zeros(len(rows), dtype=bool)
        for case in cases:
            broken |= breaks_by_id(case, part)
        return broken
