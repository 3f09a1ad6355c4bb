"""Record linkage: released rows that agree with one real patient in more than strangers do.

A copy in which a few fields are changed is still a copy. Which fields were changed is not known, so that none
can be asked for: every field in which a row and a patient agree counts, by how seldom strangers agree in it
(Fellegi and Sunter, JASA 1969, with the rates of agreement of unrelated pairs). A row is linked to a patient
where so few pairs of strangers agree as much that none is to be expected between the two cohorts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.privacy.attacks.mixed import Distances, MixedSpace
from amlsynth.statistics.coding import Floats, numeric_values

# Pairs of strangers that may be linked by chance in one comparison of two cohorts.
BY_CHANCE = 0.02
# Ranks within which two numbers agree, so that added noise does not hide a copy; 0 asks for equal numbers.
# Either is looked for: equal numbers say more, near ones are found more often.
WITHIN = (0.0, 0.01)
_PER_NAT = 64  # weights are whole numbers, so that no sum hangs on its order
_SLACK = 1e-9  # ranks are multiples of 1 / 1024, differences of them are exact to this
Weights = NDArray[np.int32]
Flags = NDArray[np.bool_]


class Links(NamedTuple):
    """What the search finds of each released row, shape (rows,) each.

    linked : whether it is linked to one of the real patients.
    differing : the least number of categories in which it differs from one of them.
    """

    linked: Flags
    differing: Distances


class RecordLinkage:
    """Links released rows to real patients.

    Parameters
    ----------
    everybody : typed frame of real patients, at least two; rates of agreement are those of its pairs.
    d : the dictionary.

    Notes
    -----
    Numbers count one by one. Categories go together and count as a whole, by how seldom two patients differ
    in so few of them. Numbers are taken as independent of one another and of the categories; a time that
    equals another time of the row (an event-free time that ends with death) counts once.

    Examples
    --------
    >>> from amlsynth.dictionary.model import dictionary
    >>> from amlsynth.sources.reference import reference_frame
    >>> patients = reference_frame(400, seed=1)
    >>> linkage = RecordLinkage(patients, dictionary())
    >>> changed = patients.iloc[:2].assign(HB=9.9, WBC=10.0)
    >>> linkage.search(changed, patients).linked.tolist()
    [True, True]
    """

    def __init__(self, everybody: pd.DataFrame, d: Dictionary) -> None:
        self._d = d
        numeric = [v.name for v in d.variables if not v.is_categorical]
        self._times = [numeric.index(endpoint.time) for endpoint in d.endpoints]
        self._ranked = MixedSpace(everybody, d, numeric)
        self._categorical = MixedSpace(everybody, d, [v.name for v in d.variables if v.is_categorical])
        self._agreement = [
            np.array([_share_that_agrees(column, within) for column in numbers.T])
            for within, numbers in zip(WITHIN, self._numbers(everybody), strict=True)
        ]
        self._gaps = self._share_of_gaps(everybody)
        self._gap_weights = _weights(np.cumsum(self._gaps))

    def search(self, released: pd.DataFrame, real: pd.DataFrame, without_self: bool = False) -> Links:
        """Hold every released row against every real patient.

        Parameters
        ----------
        released, real : typed frames; `real` are patients of `everybody`.
        without_self : leave out the patient of the same position, for a cohort against itself.
        """
        found = Links(np.zeros(len(released), dtype=np.bool_), np.zeros(len(released), dtype=np.float32))
        pairs = len(released) * len(real)
        numbers = list(zip(self._numbers(released), self._numbers(real), strict=True))
        limits = [self._limit(agreement, pairs) for agreement in self._agreement]
        rows, patients = (self._categorical.points(frame) for frame in (released, real))
        for part, gaps in self._categorical.blocks(rows, patients):
            by_category = self._gap_weights[np.rint(gaps).astype(np.intp)]
            own = np.arange(part.start, part.stop)
            if without_self:
                gaps[own - part.start, own] = np.inf
            found.differing[part] = gaps.min(axis=1, initial=np.inf)
            for (left, right), within, agreement, limit in zip(
                numbers, WITHIN, self._agreement, limits, strict=True
            ):
                total = by_category.copy()
                for place, weight in enumerate(_weights(agreement)):
                    # A comparison with NaN is false: two numbers that are missing say nothing.
                    near = np.abs(left[part, place, None] - right[None, :, place]) <= within + _SLACK
                    total += near * weight
                if without_self:
                    total[own - part.start, own] = -1
                found.linked[part] |= total.max(axis=1, initial=-1) >= limit
        return found

    def _numbers(self, frame: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the numbers of a frame and their ranks, NaN where missing, shape (rows, numbers) each."""
        values = numeric_values(frame, self._d)
        for later, place in enumerate(self._times):
            for other in self._times[:later]:
                values[values[:, place] == values[:, other], place] = np.nan
        ranks = self._ranked.points(frame).ranks.astype(np.float64)
        return values, np.where(np.isnan(values), np.nan, ranks)

    def _share_of_gaps(self, everybody: pd.DataFrame) -> Floats:
        """Return the share of pairs that differ in 0, 1, ... categories."""
        points = self._categorical.points(everybody)
        counts = np.zeros(len(self._categorical.categorical) + 1)
        for _, gaps in self._categorical.blocks(points, points):
            counts += np.bincount(np.rint(gaps).astype(np.intp).ravel(), minlength=len(counts))
        # Less each with itself; half a pair where there is none, as no share may be 0.
        counts[0] = max(counts[0] - len(everybody), 0.5)
        shares: Floats = counts / counts.sum()
        return shares

    def _limit(self, agreement: Floats, pairs: int) -> float:
        """Return the sum of weights from which on a pair is linked; endless where strangers reach any."""
        steps = _weights(agreement)
        length = int(steps.sum(dtype=np.int64) + self._gap_weights[0] + 1)
        share = np.bincount(self._gap_weights, weights=self._gaps, minlength=length)
        for one, step in zip(agreement, steps, strict=True):
            agreeing = np.concatenate([np.zeros(step), share[: length - step]])
            share = (1 - one) * share + one * agreeing
        expected = pairs * np.cumsum(share[::-1])[::-1]
        reached = np.flatnonzero(expected <= BY_CHANCE)
        return float(reached[0]) if reached.size else np.inf


def _weights(shares: Floats) -> Weights:
    """Return the weight of an agreement that so large a share of strangers has."""
    weights: Weights = np.floor(-np.log(np.minimum(shares, 1.0)) * _PER_NAT).astype(np.int32)
    return weights


def _share_that_agrees(values: Floats, within: float) -> float:
    """Return the share of pairs whose known numbers agree; 1, which says nothing, where there is no pair."""
    known = np.sort(values[~np.isnan(values)])
    pairs = len(known) * (len(known) - 1)
    if not pairs:
        return 1.0
    first = np.searchsorted(known, known - within - _SLACK, side="left")
    last = np.searchsorted(known, known + within + _SLACK, side="right")
    return float(max(1, (last - first).sum() - len(known)) / pairs)
