"""The distribution of a number in bins whose edges are public: the dictionary's, whatever the cohort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amlsynth.dictionary.model import Variable
from amlsynth.evaluation.records import Bin
from amlsynth.foundation.types import FloatArray

BINS = 24  # between the typical values of a variable; what lies beyond is in one more bin on either side
_SKEWED = 50.0  # typical values whose ends are this many times apart get bins of equal ratio
_DECIMALS = 4


def bin_edges(variable: Variable) -> FloatArray:
    """Return the edges of the bins of a number, shape (BINS + 3,) or less, rising.

    They come from the dictionary alone, so that they tell nothing of a cohort.
    """
    assert variable.minimum is not None and variable.maximum is not None  # numbers have both
    low, high = variable.typical.values if variable.typical else (variable.minimum, variable.maximum)
    spaced = np.geomspace if is_skewed(variable) else np.linspace
    inner = spaced(low, high, BINS + 1)
    digits = max(variable.decimals, 0) + 1
    ends = np.concatenate(([variable.minimum], inner, [variable.maximum])).astype(np.float64)
    edges: FloatArray = np.unique(np.round(ends, digits))
    return edges[(edges >= variable.minimum) & (edges <= variable.maximum)]


def is_skewed(variable: Variable) -> bool:
    """Whether the typical values of a number span so much that it is shown on a logarithmic scale."""
    if variable.typical is None:
        return False
    low, high = variable.typical.values
    return low > 0 and high / low >= _SKEWED


def histogram(known: FloatArray, variable: Variable, least: int) -> tuple[Bin, ...]:
    """Return the share of patients in each bin; bins that hold fewer than `least`, but some, are joined.

    Parameters
    ----------
    known : values without those that are missing, shape (n,).
    variable : the variable, a number.
    least : the smallest number of patients that a bin may show; 0 joins none.
    """
    if known.size == 0 or known.size < 2 * least:
        return ()
    edges = bin_edges(variable)
    counts = np.histogram(np.clip(known, edges[0], edges[-1]), bins=edges)[0]
    return tuple(
        Bin(low=low, high=high, share=round(count / known.size, _DECIMALS))
        for low, high, count in _joined(edges.tolist(), counts.tolist(), least)
    )


def _joined(edges: Sequence[float], counts: Sequence[int], least: int) -> list[tuple[float, float, int]]:
    """Join bins from the left until each holds nobody or `least`; the rest goes to the one before."""
    found: list[tuple[float, float, int]] = []
    start, held = edges[0], 0
    for place, count in enumerate(counts):
        held += count
        if held == 0 or held >= least:
            found.append((start, edges[place + 1], held))
            start, held = edges[place + 1], 0
    while held and found:  # back over bins of nobody to one that holds enough
        low, _, before = found.pop()
        start, held = low, held + before
        if before >= max(least, 1):
            break
    return [*found, (start, edges[-1], held)] if held else found
