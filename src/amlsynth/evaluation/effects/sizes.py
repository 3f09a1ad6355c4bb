"""How large a difference is, apart from how sure it is, and p-values adjusted for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from amlsynth.evaluation.measure_group import NotComputable, figure
from amlsynth.evaluation.records import Comparison, Figure
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray

STANDARDISED = "standardised difference"
CRAMERS_V = "Cramér's V"
SIZE_DECIMALS = 3


def standardised_difference(ours: FloatArray, theirs: FloatArray) -> float:
    """Return the difference of the means (theirs less ours) over the root of the mean variance.

    Source: Austin, Stat Med 2009;28:3083. Below 0.1 in absolute value is taken for negligible there.

    Raises
    ------
    NotComputable
        Fewer than two values in one of the cohorts, or no spread in either.
    """
    if min(ours.size, theirs.size) < 2:
        raise NotComputable("fewer than two known values in one of the cohorts")
    spread = math.sqrt((float(ours.var(ddof=1)) + float(theirs.var(ddof=1))) / 2)
    if spread == 0:
        raise NotComputable("neither cohort varies, so the difference has no scale")
    return float(theirs.mean() - ours.mean()) / spread


def standardised_difference_of_shares(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Return the same for a state that patients have or not; counts (with, without) of each cohort."""
    if sum(ours) == 0 or sum(theirs) == 0:
        raise NotComputable("not assessed in one of the cohorts")
    left, right = ours[0] / sum(ours), theirs[0] / sum(theirs)
    spread = math.sqrt((left * (1 - left) + right * (1 - right)) / 2)
    if spread == 0:
        raise NotComputable("neither cohort varies, so the difference has no scale")
    return (right - left) / spread


def cramers_v(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Return Cramér's V of cohort and category in [0, 1]: 0 for equal shares."""
    table = np.array([ours, theirs], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        raise NotComputable("fewer than two values occur, or one cohort has none")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return math.sqrt(float(((table - expected) ** 2 / expected).sum() / table.sum()))


def adjusted(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons with p-values adjusted for all that have one, after Benjamini and Hochberg.

    Source: J R Stat Soc B 1995;57:289, as statsmodels computes it.
    """
    multitest = require_extra("generate", "statsmodels.stats.multitest", "Adjusting p-values")

    known = [place for place, one in enumerate(comparisons) if one.p_value.value is not None]
    values = [comparisons[place].p_value.value for place in known]
    results = (
        dict(zip(known, multitest.multipletests(values, method="fdr_bh")[1], strict=True)) if known else {}
    )
    return tuple(
        one.model_copy(
            update={
                "adjusted_p": figure(float(results[place]))
                if place in results
                else Figure(reason=one.p_value.reason)
            }
        )
        for place, one in enumerate(comparisons)
    )
