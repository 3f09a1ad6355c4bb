"""The evaluation of synthetic cohorts: every measure, beside the same of three anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from amlsynth.cohort.cohort import Cohort
from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.derived import CLASSIFICATIONS
from amlsynth.dictionary.model import Dictionary, dictionary_of
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation import validity
from amlsynth.evaluation.anchors import make_anchors
from amlsynth.evaluation.comparisons import compare, rounded
from amlsynth.evaluation.effects import measures as effect_measures
from amlsynth.evaluation.fidelity import alpha_precision_beta_recall, pairs, two_sample
from amlsynth.evaluation.fidelity import columns as fidelity
from amlsynth.evaluation.fidelity.co_occurrence import co_occurrence
from amlsynth.evaluation.inputs import (
    Synthetics,
    as_synthetic_cohorts,
    evaluated_cohorts,
    generators_of,
    spreads,
)
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
    AnchorName,
    CohortKind,
    EvaluatedCohort,
    EvaluationContext,
    MeasureGroup,
    lacking,
)
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.pairing import check_parts
from amlsynth.evaluation.plugins import installed_groups
from amlsynth.evaluation.prediction import prediction, time_order
from amlsynth.evaluation.privacy import attacks, near_copies
from amlsynth.evaluation.privacy import hamming as privacy
from amlsynth.evaluation.privacy.attacks import attack_data
from amlsynth.evaluation.records import Evaluation, Figure, Measure, Origin
from amlsynth.evaluation.summary import summarise
from amlsynth.evaluation.survival import curves as survival
from amlsynth.evaluation.survival import response, tails
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.frames import Table, frame_of
from amlsynth.foundation.types import Progress
from amlsynth.foundation.version import __version__
from amlsynth.statistics.coding import columns_remembered
from amlsynth.survival.cox import Ties
from amlsynth.survival.endpoint import endpoint_data

GROUPS: tuple[MeasureGroup, ...] = (
    fidelity.GROUP,
    two_sample.GROUP,
    pairs.GROUP,
    alpha_precision_beta_recall.GROUP,
    survival.GROUP,
    tails.GROUP,
    response.GROUP,
    prediction.GROUP,
    time_order.GROUP,
    effect_measures.GROUP,
    privacy.GROUP,
    near_copies.GROUP,
    *attacks.GROUPS,
    validity.GROUP,
)


@columns_remembered()
def evaluate(
    original: Table,
    synthetic: Synthetics,
    holdout: Table | None = None,
    *,
    seed: int = 0,
    simulated: bool | None = None,
    rule: DisclosureRule | None = None,
    ties: Ties = "efron",
    original_label: str = "Original (training)",
    synthetic_label: str = "Synthetic",
    holdout_label: str = "Original (hold-out)",
    original_origin: Origin | None = None,
    holdout_origin: Origin | None = None,
    kind: Literal["evaluation", "comparison"] = "evaluation",
    notes: Sequence[str] = (),
    progress: Progress | None = None,
    d: Dictionary | None = None,
) -> Evaluation:
    """Measure one synthetic cohort or several against the original that they were made from.

    Parameters
    ----------
    original : the training part of the original, typed frame (n, columns), or a cohort.
    synthetic : the synthetic cohort, typed frame (m, columns), or a cohort or data set; or several, by label
        or as `inputs.SyntheticCohort`. The anchors are drawn and measured once, with as many patients as the
        first has.
    holdout : the part of the original that no generator saw; without it the measures that need it give
        that reason.
    seed : for the anchors and the partition of the training part; the same gives the same record.
    simulated : whether the original itself is simulated and holds no patient; by default what the record of
        a cohort says, and no for a frame.
    rule : what is held back of cohorts of patients; by default nothing where the original is simulated, and
        cells of fewer than five patients otherwise.
    ties : how Cox regression takes events at the same time; the paper's authors took Breslow's way.
    original_label, synthetic_label, holdout_label : how tables and figures name the cohorts.
    original_origin, holdout_origin : where their files came from, for the record.
    kind : "comparison" where the synthetic cohorts are not known to be made from the original.
    notes : sentences about the data that whoever read the files wants in the record.
    progress : called with what is being done and the share done, from 0 to 1.
    d : the dictionary; the one of this version by default.

    Returns
    -------
    Evaluation
        Aggregates, measures with anchors, and tests; a measure that cannot be computed says why.

    Raises
    ------
    DataError
        A frame has no rows, or columns or cells that the dictionary does not know; or the hold-out holds
        training patients.
    UsageError
        The seed is negative, or two synthetic cohorts have the same label.

    Examples
    --------
    >>> from amlsynth import generate, reference_cohort
    >>> made = generate(reference_cohort(n=250), seed=1)
    >>> evaluation = evaluate(made.split.train, made.synthetic.frame, made.split.holdout, simulated=True)
    >>> sorted(evaluation.measure("km_score_os").anchors)
    ['bootstrap', 'holdout', 'independent']
    """
    if seed < 0:
        raise UsageError(f"the seed is {seed}; take a whole number that is not negative.")
    d = dictionary_of(original, d)
    if simulated is None:
        simulated = isinstance(original, Cohort) and original.about.simulated
    inputs = as_synthetic_cohorts(synthetic, synthetic_label)
    original = _typed(original, d, "the original cohort")
    synthetics = evaluated_cohorts(inputs, lambda frame, source: _typed(frame, d, source))
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    if holdout is not None:
        check_parts(original, holdout)
    rule = rule or (OFF if simulated else DisclosureRule())
    context = EvaluationContext(original, holdout, d, seed, rule, ties)
    groups = measure_groups(d)
    tell = _Steps(progress, total=(3 + len(synthetics)) * len(groups) + 4)

    tell("drawing the anchors")
    anchors = make_anchors(context, len(synthetics[0].frame))
    keys = [cohort.key for cohort in synthetics]
    measures = _measures(groups, synthetics, anchors, context, generators_of(inputs, keys), tell)
    tell("comparing the cohorts")
    protected = {"original", "holdout", *(cohort.key for cohort in synthetics if cohort.protected)}
    others = (
        [*synthetics] if holdout is None else [*synthetics, EvaluatedCohort("holdout", holdout, "holdout")]
    )
    comparisons = [
        compare(
            original, other.frame, d, cohort=other.key, rule=rule, protect=other.key in protected, ties=ties
        )
        for other in others
    ]
    tell("summarising the cohorts")
    evaluation = Evaluation(
        kind=kind,
        dictionary_name=d.name,
        dictionary_version=d.version,
        amlsynth_version=__version__,
        seed=seed,
        original_is_simulated=simulated,
        cox_ties=ties,
        min_cell=rule.min_cell,
        original=summarise(
            original, original_label, d, rule, key="original", origin=_published(original_origin, rule)
        ),
        holdout=None
        if holdout is None
        else summarise(
            holdout, holdout_label, d, rule, key="holdout", origin=_published(holdout_origin, rule)
        ),
        synthetics=tuple(
            summarise(
                m.frame,
                g.label,
                d,
                context.rule_of(m),
                key=m.key,
                origin=_published(g.origin, context.rule_of(m)),
            )
            for m, g in zip(synthetics, inputs, strict=True)
        ),
        measures=measures,
        comparisons=tuple(one for found in comparisons for one in found),
        effects=effect_measures.effect_records(context, synthetics, protected),
        co_occurrence=co_occurrence(original, {o.key: o.frame for o in others}, d, rule, protected),
        rules=validity.rule_counts(
            [EvaluatedCohort("synthetic", original, "original", holds_patients=True), *others],
            context,
        ),
        notes=(*notes, *_notes(context, synthetics, [cohort.label for cohort in inputs]), *_foreign(groups)),
    )
    tell("done")
    return evaluation


@columns_remembered()
def measure(
    original: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    kind: CohortKind = "synthetic",
    groups: Sequence[MeasureGroup] | None = None,
    d: Dictionary | None = None,
) -> dict[str, Figure]:
    """Return the figures of one cohort alone, by measure, for comparisons of many cohorts.

    Without anchors a figure is not to be shown to anybody: they tell what it is worth. Parameters are those
    of `evaluate`; `kind` says what stands in the place of the synthetic cohort, and `groups` which measures
    are wanted, by default all.
    """
    d = dictionary_of(original, d)
    original, synthetic = _typed(original, d, "the original cohort"), _typed(synthetic, d, "the cohort")
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    context, cohort = EvaluationContext(original, holdout, d, seed), EvaluatedCohort(kind, synthetic)
    figures: dict[str, Figure] = {}
    for group in measure_groups(d) if groups is None else groups:
        figures |= group.measured(cohort, context)
    return figures


def measure_groups(d: Dictionary) -> tuple[MeasureGroup, ...]:
    """Return the groups of amlsynth, and those that other installed packages bring.

    Raises
    ------
    UsageError
        A package's measures cannot be loaded, or have an identifier that is taken.
    """
    return (*GROUPS, *installed_groups(GROUPS, d))


def _measures(
    groups: Sequence[MeasureGroup],
    synthetics: Sequence[EvaluatedCohort],
    anchors: dict[AnchorName, EvaluatedCohort | str],
    context: EvaluationContext,
    generators: Mapping[str, Sequence[str]],
    tell: _Steps,
) -> tuple[Measure, ...]:
    measures: list[Measure] = []
    d = context.dictionary
    for group in groups:
        definitions = group.definitions(d)
        of_synthetics: dict[str, dict[str, Figure]] = {}
        for cohort in synthetics:
            tell(f"measuring {group.name}: {cohort.key}")
            of_synthetics[cohort.key] = group.measured(cohort, context)
        of_original = group.measured_original(context)
        of_anchors: dict[AnchorName, dict[str, Figure]] = {}
        for name, anchor in anchors.items():
            tell(f"measuring {group.name}: {name}")
            of_anchors[name] = (
                {definition.id: Figure(reason=anchor) for definition in definitions}
                if isinstance(anchor, str)
                else group.measured(anchor, context)
            )
        for definition in definitions:
            figures = {
                key: rounded(there[definition.id], context.rule) for key, there in of_synthetics.items()
            }
            there = {name: rounded(of[definition.id], context.rule) for name, of in of_anchors.items()}
            own_figure = of_original.get(definition.id)
            measures.append(
                definition.measure(
                    None if own_figure is None else rounded(own_figure, context.rule),
                    figures,
                    there,
                    group.name,
                    spreads(figures, generators),
                    applicable=lacking(definition, context.original, d) is None,
                )
            )
    return tuple(measures)


def _published(origin: Origin | None, rule: DisclosureRule) -> Origin | None:
    """Return an origin without the hash of patients' data, with which a copy of them could be confirmed."""
    return origin.model_copy(update={"sha256": None}) if origin is not None and rule.on else origin


