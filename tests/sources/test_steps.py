"""The steps in which a source records numbers: stated by the mapping, never found in silence; files of R."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadr
import pytest
import yaml

from amlsynth.cohort.cohort import Cohort
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.declared import recorded_resolution
from amlsynth.sources.mapping import import_mapped
from amlsynth.sources.steps import decimal_step

N = 40


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "age": rng.integers(30, 80, N),
            "hb": rng.integers(70, 120, N) / 10,
            "os": rng.integers(100, 2000, N),
            "dead": rng.integers(0, 2, N) == 1,
            "type": pd.Categorical(rng.choice(["de novo", "sAML"], N)),
            "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(N), unit="D"),
        }
    )


@pytest.fixture
def imported(tmp_path: Path, table: pd.DataFrame) -> Callable[..., Cohort]:
    def call(file: str = "t.csv", source: dict[str, Any] | None = None, **columns: Any) -> Cohort:
        path = tmp_path / file
        if file == "t.csv":
            table.assign(dead=table["dead"].astype(int)).to_csv(path, index=False)
        entries = {
            "AGE": {"from": "age", "unit": "years"}, "HB": {"from": "hb", "unit": "g/dl"},
            "OSTM": {"from": "os", "unit": "days"}, "OSSTAT": {"from": "dead"}, "AMLSTAT": {"from": "type"},
        }  # fmt: skip
        plan = {"name": "t", "title": "T", "source": source or {}, "columns": entries | columns}
        mapping = tmp_path / "map.yaml"
        mapping.write_text(yaml.safe_dump(plan | {"not_assessed": ["rest"]}))
        return import_mapped(path, mapping)

    return call


def _record(cohort: Cohort) -> dict[str, Any]:
    found: dict[str, Any] = cohort.about.provenance["import"]
    return found


def test_steps_are_recorded_and_synthetic_numbers_follow(imported: Callable[..., Cohort]) -> None:
    cohort = imported(HB={"from": "hb", "unit": "g/dl", "step": 0.1})
    assert _record(cohort)["steps"] == {
        "HB": pytest.approx(0.06206), "OSTM": pytest.approx(1 / 30.4375),
    }  # fmt: skip
    resolution = recorded_resolution(cohort)
    assert resolution is not None
    assert resolution.numbers["HB"] == pytest.approx(0.06206) and resolution.numbers["WBC"] == 0.1
    assert not any("step" in text for text in _record(cohort)["notes"] + _record(cohort)["warnings"])


def test_a_step_that_is_not_stated_is_asked_for(imported: Callable[..., Cohort]) -> None:
    record = _record(imported())
    assert set(record["steps"]) == {"OSTM"}
    assert any("HB (step: 0.1)" in note and "columns.NAME.step" in note for note in record["notes"])


def test_a_step_that_the_cells_contradict_is_doubted(
    imported: Callable[..., Cohort], table: pd.DataFrame
) -> None:
    table["os"] = table["os"] + 0.5
    record = _record(imported())
    assert any(
        "OSTM: 100% of the values" in text and "multiples of 1 days" in text for text in record["warnings"]
    )


def test_decimal_steps() -> None:
    values: FloatArray = np.arange(100, dtype=np.float64) / 4
    assert decimal_step(values) == 0.01 and decimal_step(np.round(values)) == 1.0
    assert decimal_step(np.random.default_rng(1).random(100)) is None
    assert decimal_step(values[:10]) is None  # too few to tell


def test_files_of_r_are_read(imported: Callable[..., Cohort], tmp_path: Path, table: pd.DataFrame) -> None:
    expected = imported().frame
    pyreadr.write_rds(str(tmp_path / "t.rds"), table)
    pd.testing.assert_frame_equal(imported("t.rds").frame, expected)
    pyreadr.write_rdata(str(tmp_path / "t.RData"), table, df_name="trial")
    for source in (None, {"sheet": "trial"}):
        pd.testing.assert_frame_equal(imported("t.RData", source).frame, expected)
    with pytest.raises(UsageError, match=r"no data frame 'trail'\. Data frames: trial"):
        imported("t.RData", {"sheet": "trail"})
    (tmp_path / "t.rds").write_bytes(b"RDX3 no")
    with pytest.raises(DataError, match="not a readable file of R"):
        imported("t.rds")
