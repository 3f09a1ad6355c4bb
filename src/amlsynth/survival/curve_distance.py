"""How far two Kaplan-Meier curves are from each other: divergence, optimism, short-sightedness.

Source: Norcliffe et al. (SurvivalGAN, arXiv:2302.12749), used in Eckardt et al., npj Digital Medicine 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amlsynth.foundation.errors import NotComputable
from amlsynth.survival.endpoint import EndpointData
from amlsynth.survival.kaplan_meier import KaplanMeier, kaplan_meier

GRID_POINTS = 1000


@dataclass(frozen=True)
class CurveDistance:
    """How a synthetic curve differs from the original's; each is 0 for equal curves.

    divergence : mean |S_syn - S_orig| over the grid, in [0, 1].
    optimism : mean (S_syn - S_orig), in [-1, 1]; positive where synthetic patients live longer.
    short_sightedness : (max T_orig - max T_syn) / max T_orig; positive where follow-up ends earlier.
    """

    divergence: float
    optimism: float
    short_sightedness: float


def curve_distance(original: EndpointData, synthetic: EndpointData) -> CurveDistance:
    """Compare two Kaplan-Meier curves on 1,000 points from 0 to the largest time of either cohort.

    Beyond its last time a curve keeps its last value.

    Raises
    ------
    NotComputable
        One of the two has no patient with a known time, or the original's times are all 0.
    """
    ours, theirs = kaplan_meier(original), kaplan_meier(synthetic)
    if ours.times[-1] <= 0:
        raise NotComputable(f"every {original.name} time of the original is 0")
    return distance_of_curves(ours, theirs)


def distance_of_curves(ours: KaplanMeier, theirs: KaplanMeier) -> CurveDistance:
    """Compare the original's curve, whose times are not all 0, with another; see `curve_distance`."""
    end_ours, end_theirs = float(ours.times[-1]), float(theirs.times[-1])
    grid = np.linspace(0.0, max(end_ours, end_theirs), GRID_POINTS)
    difference = theirs.at(grid) - ours.at(grid)
    return CurveDistance(
        divergence=float(np.abs(difference).mean()),
        optimism=float(difference.mean()),
        short_sightedness=(end_ours - end_theirs) / end_ours,
    )
