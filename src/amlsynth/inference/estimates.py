"""Estimates with standard errors, on the scale on which they are nearly normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from amlsynth.foundation.errors import DataError, NotComputable, UsageError, require_extra
from amlsynth.statistics.wald import Z95
from amlsynth.survival.accuracy import concordance as c_index
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import kaplan_meier
from amlsynth.survival.kaplan_meier import restricted_mean as curve_mean

Scale = Literal["identity", "log", "log-log", "logit"]

# Back to the scale that people read. On the log-log scale a larger value is a smaller survival.
BACK: dict[Scale, Callable[[Any], Any]] = {
    "identity": lambda x: x,
    "log": np.exp,
    "log-log": lambda x: np.exp(-np.exp(x)),
    "logit": lambda x: 1 / (1 + np.exp(-x)),
}


@dataclass(frozen=True)
class Estimate:
    """One estimate of one cohort.

    Attributes
    ----------
    name : what is estimated, the same in every cohort.
    value, standard_error : on `scale`.
    scale : "log" for ratios and medians, "log-log" for survival at a time, "logit" for shares and C-indices.

    Examples
    --------
    >>> Estimate("NPM1", value=-0.4, standard_error=0.1, scale="log").name
    'NPM1'
    """

    name: str
    value: float
    standard_error: float
    scale: Scale = "identity"


def estimates_of(fit: Any) -> tuple[Estimate, ...]:
    """Return the estimates of what `pool` takes for one cohort.

    Parameters
    ----------
    fit : an `Estimate` or a sequence of them; a fitted regression of lifelines (Cox, say) or its
        `KaplanMeierFitter` (for the median); or results of statsmodels.

    Raises
    ------
    UsageError
        It is none of these, or was not fitted.
    """
    if isinstance(fit, Estimate):
        return (fit,)
    if isinstance(fit, Sequence) and fit and all(isinstance(one, Estimate) for one in fit):
        return tuple(fit)
    if hasattr(fit, "survival_function_") and hasattr(fit, "event_table"):
        return (median_of(fit),)
    values = getattr(fit, "params_", getattr(fit, "params", None))
    errors = getattr(fit, "standard_errors_", getattr(fit, "bse", None))
    if isinstance(values, pd.Series) and errors is not None:
        errors = np.asarray(errors, float)
        return tuple(
            Estimate(_name(index), float(value), float(error))
            for index, value, error in zip(values.index, values, errors, strict=True)
        )
    raise UsageError(
        f"pool cannot read {type(fit).__name__}. Give models of lifelines or statsmodels that were fitted to "
        "data frames, so that coefficients have names, or Estimate objects."
    )


def _name(index: Any) -> str:
    return ":".join(map(str, index)) if isinstance(index, tuple) else str(index)


def median_of(fitter: Any, name: str = "median") -> Estimate:
    """Return the median survival of a fitted lifelines `KaplanMeierFitter`, in months on the log scale.

    The standard error is that of its interval on the log-log scale (Brookmeyer and Crowley, Biometrics
    1982;38:29), read on the log of time.

    Raises
    ------
    DataError
        The curve, or its band, does not come down to one half.
    """
    utils = require_extra("generate", "lifelines.utils", "The median of a curve")
    median = float(fitter.median_survival_time_)
    low, high = np.asarray(utils.median_survival_times(fitter.confidence_interval_), float).ravel()[:2]
    if not (np.isfinite([median, low, high]).all() and min(median, low) > 0):
        raise DataError(
            f"{name}: the curve or its band does not reach one half, so the median has no standard error. "
            "Pool the survival at a time instead."
        )
    return Estimate(name, float(np.log(median)), float(np.log(high / low) / (2 * Z95)), "log")


def survival_at(time: Any, event: Any, at: float, name: str | None = None) -> Estimate:
    """Return the Kaplan-Meier estimate at a time on the log-log scale, with Greenwood's standard error.

    Parameters
    ----------
    time : months, shape (n,), no NA. event : 1 or True for an event, shape (n,). at : months.

    Raises
    ------
    DataError
        Nobody is at risk then, or no event came before, so that there is no standard error.
    """
    name = name or f"survival at {at:g}"
    data = EndpointData(name, np.asarray(time, float), np.asarray(event, bool))
    fit = kaplan_meier(data)
    survival = float(fit.at(at))
    if not 0 < survival < 1 or data.time.max() < at:
        raise DataError(
            f"{name}: no event before {at:g} months, or nobody at risk then. Choose another time."
        )
    log_survival = math.log(survival)
    return Estimate(name, math.log(-log_survival), fit.log_error(at) / -log_survival, "log-log")


def restricted_mean(time: Any, event: Any, until: float, name: str | None = None) -> Estimate:
    """Return the mean survival time within `until` months, with its standard error.

    Raises
    ------
    DataError
        Follow-up ends earlier, with patients alive.
    """
    name = name or f"restricted mean to {until:g}"
    data = EndpointData(name, np.asarray(time, float), np.asarray(event, bool))
    try:
        return Estimate(name, *curve_mean(data, until))
    except NotComputable as reason:
        raise DataError(f"{reason}. Choose an earlier time.") from reason


def concordance(time: Any, event: Any, score: Any, name: str = "C-index") -> Estimate:
    """Return Harrell's C-index on the logit scale, with its infinitesimal jackknife standard error.

    Parameters
    ----------
    score : larger for a worse outcome, shape (n,).
    """
    data = EndpointData(name, np.asarray(time, float), np.asarray(event, bool))
    try:
        index = c_index(data, np.asarray(score, float))
    except NotComputable as reason:
        raise DataError(f"{name}: no two patients can be compared. A C-index needs events.") from reason
    value = index.value
    if not 0 < value < 1:
        raise DataError(f"{name}: it is {value:.0f} exactly, which has no standard error on the logit scale.")
    return Estimate(
        name, math.log(value / (1 - value)), index.standard_error / (value * (1 - value)), "logit"
    )
