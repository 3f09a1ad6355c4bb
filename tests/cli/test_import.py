"""`amlsynth cohort import` on tables as trial offices keep them: nothing is lost or invented in silence.

The trial is made up; each test writes it in one of the ways in which exports differ.
"""

from __future__ import annotations

import datetime
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.text import counted

N = 40
Run = Callable[..., tuple[int, str, str]]
COLUMNS: dict[str, Any] = {
    "AGE": {"from": "age", "unit": "years"},
    "SEX": {"from": "sex", "values": {"m": "male", "w": "female"}},
    "AMLSTAT": {"from": "type"},
    "HB": {"from": "hb", "unit": "g/dl"},
    "PLT": {"from": "plt", "unit": "G/l"},
    "CR1": {"from": "cr"},
    "OSTM": {"from": "os", "unit": "days"},
    "OSSTAT": {"from": "dead"},
    "NPM1": {"from": "npm1"},
}


def trial() -> dict[str, list[Any]]:
    """Forty patients with usual values, a list of cells by column; the same at every call."""
    rng = np.random.default_rng(7)
    return {
        "pid": [f"P{i}" for i in range(1, N + 1)],
        "age": [int(a) for a in rng.integers(25, 80, N)],
        "sex": [str(s) for s in rng.choice(["m", "w"], N)],
        "type": [str(t) for t in rng.choice(["de novo", "sAML", "tAML"], N)],
        "hb": [float(h) for h in (rng.integers(70, 120, N) / 10)],
        "plt": [int(p) for p in rng.integers(20, 120, N)],
        "cr": [int(c) for c in rng.integers(0, 2, N)],
        "os": [int(t) for t in rng.integers(100, 2000, N)],
        "dead": [int(d) for d in rng.integers(0, 2, N)],
        "npm1": [int(g) for g in rng.integers(0, 2, N)],
    }


def lines_of(table: dict[str, list[Any]], sign: str = ",") -> list[str]:
    rows = zip(*table.values(), strict=True)
    return [sign.join(table), *(sign.join("" if c is None else str(c) for c in row) for row in rows)]


