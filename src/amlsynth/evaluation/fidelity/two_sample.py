"""Two-sample measures: can a model, or a clustering, tell synthetic patients from original ones?

Columns that look right one at a time but do not belong together are found here first.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
    fixed,
)
from amlsynth.evaluation.records import Figure
from amlsynth.evaluation.representations.embedding import Embedding, fill_empty, one_thread, tree_features
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.statistics.coding import rows_of
from amlsynth.statistics.roc import area_under_curve
from amlsynth.statistics.wald import Z95

FOLDS = 5
CLUSTERS = 10  # of the k-means score, as in the pipeline of Eckardt et al. 2024
# Large steps in few rounds: they find what a hundred small ones find, in a fifth of the time. Trees of few
# leaves would too, but would no longer tell copies of training patients (an AUC well below one half).
ROUNDS = 20  # of boosting
_BOOSTING = {"learning_rate": 0.3, "max_bins": 64}
TREES = 50
MIN_PATIENTS = 2 * FOLDS  # patients of each cohort, so that every fold tests at least two of each
MAX_PATIENTS = 5_000  # patients of each cohort that the classifiers see; larger cohorts are sampled
_PIPELINE = "Eckardt et al., npj Digit Med 2024, code: github.com/waldemar93/synthetic_data_pipeline"
_PURPOSE = "Telling cohorts apart"


def classifier_auc(
    original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, rng: np.random.Generator
) -> Figure:
    """Return how well gradient boosting tells the cohorts apart: area under the curve, 0.5 is not.

    Equal numbers of both cohorts, all columns at the dictionary's decimals, NA as such; 5-fold
    cross-validation, stratified. The figure is the mean of the folds' areas, the interval DeLong's
    (Biometrics 1988;44:837) for that mean.

    Raises
    ------
    NotComputable
        A cohort has fewer than `MIN_PATIENTS` patients.
    """
    ensemble = require_extra("generate", "sklearn.ensemble", _PURPOSE)
    selection = require_extra("generate", "sklearn.model_selection", _PURPOSE)

    features, label = _labelled(original, synthetic, d, rng)
    folds = selection.StratifiedKFold(FOLDS, shuffle=True, random_state=_state(rng))
    areas, variances = [], []
    for train, test in folds.split(features, label):
        model = ensemble.HistGradientBoostingClassifier(
            max_iter=ROUNDS, **_BOOSTING, random_state=0, early_stopping=False
        )
        model.fit(fill_empty(features[train], features[train]), label[train])
        score = model.decision_function(fill_empty(features[test], features[train]))
        area, variance = area_under_curve(score[label[test] == 1], score[label[test] == 0])
        areas.append(area)
        variances.append(variance)
    mean, spread = float(np.mean(areas)), Z95 * math.sqrt(sum(variances)) / FOLDS
    return figure(mean, max(0.0, mean - spread), min(1.0, mean + spread))


def discriminator_score(
    original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, rng: np.random.Generator
) -> float:
    """Return 1 - 2 (accuracy - 0.5) of a random forest that tells the cohorts apart; 1 is best.

    Equal numbers of both cohorts. The accuracy is that of the forest's out-of-bag votes, where the
    pipeline draws one test set of a fifth; an accuracy below one half counts as one half.

    Raises
    ------
    NotComputable
        A cohort has fewer than `MIN_PATIENTS` patients.
    """
    ensemble = require_extra("generate", "sklearn.ensemble", _PURPOSE)

    features, label = _labelled(original, synthetic, d, rng)
    forest = ensemble.RandomForestClassifier(TREES, oob_score=True, random_state=_state(rng))
    forest.fit(fill_empty(features, features), label)
    return 1 - 2 * (max(float(forest.oob_score_), 0.5) - 0.5)


def k_means_score(
    original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, rng: np.random.Generator
) -> float:
    """Return how fully the synthetic cohort covers ten k-means clusters of the original; 1 is fully.

    The mean over the clusters of min(1, n_syn / n_orig * N_orig / N_syn), in standardised numbers and
    indicators of categories.

    Raises
    ------
    NotComputable
        The original has fewer than `CLUSTERS` different patients.
    """
    return _Clusters(original, d, rng).score(synthetic)


class _Clusters:
    """Ten k-means clusters of the original."""

    def __init__(self, original: pd.DataFrame, d: Dictionary, rng: np.random.Generator) -> None:
        cluster = require_extra("generate", "sklearn.cluster", _PURPOSE)

        self._embedding = Embedding(original, d)
        ours = self._embedding(original)
        if len(np.unique(ours, axis=0)) < CLUSTERS:
            raise NotComputable(f"the original has fewer than {CLUSTERS} patients that differ")
        self._model = cluster.KMeans(CLUSTERS, n_init=3, random_state=_state(rng)).fit(ours)
        self._shares = np.bincount(self._model.labels_, minlength=CLUSTERS) / len(ours)

    def score(self, synthetic: pd.DataFrame) -> float:
        """Return the `k_means_score` of a cohort."""
        clusters = self._model.predict(self._embedding(synthetic))
        shares = np.bincount(clusters, minlength=CLUSTERS) / len(synthetic)
        return float(np.minimum(shares / self._shares, 1.0).mean())


def _labelled(
    original: pd.DataFrame, synthetic: pd.DataFrame, d: Dictionary, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    size = min(len(original), len(synthetic), MAX_PATIENTS)
    if size < MIN_PATIENTS:
        raise NotComputable(f"a cohort has fewer than {MIN_PATIENTS} patients, too few to train and test on")
    parts = []
    for frame in (original, synthetic):
        chosen = np.sort(rng.choice(len(frame), size, replace=False))
        parts.append(tree_features(rows_of(frame, chosen), d, d.names))
    return np.vstack(parts), np.repeat([0, 1], size)


def _state(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    cohorts = (context.original, cohort.frame, context.dictionary)
    test, forest = (stream.rng(context.seed) for stream in (Stream.CLASSIFIER_TEST, Stream.DISCRIMINATOR))

    def clusters() -> _Clusters:
        return _Clusters(context.original, context.dictionary, Stream.K_MEANS.rng(context.seed))

    with one_thread():
        return {
            "classifier_auc": attempt(lambda: classifier_auc(*cohorts, test)),
            "discriminator": attempt(lambda: discriminator_score(*cohorts, forest)),
            "k_means": attempt(
                lambda: context.once("clusters of the original", clusters).score(cohort.frame)
            ),
        }


GROUP = MeasureGroup(
    name="two samples",
    definitions=fixed(
        MeasureDefinition(
            id="classifier_auc",
            label="Classifier two-sample AUC",
            aspect="fidelity",
            better="half",
            description=(
                "How well gradient boosting tells synthetic from original patients by all columns at "
                "once, cross-validated, with DeLong's 95 % interval: 0.5 is guessing, 1 is always right. "
                "Shuffled columns are caught by it. Well below 0.5 the synthetic patients are nearer to "
                "original ones than other patients are, as copies are."
            ),
            source="Lopez-Paz and Oquab, ICLR 2017, arXiv:1610.06545; DeLong et al., Biometrics 1988;44:837",
        ),
        MeasureDefinition(
            id="discriminator",
            label="Discriminator score",
            aspect="fidelity",
            better="higher",
            description=(
                "1 - 2 (accuracy - 0.5) of a random forest that tells synthetic from original patients "
                "(out-of-bag accuracy, at least one half): 1 is guessing, 0 is always right."
            ),
            source=_PIPELINE,
        ),
        MeasureDefinition(
            id="k_means",
            label="k-means score",
            aspect="fidelity",
            better="higher",
            description=(
                "How fully ten groups of alike original patients, found by k-means, are represented; 1 is "
                "fully. A group counts with the ratio of its shares, at most 1. The best of three random "
                "starts is taken."
            ),
            source=_PIPELINE,
        ),
    ),
    figures=_figures,
)
