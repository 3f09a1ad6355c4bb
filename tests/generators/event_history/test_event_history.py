"""The default generator keeps associations, both endpoints, missingness and privacy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.errors import UsageError
from amlsynth.generators import DEFAULT, create
from amlsynth.generators.event_history.transitions import IllnessDeath, Shrinkage
from amlsynth.model_space.encoding import encode
from amlsynth.survival.cox import cox_fit
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier


@pytest.fixture(scope="module")
def synthetic(reference: pd.DataFrame) -> pd.DataFrame:
    model = create(DEFAULT).fit(reference, np.random.default_rng(0))
    return model.sample(20_000, np.random.default_rng(1))


def _log_odds(frame: pd.DataFrame, one: str, other: str) -> float:
    table = pd.crosstab(frame[one], frame[other]).to_numpy(float) + 0.5
    return float(np.log(table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])))


@pytest.mark.parametrize(
    "pair",
    [("NPM1", "FLT3I"), ("NPM1", "RUNX1"), ("TP53", "CGCX"), ("NPM1", "DNMT3A"), ("CR1", "TP53")],
)
def test_associations_are_kept(
    reference: pd.DataFrame, synthetic: pd.DataFrame, pair: tuple[str, str]
) -> None:
    original = _log_odds(reference, *pair)
    assert abs(original) > 0.4
    # The ridge that hides rare pairs takes up to a fifth of a strong one.
    assert abs(_log_odds(synthetic, *pair) - original) < max(0.35, 0.2 * abs(original))


@pytest.mark.parametrize("name", ["OS", "EFS"])
def test_curves_and_effects_of_both_endpoints_are_kept(
    reference: pd.DataFrame, synthetic: pd.DataFrame, name: str
) -> None:
    endpoint = dictionary().endpoint(name)
    ours, theirs = endpoint_data(reference, endpoint), endpoint_data(synthetic, endpoint)
    months = np.array([1, 3, 6, 12, 24, 60, 100])
    # A fit resamples patients, so its curve is off as that of another cohort: four standard errors.
    assert np.abs(kaplan_meier(ours).at(months) - kaplan_meier(theirs).at(months)).max() < 0.05
    for marker in ("TP53", "AGE", "NPM1"):
        original, copy = (
            cox_fit(
                frame.loc[known, endpoint.time].to_numpy(float),
                frame.loc[known, endpoint.status].to_numpy(int) == 1,
                frame.loc[known, marker].to_numpy(float),
            )
            for frame in (reference, synthetic)
            for known in [frame[[marker, endpoint.time, endpoint.status]].notna().all(axis=1)]
        )
        difference = abs(original.beta[0] - copy.beta[0])
        assert difference < 3 * original.standard_errors[0], marker


def test_event_patterns_are_kept(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    def shares(frame: pd.DataFrame) -> pd.Series:
        tied = frame["EFSTM"] == frame["OSTM"]
        return frame.assign(tied=tied).groupby(["EFSSTAT", "OSSTAT", "tied"]).size() / len(frame)

    assert shares(synthetic).sub(shares(reference), fill_value=0).abs().max() < 0.03


def test_what_is_missing_together_stays_so(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    missing = (reference.isna().mean() - synthetic.isna().mean()).abs()
    assert missing.max() < 0.03
    for frame in (reference, synthetic):
        assert (frame["t8.21"].isna() == frame["inv.3"].isna()).all()


def test_rare_alterations_keep_their_frequency_and_copy_no_profile(reference: pd.DataFrame) -> None:
    train = reference.copy()
    carrier = train.index[train["IKZF1"] == 0][:1]
    train["IKZF1"] = train["IKZF1"].where(train["IKZF1"].isna(), 0)
    train.loc[carrier, "IKZF1"] = 1
    frame = create(DEFAULT).fit(train, np.random.default_rng(0)).sample(50_000, np.random.default_rng(1))
    carriers = frame[frame["IKZF1"] == 1]
    assert 5 < len(carriers) < 150  # 31 expected of one in 1,606
    # A single patient teaches nothing about who carries it: carriers are like everybody.
    assert abs(carriers["NPM1"].mean() - frame["NPM1"].mean()) < 0.25


def test_nobody_is_copied(reference: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    assert len(synthetic.merge(reference, how="inner", on=list(reference.columns))) == 0


def test_longest_times_are_nobodys(reference: pd.DataFrame) -> None:
    train = reference.assign(OSTM=reference["OSTM"] * (1 + 1e-3 * np.arange(len(reference)) / len(reference)))
    train["EFSTM"] = train[["EFSTM", "OSTM"]].min(axis=1)
    frame = create(DEFAULT).fit(train, np.random.default_rng(0)).sample(30_000, np.random.default_rng(1))
    assert (frame["OSTM"] == train["OSTM"].max()).mean() < 0.001
    assert 0.9 * train["OSTM"].max() < frame["OSTM"].max() < 1.25 * train["OSTM"].max()


@pytest.mark.parametrize(("shown", "hidden"), [("OS", "EFS"), ("EFS", "OS")])
def test_one_endpoint_alone_is_modelled(reference: pd.DataFrame, shown: str, hidden: str) -> None:
    d = dictionary()
    train = reference.copy()
    for column in (d.endpoint(hidden).time, d.endpoint(hidden).status):
        train[column] = pd.Series([pd.NA] * len(train)).astype(train[column].dtype)
    frame = create(DEFAULT).fit(train, np.random.default_rng(0)).sample(5000, np.random.default_rng(1))
    assert frame[[d.endpoint(hidden).time, d.endpoint(hidden).status]].isna().all(axis=None)
    ours, theirs = (
        kaplan_meier(endpoint_data(table, d.endpoint(shown))).at([6, 24, 60]) for table in (train, frame)
    )
    assert np.abs(ours - theirs).max() < 0.05


def test_more_shrinkage_gives_weaker_associations_and_more_distance(reference: pd.DataFrame) -> None:
    def strength(shrinkage: float) -> float:
        model = create(DEFAULT, {"shrinkage": shrinkage, "max_leaves": 1})
        frame = model.fit(reference, np.random.default_rng(0)).sample(5_000, np.random.default_rng(1))
        return abs(_log_odds(frame, "NPM1", "FLT3I"))

    assert strength(0.5) > strength(50) > strength(1000)


def test_orders_are_averaged(reference: pd.DataFrame) -> None:
    model = create(DEFAULT, {"orders": 3}).fit(reference, np.random.default_rng(0))
    frame = model.sample(5000, np.random.default_rng(1))
    assert len(frame) == 5000
    assert abs(_log_odds(frame, "NPM1", "FLT3I") - _log_odds(reference, "NPM1", "FLT3I")) < 0.5
    # Patients of the chains are mixed, so that any part of the sample is like the whole.
    assert abs(frame["NPM1"].head(1000).mean() - frame["NPM1"].mean()) < 0.06


def test_marginal_curves_are_calibrated_against_crossing_hazards() -> None:
    """An effect that turns around breaks proportional hazards; the marginal curve must still be right."""
    from amlsynth.sources.reference import reference_frame

    train = reference_frame(3000, 5)
    risk = (train["NPM1"] == 1).to_numpy(bool, na_value=False)
    rng = np.random.default_rng(6)
    time = np.where(risk, rng.weibull(0.6, 3000) * 30, rng.weibull(2.0, 3000) * 30) + 0.1
    train["OSTM"] = pd.array(np.round(time, 2), dtype="Float64")
    train["EFSTM"] = train["OSTM"]
    train["OSSTAT"] = train["EFSSTAT"] = pd.array([1] * 3000, dtype="Int8")
    encoded = encode(train)
    features = (risk - risk.mean())[:, None].astype(float)
    model = IllnessDeath(encoded, features, np.zeros(3000, dtype=bool), Shrinkage(1.0, 5.0, 20.0))
    pattern, drawn, gap = model.draw(np.repeat(features, 10, axis=0), np.zeros(30_000, dtype=bool), rng)
    at = np.quantile(time, [0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose([(drawn <= t).mean() for t in at], [0.1, 0.3, 0.5, 0.7, 0.9], atol=0.015)
    assert (gap == 0).all() and len(set(pattern)) == 1


def test_fit_does_not_see_the_hold_out(reference: pd.DataFrame) -> None:
    parts = split_cohort(reference, 0.2, seed=1)
    model = create(DEFAULT).fit(parts.train, np.random.default_rng(0))
    kept = {len(values) for values in vars(model).values() if hasattr(values, "__len__")}
    assert len(parts.train) not in kept  # nor are the training patients kept as a table


@pytest.mark.parametrize(("key", "value"), [("shrinkage", "0"), ("min_leaf", "3"), ("orders", "0")])
def test_parameters_have_bounds(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"event-history: the parameter {key} cannot be '{value}'"):
        create(DEFAULT, {key: value})
