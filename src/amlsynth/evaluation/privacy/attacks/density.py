"""Densities of mixed data, for the membership attack of van Breugel et al.

A kernel estimate after Aitchison and Aitken (Biometrika 1976) and Li and Racine (2003): the density of a
patient is the average over the cohort's patients of a product over variables. A category contributes
(1 - s) + s * p for a match and s * p for none, with p the category's share and s the smoothing; so a
shared rare alteration weighs more than a shared common one. A number's rank contributes
(1 - s) * Laplace kernel + s. The estimate assumes that what two patients share in one variable says
nothing more about the others; it is chosen because it takes one product of matrices.
"""

from __future__ import annotations

import numpy as np

from amlsynth.evaluation.privacy.attacks.mixed import CELLS, Distances, MixedSpace, Points, number_gaps
from amlsynth.statistics.coding import Floats

SMOOTHING = (0.02, 0.05, 0.1, 0.2, 0.4)  # of which the likeliest is taken
RANK_WIDTH = 0.05  # of the Laplace kernel: the scale on which two numbers count as near
_SCORED = 400  # patients of a cohort whose likelihood chooses the smoothing
_TOGETHER = 8  # numbers whose kernels are multiplied before the logarithm is taken; more might underflow


class Density:
    """The density of a cohort.

    Parameters
    ----------
    space : the variables and their scale.
    cohort : the patients whose density it is.
    shares : shares of the categories, shape (sum of widths,), from `category_shares`.
    smoothing : s above, between 0 and 1.
    """

    def __init__(self, space: MixedSpace, cohort: Points, shares: Floats, smoothing: float) -> None:
        self._space, self._cohort, self._s = space, cohort, smoothing
        unequal = np.log(smoothing * shares)
        equal = np.log(1 - smoothing + smoothing * shares)
        self._base = unequal
        self._gain = (equal - unequal).astype(np.float32)
        self._indicators = np.ascontiguousarray(space.one_hot(cohort.codes).T)

    def log(self, rows: Points, without_self: bool = False) -> Floats:
        """Return the log density of each row, shape (rows,); `without_self` for the cohort itself."""
        found = np.empty(len(rows))
        height = max(1, CELLS // max(1, len(self._cohort)))
        count = len(self._cohort) - without_self
        for top in range(0, len(rows), height):
            part = rows.take(slice(top, top + height))
            hot = self._space.one_hot(part.codes)
            kernel = (hot * self._gain) @ self._indicators
            for first in range(0, part.ranks.shape[1], _TOGETHER):
                kernel += self._numbers(part.ranks, self._cohort.ranks, slice(first, first + _TOGETHER))
            if without_self:
                own = np.arange(top, top + len(part))
                kernel[own - top, own] = -np.inf
            most = kernel.max(axis=1, keepdims=True)
            total = np.exp(kernel - most).sum(axis=1, dtype=np.float64)
            found[top : top + len(part)] = np.log(total) + most[:, 0] + hot @ self._base
        found -= np.log(count)
        return found

    def _numbers(self, ranks: Distances, cohort: Distances, places: slice) -> Distances:
        """Return the log kernel of some numbers together, shape (rows, patients)."""
        kernel = np.ones((len(ranks), len(cohort)), dtype=np.float32)
        gaps = np.empty_like(kernel)
        for own, theirs in zip(ranks.T[places], cohort.T[places], strict=True):
            number_gaps(own, np.ascontiguousarray(theirs), out=gaps)
            gaps /= np.float32(-RANK_WIDTH)
            np.exp(gaps, out=gaps)
            gaps *= np.float32((1 - self._s) / (2 * RANK_WIDTH))
            gaps += np.float32(self._s)
            kernel *= gaps
        return np.asarray(np.log(kernel, out=kernel))


def category_shares(space: MixedSpace, *cohorts: Points) -> Floats:
    """Return the share of each category, NA being one, over several cohorts, shape (sum of widths,).

    Half a patient is added to each category, so that none has the share 0.
    """
    counts = sum(space.one_hot(cohort.codes).sum(axis=0, dtype=np.float64) for cohort in cohorts)
    counts = np.asarray(counts) + 0.5
    totals = np.add.reduceat(counts, space.starts) if counts.size else counts
    shares: Floats = counts / np.repeat(totals, space.widths)
    return shares


def likeliest(space: MixedSpace, cohort: Points, shares: Floats) -> float:
    """Return the smoothing under which the cohort's own patients, each left out, are likeliest."""
    some = cohort.take(slice(_SCORED))

    def likelihood(smoothing: float) -> float:
        density = Density(space, some, shares, smoothing)
        return float(density.log(some, without_self=True).mean())

    return max(SMOOTHING, key=likelihood)
