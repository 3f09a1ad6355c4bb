"""The stratified split into training and hold-out: no generator sees the hold-out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary_of
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.frames import Table, frame_of

HOLDOUT_SHARE = 0.2  # as in the paper, page 6


@dataclass(frozen=True)
class Split:
    """Training and hold-out frames; rows keep the order of the cohort, the index is new."""

    train: pd.DataFrame
    holdout: pd.DataFrame


def split_cohort(
    frame: Table, holdout: float = HOLDOUT_SHARE, *, seed: int, d: Dictionary | None = None
) -> Split:
    """Split a cohort, keeping the shares of the dictionary's strata, such as outcomes, in both parts.

    Patients are shuffled, lined up by stratum, and every k-th (k = 1 / `holdout`) goes to the hold-out,
    from a random start; so also strata of a few patients are shared out fairly. Patients who are equal in
    every column stay together, in the part of the first of them: a patient of whom the generator saw a copy
    is not unseen.

    Parameters
    ----------
    frame : typed frame, shape (n, columns), or a cohort or data set.
    holdout : share of patients in the hold-out, above 0 and below 1.
    seed : seed of the shuffle; the same seed gives the same split.
    d : the dictionary of the frame; that of the cohort, or of AML, when not given.

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
    d, frame = dictionary_of(frame, d), frame_of(frame)
    n = len(frame)
    size = round(n * holdout)
    if not 0 < size < n:
        raise DataError(
            f"{n} patients cannot be split into training and a hold-out of {holdout:.0%}. "
            "Use a larger cohort."
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(n)
    strata = [_codes(frame[name])[shuffled] for name in d.roles.strata]
    lined_up = shuffled[np.lexsort(strata[::-1])] if strata else shuffled
    chosen = np.floor((np.arange(size) + rng.random()) * n / size).astype(int)
    held_out = np.zeros(n, dtype=bool)
    held_out[lined_up[chosen]] = True
    together = _with_equals(frame, held_out)
    if together.any() and not together.all():
        held_out = together
    return Split(
        train=frame.loc[~held_out].reset_index(drop=True), holdout=frame.loc[held_out].reset_index(drop=True)
    )


def split_by_patient(frame: pd.DataFrame, holdout: float = HOLDOUT_SHARE, *, seed: int) -> Split:
    """Split a cohort so that each patient's part is decided by that patient's row and the seed alone.

    Unlike in `split_cohort`, one patient more or less leaves all others where they are: the training parts of
    neighbouring cohorts are neighbours too, which differential privacy of the training part rests on. The
    parts' sizes and strata vary as those of a random sample do.

    Parameters and errors are those of `split_cohort`.
    """
    if not 0 < holdout < 1:
        raise UsageError(f"The hold-out share {holdout} is not between 0 and 1; 0.2 is usual.")
    rows = frame.to_csv(index=False, header=False).splitlines()
    shares = [int.from_bytes(hashlib.sha256(f"{seed} {row}".encode()).digest()[:8]) / 2**64 for row in rows]
    held_out = np.array(shares) < holdout
    if held_out.all() or not held_out.any():
        raise DataError(
            f"{len(frame)} patients cannot be split into training and a hold-out of {holdout:.0%}. "
            "Use a larger cohort."
        )
    return Split(
        train=frame.loc[~held_out].reset_index(drop=True), holdout=frame.loc[held_out].reset_index(drop=True)
    )


def shared_patients(train: pd.DataFrame, holdout: pd.DataFrame) -> int:
    """Return how many hold-out patients, of whom anything is known, equal a training patient throughout."""
    told = holdout[holdout.notna().any(axis=1)]
    return int(np.isin(_row_hashes(told), _row_hashes(train)).sum())


def _with_equals(frame: pd.DataFrame, held_out: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the hold-out with equal patients in the part of the first of them."""
    _, first, group = np.unique(_row_hashes(frame), return_index=True, return_inverse=True)
    together: npt.NDArray[np.bool_] = held_out[first][group.ravel()]
    return together


def _row_hashes(frame: pd.DataFrame) -> npt.NDArray[np.uint64]:
    # Of text, since the categories of two frames may be numbered differently.
    columns = {
        name: column.astype("string") if isinstance(column.dtype, pd.CategoricalDtype) else column
        for name, column in frame.items()
    }
    plain = pd.DataFrame(columns)
    return np.asarray(pd.util.hash_pandas_object(plain, index=False), dtype=np.uint64)


def _codes(column: pd.Series) -> npt.NDArray[np.float64]:
    """Return the states of a stratum as numbers, -1 where missing, shape (n,)."""
    codes = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
    return np.asarray(codes.to_numpy(np.float64, na_value=-1.0))
