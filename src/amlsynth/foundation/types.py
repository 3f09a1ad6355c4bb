"""Types that many modules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]

# Called with what is being done, and the share of it that is done, from 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]


def no_progress(stage: str, share: float) -> None:
    """Show nothing."""
