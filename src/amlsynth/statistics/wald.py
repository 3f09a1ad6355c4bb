"""Wald's test and interval: an estimate against its standard error."""

from __future__ import annotations

import math

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def wald_p(estimate: float, standard_error: float) -> float:
    """Return the two-sided p-value of an estimate being 0.

    >>> round(wald_p(1.96, 1.0), 3)
    0.05
    """
    return math.erfc(abs(estimate / standard_error) / math.sqrt(2))
