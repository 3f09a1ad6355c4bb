"""The simulated reference cohort against the published figures, its biology, rules and reproducibility."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from amlsynth.cohort.validation import validate
from amlsynth.dictionary.derived import ELN2022_RISKS, eln2022, follow_up
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import sha256
from amlsynth.foundation.yamlfile import read_yaml_model
from amlsynth.sources.reference import reference_cohort, reference_frame
from amlsynth.sources.reference_parameters import PARAMETERS_FILE, Parameters, parameters
from amlsynth.statistics.wald import wald_p
from amlsynth.survival.cox import cox_fit

PUBLISHED = parameters().published
LABORATORY = {"AGE": PUBLISHED.age, "WBC": PUBLISHED.wbc, "HB": PUBLISHED.hb, "PLT": PUBLISHED.plt}
SHARES = {
    "male": PUBLISHED.male,
    **PUBLISHED.status,
    "extramedullary": PUBLISHED.extramedullary,
    **PUBLISHED.eln2022,
    "remission": PUBLISHED.remission,
}
MEDIANS = {
    "EFS": PUBLISHED.efs_median,
    "OS": PUBLISHED.os_median,
    "follow-up": PUBLISHED.follow_up_median,
}
SEEDS = range(2001, 2021)  # twenty other than the one of the released cohort


@pytest.fixture(scope="module")
def first() -> pd.DataFrame:
    return reference_frame()


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    return reference_frame(60_000, seed=3)


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """The figures of twenty cohorts of 1,606, one row each."""
    return pd.DataFrame([figures(reference_frame(seed=seed)) for seed in SEEDS])


def figures(frame: pd.DataFrame) -> dict[str, float]:
    """Every published figure of a cohort; shares are of all patients, as in the paper."""
    n = len(frame)
    found = {
        "male": (frame["SEX"] == "male").sum() / n,
        **{status: (frame["AMLSTAT"] == status).sum() / n for status in PUBLISHED.status},
        "extramedullary": (frame["EXAML"] == 1).sum() / n,
        **{level: (eln2022(frame) == level).sum() / n for level in ELN2022_RISKS},
        "remission": (frame["CR1"] == 1).sum() / n,
    }
    for name in LABORATORY:
        values = frame[name].dropna().to_numpy(float)
        for position, quartile in enumerate(np.quantile(values, [0.25, 0.5, 0.75])):
            found[f"{name}{position}"] = quartile
    followed = follow_up(frame)
    found["EFS"] = kaplan_meier(frame["EFSTM"], frame["EFSSTAT"]).median_survival_time_
    found["OS"] = kaplan_meier(frame["OSTM"], frame["OSSTAT"]).median_survival_time_
    found["follow-up"] = kaplan_meier(followed["time"], followed["status"]).median_survival_time_
    return found


def kaplan_meier(time: pd.Series, status: pd.Series) -> KaplanMeierFitter:
    return KaplanMeierFitter().fit(time.to_numpy(float), status.to_numpy(int))


def odds_ratio(frame: pd.DataFrame, one: str, other: str) -> float:
    both = frame[[one, other]].dropna().to_numpy(int)
    cells = np.array([[((both == (i, j)).all(axis=1)).sum() for j in (0, 1)] for i in (0, 1)]) + 0.5
    return cells[1, 1] * cells[0, 0] / cells[1, 0] / cells[0, 1]


# Against the published figures


@pytest.mark.parametrize("name", SHARES)
def test_shares_of_the_released_cohort(first: pd.DataFrame, name: str) -> None:
    # 95 % of random samples of 1,606 from the published share are this near.
    tolerance = 1.96 * np.sqrt(SHARES[name] * (1 - SHARES[name]) / PUBLISHED.n)
    assert figures(first)[name] == pytest.approx(SHARES[name], abs=tolerance)


@pytest.mark.parametrize("name", MEDIANS)
def test_medians_of_the_released_cohort_lie_in_the_published_intervals(
    first: pd.DataFrame, name: str
) -> None:
    low, _, high = MEDIANS[name]
    assert low <= figures(first)[name] <= high


@pytest.mark.parametrize("name", LABORATORY)
def test_quartiles_of_the_released_cohort(first: pd.DataFrame, name: str) -> None:
    # A published quartile must lie between the cohort's own quantiles 2.5 points to either side:
    # two standard errors of a share near a quartile at n = 1,606 (0.022 to 0.025).
    values = first[name].dropna().to_numpy(float)
    for share, published in zip((0.25, 0.5, 0.75), LABORATORY[name], strict=True):
        low, high = np.quantile(values, [share - 0.025, share + 0.025])
        assert low <= published <= high


@pytest.mark.parametrize("name", SHARES)
def test_shares_on_average_over_seeds(many: pd.DataFrame, name: str) -> None:
    # 0.6 percentage points: half a standard error of one cohort, three of a mean of twenty.
    assert many[name].mean() == pytest.approx(SHARES[name], abs=0.006)


@pytest.mark.parametrize("name", MEDIANS)
def test_medians_on_average_over_seeds(many: pd.DataFrame, name: str) -> None:
    # A quarter of the published confidence interval's width is one standard error of one cohort, so a
    # mean of twenty lies within three quarters of that.
    low, published, high = MEDIANS[name]
    assert many[name].mean() == pytest.approx(published, abs=0.75 * (high - low) / 4)


@pytest.mark.parametrize("name", LABORATORY)
def test_quartiles_on_average_over_seeds(many: pd.DataFrame, name: str) -> None:
    for position, published in enumerate(LABORATORY[name]):
        assert many[f"{name}{position}"].mean() == pytest.approx(published, rel=0.03)


def test_confidence_intervals_are_as_wide_as_the_published_ones(first: pd.DataFrame) -> None:
    # The width tells the density of events around the median: a check of the curves' shape.
    from lifelines.utils import median_survival_times

    followed = follow_up(first)
    curves = {
        "EFS": kaplan_meier(first["EFSTM"], first["EFSSTAT"]),
        "OS": kaplan_meier(first["OSTM"], first["OSSTAT"]),
        "follow-up": kaplan_meier(followed["time"], followed["status"]),
    }
    for name, curve in curves.items():
        low, high = median_survival_times(curve.confidence_interval_).to_numpy()[0]
        assert 0.6 < (high - low) / (MEDIANS[name][2] - MEDIANS[name][0]) < 1.6, name


# Biology


def test_alteration_frequencies_are_those_of_the_parameters(large: pd.DataFrame) -> None:
    for state in parameters().states:
        if state.name in large.columns:
            found = large[state.name].dropna().to_numpy(int).mean()
            # three standard errors of a share, and the rounding of the calibrated numbers
            tolerance = 3 * np.sqrt(state.frequency / len(large)) + 0.0005
            assert found == pytest.approx(state.frequency, abs=tolerance), state.name


def test_every_alteration_of_the_dictionary_is_simulated(large: pd.DataFrame) -> None:
    simulated = {state.name for state in parameters().states}
    assert {variable.name for variable in dictionary().alterations} <= simulated
    assert large.notna().any().all()


@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("NPM1", "FLT3I", 2), ("NPM1", "DNMT3A", 2), ("DNMT3A", "FLT3I", 1.5), ("t.6.9", "FLT3I", 2),
        ("TP53", "CGCX", 15), ("TP53", "minus.5", 8), ("TP53", "del.5q.", 8), ("TP53", "minus.7", 3),
        ("TP53", "minus.17", 8), ("TP53", "abn.17p.", 15), ("CGCX", "del.5q.", 15),
        ("SRSF2", "RUNX1", 2), ("SRSF2", "ASXL1", 2), ("SRSF2", "IDH2", 2), ("RUNX1", "ASXL1", 2),
        ("KIT", "t8.21", 8), ("KIT", "inv16_t16.16", 8), ("NRAS", "inv16_t16.16", 2),
        ("CEBPA.bZIP.inframe", "GATA2", 4), ("inv.3", "minus.7", 5), ("NPM1", "CGNK", 2),
    ],
)  # fmt: skip
def test_what_occurs_together(large: pd.DataFrame, one: str, other: str, least: float) -> None:
    assert odds_ratio(large, one, other) > least


@pytest.mark.parametrize(
    ("one", "other", "most"),
    [
        ("NPM1", "RUNX1", 0.3), ("NPM1", "TP53", 0.2), ("NPM1", "CGCX", 0.2), ("NPM1", "ASXL1", 0.4),
        ("NPM1", "CEBPA.bZIP.inframe", 0.2), ("IDH1", "IDH2", 0.2), ("IDH1", "TET2", 0.4),
        ("IDH2", "TET2", 0.4), ("TET2", "WT1", 0.6), ("FLT3I", "NRAS", 0.5), ("SRSF2", "SF3B1", 0.3),
        ("SRSF2", "U2AF1", 0.3), ("STAG2", "RAD21", 0.4), ("TP53", "FLT3I", 0.4), ("DNMT3A", "t8.21", 0.3),
    ],
)  # fmt: skip
def test_what_rarely_occurs_together(large: pd.DataFrame, one: str, other: str, most: float) -> None:
    assert odds_ratio(large, one, other) < most


def test_what_never_occurs_together(large: pd.DataFrame) -> None:
    rearrangements = ["t8.21", "inv16_t16.16", "t.9.11", "t.v.11", "t.6.9", "inv.3"]
    assert (large[rearrangements].fillna(0).sum(axis=1) <= 1).all()
    for other in ("NPM1", "CGCX", "CGNK", "CEBPA.bZIP.inframe"):
        assert not ((large[rearrangements] == 1).any(axis=1) & (large[other] == 1)).fillna(False).any()


def test_secondary_and_male_patterns(large: pd.DataFrame) -> None:
    by_status = large.groupby("AMLSTAT", observed=True)[["ASXL1", "SRSF2", "NPM1", "TP53"]].mean()
    assert by_status.loc["sAML", "ASXL1"] > 1.5 * by_status.loc["de novo", "ASXL1"]
    assert by_status.loc["sAML", "SRSF2"] > 1.5 * by_status.loc["de novo", "SRSF2"]
    assert by_status.loc["sAML", "NPM1"] < 0.7 * by_status.loc["de novo", "NPM1"]
    assert by_status.loc["tAML", "TP53"] > 1.5 * by_status.loc["de novo", "TP53"]
    by_sex = large.groupby("SEX", observed=True)[["ZRSR2", "NPM1"]].mean()
    assert by_sex.loc["male", "ZRSR2"] > by_sex.loc["female", "ZRSR2"]
    assert by_sex.loc["female", "NPM1"] > by_sex.loc["male", "NPM1"]


# Outcomes


FAVORABLE = ["CGNK", "t8.21", "inv16_t16.16", "NPM1", "CEBPA.bZIP.inframe"]
ADVERSE = ["AGE", "CGCX", "minus.5", "del.5q.", "minus.7", "minus.17", "TP53", "RUNX1", "ASXL1"]


@pytest.mark.parametrize("marker", [*FAVORABLE, *ADVERSE, "FLT3I"])
def test_directions_of_univariable_effects(large: pd.DataFrame, marker: str) -> None:
    """Every marker that the paper evaluates acts on CR, EFS and OS in the direction it is known for."""
    frame = large.head(4_000)[[marker, "CR1", "OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]].dropna().astype(float)
    adverse = marker not in FAVORABLE
    for time, status in (("EFSTM", "EFSSTAT"), ("OSTM", "OSSTAT")):
        fit = cox_fit(frame[time].to_numpy(), frame[status].to_numpy() == 1, frame[marker].to_numpy())
        effect, error = float(fit.beta[0]), float(fit.standard_errors[0])
        assert (effect > 0) == adverse
        assert wald_p(effect, error) < 0.001
    if marker != "FLT3I":  # through its company of NPM1 it goes with more remissions
        difference = frame.loc[frame["CR1"] == 1, marker].mean() - frame.loc[frame["CR1"] == 0, marker].mean()
        assert (difference < 0) == adverse


def test_eln_risks_are_ordered_in_every_outcome(first: pd.DataFrame) -> None:
    groups = [first[(eln2022(first) == level).to_numpy(bool, na_value=False)] for level in ELN2022_RISKS]
    for better, worse in pairwise(groups):
        assert better["CR1"].mean() > worse["CR1"].mean()
        for time, status in (("EFSTM", "EFSSTAT"), ("OSTM", "OSSTAT")):
            curves = [kaplan_meier(group[time], group[status]) for group in (better, worse)]
            assert curves[0].predict(24) > curves[1].predict(24)


def test_long_term_survivors(large: pd.DataFrame) -> None:
    target = parameters().long_term
    overall = kaplan_meier(large["OSTM"], large["OSSTAT"])
    event_free = kaplan_meier(large["EFSTM"], large["EFSSTAT"])
    assert overall.predict(target.months) == pytest.approx(target.os, abs=0.01)
    assert event_free.predict(target.months) == pytest.approx(target.efs, abs=0.01)
    # The curve of EFS flattens: in the third to fifth year it loses far more than in the sixth to tenth.
    assert event_free.predict(24) - event_free.predict(60) > 1.5 * (
        event_free.predict(60) - event_free.predict(120)
    )


def test_event_patterns(first: pd.DataFrame) -> None:
    assert 0.35 <= (first["OSTM"] == first["EFSTM"]).mean() <= 0.42
    relapsed_alive = (first["EFSSTAT"] == 1) & (first["OSSTAT"] == 0)
    assert 0.04 < relapsed_alive.mean() < 0.15
    assert (first.loc[first["CR1"] == 0, "EFSSTAT"] == 1).all()
    assert first.loc[first["CR1"] == 0, "EFSTM"].median() < 3


# The dictionary, missing values, reproducibility


@pytest.mark.parametrize(("n", "seed"), [(1, 0), (2, 5), (17, 1), (1606, 1), (60_000, 3)])
def test_every_size_keeps_every_rule(n: int, seed: int) -> None:
    report = validate(reference_frame(n, seed), "synthetic")
    assert report.errors == 0, report.by_rule()
    assert report.warnings == 0, report.by_rule()


def test_types_are_those_of_the_dictionary(first: pd.DataFrame) -> None:
    assert list(first.columns) == list(dictionary().names)
    assert all(first[variable.name].dtype == variable.dtype for variable in dictionary().variables)
    assert first.index.equals(pd.RangeIndex(PUBLISHED.n))
    assert not first.duplicated().any()


def test_missing_values(first: pd.DataFrame) -> None:
    assert first["AMLSTAT"].isna().sum() == pytest.approx(18, abs=2)  # 1,606 less table 1's patients
    assert eln2022(first).isna().sum() == pytest.approx(18, abs=9)  # two standard deviations
    complete = ["AGE", "SEX", "CR1", "OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]
    assert first[complete].notna().all().all()
    karyotype = first[["CGNK", "CGCX", *(v.name for v in dictionary().members("cytogenetic"))]].isna()
    assert karyotype.nunique(axis=1).eq(1).all()
    assert 0.02 < karyotype["CGNK"].mean() < 0.04
    assert first[[v.name for v in dictionary().alterations]].isna().any().all()


def test_same_seed_same_cohort(first: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(reference_frame(), first)
    assert not reference_frame(seed=2).equals(first)


def test_cohort_says_that_it_is_simulated() -> None:
    cohort = reference_cohort(50, seed=4)
    assert cohort.n == 50
    assert cohort.role == "original"
    assert cohort.about.simulated
    assert cohort.about.name == "aml-reference"
    assert "is simulated" in cohort.about.statement
    assert "holds no patient's data" in cohort.about.statement
    assert cohort.about.provenance == {
        "n": 50,
        "seed": 4,
        "parameters_sha256": sha256(PARAMETERS_FILE),
    }


@pytest.mark.parametrize(("n", "seed"), [(0, 1), (-3, 1), (10, -1)])
def test_wrong_size_or_seed_is_refused(n: int, seed: int) -> None:
    with pytest.raises(UsageError, match="give a whole number from"):
        reference_cohort(n, seed)


# The parameter file


def test_every_source_is_used() -> None:
    text = PARAMETERS_FILE.read_text(encoding="utf-8")
    used = text.split("\npublished:")[1]
    for key in parameters().sources:
        assert key in used


@pytest.fixture
def parameter_text() -> Iterator[str]:
    return PARAMETERS_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("never: [tAML]", "never: [tAMl]", "sAML depends on 'tAMl', which is not simulated before it"),
        ("share: 0.522, source: [eckardt2024]", "share: 0.522, source: [nobody]", "the source 'nobody'"),
        ("[0.25, 44]", "[0.25, 58]", "the values must rise strictly"),
        ("male: {share: 0.522", "male: {share: 5.22", "less than or equal to 1"),
    ],
)
def test_wrong_parameters_are_refused(
    tmp_path: Path, parameter_text: str, right: str, wrong: str, message: str
) -> None:
    assert parameter_text.count(right) == 1
    path = tmp_path / "reference.yaml"
    path.write_text(parameter_text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_yaml_model(path, Parameters, what="parameters")
