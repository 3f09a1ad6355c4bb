"""Tables that can be read as they stand and mean something else: told, left out with a note, or refused.

Each case is a small change to a made-up trial of forty patients, of a kind that offices' exports have.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from amlsynth.cohort.cohort import Cohort
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources.mapping import import_mapped

N = 40
COLUMNS: dict[str, Any] = {
    "AGE": {"from": "age", "unit": "years"},
    "HB": {"from": "hb", "unit": "g/dl"},
    "PLT": {"from": "plt", "unit": "G/l"},
    "OSTM": {"from": "os", "unit": "days"},
    "OSSTAT": {"from": "dead"},
    "NPM1": {"from": "npm1"},
}
Table = dict[str, list[Any]]
Import = Callable[..., tuple[Cohort, str]]


def trial() -> Table:
    rng = np.random.default_rng(7)
    return {
        "pid": [f"P{i}" for i in range(1, N + 1)],
        "age": rng.integers(25, 80, N).tolist(),
        "hb": (rng.integers(70, 120, N) / 10).tolist(),
        "plt": rng.integers(20, 120, N).tolist(),
        "os": rng.integers(100, 2000, N).tolist(),
        "dead": rng.integers(0, 2, N).tolist(),
        "npm1": rng.integers(0, 2, N).tolist(),
    }


def lines(table: Table, sign: str = ",") -> list[str]:
    return [sign.join(table), *(sign.join(map(str, row)) for row in zip(*table.values(), strict=True))]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Import lines or bytes; return the cohort, and its warnings, notes and dropped rows as one text."""

    def call(
        content: list[str] | bytes, columns: dict[str, Any] | None = None, **top: Any
    ) -> tuple[Cohort, str]:
        plan = {"name": "c", "title": "C", "columns": COLUMNS | (columns or {}), "not_assessed": ["rest"]}
        (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan | top, allow_unicode=True), encoding="utf-8")
        data = tmp_path / "t.csv"
        data.write_bytes(content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode())
        cohort = import_mapped(data, tmp_path / "map.yaml")
        record = cohort.about.provenance["import"]
        dropped = [f"{item['rows']}: {item['reason']}" for item in record["dropped"]]
        return cohort, "\n".join([*record["warnings"], *record["notes"], *dropped])

    return call


def with_cells(name: str, value: Any, rows: tuple[int, ...] = (3, 5, 7, 9)) -> Table:
    table = trial()
    for row in rows:
        table[name][row] = value
    return table


def test_a_usual_trial_is_not_doubted(imported: Import) -> None:
    cohort, text = imported(lines(trial()))
    assert cohort.n == N and "Check" not in text and "If " not in text


@pytest.mark.parametrize(
    "row",
    ["Mittelwert,58,9.1,60,750,0,0", "Median:,61,9.2,55,800,1,0", "n,40,9.2,40,400,1,0", "Summe,61,,,,,"],
)
def test_rows_that_sum_up_are_no_patients(imported: Import, row: str) -> None:
    cohort, text = imported([*lines(trial()), row])
    assert cohort.n == N and "sums, means or counts of the others" in text and "line 42" in text


def test_a_patient_whose_cell_reads_like_a_sum_stays(imported: Import) -> None:
    rows = lines(trial())
    rows[3] = rows[3].replace("P3,", "max,")
    assert imported(rows)[0].n == N


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (with_cells("age", 99), "AGE: 99 stands in 4 cells"),
        (with_cells("plt", 999), "columns.PLT.missing: [999]"),
        (with_cells("os", 0) | {"dead": [0] * N}, "4 patients without the event have a time of 0"),
    ],
)
def test_forgotten_codes_are_told(imported: Import, table: Table, told: str) -> None:
    assert told in imported(lines(table))[1]


@pytest.mark.parametrize("table", [with_cells("plt", 999, (3,)), with_cells("os", 0) | {"dead": [1] * N}])
def test_what_may_be_true_is_not_doubted(imported: Import, table: Table) -> None:
    assert "If " not in imported(lines(table))[1]


@pytest.mark.parametrize(("sign", "decimal"), [(".", "."), (",", ",")])
def test_thousands_that_look_like_decimals_are_told(imported: Import, sign: str, decimal: str) -> None:
    table = trial()
    table["plt"] = [f"{cells * 1000:,}".replace(",", sign) for cells in table["plt"]]
    table["hb"] = [str(cells).replace(".", decimal) for cells in table["hb"]]
    source = {"delimiter": ";", "decimal": decimal}
    columns = {"PLT": {"from": "plt", "unit": "/µl"}}
    _, text = imported(lines(table, ";"), columns, source=source)
    assert f"set source.thousands: '{sign}'" in text
    other = "," if sign == "." else "."
    table["hb"] = [str(cells).replace(decimal, other) for cells in table["hb"]]
    source = {"delimiter": ";", "decimal": other, "thousands": sign}
    cohort, text = imported(lines(table, ";"), columns, source=source)
    assert cohort.frame["PLT"].tolist() == trial()["plt"] and "thousands" not in text


def test_several_rows_of_a_patient_are_told(imported: Import) -> None:
    rows = lines(trial())
    _, text = imported([*rows, rows[3].replace(",0", ",1").replace(",9", ",8")])
    assert "An id of the column 'pid' stands again in 1 row, the first of them row 41 (line 42)" in text


