"""How good predictions of survival are: concordance and the integrated Brier score, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.numeric import trapezoid
from amlsynth.foundation.types import FloatArray
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import kaplan_meier

_ROWS = 2048  # patients whose pairs are held at a time
_TOO_FEW = "too few patients of known order in the test set for a C-index"


@dataclass(frozen=True)
class Concordance:
    """Harrell's C-index; `influence` is each patient's part in its deviation, shape (n,)."""

    value: float
    influence: FloatArray

    @property
    def standard_error(self) -> float:
        return math.sqrt(float((self.influence**2).sum()))

    def difference_error(self, other: Concordance) -> float:
        """Return the standard error of this less another C-index on the same patients."""
        return math.sqrt(float(((self.influence - other.influence) ** 2).sum()))


def concordance(data: EndpointData, score: FloatArray) -> Concordance:
    """Return in what share of the comparable pairs the patient with the higher score fares worse.

    Parameters
    ----------
    data : endpoint of the test set, n patients.
    score : risk, higher is worse, shape (n,); ties count one half.

    Raises
    ------
    NotComputable
        No pair is comparable.

    Notes
    -----
    A pair is comparable when the earlier time is an event; at equal times, when one of them is. Source:
    Harrell et al., JAMA 1982;247:2543. The standard error is the infinitesimal jackknife of the two sums.
    """
    time, event = data.time, data.event
    concordant, comparable = np.zeros(data.n), np.zeros(data.n)
    for start in range(0, data.n, _ROWS):
        rows = slice(start, start + _ROWS)
        earlier = event[rows, None] & ((time[rows, None] < time) | ((time[rows, None] == time) & ~event))
        worse = np.where(score[rows, None] > score, 1.0, np.where(score[rows, None] == score, 0.5, 0.0))
        right = np.where(earlier, worse, 0.0)
        comparable[rows] += earlier.sum(axis=1)
        concordant[rows] += right.sum(axis=1)
        comparable += earlier.sum(axis=0)
        concordant += right.sum(axis=0)
    pairs = comparable.sum()
    if pairs == 0:
        raise NotComputable(_TOO_FEW)
    value = float(concordant.sum() / pairs)
    # Each pair stands in the sums of two patients, so a patient's weight counts twice in them.
    return Concordance(value, 2 * (concordant - value * comparable) / pairs)


def integrated_brier_score(data: EndpointData, survival: FloatArray, months: FloatArray) -> float:
    """Return the mean over time of the weighted squared error of predicted survival; lower is better.

    Parameters
    ----------
    data : endpoint of the test set, n patients.
    survival : predicted probability to be free of the event beyond each month, shape (n, months).
    months : ascending grid from 0, shape (months,).

    Raises
    ------
    NotComputable
        The grid has no length, or everyone is censored before its end, so that weights are infinite.

    Notes
    -----
    Graf et al., Stat Med 1999;18:2529: patients with the event by t are weighted by 1 / G(T-), those still
    at risk by 1 / G(t), G the Kaplan-Meier curve of being uncensored; integrated by the trapezoidal rule.
    """
    if len(months) < 2:
        raise NotComputable("the test set ends too early for a score over time")
    uncensored = kaplan_meier(data.reversed())
    at_grid = uncensored.at(months)
    before = uncensored.at(np.nextafter(data.time, -1.0))
    if at_grid[-1] <= 0:
        raise NotComputable("no patient of the test set is followed to the end of the scored time")
    died = data.event[:, None] & (data.time[:, None] <= months)
    alive = data.time[:, None] > months
    weight = np.where(died, 1 / np.maximum(before, 1e-12)[:, None], np.where(alive, 1 / at_grid, 0.0))
    score = (weight * (alive - survival) ** 2).mean(axis=0)
    return trapezoid(score, months) / float(months[-1] - months[0])
