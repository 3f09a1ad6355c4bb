"""Do the effects pooled over replicates agree with the original's, as intervals?

An interval of one synthetic cohort says nothing of how well the generator knew the effect, so that its
overlap with the original's is no figure to trust. What is pooled over replicates is meant to hold, and is
compared here: every effect that the original has enough patients for.

Source of the overlap: Karr, Kohnen, Oganian, Reiter and Sanil, Am Stat 2006;60:224-232.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation.comparisons import rounded
from amlsynth.evaluation.effects.effects import EffectEstimate, estimate_effects, list_effects
from amlsynth.evaluation.records import Figure, PooledEffects
from amlsynth.foundation.types import FloatArray
from amlsynth.inference.estimates import Estimate
from amlsynth.inference.pool import pool


def pooled_effects(
    original: pd.DataFrame, replicates: Sequence[pd.DataFrame], d: Dictionary, rule: DisclosureRule
) -> PooledEffects:
    """Compare effects pooled over two or more replicates with those of the original.

    Parameters
    ----------
    original, replicates : typed frames of the dictionary `d`.
    rule : by which the figures are rounded.
    """
    effects = list_effects(original, d)
    ours = estimate_effects(original, effects, d)
    theirs = [estimate_effects(frame, effects, d) for frame in replicates]
    shared = [
        effect
        for effect in effects
        if not ours[effect].reason and not any(found[effect].reason for found in theirs)
    ]
    patients = len(replicates[0])
    if not shared:
        nothing = Figure(reason="no effect can be estimated in the original and in every replicate")
        return PooledEffects(
            replicates=len(replicates),
            patients=patients,
            effects=0,
            overlap=nothing,
            covering=nothing,
            width=nothing,
        )
    table = pool(
        [[_named(str(k), found[effect]) for k, effect in enumerate(shared)] for found in theirs],
        size_ratio=patients / len(original),
    )
    own = np.array([ours[effect].interval for effect in shared])
    pooled = table[["lower", "upper"]].to_numpy(np.float64)
    middle = own.mean(axis=1)
    covered = (pooled[:, 0] <= middle) & (middle <= pooled[:, 1])
    width = np.diff(pooled)[:, 0] / np.diff(own)[:, 0]

    def shown(value: float) -> Figure:
        return rounded(Figure(value=float(value)), rule)

    return PooledEffects(
        replicates=len(replicates),
        patients=patients,
        effects=len(shared),
        overlap=shown(interval_overlap(own, pooled).mean()),
        covering=shown(covered.mean()),
        width=shown(float(np.median(width))),
    )


def interval_overlap(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the mean share of two intervals that they have in common, 0 where none; shape (n, 2) to (n,).

    Examples
    --------
    >>> interval_overlap(np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 3.0], [2.0, 3.0]]))
    array([0.5, 0. ])
    """
    common = np.minimum(one[:, 1], other[:, 1]) - np.maximum(one[:, 0], other[:, 0])
    shares = [np.maximum(common, 0.0) / (ends[:, 1] - ends[:, 0]) for ends in (one, other)]
    mean: FloatArray = np.mean(shares, axis=0)
    return mean


def _named(name: str, found: EffectEstimate) -> Estimate:
    return Estimate(name, found.log_ratio, found.standard_error, "log")
