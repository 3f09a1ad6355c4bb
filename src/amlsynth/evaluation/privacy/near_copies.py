"""Near copies: released rows that carry a real patient's numbers, most of their fields, or their categories.

A copy in which one alteration is flipped is no exact match, yet its age, blood values and times name the
patient. Averages over the cohort do not see twenty such rows; a count of them does. Real patients are those
of the training part and, where there is one, of the hold-out: a row that equals a hold-out patient hands out
a patient as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
    fixed,
)
from amlsynth.evaluation.privacy.attacks.mixed import CELLS
from amlsynth.evaluation.privacy.attacks.rates import Rate
from amlsynth.evaluation.privacy.hamming import count_exact_matches
from amlsynth.evaluation.privacy.record_linkage import BY_CHANCE, Flags, RecordLinkage
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import Floats, at_most, numeric_values

# With two numbers many strangers agree; from the third on an agreement of all of them is a fingerprint.
MIN_NUMBERS = 3
MAX_FLIPPED = 1  # categorical variables in which a near match may differ
MAX_PATIENTS = 5_000  # released rows that are searched; larger cohorts are sampled


def equal_numbers(released: Floats, real: Floats, without_self: bool = False) -> Flags:
    """Return which released rows have all numbers of some real patient, NA equal to NA, shape (rows,).

    Parameters
    ----------
    released, real : numbers of two cohorts, shapes (rows, variables) and (patients, variables).
    without_self : leave out the patient of the same position, for a cohort against itself.

    Notes
    -----
    A row with fewer than `MIN_NUMBERS` known numbers never counts: it agrees with strangers.

    Examples
    --------
    >>> equal_numbers(np.array([[50.0, 4.5, 9.9]]), np.array([[50.0, 4.5, 9.9], [51.0, 4.5, 9.9]]))
    array([ True])
    """
    found = np.zeros(len(released), dtype=np.bool_)
    height = max(1, CELLS // max(1, len(real)))
    enough = (~np.isnan(released)).sum(axis=1) >= MIN_NUMBERS
    for top in range(0, len(released), height):
        rows = released[top : top + height]
        agree = np.ones((len(rows), len(real)), dtype=np.bool_)
        for place in range(released.shape[1]):
            left, right = rows[:, place, None], real[None, :, place]
            # A comparison with NaN is false.
            agree &= (left == right) | (np.isnan(left) & np.isnan(right))
        if without_self:
            own = np.arange(top, min(top + len(rows), len(real)))
            agree[own - top, own] = False
        found[top : top + height] = agree.any(axis=1)
    counted: Flags = found & enough
    return counted


@dataclass(frozen=True)
class _NearCopies:
    """Which released rows are near copies of a patient of one real cohort, shape (rows,) each."""

    equal: Flags
    linked: Flags
    categories: Flags

    def __or__(self, other: _NearCopies) -> _NearCopies:
        return _NearCopies(
            self.equal | other.equal, self.linked | other.linked, self.categories | other.categories
        )


class _Search:
    """Looks for near copies; strangers are any two real patients, of training and hold-out."""

    def __init__(self, context: EvaluationContext) -> None:
        d = context.dictionary
        everybody = at_most(context.everybody, MAX_PATIENTS, Stream.NEAR_COPIES.rng(context.seed))
        self._d = d
        self._linkage = RecordLinkage(everybody, d)

    @classmethod
    def of(cls, context: EvaluationContext) -> _Search:
        return context.once("search of near copies", lambda: cls(context))

    def __call__(self, released: pd.DataFrame, real: pd.DataFrame, without_self: bool = False) -> _NearCopies:
        numbers, known = (numeric_values(frame, self._d) for frame in (released, real))
        links = self._linkage.search(released, real, without_self)
        return _NearCopies(
            equal_numbers(numbers, known, without_self), links.linked, links.differing <= MAX_FLIPPED
        )


def _copies(cohort: EvaluatedCohort, context: EvaluationContext) -> _NearCopies:
    """Return the near copies among the released; a hold-out is held against training and its other rows."""
    frame = at_most(cohort.frame, MAX_PATIENTS, Stream.NEAR_COPIES.rng(context.seed))
    search = _Search.of(context)
    found = search(frame, context.original)
    if cohort.kind == "holdout":
        return found | search(frame, frame, without_self=True)
    return found if context.holdout is None else found | search(frame, context.holdout)


def _shares(found: _NearCopies, d: Dictionary) -> dict[str, Figure]:
    numeric = sum(not v.is_categorical for v in d.variables)
    few = Figure(reason=f"the dictionary has fewer than {MIN_NUMBERS} numbers, which name nobody")
    return {
        "numbers_copied": _share(found.equal) if numeric >= MIN_NUMBERS else few,
        "linked_rows": _share(found.linked),
        "categories_near": _share(found.categories),
    }


def _share(flags: Flags) -> Figure:
    return Rate(float(flags.mean()), len(flags)).figure


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    return _shares(_copies(cohort, context), context.dictionary) | {
        "exact_matches_holdout": attempt(lambda: _matches_of_holdout(cohort, context))
    }


def _matches_of_holdout(cohort: EvaluatedCohort, context: EvaluationContext) -> Figure:
    if context.holdout is None:
        raise NotComputable(NO_HOLDOUT)
    if cohort.kind == "holdout":
        return figure(float(context.holdout[list(context.dictionary.names)].duplicated(keep=False).sum()))
    return figure(float(count_exact_matches(cohort.frame, context.holdout, context.dictionary)))


def _original_figures(context: EvaluationContext) -> dict[str, Figure]:
    """What unseen patients show against the training part: agreement by chance."""
    names = ("numbers_copied", "linked_rows", "categories_near")
    if context.holdout is None:
        return dict.fromkeys(names, Figure(reason=NO_HOLDOUT))
    return _shares(_Search.of(context)(context.holdout, context.original), context.dictionary)


_WHOM = (
    " Real patients are those of training and hold-out; the hold-out as anchor is compared with training and "
    "its own other patients. Wilson's 95 % interval. The original's figure is that of hold-out against "
    "training patients, which agree by chance. No near copy is no proof of privacy."
)
_SOURCE = "this project; stricter than the exact matches of Eckardt et al., npj Digit Med 2024, table 3"

GROUP = MeasureGroup(
    name="near copies",
    definitions=fixed(
        MeasureDefinition(
            id="numbers_copied",
            label="Rows with all numbers of a real patient",
            aspect="privacy",
            better="zero",
            description=(
                "Share of synthetic patients whose numbers and times all equal those of one real patient, "
                f"at the dictionary's decimals, with {MIN_NUMBERS} or more of them known." + _WHOM
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="linked_rows",
            label="Rows linked to a real patient",
            aspect="privacy",
            better="original",
            description=(
                "Share of synthetic patients who agree with one real patient in more numbers and categories "
                "than strangers do, so that a copy is found whichever fields were changed in it. Each "
                "agreement counts by how seldom real patients agree in it, numbers when equal or within a "
                f"hundredth of the ranks; a comparison links {BY_CHANCE} pairs by chance on average." + _WHOM
            ),
            source="Fellegi and Sunter, JASA 1969; " + _SOURCE,
        ),
        MeasureDefinition(
            id="categories_near",
            label="Rows with all but one category of a real patient",
            aspect="privacy",
            better="original",
            description=(
                "Share of synthetic patients who differ from one real patient in at most "
                f"{MAX_FLIPPED} category, NA being one. Common profiles agree by chance, so it is read "
                "against the original's figure." + _WHOM
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="exact_matches_holdout",
            label="Exact matches with the hold-out",
            aspect="privacy",
            better="zero",
            unit="patients",
            description=(
                "Synthetic patients equal to a hold-out patient in every column (NA equals NA). The "
                "generator never saw them, so that a match means that real patients were put among the "
                "synthetic ones. For the hold-out itself, equal patients in it. No match is no proof of "
                "privacy."
            ),
            source=_SOURCE,
        ),
    ),
    figures=_figures,
    original_figures=_original_figures,
)
