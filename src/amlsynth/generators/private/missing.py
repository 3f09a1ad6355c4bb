"""Missing values: their own features in the sum, and their own small model beside that of the values.

Which values are missing is taken to be unrelated to what they would have been (missing completely at random):
a sum of nine hundred numbers cannot tell more. So the model of a patient is a complete patient, and a mask
drawn by itself that hides some of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amlsynth.generators.private.patients import Columns, FloatArray

Masks = npt.NDArray[np.bool_]

MASKS = 20_000  # in the pool of masks
_GROUP_WEIGHT = 0.5  # of a group against its units
_OVERLAID = 0.5  # share of them with a block hidden beyond what the prior hides
_OVERLAID_WEIGHT = 0.1  # what these weigh together in the prior: panels fail, but not often


@dataclass(frozen=True)
class MissingFeatures:
    """What is summed about missing values.

    For each unit whether it is missing, and for each group of the dictionary whether anything in it is. A
    patient with anything missing is clipped to norm 1, so that one missing value is told sharply, and which
    values are missing together by how little each then counts.

    Attributes
    ----------
    groups : for each unit the position of its group, shape (units,).
    """

    groups: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: Columns) -> MissingFeatures:
        d = columns.dictionary
        # An endpoint is a group of its own: it has little to do with another variable of its group.
        names = [d[unit[0]].group if len(unit) == 1 else unit[0] for unit in columns.units]
        order = list(dict.fromkeys(names))
        return cls(np.array([order.index(name) for name in names], dtype=np.int64))

    def features(self, missing: Masks) -> FloatArray:
        """Return the features of masks, shape (n, groups + units)."""
        member = (self.groups[:, None] == np.arange(self.groups.max() + 1)[None, :]).astype(np.float64)
        hidden = missing.astype(np.float64)
        touched = hidden @ member > 0
        return np.hstack([_GROUP_WEIGHT * touched, hidden])


def mask_pool(
    natural: Masks, groups: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Masks, FloatArray]:
    """Return masks as they could be, with their weights in the prior.

    Half are the prior's own. Half have one more block hidden, a group of the dictionary or what is missing
    together in the prior, as a whole or in a random part, so that the fit finds the patterns that it needs.

    Parameters
    ----------
    natural : masks that the prior shows, shape (k, units); may be all False.
    groups : the position of each unit's group, shape (units,).

    Returns
    -------
    different masks, shape (k, units), and their weights, shape (k,), which add up to 1.
    """
    rows = rng.integers(len(natural), size=MASKS)
    masks = natural[rows].copy()
    overlaid = round(MASKS * _OVERLAID)
    together = natural[natural.sum(axis=1) > 1]
    blocks = groups[None, :] == rng.integers(groups.max() + 1, size=overlaid)[:, None]
    if len(together):
        from_prior = rng.random(overlaid) < 0.5
        blocks = np.where(from_prior[:, None], together[rng.integers(len(together), size=overlaid)], blocks)
    kept = rng.choice([1.0, 0.75, 0.5, 0.1], size=overlaid)
    masks[:overlaid] |= blocks & (rng.random(blocks.shape) < kept[:, None])
    weights = np.full(MASKS, (1 - _OVERLAID_WEIGHT) / (MASKS - overlaid))
    weights[:overlaid] = _OVERLAID_WEIGHT / overlaid
    different, position = np.unique(masks, axis=0, return_inverse=True)
    shares: FloatArray = np.bincount(position.ravel(), weights=weights).astype(np.float64)
    return different, shares


def observed_shares(masks: Masks, weights: FloatArray, involves: Masks) -> FloatArray:
    """Return the share of patients in whom all units that a feature needs are known, shape (features,)."""
    hidden = masks.astype(np.float32) @ involves.T.astype(np.float32) > 0
    return 1.0 - weights @ hidden
