"""What is public and shared by every fit: the prior, its pool of patients with their features, its masks.

Building it takes some seconds and a fit but a few more, so it is kept: hundreds of fits of an audit share
one.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.features import FeatureMap, feature_map
from amlsynth.generators.private.fit import Fit, Pool, deviations, fit, number_of_patients
from amlsynth.generators.private.missing import MaskModel, Masks, MissingFeatures, fit_masks
from amlsynth.generators.private.prior import (
    Prior,
    PriorModel,
    broadened,
    check_prior,
    natural_masks,
    read_prior,
)
from amlsynth.generators.private.sums import Sums, dictionary_hash

MAP_PATIENTS = 20_000  # of the prior, from which the feature map's constants are worked out
_MAP_SEED, _POOL_SEED, _MASK_SEED = 20_240_001, 20_240_002, 20_240_003  # of public draws; any would do

# How far the prior is trusted, in multiples of kappa: effects, associations and the fine shape of
# distributions are alike between cohorts of a disease; survival, the mix of patients and where a distribution
# lies are not. benchmarks/private.md says how this was chosen.
PLACE, SHAPE = 0.25, 2.0
ASSOCIATIONS = ("effects", "pairs", "number-flags")  # blocks of the feature map
FINE_WAVE = 4.0  # beyond which a wave is of the shape
PRIOR_PATIENTS = 100.0  # kappa: how many patients the prior counts for
_KEPT = 2  # models in memory; each takes some 400 MB with the default pool


@dataclass(frozen=True)
class Fitted:
    """A model fitted to a sum: the values' fit, the masks', the estimated number of patients."""

    values: Fit
    masks: MaskModel
    n: float


class PublicModel:
    """The prior with its feature map, pool and masks; get one from `public_model`."""

    def __init__(
        self,
        d: Dictionary,
        prior: Prior,
        not_assessed: frozenset[str],
        pool_size: int,
        panels: Sequence[Sequence[str]] = (),
    ) -> None:
        self.dictionary, self.prior, self.not_assessed, self.pool_size = d, prior, not_assessed, pool_size
        self.panels = panels

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw complete patients of the prior, its shapes of numbers broadened."""
        return broadened(self.prior.draw_complete(n, rng), self.dictionary, rng)

    @cached_property
    def _map_frame(self) -> pd.DataFrame:
        return self.draw(MAP_PATIENTS, np.random.default_rng(_MAP_SEED))

    @cached_property
    def map(self) -> FeatureMap:
        """The feature map; the same for any size of the pool."""
        made = feature_map(self.dictionary, self._map_frame, self.not_assessed)
        check_prior(self._map_frame, made.columns)
        return made

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The pool's patients, complete."""
        more = self.pool_size - MAP_PATIENTS
        if more <= 0:
            return self._map_frame.head(self.pool_size)
        drawn = self.draw(more, np.random.default_rng(_POOL_SEED))
        return pd.concat([self._map_frame, drawn], ignore_index=True)

    @cached_property
    def pool(self) -> Pool:
        """The pool's features; those of missing values are left out, since nothing is missing."""
        return Pool(self.features(self.frame), np.full(len(self.frame), 1.0 / len(self.frame)))

    def features(self, frame: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Return the features of complete patients but those of missing values, shape (n, m), float32."""
        features = np.empty((len(frame), int(self.values.sum())), dtype=np.float32)
        for begin in range(0, len(frame), 10_000):
            part = frame.iloc[begin : begin + 10_000]
            features[begin : begin + len(part)] = self.map.features(part, np.float32)[:, self.values]
        return features

    @cached_property
    def values(self) -> Masks:
        """Which features are of values rather than of what is missing, shape (map.size,)."""
        kept = np.ones(self.map.size, dtype=bool)
        kept[self.map.block_slices["missing"]] = False
        return kept

    @cached_property
    def natural_masks(self) -> Masks:
        """Which units are missing in patients of the prior, shape (patients, units)."""
        rng = np.random.default_rng(_MASK_SEED)
        return natural_masks(self.prior, self.map.columns, MAP_PATIENTS, rng)

    @property
    def declared_masks(self) -> Masks:
        """Which units belong to each declared panel, shape (panels, units); panels of one unit left out."""
        units = self.map.columns.units
        masks: Masks = np.array(
            [[not set(panel).isdisjoint(unit) for unit in units] for panel in self.panels], dtype=bool
        ).reshape(-1, len(units))
        several: Masks = masks[masks.sum(axis=1) > 1]
        return several

    def integers(self, frame: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        """Return the bounded whole numbers that each patient adds to the sum, shape (n, map.size)."""
        return self.map.integers(frame)

    def sum(self, frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the exact sum over the patients of a typed frame, shape (map.size,). It is private."""
        total = np.zeros(self.map.size, dtype=np.int64)
        for begin in range(0, len(frame), 10_000):
            total += self.map.integers(frame.iloc[begin : begin + 10_000]).sum(axis=0)
        return total

    def fit(self, sums: Sums, kappa: float) -> Fitted:
        """Fit masks and values to a noisy sum; it and public input are all that is used."""
        masks = self.fit_masks(sums)
        values = fit(
            self.pool,
            sums.total[self.values],
            sums.sigma,
            kappa=kappa * self._trust,
            n_at_most=sums.patients_at_most,
            shares=self.observed(masks),
        )
        return Fitted(values, masks, values.posterior.n)

    def fit_masks(self, sums: Sums) -> MaskModel:
        """Fit what is missing together."""
        share = self.map.constants["shares"]["missing"]
        return fit_masks(
            MissingFeatures.of(self.map.columns),
            sums.total[self.map.block_slices["missing"]],
            sums.sigma,
            self._noisy_count(sums),
            self.natural_masks,
            float(np.sqrt(share)),
            self.declared_masks,
        )

    def observed(self, masks: MaskModel) -> FloatArray:
        """Return for each feature of values the share of patients in whom it is seen."""
        return masks.observed(self.map.involves[self.values])

    def number_of_patients(self, sums: Sums, shares: FloatArray) -> float:
        """Return the number of patients that the sum lets expect, under the prior."""
        prior = self.pool.moments.observed(shares)
        total = sums.total[self.values]
        before = deviations(prior.covariance, PRIOR_PATIENTS * self._trust)
        return number_of_patients(
            prior.mean, before, prior.covariance, total, sums.sigma, sums.patients_at_most
        )

    @property
    def _trust(self) -> FloatArray:
        """How far the prior is trusted for each feature of values, in multiples of kappa."""
        blocks = np.repeat(list(self.map.sizes), list(self.map.sizes.values()))
        shape = np.isin(blocks, ASSOCIATIONS) | (self.map.waves > FINE_WAVE)
        return np.where(shape, SHAPE, PLACE)[self.values]

    def _noisy_count(self, sums: Sums) -> float:
        """Return the number of patients by the noisy count alone."""
        count = self.map.block_slices["count"].start
        unit = np.sqrt(self.map.constants["shares"]["count"])
        return float(np.clip(sums.total[count] / unit, 1.0, sums.patients_at_most))


_models: OrderedDict[str, PublicModel] = OrderedDict()
_lock = Lock()


def public_model(
    d: Dictionary,
    prior: str,
    prior_model: PriorModel,
    not_assessed: Iterable[str],
    pool_size: int,
    end_of_follow_up: float | None = None,
    panels: Sequence[Sequence[str]] = (),
) -> PublicModel:
    """Return the public model for a prior, made once and kept.

    `panels` are columns that are assessed together or not at all, as the cohort's record declares them.

    Raises
    ------
    UsageError
        There is no such prior.
    """
    source = read_prior(prior, prior_model, d, end_of_follow_up)
    declared = frozenset(not_assessed)
    key = json.dumps(
        [source.description, dictionary_hash(d), sorted(declared), pool_size, [list(p) for p in panels]]
    )
    with _lock:
        if key in _models:
            _models.move_to_end(key)
        else:
            _models[key] = PublicModel(d, source, declared, pool_size, panels)
            while len(_models) > _KEPT:
                _models.popitem(last=False)
        return _models[key]
