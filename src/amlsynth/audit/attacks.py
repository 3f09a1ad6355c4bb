"""Attacks on shadow releases: which targets were in, scored on releases that the attack has not seen.

Five attacks on the same features, and their mean, which is the headline, since the best of several would be
chosen by looking at the answer:

- likelihood ratio of the features of one target that differ most (Carlini et al., IEEE S&P 2022, LiRA);
- ridge regression, and randomised trees, on all features of one target (Stadler et al. 2022; Houssiau et al.
  2022);
- ridge regression and boosted trees on the features that mean the same for every target, learned from all
  targets together (as the shared attack model of Shokri et al., IEEE S&P 2017): a target has a hundred
  releases, all have thousands.

Folds never part the two fits of a pair, so each target is in half of the releases of every fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import BoolArray, FloatArray, Progress, no_progress

FOLDS = 8
COMBINED = "all attacks together"
_TOP = 12  # features in a likelihood ratio
_FLOOR = 0.15  # of a standard deviation, in those of the feature over all releases
_TREES = 50
_MOST = 8.0  # log likelihood ratio, of one feature
_ROUNDS = 60

# Train on features (releases, features) and memberships (releases,), score others.
_PerTarget = Callable[[FloatArray, BoolArray, FloatArray, int], FloatArray]


def attack(
    features: NDArray[np.float32],
    member: BoolArray,
    shared: BoolArray,
    seed: int,
    progress: Progress = no_progress,
) -> dict[str, FloatArray]:
    """Return out-of-fold scores by attack, shape (releases, targets); above 0 says "was in".

    Parameters
    ----------
    features : shape (releases, targets, features). member : shape (releases, targets).
    shared : which features mean the same for all targets, shape (features,).
    """
    scores = {name: np.zeros(member.shape) for name in (*_PER_TARGET, *_TOGETHER)}
    with one_thread():
        for number, train, test, learned, tested in _folds(features):
            for target in range(member.shape[1]):
                for name, method in _PER_TARGET.items():
                    scores[name][test, target] = method(
                        learned[:, target], member[train, target], tested[:, target], seed + target
                    )
                progress("attacking", (number + target / member.shape[1]) / FOLDS)
            for name, together in _TOGETHER.items():
                scores[name][test] = together(
                    learned[:, :, shared], member[train], tested[:, :, shared], seed
                )
    scores[COMBINED] = np.mean([score / max(1e-12, float(score.std())) for score in scores.values()], axis=0)
    return scores


def _folds(
    features: NDArray[np.float32],
) -> Iterator[tuple[int, BoolArray, BoolArray, FloatArray, FloatArray]]:
    """Give the number of each fold, which releases are trained and tested on, and their scaled features.

    The two releases of a pair, which have complementary members, are in the same fold.
    """
    fold = (np.arange(len(features)) // 2) % FOLDS
    for number in range(FOLDS):
        test, train = fold == number, fold != number
        if test.any():
            yield number, train, test, *_standardised(features[train], features[test])


def family_attack(features: NDArray[np.float32], member: BoolArray) -> FloatArray:
    """Return out-of-fold scores of ridge regressions on one family of features, shape (releases, targets)."""
    scores = np.zeros(member.shape)
    for _, train, test, learned, tested in _folds(features):
        for target in range(member.shape[1]):
            scores[test, target] = _ridge(learned[:, target], member[train, target], tested[:, target], 0)
    return scores


def _standardised(train: NDArray[np.float32], test: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Standardise each target's features by the training releases; what never varies becomes 0."""
    mean = train.mean(axis=0, dtype=np.float64)
    spread = train.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-9, spread, np.inf)
    return (train - mean) / scale, np.clip((test - mean) / scale, -10.0, 10.0)


def _likelihood_ratio(train: FloatArray, member: BoolArray, test: FloatArray, seed: int) -> FloatArray:
    """Return the mean log likelihood ratio of the features that differ most, each normal."""
    inside, outside = train[member], train[~member]
    means = inside.mean(axis=0), outside.mean(axis=0)
    spreads = [np.maximum(part.std(axis=0), _FLOOR) for part in (inside, outside)]
    contrast = np.abs(means[0] - means[1]) / np.sqrt((spreads[0] ** 2 + spreads[1] ** 2) / len(train))
    top = np.argsort(-contrast, kind="stable")[:_TOP]
    logs = [
        -0.5 * ((test[:, top] - mean[top]) / spread[top]) ** 2 - np.log(spread[top])
        for mean, spread in zip(means, spreads, strict=True)
    ]
    ratio: FloatArray = np.clip(logs[0] - logs[1], -_MOST, _MOST).mean(axis=1)
    return ratio


def _ridge(train: FloatArray, member: BoolArray, test: FloatArray, seed: int) -> FloatArray:
    return test @ _coefficients(train, member, penalty=float(train.shape[0]) / 2)


def _coefficients(train: FloatArray, member: BoolArray, penalty: float) -> FloatArray:
    """Return ridge coefficients of membership, shape (features,), by the smaller of both systems."""
    y = np.where(member, 1.0, -1.0)
    y -= y.mean()
    n, p = train.shape
    if n < p:
        dual = train @ train.T
        dual[np.diag_indices(n)] += penalty
        dual_weights: FloatArray = train.T @ np.linalg.solve(dual, y)
        return dual_weights
    gram = train.T @ train
    gram[np.diag_indices(p)] += penalty
    weights: FloatArray = np.asarray(np.linalg.solve(gram, train.T @ y), dtype=np.float64)
    return weights


def _trees(train: FloatArray, member: BoolArray, test: FloatArray, seed: int) -> FloatArray:
    ensemble = require_extra("generate", "sklearn.ensemble", "An audit")
    forest = ensemble.ExtraTreesClassifier(
        _TREES, min_samples_leaf=3, max_features=0.2, class_weight="balanced", random_state=seed
    ).fit(train.astype(np.float32), member)
    return _log_odds(forest.predict_proba(test.astype(np.float32))[:, 1])


def _shared_ridge(train: FloatArray, member: BoolArray, test: FloatArray, seed: int) -> FloatArray:
    flat = train.reshape(-1, train.shape[2])
    coefficients = _coefficients(flat, member.ravel(), penalty=0.05 * len(flat))
    return np.asarray(test @ coefficients)


def _shared_boosting(train: FloatArray, member: BoolArray, test: FloatArray, seed: int) -> FloatArray:
    ensemble = require_extra("generate", "sklearn.ensemble", "An audit")
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=_ROUNDS, learning_rate=0.1, max_leaf_nodes=8, l2_regularization=20.0, random_state=seed,
        early_stopping=False,
    ).fit(train.reshape(-1, train.shape[2]), member.ravel())  # fmt: skip
    raw = model.decision_function(test.reshape(-1, test.shape[2]))
    return np.asarray(raw).reshape(test.shape[:2])


def _log_odds(share: FloatArray) -> FloatArray:
    bounded = np.clip(share, 0.01, 0.99)
    odds: FloatArray = np.log(bounded / (1 - bounded))
    return odds


_PER_TARGET: dict[str, _PerTarget] = {
    "likelihood ratio": _likelihood_ratio,
    "ridge": _ridge,
    "trees": _trees,
}
_TOGETHER: dict[str, Callable[[FloatArray, BoolArray, FloatArray, int], FloatArray]] = {
    "ridge, all targets": _shared_ridge,
    "boosting, all targets": _shared_boosting,
}
