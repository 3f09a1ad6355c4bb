"""Prediction: does a model that learned from synthetic patients work for real ones it never saw?

Every cohort trains the same models, which are tested on the hold-out; the original's figure is that of
the models trained on the training part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.dictionary.roles import Endpoint
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    NotComputable,
    attempt,
    figure,
)
from amlsynth.evaluation.outcomes import known_at_diagnosis
from amlsynth.evaluation.records import Figure
from amlsynth.evaluation.representations.embedding import fill_empty, one_thread, tree_features
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import FloatArray
from amlsynth.statistics.coding import at_most, codes_of, numbers_of, rows_of
from amlsynth.statistics.wald import Z95
from amlsynth.survival.accuracy import Concordance, concordance, integrated_brier_score
from amlsynth.survival.cox import cox_fit
from amlsynth.survival.endpoint import endpoint_data, known_endpoint

# The penalty is that of a normal prior with standard deviation 0.1 on the log hazard ratio of one standard
# deviation: strong enough that a marker of a handful of carriers is not taken at its word.
RIDGE = 100.0
MONTHS = np.linspace(0.0, 60.0, 121)  # over which the Brier score is integrated; five years
HORIZON = 24.0  # months; death by then is what the pipeline of Eckardt et al. 2024 predicts
FOLDS = 5  # of the hold-out as its own training set
ROUNDS = 20  # of boosting
_BOOSTING = {"learning_rate": 0.3, "max_leaf_nodes": 8}
MIN_PATIENTS = 20  # patients to train on and to test on
MAX_PATIENTS = 20_000  # patients to train on; larger cohorts are sampled
_PIPELINE = "Eckardt et al., npj Digit Med 2024, code: github.com/waldemar93/synthetic_data_pipeline"
_PURPOSE = "Predicting outcomes"
_DEATH = f"mcc_death{HORIZON:.0f}"  # the event of the terminal endpoint, which is death


@dataclass(frozen=True)
class Scores:
    """What a survival model trained on one cohort reaches on the hold-out."""

    c_index: Concordance
    brier: Figure


class RiskModel:
    """A ridge Cox model of an endpoint, trained on one cohort.

    Covariates are all that is known at diagnosis; the scale, and the mean that a missing value takes, are
    those of the training cohort, and a missing value is a covariate too.

    Raises
    ------
    NotComputable
        Fewer than `MIN_PATIENTS` patients with a known endpoint, or no event to learn from.
    """

    def __init__(self, training: pd.DataFrame, endpoint: Endpoint, d: Dictionary) -> None:
        data = endpoint_data(training, endpoint)
        if data.n < MIN_PATIENTS:
            raise NotComputable(
                f"fewer than {MIN_PATIENTS} patients with a known {endpoint.name} to train on"
            )
        train = rows_of(training, known_endpoint(training, endpoint))
        self._covariates = Covariates(train, d)
        self._fit = cox_fit(data.time, data.event, self._covariates(train), penalty=RIDGE)

    @classmethod
    def of(cls, training: pd.DataFrame, endpoint: Endpoint, context: EvaluationContext) -> RiskModel:
        """Train a model, or return the one that was trained on this frame before."""
        return context.once_of(
            training, f"risk model of {endpoint.name}", lambda: cls(training, endpoint, context.dictionary)
        )

    def risk(self, frame: pd.DataFrame) -> FloatArray:
        """Return each patient's linear predictor, shape (n,)."""
        predictor: FloatArray = self._covariates(frame) @ self._fit.beta
        return predictor

    def survival(self, frame: pd.DataFrame, months: FloatArray) -> FloatArray:
        """Return each patient's probability to be free of the event beyond the months, shape (n, months)."""
        return self._fit.survival(self._covariates(frame), months)


