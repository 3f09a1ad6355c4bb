"""How fully the categories and bins of the original occur in another cohort, and how much of what is rare.

Regularized support coverage is that of TabSynDex (Chundawat et al., arXiv:2207.05295) as the authors of
Eckardt et al., npj Digital Medicine 2024 ("Evaluation of synthetic data performance") compute it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.statistics.coding import Codes, codes_of, numbers_of, quantile_edges

_ROWS = 4096  # patients turned into indicators at a time; bounds memory, and float32 counts stay exact
RARE = 0.05  # the largest share of patients, of both cohorts together, who have a rare state


def regularized_support_coverage(original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """Return RSC in [0, 1], 1 when every category and bin is as frequent as in the original or more.

    Per column the average over the original's categories (NA is one) or 10 quantile bins of
    min(1, n_syn / n_orig * N_orig / N_syn); then the average over the columns. Columns that the
    original never assessed (all NA) say nothing and are left out.

    Raises
    ------
    NotComputable
        No column of the original was assessed.
    """
    everybody_once = np.ones((1, len(synthetic)), dtype=np.int64)
    return float(SupportCounts(original, synthetic, d).coverage(everybody_once)[0])


class SupportCounts:
    """Codes of two cohorts, to count what resamples of the second cover of the first.

    A resample is given by how often each of the n patients of the second is in it, shape (resamples, n).
    """

    def __init__(self, original: pd.DataFrame, frame: pd.DataFrame, d: Dictionary) -> None:
        ours: list[FloatArray] = []
        states: list[BoolArray] = []
        codes: list[Codes] = []
        for variable in d.variables:
            if original[variable.name].isna().all():
                continue
            if variable.is_categorical:
                left, right = (codes_of(f, variable) for f in (original, frame))
                slots = len(variable.values) + 2
            else:
                edges = quantile_edges(numbers_of(original, variable.name))
                if edges.size == 0:
                    continue
                slots = len(edges)  # one for each bin, and the last for what is in none
                left, right = (
                    _histogram_codes(numbers_of(f, variable.name), edges) for f in (original, frame)
                )
            counts = np.bincount(left, minlength=slots).astype(np.float64)
            if not variable.is_categorical:
                counts[-1] = 0.0
            ours.append(counts)
            states.append(np.zeros(slots, dtype=bool))
            states[-1][1:-1] = variable.is_categorical  # neither NA nor a value that is unknown
            codes.append(right)
        self._n = len(original)
        # All columns side by side, each from its own slot on.
        self._ours = np.concatenate(ours) if ours else np.empty(0)
        self._starts = np.cumsum([0, *(len(counts) for counts in ours)])[:-1]
        self._column = np.repeat(np.arange(len(ours)), [len(counts) for counts in ours])
        self._states = np.concatenate(states) if ours else np.empty(0, dtype=bool)
        self._codes = np.column_stack(codes).astype(np.intp) + self._starts if codes else None

    def coverage(self, times: IntArray) -> FloatArray:
        """Return the coverage by each resample, in [0, 1], shape (resamples,).

        Raises
        ------
        NotComputable
            No column of the original was assessed.
        """
        theirs = self._count(times) * (self._n / times.sum(axis=1, keepdims=True))
        present = self._ours > 0
        covered = np.divide(theirs, self._ours, out=np.zeros_like(theirs), where=present)
        sums = np.add.reduceat(np.minimum(covered, 1.0), self._starts, axis=1)
        found: FloatArray = (sums / np.add.reduceat(present * 1.0, self._starts)).mean(axis=1)
        return found

    def rare_states(self, times: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return how many rare states a patient of the first cohort has on average, and one of each resample.

        States are the values of categorical columns, such as a mutation that is there; NA is none. Which are
        rare (`RARE`) the two cohorts decide together: what chance makes rarer in one of them would else look
        lost in the other. Shares are of the patients with a known value.

        Raises
        ------
        NotComputable
            No column of the original was assessed.
        """
        ours, theirs = self._ours[None] * self._states, self._count(times) * self._states
        ours_known, theirs_known = (
            np.add.reduceat(counts, self._starts, axis=1)[:, self._column] for counts in (ours, theirs)
        )
        together = (ours + theirs) / np.maximum(ours_known + theirs_known, 1)
        rare = together <= RARE
        our_rates, their_rates = (
            np.where(rare, counts / np.maximum(known, 1), 0.0).sum(axis=1)
            for counts, known in ((ours, ours_known), (theirs, theirs_known))
        )
        return our_rates, their_rates

    def _count(self, times: IntArray) -> FloatArray:
        """Return how often each code of the second cohort is in each resample, shape (resamples, codes)."""
        if self._codes is None:
            raise NotComputable("every column of the original is empty")
        counts = np.zeros((len(times), len(self._ours)))
        for top in range(0, len(self._codes), _ROWS):
            codes = self._codes[top : top + _ROWS]
            indicators = np.zeros((len(codes), len(self._ours)), dtype=np.float32)
            np.put_along_axis(indicators, codes, np.float32(1.0), axis=1)
            counts += times[:, top : top + _ROWS].astype(np.float32) @ indicators
        return counts


def _histogram_codes(values: FloatArray, edges: FloatArray) -> Codes:
    """Return the bin of each number, and the last code for NaN and numbers beyond.

    Bins are closed on the left, the last on both sides, as those of `np.histogram`.
    """
    code = np.searchsorted(edges, values, side="right") - 1
    code = np.where(values == edges[-1], len(edges) - 2, code)
    outside = np.isnan(values) | (values < edges[0]) | (values > edges[-1])
    return np.where(outside, len(edges) - 1, code).astype(np.uint8)
