"""Who alone decides something, in cohorts where it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.audit.conftest import FLAG, Copying, Ignoring

from amlsynth.audit.presence import RELEASES, presence
from amlsynth.audit.shadows import Release
from amlsynth.audit.static import chance_of_being_seen, static_findings
from amlsynth.audit.targets import choose_targets
from amlsynth.cohort.cohort import Cohort
from amlsynth.dictionary.model import Dictionary


def test_chance_of_a_single_carrier() -> None:
    assert chance_of_being_seen(1, 1475, 1475) == pytest.approx(1 - np.exp(-1), abs=1e-3)
    assert chance_of_being_seen(5, 5, 1) == 1


def test_planted_singularities_are_found(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    frame = reference.head(300).copy()
    columns = [e.time for e in dictionary.endpoints] + [e.status for e in dictionary.endpoints]
    frame[FLAG] = pd.array([0] * 300, dtype="Int8")
    frame.loc[17, FLAG] = 1
    frame.loc[frame.index[:40], ["minus.7", "del.7q."]] = pd.NA
    frame.loc[5, "del.7q."] = 0  # otherwise missing together
    frame.loc[8, columns] = pd.NA
    frame.loc[23, "WBC"] = 500.0
    found = {(f.kind, f.row, f.columns[:2]) for f in static_findings(frame, dictionary)}
    assert ("state", 17, (FLAG,)) in found
    assert ("missing apart", 5, ("minus.7", "del.7q.")) in found
    assert any(kind == "event pattern" and row == 8 for kind, row, _ in found)
    assert ("extreme", 23, ("WBC",)) in found
    assert not any(kind == "state" and names == ("SEX",) for kind, _, names in found)


def test_one_odd_patient_who_decides_the_resolution(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    frame = reference.head(200).copy()
    frame["HB"] = pd.array(np.round((24 + np.arange(200) % 40) * 0.1611, 6), dtype="Float64")
    kinds = {f.row for f in static_findings(frame, dictionary) if f.kind == "resolution"}
    assert kinds == set()
    frame.loc[3, "HB"] = 7.7777
    assert {3} == {f.row for f in static_findings(frame, dictionary) if f.kind == "resolution"}


def test_a_second_disease_without_composite_words(mds: pd.DataFrame, mds_dictionary: Dictionary) -> None:
    findings = static_findings(mds, mds_dictionary)
    assert {finding.kind for finding in findings} <= {
        "state", "missing together", "missing apart", "event pattern", "extreme", "resolution"
    }  # fmt: skip
    assert all(set(f.columns) <= {*mds_dictionary.names, "OSTM - LFSTM"} for f in findings)


def test_targets_of_each_kind(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    targets = choose_targets(reference, dictionary, 26, np.random.default_rng(0))
    assert len({target.row for target in targets}) == 26
    assert [sum(t.kind == kind for t in targets) for kind in ("singular", "lonely", "random")] == [9, 7, 10]
    longest = reference[dictionary.terminal.time].astype(float).idxmax()
    assert longest in [t.row for t in targets if t.kind == "singular"]
    again = choose_targets(reference, dictionary, 26, np.random.default_rng(1))
    assert {t.row for t in again if t.kind == "random"} != {t.row for t in targets if t.kind == "random"}


def test_leaving_out_tells_what_a_fit_repeats(
    flagged: Cohort, population: pd.DataFrame, dictionary: Dictionary
) -> None:
    findings = [f for f in static_findings(flagged.frame, dictionary) if f.kind == "state" and f.row == 0]
    assert [f.columns for f in findings] == [(FLAG,)]

    def seen(release: Release) -> tuple[int, int, bool]:
        (one,) = presence(flagged.frame, dictionary, findings, release, released=60, seed=1, releases=30)
        return one.with_patient, one.without_patient, one.gives_away

    inside, outside, away = seen(Copying())
    assert 10 < inside < 28 and outside == 0 and away
    assert seen(Ignoring(population)) == (0, 0, False)


def test_what_a_fit_draws_for_all_its_releases_tells_of_nobody(
    flagged: Cohort, population: pd.DataFrame, dictionary: Dictionary
) -> None:
    findings = [f for f in static_findings(flagged.frame, dictionary) if f.kind == "state" and f.row == 0]
    fits = 0

    def wavering(train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        nonlocal fits
        fits += 1
        released = Ignoring(population)(train, n, rng)
        released[FLAG] = pd.array([int(rng.random() < 0.5)] * n, dtype="Int8")
        return released

    found = [presence(flagged.frame, dictionary, findings, wavering, released=9, seed=s)[0] for s in range(9)]
    assert fits == 9 * 2 * RELEASES  # one fit a release, or whoever flips one coin for all is accused
    assert all(0 < one.with_patient < RELEASES for one in found)
    assert not any(one.gives_away for one in found)
