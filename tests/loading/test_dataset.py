"""What comes with a frame: metadata, codebook, provenance; and frames of other packages."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import amlsynth
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.errors import DataError, MissingExtraError, UsageError
from amlsynth.release.checksums import write_checksums


@pytest.fixture
def complete(folder: Path) -> Path:
    (folder / "CODEBOOK.md").write_text("# The codebook\n", encoding="utf-8")
    (folder / "provenance.json").write_text(json.dumps({"generator": "x"}), encoding="utf-8")
    write_checksums(folder)
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_dataset_tells_all_about_itself(
    complete: Path, zipped: Callable[[Path], Path], patients: pd.DataFrame, packed: bool
) -> None:
    path = zipped(complete) if packed else complete
    for _ in range(2):  # the second time from what is remembered
        made = amlsynth.dataset(path)
        assert (made.name, made.version, made.kind, made.license) == ("small", "1.0.0", "release", "CC0-1.0")
        assert (made.title, made.citation, made.doi) == ("A small cohort", "Nobody, 1.0.0", None)
        assert made.original_is_simulated is True and made.notes == () and made.path == path
        assert made.codebook == "# The codebook\n"
        assert made.provenance == {"generator": "x"}
        pd.testing.assert_frame_equal(made.frame, patients)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "other"  # type: ignore[misc]
    assert "AGE" not in repr(made)


def test_a_document_with_wrong_bytes_is_refused(complete: Path) -> None:
    made = amlsynth.dataset(complete)
    (complete / "CODEBOOK.md").write_text("# Another\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"CODEBOOK.md is not in the release, or its bytes are wrong"):
        _ = made.codebook


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_frames_of_other_packages_hold_the_same(folder: Path, patients: pd.DataFrame, kind: str) -> None:
    made = amlsynth.load(folder, as_=kind)  # type: ignore[call-overload]
    table = made.to_arrow() if kind == "polars" else made
    assert tuple(table.column_names) == dictionary().names
    for name in ("AGE", "WBC", "NPM1", "SEX"):
        expected = [None if pd.isna(value) else value for value in patients[name]]
        assert table.column(name).to_pylist() == expected
    assert pa.types.is_int8(table.schema.field("NPM1").type)
    assert pa.types.is_int16(table.schema.field("AGE").type)
    if kind == "pyarrow":
        assert table.schema.metadata[b"citation"] == b"Nobody, 1.0.0"
    assert type(amlsynth.dataset(folder).to(kind)) is type(made)  # type: ignore[arg-type]


def test_another_kind_of_frame_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"as_='polar' is not known. Did you mean 'polars'\?"):
        amlsynth.load(tmp_path, as_="polar")  # type: ignore[call-overload]


def test_without_polars_the_pip_line_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'amlsynth\[polars\]'"):
        amlsynth.load(folder, as_="polars")


def test_some_columns_and_some_patients(folder: Path, patients: pd.DataFrame) -> None:
    chosen = amlsynth.load(folder, columns=["NPM1", "AGE"], where="AGE >= 60 and NPM1 == 1")
    rows = (patients["AGE"] >= 60).fillna(False) & (patients["NPM1"] == 1).fillna(False)
    expected = patients.loc[rows, ["NPM1", "AGE"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(chosen, expected)
    assert 0 < len(chosen) < len(patients) and chosen.attrs["name"] == "small"
    with pytest.raises(UsageError, match=r"no such column\. Did you mean 'AGE'"):
        amlsynth.load(folder, columns=["AGEE"])
    with pytest.raises(UsageError, match="is no column"):
        amlsynth.load(folder, where="NOTHING == 1")


def test_variables_and_bibtex(complete: Path) -> None:
    made = amlsynth.dataset(complete)
    assert (made.variables["AGE"].unit, made.variables["SEX"].values) == ("years", ("female", "male"))
    assert list(made.variables) == list(made.frame.columns)
    assert made.bibtex.startswith(
        "@dataset{small-1.0.0,\n  author = {{Nobody}},\n  title = {{A small cohort}},"
    )
    assert "year = {2026}" in made.bibtex and "doi" not in made.bibtex


def test_bibtex_runs_nothing() -> None:
    from amlsynth.loading.record import _tex

    assert _tex("50 % & $x_1$ \\input{a}") == r"50 \% \& \$x\_1\$ \textbackslash{}input{a}"
    assert _tex("}{}") == ")()"
