"""The generator with a guarantee: what it uses, what it gives, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.generators.private.conftest import POOL

from amlsynth.cohort.validation import validate
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators import create
from amlsynth.generators.conditions import Condition
from amlsynth.generators.generation import generate, nobody
from amlsynth.generators.private import sums as sums_module
from amlsynth.generators.private.features import BOUND
from amlsynth.generators.private.generator import Private, private
from amlsynth.generators.private.mechanism import Mechanism
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sampling import draw_rows, hide
from amlsynth.generators.private.sums import Sums, SumsFile, write_sums
from amlsynth.model_space.resolution import Resolution


def _bytes(frame: pd.DataFrame) -> bytes:
    return frame.to_csv().encode()


def test_equal_sums_give_equal_bytes(
    reference: pd.DataFrame, public: PublicModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the sum is used: another cohort with the same sum gives the same patients."""
    monkeypatch.setattr(Mechanism, "release", lambda self, total: total + np.arange(len(total)) % 7)
    monkeypatch.setattr(sums_module.secrets, "token_hex", lambda size: "0" * 32)
    other = reference.sample(frac=1.0, random_state=1).reset_index(drop=True)
    # Values within a bin, and beyond the clipping, are not in the sum either.
    rows = other.index[(other["PLT"] > 400).fillna(False)][:3]
    other.loc[rows, "PLT"] = [1234.0, 2345.0, 2999.0][: len(rows)]
    np.testing.assert_array_equal(public.sum(reference), public.sum(other))
    samples = [
        private(pool=POOL).fit(frame, np.random.default_rng(1)).sample(200, np.random.default_rng(2))
        for frame in (reference, other)
    ]
    assert _bytes(samples[0]) == _bytes(samples[1])


def test_measurements_need_no_patients_and_give_the_same_again(
    sums_path: Path, reference: pd.DataFrame
) -> None:
    nobody = reference.head(0)
    one, two = (
        create("private", {"measurements": str(sums_path), "pool": POOL}).fit(
            nobody, np.random.default_rng(seed)
        )
        for seed in (1, 7)
    )
    first, again, other = (
        model.sample(300, np.random.default_rng(seed)) for model, seed in ((one, 2), (two, 2), (one, 3))
    )
    assert _bytes(first) == _bytes(again) != _bytes(other)


