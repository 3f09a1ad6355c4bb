"""`pool`: one table of estimates with intervals that hold, from the analyses of several synthetic cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.inference.estimates import BACK, Estimate, estimates_of
from amlsynth.inference.rules import Rule, combine


def pool(
    fits: Sequence[Any],
    *,
    rule: Rule = "fully-synthetic",
    size_ratio: float = 1.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Pool the analyses of several synthetic cohorts of one release.

    Parameters
    ----------
    fits : one fit a cohort, each a model of lifelines or statsmodels, an `Estimate`, or a sequence of these.
    rule : how the cohorts were made; see `amlsynth.inference.rules`. Replicates of a release are
        "fully-synthetic".
    size_ratio : synthetic patients of one cohort for each patient of the original.
    level : of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame, one row an estimand that all cohorts have, index its name: `estimate`, `standard_error`,
    `lower` and `upper` on the scale of the analysis, `p` (of the value 0), `degrees_of_freedom`,
    `synthesis_share` (share of the variance that an analysis of one synthetic cohort as if it were real
    does not see), `value`, `value_lower`, `value_upper` on the scale that people read.

    Raises
    ------
    UsageError
        No fits, a kind of fit that cannot be read, a level outside 0 to 1, or a rule that does not fit.
    DataError
        The fits have no estimand in common, or one has no finite estimate or standard error.

    Examples
    --------
    >>> from amlsynth.inference.estimates import Estimate
    >>> fits = [Estimate("NPM1", value, 0.1) for value in (-0.6, -0.2, -0.4)]
    >>> pool(fits, size_ratio=1.0).loc["NPM1", ["estimate", "standard_error"]].round(3).to_dict()
    {'estimate': -0.4, 'standard_error': 0.208}
    """
    if not len(fits):
        raise UsageError("There are no fits to pool. Give one fit for each synthetic cohort.")
    if not 0 < level < 1:
        raise UsageError(f"The level is {level}; give one between 0 and 1, such as 0.95.")
    cohorts = [{estimate.name: estimate for estimate in estimates_of(fit)} for fit in fits]
    names = [name for name in cohorts[0] if all(name in cohort for cohort in cohorts)]
    if not names:
        raise DataError("The fits have no estimand in common. Fit the same model to every cohort.")
    _check([cohort[name] for cohort in cohorts for name in names])
    values = np.array([[cohort[name].value for name in names] for cohort in cohorts])
    errors = np.array([[cohort[name].standard_error for name in names] for cohort in cohorts])
    pooled = combine(values, errors**2, rule, size_ratio)
    error = np.sqrt(pooled.variance)
    t = require_extra("generate", "scipy.stats", "An interval of pooled estimates").t
    reach = t.ppf((1 + level) / 2, pooled.degrees_of_freedom) * error
    table = pd.DataFrame(
        {
            "estimate": pooled.estimate,
            "standard_error": error,
            "lower": pooled.estimate - reach,
            "upper": pooled.estimate + reach,
            "p": 2 * t.sf(np.abs(pooled.estimate) / np.maximum(error, 1e-300), pooled.degrees_of_freedom),
            "degrees_of_freedom": pooled.degrees_of_freedom,
            "synthesis_share": np.clip(1 - pooled.within / pooled.variance, 0, 1),
        },
        index=pd.Index(names, name="estimand"),
    )
    scales = [cohorts[0][name].scale for name in names]
    ends = np.array(
        [
            [BACK[scale](row[key]) for key in ("estimate", "lower", "upper")]
            for scale, (_, row) in zip(scales, table.iterrows(), strict=True)
        ]
    )
    table["value"] = ends[:, 0]
    table["value_lower"], table["value_upper"] = np.sort(ends[:, 1:], axis=1).T
    return table


def _check(estimates: Sequence[Estimate]) -> None:
    for estimate in estimates:
        if not (np.isfinite(estimate.value) and np.isfinite(estimate.standard_error)):
            raise DataError(
                f"{estimate.name}: a fit has no finite estimate or standard error. "
                "Leave it out of the model, or look at that cohort: too few carriers, say."
            )
    scales: dict[str, str] = {}
    for estimate in estimates:
        if scales.setdefault(estimate.name, estimate.scale) != estimate.scale:
            raise UsageError(f"{estimate.name}: the cohorts give it on different scales. Use one for all.")
