"""Log-rank and Cox regression."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from amlsynth.evaluation.effects.cox import cox_regression
from amlsynth.evaluation.family import NotComputable
from amlsynth.evaluation.survival.curves import log_rank_p
from amlsynth.survival.endpoint import EndpointData


def data(time, event):
    return EndpointData("OS", np.asarray(time, float), np.asarray(event, bool), 0)


def test_log_rank_by_hand():
    # Deaths at 1 (first cohort, 2 + 2 at risk) and 2 (second, 1 + 2 at risk): expected in the first
    # 1/2 + 1/3, observed 1, variance 1/4 + 2/9.
    from scipy.stats import chi2

    p = log_rank_p(data([1, 3], [1, 0]), data([2, 3], [1, 0]))
    assert p == pytest.approx(chi2.sf((1 - 5 / 6) ** 2 / (1 / 4 + 2 / 9), 1))


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (data([], []), data([1], [1]), "known OS time"),
        (data([1, 2], [0, 0]), data([3], [0]), "neither cohort has an OS event"),
        (data([1, 2], [0, 0]), data([5, 6], [1, 1]), "no time in common"),
    ],
)
def test_log_rank_gives_a_reason(ours, theirs, reason):
    with pytest.raises(NotComputable, match=reason):
        log_rank_p(ours, theirs)


@pytest.mark.parametrize("covariate", ["binary", "continuous"])
def test_cox_agrees_with_lifelines(covariate):
    rng = np.random.default_rng(4)
    x = (rng.random(250) < 0.3).astype(float) if covariate == "binary" else rng.normal(50, 10, 250)
    time = np.ceil(rng.exponential(20 * np.exp(-0.4 * (x - x.mean()) / x.std())))  # many ties
    event = rng.random(250) < 0.7
    fit = cox_regression(time, event, x)
    frame = pd.DataFrame({"time": time, "event": event, "x": x})
    theirs = CoxPHFitter().fit(frame, "time", "event")
    assert fit.log_hazard_ratio == pytest.approx(theirs.params_["x"], abs=1e-5)
    assert fit.standard_error == pytest.approx(theirs.standard_errors_["x"], rel=1e-4)
    assert fit.p_value == pytest.approx(theirs.summary.loc["x", "p"], rel=1e-3)


def test_cox_refuses_what_has_no_estimate():
    time, event = np.arange(1.0, 9.0), np.ones(8, dtype=bool)
    with pytest.raises(NotComputable, match="one value only"):
        cox_regression(time, event, np.ones(8))
    with pytest.raises(NotComputable, match="no event"):
        cox_regression(time, ~event, np.arange(8))
    with pytest.raises(NotComputable, match="separates"):
        cox_regression(time, event, time <= 4)  # all deaths of one group come first