def test_one_column_for_two_variables_is_told(imported: Import) -> None:
    _, text = imported(lines(trial()), {"FLT3I": {"from": "npm1"}})
    assert "The column 'npm1' is read as FLT3I and as NPM1" in text or "as NPM1 and as FLT3I" in text


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("sign", [";", "\t"])
def test_excels_separator_line_with_any_line_end(imported: Import, end: bytes, sign: str) -> None:
    content = end.join(line.encode() for line in [f"sep={sign}", *lines(trial(), sign)]) + end
    cohort, text = imported(content)
    assert cohort.n == N and "is Excel's and was left out" in text


def test_signs_of_no_width_make_no_difference(imported: Import) -> None:
    rows = lines(trial())
    rows[0] = rows[0].replace("age", "\ufeffage\u200b")
    assert imported(rows)[0].frame["AGE"].tolist() == trial()["age"]


@pytest.mark.parametrize(
    ("code", "encoding"),
    [(".", "utf-8"), ("k.A.", "cp1252"), ("#NV", "utf-16"), ("NaN", "utf-8"), ("?", "cp437")],
)
def test_no_word_for_missing_is_guessed(imported: Import, code: str, encoding: str) -> None:
    table = with_cells("hb", code, (4,)) | {"npm1": with_cells("npm1", code, (4,))["npm1"]}
    content = "\n".join(lines(table)).encode(encoding)
    with pytest.raises(DataError) as caught:
        imported(content, source={"encoding": encoding})
    assert f"'{code}' is no number for HB" in str(caught.value) and "for NPM1" in str(caught.value)
    cohort, _ = imported(content, source={"encoding": encoding, "missing": ["", code]})
    assert cohort.frame[["HB", "NPM1"]].isna().sum().tolist() == [1, 1]


def test_dates_that_the_mapping_does_not_speak_of(imported: Import) -> None:
    table = trial() | {"dx": ["03.05.2019"] * N, "last": ["04.07.2021"] * N}
    columns = {"OSTM": {"expression": "days_between(dx, last)", "unit": "days"}}
    with pytest.raises(UsageError, match=r"'dx' seems to hold dates: .* source\.dates: '%d\.%m\.%Y'"):
        imported(lines(table), columns)
    cohort, _ = imported(lines(table), columns, source={"dates": "%d.%m.%Y"})
    assert cohort.frame["OSTM"].iloc[0] == pytest.approx(793 / 30.4375, abs=1e-6)


MUTATIONS = {
    "file": "m.csv", "key": "pid", "absent": 0,
    "wide": [{"name": "mutated", "any": "gene == 'NPM1'"}],
}  # fmt: skip


@pytest.mark.parametrize("form", ["p{}", "P00{}", "P_{}"])
def test_ids_that_are_written_in_two_ways_are_refused(imported: Import, tmp_path: Path, form: str) -> None:
    table = trial() | {"pid": [f"P-{i}" if "_" in form else f"P{i}" for i in range(1, N + 1)]}
    rows = [f"{form.format(i)},NPM1" for i in range(1, 6)] + [f"{table['pid'][20]},NPM1"]
    (tmp_path / "m.csv").write_text("\n".join(["pid,gene", *rows]))
    columns = {"NPM1": {"from": "mutated"}}
    with pytest.raises(DataError, match="5 ids of the table m are ids of the main table but for"):
        imported(lines(table), columns, key="pid", tables={"m": MUTATIONS})


def test_a_list_of_the_tested_that_is_not_there_is_told(imported: Import, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("pid,gene\nP1,NPM1\n")
    tables = {"m": MUTATIONS | {"absent": "NA", "tested": "sequenced.txt"}}
    cohort, text = imported(lines(trial()), {"NPM1": {"from": "mutated"}}, key="pid", tables=tables)
    assert "sequenced.txt, which lists who was tested, is not there" in text
    assert cohort.frame["NPM1"].notna().sum() == 1


def test_further_rows_of_a_joined_table_are_counted(imported: Import, tmp_path: Path) -> None:
    pids = [f"P{i}" for i in range(1, N + 1)]
    samples = pd.DataFrame({"pid": [*pids, "P1", "P1", "P2"], "wbc": 20.5})
    samples.to_csv(tmp_path / "s.csv", index=False)
    tables = {"s": {"file": "s.csv", "key": "pid", "rows": "first"}}
    columns = {"WBC": {"from": "wbc", "unit": "G/l"}}
    _, text = imported(lines(trial()), columns, key="pid", tables=tables)
    assert "Table s: 3 further rows of the same pid were left out" in text


def test_monosomy_and_deletion_of_one_chromosome_go_together(imported: Import) -> None:
    both = [int(i % 5 == 0) for i in range(N)]
    names = ["minus.5", "del.5q.", "minus.7", "del.7q."]
    cohort, _ = imported(
        lines(trial() | dict.fromkeys(names, both)), {name: {"from": name} for name in names}
    )
    assert cohort.frame[names].sum().tolist() == [8, 8, 8, 8]
    # Recorded as one: what is 0 is 0 for both, what is 1 cannot be told.
    entry = {"from": "m5", "values": {"0": 0, "1": "NA"}}
    cohort, _ = imported(lines(trial() | {"m5": both}), {"minus.5": entry, "del.5q.": entry})
    assert cohort.frame["minus.5"].isna().sum() == 8 and cohort.frame["del.5q."].eq(0).sum() == 32
