"""What is very rare in patients and a rule only warns of: as rare in samples as in the training patients.

A regression or a tree knows that NPM1 and a class-defining fusion hardly ever meet, but not that well: with a
penalty they meet several times as often. The rules of the dictionary say which such meetings are odd; what a
sample has too many of is drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, RuleCase
from amlsynth.dictionary.pandera_schema import breaks
from amlsynth.foundation.types import BoolArray


@dataclass(frozen=True)
class Rarities:
    """The rules that synthetic data may break, and the share of the training patients who do.

    Rules on outcomes alone are left out: the event patterns see to those.
    """

    d: Dictionary | None
    cases: tuple[RuleCase, ...]
    shares: tuple[float, ...]
    n: int

    @classmethod
    def none(cls) -> Self:
        """Return no rules."""
        return cls(None, (), (), 0)

    @classmethod
    def of(cls, train: pd.DataFrame, d: Dictionary) -> Self:
        """Count among the patients of a typed frame."""
        cases = tuple(
            case
            for case in d.rule_cases
            if case.rule.severity.synthetic == "warning"
            and not {variable.name for variable in case.blamed} <= d.outcome_columns
        )
        return cls(d, cases, tuple(float(breaks(d, case, train).mean()) for case in cases), len(train))

    def drawn(self, rng: np.random.Generator) -> Self:
        """Return shares drawn from what so many patients tell of them, so that no single one decides.

        The distribution is the posterior of a share under Jeffreys' prior; none is 0.
        """
        counts = np.round(np.array(self.shares) * self.n)
        return replace(self, shares=tuple(rng.beta(counts + 0.5, self.n - counts + 0.5).tolist()))

    def among(self, frame: pd.DataFrame) -> list[BoolArray]:
        """Return who breaks each rule, shape (n,) each."""
        return [breaks(self.d, case, frame) for case in self.cases] if self.d is not None else []

    def allowed(self, n: int, rng: np.random.Generator) -> list[int]:
        """Draw how many of n patients may break each rule."""
        return [int(rng.binomial(n, share)) for share in self.shares]


def beyond(rare: Sequence[BoolArray], allowed: Sequence[int], rng: np.random.Generator) -> BoolArray:
    """Return who of those who break a rule are too many, drawn at random; shape (n,)."""
    too_many = np.zeros_like(rare[0])
    for hit, most in zip(rare, allowed, strict=True):
        rows = np.flatnonzero(hit)
        if len(rows) > most:
            too_many[rng.choice(rows, len(rows) - most, replace=False)] = True
    return too_many
