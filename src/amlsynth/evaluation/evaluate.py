"""The evaluation of synthetic cohorts: every measure, beside the same of three anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation import validity
from amlsynth.evaluation.anchors import make_anchors
from amlsynth.evaluation.comparisons import compare
from amlsynth.evaluation.effects import measures as effect_measures
from amlsynth.evaluation.family import (
    NO_HOLDOUT,
    AnchorName,
    Candidate,
    CandidateKind,
    Family,
    Setting,
    lacking,
)
from amlsynth.evaluation.fidelity import columns as fidelity
from amlsynth.evaluation.fidelity import pairs, support, two_sample
from amlsynth.evaluation.fidelity.co_occurrence import co_occurrence
from amlsynth.evaluation.given import Synthetics, as_given, candidates, generators_of, spreads
from amlsynth.evaluation.outcomes import lacks, why_lacking
from amlsynth.evaluation.plugins import installed_families
from amlsynth.evaluation.prediction import prediction
from amlsynth.evaluation.privacy import attacks
from amlsynth.evaluation.privacy import hamming as privacy
from amlsynth.evaluation.privacy.attacks import arena
from amlsynth.evaluation.records import SMALL_CELL, Evaluation, Figure, Measure, Origin
from amlsynth.evaluation.summary import summarise
from amlsynth.evaluation.survival import curves as survival
from amlsynth.evaluation.survival import response, tails
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.types import Progress
from amlsynth.foundation.version import __version__
from amlsynth.survival.endpoint import endpoint_data

FAMILIES: tuple[Family, ...] = (
    fidelity.FAMILY,
    two_sample.FAMILY,
    pairs.FAMILY,
    support.FAMILY,
    survival.FAMILY,
    tails.FAMILY,
    response.FAMILY,
    prediction.FAMILY,
    effect_measures.FAMILY,
    privacy.FAMILY,
    *attacks.FAMILIES,
    validity.FAMILY,
)


def evaluate(
    original: pd.DataFrame,
    synthetic: Synthetics,
    holdout: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    simulated: bool = False,
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
    original : the training part of the original, typed frame (n, columns).
    synthetic : the synthetic cohort, typed frame (m, columns); or several, by label or as `given.Given`. The
        anchors are drawn and measured once, with as many patients as the first has.
    holdout : the part of the original that no generator saw; without it the measures that need it give
        that reason.
    seed : for the anchors and the partition of the training part; the same gives the same record.
    simulated : whether the original itself is simulated and holds no patient.
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
        A frame has no rows, or columns or cells that the dictionary does not know.
    UsageError
        The seed is negative, or two synthetic cohorts have the same label.
    """
    if seed < 0:
        raise UsageError(f"the seed is {seed}; take a whole number that is not negative.")
    d = d or dictionary()
    given = as_given(synthetic, synthetic_label)
    original = _typed(original, d, "the original cohort")
    made = candidates(given, lambda frame, source: _typed(frame, d, source))
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    setting = Setting(original, holdout, d, seed)
    families = all_families(d)
    tell = _Steps(progress, total=(3 + len(made)) * len(families) + 4)

    tell("drawing the anchors")
    anchors = make_anchors(setting, len(made[0].frame))
    keys = [cohort.key for cohort in made]
    measures = _measures(families, made, anchors, setting, generators_of(given, keys), tell)
    tell("comparing the cohorts")
    protected = {"original", "holdout", *(cohort.key for cohort in made if cohort.protected)}
    others = [*made] if holdout is None else [*made, Candidate("holdout", holdout, "holdout")]
    comparisons = [
        compare(original, other.frame, d, cohort=other.key, protect=other.key in protected)
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
        original=summarise(original, original_label, d, protect=True, key="original", origin=original_origin),
        holdout=None
        if holdout is None
        else summarise(holdout, holdout_label, d, protect=True, key="holdout", origin=holdout_origin),
        synthetics=tuple(
            summarise(m.frame, g.label, d, protect=m.protected, key=m.key, origin=g.origin)
            for m, g in zip(made, given, strict=True)
        ),
        measures=measures,
        comparisons=tuple(one for found in comparisons for one in found),
        effects=effect_measures.effect_records(setting, made, protected),
        co_occurrence=co_occurrence(original, {o.key: o.frame for o in others}, d, protected),
        rules=validity.rule_counts(
            [Candidate("synthetic", original, "original", holds_patients=True), *others], setting, protected
        ),
        notes=(*notes, *_notes(setting, made, [cohort.label for cohort in given]), *_foreign(families)),
    )
    tell("done")
    return evaluation


