"""Combining rules: one estimate and its variance from m synthetic cohorts.

With q_i the estimate in cohort i, u_i the variance that an analysis of cohort i alone gives, q the mean of
the q_i, U the mean of the u_i, and B the variance of the q_i between cohorts (divisor m - 1):

- ``fully-synthetic``: every value is synthetic, and each cohort comes from a draw of the model's parameters
  from their posterior. T = (1 + 1/m) B - U, with (m - 1)(1 - U / ((1 + 1/m) B))^2 degrees of freedom
  (Raghunathan, Reiter, Rubin, J Off Stat 2003;19:1-16). B holds all that is not known of the parameters, the
  noise of a private release included (Räisä et al., AISTATS 2023). Where T comes out too small, it is
  replaced by the variance of an analysis of the original's size, (k/n) U with k synthetic and n original
  patients (Reiter, J Off Stat 2002;18:531-544).
- ``one-fit``: every value is synthetic, and all cohorts come from the same fitted parameters, so that B
  knows nothing of the original's sampling error. T = U (k/n + 1/m) (Raab, Nowok, Dibben, J Priv Confid
  2016;7:67-97).
- ``partially-synthetic``: only some values are synthetic. T = U + B/m, with (m - 1)(1 + m U / B)^2 degrees
  of freedom (Reiter, Survey Methodology 2003;29:181-188).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.types import BoolArray, FloatArray

Rule = Literal["fully-synthetic", "one-fit", "partially-synthetic"]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class Combined:
    """What a rule gives for p estimands, arrays of shape (p,).

    Attributes
    ----------
    estimate : q, on the scale of the estimates.
    variance : T.
    degrees_of_freedom : of the t distribution of the interval; infinite for the normal one.
    between, within : B and U.
    replaced : where T was too small and the analysis' own variance stands in its place.
    """

    estimate: FloatArray
    variance: FloatArray
    degrees_of_freedom: FloatArray
    between: FloatArray
    within: FloatArray
    replaced: BoolArray


def combine(
    estimates: npt.ArrayLike,
    variances: npt.ArrayLike,
    rule: Rule = "fully-synthetic",
    size_ratio: float = 1.0,
) -> Combined:
    """Combine estimates of m synthetic cohorts.

    Parameters
    ----------
    estimates, variances : shape (m, p), finite; the variances are those of each cohort's own analysis.
    rule : which kind of synthesis the cohorts are of.
    size_ratio : k/n, patients of one synthetic cohort for each of the original.

    Raises
    ------
    UsageError
        Fewer than two cohorts where the rule needs B, a rule that does not exist, or shapes that differ.

    Examples
    --------
    >>> pooled = combine([[1.0], [1.2], [1.4]], [[0.01], [0.01], [0.01]])
    >>> pooled.estimate, pooled.variance.round(4)
    (array([1.2]), array([0.0433]))
    """
    q, u = np.atleast_2d(np.asarray(estimates, float)), np.atleast_2d(np.asarray(variances, float))
    if rule not in RULES:
        raise UsageError(f"There is no combining rule {rule!r}. Rules: {', '.join(RULES)}.")
    if q.shape != u.shape:
        raise UsageError(
            f"The estimates have the shape {q.shape}, their variances {u.shape}; give one for each."
        )
    if size_ratio <= 0:
        raise UsageError(
            f"The size ratio is {size_ratio}; give synthetic patients for each original one, above 0."
        )
    m = len(q)
    if m < 2 and rule != "one-fit":
        raise UsageError(
            f"The rule {rule} needs the spread between cohorts, and there is one cohort. "
            "Give several, or use the rule one-fit if all comes from one fit."
        )
    within = u.mean(axis=0)
    between = q.var(axis=0, ddof=1) if m > 1 else np.zeros_like(within)
    endless = np.full(within.shape, np.inf)
    replaced = np.zeros(within.shape, dtype=bool)
    if rule == "one-fit":
        variance, freedom = within * (size_ratio + 1 / m), endless
    elif rule == "partially-synthetic":
        variance = within + between / m
        with np.errstate(divide="ignore"):
            freedom = (m - 1) * (1 + m * within / between) ** 2
    else:
        spread = (1 + 1 / m) * between
        variance = spread - within
        # B / m is what remains of chance in q when U takes all the rest away; less cannot be.
        replaced = variance < between / m
        variance = np.where(replaced, np.maximum(between / m, size_ratio * within), variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = np.where(replaced, np.inf, (m - 1) * (1 - within / spread) ** 2)
        freedom = np.maximum(freedom, 1.0)
    return Combined(q.mean(axis=0), variance, freedom, between, within, replaced)
