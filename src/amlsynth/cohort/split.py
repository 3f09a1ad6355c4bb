"""The stratified split into training and hold-out: no generator sees the hold-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.errors import DataError, UsageError

HOLDOUT_SHARE = 0.2  # as in the paper, page 6


@dataclass(frozen=True)
class Split:
    """Training and hold-out frames; rows keep the order of the cohort, the index is new."""

    train: pd.DataFrame
    holdout: pd.DataFrame


def split_cohort(
    frame: pd.DataFrame, holdout: float = HOLDOUT_SHARE, *, seed: int, d: Dictionary | None = None
) -> Split:
    """Split a cohort, keeping the shares of the dictionary's strata, such as outcomes, in both parts.

    Patients are shuffled, lined up by stratum, and every k-th (k = 1 / `holdout`) goes to the hold-out,
    from a random start; so also strata of a few patients are shared out fairly.

    Parameters
    ----------
    frame : typed frame, shape (n, columns).
    holdout : share of patients in the hold-out, above 0 and below 1.
    seed : seed of the shuffle; the same seed gives the same split.
    d : the dictionary of the frame; that of AML when not given.

    Raises
    ------
    UsageError
        `holdout` is not a share.
    DataError
        Too few patients for both parts to have one.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> parts = split_cohort(reference_cohort(n=300).frame, seed=1)
    >>> len(parts.train), len(parts.holdout)
    (240, 60)
    """
    if not 0 < holdout < 1:
        raise UsageError(f"The hold-out share {holdout} is not between 0 and 1; 0.2 is usual.")
    n = len(frame)
    size = round(n * holdout)
    if not 0 < size < n:
        raise DataError(
            f"{n} patients cannot be split into training and a hold-out of {holdout:.0%}. "
            "Use a larger cohort."
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(n)
    strata = [_codes(frame[name])[shuffled] for name in (d or dictionary()).roles.strata]
    lined_up = shuffled[np.lexsort(strata[::-1])] if strata else shuffled
    chosen = np.floor((np.arange(size) + rng.random()) * n / size).astype(int)
    held_out = np.zeros(n, dtype=bool)
    held_out[lined_up[chosen]] = True
    return Split(
        train=frame.loc[~held_out].reset_index(drop=True), holdout=frame.loc[held_out].reset_index(drop=True)
    )


def _codes(column: pd.Series) -> npt.NDArray[np.float64]:
    """Return the states of a stratum as numbers, -1 where missing, shape (n,)."""
    codes = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
    return np.asarray(codes.to_numpy(np.float64, na_value=-1.0))
