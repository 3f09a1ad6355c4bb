"""Measures of the evaluation as scores from 0 (worst) to 1 (best), for the objectives of tuning.

Each takes the real part that the generator was fitted to and a synthetic cohort, and raises `NotComputable`
where the measure does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.effects.effects import MIN_CARRIERS, EffectEstimate, estimate_effects, list_effects
from amlsynth.evaluation.measure_group import EvaluatedCohort, EvaluationContext, NotComputable
from amlsynth.evaluation.prediction.prediction import classification_score
from amlsynth.evaluation.privacy import hamming
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.membership import hamming_scores
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.roc import area_under_curve

_LOST_EFFECT = 3.0  # standard errors at which an effect counts as lost
_BREACH = 0.05  # leakage that the paper takes for a possible breach
_ATTACK = 0.10  # of an attack's AUC over one half, at which nothing is left of the score


def learns(
    synthetic: pd.DataFrame,
    unseen: pd.DataFrame,
    outcome: Callable[[pd.DataFrame], FloatArray],
    d: Dictionary,
) -> float:
    """Matthews correlation, at least 0, of an outcome in unseen patients with what a model of synthetic ones
    predicts.
    """
    return max(0.0, classification_score(synthetic, unseen, outcome, d))


def effects_kept(real: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """How near univariable effects are: log hazard ratios of endpoints and log odds ratios of the response.

    Of the effects that the evaluation lists, those with at least 10 carriers and 10 others in the real part;
    a distance of d standard errors of the difference scores max(0, 1 - d / 3). An effect that the synthetic
    cohort cannot show scores 0.
    """
    effects = [effect for effect in list_effects(real, d) if effect.model == "univariable"]
    ours, theirs = (estimate_effects(frame, effects, d) for frame in (real, synthetic))
    scores = [_nearness(ours[effect], theirs[effect]) for effect in effects if _estimable(ours[effect])]
    if not scores:
        raise NotComputable("no alteration has enough carriers with a known outcome")
    return float(np.mean(scores))


def _estimable(estimate: EffectEstimate) -> bool:
    enough = estimate.carriers is None or MIN_CARRIERS <= estimate.carriers <= estimate.n - MIN_CARRIERS
    return estimate.reason is None and enough


def _nearness(original: EffectEstimate, other: EffectEstimate) -> float:
    if other.reason is not None:
        return 0.0
    distance = abs(original.log_ratio - other.log_ratio) / math.hypot(
        original.standard_error, other.standard_error
    )
    return max(0.0, 1 - distance / _LOST_EFFECT)


def privacy(real: pd.DataFrame, synthetic: pd.DataFrame, unseen: pd.DataFrame, d: Dictionary) -> float:
    """1 for a cohort as far from the patients it was fitted to as from unseen ones; 0 for a leaking one.

    Falls with the privacy leakage coefficient, to 0 at the paper's 0.05, and with the AUC over 1/2 of the
    attack that takes the patients nearest to synthetic ones for members, to 0 at 0.60; the worse counts. A
    copied patient leaves 0.
    """
    cohort, context = EvaluatedCohort("synthetic", synthetic), EvaluationContext(real, unseen, d, seed=0)
    distances = hamming.GROUP.measured(cohort, context)
    leakage = distances["leakage"].value
    if distances["exact_matches"].value or leakage is None:
        return 0.0
    attacked = hamming_scores(AttackData.of(cohort, context))
    area, _ = area_under_curve(attacked.members, attacked.non_members)
    return 1 - min(1.0, max(0.0, leakage / _BREACH, (area - 0.5) / _ATTACK))
