"""The whole audit on mechanisms of known leakage, and what happens when it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.audit.conftest import FLAG, Copying, Counting, Flagging, Ignoring

from amlsynth.audit.features import AttackFeatures
from amlsynth.audit.figures import groups_figure, targets_figure
from amlsynth.audit.records import read_audit
from amlsynth.audit.run import Audit, audit, write_audit
from amlsynth.audit.shadows import GeneratorRelease, Shadows, run_shadows
from amlsynth.audit.summary import markdown, sentences
from amlsynth.cli import main
from amlsynth.cohort.cohort import Cohort, write_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError

Auditing = Callable[..., Audit]


def _audited(cohort: Cohort, release: Any, **options: Any) -> Audit:
    return audit(cohort, release=release, left_out=0, **({"targets": 3, "shadows": 32, "seed": 3} | options))


@pytest.fixture(scope="module")
def planted(flagged: Cohort, population: pd.DataFrame) -> Audit:
    return _audited(flagged, Flagging(population))


def test_a_fit_that_ignores_the_targets_gives_one_half(flagged: Cohort, population: pd.DataFrame) -> None:
    shadow = _audited(flagged, Ignoring(population)).result.shadow
    assert shadow is not None
    figure = shadow.group("all").auc
    assert figure.value is not None and abs(figure.value - 0.5) < 0.15
    assert shadow.epsilon_worst == 0 and shadow.epsilon_pooled == 0
    assert not any(target.certain or target.exposed for target in shadow.targets)


def test_copies_are_found(flagged: Cohort) -> None:
    # Of three times as many copies as patients, a patient is missed with probability exp(-3) = 5 %.
    shadow = _audited(flagged, Copying(), released=180).result.shadow
    assert shadow is not None
    assert (shadow.group("all").auc.value or 0) > 0.9
    assert (shadow.control.auc.value or 1) < 0.7
    assert all(target.exposed for target in shadow.targets)


def test_a_planted_flag_is_found_with_certainty_and_named(planted: Audit) -> None:
    shadow = planted.result.shadow
    assert shadow is not None
    carrier = next(patient for patient in planted.internal.patients if patient.row == 1)
    assert carrier.auc is not None and carrier.auc.value == 1.0
    assert any(FLAG in feature for feature in carrier.features)
    assert sum(target.certain for target in shadow.targets) == 1
    assert shadow.epsilon_worst > 0.3  # 16 of 16 against 0 of 16, at the confidence that is asked for
    others = [p.auc.value for p in planted.internal.patients if p.auc and p.row != 1]
    assert all(value is not None and value < 0.85 for value in others)


def test_a_noisy_count_is_bounded_below_its_epsilon(flagged: Cohort, population: pd.DataFrame) -> None:
    shadow = _audited(flagged, Counting(population, 1.0)).result.shadow
    assert shadow is not None and max(shadow.epsilon_worst, shadow.epsilon_pooled) <= 1.0


def test_what_may_be_shown_names_nobody(planted: Audit, tmp_path: Path) -> None:
    write_audit(planted, tmp_path / "audit")
    shown = (tmp_path / "audit" / "audit.json").read_text() + (tmp_path / "audit" / "AUDIT.md").read_text()
    assert FLAG not in shown and '"row"' not in shown
    assert read_audit(tmp_path / "audit" / "audit.json") == planted.result
    internal = json.loads((tmp_path / "audit" / "internal" / "internal.json").read_text())
    assert any(FLAG in decided for p in internal["patients"] for decided in p["decides"])
    assert any("found with certainty" in sentence for sentence in sentences(planted.result))
    assert "control: memberships exchanged" in markdown(planted.result)


def test_folders_with_other_files_are_left_alone(planted: Audit, tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_text("a\n")
    with pytest.raises(UsageError, match="has other files in it"):
        write_audit(planted, tmp_path)
    with pytest.raises(DataError, match="no result of an audit"):
        read_audit(tmp_path / "trial.csv")


def test_figures_are_the_same_bytes_again(planted: Audit, tmp_path: Path) -> None:
    for figure in (targets_figure, groups_figure):
        drawn = []
        for name in ("a.svg", "b.svg"):
            figure(planted.result, tmp_path / name)
            drawn.append((tmp_path / name).read_bytes())
        assert drawn[0] == drawn[1] and b"<svg" in drawn[0]


class _Stopping:
    """Copies patients, until so many fits were made; then it fails as an interrupt does."""

    def __init__(self, fits: int) -> None:
        self.left = fits

    def __repr__(self) -> str:
        return "stopping"

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return Copying()(train, n, rng)


def test_an_interrupted_run_goes_on(flagged: Cohort, dictionary: Dictionary, tmp_path: Path) -> None:
    rows, file = np.array([0, 5, 9]), tmp_path / "kept.jsonl"
    features = AttackFeatures(flagged.frame, rows, dictionary, 1, queries=10)

    def plan(fits: int, seed: int = 1) -> Shadows:
        return Shadows(flagged.frame, rows, dictionary, "fixed", 30, seed, _Stopping(fits))

    with pytest.raises(KeyboardInterrupt):
        run_shadows(plan(7), features, 16, file=file)
    with file.open("a") as stream:
        stream.write('{"fit": 7, "sha')  # as a kill in the middle of a line leaves it
    values, member = run_shadows(plan(9), features, 16, file=file)
    whole, memberships = run_shadows(plan(16), features, 16)
    np.testing.assert_array_equal(values, whole)
    np.testing.assert_array_equal(member, memberships)
    assert (member.sum(axis=0) == 8).all() and not (member[0] & member[1]).any()
    again, _ = run_shadows(plan(0), features, 16, file=file)  # nothing is left to do
    np.testing.assert_array_equal(again, whole)
    with pytest.raises(UsageError, match="of another cohort, generator, seed or world"):
        run_shadows(plan(16, seed=2), features, 16, file=file)
    file.write_text("nonsense\n")
    with pytest.raises(UsageError, match="no file of shadow fits"):
        run_shadows(plan(16), features, 16, file=file)


def test_two_processes_make_what_one_makes(flagged: Cohort, dictionary: Dictionary) -> None:
    rows = np.array([0, 5])
    features = AttackFeatures(flagged.frame, rows, dictionary, 1, queries=10)
    plan = Shadows(flagged.frame, rows, dictionary, "resampled", 30, 1, Copying())
    one, _ = run_shadows(plan, features, 4)
    two, _ = run_shadows(plan, features, 4, jobs=2)
    np.testing.assert_array_equal(one, two)


def test_worlds_differ_in_who_else_is_there(flagged: Cohort, dictionary: Dictionary) -> None:
    rows = np.array([0, 5])
    for world, sizes in (("fixed", {58, 59, 60}), ("resampled", {29, 30, 31})):
        plan = Shadows(flagged.frame, rows, dictionary, world, 30, 1, Copying())  # type: ignore[arg-type]
        parts = [plan.training_rows(fit) for fit in range(4)]
        assert {len(part) for part in parts} <= sizes
        np.testing.assert_array_equal(*(np.setdiff1d(part, rows) for part in parts[:2]))


def test_a_second_disease_is_audited(mds: pd.DataFrame, mds_dictionary: Dictionary, flagged: Cohort) -> None:
    cohort = Cohort(mds.head(60), "original", flagged.about, mds_dictionary)
    shadow = _audited(cohort, Copying(), released=180, targets=3, shadows=32).result.shadow
    assert shadow is not None and (shadow.group("all").auc.value or 0) > 0.8


def test_numbers_of_fits_and_targets_that_cannot_be(flagged: Cohort) -> None:
    for shadows in (8, 21):
        with pytest.raises(UsageError, match="fits come in pairs"):
            audit(flagged, "bootstrap", shadows=shadows)
    with pytest.raises(UsageError, match="targets are too few"):
        audit(flagged, "bootstrap", targets=1)
    with pytest.raises(UsageError, match="no parameter"):
        audit(flagged, "bootstrap", params={"x": 1})
    with pytest.raises(UsageError, match="makes no replicates"):
        audit(flagged, "bootstrap", replicates=2)
    with pytest.raises(UsageError, match="a release of your own"):
        audit(flagged, "bootstrap", replicates=2, release=Copying())


def test_replicates_are_attacked_with_the_cohort_beside_them(flagged: Cohort, dictionary: Dictionary) -> None:
    def release(replicates: int) -> pd.DataFrame:
        one = GeneratorRelease("sequential-cart", (), dictionary, replicates=replicates)
        return one(flagged.frame, 30, np.random.default_rng(1))

    alone, together = release(0), release(2)
    pd.testing.assert_frame_equal(together.head(30), alone)
    parts = [together.iloc[start : start + 30].reset_index(drop=True) for start in (0, 30, 60)]
    assert len(together) == 90 and not any(parts[i].equals(parts[i + 1]) for i in range(2))
    found = audit(flagged, "sequential-cart", shadows=0, left_out=0, replicates=2)
    assert found.result.replicates == 2 and "and in each of 2 replicates" in markdown(found.result)


def test_the_room_is_the_function() -> None:
    import amlsynth.audit.rates

    assert callable(amlsynth.audit)


def test_the_command_writes_whole_folders_and_says_what_it_found(
    flagged: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cohort(flagged, tmp_path / "c.csv")
    command = ["audit", "--cohort", str(tmp_path / "c.csv"), "--generator", "bootstrap", "--out"]
    options = ["--targets", "3", "--shadows", "16", "--left-out", "1", "--jobs", "1"]
    with pytest.raises(SystemExit) as stopped:
        main([*command, str(tmp_path / "found"), *options])
    assert stopped.value.code == 0
    assert "An attacker who refits the generator 16 times" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"audit.json", "AUDIT.md", "internal"}
    with pytest.raises(SystemExit) as stopped:
        main([*command, str(tmp_path / "other"), "--shadows", "17"])
    assert stopped.value.code == 2 and "fits come in pairs" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
