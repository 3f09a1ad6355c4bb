"""Where there is nothing to find: what the measures of privacy show of cohorts that know nothing.

Training part, hold-out and synthetic cohort are random patients of one simulated population. Over 40 such
splits the mean is where it should be, and the intervals hold it about as often as they say; the table of
docs/privacy-null.md, which `benchmarks/privacy_null.py` makes of more, is held to the same.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.rare import profile_attack

SPLITS = 40
GROUPS = ("closest records", "membership inference", "privacy")


@pytest.fixture(scope="module")
def benchmark(repository: Path):
    place = repository / "benchmarks" / "privacy_null.py"
    spec = importlib.util.spec_from_file_location("privacy_null", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(benchmark):
    figures = {}
    for cohort, context in benchmark.null_splits(120, SPLITS, seed=1, population=4000):
        split = benchmark.null_figures(cohort, context, *GROUPS)
        split |= profile_attack(AttackData.of(cohort, context)).figures("rare_profiles")
        for name, figure in split.items():
            figures.setdefault(name, []).append(figure)
    return figures


@pytest.mark.parametrize(
    "name",
    ["dcr_share", "dcr_share_weighted", "membership_nearest_auc", "membership_nearest_tpr",
     "membership_hamming_auc", "membership_density_auc", "membership_density_tpr", "rare_profiles_risk",
     "leakage"],
)  # fmt: skip
def test_means_are_where_they_should_be_and_intervals_cover(benchmark, found, name):
    null = benchmark.expected(name)
    known = [figure for figure in found[name] if figure.value is not None]
    assert len(known) == SPLITS
    values = np.array([figure.value for figure in known])
    error = values.std(ddof=1) / SPLITS**0.5
    assert abs(values.mean() - null) < 3.5 * error + 0.005
    if known[0].low is not None:
        assert all(figure.low <= figure.value <= figure.high for figure in known)
        covered = sum(figure.low <= null <= figure.high for figure in known)
        assert covered >= 32  # of 40: fewer have a chance below one in a thousand at 95 %


def test_the_table_of_more_splits_keeps_the_same(benchmark, repository):
    table = repository / "docs" / "privacy-null.md"
    if not table.exists():
        pytest.skip("the table is not there; make it with: python benchmarks/privacy_null.py")
    text = table.read_text(encoding="utf-8")
    splits = int(re.search(r"--splits (\d+)", text)[1])
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    rows = [row for row in rows if not row[2].startswith("n/a")]
    assert len(rows) > 10
    for name, null, mean, error, *_ in rows:
        assert float(null) == benchmark.expected(name)
        assert abs(float(mean) - float(null)) < 3.5 * float(error) + 0.005, name
    covered = {row[0]: float(row[6].rstrip(" %|")) for row in rows if len(row) > 6 and row[6].strip(" |")}
    least = 95 - 100 * 3.3 * (0.95 * 0.05 / splits) ** 0.5
    assert min(covered.values()) > least
