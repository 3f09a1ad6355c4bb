"""The validation score of a training: how like the training patients a sample is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import NotComputable
from amlsynth.statistics.associations import log_correlation_score
from amlsynth.statistics.coverage import regularized_support_coverage
from amlsynth.survival.curve_distance import curve_distance
from amlsynth.survival.endpoint import endpoint_data


def likeness(train: pd.DataFrame, drawn: pd.DataFrame, d: Dictionary) -> float:
    """Return the mean of support coverage, log-correlation score and the endpoints' Kaplan-Meier scores.

    In [0, 1], 1 is best; NaN where none can be computed. It looks at training patients only.

    Parameters
    ----------
    train, drawn : typed frames of training and of generated patients.
    """
    measures: list[Callable[[], float]] = [
        lambda: regularized_support_coverage(train, drawn, d),
        lambda: log_correlation_score(train, drawn, d),
    ]
    for endpoint in d.endpoints:
        ours, theirs = endpoint_data(train, endpoint), endpoint_data(drawn, endpoint)
        measures.append(lambda a=ours, b=theirs: 1 - curve_distance(a, b).divergence)  # type: ignore[misc]
    scores = []
    for measure in measures:
        try:
            scores.append(measure())
        except NotComputable:
            continue
    return float(np.mean(scores)) if scores else float("nan")
