"""The regressions of `event-history`, all with a ridge penalty.

A maximum of the likelihood meets the score equations, that is the fitted model repeats the sums of each
feature over the events; the less penalty, the nearer it comes to repeating every univariable effect.
"""

from __future__ import annotations

import numpy as np

from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.survival.cox import CoxFit, cox_fit

TOLERANCE = 1e-7  # of the log likelihood: a sample shows no more of it


def ridge_linear(features: FloatArray, target: FloatArray, penalty: float) -> FloatArray:
    """Return intercept and coefficients of least squares, shape (1 + p,), for features (n, p), centred."""
    centre = target.mean()
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += penalty
    return np.concatenate(([centre], np.linalg.solve(gram, features.T @ (target - centre))))


def ridge_cox(
    features: FloatArray, time: FloatArray, event: BoolArray, strata: IntArray, penalty: FloatArray
) -> CoxFit:
    """Fit the hazard of a transition, shapes as of `cox_fit`; without any event it is 0."""
    if not event.any():
        return CoxFit(np.zeros(features.shape[1]), np.diag(penalty), {})
    return cox_fit(time, event, features, strata=strata, penalty=penalty, ties="breslow", tolerance=TOLERANCE)
