"""What the gates say of one cohort, from the measure groups that they need and without anchors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adversaries.bad_cohorts import Material, with_sexes
from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation.effects import measures as effects
from amlsynth.evaluation.fidelity import columns, pairs, two_sample
from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    MeasureGroup,
    fixed,
)
from amlsynth.evaluation.prediction import prediction, time_order
from amlsynth.evaluation.privacy import hamming, near_copies
from amlsynth.evaluation.privacy.attacks import GROUPS as ATTACKS
from amlsynth.evaluation.records import CohortSummary, Evaluation, Figure
from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.evaluation.run import measure
from amlsynth.evaluation.summary import summarise
from amlsynth.evaluation.survival import curves
from amlsynth.evaluation.validity import GROUP as VALIDITY
from amlsynth.foundation.streams import Stream
from amlsynth.gates.apply import apply_gates
from amlsynth.gates.outcomes import written_out
from amlsynth.gates.profile import gate_profile
from amlsynth.gates.verdict import GateReport
from amlsynth.sources.reference import reference_frame


def _classifier(cohort: EvaluatedCohort, context: EvaluationContext) -> Figure:
    rng = Stream.CLASSIFIER_TEST.rng(context.seed)
    with one_thread():
        return two_sample.classifier_auc(context.original, cohort.frame, context.dictionary, rng)


def _gaps(d: Dictionary) -> tuple[MeasureDefinition, ...]:
    return tuple(one for one in prediction.GROUP.definitions(d) if one.id.startswith("c_index_gap"))


# The parts of two groups that have no gate take most of their time.
_CLASSIFIER = MeasureGroup(
    name="classifier",
    definitions=fixed(
        *(
            replace(one, compute=_classifier)
            for one in two_sample.GROUP.definitions(dictionary())
            if one.id == "classifier_auc"
        )
    ),
)
_C_INDEX = MeasureGroup(name="c-index", definitions=_gaps, figures=prediction._survival_figures)
GROUPS = (
    near_copies.GROUP,
    hamming.GROUP,
    *ATTACKS,
    VALIDITY,
    curves.GROUP,
    columns.GROUP,
    pairs.GROUP,
    effects.GROUP,
    time_order.GROUP,
    _C_INDEX,
    _CLASSIFIER,
)
PROFILES = ("research", "public-release")


def material(n: int, seed: int) -> Material:
    """Return a training part, a hold-out and as many unseen patients as both, of n simulated patients each.

    The simulation spreads its draws evenly over one cohort, so that two cohorts of their own would be more
    alike than two samples; here all are random parts of one.
    """
    frame = with_sexes(reference_frame(2 * n, seed))
    frame = frame.iloc[np.random.default_rng(seed).permutation(2 * n)].reset_index(drop=True)
    split = split_cohort(frame.iloc[:n], seed=seed)
    unseen = frame.iloc[n : n + len(split.train)].reset_index(drop=True)
    return Material(split.train, split.holdout, unseen, dictionary())


def groups_of(gates: tuple[str, ...]) -> tuple[MeasureGroup, ...]:
    """Return the groups that the gates of these ids need, in any profile; all else is not measured."""
    d = dictionary()
    needed = {
        gate.measure
        for profile in PROFILES
        for one in gate_profile(profile).gates
        for gate, _ in written_out(one, d)
        if gate.id in gates
    }
    return tuple(group for group in GROUPS if needed & {one.id for one in group.definitions(d)})


def figures(
    of: Material, frame: pd.DataFrame, groups: tuple[MeasureGroup, ...] = GROUPS
) -> dict[str, Figure]:
    """Measure a cohort as a synthetic one of the training part."""
    return measure(of.training, frame, of.holdout, groups=groups, d=of.d)


def judge(
    of: Material, found: dict[str, Figure], profile: str, groups: tuple[MeasureGroup, ...] = GROUPS
) -> GateReport:
    """Apply the required gates of a profile whose measures are among the figures; see `figures`."""
    patients = len(of.training)  # those of the cohorts are as many, or in a test nearly so
    whole = gate_profile(profile)
    definitions = {one.id: one for group in groups for one in group.definitions(of.d)}
    original = summarise(of.training, "original", of.d, key="original")
    anchors = (
        measure(of.training, of.holdout, of.holdout, groups=(hamming.GROUP,), kind="holdout", d=of.d)
        if hamming.GROUP in groups
        else {}
    )
    evaluation = Evaluation(
        dictionary_version=of.d.version,
        amlsynth_version="0",
        seed=0,
        original_is_simulated=True,
        original=original,
        holdout=CohortSummary(label="", n=len(of.holdout), variables=(), survival=()),
        synthetics=(CohortSummary(label="", n=patients, variables=(), survival=()),),
        measures=tuple(
            definitions[name].measure(
                None, {"synthetic": figure}, {"holdout": anchors[name]} if name in anchors else {}
            )
            for name, figure in found.items() if name in definitions
        ),
        comparisons=(),
    )  # fmt: skip
    everything = apply_gates(evaluation, whole, d=of.d)
    chosen = tuple(
        gate
        for gate in everything.gates
        if gate.required
        and gate.measure in found
        and (gate.comparison != "at_least_share_of_holdout" or gate.measure in anchors)
    )
    return GateReport(profile=profile, passed=all(gate.passed is not False for gate in chosen), gates=chosen)
