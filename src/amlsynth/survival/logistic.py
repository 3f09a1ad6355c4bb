"""Logistic regression with an intercept, with a ridge penalty or without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amlsynth.foundation.errors import NotComputable
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.survival.newton import BOUND, PRECISE, Derivatives, Estimates, Standardised, maximise


@dataclass(frozen=True)
class LogisticFit(Estimates):
    """Log odds ratios `beta`, shape (p,), and the log odds of a patient whose covariates are all 0."""

    intercept: float


def logistic_fit(
    outcome: BoolArray,
    covariates: FloatArray,
    *,
    penalty: FloatArray | float = 0.0,
    tolerance: float = PRECISE,
) -> LogisticFit:
    """Fit logistic regression by maximum likelihood.

    Parameters
    ----------
    outcome : shape (n,).
    covariates : shape (n, p) or (n,), no NaN.
    penalty : on half the squared log odds ratios, shape (p,) or one for all; the intercept has none.
    tolerance : see `newton.maximise`.

    Raises
    ------
    NotComputable
        All patients have the same outcome; or, without a penalty, a covariate has one value, covariates
        follow from each other, or they separate the outcomes.

    Examples
    --------
    Of 40 carriers 30 have the outcome, of 60 others 20: the odds ratio is 30 * 40 / (10 * 20).

    >>> outcome = np.repeat([True, False, True, False], [30, 10, 20, 40])
    >>> carrier = np.repeat([1.0, 0.0], [40, 60])
    >>> float(np.exp(logistic_fit(outcome, carrier).beta[0]).round(6))
    6.0
    """
    if outcome.all() or not outcome.any():
        raise NotComputable("every patient has the same outcome, so no odds ratio")
    x = Standardised.of(covariates, penalty)
    design = np.vstack((np.ones(len(outcome)), x.values))
    y, without = outcome.astype(np.float64), (~outcome).astype(np.float64)

    def derivatives(beta: FloatArray) -> Derivatives:
        linear = np.clip(beta @ design, -BOUND, BOUND)
        share = 1 / (1 + np.exp(-linear))
        root = design * np.sqrt(share * (1 - share))
        value = float(np.log(share).sum() - without @ linear)
        return value, design @ (y - share), root @ root.T

    start = np.zeros(len(design))
    start[0] = np.log(y.mean() / (1 - y.mean()))
    fit = maximise(derivatives, start, np.append(0.0, x.penalty), tolerance)
    beta = fit.beta[1:] / x.scale
    # What the intercept takes away from the information on the rest.
    rest = fit.information[1:, 1:] - np.outer(*2 * (fit.information[0, 1:],)) / fit.information[0, 0]
    return LogisticFit(beta, rest * np.outer(x.scale, x.scale), float(fit.beta[0] - x.means @ beta))


def log_odds_ratios(outcome: BoolArray, markers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit a model of each binary marker alone, to the patients in whom it is known.

    Parameters
    ----------
    outcome : shape (n,).
    markers : 1, 0 or NaN, shape (n, p).

    Returns
    -------
    Log odds ratios and their standard errors, shape (p,) each; NaN where one of the four cells is empty.

    Notes
    -----
    With one binary covariate the maximum has a closed form (Woolf, Ann Hum Genet 1955;19:251).

    Examples
    --------
    >>> outcome = np.repeat([True, False, True, False], [30, 10, 20, 40])
    >>> log_ratios, errors = log_odds_ratios(outcome, np.repeat([[1.0], [0.0]], [40, 60], axis=0))
    >>> float(np.exp(log_ratios[0]).round(6))
    6.0
    """
    sides = np.array((outcome, ~outcome), dtype=np.float64)
    return woolf(np.array([sides @ (markers == state) for state in (1, 0)]))


def woolf(cells: FloatArray | IntArray) -> tuple[FloatArray, FloatArray]:
    """Return log odds ratios of counts and their standard errors; NaN where one of the four cells is empty.

    Parameters
    ----------
    cells : shape (2, 2) or (2, 2, p): with and without the marker, with and without the outcome.
    """
    known = np.where((cells > 0).all(axis=(0, 1)), cells, np.nan)
    odds = known[:, 0] / known[:, 1]
    return np.log(odds[0] / odds[1]), np.sqrt((1 / known).sum(axis=(0, 1)))
