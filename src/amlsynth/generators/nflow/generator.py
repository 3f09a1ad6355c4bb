"""A normalizing flow over covariates, event pattern and both time-to-event endpoints.

An autoregressive flow (Papamakarios et al., arXiv:1705.07057) whose pieces are an affine transform and a
rational-quadratic spline (neural spline flows, Durkan et al., arXiv:1906.04032), on the columns of
`dequantise`. With x the columns in their order and c_j = what is known of x_1 ... x_{j-1}:

    u_j = g_j(x_j; c_j) = RQS(exp(s_j) * x_j + b_j; theta_j),   u_j ~ N(0, 1),   (b, s, theta)_j = NN_j(c_j)

The networks of all columns are one masked network (MADE), with a linear part beside a small perceptron. They
read the states of discrete columns, and not the noise that dequantises these. So this noise integrates out:
the likelihood of yes or no is the mass of its half line, Phi(g_j(t_j)) or 1 - Phi(g_j(t_j)) with t_j the
threshold, and the bound that variational dequantisation (Ho et al., arXiv:1902.00275) tightens is exact. On a
half line a spline adds nothing to the shift, so binary columns have only that.

All outputs start at 0, the marginals; a normal prior on the weights and early stopping keep a thousand
patients from being memorised. After training, each column's own samples are mapped by rank to its marginal
again, one after the other, so that errors do not add up along the order (`calibration`).

The defaults were chosen among about twenty settings by the likelihood of hold-outs of the AMLSG cohort (split
seeds 101 to 103), and not by any measure of the evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray, IntArray, Progress
from amlsynth.generators.base import Generator
from amlsynth.generators.building_blocks.neural import pick_device
from amlsynth.generators.building_blocks.normal_scores import score_of
from amlsynth.generators.nflow.dequantise import PartialSample
from amlsynth.generators.nflow.layout import Layout
from amlsynth.generators.nflow.params import Params
from amlsynth.model_space.encoding import Encoded

if TYPE_CHECKING:
    from amlsynth.generators.nflow.network import Network

_CALIBRATION = 20_000  # patients drawn for the rank maps
_SHARES = np.concatenate(([5e-4], np.linspace(0.002, 0.998, 499), [1 - 5e-4]))  # points of a rank map
_FEWEST = 200  # samples, at least, for a rank map


class NFlow(Generator):
    """An autoregressive neural spline flow on dequantised states, event pattern and both endpoints.

    It hides no single patients: a state, event pattern or missing value that only one has can come out.
    """

    name = "nflow"
    summary = "normalizing flow with event pattern and both endpoints (torch, zuko)"
    minimum_patients = 50
    quick_params: ClassVar[Mapping[str, Any]] = {
        "epochs": 3,
        "width": 0,
        "refit": False,
        "calibration": False,
        "device": "cpu",
    }
    Params = Params

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        self._device = pick_device(self.params.device)
        require_extra("neural", "zuko", "The generator nflow")
        from amlsynth.generators.nflow.training import trained

        self._layout = Layout(train, self.dictionary)
        self._maps: dict[int, _RankMap] = {}
        self._network: Network | None = None
        if not self._layout.columns:  # nothing varies
            return
        complete = self._layout.sample_of(train)
        self._network = trained(self._layout, complete, self.params, self._device, rng, progress)
        if self.params.calibration:
            self._draw(_CALIBRATION, rng, calibrate=True)

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        return self._layout.encoded(self._draw(n, rng))

    def _draw(self, n: int, rng: np.random.Generator, calibrate: bool = False) -> PartialSample:
        """Draw n patients column by column; `calibrate` makes each column's rank map on the way."""
        sample = self._layout.empty_sample(n)
        if self._network is None:
            return sample
        import torch

        features = torch.zeros((n, len(self._layout.columns)), device=self._device)
        units = self._network.no_units(n)
        for place, column in enumerate(self._layout.columns):
            # Noise comes from numpy, so that a seed means the same on every device.
            noise = torch.from_numpy(rng.standard_normal(n, dtype=np.float32)).to(self._device)
            latent = self._network.invert(place, features, noise, units).cpu().numpy().astype(np.float64)
            drawn = column.known(sample)
            group = column.group(sample)
            if calibrate:
                self._maps[place] = _RankMap.of(latent[drawn], group[drawn])
            if place in self._maps:
                latent = self._maps[place].scores(latent, group)
            values = column.write(sample, drawn, latent)
            features[:, place] = torch.from_numpy(values.astype(np.float32)).to(self._device)
        return sample


@dataclass(frozen=True)
class _RankMap:
    """What a column's own samples look like: their quantiles at `_SHARES`, by group."""

    quantiles: dict[int, FloatArray]

    @classmethod
    def of(cls, latent: FloatArray, group: IntArray) -> Self:
        quantiles = {}
        for number in np.unique(group).tolist():
            samples = latent[group == number]
            if len(samples) >= _FEWEST:
                quantiles[number] = np.quantile(samples, _SHARES)
        return cls(quantiles)

    def scores(self, latent: FloatArray, group: IntArray) -> FloatArray:
        """Return scores that are standard normal in each group; groups without a map stay as they are."""
        mapped = latent.copy()
        for number, quantiles in self.quantiles.items():
            rows = group == number
            mapped[rows] = np.interp(latent[rows], quantiles, score_of(_SHARES))
        return mapped