def _foreign(groups: Sequence[MeasureGroup]) -> tuple[str, ...]:
    return tuple(
        f"The measures {group.name!r} are those of the package {group.package}."
        for group in groups
        if group.package
    )


def _notes(
    context: EvaluationContext, synthetics: Sequence[EvaluatedCohort], labels: Sequence[str]
) -> tuple[str, ...]:
    notes = []
    if context.holdout is None:
        notes.append(f"Measures against a hold-out are not available: {NO_HOLDOUT}.")
    cohorts = [("original", context.original, context.rule)]
    if context.holdout is not None:
        cohorts.append(("hold-out", context.holdout, context.rule))
    for cohort, label in zip(synthetics, labels, strict=True):
        name = "synthetic cohort" if len(synthetics) == 1 else f"cohort {label}"
        cohorts.append((name, cohort.frame, context.rule_of(cohort)))
    for name, frame, rule in cohorts:
        for endpoint in context.dictionary.endpoints:
            left_out = endpoint_data(frame, endpoint).left_out
            if lacks(frame, context.dictionary, endpoint.name):
                notes.append(f"{_capital(why_lacking(endpoint.name, name))}.")
            elif left_out:
                count = rule.few if rule.is_small(left_out) else str(left_out)
                notes.append(
                    f"{count} of {len(frame)} patients of the {name} have no usable {endpoint.name} time "
                    f"and status and are left out of every {endpoint.name} figure."
                )
        notes += _incomplete(name, frame, context.dictionary, rule)
        empty = [column for column in context.dictionary.names if frame[column].isna().all()]
        if empty:
            notes.append(f"Not assessed in the {name}, every value missing: {', '.join(empty)}.")
    sizes = [len(cohort.frame) for cohort in synthetics]
    if len(set(sizes)) > 1:
        notes.append(
            f"The synthetic cohorts differ in size; the anchors have {sizes[0]} patients as the first has."
        )
    if max(len(frame) for _, frame, _ in cohorts) > privacy.MAX_PART_PATIENTS:
        notes.append(
            "Hamming distances are computed on random samples of at most "
            f"{privacy.MAX_PART_PATIENTS} patients of each cohort and part; matches are counted over all."
        )
    targets = max(len(frame) for frame in (context.original, context.holdout) if frame is not None)
    if targets > attack_data.MAX_TARGETS or max(sizes) > attack_data.MAX_RELEASED:
        notes.append(
            f"Attacks run on random samples of at most {attack_data.MAX_TARGETS} training and as many "
            f"hold-out patients, and search at most {attack_data.MAX_RELEASED} synthetic patients."
        )
    return tuple(notes)