def survival_scores(
    training: pd.DataFrame, test: pd.DataFrame, endpoint: Endpoint, context: EvaluationContext
) -> Scores:
    """Test the risk model of one cohort on another.

    Raises
    ------
    NotComputable
        Fewer than `MIN_PATIENTS` patients with a known endpoint in one of the two, or no event to learn from.
    """
    target, known = endpoint_data(test, endpoint), rows_of(test, known_endpoint(test, endpoint))
    if target.n < MIN_PATIENTS:
        raise NotComputable(f"fewer than {MIN_PATIENTS} patients with a known {endpoint.name} to test on")
    model, months = RiskModel.of(training, endpoint, context), MONTHS[target.time.max() > MONTHS]
    return Scores(
        concordance(target, model.risk(known)),
        attempt(lambda: integrated_brier_score(target, model.survival(known, months), months)),
    )


def classification_score(
    training: pd.DataFrame, test: pd.DataFrame, outcome: Callable[[pd.DataFrame], FloatArray], d: Dictionary
) -> float:
    """Return Matthews' correlation of a boosted classifier's predictions with the truth in `test`.

    Parameters
    ----------
    outcome : gives 1, 0 or NaN for every patient of a frame.

    Raises
    ------
    NotComputable
        Fewer than `MIN_PATIENTS` patients with a known outcome in one of the two, or one outcome only.
    """
    ensemble = require_extra("generate", "sklearn.ensemble", _PURPOSE)
    metrics = require_extra("generate", "sklearn.metrics", _PURPOSE)

    parts = []
    for frame in (training, test):
        label = outcome(frame)
        known = ~np.isnan(label)
        if known.sum() < MIN_PATIENTS:
            raise NotComputable(
                f"fewer than {MIN_PATIENTS} patients with a known outcome to train or to test on"
            )
        if np.ptp(label[known]) == 0:
            raise NotComputable("every patient to train or to test on has the same outcome")
        parts.append((tree_features(frame, d, known_at_diagnosis(d))[known], label[known]))
    (features, label), (of_test, truth) = parts
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=ROUNDS, **_BOOSTING, random_state=0, early_stopping=False
    )
    model.fit(fill_empty(features, features), label)
    return float(metrics.matthews_corrcoef(truth, model.predict(fill_empty(of_test, features))))


def event_within(frame: pd.DataFrame, endpoint: Endpoint, months: float = HORIZON) -> FloatArray:
    """Return 1 for the event within the months, 0 for none until then, NaN for those censored earlier."""
    time, status = numbers_of(frame, endpoint.time), numbers_of(frame, endpoint.status)
    died = (status == 1) & (time <= months)
    return np.where(died, 1.0, np.where(time >= months, 0.0, np.nan))


class Covariates:
    """Covariates of a Cox model: numbers, indicators of categories, indicators of missing values.

    Each has mean 0 and standard deviation 1 in the training cohort, or is 0 where it has one value there.
    """

    def __init__(self, training: pd.DataFrame, d: Dictionary) -> None:
        self._d = d
        raw = self._raw(training)
        known = ~np.isnan(raw)
        count = known.sum(axis=0)
        total = np.where(known, raw, 0.0).sum(axis=0)
        self._mean = np.divide(total, count, out=np.zeros(raw.shape[1]), where=count > 0)
        filled = self._filled(raw)
        self._centre = filled.mean(axis=0)
        self._scale = np.where(np.ptp(filled, axis=0) == 0, 1.0, filled.std(axis=0))

    def __call__(self, frame: pd.DataFrame) -> FloatArray:
        standard: FloatArray = (self._filled(self._raw(frame)) - self._centre) / self._scale
        return standard

    def _filled(self, raw: FloatArray) -> FloatArray:
        missing = np.isnan(raw)
        return np.hstack((np.where(missing, self._mean, raw), missing.astype(np.float64)))

    def _raw(self, frame: pd.DataFrame) -> FloatArray:
        columns = []
        for name in known_at_diagnosis(self._d):
            variable = self._d[name]
            if variable.type == "category":
                codes = codes_of(frame, variable)  # 0 for NA, 1 for the first value
                columns += [
                    np.where(codes == 0, np.nan, codes == code) for code in range(2, len(variable.values) + 1)
                ]
            else:
                values = numbers_of(frame, name)
                columns.append(np.log1p(values) if _spans_powers_of_ten(variable) else values)
        return np.column_stack(columns)


