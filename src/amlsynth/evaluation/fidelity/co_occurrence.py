"""How often traits occur together, relative to the original: figure 2 of the paper.

A trait is the presence of an alteration or of another yes-or-no variable, or a category such as
secondary disease. The pairs' counts of the original are not in the record, only relative differences of
shares, rounded to a percent; as a synthetic cohort may be public, a difference tells a count all the
same, so small cells are held back as in every table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation.records import CoOccurrence
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.coding import numbers_of

Matrix = FloatArray
_MAX_PERCENT = 1000  # percent: beyond ten times as often the number says no more


def co_occurrence(
    original: pd.DataFrame,
    cohorts: Mapping[str, pd.DataFrame],
    d: Dictionary,
    rule: DisclosureRule = OFF,
    protected: Collection[str] = (),
) -> CoOccurrence:
    """Compare how often each pair of traits occurs together.

    Parameters
    ----------
    original : typed frame.
    cohorts : typed frames by key; the share of a pair is of the patients in whom both traits are known.
    d : the dictionary.
    rule : what is held back of the original.
    protected : keys of the cohorts that hold patients, of which the same is held back.
    """
    names, present, known = traits(original, d)
    ours = _Counts(present, known)
    enough = ours.may_be_shown(rule)
    below = np.tril_indices(len(names), -1)
    differences: dict[str, tuple[int | None, ...]] = {}
    for key, frame in cohorts.items():
        _, carriers, assessed = traits(frame, d)
        theirs = _Counts(carriers, assessed)
        visible = enough & (theirs.known > 0)
        if key in protected:
            visible &= theirs.may_be_shown(rule) | (theirs.both == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (theirs.both / theirs.known) / (ours.both / ours.known)
        percent = np.minimum(np.rint(100 * (np.where(visible, ratio, 1.0) - 1)), _MAX_PERCENT)
        differences[key] = tuple(
            int(percent[pair]) if visible[pair] else None for pair in zip(*below, strict=True)
        )
    return CoOccurrence(traits=tuple(names), differences=differences, shown=int(enough[below].sum()))


def traits(frame: pd.DataFrame, d: Dictionary) -> tuple[list[str], Matrix, Matrix]:
    """Return the names of the traits, and who has and in whom is known each, shapes (n, traits)."""
    names: list[str] = []
    columns: list[Matrix] = []
    for variable in d.variables:
        if variable.type == "tri-state":
            names.append(variable.name)
            columns.append(numbers_of(frame, variable.name))
        elif variable.type == "category":
            column = frame[variable.name]
            # Without the first, as a held back category would follow from the others and the carriers.
            for value in list(variable.values)[1:]:
                names.append(f"{variable.name}={value}")
                has = column.eq(str(value)).to_numpy(dtype=np.float64, na_value=np.nan)
                columns.append(np.where(column.isna().to_numpy(), np.nan, has))
    values = np.column_stack(columns) if columns else np.empty((len(frame), 0))
    return names, (values == 1).astype(np.float64), (~np.isnan(values)).astype(np.float64)


class _Counts:
    """Of each pair: patients with both known, with both, with one and not the other, with neither."""

    def __init__(self, present: Matrix, known: Matrix) -> None:
        absent = known - present
        self.known = known.T @ known
        self.both = present.T @ present
        self.one = present.T @ absent
        self.neither = absent.T @ absent
        # Who has one and not, or not known, the other: follows from the number of carriers by subtraction.
        self.rest = present.sum(axis=0)[:, None] - self.both

    def may_be_shown(self, rule: DisclosureRule) -> BoolArray:
        cells = (self.one, self.one.T, self.neither, self.rest, self.rest.T)
        visible: BoolArray = self.both >= max(rule.min_cell, 1)  # a share of none has no relative difference
        for cell in cells:
            visible &= ~((cell > 0) & (cell < rule.min_cell))
        return visible
