"""What releases say of coverage is what the committed study measured, of the setting nearest to theirs."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from amlsynth.generators import create
from amlsynth.inference.measured import (
    CoverageStudy,
    MeasuredCoverage,
    coverage_sentences,
    coverage_study,
    measured_coverage,
)


def _row(**changes: Any) -> MeasuredCoverage:
    plain = {"generator": "private", "epsilon": 3.0, "n": 1606, "cohorts": 500, "replicates": 10}
    shares = {"single": 0.8, "pooled": 0.94, "worst": 0.88, "width": 1.25}
    return MeasuredCoverage.model_validate(plain | shares | changes)


STUDY = CoverageStudy(
    date=datetime.date(2026, 11, 27),
    measured=(
        _row(),
        _row(n=400),
        _row(epsilon=1.0),
        _row(generator="event-history", epsilon=None),
        _row(generator="event-history", epsilon=None, n=400),
    ),
)


@pytest.mark.parametrize(
    ("generator", "n", "epsilon", "expected"),
    [
        ("event-history", 300, None, (None, 400)),
        ("event-history", 900, None, (None, 1606)),
        ("private", 2000, 3.0, (3.0, 1606)),
        ("private", 2000, 2.9, (1.0, 1606)),  # more noise than at epsilon 3, so what 3 shows is too good
        ("private", 2000, 10.0, (3.0, 1606)),
        ("private", 500, 0.1, (1.0, 1606)),
    ],
)
def test_the_nearest_setting_is_told(
    generator: str, n: int, epsilon: float | None, expected: tuple[float | None, int]
) -> None:
    found = measured_coverage(generator, n, epsilon, STUDY)
    assert found is not None and (found.epsilon, found.n) == expected


def test_the_committed_study_has_both_kinds_of_replicates() -> None:
    """A guarantee, and bootstrap fits; one cohort analysed as if real never covers more than the pooled."""
    study = coverage_study()
    assert {row.generator for row in study.measured} == {"event-history", "private"}
    for row in study.measured:
        assert row.single < row.pooled <= 1 and 0 <= row.worst <= row.pooled and row.replicates > 1


def test_the_sentences_have_the_figures_of_the_study() -> None:
    row = measured_coverage("event-history", 1606)
    assert row is not None
    told = coverage_sentences("event-history", 1606)
    shares = (f"{100 * share:.0f} %" for share in (row.single, row.pooled, row.worst))
    for figure in (*shares, f"{row.cohorts} simulated"):
        assert figure in told
    assert row.rare is not None and f"{100 * row.rare:.0f} %" in told
    assert f"{row.carriers} patients or more" in told
    assert row.carriers == create("event-history").carriers_to_infer
    assert "fewer carry" not in coverage_sentences("private", 1606, 3.0)
    assert ("a first look" in told) == (row.cohorts < 100)
    assert "was not measured" in coverage_sentences("sequential-cart", 1606)
