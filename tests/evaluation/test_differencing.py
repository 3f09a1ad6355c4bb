"""Attempts to read hidden cells out of what an evaluation publishes: the seven leaks that were once in it."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.comparisons import compare
from amlsynth.evaluation.differencing import find_leaks, refuse_leaks
from amlsynth.evaluation.records import Evaluation, Figure, Origin
from amlsynth.evaluation.summary import summarise
from amlsynth.foundation.errors import DataError
from amlsynth.sources.reference import reference_frame

D = dictionary()
RULE = DisclosureRule()
GROUPS = ("survival", "tails", "outcome", "effects", "validity")


def _with_few_missing(frame: pd.DataFrame) -> pd.DataFrame:
    """Take three values of each of three columns, so that NA is a small cell beside large ones."""
    for place, name in enumerate(("SEX", "CR1", "NPM1")):
        column = frame[name].copy()
        column.iloc[10 * place : 10 * place + 3] = pd.NA
        frame = frame.assign(**{name: column})
    return frame


@pytest.fixture(scope="module")
def parts():
    split = split_cohort(reference_frame(320, 4), 0.2, seed=1)
    return _with_few_missing(split.train), reference_frame(250, 5), split.holdout


@pytest.fixture(scope="module")
def published(parts) -> Evaluation:
    train, synthetic, holdout = parts
    module = importlib.import_module("amlsynth.evaluation.run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUPS", tuple(g for g in module.GROUPS if g.name in GROUPS))
        origin = Origin(file="train.csv", sha256="0" * 64)
        return evaluate(train, synthetic, holdout, seed=1, original_origin=origin, holdout_origin=origin)


def leaks(found: Evaluation, parts, provenance=None):
    return find_leaks(found, {"synthetic": parts[1]}, D, provenance)


def test_what_is_published_tells_nobody(published, parts):
    assert published.min_cell == 5 and leaks(published, parts) == ()
    refuse_leaks((), "spec.yaml")
    for name in ("SEX", "CR1", "NPM1"):
        assert published.original.variable(name).missing is None


def _original(found: Evaluation, **changes) -> Evaluation:
    return found.model_copy(update={"original": found.original.model_copy(update=changes)})


def test_exact_p_values_tell_how_many_are_missing(published, parts):
    exact = compare(parts[0], parts[1], D, rule=OFF)
    (sex,) = (c for c in exact if c.subject == "SEX")
    (leak,) = leaks(published.model_copy(update={"comparisons": (sex,)}), parts)
    assert (leak.cohort, leak.subject, leak.what) == ("original", "SEX", "3 with 'NA' follows")
    with pytest.raises(DataError, match=r"spec.yaml: .*tells 1 number.*\n.*SEX of the cohort 'original': 3"):
        refuse_leaks((leak,), "spec.yaml")


def test_a_rate_beside_a_count_tells_how_many_are_missing(published, parts):
    counts = parts[0]["CR1"].value_counts()
    exact = Figure(value=round(counts[1] / counts.sum(), 3))
    measures = tuple(
        m.model_copy(update={"original": exact}) if m.id == "cr_rate" else m for m in published.measures
    )
    found = leaks(published.model_copy(update={"measures": measures}), parts)
    assert [leak.what for leak in found if leak.subject == "CR1"] == ["3 with 'NA' follows"]
    assert next(m for m in published.measures if m.id == "cr_odds").original.value is None


def test_numbers_analysed_tell_how_many_are_missing(published, parts):
    n = int(parts[0]["NPM1"].notna().sum())
    effects = tuple(
        e.model_copy(update={"n": n})
        if (e.subject, e.endpoint, e.cohort, e.model) == ("NPM1", "OS", "original", "univariable")
        else e
        for e in published.effects
    )
    found = leaks(published.model_copy(update={"effects": effects}), parts)
    assert {str(leak) for leak in found} == {
        "NPM1 of the cohort 'original': 3 with 'NA' follows",
        "NPM1 of the cohort 'original': 3 left out in the effect on OS",
    }


def test_monthly_numbers_at_risk_tell_single_patients(published, parts):
    exact = summarise(parts[0], "x", D, OFF).survival
    survival = tuple(
        s.model_copy(update={"curve": tuple(p for p in e.curve if p.at_risk >= 5)})
        for s, e in zip(published.original.survival, exact, strict=True)
    )
    found = leaks(_original(published, survival=survival), parts)
    assert len(found) > 50 and all("from month" in leak.what for leak in found)


def test_four_decimals_of_short_sightedness_tell_the_longest_time(published, parts):
    longest = [float(frame["OSTM"].max()) for frame in parts[:2]]
    exact = Figure(value=round(1 - longest[1] / longest[0], 4))
    measures = tuple(
        m.model_copy(update={"figures": {"synthetic": exact}}) if m.id == "shortsightedness_os" else m
        for m in published.measures
    )
    (leak,) = leaks(published.model_copy(update={"measures": measures}), parts)
    assert "the longest time is known to" in leak.what


def test_totals_and_hashes_tell(published, parts):
    hidden = parts[0]["SEX"].isna().sum() + parts[2]["SEX"].isna().sum()
    record = {"provenance": {"import": {"set_to_missing": {"SEX": {"u": int(hidden)}}}}}
    (leak,) = leaks(published, parts, record)
    assert leak.what == "3 follows from the total in provenance.json"
    record["provenance"]["import"]["set_to_missing"]["SEX"] = RULE.band(int(hidden))
    assert leaks(published, parts, record) == ()
    (leak,) = leaks(_original(published, origin=Origin(sha256="0" * 64)), parts)
    assert leak.subject == "file"
    assert "0" * 64 not in published.model_dump_json()


def test_nothing_is_held_back_of_a_simulated_cohort(parts):
    summary = summarise(parts[0], "x", D, OFF)
    assert summary.variable("SEX").missing == 3 and summary.min_cell == 0


@pytest.mark.parametrize("min_cell", [3, 10])
def test_the_smallest_cell_is_the_spec_s(parts, min_cell):
    rule = DisclosureRule(min_cell)
    summary = summarise(parts[0], "x", D, rule)
    shown = [c.n for v in summary.variables for c in v.counts if c.n]
    assert min(shown) >= min_cell
    assert any(n < 2 * min_cell for n in shown)  # else the test has nothing to see
    assert json.loads(summary.model_dump_json())["min_cell"] == min_cell
    assert all(np.diff([p.at_risk for p in s.curve]).max() <= 0 for s in summary.survival)
