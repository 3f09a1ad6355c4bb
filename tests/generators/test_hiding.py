"""Whether one patient decides what can come out of a generator: states, patterns, missing values, ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.audit.presence import presence
from amlsynth.audit.shadows import GeneratorRelease
from amlsynth.audit.static import static_findings
from amlsynth.dictionary.model import Dictionary
from amlsynth.generators import create, generator_class, generator_names
from amlsynth.generators.building_blocks.discretion import Discretion, discreet, redrawn
from amlsynth.model_space.encoding import encode
from amlsynth.model_space.resolution import Resolution

HIDING = [name for name in generator_names() if generator_class(name).hides_single_patients]
_PATIENTS = 300


@pytest.fixture(scope="module")
def singular(reference: pd.DataFrame, dictionary: Dictionary) -> pd.DataFrame:
    """A cohort in which rows 1 and 60 decide several things alone."""
    frame = reference.head(_PATIENTS).copy()
    frame["IKZF1"] = pd.array([0] * _PATIENTS, dtype="Int8")
    frame.loc[1, "IKZF1"] = 1
    frame["HB"] = frame["HB"].fillna(9.0)
    frame.loc[1, "HB"] = pd.NA
    frame.loc[1, "WBC"] = 500.0
    frame.loc[frame.index[50:90], ["minus.7", "del.7q."]] = pd.NA
    frame.loc[60, "del.7q."] = 0
    composite = dictionary.composite
    assert composite is not None
    frame.loc[60, [composite.time, composite.status]] = pd.NA
    return frame


# What a generator with a guarantee gives away is bounded by its proof; here its noise would be a lottery.
@pytest.mark.parametrize(
    "name", ["bootstrap", *(name for name in HIDING if not generator_class(name).guarantee)]
)
def test_dropping_a_patient_changes_nothing_that_can_come_out(
    name: str, singular: pd.DataFrame, dictionary: Dictionary
) -> None:
    planted = {
        ("state", 1, "IKZF1"), ("state", 1, "HB"), ("missing apart", 60, "minus.7"),
        ("event pattern", 60, dictionary.terminal.time), ("extreme", 1, "WBC"),
    }  # fmt: skip
    findings = [f for f in static_findings(singular, dictionary) if (f.kind, f.row, f.columns[0]) in planted]
    assert len(findings) == len(planted)
    release = GeneratorRelease(name, (), dictionary)
    seen = presence(singular, dictionary, findings, release, released=3 * _PATIENTS, seed=1, releases=8)
    assert len(seen) == len(planted)
    given_away = sum(one.gives_away for one in seen)
    # What shows in half of the releases with a patient and in none without is not significant alone; all
    # together are. A hidden patient's show as often with and without.
    surplus = sum(one.with_patient - one.without_patient for one in seen)
    if name == "bootstrap":  # who copies patients gives most of it away, so that this test can see it
        assert given_away >= 3 and surplus > 20
    else:
        assert given_away == 0 and surplus <= 8


def test_generators_that_cannot_hide_say_so() -> None:
    assert {"event-history", "sequential-cart"} <= set(HIDING)
    assert not {"bootstrap", "independent"} & set(HIDING)
    for name in set(generator_names()) - set(HIDING):
        assert "single patients" in (generator_class(name).__doc__ or ""), name


@settings(max_examples=8, deadline=None)
@given(carriers=st.integers(0, 4), seed=st.integers(0, 1000))
def test_few_carriers_are_replaced_by_others(
    reference: pd.DataFrame, dictionary: Dictionary, carriers: int, seed: int
) -> None:
    frame = reference.head(200).copy()
    frame["IKZF1"] = pd.array([int(row < carriers) for row in range(200)], dtype="Int8")
    encoded = encode(frame, dictionary).legal()
    hidden = discreet(encoded, Discretion(10, 10, 1), dictionary, np.random.default_rng(seed))
    # The number of carriers and who they are follow from the seed alone, whoever carried it.
    frame["IKZF1"] = pd.array([0] * 200, dtype="Int8")
    other = encode(frame, dictionary).legal()
    again = discreet(other, Discretion(10, 10, 1), dictionary, np.random.default_rng(seed))
    assert 1 <= (hidden.states["IKZF1"] == 1).sum() < 15
    np.testing.assert_array_equal(hidden.states["IKZF1"], again.states["IKZF1"])


def test_numbers_keep_their_distribution_and_no_value() -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(3, 1, 2000)
    drawn = redrawn(values, 12, np.random.default_rng(2))
    quantiles = np.linspace(0.02, 0.98, 49)
    np.testing.assert_allclose(np.quantile(drawn, quantiles), np.quantile(values, quantiles), rtol=0.06)
    assert not np.isin(drawn, values).any()
    assert np.corrcoef(np.argsort(np.argsort(drawn)), np.argsort(np.argsort(values)))[0, 1] > 0.999


def test_the_outermost_value_sets_no_end() -> None:
    values = np.linspace(10.0, 100.0, 600)
    ends = []
    for largest in (100.0, 5000.0):
        values[-1] = largest
        ends.append([redrawn(values, 12, np.random.default_rng(s)).max() for s in range(200)])
    assert max(ends[1]) < 150
    assert np.mean(ends[1]) == pytest.approx(np.mean(ends[0]), rel=0.3)


def test_mass_points_stay_and_bounds_hold() -> None:
    values = np.repeat([0.0, 5.0, 90.0], [300, 100, 100])
    drawn = redrawn(values, 10, np.random.default_rng(0), 0.0, 90.0)
    assert (drawn == 0).mean() > 0.55 and drawn.min() >= 0 and drawn.max() <= 90
    assert (redrawn(np.full(100, 7.0), 10, np.random.default_rng(0)) == 7).all()


def test_the_resolution_is_no_patients_affair(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    steps = Resolution.stated(dictionary, {"HB": 0.0621})
    assert steps.numbers["HB"] == 0.0621
    assert steps.numbers["WBC"] == 10.0 ** -dictionary["WBC"].decimals
    frame = reference.head(200)
    model = create("sequential-cart", {}, dictionary).fit(frame, np.random.default_rng(1), resolution=steps)
    drawn = model.sample(100, np.random.default_rng(2))["HB"].dropna().to_numpy(float)
    assert np.abs(drawn / 0.0621 - np.rint(drawn / 0.0621)).max() < 1e-3
