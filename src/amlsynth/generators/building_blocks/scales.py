"""The two survival numbers of the model space on scales without bounds, for generators that need those."""

from __future__ import annotations

import numpy as np

from amlsynth.foundation.types import FloatArray

_EDGE = 1e-9  # of a share, so that its logit is finite


def to_real_line(time: FloatArray, gap: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log of the time, and the logit of the share of it that the gap takes, shapes (n,).

    Times are positive and skewed; on the log scale they are comparable. As a share on the logit scale no
    gap can exceed its time, whatever a generator emits. NaN stays NaN.
    """
    share = np.clip(gap / time, _EDGE, 1 - _EDGE)
    return np.log(time), np.log(share / (1 - share))


def from_real_line(log_time: FloatArray, share_logit: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return time and gap in months: the inverse of `to_real_line`; gap < time for all finite input."""
    time = np.exp(np.clip(log_time, -700.0, 700.0))
    with np.errstate(over="ignore"):
        share = 1 / (1 + np.exp(-share_logit))
    return time, time * share
