"""The evaluation of a synthetic cohort: every measure, beside the same of three anchors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from amlsynth.dictionary import Dictionary, dictionary
from amlsynth.errors import UsageError
from amlsynth.evaluation import (
    attacks,
    effect_measures,
    fidelity,
    outcome,
    pairs,
    prediction,
    privacy,
    support,
    survival,
    tails,
    two_sample,
    validity,
)
from amlsynth.evaluation.anchors import make_anchors
from amlsynth.evaluation.attacks import arena
from amlsynth.evaluation.comparisons import compare
from amlsynth.evaluation.family import NO_HOLDOUT, AnchorName, Candidate, CandidateKind, Family, Setting
from amlsynth.evaluation.kaplan_meier import endpoint_data
from amlsynth.evaluation.records import SMALL_CELL, Evaluation, Figure, Measure
from amlsynth.evaluation.summary import summarise
from amlsynth.tables import to_typed

FAMILIES: tuple[Family, ...] = (
    fidelity.FAMILY,
    two_sample.FAMILY,
    pairs.FAMILY,
    support.FAMILY,
    survival.FAMILY,
    tails.FAMILY,
    outcome.FAMILY,
    prediction.FAMILY,
    effect_measures.FAMILY,
    privacy.FAMILY,
    *attacks.FAMILIES,
    validity.FAMILY,
)
Progress = Callable[[str, float], None]


def evaluate(
    original: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    simulated: bool = False,
    original_label: str = "Original (training)",
    synthetic_label: str = "Synthetic",
    holdout_label: str = "Original (hold-out)",
    progress: Progress | None = None,
    d: Dictionary | None = None,
) -> Evaluation:
    """Measure a synthetic cohort against the original that it was made from.

    Parameters
    ----------
    original : the training part of the original, typed frame (n, 63).
    synthetic : the synthetic cohort, typed frame (m, 63).
    holdout : the part of the original that the generator never saw; without it the measures that need
        it give that reason.
    seed : for the anchors and the partition of the training part; the same gives the same record.
    simulated : whether the original itself is simulated and holds no patient.
    original_label, synthetic_label, holdout_label : how tables and figures name the cohorts.
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
        The seed is negative.
    """
    if seed < 0:
        raise UsageError(f"the seed is {seed}; take a whole number that is not negative.")
    d = d or dictionary()
    original = _typed(original, d, "the original cohort")
    synthetic = _typed(synthetic, d, "the synthetic cohort")
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    setting = Setting(original, holdout, d, seed)
    tell = _Steps(progress, total=4 * len(FAMILIES) + 4)

    tell("drawing the anchors")
    anchors = make_anchors(setting, len(synthetic))
    measures = _measures(Candidate("synthetic", synthetic), anchors, setting, tell)
    tell("comparing the cohorts")
    comparisons = compare(original, synthetic, d)
    tell("summarising the cohorts")
    evaluation = Evaluation(
        dictionary_version=d.version,
        amlsynth_version=_version(),
        seed=seed,
        original_is_simulated=simulated,
        original=summarise(original, original_label, d, protect=True),
        holdout=None if holdout is None else summarise(holdout, holdout_label, d, protect=True),
        synthetic=summarise(synthetic, synthetic_label, d, protect=False),
        measures=measures,
        comparisons=comparisons,
        effects=effect_measures.effect_records(setting, synthetic, holdout),
        notes=_notes(setting, synthetic),
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
    families: Sequence[Family] = FAMILIES,
    d: Dictionary | None = None,
) -> dict[str, Figure]:
    """Return the figures of one cohort alone, by measure, for comparisons of many cohorts.

    Without anchors a figure is not to be shown to anybody: they tell what it is worth. Parameters are those
    of `evaluate`; `kind` says what stands in the place of the synthetic cohort, and `families` which measures
    are wanted.
    """
    d = d or dictionary()
    original, synthetic = _typed(original, d, "the original cohort"), _typed(synthetic, d, "the cohort")
    holdout = None if holdout is None else _typed(holdout, d, "the hold-out")
    setting, candidate = Setting(original, holdout, d, seed), Candidate(kind, synthetic)
    found: dict[str, Figure] = {}
    for family in families:
        found |= family.figures(candidate, setting)
    return found


def _measures(
    synthetic: Candidate, anchors: dict[AnchorName, Candidate | str], setting: Setting, tell: _Steps
) -> tuple[Measure, ...]:
    measures: list[Measure] = []
    for family in FAMILIES:
        tell(f"measuring {family.name}: synthetic")
        own = family.original_figures(setting)
        found = family.figures(synthetic, setting)
        beside: dict[AnchorName, dict[str, Figure]] = {}
        for name, anchor in anchors.items():
            tell(f"measuring {family.name}: {name}")
            beside[name] = (
                {spec.id: Figure(reason=anchor) for spec in family.specs}
                if isinstance(anchor, str)
                else family.figures(anchor, setting)
            )
        for spec in family.specs:
            figures = {name: found_there[spec.id] for name, found_there in beside.items()}
            measures.append(spec.measure(own.get(spec.id), found[spec.id], figures))
    return tuple(measures)


def _notes(setting: Setting, synthetic: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    if setting.holdout is None:
        notes.append(f"Measures against a hold-out are not available: {NO_HOLDOUT}.")
    cohorts = {"original": setting.original, "hold-out": setting.holdout, "synthetic cohort": synthetic}
    for cohort, frame in cohorts.items():
        if frame is None:
            continue
        for endpoint in setting.dictionary.endpoints:
            left_out = endpoint_data(frame, endpoint).left_out
            if left_out:
                few = left_out < SMALL_CELL and frame is not synthetic
                count = f"fewer than {SMALL_CELL}" if few else str(left_out)
                notes.append(
                    f"{count} of {len(frame)} patients of the {cohort} have no usable {endpoint.name} time "
                    f"and status and are left out of every {endpoint.name} figure."
                )
        empty = [name for name in setting.dictionary.names if frame[name].isna().all()]
        if empty:
            notes.append(f"Not assessed in the {cohort}, every value missing: {', '.join(empty)}.")
    sizes = {len(frame) for frame in (setting.original, setting.holdout, synthetic) if frame is not None}
    if max(sizes) > privacy.LARGEST_PART:
        notes.append(
            f"Hamming distances are computed on random samples of at most {privacy.LARGEST_PART} patients "
            "of each cohort and part; matches are counted over all."
        )
    targets = max(len(frame) for frame in (setting.original, setting.holdout) if frame is not None)
    if targets > arena.MOST_TARGETS or len(synthetic) > arena.MOST_RELEASED:
        notes.append(
            f"Attacks run on random samples of at most {arena.MOST_TARGETS} training and as many hold-out "
            f"patients, and search at most {arena.MOST_RELEASED} synthetic patients."
        )
    return tuple(notes)


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


def _version() -> str:
    from amlsynth import __version__

    return __version__
