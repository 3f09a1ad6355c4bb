"""What the objectives measure beside the evaluation's own formulas, quick enough for every trial.

Frames are coded as in `evaluation.coding`; every function takes the real part that the generator was fitted
to and a synthetic cohort of the same size, and returns a score from 0 (worst) to 1 (best).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import EvaluationContext, NotComputable
from amlsynth.evaluation.outcomes import known_at_diagnosis
from amlsynth.evaluation.privacy.hamming import Partition, count_exact_matches, minimum_distances
from amlsynth.foundation.errors import require_extra
from amlsynth.statistics.coding import CohortCoding, Floats, category_codes, numbers
from amlsynth.statistics.roc import area_under_curve
from amlsynth.survival.cox import cox_fit
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.logistic import logistic_fit

MISSING = -1.0  # of a number, for trees; smaller than every value
MIN_CARRIERS = 10  # of an effect's rarer group
_PATIENCE = 3.0  # standard errors at which an effect counts as lost
_BREACH = 0.05  # leakage that the paper takes for a possible breach
_ATTACK = 0.10  # of an attack's AUC over one half, at which nothing is left of the score
CLUSTERS = 10  # as in the authors' pipeline
TWO_YEARS = 24.0  # months; survival to then is what the authors' pipeline predicts


def features(frame: pd.DataFrame, d: Dictionary, without: frozenset[str] = frozenset()) -> Floats:
    """Return a cohort as numbers for trees, shape (n, columns): codes, and numbers with NA as -1."""
    columns = [
        category_codes(frame[v.name], v).astype(np.float64)
        if v.is_categorical
        else np.nan_to_num(numbers(frame[v.name]), nan=MISSING)
        for v in d.variables
        if v.name not in without
    ]
    return np.column_stack(columns)


def indistinguishable(real: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, seed: int) -> float:
    """1 - 2 (AUC - 1/2), at most 1, of a random forest's out-of-bag votes for real against synthetic."""
    forest = _forest(seed, oob=True)
    x = np.vstack((features(real, d), features(synthetic, d)))
    y = np.repeat([0, 1], (len(real), len(synthetic)))
    votes = forest.fit(x, y).oob_decision_function_[:, 1]
    votes = np.nan_to_num(votes, nan=0.5)
    return 1 - 2 * max(0.0, area_under_curve(votes[y == 1], votes[y == 0])[0] - 0.5)


def discriminator(real: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, seed: int) -> float:
    """1 - 2 (accuracy - 1/2) of a random forest on a fifth kept apart, as in the authors' pipeline."""
    rng = np.random.default_rng(seed)
    x = np.vstack((features(real, d), features(synthetic, d)))
    y = np.repeat([0, 1], (len(real), len(synthetic)))
    order = rng.permutation(len(y))
    test, train = np.split(order, [round(len(y) / 5)])
    accuracy = float((_forest(seed).fit(x[train], y[train]).predict(x[test]) == y[test]).mean())
    return 1 - 2 * max(0.0, accuracy - 0.5)


def cluster_coverage(real: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, seed: int) -> float:
    """Mean over 10 k-means clusters of the real part of min(1, synthetic over real patients in it)."""
    cluster = require_extra("generate", "sklearn.cluster", "The paper's k-means score")
    coding = CohortCoding(real, d, binned=False)
    numeric = [v.name for v in d.variables if not v.is_categorical]
    values = np.column_stack([numbers(real[name]) for name in numeric])
    with np.errstate(all="ignore"):
        known = ~np.isnan(values)
        mean = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
        spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / np.maximum(known.sum(0), 1))

    def placed(frame: pd.DataFrame) -> Floats:
        raw = np.column_stack([numbers(frame[name]) for name in numeric])
        scaled = np.where(np.isnan(raw), 0.0, raw - mean) / np.where(spread > 0, spread, 1.0)
        return np.hstack((coding.one_hot(coding.encode(frame)), scaled))

    count = min(CLUSTERS, len(real))
    model = cluster.KMeans(n_clusters=count, n_init=3, random_state=seed).fit(placed(real))
    ours = np.bincount(model.labels_, minlength=count)
    theirs = np.bincount(model.predict(placed(synthetic)), minlength=count)
    filled = ours > 0
    ratio = theirs[filled] / ours[filled] * len(real) / len(synthetic)
    return float(np.minimum(ratio, 1.0).mean())


def learns_response(
    synthetic: pd.DataFrame, unseen: pd.DataFrame, response: str, d: Dictionary, seed: int
) -> float:
    """Matthews correlation of the response in unseen patients with what a model of synthetic ones says."""
    return _learns(synthetic, unseen, lambda frame: numbers(frame[response]), d, seed)


def learns_two_years(synthetic: pd.DataFrame, unseen: pd.DataFrame, d: Dictionary, seed: int) -> float:
    """As `learns_response`, for overall survival of less than 24 months; censored patients count as they do
    in the authors' pipeline, by their time alone.
    """
    column = d.terminal.time

    def shorter(frame: pd.DataFrame) -> Floats:
        time = numbers(frame[column])
        return np.where(np.isnan(time), np.nan, time < TWO_YEARS)

    return _learns(synthetic, unseen, shorter, d, seed)