def _incomplete(name: str, frame: pd.DataFrame, d: Dictionary, rule: DisclosureRule) -> tuple[str, ...]:
    """Tell how many patients were classed by markers of which one that decides is unknown."""
    chosen, risk = d.roles.classification, d.classify(frame)
    if chosen is None or risk is None:
        return ()
    of = CLASSIFICATIONS[chosen.function]
    lacks = frame[list(of.decisive)].isna().all(axis=1) & bool(of.decisive)
    unknown, classed = int(lacks.sum()), int((lacks & risk.notna()).sum())
    if classed == 0:
        return ()
    few = rule.is_small(classed) or rule.is_small(unknown - classed)
    how_many = "some" if few else f"{classed:,} of {unknown:,}"
    return (
        f"{chosen.label}: {how_many} patients of the {name} without {of.lacking} were classed by the markers "
        "that are known; what is unknown counts as absent.",
    )


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _typed(table: Table, d: Dictionary, source: str) -> pd.DataFrame:
    frame = frame_of(table)
    expected = {variable.name: variable.dtype for variable in d.variables}
    if len(frame) and list(frame.columns) == list(expected) and dict(frame.dtypes) == expected:
        return frame.reset_index(drop=True)
    return to_typed(frame, d, source)


class _Steps:
    """Counts the steps of an evaluation for whoever shows progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, min(1.0, self._done / (self._total - 1)))
        self._done += 1
