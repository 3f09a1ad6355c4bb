"""Replicates: cohorts of fits of their own, which repeat and hide single patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.cohort import Cohort, read_about
from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.defaults import PATIENTS_EACH
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.kernels import blas_kernels
from amlsynth.generators.building_blocks.discretion import Discretion, discreet
from amlsynth.generators.generation import generate, generate_file
from amlsynth.model_space.encoding import encode
from amlsynth.sources.reference import reference_cohort


@pytest.fixture(scope="module")
def original() -> Cohort:
    return reference_cohort(n=150, seed=8)


def test_replicates_repeat_and_differ(original: Cohort, tmp_path: Path) -> None:
    made = generate(original, "sequential-cart", seed=3, n=30, replicates=2)
    one, two = made.replicates
    assert len(one) == len(two) == PATIENTS_EACH * 30 and not one.equals(two)
    # More of them, or none, change neither the cohort nor those before.
    written = generate_file(
        original, tmp_path / "made.csv", "sequential-cart", seed=3, n=30, replicates=1, replicate_n=60
    )
    assert read_table(tmp_path / "made.csv").equals(made.synthetic.frame) and written.n == 30
    first = read_table(tmp_path / "made-01.csv")
    assert len(first) == 60 and first.equals(
        generate(original, "sequential-cart", seed=3, n=9, replicates=1, replicate_n=60).replicates[0]
    )
    told = read_about(tmp_path / "made-01.csv").provenance
    assert (told["replicate"], told["n"], told["kernels"]) == (1, 60, list(blas_kernels()))


def test_a_replicate_that_fails_leaves_all_files_as_they_were(original: Cohort, tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("before")
    (tmp_path / "made-02.csv").mkdir()
    with pytest.raises(UsageError, match=r"made-02\.csv: this is a folder"):
        generate_file(original, tmp_path / "made.csv", "sequential-cart", seed=3, n=20, replicates=2)
    assert (tmp_path / "made.csv").read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"made.csv", "made-02.csv"}


@pytest.mark.parametrize("count", [-1, 100])
def test_how_many(original: Cohort, count: int) -> None:
    with pytest.raises(UsageError, match="ask for 0 to 99"):
        generate(original, "sequential-cart", seed=3, n=20, replicates=count)


def test_generators_that_repeat_patients_make_none(original: Cohort) -> None:
    with pytest.raises(UsageError, match="bootstrap makes no replicates"):
        generate(original, "bootstrap", seed=3, n=20, replicates=2)


def test_a_bootstrap_still_hides_what_single_patients_decide() -> None:
    frame = reference_cohort(n=150, seed=8).frame.copy()
    frame["TP53"] = pd.array([0] * len(frame), dtype=frame["TP53"].dtype)
    frame.loc[0, "TP53"] = 1
    d = dictionary()
    discretion = Discretion(few=8, block=12, copies=3, bootstrap=True)
    carriers = [
        int(
            (
                discreet(encode(frame, d).legal(), discretion, d, np.random.default_rng(k)).states["TP53"]
                == 1
            ).sum()
        )
        for k in range(8)
    ]
    frame.loc[0, "TP53"] = 0
    without = [
        int(
            (
                discreet(encode(frame, d).legal(), discretion, d, np.random.default_rng(k)).states["TP53"]
                == 1
            ).sum()
        )
        for k in range(8)
    ]
    assert carriers == without and len(set(carriers)) > 1
