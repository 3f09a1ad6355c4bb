"""Privacy: exact matches, Hamming distances and the leakage coefficient, as in table 3 of the paper.

None of these proves that nobody can be found again; they find copies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.measure_group import (
    NO_HOLDOUT,
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
from amlsynth.foundation.streams import Stream
from amlsynth.statistics.coding import Codes, CohortCoding, codes_of, numbers_of

PARTS = 4  # of the training set without a hold-out: 20 % each of all patients, as in the paper
MAX_PARTS = 10
MAX_PART_PATIENTS = 20_000  # patients; larger cohorts are sampled: a pair of this size takes seconds
MAX_IN_PARTS = (
    2 * MAX_PART_PATIENTS
)  # training patients in all parts, unless that leaves fewer than two parts
_ROWS, _COLUMNS = 2048, 4096  # of the block of distances held at a time: 32 MiB
_SOURCE = "Eckardt et al., npj Digit Med 2024, table 3 and methods, 'Assessment of privacy conservation'"


def minimum_distances(
    rows: Codes, targets: Codes, coding: CohortCoding, without_self: bool = False
) -> NDArray[np.int64]:
    """Return each row's Hamming distance to the nearest target, shape (rows,).

    Parameters
    ----------
    rows, targets : codes of two cohorts, shapes (rows, columns) and (targets, columns).
    coding : the coding that made them.
    without_self : leave out the target of the same position, for a cohort against itself.

    Notes
    -----
    Equal codes are counted by a product of indicators in blocks, so that memory is bounded.
    """
    best = np.full(len(rows), -1.0, dtype=np.float32)
    for left in range(0, len(targets), _COLUMNS):
        block = np.ascontiguousarray(coding.one_hot(targets[left : left + _COLUMNS]).T)
        used = np.flatnonzero(block.any(axis=1))  # a code that no target has matches nothing
        block = block[used]
        for top in range(0, len(rows), _ROWS):
            matches = coding.one_hot(rows[top : top + _ROWS])[:, used] @ block
            if without_self:
                own = np.arange(top, min(top + _ROWS, len(rows))) - left
                inside = (own >= 0) & (own < matches.shape[1])
                matches[np.flatnonzero(inside), own[inside]] = -1.0
            part = best[top : top + _ROWS]
            np.maximum(part, matches.max(axis=1), out=part)
    distances: NDArray[np.int64] = (rows.shape[1] - best).astype(np.int64)
    return distances


def count_exact_matches(frame: pd.DataFrame, training: pd.DataFrame, d: Dictionary) -> int:
    """Return how many rows equal a training row in every column (NA equals NA; nothing is binned)."""
    return int(np.isin(_fingerprints(frame, d), _fingerprints(training, d)).sum())


@dataclass(frozen=True)
class Partition:
    """Training parts and a hold-out sample of one size, as codes; drawn with the evaluation's seed.

    parts : shape (parts, size, columns). holdout : shape (size, columns), or None without a hold-out.
    """

    coding: CohortCoding
    parts: Codes
    holdout: Codes | None

    @classmethod
    def draw(cls, context: EvaluationContext) -> Partition:
        rng = Stream.TRAINING_PARTS.rng(context.seed)
        coding = context.coding
        train = coding.encode(context.original)
        if context.holdout is None:
            count = PARTS if len(train) >= PARTS else 1
            size = min(len(train) // count, MAX_PART_PATIENTS)
        else:
            # At least two, whose difference tells what chance makes of a part and of the hold-out
            least = min(2, len(train))
            count = min(max(least, round(len(train) / len(context.holdout))), MAX_PARTS)
            size = min(len(train) // count, len(context.holdout), MAX_PART_PATIENTS)
            count = min(count, max(2, MAX_IN_PARTS // max(1, size)))
        chosen = rng.permutation(len(train))[: count * size]
        parts = train[chosen].reshape(count, size, -1)
        if context.holdout is None:
            return cls(coding, parts, None)
        return cls(
            coding, parts, coding.encode(context.holdout)[rng.permutation(len(context.holdout))[:size]]
        )

    def to_train(self, rows: Codes) -> NDArray[np.int64]:
        """Return each row's distance to each part, shape (parts, rows)."""
        return np.stack([minimum_distances(rows, part, self.coding) for part in self.parts])


