"""The presence pass: is what one patient decides seen in releases with that patient, and not without?

Twenty fits with everyone, which serve all, and as many without each patient. No attack is learned and no
statistics are needed: a state that shows in all of twenty releases with its only carrier and in none of
twenty without is a yes or no about that patient. Every release is of a fit of its own: those of one fit share
what the fit drew at random, such as where a tail ends, and are no evidence of twenty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from amlsynth.audit.columns import NA, Columns
from amlsynth.audit.shadows import Release
from amlsynth.audit.static import KINDS, Finding
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.representations.embedding import one_thread
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray, Progress, no_progress
from amlsynth.model_space.resolution import find_step
from amlsynth.statistics.fisher import fisher_test

RELEASES = 20
PATIENTS = 12
_SIGNIFICANT = 0.01  # after the correction for the number of findings


@dataclass(frozen=True)
class Presence:
    """In how many of `releases` a finding shows, with its patient in the training cohort and without.

    `p` is Fisher's exact two-sided p-value, corrected by Bonferroni for the number of findings.
    """

    finding: Finding
    with_patient: int
    without_patient: int
    releases: int
    p: float

    @property
    def gives_away(self) -> bool:
        return self.p < _SIGNIFICANT


def presence(
    frame: pd.DataFrame,
    d: Dictionary,
    findings: Sequence[Finding],
    release: Release,
    *,
    released: int,
    seed: int,
    patients: int = PATIENTS,
    releases: int = RELEASES,
    progress: Progress = no_progress,
) -> list[Presence]:
    """Test the findings of some patients of the static pass, chosen in turn from each kind.

    Parameters
    ----------
    released : patients in each release. patients : who are left out, at most. releases : fits with everyone,
        and without each of those.
    """
    columns = Columns(d)
    matrix = columns.matrix(frame)
    rows = _chosen(findings, patients)

    def releases_of(train: pd.DataFrame) -> list[FloatArray]:
        # The same streams for every patient, so that the fits differ in the patient and in nothing else.
        streams = (Stream.AUDIT_LEFT_OUT.rng_of(seed, number) for number in range(releases))
        return [columns.matrix(release(train, released, rng)) for rng in streams]

    counted: list[tuple[Finding, int, int]] = []
    with one_thread():
        everyone = releases_of(frame) if rows else []
        for number, row in enumerate(rows):
            progress("leaving out patients", number / len(rows))
            without = releases_of(frame.drop(index=frame.index[row]).reset_index(drop=True))
            for finding in findings:
                if finding.row == row:
                    counts = (
                        sum(_shows(columns, matrix, finding, one) for one in side)
                        for side in (everyone, without)
                    )
                    counted.append((finding, *counts))  # type: ignore[arg-type]
    tested = []
    for finding, inside, outside in counted:
        test = fisher_test(inside, releases - inside, outside, releases - outside)
        p = test.p_value * len(counted)
        tested.append(Presence(finding, inside, outside, releases, min(1.0, p)))
    return tested


def _chosen(findings: Iterable[Finding], patients: int) -> list[int]:
    """Return rows of patients, in turn from each kind of finding, those that stand out most first."""
    lists = {kind: [] for kind in KINDS}  # type: dict[str, list[int]]
    for finding in sorted(findings, key=lambda one: -one.weight):
        lists[finding.kind].append(finding.row)
    rows: list[int] = []
    while len(rows) < patients and any(lists.values()):
        for left in lists.values():
            while left and left[0] in rows:
                left.pop(0)
            if left and len(rows) < patients:
                rows.append(left.pop(0))
    return rows


def _shows(columns: Columns, cohort: FloatArray, finding: Finding, released: FloatArray) -> bool:
    """Return whether a release shows what the patient decides."""
    patient = cohort[finding.row]
    places = [columns.names.index(name) for name in finding.columns]
    named = len(columns.dictionary.names)
    if finding.kind == "state":
        return bool((released[:, places[0]] == patient[places[0]]).any())
    if finding.kind == "missing together":
        same: BoolArray = (released[:, :named] == NA) == (patient[:named] == NA)
        return bool(same.all(axis=1).any())
    if finding.kind == "missing apart":
        apart = (released[:, places] == NA) == (patient[places] == NA)
        return bool(apart.all(axis=1).any())
    if finding.kind == "event pattern":
        return bool((columns.event_pattern(released) == columns.event_pattern(patient[None])).any())
    values, others = released[:, places[0]], np.delete(cohort[:, places[0]], finding.row)
    values, others = values[values != NA], others[others != NA]
    if finding.kind == "resolution":
        default = 10.0 ** -columns.dictionary[finding.columns[0]].decimals
        known = cohort[:, places[0]]
        step, step_there = find_step(known[known != NA], default), find_step(values, default)
        return abs(step_there - step) <= 1e-3 * step
    largest = patient[places[0]] > others.max()
    return bool((values > others.max()).any() if largest else (values < others.min()).any())