@pytest.fixture
def importing(run: Run, tmp_path: Path, dictionary: Dictionary) -> Callable[..., tuple[int, str]]:
    """Import text, or a workbook's rows; keyword arguments change the mapping."""

    def call(
        content: Any, *options: str, columns: dict[str, Any] | None = None, **top: Any
    ) -> tuple[int, str]:
        entries = {k: v for k, v in (COLUMNS | (columns or {})).items() if v is not None}
        plan = {"name": "case", "title": "A case", "columns": entries, "not_assessed": ["rest"]} | top
        (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
        data = tmp_path / ("t.csv" if isinstance(content, (str, list)) else "t.xlsx")
        if isinstance(content, list):
            content = "\n".join(content) + "\n"
        if isinstance(content, str):
            data.write_text(content, encoding="utf-8")
        else:
            content.save(data)
        code, out, err = run("cohort", "import", data, "--mapping", "map.yaml", "--out", "o.csv", *options)
        assert "Traceback" not in err
        return code, out + err

    return call


@pytest.fixture
def result(tmp_path: Path) -> Callable[[], pd.DataFrame]:
    return lambda: pd.read_csv(tmp_path / "o.csv")


@pytest.fixture
def about(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        text = (tmp_path / "o.csv.about.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)["provenance"]["import"]
        return found

    return read


def workbook(table: dict[str, list[Any]], above: int = 0) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for number in range(above):
        book.active.append([f"AML trial, line {number + 1}"])
    book.active.append(list(table))
    for row in zip(*table.values(), strict=True):
        book.active.append(list(row))
    return book


def test_the_summary_shows_every_variable(importing: Any, about: Any) -> None:
    code, out = importing(lines_of(trial()))
    assert code == 0
    summary = {item["variable"]: item for item in about()["summary"]}
    assert list(summary) == ["AGE", "SEX", "AMLSTAT", "HB", "PLT", "CR1", "OSTM", "OSSTAT", "NPM1"]
    table = trial()
    assert summary["AGE"]["median"] == np.median(table["age"])
    assert summary["AGE"]["high"] == max(table["age"])
    assert summary["SEX"]["counts"] == {"female": table["sex"].count("w"), "male": table["sex"].count("m")}
    assert f"median {np.median(table['age']):.4g} ({min(table['age'])} to {max(table['age'])})" in out
    assert "Warning" not in out and "assumed" not in out


@pytest.mark.parametrize(
    "rows",
    [
        [",,,,,,,,,"],
        [" , ,,,,,,,, "],
        ["P41,,,,,,,,,"],
        ["P41,,,,,,,,,", "P42,,,,,,,,,"],
        ["Total: 40 patients,,,,,,,,,"],
        ["Total: 40 patients"],
        ["", "Legend: m is male", "Printed 5.1.2024"],
        [",NA,,,,,,,,", ",,NA,,,,,,,"],
    ],
)
def test_rows_without_a_mapped_value_are_left_out_and_said_so(
    importing: Any, result: Any, about: Any, rows: list[str]
) -> None:
    code, out = importing([*lines_of(trial()), *rows])
    filled = sum(bool(row) for row in rows)
    assert code == 0 and len(result()) == N
    assert (
        "duplicate" not in out and f"Dropped {counted(filled, 'row')}: no value in any mapped column" in out
    )
    assert f"41 (line {N + 2 + (rows[0] == '')})" in out
    assert about()["dropped"][0]["rows"] == filled


def test_empty_rows_among_the_patients_are_left_out(importing: Any, result: Any) -> None:
    lines = lines_of(trial())
    code, out = importing([*lines[:5], ",,,,,,,,,", *lines[5:]])
    assert code == 0 and len(result()) == N and "row 5 (line 6)" in out


def test_a_legend_in_a_mapped_column_is_no_patient(importing: Any, result: Any) -> None:
    table = trial()
    del table["pid"]
    lines = [*lines_of(table), "Legend: age in years,,,,,,,,"]
    code, out = importing(lines)
    assert code == 0 and len(result()) == N and "row 41 (line 42)" in out
    code, out = importing([lines[0], "x,,,,,,,,", *lines[1:-1], "50,,,,,,,,"])
    assert code == 0 and len(result()) == N + 1  # fifty is an age
    code, out = importing([*lines[:3], "x,,,,,,,,", *lines[3:]])
    assert code == 1 and "'x' is no number for AGE" in out  # among the patients it is a wrong cell


def test_many_empty_rows_need_the_stewards_word(importing: Any, result: Any) -> None:
    lines = [*lines_of(trial()), *[",,,,,,,,,"] * 6]
    code, out = importing(lines)
    assert code == 1 and "6 of 46 rows have no value" in out and "--allow-empty-rows" in out
    code, out = importing(lines, "--allow-empty-rows")
    assert code == 0 and len(result()) == N


def test_missing_codes_for_all_columns_are_counted_and_doubted(
    importing: Any, result: Any, about: Any
) -> None:
    table = trial()
    table["plt"][2] = table["plt"][4] = 99
    table["cr"][0] = 99
    table["hb"][3] = "99.0"
    code, out = importing(lines_of(table), source={"missing": ["", 99]})
    assert code == 0
    assert about()["set_to_missing"] == {"HB": {"99": 1}, "PLT": {"99": 2}, "CR1": {"99": 1}}
    assert "PLT is NA where the source has '99' (2 rows)" in out
    assert "PLT: 99 is a missing value in every column (source.missing), but could be a true value" in out
    assert "CR1: 99" not in out and "HB: 99" not in out  # no remission has 99, no Hb is 99 g/dl


def test_missing_codes_of_one_column_leave_the_others_alone(importing: Any, result: Any, about: Any) -> None:
    table = trial()
    table["plt"][2], table["cr"][0] = 99, 99
    code, _ = importing(lines_of(table), columns={"CR1": {"from": "cr", "missing": [99]}})
    assert code == 0
    assert result()["PLT"][2] == 99 and about()["set_to_missing"] == {"CR1": {"99": 1}}
    code, _ = importing(workbook(table), columns={"CR1": {"from": "cr", "missing": [99]}})
    assert code == 0 and result()["PLT"][2] == 99 and about()["set_to_missing"] == {"CR1": {"99": 1}}


def test_a_code_is_a_value_or_missing_never_both(importing: Any, result: Any) -> None:
    lines = lines_of(trial() | {"npm1": ["+", "-"] * 20})
    signs = {"NPM1": {"from": "npm1", "values": {"+": 1, "-": 0}}}
    code, out = importing(lines, columns=signs)
    assert code == 0 and list(result()["NPM1"]) == [1, 0] * 20
    code, out = importing(lines, columns=signs, source={"missing": ["", "-"]})
    assert code == 2 and "'-' is 0 here, and a missing value in source.missing" in out
    blank = {"NPM1": {"from": "npm1", "values": {"+": 1, "": 0}}}
    code, out = importing(lines_of(trial() | {"npm1": ["+", ""] * 20}), columns=blank)
    assert code == 0 and list(result()["NPM1"]) == [1, 0] * 20  # the default of a blank cell gives way


@pytest.mark.parametrize(
    ("column", "given", "factor", "words"),
    [
        ("HB", {"from": "hb"}, 1, "HB in mmol/l"),
        ("OSTM", {"from": "os"}, 0.3, "OSTM in months"),
    ],
)
def test_a_forgotten_unit_is_said_and_doubted(
    importing: Any, column: str, given: dict[str, str], factor: float, words: str
) -> None:
    table = trial()
    table[given["from"]] = [round(value * factor, 1) for value in table[given["from"]]]
    code, out = importing(lines_of(table), columns={column: given})
    assert code == 0
    assert f"Units assumed, since the mapping names none: {words} (median" in out
    unit = "g/dl" if column == "HB" else "days"
    assert f"Warning: {column}: the median of column" in out and f"Are these {unit}" in out


def test_days_taken_for_months_are_told_in_the_error(importing: Any) -> None:
    code, out = importing(lines_of(trial()), columns={"OSTM": {"from": "os"}})
    assert code == 1 and "set columns.OSTM.unit: days" in out.split("row ")[0]
    assert "--limit 0 to list them all" in out and "amlsynth validate lists" not in out
    all_of_them = importing(lines_of(trial()), "--limit", "0", columns={"OSTM": {"from": "os"}})[1]
    assert all_of_them.count("column 'os' (line") == sum(value > 720 for value in trial()["os"])


def test_ages_in_days(importing: Any, result: Any) -> None:
    table = trial()
    days = [int(age * 365.25 + 100) for age in table["age"]]
    code, out = importing(lines_of(table | {"age": days}), columns={"AGE": {"from": "age"}})
    assert code == 1 and "Are these days?" in out
    code, _ = importing(lines_of(table | {"age": days}), columns={"AGE": {"from": "age", "unit": "days"}})
    assert code == 0 and list(result()["AGE"]) == table["age"]


def test_mixed_units_are_told_with_the_sources_own_cells(importing: Any) -> None:
    table = trial()
    table["hb"] = [value * 10 if i % 4 == 0 else value for i, value in enumerate(table["hb"])]
    code, out = importing(lines_of(table))
    assert code == 1
    assert "column 'hb' seems to mix units: 10 of 40 values are usual only in g/l" in out
    assert f"row 1, column 'hb' (line 2): '{table['hb'][0]}'" in out


def test_odd_columns_are_warned_of(importing: Any) -> None:
    code, out = importing(lines_of(trial() | {"os": [None] * N, "cr": [1] * N}))
    assert code == 0
    assert "OSSTAT is known for 40 patients, OSTM for none" in out
    assert "One value for everybody who has one: CR1 (1)" in out


def test_na_from_an_expression_is_told(importing: Any, about: Any) -> None:
    table = trial() | {"fusion": ["RUNX1-RUNX1T1", "none", "", ""] * 10}
    code, out = importing(lines_of(table), columns={"t8.21": {"expression": "fusion == 'RUNX1-RUNX1T1'"}})
    assert code == 0 and about()["na_from_expressions"] == {"t8.21": 20}
    assert "t8.21: 20 NA come from the expression, where 'fusion' is missing" in out
    assert "first_known(fusion == 'RUNX1-RUNX1T1', False)" in out


def test_comment_lines(importing: Any, result: Any) -> None:
    lines = ["#Name of the patient\tName of age", "#STRING\tNUMBER", *lines_of(trial(), "\t")]
    code, out = importing(lines, source={"delimiter": "\t"})
    assert code == 2 and "begin with '#'" in out and "comment: '#'" in out
    code, _ = importing(lines, source={"delimiter": "\t", "comment": "#"})
    assert code == 0 and len(result()) == N
    code, _ = importing(lines, source={"delimiter": "\t", "skip": [1, 2]})
    assert code == 0 and len(result()) == N


def test_title_lines(importing: Any, result: Any) -> None:
    lines = ["Export of 5 January 2024", "", *lines_of(trial())]
    code, out = importing(lines)
    assert code == 2 and "the header seems to be in line 3" in out and "header: 3" in out
    assert importing(lines, source={"header": 3})[0] == 0 and len(result()) == N
    code, out = importing(workbook(trial(), above=1))
    assert code == 2 and "the header seems to be in row 2" in out
    assert importing(workbook(trial(), above=1), source={"header": 2})[0] == 0 and len(result()) == N


def test_two_header_rows_are_joined(importing: Any, result: Any) -> None:
    lines = lines_of(trial())
    above = "Patient,,,Disease,Laboratory,,Outcome,,,Genes"
    names = {"HB": {"from": "Laboratory hb", "unit": "g/dl"}, "PLT": {"from": "Laboratory plt"}}
    names |= {"AGE": {"from": "Patient age"}, "SEX": COLUMNS["SEX"] | {"from": "Patient sex"}}
    names |= {"AMLSTAT": {"from": "Disease type"}, "CR1": {"from": "Outcome cr"}, "OSTM": None}
    names |= {"OSSTAT": None, "NPM1": {"from": "Genes npm1"}}
    code, _out = importing([above, *lines], columns=names, source={"header": [1, 2]})
    assert code == 0 and list(result()["PLT"]) == trial()["plt"]


def test_excels_separator_line_and_delimiters_at_line_ends(importing: Any, result: Any) -> None:
    lines = lines_of(trial(), ";")
    code, out = importing(["sep=;", *lines])
    assert code == 0 and "sep=;" in out and len(result()) == N
    assert importing(["sep=;", *lines], source={"delimiter": ";"})[0] == 0
    assert importing([line + "," for line in lines_of(trial())])[0] == 0
    assert importing([lines_of(trial())[0], *(line + "," for line in lines_of(trial())[1:])])[0] == 0


def test_rs_header_without_a_name_for_the_first_column(importing: Any, result: Any) -> None:
    lines = lines_of(trial())
    code, out = importing([lines[0].removeprefix("pid,"), *lines[1:]])
    assert code == 0 and list(result()["AGE"]) == trial()["age"] and "row.names" in out


def test_the_wrong_delimiter_is_said_first(importing: Any) -> None:
    code, out = importing(lines_of(trial(), ";"))
    assert code == 2 and out.startswith("Error:") and "separated by ';', not by ','" in out.splitlines()[0]
    code, out = importing(lines_of(trial(), "\t"), source={"delimiter": ";"})
    assert code == 2 and 'set source.delimiter to "\\t"' in out


def test_umlauts_in_either_encoding_are_the_same(importing: Any, result: Any) -> None:
    table = trial()
    table["größe"] = table.pop("hb")
    table["type"] = ["primär"] * N
    text = unicodedata.normalize("NFD", "\n".join(lines_of(table)))
    columns = {
        "HB": {"from": "größe", "unit": "g/dl"},
        "AMLSTAT": {"from": "type", "values": {"primär": "de novo"}},
    }
    code, _out = importing(text, columns=columns)
    assert code == 0 and set(result()["AMLSTAT"]) == {"de novo"}


def test_thousands_are_read_only_where_the_mapping_names_the_sign(importing: Any, result: Any) -> None:
    table = trial() | {"plt": ["100.000"] * N}
    columns = {"PLT": {"from": "plt", "unit": "/µl"}}
    source = {"delimiter": ";", "decimal": ",", "thousands": "."}
    table["hb"] = [str(value).replace(".", ",") for value in table["hb"]]
    assert importing(lines_of(table, ";"), columns=columns, source=source)[0] == 0
    assert set(result()["PLT"]) == {100}
    table["plt"][0] = "1000.00"
    code, out = importing(lines_of(table, ";"), columns=columns, source=source)
    assert code == 1 and "'1000.00' is no number" in out


def test_limits_are_kept_or_missing_by_the_stewards_word(importing: Any, result: Any, about: Any) -> None:
    table = trial()
    table["plt"][0], table["plt"][1] = "<10", "> 100"
    code, out = importing(lines_of(table))
    assert code == 1 and "limits: limit keeps them" in out
    code, out = importing(lines_of(table), columns={"PLT": {"from": "plt", "limits": "limit"}})
    assert code == 0 and list(result()["PLT"][:2]) == [10, 100] and "PLT: 2 values beyond a limit" in out
    code, out = importing(lines_of(table), columns={"PLT": {"from": "plt", "limits": "NA"}})
    assert code == 0 and result()["PLT"][:2].isna().all()
    assert about()["set_to_missing"]["PLT"] == {"<10": 1, "> 100": 1}


def test_defaults_for_many_columns(importing: Any, result: Any, about: Any) -> None:
    table = trial() | {"NPM1": ["mut", "wt"] * 20, "TP53_status": ["wt", "nd"] * 20}
    defaults = [{"for": ["genes"], "values": {"wt": 0, "mut": 1, "nd": "NA"}, "optional": True}]
    columns = {"NPM1": None, "TP53": {"from": "TP53_status"}}
    code, out = importing(lines_of(table), columns=columns, defaults=defaults, not_assessed=["rest"])
    assert code == 0, out
    assert list(result()["NPM1"]) == [1, 0] * 20 and result()["TP53"].notna().sum() == 20
    assert "Not in t.csv, so not assessed: ASXL1" in out and "KIT" in about()["not_assessed"]
    code, out = importing(lines_of(table), defaults=[{"for": ["gens"]}])
    assert code == 2 and "Did you mean 'genes'" in out


def test_anchors_of_yaml(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n".join(lines_of(trial())) + "\n")
    mapping = (
        "name: t\ntitle: T\ncolumns:\n  AGE: {from: age}\n  OSTM: {from: os, unit: days}\n"
        "  OSSTAT: {from: dead}\n  NPM1: &gene {from: npm1, values: {'1': 1, '0': 0}}\n"
        "  TP53: {<<: *gene, from: cr}\n  IDH1: *gene\nnot_assessed: [rest]\n"
    )
    (tmp_path / "map.yaml").write_text(mapping)
    command = ("cohort", "import", "t.csv", "--mapping", "map.yaml", "--out", "o.csv")
    assert run(*command)[0] == 0
    assert list(pd.read_csv("o.csv")["TP53"]) == trial()["cr"]
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    (tmp_path / "map.yaml").write_text(bomb)
    code, _, err = run(*command)
    assert code == 2 and "too many or nested too deep" in err


@pytest.mark.parametrize("column", ["hb", "os"])
def test_formulas_that_were_never_calculated(importing: Any, column: str) -> None:
    table = trial()
    letter = "ABCDEFGHIJ"[list(table).index(column)]
    table[column] = [f"=1+{i}" for i in range(N)]
    code, out = importing(workbook(table))
    assert code == 1 and f"column '{column}': 40 cells without a value ({letter}2, {letter}3" in out
    assert "formulas without a stored result" in out
    unmapped = {"HB": None} if column == "hb" else {"OSTM": None, "OSSTAT": None}
    assert importing(workbook(table), columns=unmapped)[0] == 0  # nobody needs them


def test_cells_with_errors_or_hidden_by_merges(importing: Any) -> None:
    book = workbook(trial())
    book.active.merge_cells("D2:D4")
    code, out = importing(book)
    assert code == 1 and "column 'type': 2 cells without a value (D3, D4): hidden by merged cells" in out
    book = workbook(trial())
    book.active["E5"] = "#DIV/0!"
    code, out = importing(book)
    assert code == 1 and "(E5): errors such as #DIV/0!" in out


def test_merged_footers_and_titles_do_not_matter(importing: Any, result: Any) -> None:
    book = workbook(trial(), above=1)
    book.active.merge_cells("A1:E1")
    book.active["A45"] = "Legend: hb in g/dl"
    book.active.merge_cells("A45:F46")
    code, _out = importing(book, source={"header": 2})
    assert code == 0 and len(result()) == N


def test_dates_of_excel_are_dates(importing: Any) -> None:
    table = trial() | {"type": [datetime.date(2020, 1, 31)] * N}
    code, out = importing(workbook(table))
    assert code == 1 and "'2020-01-31' (40 rows)" in out


def test_durations_are_refused_by_name(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"npm1": [1, 0], "os": pd.to_timedelta([10, 20], unit="D")})
    frame.to_parquet(tmp_path / "t.parquet")
    plan = {"name": "t", "title": "T", "columns": {"NPM1": {"from": "npm1"}}, "not_assessed": ["rest"]}
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan))
    command = ("cohort", "import", "t.parquet", "--mapping", "map.yaml", "--out", "o.csv")
    assert run(*command)[0] == 0
    plan["columns"]["OSTM"] = {"from": "os", "unit": "days"}  # type: ignore[index]
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan))
    code, _, err = run(*command)
    assert code == 2 and "columns.OSTM.from: the column 'os' holds durations" in err


