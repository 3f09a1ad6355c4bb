"""Replicates of the generator with a guarantee: from the noisy sum alone, they vary as it lets them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from amlsynth.generators.base import TrainingPart
from amlsynth.generators.private.fit import Pool, fit
from amlsynth.generators.private.generator import Private


def test_replicates_come_from_the_sum_alone(fitted: Private, reference: pd.DataFrame) -> None:
    none = reference.head(0)
    nobody = TrainingPart(none, none, None, "nobody")
    before = fitted.model
    one, again, two = (fitted.replicate(nobody, np.random.default_rng(seed)) for seed in (1, 1, 2))
    frames = [model.sample(200, np.random.default_rng(5)) for model in (one, again, two)]
    assert frames[0].equals(frames[1]) and not frames[0].equals(frames[2])
    assert one.sums_files == fitted.sums_files and fitted.model is before
    # Drawn means lie about the fitted ones as far as the posterior says.
    posterior = before.values.posterior
    drawn = np.array([model.model.values.posterior.mean for model in (one, two)])
    spread = np.sqrt(np.maximum(np.diag(posterior.covariance), 0.0))
    z = (drawn - posterior.mean)[:, spread > 1e-6] / spread[spread > 1e-6]
    assert 0.7 < float((z**2).mean()) < 1.3


def test_drawn_tilts_vary_as_much_as_the_posterior_says() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(8_000, 12)) @ (np.eye(12) + 0.2 * rng.normal(size=(12, 12)))
    features = np.hstack([np.ones((8_000, 1)), features]).astype(np.float32)
    pool = Pool(features, np.full(8_000, 1 / 8_000))
    sigma = 300.0  # so that the noise is most of what is not known
    total = features[:1_600].sum(axis=0).astype(np.float64) + rng.normal(0, sigma, 13)
    fitted = fit(pool, total, sigma, kappa=np.full(13, 50.0), n_at_most=2_000)
    weights = [fitted.redrawn(pool, np.random.default_rng(k)).tilted.weights for k in range(25)]
    means = np.array([w @ features for w in weights])[:, 1:]
    ratio = means.var(axis=0, ddof=1) / np.diag(fitted.posterior.covariance)[1:]
    assert 0.8 < float(ratio.mean()) < 1.2


def test_who_is_drawn_alone_in_the_place_of_one_that_repeated_is_moved(
    fitted: Private, reference: pd.DataFrame
) -> None:
    """A patient of the pool with most of the weight would else come back as he was, however often drawn."""
    none = reference.head(0)
    model = fitted.replicate(TrainingPart(none, none, None, "nobody"), np.random.default_rng(1))
    values, months = model.model.values, fitted.public.frame["OSTM"].astype(float).to_numpy()
    weights = np.full(len(months), 1e-9)
    weights[np.argsort(months)[len(months) // 2]] = 1.0
    heavy = replace(values, tilted=replace(values.tilted, weights=weights / weights.sum()))
    model._model = replace(model.model, values=heavy)
    drawn = [model.sample(1, np.random.default_rng(seed)) for seed in range(20)]
    assert len({float(frame["OSTM"].iloc[0]) for frame in drawn}) > 10
    assert not model.sample(100, np.random.default_rng(5)).duplicated().any()
