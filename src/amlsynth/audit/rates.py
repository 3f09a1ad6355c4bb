"""What an attack's scores prove: rates at few false positives, and lower bounds of epsilon.

Under (epsilon, delta) differential privacy for adding or removing one patient no test of membership has more
true positives than e^epsilon times its false positives, plus delta (Wasserman and Zhou, JASA 2010;105:375).
Rates that were counted therefore bound epsilon from below, with Clopper-Pearson limits in the place of the
rates (Nasr et al., IEEE S&P 2021, arXiv:2101.04535; Annamalai et al., USENIX Security 2024,
arXiv:2405.10994).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amlsynth.evaluation.records import Figure
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.statistics.roc import area_under_curve
from amlsynth.statistics.wald import Z95

CONFIDENCE = 0.95
DECIMALS = 4
# Shares of the scores above which membership is claimed. They are set before any membership is looked at, and
# paid for as so many tests.
_CLAIMED = (0.05, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95)
_GUESSED = (0.01, 0.05, 0.2, 1.0)  # shares of the memberships that are guessed, the surest first


def clopper_pearson(successes: int, n: int, alpha: float) -> tuple[float, float]:
    """Return one-sided exact limits of a rate, lower and upper, each missed with probability `alpha`.

    Source: Clopper and Pearson, Biometrika 1934;26:404.
    """
    beta = _stats().beta
    low = float(beta.ppf(alpha, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - alpha, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


def epsilon_of_rates(
    true_positives: int, members: int, false_positives: int, others: int, alpha: float, delta: float = 0.0
) -> float:
    """Return a lower bound of epsilon that holds with probability 1 - 2 alpha, at least 0.

    Both directions count: members who are claimed, and others who are cleared.
    """
    claimed, _ = clopper_pearson(true_positives, members, alpha)
    _, accused = clopper_pearson(false_positives, others, alpha)
    bounds = [0.0]
    for rate, of in ((claimed, accused), (1 - accused, 1 - claimed)):
        if rate > delta and of > 0:
            bounds.append(math.log((rate - delta) / of))
    return max(bounds)


def epsilon_of_target(scores: FloatArray, member: BoolArray, tests: int = 1, delta: float = 0.0) -> float:
    """Return a lower bound of epsilon from the scores of one target over the releases.

    Parameters
    ----------
    scores, member : shape (releases,): the score, and whether the target was in the training cohort.
    tests : among how many targets this one is looked at; the bound holds for the worst of them with a
        confidence of 95 %.
    """
    members, others = int(member.sum()), int((~member).sum())
    if not members or not others:
        return 0.0
    # Two limits at each threshold, at each of which one may go wrong.
    alpha = (1 - CONFIDENCE) / (2 * tests * len(_CLAIMED))
    bounds = []
    for share in _CLAIMED:
        claimed = scores > np.quantile(scores, 1 - share)
        bounds.append(
            epsilon_of_rates(
                int((claimed & member).sum()), members, int((claimed & ~member).sum()), others, alpha, delta
            )
        )
    return max(bounds)


def epsilon_of_guesses(scores: FloatArray, member: BoolArray) -> float:
    """Return a lower bound of epsilon from all targets of all releases together.

    Parameters
    ----------
    scores, member : shape (releases, targets); above 0 a score says that the target was in.

    Notes
    -----
    Memberships of several targets in one release are independent coins, so the number of right guesses is
    stochastically at most binomial with the share e^epsilon / (1 + e^epsilon) (Steinke, Nasr, Jagielski,
    NeurIPS 2023, arXiv:2305.08846, theorem 5.2 with delta 0). Only the surest are guessed; each share of them
    is a test.
    """
    sure, right = np.abs(scores).ravel(), ((scores > 0) == member).ravel()
    order = np.argsort(-sure, kind="stable")
    bounds = [0.0]
    for share in _GUESSED:
        guesses = max(1, round(share * len(order)))
        low, _ = clopper_pearson(int(right[order[:guesses]].sum()), guesses, (1 - CONFIDENCE) / len(_GUESSED))
        if 0.5 < low < 1:
            bounds.append(math.log(low / (1 - low)))
    return max(bounds)


def auc_figure(scores: FloatArray, member: BoolArray, tests: int = 1) -> Figure:
    """Return the area under the ROC curve of one target's scores with DeLong's 95 % interval.

    Parameters
    ----------
    scores, member : shape (releases,). tests : among how many targets this one is looked at, for which the
        interval is widened.

    Notes
    -----
    Where members and others are told apart without exception DeLong's variance is 0; the interval is then
    that of so many successes without a failure.
    """
    area, variance = area_under_curve(scores[member], scores[~member])
    alpha = (1 - CONFIDENCE) / (2 * tests)
    half = -float(_stats().norm.ppf(alpha)) * math.sqrt(variance)
    low, high = max(0.0, area - half), min(1.0, area + half)
    if variance <= 0:
        fewer = int(min(member.sum(), (~member).sum()))
        low, _ = clopper_pearson(fewer, fewer, alpha)
    return _figure(area, low, high)


def sure_hits(scores: FloatArray, member: BoolArray, tests: int) -> bool:
    """Return whether a target is found with certainty, scores and memberships of shape (releases,).

    That is when a quarter of the releases with the target score higher than every release without, and so
    many in a row would come by chance in fewer than 5 % of audits with so many tests.
    """
    hits = int((scores[member] > scores[~member].max()).sum())
    chance = float(
        np.exp(
            np.log(
                np.arange(member.sum() - hits + 1, member.sum() + 1)
                / np.arange(len(member) - hits + 1, len(member) + 1)
            ).sum()
        )
    )
    return hits >= member.sum() / 4 and chance * tests < 1 - CONFIDENCE


def mean_auc(scores: FloatArray, member: BoolArray, rng: np.random.Generator, resamples: int = 200) -> Figure:
    """Return the mean over targets of their AUC; the 95 % interval is a bootstrap of the releases.

    Parameters
    ----------
    scores, member : shape (releases, targets).
    """
    value = float(np.mean(_areas(scores, member)))
    draws = []
    for _ in range(resamples):
        rows = rng.integers(0, len(scores), len(scores))
        areas = _areas(scores[rows], member[rows])
        draws.append(float(np.nanmean(areas)))
    spread = Z95 * float(np.std(draws, ddof=1))
    return _figure(value, max(0.0, value - spread), min(1.0, value + spread))


def _areas(scores: FloatArray, member: BoolArray) -> FloatArray:
    """Return the area of each target, shape (targets,); NaN where all or none are members."""
    ranks = _stats().rankdata(scores, axis=0)
    inside = member.sum(axis=0)
    outside = len(member) - inside
    total = np.where(member, ranks, 0.0).sum(axis=0) - inside * (inside + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: FloatArray = np.where((inside > 0) & (outside > 0), total / (inside * outside), np.nan)
    return areas


def true_positives(scores: FloatArray, member: BoolArray, at: float) -> Figure:
    """Return the share of members found where a share `at` of the others is accused, shape of both any.

    The threshold is the score that at most that share of the others exceeds. The interval is Clopper and
    Pearson's for the threshold as it is.
    """
    inside, outside = scores[member], np.sort(scores[~member])
    allowed = math.floor(at * len(outside))
    threshold = outside[len(outside) - 1 - allowed]
    hits = int((inside > threshold).sum())
    low, high = clopper_pearson(hits, len(inside), (1 - CONFIDENCE) / 2)
    return _figure(hits / len(inside), low, high)


def _figure(value: float, low: float, high: float) -> Figure:
    value, low, high = (round(float(number), DECIMALS) + 0.0 for number in (value, low, high))
    return Figure(value=value, low=min(low, value), high=max(high, value))


def _stats() -> Any:
    return require_extra("generate", "scipy.stats", "An audit")