def measure(
    original: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    kind: CandidateKind = "synthetic",
    families: Sequence[Family] | None = None,
    d: Dictionary | None = None,
) -> dict[str, Figure]:
    """Return the figures of one cohort alone, by measure, for comparisons of many cohorts.

    Without anchors a figure is not to be shown to anybody: they tell what it is worth. Parameters are those
    of `evaluate`; `kind` says what stands in the place of the synthetic cohort, and `families` which measures
    are wanted, by default all.
    """
    d = d or dictionary()
    original, synthetic = _typed(original, d, "the original cohort"), _typed(synthetic, d, "the cohort")
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    setting, candidate = Setting(original, holdout, d, seed), Candidate(kind, synthetic)
    found: dict[str, Figure] = {}
    for family in all_families(d) if families is None else families:
        found |= family.measured(candidate, setting)
    return found


def all_families(d: Dictionary) -> tuple[Family, ...]:
    """Return the families of amlsynth, and those that other installed packages bring.

    Raises
    ------
    UsageError
        A package's measures cannot be loaded, or have an identifier that is taken.
    """
    return (*FAMILIES, *installed_families(FAMILIES, d))


def _measures(
    families: Sequence[Family],
    made: Sequence[Candidate],
    anchors: dict[AnchorName, Candidate | str],
    setting: Setting,
    generators: Mapping[str, Sequence[str]],
    tell: _Steps,
) -> tuple[Measure, ...]:
    measures: list[Measure] = []
    d = setting.dictionary
    for family in families:
        specs = family.specs(d)
        found: dict[str, dict[str, Figure]] = {}
        for cohort in made:
            tell(f"measuring {family.name}: {cohort.key}")
            found[cohort.key] = family.measured(cohort, setting)
        own = family.measured_original(setting)
        beside: dict[AnchorName, dict[str, Figure]] = {}
        for name, anchor in anchors.items():
            tell(f"measuring {family.name}: {name}")
            beside[name] = (
                {spec.id: Figure(reason=anchor) for spec in specs}
                if isinstance(anchor, str)
                else family.measured(anchor, setting)
            )
        for spec in specs:
            figures = {key: there[spec.id] for key, there in found.items()}
            there = {name: of_anchor[spec.id] for name, of_anchor in beside.items()}
            measures.append(
                spec.measure(
                    own.get(spec.id),
                    figures,
                    there,
                    family.name,
                    spreads(figures, generators),
                    applicable=lacking(spec, setting.original, d) is None,
                )
            )
    return tuple(measures)


def _foreign(families: Sequence[Family]) -> tuple[str, ...]:
    return tuple(
        f"The measures {family.name!r} are those of the package {family.package}."
        for family in families
        if family.package
    )


def _notes(setting: Setting, made: Sequence[Candidate], labels: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if setting.holdout is None:
        notes.append(f"Measures against a hold-out are not available: {NO_HOLDOUT}.")
    cohorts = [("original", setting.original, True)]
    if setting.holdout is not None:
        cohorts.append(("hold-out", setting.holdout, True))
    for cohort, label in zip(made, labels, strict=True):
        name = "synthetic cohort" if len(made) == 1 else f"cohort {label}"
        cohorts.append((name, cohort.frame, cohort.protected))
    for name, frame, protect in cohorts:
        for endpoint in setting.dictionary.endpoints:
            left_out = endpoint_data(frame, endpoint).left_out
            if lacks(frame, setting.dictionary, endpoint.name):
                notes.append(f"{_capital(why_lacking(endpoint.name, name))}.")
            elif left_out:
                few = left_out < SMALL_CELL and protect
                count = f"fewer than {SMALL_CELL}" if few else str(left_out)
                notes.append(
                    f"{count} of {len(frame)} patients of the {name} have no usable {endpoint.name} time "
                    f"and status and are left out of every {endpoint.name} figure."
                )
        empty = [column for column in setting.dictionary.names if frame[column].isna().all()]
        if empty:
            notes.append(f"Not assessed in the {name}, every value missing: {', '.join(empty)}.")
    sizes = [len(cohort.frame) for cohort in made]
    if len(set(sizes)) > 1:
        notes.append(
            f"The synthetic cohorts differ in size; the anchors have {sizes[0]} patients as the first has."
        )
    if max(len(frame) for _, frame, _ in cohorts) > privacy.LARGEST_PART:
        notes.append(
            f"Hamming distances are computed on random samples of at most {privacy.LARGEST_PART} patients "
            "of each cohort and part; matches are counted over all."
        )
    targets = max(len(frame) for frame in (setting.original, setting.holdout) if frame is not None)
    if targets > arena.MOST_TARGETS or max(sizes) > arena.MOST_RELEASED:
        notes.append(
            f"Attacks run on random samples of at most {arena.MOST_TARGETS} training and as many hold-out "
            f"patients, and search at most {arena.MOST_RELEASED} synthetic patients."
        )
    return tuple(notes)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _typed(frame: pd.DataFrame, d: Dictionary, source: str) -> pd.DataFrame:
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
