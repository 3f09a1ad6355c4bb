"""What numpy 1.26 and numpy 2 name differently: the environment of synthcity has the former."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def trapezoid(y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]) -> float:
    """Return the integral of `y` over `x`, both of shape (n,), by the trapezoidal rule.

    Examples
    --------
    >>> trapezoid(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 3.0]))
    2.5
    """
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2.0).sum())