def test_all_that_is_wrong_is_said_at_once(importing: Any) -> None:
    table = trial()
    table["age"][0], table["hb"][1], table["sex"][2], table["os"][3] = 7, "??", "x", -1
    code, out = importing(lines_of(table), columns={"TP53": {"from": "tp_53"}})
    assert code == 2
    for part in ("no column 'tp_53'", "'??' is no number", "'x' (1 row)", "'7': AGE", "'-1': OSTM"):
        assert part in out
    code, out = importing(lines_of(table))
    assert code == 1 and "'??' is no number" in out and "'7': AGE" in out


def test_sketch_then_import(run: Run, tmp_path: Path) -> None:
    table = trial()
    table["Alter"], table["Geschlecht"] = table.pop("age"), table.pop("sex")
    (tmp_path / "t.csv").write_text("\n".join(lines_of(table)) + "\n", encoding="utf-8")
    code, out, err = run("cohort", "import", "t.csv", "--out", "o.csv")
    assert code == 2 and "amlsynth cohort sketch t.csv --out map.yaml" in err
    code, out, err = run("cohort", "sketch", "t.csv", "--out", "map.yaml")
    assert code == 0 and "variables found by their columns" in out, err
    code, out, err = run("cohort", "import", "t.csv", "--mapping", "map.yaml", "--out", "o.csv")
    assert code == 0, err
    frame = pd.read_csv("o.csv")
    assert list(frame["AGE"]) == table["Alter"] and frame["SEX"].notna().all()
    assert run("cohort", "sketch", "t.csv", "--out", "map.yaml")[0] == 2  # a person's work is not replaced