def _learns(
    synthetic: pd.DataFrame,
    unseen: pd.DataFrame,
    label: Callable[[pd.DataFrame], Floats],
    d: Dictionary,
    seed: int,
) -> float:
    ensemble = require_extra("generate", "sklearn.ensemble", "The paper's usability score")
    outcome = frozenset(d.names) - frozenset(known_at_diagnosis(d))
    sets = []
    for frame in (synthetic, unseen):
        y = label(frame)
        sets.append((features(frame, d, outcome)[~np.isnan(y)], y[~np.isnan(y)] == 1))
    (x, y), (x_unseen, truth) = sets
    if truth.size == 0 or truth.all() or not truth.any():
        raise NotComputable("the unseen patients are all of one outcome, so nothing can be predicted of it")
    if y.size == 0 or y.all() or not y.any():
        return 0.0  # a model of one outcome predicts nothing
    model = ensemble.HistGradientBoostingClassifier(max_iter=60, max_depth=4, random_state=seed).fit(x, y)
    return max(0.0, _matthews(truth, model.predict(x_unseen)))


def _matthews(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> float:
    a, b, c, e = (float((truth == t)[guess == g].sum()) for t, g in ((1, 1), (1, 0), (0, 1), (0, 0)))
    product = math.sqrt((a + b) * (a + c) * (e + b) * (e + c))
    return (a * e - b * c) / product if product else 0.0


def effects_kept(real: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary) -> float:
    """How near univariable effects are: log hazard ratios of endpoints and log odds ratios of the response.

    Of the numbers that the dictionary names and of each alteration with at least 10 carriers and 10 others in
    the real part; a distance of d standard errors of the difference scores max(0, 1 - d / 3). An effect that
    the synthetic cohort cannot show scores 0.
    """
    numeric = [number.variable for number in d.roles.effect_numbers]
    outcomes = [endpoint.name for endpoint in d.endpoints]
    outcomes += [] if d.roles.response is None else [d.roles.response.name]
    scores: list[float] = []
    for name in [*numeric, *(v.name for v in d.alterations)]:
        x = numbers(real[name])
        if name not in numeric and min((x == 1).sum(), (x == 0).sum()) < MIN_CARRIERS:
            continue
        for outcome in outcomes:
            try:
                ours = _effect(real, name, outcome, d)
            except NotComputable:
                continue
            try:
                theirs = _effect(synthetic, name, outcome, d)
            except NotComputable:
                scores.append(0.0)
                continue
            distance = abs(ours[0] - theirs[0]) / math.hypot(ours[1], theirs[1])
            scores.append(max(0.0, 1 - distance / _PATIENCE))
    if not scores:
        raise NotComputable("no alteration has enough carriers with a known outcome")
    return float(np.mean(scores))


def _effect(frame: pd.DataFrame, name: str, outcome: str, d: Dictionary) -> tuple[float, float]:
    """Return a log hazard or odds ratio and its standard error."""
    x = numbers(frame[name])
    response = d.roles.response
    if response is None or outcome != response.name:
        kept = ~np.isnan(x)
        data = endpoint_data(frame, d.endpoint(outcome))
        time, status = numbers(frame[d.endpoint(outcome).time]), numbers(frame[d.endpoint(outcome).status])
        kept &= (time >= 0) & ~np.isnan(status)
        if data.n == 0 or not kept.any():
            raise NotComputable(f"no patient has a known {outcome}")
        fit = cox_fit(time[kept], status[kept] == 1, x[kept])
        return float(fit.beta[0]), float(fit.standard_errors[0])
    y = numbers(frame[response.variable])
    kept = ~np.isnan(x) & ~np.isnan(y)
    if not d[name].is_categorical:
        if not kept.any():
            raise NotComputable(f"no patient has a known {outcome}")
        odds = logistic_fit(y[kept] == 1, x[kept])
        return float(odds.beta[0]), float(odds.standard_errors[0])
    table = [((x == i) & (y == j) & kept).sum() + 0.5 for i in (1, 0) for j in (1, 0)]  # Haldane, Anscombe
    if min(table[0] + table[1], table[2] + table[3], table[0] + table[2], table[1] + table[3]) < 2:
        raise NotComputable("one group only")
    return math.log(table[0] * table[3] / (table[1] * table[2])), math.sqrt(sum(1 / t for t in table))


def privacy(real: pd.DataFrame, synthetic: pd.DataFrame, unseen: pd.DataFrame, d: Dictionary) -> float:
    """1 for a cohort as far from the patients it was fitted to as from unseen ones; 0 for a leaking one.

    Falls with the privacy leakage coefficient, to 0 at the paper's 0.05, and with the AUC over 1/2 of the
    attack that takes the patients nearest to synthetic ones for members, to 0 at 0.60; the worse counts. A
    copied patient leaves 0.
    """
    if count_exact_matches(synthetic, real, d):
        return 0.0
    partition = Partition.draw(EvaluationContext(real, unseen, d, 0))
    assert partition.holdout is not None
    codes = partition.coding.encode(synthetic)
    to_train = float(partition.to_train(codes).mean())
    if to_train == 0:
        return 0.0
    leakage = float(minimum_distances(codes, partition.holdout, partition.coding).mean()) / to_train - 1
    members, strangers = (
        minimum_distances(partition.coding.encode(frame), codes, partition.coding) for frame in (real, unseen)
    )
    attack, _ = area_under_curve(-members.astype(np.float64), -strangers.astype(np.float64))
    lost = max(0.0, leakage / _BREACH, (attack - 0.5) / _ATTACK)
    return 1 - min(1.0, lost)


def _forest(seed: int, oob: bool = False) -> Any:
    ensemble = require_extra("generate", "sklearn.ensemble", "Tuning")
    return ensemble.RandomForestClassifier(100, min_samples_leaf=3, oob_score=oob, random_state=seed)