def _distances(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    partition = context.once("training parts", lambda: Partition.draw(context))
    rows = partition.coding.encode(cohort.frame)
    if len(rows) > MAX_PART_PATIENTS:
        rows = rows[
            np.sort(
                Stream.HAMMING_SAMPLE.rng(context.seed).choice(len(rows), MAX_PART_PATIENTS, replace=False)
            )
        ]
    holdout = partition.holdout
    if cohort.kind == "holdout" and holdout is not None:
        rows = holdout
    train = partition.to_train(rows)
    if holdout is None:
        return _table(train, NO_HOLDOUT)
    if cohort.kind != "holdout":
        return _table(train, minimum_distances(rows, holdout, partition.coding))
    if len(holdout) < 2:
        return _table(train, "the hold-out has one patient, so no other one to compare with")
    return _table(train, minimum_distances(rows, holdout, partition.coding, without_self=True))


def _original_distances(context: EvaluationContext) -> dict[str, Figure]:
    """Distances between training parts and from training to hold-out: the paper's "original cohort"."""
    partition = context.once("training parts", lambda: Partition.draw(context))
    pairs = [
        minimum_distances(one, other, partition.coding)
        for i, one in enumerate(partition.parts)
        for j, other in enumerate(partition.parts)
        if i != j
    ]
    rows = partition.parts.reshape(-1, partition.parts.shape[-1])
    test: NDArray[np.int64] | str = NO_HOLDOUT
    if partition.holdout is not None:
        test = minimum_distances(rows, partition.holdout, partition.coding)
    found = _table(np.stack(pairs) if pairs else "the training cohort makes one part only, so no pair", test)
    del found["leakage"]  # the training cohort is not compared with itself
    return found


def _table(train: NDArray[np.int64] | str, test: NDArray[np.int64] | str) -> dict[str, Figure]:
    """Turn minimum distances, or the reasons why there are none, into the figures of table 3.

    train : shape (parts, rows). test : shape (rows,).
    """

    def leakage() -> Figure:
        for distances in (train, test):
            if isinstance(distances, str):
                raise NotComputable(distances)
        to_train = float(np.mean(train))  # type: ignore[arg-type]
        if to_train == 0:
            raise NotComputable("every row equals a training row, so the quotient has no value")
        value = float(np.mean(test)) / to_train - 1  # type: ignore[arg-type]
        error = _chance_of_part(train.mean(axis=1)) / to_train  # type: ignore[union-attr]
        return figure(value, value - error, value + error)

    found = {}
    for name, distances in (("train", train), ("test", test)):
        if isinstance(distances, str):
            found[f"hamming_{name}"] = found[f"hamming_median_{name}"] = Figure(reason=distances)
        else:
            found[f"hamming_{name}"] = figure(float(distances.mean()))
            found[f"hamming_median_{name}"] = figure(float(np.median(distances)))
    found["leakage"] = attempt(leakage)
    return found


def _chance_of_part(means: NDArray[np.float64]) -> float:
    """Return how far a further part may lie from the mean of these, with 95 % certainty (Student's t)."""
    from scipy.special import stdtrit

    parts = len(means)
    if parts < 2:
        return math.inf
    return float(stdtrit(parts - 1, 0.975) * means.std(ddof=1) * math.sqrt(1 + 1 / parts))


def _figures(cohort: EvaluatedCohort, context: EvaluationContext) -> dict[str, Figure]:
    coding = context.coding
    ours, theirs = (_as_keys(coding.encode(frame)) for frame in (context.original, cohort.frame))
    exact = count_exact_matches(cohort.frame, context.original, context.dictionary)
    return {
        **_distances(cohort, context),
        "exact_matches": figure(float(exact)),
        "binned_matches": figure(float(np.isin(theirs, ours).sum())),
    }


def _fingerprints(frame: pd.DataFrame, d: Dictionary) -> NDArray[np.void]:
    categorical = [v for v in d.variables if v.is_categorical]
    codes = np.column_stack([codes_of(frame, v) for v in categorical])
    # Adding 0.0 makes -0.0 and 0.0 the same bytes.
    values = np.column_stack([numbers_of(frame, v.name) + 0.0 for v in d.variables if not v.is_categorical])
    values[np.isnan(values)] = np.nan
    return _as_keys(np.hstack((codes, np.ascontiguousarray(values).view(np.uint8))))


def _as_keys(rows: Codes) -> NDArray[np.void]:
    rows = np.ascontiguousarray(rows)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()


def _hamming_definitions() -> tuple[MeasureDefinition, ...]:
    how = (
        " Categories count as they are (NA is one), numbers by tenths of the training cohort; the "
        "training cohort stands in random parts of the hold-out's size, over which is averaged."
    )
    definitions = []
    for name, what in (("train", "training"), ("test", "hold-out")):
        definitions += [
            MeasureDefinition(
                id=f"hamming_{name}",
                label=f"Average minimum Hamming distance, {what}",
                aspect="privacy",
                better="original",
                unit="variables",
                description=(
                    f"In how many variables a patient differs from the nearest {what} patient, on "
                    "average. The original's figure compares training patients of different parts, and "
                    "training with hold-out patients." + how
                ),
                source=_SOURCE,
            ),
            MeasureDefinition(
                id=f"hamming_median_{name}",
                label=f"Median minimum Hamming distance, {what}",
                aspect="privacy",
                better="original",
                unit="variables",
                description=f"The median of the distances to the nearest {what} patient." + how,
                source=_SOURCE,
            ),
        ]
    return tuple(definitions)


GROUP = MeasureGroup(
    name="privacy",
    definitions=fixed(
        *_hamming_definitions(),
        MeasureDefinition(
            id="leakage",
            label="Privacy leakage coefficient",
            aspect="privacy",
            better="zero",
            description=(
                "Average minimum Hamming distance to the hold-out over that to the training cohort, "
                "minus 1. The paper takes values above 0.05 for a possible breach; a value below is no "
                "proof of privacy. For the hold-out itself, each patient is compared with the others. "
                "The 95 % interval is what chance makes of the hold-out, read off the differences of the "
                "training parts: a hold-out without any patient of a rare kind is far from those who are."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="exact_matches",
            label="Exact matches",
            aspect="privacy",
            better="zero",
            unit="patients",
            description=(
                "Synthetic patients equal to a training patient in every column (NA equals NA). "
                "Numbers are compared as they are, not in bins."
            ),
            source=_SOURCE,
        ),
        MeasureDefinition(
            id="binned_matches",
            label="Matches after binning",
            aspect="privacy",
            better="zero",
            unit="patients",
            description=(
                "Synthetic patients at Hamming distance 0 from a training patient: equal in every "
                "category and within the same tenth of every number."
            ),
            source=_SOURCE,
        ),
    ),
    figures=_figures,
    original_figures=_original_distances,
)