def test_cbioportal_needs_a_folder_and_gives_its_mapping(run: Run, tmp_path: Path) -> None:
    code, _, err = run("cohort", "import", "cbioportal", "--out", "o.csv")
    assert code == 2 and "--from DIR" in err
    code, _, err = run("cohort", "import", "t.csv", "--study", "x", "--out", "o.csv")
    assert code == 2 and "--study is for cbioportal only" in err
    assert run("cohort", "sketch", "cbioportal", "--out", "mine.yaml")[0] == 0
    assert "data_clinical_patient.txt" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")


def test_tables_are_joined_by_an_id(run: Run, tmp_path: Path) -> None:
    book = workbook(trial())
    book.active.title = "patients"
    sheet = book.create_sheet("genes")
    for row in [
        ("pid", "gene", "effect"),
        ("P1", "TP53", "x"),
        ("P1", "IDH1", "x"),
        ("P2", "IDH1", "silent"),
    ]:
        sheet.append(row)
    sheet = book.create_sheet("visits")
    for row in [("who", "blasts"), ("P1", 10), ("P3", 50)]:
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    plan = {
        "name": "t",
        "title": "T",
        "key": "pid",
        "source": {"sheet": "patients"},
        "tables": {
            "genes": {
                "format": {"sheet": "genes"},
                "key": "pid",
                "where": "effect != 'silent'",
                "absent": 0,
                "wide": [
                    {"for": ["TP53", "IDH1", "KIT"], "name": "{name} mutated", "any": "gene == '{gene}'"}
                ],
            },
            "visits": {"format": {"sheet": "visits"}, "key": "who"},
        },
        "defaults": [{"for": ["TP53", "IDH1", "KIT"], "from": "{name} mutated"}],
        "columns": COLUMNS | {"EXAML": {"expression": "blasts > 20"}},
        "not_assessed": ["rest"],
    }
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan))
    command = ("cohort", "import", "t.xlsx", "--mapping", "map.yaml", "--out", "o.csv")
    code, out, err = run(*command)
    assert code == 0, err
    frame = pd.read_csv("o.csv")
    assert list(frame["TP53"]) == [1] + [0] * 39 and list(frame["IDH1"]) == [1] + [0] * 39
    assert frame["KIT"].isna().all()  # no row names it
    assert list(frame["EXAML"][:3].fillna(-1)) == [0, -1, 1]
    assert "Table visits: 2 of 40 rows have an entry" in out
    plan["key"] = "age"
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(plan))
    code, _, err = run(*command)
    assert code == 1 and "no id of the table genes is one of the main table's" in err


def test_validate_has_a_word_on_empty_patients_and_shows_blanks(run: Run, reference: pd.DataFrame) -> None:
    frame = reference.head(5).astype(object)
    frame.loc[5] = frame.loc[6] = [None] * frame.shape[1]
    frame.loc[0, "SEX"] = "male "
    frame.to_csv("t.csv", index=False)
    code, out, _ = run("validate", "t.csv", "--role", "original", "--limit", 100)
    assert code == 1 and "'male '" in out
    assert out.count("empty_patient") == 3 and "duplicate" not in out  # two rows and a line of counts
