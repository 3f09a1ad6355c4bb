"""CTAB-GAN+ as a whole: what it keeps of a cohort, when it stops, and how it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from amlsynth.cohort.validation import DUPLICATE_RULE, validate
from amlsynth.evaluation import evaluate
from amlsynth.foundation.errors import UsageError
from amlsynth.generators import create, generator_class
from amlsynth.generators.building_blocks.neural import Budget
from amlsynth.generators.ctabgan import generator as module
from amlsynth.generators.generation import generate
from amlsynth.sources.amlsg import import_amlsg
from amlsynth.statistics.associations import log_correlation_score
from amlsynth.statistics.coverage import regularized_support_coverage

QUICK = dict(generator_class("ctabgan-plus").quick_params)


def _fit(train: pd.DataFrame, **params: Any) -> Any:
    return create("ctabgan-plus", QUICK | params).fit(train, np.random.default_rng(1))


def test_margins_and_what_follows_from_others_need_no_long_training(reference: pd.DataFrame) -> None:
    """Associations take thousands of steps: of few columns test_training.py shows them, of all a study."""
    model = _fit(reference, steps=8, batch=64, hidden=32, channels=4, check_every=8)
    frame = model.sample(1606, np.random.default_rng(2))
    apart = create("independent").fit(reference, np.random.default_rng(1))
    other = apart.sample(1606, np.random.default_rng(2))
    d = model.dictionary
    assert log_correlation_score(reference, frame, d) > log_correlation_score(reference, other, d) + 0.1
    assert regularized_support_coverage(reference, frame, d) > 0.93
    for column in ("NPM1", "OSSTAT", "CR1", "SEX"):
        same = [pd.get_dummies(x[column].astype(str)).mean() for x in (frame, reference)]
        assert (same[0] - same[1]).abs().max() < 0.06, column
    for column in ("AGE", "WBC", "OSTM"):
        ratio = frame[column].quantile([0.25, 0.5, 0.75]) / reference[column].quantile([0.25, 0.5, 0.75])
        assert ratio.between(0.85, 1.18).all(), column


def test_without_calibration_margins_are_the_networks_own(reference: pd.DataFrame) -> None:
    plain, corrected = (
        _fit(reference, calibrate=flag).sample(2000, np.random.default_rng(2)) for flag in (False, True)
    )
    broken = validate(plain, "synthetic").by_rule().query("severity == 'error'")
    assert set(broken["rule"]) <= {DUPLICATE_RULE}
    wanted = reference["CR1"].mean()
    assert abs(corrected["CR1"].mean() - wanted) < 0.05 < abs(plain["CR1"].mean() - wanted)


def test_columns_missing_together_stay_together(reference: pd.DataFrame) -> None:
    frame = _fit(reference).sample(3000, np.random.default_rng(2))
    for leader in ("CGNK", "BCOR"):
        together = reference[leader].isna()
        group = [name for name in reference if reference[name].isna().equals(together)]
        assert len(group) > 10
        for name in group:
            assert frame[name].isna().equals(frame[leader].isna()), name
        assert abs(frame[leader].isna().mean() - together.mean()) < 0.01


def test_early_stop_and_steps(reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5, 0.4, 0.3, 0.9])
    monkeypatch.setattr(module, "likeness", lambda *_: next(scores))
    model = _fit(reference.head(100), steps=50, check_every=2, patience=2)
    assert model.steps_done == 6


def test_time_budget(reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(module, "Budget", lambda seconds: Budget(seconds, clock))
    model = _fit(reference.head(100), steps=10_000, check_every=10_000, time_budget=20.0)
    assert 1 <= model.steps_done < 20
    assert len(model.sample(7, np.random.default_rng(1))) == 7


def test_progress_goes_up_to_the_end(reference: pd.DataFrame) -> None:
    seen: list[tuple[str, float]] = []
    create("ctabgan-plus", QUICK).fit(
        reference.head(100), np.random.default_rng(1), lambda stage, share: seen.append((stage, share))
    )
    shares = [share for stage, share in seen if stage == "training the networks"]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 3


def test_nothing_global_is_seeded_or_used(reference: pd.DataFrame) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index, union-attr]  # noqa: NPY002
    _fit(reference.head(100)).sample(10, np.random.default_rng(1))
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


def test_patients_who_are_all_alike(reference: pd.DataFrame) -> None:
    train = reference.iloc[np.zeros(60, dtype=int)].reset_index(drop=True)
    frame = _fit(train).sample(20, np.random.default_rng(1))
    assert len(frame.drop_duplicates()) == 1
    assert (frame["SEX"] == train["SEX"].iloc[0]).all()


def test_numbers_alone_vary(reference: pd.DataFrame) -> None:
    first = reference.dropna(subset=["WBC", "HB", "PLT"]).iloc[0]
    train = pd.DataFrame({c: pd.Series([first[c]] * 80).astype(reference[c].dtype) for c in reference})
    train["AGE"] = pd.array(np.arange(80) % 40 + 30, dtype=train["AGE"].dtype)
    frame = _fit(train, max_modes=1).sample(200, np.random.default_rng(1))
    assert frame["AGE"].nunique() > 10 and frame["AGE"].between(30, 69).all()
    assert frame["NPM1"].nunique(dropna=False) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_absent_cuda_is_named(reference: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="device=cuda was asked for, and torch finds no CUDA device"):
        _fit(reference.head(60), device="cuda")


def test_unknown_target_names_the_nearest(reference: pd.DataFrame) -> None:
    with pytest.raises(
        UsageError, match=r"no categorical column 'CR2' to be the target\. Did you mean 'CR1'"
    ):
        _fit(reference.head(60), target="CR2")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"pac": 3}, "parameter pac cannot be 3: it must divide the batch of 32 rows"),
        ({"batch": 20}, "parameter batch cannot be 20"),
        ({"steps": "many"}, "parameter steps cannot be 'many'"),
        ({"time_budget": 0}, "parameter time_budget cannot be 0"),
        ({"device": "tpu"}, "parameter device cannot be 'tpu'"),
    ],
)
def test_parameters_have_bounds(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create("ctabgan-plus", QUICK | params)


@pytest.mark.parametrize("pac", [2, 4])
def test_rows_judged_together(reference: pd.DataFrame, pac: int) -> None:
    assert len(_fit(reference.head(100), pac=pac).sample(5, np.random.default_rng(1))) == 5


@pytest.mark.amlsg
@pytest.mark.study
def test_targets_on_amlsg_at_the_defaults(amlsg_dir: Path) -> None:
    made = generate(import_amlsg(amlsg_dir), "ctabgan-plus", seed=1)
    assert made.split is not None
    evaluation = evaluate(made.split.train, made.synthetic.frame, made.split.holdout, seed=1)
    found = {measure.id: measure.synthetic.value for measure in evaluation.measures}
    least = {"rsc": 0.94, "bsm": 0.91, "logcorr": 0.66, "km_score_os": 0.95, "km_score_efs": 0.95}
    for name, limit in least.items():
        value = found[name]
        assert value is not None and value >= limit, (name, value)
    assert found["rules_broken"] == 0 and found["exact_matches"] == 0
    leakage, ties = found["leakage"], found["share_efs_equals_os"]
    assert leakage is not None and leakage < 0.03
    assert ties is not None and abs(ties - 0.39) < 0.05
