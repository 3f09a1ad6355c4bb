"""A study finds better parameters, goes on where it stopped, and never sees the hold-out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from amlsynth import tune, write_params
from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators import generator_class, generator_names
from amlsynth.generators.params_file import read_params
from amlsynth.tuning import TuningResult, table
from amlsynth.tuning.bench import Bench
from amlsynth.tuning.space import search_space, stored_defaults
from amlsynth.tuning.trials import attach


def _toy(cohort: Cohort, **options: object) -> TuningResult:
    usual: dict[str, Any] = {"trials": 6, "repeats": 1, "seed": 3, "objective": "quick"}
    return tune(cohort, "toy", **(usual | options))


def _tried(result: TuningResult) -> list[tuple[object, float | None]]:
    return [(trial.params, trial.score) for trial in result.trials]


def test_first_the_defaults_then_better_ones(toy: type, cohort: Cohort) -> None:
    # The toy's default copies patients, which its privacy and so its score suffer from.
    result = _toy(cohort, trials=8, repeats=3, seed=5)
    assert result.trials[0].default and result.trials[0].params == {
        "copies": 1.0,
        "style": "plain",
        "size": 10,
    }
    assert result.default_score == result.trials[0].score
    assert result.trials[0].scores["privacy"] == 0
    assert result.default_score is not None and result.score > result.default_score
    assert result.params == result.best.params and result.params["copies"] < 1
    assert {type(result.params[name]) for name in ("copies", "style", "size")} == {float, str, int}
    assert result.importance and abs(sum(result.importance.values()) - 1) < 1e-6


@pytest.fixture(scope="module")
def studies() -> dict[str, TuningResult]:
    return {}


@pytest.fixture
def whole(toy: type, cohort: Cohort, studies: dict[str, TuningResult]) -> TuningResult:
    """A study of the usual options in memory, made once for the tests of this file."""
    if "whole" not in studies:
        studies["whole"] = _toy(cohort)
    return studies["whole"]


def test_seed_decides_what_is_found(whole: TuningResult, cohort: Cohort) -> None:
    assert _tried(_toy(cohort)) == _tried(whole) != _tried(_toy(cohort, seed=4))


def _bench(cohort: Cohort, **options: object) -> Bench:
    """Return the bench of a study of one trial."""
    made: list[Bench] = []
    original = Bench.of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bench, "of", lambda task: made.append(original(task)) or made[-1])
        _toy(cohort, **({"trials": 1} | options))
    return made[0]


def test_the_hold_out_is_never_seen(toy: type, cohort: Cohort) -> None:
    bench = _bench(cohort, split_seed=9, repeats=3)
    outer = split_cohort(cohort.frame, 0.2, seed=9)
    pd.testing.assert_frame_equal(bench.task.train, outer.train)
    rows = {tuple(map(str, row)) for row in outer.train.itertuples(index=False)}
    for part, _ in bench.parts:
        inner = pd.concat([part.train, part.unseen])
        assert {tuple(map(str, row)) for row in inner.itertuples(index=False)} == rows
    assert set(toy.seen) == {len(bench.parts[0][0].train)} == {144}  # type: ignore[attr-defined]


def test_an_interrupt_loses_no_finished_trial(
    whole: TuningResult, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = Bench.run, []

    def interrupted(self: Bench, trial: object, progress: object) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(self, trial, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(Bench, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _toy(cohort, storage=tmp_path / "s.journal")
    monkeypatch.setattr(Bench, "run", run)
    resumed = _toy(cohort, storage=tmp_path / "s.journal")
    assert resumed.count("scored") + resumed.count("pruned") == 6
    assert resumed.count("interrupted") == 1
    assert _tried(resumed)[:2] == _tried(whole)[:2]
    again = _toy(cohort, storage=tmp_path / "s.journal")
    assert _tried(again) == _tried(resumed)


def test_more_trials_go_on_as_if_never_stopped(whole: TuningResult, cohort: Cohort, tmp_path: Path) -> None:
    _toy(cohort, storage=tmp_path / "s.journal", trials=3)
    assert _tried(_toy(cohort, storage=tmp_path / "s.journal")) == _tried(whole)


def test_failed_trials_are_recorded_without_patients(toy: type, cohort: Cohort) -> None:
    result = _toy(cohort, trials=8, params={"fails_above": "0.5"})
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed and result.count("scored")
    assert all(trial.params["copies"] > 0.5 for trial in failed)
    assert all("ValueError" in str(trial.failure) and "63" not in str(trial.failure) for trial in failed)
    assert result.params["fails_above"] == 0.5
    assert "Failed: an unexpected ValueError in conftest.py" in table(result)


def test_nothing_but_failures(toy: type, cohort: Cohort) -> None:
    with pytest.raises(DataError, match=r"No trial .* was scored.*\n  an unexpected ValueError"):
        _toy(cohort, trials=2, params={"fails_above": -1.0})


def test_time_is_up(toy: type, cohort: Cohort) -> None:
    with pytest.raises(DataError, match="Give it more time"):
        _toy(cohort, timeout=1e-9)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"objective": "papr"}, "no objective 'papr'. Did you mean 'paper'"),
        ({"params": {"copys": 1}}, "no parameter 'copys'. Did you mean 'copies'"),
        ({"params": {"copies": 1, "style": "plain", "size": 3}}, "is fixed by --param: copies, style, size"),
        ({"trials": 0}, "trials is 0"),
        ({"jobs": 2}, "need a storage"),
        ({"seed": -1}, "seed is -1"),
        ({"timeout": 0.0}, "more than 0"),
    ],
)
def test_wrong_use(toy: type, cohort: Cohort, options: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        _toy(cohort, **options)


def test_a_generator_without_parameters(cohort: Cohort) -> None:
    with pytest.raises(UsageError, match="independent has no parameter to tune"):
        tune(cohort, "independent", trials=2)


def test_too_few_patients(few: Cohort) -> None:
    with pytest.raises(DataError, match=r"at least 50 training patients, and tuning.*leaves it 36"):
        tune(few, "sequential-cart", trials=2)


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"split_seed": 8}, {"repeats": 2}, {"params": {"size": 3}}, {"objective": "default"}],
)
def test_a_study_of_something_else_is_refused(
    toy: type, cohort: Cohort, tmp_path: Path, change: dict[str, object]
) -> None:
    options = {"storage": tmp_path / "s.journal", "study": "mine", "trials": 1}
    _toy(cohort, **options)
    with pytest.raises(UsageError, match=r"The study 'mine' in .*s.journal was made with another"):
        _toy(cohort, **options, **change)
    other = Cohort(cohort.frame.iloc[::-1].reset_index(drop=True), "original", cohort.about)
    with pytest.raises(UsageError, match="made with another cohort, so"):
        _toy(other, **options)


def test_the_file_is_read_by_generate_and_holds_what_was_done(
    toy: type, cohort: Cohort, tmp_path: Path
) -> None:
    result = _toy(cohort, split_seed=9)
    write_params(result, tmp_path / "tuned.yaml")
    found = read_params(tmp_path / "tuned.yaml")
    assert (found.generator.name, found.params) == ("toy", result.params)
    content = yaml.safe_load((tmp_path / "tuned.yaml").read_text())["tuning"]
    assert content["split"] == {"seed": 9, "holdout": 0.2}
    assert content["trials"]["scored"] == result.count("scored")
    assert content["cohort"]["training_patients"] == 192 and len(content["cohort"]["sha256"]) == 64
    assert content["score"] == round(result.score, 6) and set(content["versions"]) >= {"amlsynth", "optuna"}
    with pytest.raises(UsageError, match="tuning has seen patients of its hold-out"):
        found.check_split(tmp_path / "tuned.yaml", 8, 0.2)
    found.check_split(tmp_path / "tuned.yaml", 9, 0.2)


def test_pruning_stops_what_is_behind(toy: type, cohort: Cohort) -> None:
    pruned = _toy(cohort, trials=10, repeats=2)
    assert pruned.count("pruned") and pruned.count("pruned") + pruned.count("scored") == 10
    first = [trial.state for trial in pruned.trials].index("pruned")
    assert _toy(cohort, trials=first + 1, repeats=2, prune=False).count("pruned") == 0


@pytest.mark.parametrize("name", generator_names())
def test_defaults_lie_in_the_space(name: str) -> None:
    params = generator_class(name).Params
    if any(type(item).__name__ == "Search" for f in params.model_fields.values() for item in f.metadata):
        assert stored_defaults(search_space(params, {}, name)) is not None, name


def test_the_default_generator_can_be_tuned(cohort: Cohort) -> None:
    result = tune(cohort, trials=2, repeats=1, seed=1)
    assert result.count("scored") == 2
    assert all(0 <= score <= 1 for trial in result.trials for score in trial.scores.values())


def test_trials_differ_by_parameters_and_not_by_luck(toy: type, cohort: Cohort) -> None:
    bench = _bench(cohort)
    study = attach(bench.task)
    scores = []
    for _ in range(2):
        study.enqueue_trial({"copies": 0.5, "style": "plain", "size": 7})
        scores.append(bench.run(study.ask(), lambda _stage, _share: None))
    assert scores[0] == scores[1] and np.isfinite(scores[0])


def test_a_second_disease_is_tuned_by_its_dictionary(
    toy: type, mds: pd.DataFrame, mds_dictionary: Dictionary
) -> None:
    about = About(name="mds", title="mds", simulated=True, statement="Simulated.")
    cohort = Cohort(mds.head(160), "original", about)
    result = _toy(cohort, trials=2, d=mds_dictionary)
    assert set(result.best.scores) == {"os", "columns", "privacy"}
    assert all(0 <= score <= 1 for score in result.best.scores.values())
