"""Tables come back as they were written, and what is no table is refused with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.tables import parse_table, read_table, to_typed, write_table
from amlsynth.foundation.errors import DataError, UsageError


@pytest.fixture
def small(reference: pd.DataFrame) -> pd.DataFrame:
    return reference.head(30).reset_index(drop=True)


@pytest.fixture
def csv(small: pd.DataFrame, tmp_path: Path) -> Path:
    write_table(small, tmp_path / "data.csv")
    return tmp_path / "data.csv"


def _cell(path: Path, row: int, column: str, text: str) -> None:
    """Put a text into a cell; rows count from 1 as in messages."""
    lines = path.read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index(column)
    cells = lines[row].split(",")
    cells[place] = text
    lines[row] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_round_trip(reference: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"data.{ending}"
    write_table(reference, path)
    pd.testing.assert_frame_equal(read_table(path), reference)
    first = path.read_bytes()
    write_table(read_table(path), path)
    assert path.read_bytes() == first


def test_csv_is_plain(csv: Path) -> None:
    text = csv.read_text(encoding="utf-8")
    assert '"' not in text and "\r" not in text and "NA" not in text
    assert text.splitlines()[0].startswith("AGE,SEX,AMLSTAT,EXAML,WBC")
    assert ".0," not in text.replace(".0,", ".0,", 1) or all(
        not cell.endswith(".0") for cell in text.splitlines()[1].split(",")[:4]
    )


def test_other_column_order_and_other_na_are_read(small: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    small[small.columns[::-1]].to_csv(path, index=False, na_rep="NA")
    pd.testing.assert_frame_equal(read_table(path), small)


def test_floats_in_integer_columns_are_read(small: pd.DataFrame, csv: Path) -> None:
    _cell(csv, 2, "NPM1", "1.0")
    assert read_table(csv).loc[1, "NPM1"] == 1


def test_byte_order_mark_is_no_part_of_a_name(small: pd.DataFrame, csv: Path) -> None:
    csv.write_bytes(b"\xef\xbb\xbf" + csv.read_bytes())
    pd.testing.assert_frame_equal(read_table(csv), small)


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("AGE", "old", "type"),
        ("AGE", "61.5", "type"),
        ("AGE", "99999999", "range"),
        ("NPM1", "yes", "type"),
        ("NPM1", "1000", "range"),
        ("WBC", "12,5", "type"),
        ("WBC", "1e5x", "type"),
        ("SEX", "m", "value_known"),
        ("OSTM", "--", "type"),
    ],
)
def test_wrong_cells_are_named(csv: Path, column: str, text: str, rule: str) -> None:
    _cell(csv, 7, column, f'"{text}"')
    failures = parse_table(csv).failures.table()
    assert failures[["rule", "column", "row", "value"]].values.tolist() == [[rule, column, 7, text]]
    with pytest.raises(DataError, match=f"data.csv: row 7, column {column}: '{text}' breaks the rule {rule}"):
        read_table(csv)


def test_all_wrong_cells_are_found_at_once(csv: Path) -> None:
    for row, column in ((1, "AGE"), (2, "SEX"), (30, "NPM1")):
        _cell(csv, row, column, "?")
    assert parse_table(csv).failures.table()["row"].tolist() == [1, 2, 30]


def test_missing_and_unknown_columns_are_named(small: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    write_table(small.rename(columns={"NPM1": "NPM_1"}), path)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert "unknown column 'NPM_1'. Did you mean 'NPM1'?" in str(caught.value)
    assert "missing column 'NPM1'" in str(caught.value)


def test_column_that_stands_twice_is_refused(csv: Path) -> None:
    csv.write_text(csv.read_text().replace("WBC,HB", "WBC,WBC", 1))
    with pytest.raises(DataError, match="'WBC' stands twice"):
        read_table(csv)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data.csv"):
        read_table(path)


def test_header_alone_is_refused(csv: Path) -> None:
    csv.write_text(csv.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="no patients"):
        read_table(csv)


def test_other_encoding_is_refused_with_the_line(csv: Path) -> None:
    _cell(csv, 4, "SEX", "m\u00e4nnlich")
    csv.write_bytes(csv.read_text(encoding="utf-8").encode("latin-1"))
    with pytest.raises(DataError, match="line 5 is not UTF-8"):
        read_table(csv)
    csv.write_bytes("AGE,SEX\n50,male\n".encode("utf-16"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_table(csv)


def test_short_row_is_refused_without_its_content(csv: Path) -> None:
    lines = csv.read_text().splitlines()
    lines[5] = "secret,secret"
    csv.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="line 6 has 2 cells where the header has 64 columns") as caught:
        read_table(csv)
    assert "secret" not in str(caught.value)


def test_other_separator_is_named(csv: Path) -> None:
    csv.write_text(csv.read_text().replace(",", ";"))
    with pytest.raises(DataError, match="separated by a semicolon"):
        read_table(csv)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_column_all_missing(small: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    blank = small.assign(**{c: pd.Series([pd.NA] * len(small)).astype(small[c].dtype) for c in small})
    path = tmp_path / f"blank.{ending}"
    write_table(blank, path)
    pd.testing.assert_frame_equal(read_table(path), blank)


def test_bytes_that_are_no_text_are_refused(small: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "bytes.parquet"
    small.astype({"SEX": object}).assign(SEX=b"\xff\xfe").to_parquet(path)
    with pytest.raises(DataError, match=r"bytes\.parquet: the column 'SEX' holds neither numbers nor text"):
        read_table(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_parquet_is_refused(small: pd.DataFrame, tmp_path: Path, share: float) -> None:
    path = tmp_path / "data.parquet"
    write_table(small, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_table(path)


def test_unknown_ending_and_absent_file(small: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the ending '\.xls' is not known"):
        read_table(tmp_path / "data.xls")
    with pytest.raises(UsageError, match="there is no such file"):
        read_table(tmp_path / "data.csv")
    with pytest.raises(UsageError, match="the ending '' is not known"):
        write_table(small, tmp_path / "data")


def test_failed_write_leaves_the_old_file(
    small: pd.DataFrame, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.csv

    before = csv.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.csv, "write_csv", fail)
    with pytest.raises(UsageError, match="No space left"):
        write_table(small.head(3), csv)
    assert csv.read_bytes() == before
    assert [path.name for path in csv.parent.iterdir()] == ["data.csv"]


def test_numpy_nan_becomes_na(small: pd.DataFrame) -> None:
    plain = small.astype({"WBC": object, "NPM1": object})
    plain.loc[0, ["WBC", "NPM1"]] = np.nan
    typed = to_typed(plain)
    assert typed.loc[0, ["WBC", "NPM1"]].isna().all()
    assert typed["NPM1"].dtype == "Int8"


def test_categories_in_another_order_are_put_in_order(small: pd.DataFrame) -> None:
    other = small.assign(SEX=small["SEX"].cat.reorder_categories(["male", "female"]))
    pd.testing.assert_frame_equal(to_typed(other), small)


def test_booleans_are_tri_state(small: pd.DataFrame) -> None:
    booleans = small.assign(NPM1=small["NPM1"].astype("boolean"))
    pd.testing.assert_frame_equal(to_typed(booleans), small)
