"""Times drawn from Cox models, mapped such that their marginal distribution is the Kaplan-Meier curve."""

from __future__ import annotations

import numpy as np

from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.survival.cox import CoxFit, relative_hazard
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import kaplan_meier

Ints = IntArray

_KNOTS = 400  # of a curve, at quantiles of the event times
_AVERAGED = 5000  # patients that a model's marginal curve is averaged over, at most


class Calibration:
    """Maps times of competing Cox models so that the first of them is distributed as observed.

    Parameters
    ----------
    time, event, stratum : the observed times, shape (n,); `event` of any kind.
    models : the models with their features, shape (n, p).
    """

    def __init__(
        self, time: FloatArray, event: BoolArray, stratum: Ints, models: list[tuple[CoxFit, FloatArray]]
    ) -> None:
        self._curves: dict[int, tuple[FloatArray, FloatArray, FloatArray]] = {}
        for number in np.unique(stratum[event]):
            rows = np.flatnonzero(stratum == number)
            observed = np.unique(time[rows][event[rows]])
            if len(observed) > _KNOTS:
                observed = np.unique(np.quantile(observed, np.linspace(0, 1, _KNOTS), method="nearest"))
            averaged = rows[:: max(1, len(rows) // _AVERAGED)]
            cumulative = np.zeros((len(observed), len(averaged)))
            for model, features in models:
                if int(number) in model.baselines:
                    baseline = model.baselines[int(number)].at(observed)
                    cumulative += baseline[:, None] * relative_hazard(features[averaged] @ model.beta)
            expected = np.exp(-cumulative).mean(axis=1)
            curve = kaplan_meier(EndpointData("observed", time[rows], event[rows]))
            self._curves[int(number)] = (observed, expected, curve.at(observed))

    def map(self, times: FloatArray, stratum: Ints, rng: np.random.Generator) -> FloatArray:
        """Return the times at which the observed curve is where the model's was.

        Times beyond the model's last event have any level below its curve's end; infinity is returned where
        the observed curve does not come down to the level.
        """
        mapped = np.full(len(times), np.inf)
        for number, (observed, expected, survival) in self._curves.items():
            rows = np.flatnonzero(stratum == number)
            level = np.interp(times[rows], np.append(0.0, observed), np.append(1.0, expected))
            beyond = np.isinf(times[rows])
            level[beyond] = rng.uniform(0.0, expected[-1], beyond.sum())
            # A fall of the curve is spread to both sides of its time, half way to its neighbours.
            half_way = np.append((observed[:-1] + observed[1:]) / 2, observed[-1])
            knots = np.append(observed[0] / 2, half_way)
            time = np.interp(-level, -np.append(1.0, survival), knots)
            mapped[rows] = np.where(level < survival[-1], np.inf, time)
        return mapped