def _spans_powers_of_ten(variable: Variable) -> bool:
    """Return whether a number may lie between 0 and more than 100, as counts of blood cells do."""
    return variable.minimum == 0 and variable.maximum is not None and variable.maximum > 100


def _tests(cohort: EvaluatedCohort, context: EvaluationContext) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return pairs of training and test set; the hold-out itself is trained on by fifths left out."""
    if context.holdout is None:
        raise NotComputable(NO_HOLDOUT)
    holdout, rng = context.holdout, Stream.PREDICTION_FOLDS.rng(context.seed)

    def pairs() -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        if cohort.kind != "holdout":
            return [(at_most(cohort.frame, MAX_PATIENTS, rng), holdout)]
        fold = rng.permutation(len(holdout)) % FOLDS
        return [(rows_of(holdout, fold != part), rows_of(holdout, fold == part)) for part in range(FOLDS)]

    return context.once_of(cohort.frame, f"training and test sets of {cohort.kind}", pairs)


def _survival_scores(cohort: EvaluatedCohort, context: EvaluationContext, endpoint: Endpoint) -> list[Scores]:
    return [survival_scores(train, test, endpoint, context) for train, test in _tests(cohort, context)]


def _original(context: EvaluationContext, endpoint: Endpoint) -> Scores:
    return context.once(
        f"prediction of {endpoint.name} from the original",
        lambda: _survival_scores(EvaluatedCohort("synthetic", context.original), context, endpoint)[0],
    )


def _survival_figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for endpoint in context.dictionary.endpoints:
        suffix = endpoint.suffix
        names = [f"{name}_{suffix}" for name in ("c_index", "c_index_gap", "brier", "brier_gap")]
        try:
            scores = _survival_scores(cohort, context, endpoint)
            values = [_c_figure(scores), _mean_brier(scores)]
        except NotComputable as reason:
            figures |= dict.fromkeys(names, Figure(reason=str(reason)))
            continue
        figures |= {names[0]: values[0], names[2]: values[1]}
        try:
            ours = _original(context, endpoint)
        except NotComputable as reason:
            lost = Figure(reason=f"the original has no figure to compare with: {reason}")
            figures |= {names[1]: lost, names[3]: lost}
        else:
            figures[names[1]] = _gap(scores, ours)
            figures[names[3]] = _less(figures[names[2]], ours.brier)
    return figures


def _c_figure(scores: list[Scores]) -> Figure:
    value = float(np.mean([one.c_index.value for one in scores]))
    error = float(np.sqrt(sum(one.c_index.standard_error**2 for one in scores))) / len(scores)
    return figure(value, max(0.0, value - Z95 * error), min(1.0, value + Z95 * error))


def _mean_brier(scores: list[Scores]) -> Figure:
    values = [one.brier.value for one in scores if one.brier.value is not None]
    if len(values) < len(scores):
        return next(one.brier for one in scores if one.brier.value is None)
    return figure(float(np.mean(values)))


def _less(theirs: Figure, ours: Figure) -> Figure:
    if theirs.value is None or ours.value is None:
        return Figure(reason=theirs.reason or f"the original has no figure to compare with: {ours.reason}")
    return figure(theirs.value - ours.value)


def _gap(scores: list[Scores], ours: Scores) -> Figure:
    value = float(np.mean([one.c_index.value for one in scores])) - ours.c_index.value
    if len(scores) > 1:  # other test sets: no pairing
        return figure(value)
    error = scores[0].c_index.difference_error(ours.c_index)
    return figure(value, value - Z95 * error, value + Z95 * error)


def _classifiers(d: Dictionary) -> dict[str, Callable[[pd.DataFrame], FloatArray]]:
    classifiers: dict[str, Callable[[pd.DataFrame], FloatArray]] = {}
    if (response := d.response) is not None:
        classifiers[_response_identifier(response)] = lambda frame: numbers_of(frame, response.name)
    classifiers[_DEATH] = lambda frame: event_within(frame, d.terminal)
    return classifiers


def _response_identifier(response: Variable) -> str:
    return f"mcc_{response.name.lower()}"


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    d = context.dictionary

    def score(outcome: Callable[[pd.DataFrame], FloatArray]) -> float:
        tests = _tests(cohort, context)
        return float(np.mean([classification_score(*frames, outcome, d) for frames in tests]))

    with one_thread():
        return _survival_figures(cohort, context) | {
            name: attempt(lambda outcome=outcome: score(outcome))  # type: ignore[misc]
            for name, outcome in _classifiers(d).items()
        }


def _original_figures(context: EvaluationContext) -> dict[str, Figure]:
    figures = _figures(EvaluatedCohort("synthetic", context.original), context)
    return {name: figure for name, figure in figures.items() if "gap" not in name}


def _endpoint_definitions(endpoint: Endpoint) -> tuple[MeasureDefinition, ...]:
    name, label, suffix, outcomes = endpoint.name, endpoint.label.lower(), endpoint.suffix, (endpoint.name,)
    how = (
        " The model is a ridge Cox regression on all that is known at diagnosis. The hold-out is its own "
        "training set by fifths left out."
    )
    return (
        MeasureDefinition(
            id=f"c_index_{suffix}",
            label=f"C-index, {name}",
            aspect="survival",
            better="higher",
            description=(
                f"In what share of pairs of hold-out patients a model of {label} trained on the cohort puts "
                "them in the right order; 0.5 is chance. The original's figure is that of the training part."
                + how
            ),
            source="Harrell et al., JAMA 1982;247:2543",
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"c_index_gap_{suffix}",
            label=f"C-index, {name}, against trained on real",
            aspect="survival",
            better="zero",
            description=(
                f"The C-index of {label} on the hold-out less that of the model trained on the original, "
                "with the 95 % interval of the paired difference; negative is worse." + how
            ),
            source="Harrell et al., JAMA 1982;247:2543; infinitesimal jackknife",
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"brier_{suffix}",
            label=f"Integrated Brier score, {name}",
            aspect="survival",
            better="lower",
            description=(
                f"Mean squared error of the predicted {label} of hold-out patients over five years, "
                "weighted for censoring; 0.25 is a coin's." + how
            ),
            source="Graf et al., Stat Med 1999;18:2529",
            outcomes=outcomes,
        ),
        MeasureDefinition(
            id=f"brier_gap_{suffix}",
            label=f"Integrated Brier score, {name}, against trained on real",
            aspect="survival",
            better="zero",
            description=(
                f"The integrated Brier score of {label} less that of the model trained on the original; "
                "positive is worse." + how
            ),
            source="Graf et al., Stat Med 1999;18:2529",
            outcomes=outcomes,
        ),
    )


def _classifier_definition(name: str, label: str, outcome: str) -> MeasureDefinition:
    return MeasureDefinition(
        id=name,
        label=f"Matthews correlation, {label}",
        aspect="outcome",
        better="higher",
        description=(
            f"How well gradient boosting trained on the cohort predicts {label} of hold-out patients from "
            "what is known at diagnosis: 1 is always right, 0 is chance. The original's figure is that of "
            "the training part."
        ),
        source=_PIPELINE,
        outcomes=(outcome,),
    )


def _definitions(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    definitions = [definition for endpoint in d.endpoints for definition in _endpoint_definitions(endpoint)]
    response, terminal = d.roles.response, d.terminal
    if response is not None and d.response is not None:
        name = _response_identifier(d.response)
        definitions.append(_classifier_definition(name, response.label.lower(), response.name))
    event = f"{terminal.event.lower()} within {HORIZON:.0f} months"
    return (*definitions, _classifier_definition(_DEATH, event, terminal.name))


GROUP = MeasureGroup(
    name="prediction",
    definitions=_definitions,
    figures=_figures,
    original_figures=_original_figures,
)