@pytest.fixture
def only_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fitted to a noisy sum, where a test looks at the sum alone."""
    monkeypatch.setattr(PublicModel, "fit", lambda *_: None)


@pytest.mark.usefixtures("only_measured")
def test_the_seed_does_not_decide_the_noise(reference: pd.DataFrame) -> None:
    one, two = (private(pool=POOL).fit(reference, np.random.default_rng(1)).sums.total for _ in range(2))
    assert (one != two).any()


def test_margins_follow_the_data_within_the_noise(fitted: Private, reference: pd.DataFrame) -> None:
    frame = fitted.sample(8_000, np.random.default_rng(1))
    for column in ("NPM1", "TP53", "CR1", "OSSTAT", "EFSSTAT"):
        assert abs(frame[column].mean() - reference[column].mean()) < 0.04, column
    assert abs(frame["AGE"].mean() - reference["AGE"].mean()) < 1.0
    assert abs(frame["OSTM"].median() - reference["OSTM"].median()) < 3.0


def test_missing_values_follow_the_data_within_the_noise(
    fitted: Private, public: PublicModel, reference: pd.DataFrame
) -> None:
    """With noise of its own: in 1 of 400 draws two values are left out of a panel, 2.9 % of patients."""
    sigma, exact = fitted.sums.sigma, public.sum(reference) / BOUND
    noise = sigma * np.random.default_rng(0).standard_normal(len(exact))
    masks = public.fit_masks(Sums(exact + noise, sigma, 2_000, ()))
    frame = hide(
        public.frame,
        masks.masks[draw_rows(masks.weights, POOL, np.random.default_rng(1))],
        public.map.columns,
    )
    assert not public.frame.isna().any(axis=None)  # which all fits share
    missing = frame.isna().mean() - reference.isna().mean()
    assert missing.abs().max() < 0.025  # five standard deviations of the noise on a single value


def test_data_move_the_model_away_from_the_prior(reference: pd.DataFrame) -> None:
    """A cohort of other frequencies and outcomes: the sample is nearer to it than to the prior."""
    young = reference[(reference["AGE"] < 50).fillna(False) & (reference["NPM1"] == 1).fillna(False)]
    cohort = pd.concat([young, young, reference.sample(800, random_state=1)], ignore_index=True)
    # A larger pool than elsewhere: the further the data, the fewer patients of the pool are like them.
    fit = private(pool=5 * POOL).fit(cohort, np.random.default_rng(1))
    frame = fit.sample(4_000, np.random.default_rng(2))
    share, before, after = cohort["NPM1"].mean(), reference["NPM1"].mean(), frame["NPM1"].mean()
    # A thousand patients and noise: part of the way to the prior is left; of five hundred about half.
    assert abs(after - share) < 0.5 * abs(before - share)


def test_failures_come_when_the_cohort_finds_them(public: PublicModel, reference: pd.DataFrame) -> None:
    """Failure is found at the end of the first course or the second; the prior knows one time for both."""
    cohort = reference.copy()
    failed = ((cohort["CR1"] == 0) & (cohort["EFSSTAT"] == 1) & (cohort["EFSTM"] < cohort["OSTM"])).fillna(
        False
    )
    first = np.arange(len(cohort)) % 2 == 0
    spread = 0.1 * np.random.default_rng(0).standard_normal(len(cohort))
    cohort.loc[failed, "EFSTM"] = (np.where(first, 0.9, 2.0) + spread).round(1)[failed]
    cohort["EFSTM"] = cohort[["EFSTM", "OSTM"]].min(axis=1)
    # Without noise and without the chance of a sample: what the features themselves can tell.
    exact = public.sum(cohort) / BOUND
    weights = public.fit(Sums(exact, 0.1, 2_000, ()), 100.0).values.tilted.weights

    def failures(frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        found = ((frame["EFSSTAT"] == 1) & (frame["CR1"] == 0)).fillna(False).to_numpy(bool)
        times = frame["EFSTM"].to_numpy(float, na_value=np.nan)[found]
        return np.histogram(times, (0, 0.6, 1.2, 1.7, 2.3, 3, 5, 1e3), weights=weights[found])[0]

    everybody = np.full(len(cohort), 1 / len(cohort))
    apart = np.abs(failures(public.frame, weights) - failures(cohort, everybody)).sum() / 2
    assert apart < 0.03  # .04 with bins at quantiles of both endpoints' times, .09 is the prior's


def test_numbers_and_times_have_the_dictionary_decimals(fitted: Private) -> None:
    frame = fitted.sample(500, np.random.default_rng(3))
    d = fitted.dictionary
    for variable in d.variables:
        if not variable.is_categorical:
            values = frame[variable.name].dropna().to_numpy(float)
            np.testing.assert_allclose(values, np.round(values, variable.decimals), atol=1e-9)


def test_many_patients_come_in_blocks_without_repeats(fitted: Private) -> None:
    frame = fitted.sample(12_000, np.random.default_rng(1))  # more than are taken from the pool
    assert len(frame.drop_duplicates()) == 12_000
    assert validate(frame, "synthetic").ok
    few = fitted.sample(2_000, np.random.default_rng(1))
    assert abs(frame["OSSTAT"].mean() - few["OSSTAT"].mean()) < 0.05


def test_conditions_are_met(fitted: Private) -> None:
    condition = Condition.read("AGE >= 60 and NPM1 == 1")
    blocks = condition.select(fitted.sample_blocks(9_000, np.random.default_rng(4)), 150)
    frame = pd.concat(blocks)
    assert len(frame) == 150 and (frame["AGE"] >= 60).all() and (frame["NPM1"] == 1).all()


def test_columns_not_assessed_are_missing_throughout(reference: pd.DataFrame, tmp_path: Path) -> None:
    cohort = reference.assign(EXAML=pd.array([pd.NA] * len(reference), dtype="Int8"))
    model = private(pool=POOL, not_assessed=("EXAML", "EFSTM", "EFSSTAT"))
    frame = model.fit(cohort, np.random.default_rng(1)).sample(100, np.random.default_rng(2))
    assert frame[["EXAML", "EFSTM", "EFSSTAT"]].isna().all(axis=None)
    assert validate(frame, "synthetic").ok
    # Who has the file alone need not know which columns these were.
    write_sums(model.sums_files[0], tmp_path / "a.json")
    params = {"measurements": str(tmp_path / "a.json"), "pool": POOL}
    made = generate(nobody(), "private", seed=1, n=60, split=False, params=params)
    assert made.synthetic.frame[["EXAML", "EFSTM", "EFSSTAT"]].isna().all(axis=None)


def test_the_number_of_patients_is_estimated(fitted: Private, reference: pd.DataFrame) -> None:
    assert fitted.default_n(5) == pytest.approx(len(reference), abs=60)


def test_sums_of_two_groups_are_as_good_as_a_larger_one(generator: Private, reference: pd.DataFrame) -> None:
    half = len(reference) // 2
    parts = tuple(
        (name, generator.measure(frame))
        for name, frame in (("one", reference.head(half)), ("two", reference.tail(len(reference) - half)))
    )
    pooled = private(pool=POOL).fit_sums(parts)
    assert pooled.default_n(0) == pytest.approx(len(reference), abs=80)
    assert pooled.sums.sigma == pytest.approx(np.sqrt(2) * parts[0][1].noise.scale / 2**16)


def test_a_prior_in_a_file(reference: pd.DataFrame, tmp_path: Path) -> None:
    from amlsynth.cohort.tables import write_table

    write_table(reference.head(600), tmp_path / "public.parquet")
    model = private(pool=2_000, prior=str(tmp_path / "public.parquet"), prior_model="independent")
    frame = model.fit(reference, np.random.default_rng(1)).sample(500, np.random.default_rng(2))
    assert validate(frame, "synthetic").ok
    assert abs(frame["NPM1"].mean() - reference["NPM1"].mean()) < 0.06


def test_a_prior_that_lacks_a_column_is_refused(reference: pd.DataFrame, tmp_path: Path) -> None:
    from amlsynth.cohort.tables import write_table

    lacking = reference.head(300).assign(TP53=pd.array([pd.NA] * 300, dtype="Int8"))
    write_table(lacking, tmp_path / "public.parquet")
    model = private(pool=2_000, prior=str(tmp_path / "public.parquet"), prior_model="independent")
    with pytest.raises(UsageError, match="The prior has no value of TP53"):
        model.fit(reference, np.random.default_rng(1))
    with pytest.raises(UsageError, match=r"The prior 'nowhere.csv' is no file"):
        private(prior="nowhere.csv").fit(reference, np.random.default_rng(1))


def test_of_a_prior_that_the_data_follow_nothing_is_told(fitted: Private) -> None:
    assert fitted.diagnosis.warning is None
    assert fitted.diagnosis.blocks["effects"] == pytest.approx(1.0, abs=0.5)
    assert fitted.diagnosis.slope == pytest.approx(1.0, abs=4 * fitted.diagnosis.slope_error)


@pytest.mark.usefixtures("only_measured")
def test_a_prior_that_the_data_contradict_is_told(reference: pd.DataFrame) -> None:
    turned = reference.copy()
    turned["NPM1"], turned["TP53"] = 1 - turned["NPM1"], 1 - turned["TP53"]
    turned["AGE"] = (turned["AGE"] * 0.6).clip(lower=18).round().astype("Int16")
    found = private(pool=POOL).fit(turned, np.random.default_rng(1)).diagnosis
    assert found.misfit > 2 and "contradict the prior's effects" in (found.warning or "")


def test_sizes_out_of_bounds_are_refused_before_anything_is_spent(
    reference: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mechanism, "release", lambda self, total: pytest.fail("noise was drawn"))
    with pytest.raises(DataError, match="needs at least 50 training patients and got 1"):
        private(pool=POOL).fit(reference.head(1), np.random.default_rng(1))
    with pytest.raises(DataError, match="more than 1,000 training patients, the public bound"):
        private(pool=POOL, patients_at_most=1_000).fit(reference, np.random.default_rng(1))
    with pytest.raises(UsageError, match=r"no column\. Did you mean 'NPM1'"):
        private(not_assessed=("NPM2",)).fit(reference, np.random.default_rng(1))
    for panels, message in (
        ("NPM1+NPM2", r"panels names 'NPM2', which is no column\. Did you mean 'NPM1'"),
        ("NPM1+TP53,KIT+TP53", r"panels names 'TP53' twice; leave it in one panel"),
        ("NPM1", r"panels has one of NPM1 alone; name the columns"),
    ):
        with pytest.raises(UsageError, match=message):
            private(panels=panels).fit(reference, np.random.default_rng(1))


def test_sums_say_what_they_are(sums: SumsFile) -> None:
    assert sums.privacy.epsilon == 3.0 and sums.privacy.delta == 2.5e-7
    assert sums.privacy.replace_one.epsilon > sums.privacy.epsilon
    assert sums.feature_map.prior["prior"] == "reference" and sums.noise.library.startswith("OpenDP")
    assert sums.intact and not sums.model_copy(update={"patients_at_most": 3}).intact
    assert replace(Private().params.budget, epsilon=1.0).epsilon == 1.0


def test_the_end_of_follow_up_stays_a_mass_point(reference: pd.DataFrame) -> None:
    """A protocol that censors everybody at 60 months is public: nobody is followed beyond."""
    cohort = reference.head(800).copy()
    for time, status in (("OSTM", "OSSTAT"), ("EFSTM", "EFSSTAT")):
        later = (cohort[time] > 60).fillna(False)
        cohort.loc[later, time], cohort.loc[later, status] = 60.0, 0
    fit = private(pool=POOL, end_of_follow_up=60.0).fit(cohort, np.random.default_rng(1))
    frame = fit.sample(2_000, np.random.default_rng(2))
    assert frame["OSTM"].max() == 60.0 and frame["EFSTM"].max() == 60.0
    for time in ("OSTM", "EFSTM"):
        assert abs((frame[time] == 60).mean() - (cohort[time] == 60).mean()) < 0.06, time
    assert (frame.loc[(frame["OSTM"] == 60).fillna(False), "OSSTAT"] == 0).all()
    without = private(pool=POOL).fit(cohort, np.random.default_rng(1)).sample(2_000, np.random.default_rng(2))
    assert (without["OSTM"] == 60).mean() < 0.02  # which the noisy sum alone cannot tell


def test_haemoglobin_in_tenths_of_g_per_dl_has_their_pattern(sums: SumsFile, reference: pd.DataFrame) -> None:
    step = 0.06206
    steps = Resolution.stated(private(pool=POOL).dictionary, {"HB": step})
    fitted = private(pool=POOL).fit_sums((("the sum", sums),), resolution=steps)
    values = fitted.sample(4_000, np.random.default_rng(1))["HB"].dropna().to_numpy(float)
    np.testing.assert_allclose(values, np.rint(values / step) * step, atol=1e-6)
    # Tenths of mmol/l with two steps in them are twice as frequent as those with one.
    tenths = np.rint(np.arange(60, 150) * step * 10).astype(int)  # 3.7 to 9.2 mmol/l
    twice = np.flatnonzero(np.bincount(tenths) == 2)
    middle = np.rint(values[(values > 4.0) & (values < 9.0)] * 10).astype(int)
    assert np.isin(middle, twice).mean() > 0.7  # of all tenths six in ten are such


def test_deaths_on_day_0_stay_there_where_steps_are_recorded(reference: pd.DataFrame, tmp_path: Path) -> None:
    from amlsynth.cohort.tables import write_table

    public = reference.head(600).copy()
    dead = public.index[(public["OSSTAT"] == 1).fillna(False)][:60]
    public.loc[dead, ["OSTM", "EFSTM"]], public.loc[dead, "EFSSTAT"] = 0.0, 1
    write_table(public, tmp_path / "public.parquet")
    model = private(pool=2_000, prior=str(tmp_path / "public.parquet"), prior_model="independent")
    days = Resolution.stated(model.dictionary, {"OSTM": 1 / 30.4375})
    fitted = model.fit(public, np.random.default_rng(1), resolution=days)
    # More patients than the pool, so that some are drawn again and moved.
    frame = fitted.sample(3_000, np.random.default_rng(2))
    known = frame[frame["OSTM"].notna()]
    pool, weights = model.public.frame, fitted.model.values.tilted.weights
    share = weights[(pool["OSTM"] == 0).fillna(False).to_numpy(bool)].sum()
    assert share > 0.02 and (known["OSTM"] == 0).mean() == pytest.approx(share, abs=0.01)
    later = known.loc[known["OSTM"] > 0, "OSTM"].to_numpy(float) * 30.4375
    np.testing.assert_allclose(later, np.rint(later), atol=1e-3)
    assert validate(frame, "synthetic").ok
