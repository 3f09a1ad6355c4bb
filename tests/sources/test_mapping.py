"""The import of a steward's own table: what a mapping does, and every way in which it can be wrong."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from amlsynth.cohort.cohort import declared_panels
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.generators.declared import with_declared
from amlsynth.sources.import_report import ImportReport
from amlsynth.sources.mapping import import_mapped

COLUMNS: dict[str, Any] = {
    "AGE": {"from": "alter"},
    "SEX": {"from": "sex", "values": {"m": "male", "w": "female", "d": "NA"}},
    "HB": {"from": "hb", "unit": "g/dl"},
    "OSTM": {"from": "os", "unit": "days"},
    "OSSTAT": {"from": "dead"},
    "EFSTM": {"expression": "min(os, first_known(relapse, os))", "unit": "days"},
    "EFSSTAT": {"expression": "dead or not is_na(relapse)"},
}
ROWS: dict[str, list[Any]] = {
    "alter": [50, 61, 72],
    "sex": ["m", "w", "d"],
    "hb": [9.1, None, 8.0],
    "os": [365.25, 200, 30.4375],
    "dead": [1, 0, 1],
    "relapse": [30.4375, None, None],
    "fab": ["M1", "M3", None],
}


@pytest.fixture
def write(tmp_path: Path, dictionary: Dictionary) -> Callable[..., tuple[Path, Path]]:
    """Write a table and a mapping; keyword arguments change the mapping."""

    def write(table: Any = None, columns: dict[str, Any] | None = None, **top: Any) -> tuple[Path, Path]:
        data = tmp_path / "trial.csv"
        if isinstance(table, Path):
            data = table
        elif isinstance(table, bytes):
            data.write_bytes(table)
        else:
            pd.DataFrame(ROWS if table is None else table).to_csv(data, index=False)
        entries = COLUMNS | (columns or {})
        entries = {name: entry for name, entry in entries.items() if entry is not None}
        rest = [name for name in dictionary.names if name not in entries]
        content = {"name": "trial", "title": "A trial", "columns": entries, "not_assessed": rest} | top
        mapping = tmp_path / "map.yaml"
        mapping.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return data, mapping

    return write


def values(frame: pd.DataFrame, name: str) -> list[Any]:
    return [None if pd.isna(value) else value for value in frame[name]]


def refused(paths: tuple[Path, Path], error: type[Exception], *parts: str) -> str:
    with pytest.raises(error) as caught:
        import_mapped(*paths)
    for part in parts:
        assert re.search(part, str(caught.value)), f"{part} is not in: {caught.value}"
    return str(caught.value)


def test_columns_are_renamed_translated_converted_and_derived(write: Any) -> None:
    cohort = import_mapped(*write())
    frame = cohort.frame
    assert cohort.role == "original"
    assert values(frame, "AGE") == [50, 61, 72]
    assert values(frame, "SEX") == ["male", "female", None]
    assert values(frame, "HB") == [5.64746, None, 4.9648]
    assert values(frame, "OSTM") == [12, pytest.approx(6.570842), 1]
    assert values(frame, "EFSTM") == [1, pytest.approx(6.570842), 1]
    assert values(frame, "EFSSTAT") == [1, 0, 1]
    assert frame["NPM1"].isna().all()


def test_the_report_tells_what_was_done(write: Any) -> None:
    data, mapping = write(drop_rows_where=[{"expression": "fab == 'M3'", "reason": "promyelocytic"}])
    cohort = import_mapped(data, mapping)
    report = ImportReport.model_validate(cohort.about.provenance["import"])
    assert (report.rows_read, report.rows_kept) == (3, 2)
    assert [(item.reason, item.rows) for item in report.dropped] == [("promyelocytic", 1)]
    assert [file.sha256 for file in report.files] == [sha256(data), sha256(mapping)]
    assert report.mapped["HB"] == "hb (g/dl x 0.6206)"
    assert report.mapped["OSTM"] == "os (days / 30.4375)"
    assert report.mapped["SEX"] == "sex (m is male, w is female, d is NA)"
    assert report.set_to_missing == {"SEX": {"d": 1}}
    assert "NPM1" in report.not_assessed
    assert str(data.parent) not in cohort.about.model_dump_json()  # names, not places


def test_declared_panels_stand_in_the_record_and_reach_the_generator_with_a_guarantee(write: Any) -> None:
    cohort = import_mapped(*write(panels=[["AGE", "SEX", "NPM1"], ["EFSTM", "laboratory"]]))
    panels = (("AGE", "SEX"), ("EFSTM", "HB"))
    assert declared_panels(cohort.about) == panels
    assert with_declared("private", {"epsilon": 1.0}, cohort)["panels"] == panels
    assert with_declared("private", {"panels": ()}, cohort)["panels"] == ()  # what is given counts
    assert with_declared("event-history", None, cohort) is None
    damaged = cohort.about.model_copy(update={"provenance": {"import": {"panels": ["AGE"]}}})
    with pytest.raises(DataError, match=r"no lists of columns\. Write them as"):
        declared_panels(damaged)


def test_rules_that_the_original_breaks_are_reported(write: Any) -> None:
    cohort = import_mapped(*write(columns={"EFSSTAT": {"expression": "0"}}))
    broken = {item["rule"]: item["patients"] for item in cohort.about.provenance["import"]["rules_broken"]}
    assert broken == {"death_is_efs_event": 2, "event_free_is_alive": 2, "event_free_times_agree": 1}


def test_errors_of_rules_name_the_row_of_the_source(write: Any) -> None:
    paths = write(
        ROWS | {"alter": [50, 61, 7]},
        drop_rows_where=[{"expression": "fab == 'M3'", "reason": "promyelocytic"}],
    )
    refused(paths, DataError, r"trial\.csv: row 3, column 'alter' \(line 4\): '7': AGE would be 7")


def test_duplicates_name_the_rows_of_the_source(write: Any) -> None:
    table = {name: [column[1], column[0], column[0]] for name, column in ROWS.items()}
    paths = write(table, drop_rows_where=[{"expression": "fab == 'M3'", "reason": "promyelocytic"}])
    refused(paths, DataError, "row 3, the same as row 2;")


def test_rows_are_dropped_only_where_it_is_certain(write: Any) -> None:
    rule = {"expression": "fab != 'M1'", "reason": "not M1"}
    assert import_mapped(*write(drop_rows_where=[rule])).n == 2  # the unknown one stays
    refused(
        write(drop_rows_where=[{"expression": "alter > 0", "reason": "all"}]),
        DataError,
        "no patients are left",
    )


def test_bad_cells_in_dropped_rows_do_not_matter(write: Any) -> None:
    rule = {"expression": "fab == 'M3'", "reason": "promyelocytic"}
    assert import_mapped(*write(ROWS | {"hb": [9, "??", 8]}, drop_rows_where=[rule])).n == 2


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("days", 1 / 30.4375), ("weeks", 7 / 30.4375), ("months", 1), ("years", 12), ("Days", 1 / 30.4375)],
)
def test_units_of_time(write: Any, unit: str, factor: float) -> None:
    frame = import_mapped(
        *write(
            ROWS | {"relapse": [None] * 3, "os": [10, 11, 12]},
            {"OSTM": {"from": "os", "unit": unit}, "EFSTM": {"from": "os", "unit": unit}},
        )
    ).frame
    assert values(frame, "OSTM") == pytest.approx([10 * factor, 11 * factor, 12 * factor], abs=1e-6)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("g/l", 1), ("10^9/l", 1), ("10^3/µl", 1), ("10^3/\u03bcl", 1), ("/nl", 1), ("/µl", 0.001)],
)
def test_units_of_cells(write: Any, unit: str, factor: float) -> None:
    frame = import_mapped(
        *write(
            ROWS | {"wbc": [1000, 2000, 3]} if factor < 1 else ROWS | {"wbc": [1, 2, 3]},
            {"WBC": {"from": "wbc", "unit": unit}},
        )
    ).frame
    assert values(frame, "WBC")[1] == 2


def test_categories_may_be_numbers_booleans_or_already_right(write: Any) -> None:
    table = ROWS | {
        "sex": [1, 2, 1],
        "npm1": [True, False, None],
        "tp53": [1.0, 0.0, None],
        "stat": ["sAML", "NA", "de novo"],
    }
    frame = import_mapped(
        *write(
            table,
            {
                "SEX": {"from": "sex", "values": {1: "male", 2: "female"}},
                "NPM1": {"from": "npm1", "values": {"True": True, "False": False}},
                "TP53": {"from": "tp53"},
                "AMLSTAT": {"from": "stat"},
            },
        )
    ).frame
    assert values(frame, "SEX") == ["male", "female", "male"]
    assert values(frame, "NPM1") == values(frame, "TP53") == [1, 0, None]
    assert values(frame, "AMLSTAT") == ["sAML", None, "de novo"]


def test_decimal_commas_semicolons_latin_letters_and_missing_codes(write: Any) -> None:
    text = "alter;sex;hb;os;dead;relapse\n50; männlich ;9,1;365,25;1;-99\n61;weiblich;k.A.;200;0;-99\n"
    columns = {"SEX": {"from": "sex", "values": {"männlich": "male", "weiblich": "female"}}}
    source = {"delimiter": ";", "decimal": ",", "encoding": "cp1252", "missing": ["k.A.", -99]}
    frame = import_mapped(*write(text.encode("cp1252"), columns, source=source)).frame
    assert values(frame, "SEX") == ["male", "female"]
    assert values(frame, "HB") == [5.64746, None]
    assert values(frame, "EFSSTAT") == [1, 0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_byte_order_are_read(write: Any, encoding: str) -> None:
    text = pd.DataFrame(ROWS).to_csv(index=False).replace("\n", "\r\n")
    source = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding}
    assert import_mapped(*write(text.encode(encoding), source=source)).n == 3


def test_quoted_delimiters_and_line_ends(write: Any) -> None:
    text = pd.DataFrame(ROWS | {"note, long": ['a "b", c', "two\nlines", None]}).to_csv(index=False)
    assert import_mapped(*write(text.encode())).n == 3


def test_parquet_of_many_types(write: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "alter": pa.array([50, 61, 72], pa.uint8()),
            "sex": pa.array(["m", "w", None]).dictionary_encode(),
            "hb": pa.array([9.1, float("nan"), None], pa.float32()),
            "os": pa.array([365, 200, 30], pa.decimal128(6, 1)),
            "dead": pa.array([True, False, None]),
            "relapse": pa.nulls(3),
            "when": pa.array([datetime.date(2020, 1, 1)] * 3),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    columns = {
        "OSSTAT": {"expression": "first_known(dead, 1)"},
        "EFSSTAT": {"expression": "first_known(dead, 1)"},
    }
    frame = import_mapped(*write(tmp_path / "t.parquet", columns)).frame
    assert values(frame, "SEX") == ["male", "female", None]
    assert values(frame, "HB") == [pytest.approx(5.64746, abs=1e-5), None, None]
    assert values(frame, "OSSTAT") == [1, 0, 1]


def test_xlsx_with_sheets_mixed_cells_and_empty_margins(write: Any, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "notes"
    sheet = book.create_sheet("patients")
    for row in [
        ["alter", " sex ", "hb", "os", "dead", "relapse", None],
        [50, "m", 9.1, 365.25, True, None, None],
        [61.0, "w", "n/a", 200, False, 20, None],
        [None] * 7,
    ]:
        sheet.append(row)
    sheet["J9"].font = openpyxl.styles.Font(bold=True)
    book.save(tmp_path / "t.xlsx")
    source = {"sheet": "patients", "missing": ["", "n/a"]}
    frame = import_mapped(*write(tmp_path / "t.xlsx", source=source)).frame
    assert values(frame, "AGE") == [50, 61]
    assert values(frame, "HB") == [5.64746, None]
    assert values(frame, "EFSSTAT") == [1, 1]
    refused(write(tmp_path / "t.xlsx"), UsageError, "source.sheet: 'notes', 'patients'")
    refused(write(tmp_path / "t.xlsx", source={"sheet": "x"}), UsageError, "no sheet 'x'.*'patients'")
    refused(write(tmp_path / "t.xlsx", source={"sheet": "notes"}), DataError, "'notes' is empty")


@pytest.mark.parametrize(
    ("columns", "top", "parts"),
    [
        ({"AGEE": {"from": "alter"}}, {}, ["columns.AGEE", "Did you mean 'AGE'"]),
        ({"AGE": {"form": "alter"}}, {}, ["columns.AGE.form", "Did you mean 'from'"]),
        ({"AGE": {}}, {}, ["either from or expression"]),
        ({"AGE": {"from": "alter", "expression": "alter"}}, {}, ["either from or expression"]),
        ({"AGE": "alter"}, {}, ["columns.AGE", "write {from: COLUMN}"]),
        ({"AGE": None}, {"not_assessed": []}, ["neither mapped nor listed", "AGE, AMLSTAT"]),
        ({}, {"not_assessed": ["NPM2"]}, ["not_assessed.0", "Did you mean 'NPM1'"]),
        ({}, {"not_assessed": ["AGE"]}, ["'AGE' stands twice"]),
        ({}, {"not_assessed": [{"AGE": 1}]}, ["is no name", "not_assessed"]),
        ({}, {"not_assessed": [["AGE"]]}, ["is no name", "not_assessed"]),
        ({}, {"not_assessed": [False]}, ["False is no name"]),
        ({}, {"not_assesed": []}, ["Did you mean 'not_assessed'"]),
        ({}, {"panels": [["HB", "AGEE"]]}, ["panels.0.1", "'AGEE' is no variable", "Did you mean 'AGE'"]),
        ({}, {"panels": [["HB", "AGE"], ["SEX", "HB"]]}, ["panels.1.1", "'HB' stands in panels twice"]),
        ({}, {"panels": [["HB", "NPM1"]]}, ["panels.0", "a panel of HB alone", "or leave it out"]),
        ({}, {"panels": ["HB"]}, ["panels.0", "write a list of variables"]),
        ({}, {"name": "My Trial"}, ["map.yaml:1: name"]),
        ({}, {"source": {"encoding": "latin-99"}}, ["source.encoding", "not a known encoding"]),
        ({}, {"source": {"encoding": "rot13"}}, ["not a known encoding"]),
        ({}, {"source": {"delimiter": ";;"}}, ["source.delimiter"]),
        ({}, {"source": {"delimiter": "x"}}, ["a delimiter is a sign"]),
        ({}, {"source": {"delimeter": ";"}}, ["Did you mean 'delimiter'"]),
        ({"HB": {"from": "hb", "unit": "mg/dl"}}, {}, ["columns.HB.unit", "Did you mean 'g/dl'"]),
        ({"SEX": {"from": "sex", "unit": "g/dl"}}, {}, ["SEX has no unit"]),
        ({"HB": {"from": "hb", "values": {"a": 1}}}, {}, ["takes no values"]),
        ({"SEX": {"from": "sex", "values": {"m": "mal"}}}, {}, ["'mal' is no value", "Did you mean 'male'"]),
        ({"NPM1": {"from": "sex", "values": {"m": 2}}}, {}, ["'2' is no value of NPM1", "0, 1, NA"]),
        ({"NPM1": {"from": "sex", "values": {True: 1}}}, {}, ["put yes, no, on, off"]),
        ({"EFSTM": {"expression": "min(os"}}, {}, ["columns.EFSTM.expression", "never closed"]),
        ({"EFSTM": {"expression": "os.max()"}}, {}, ["no such function"]),
        ({}, {"drop_rows_where": [{"expression": "1 +"}]}, ["drop_rows_where.0.expression", "reason"]),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_line(
    write: Any, columns: dict[str, Any], top: dict[str, Any], parts: list[str]
) -> None:
    refused(write(columns=columns, **top), UsageError, r"map\.yaml:\d+: ", *map(re.escape, parts))


def test_lines_are_those_of_the_file(write: Any) -> None:
    data, mapping = write(columns={"HB": {"from": "hb_gdl"}, "OSTM": {"expression": "oss * 2"}})
    lines = mapping.read_text(encoding="utf-8").splitlines()
    message = refused((data, mapping), UsageError, "no column 'hb_gdl'. Did you mean 'hb'", "no column 'oss'")
    assert f"map.yaml:{lines.index('    from: hb_gdl') + 1}: columns.HB.from" in message
    assert f"map.yaml:{lines.index('    expression: oss * 2') + 1}: columns.OSTM.expression" in message
    assert "'alter', 'sex', 'hb'" in message


def test_an_expression_on_text_that_should_be_numbers_says_so(write: Any) -> None:
    refused(
        write(ROWS | {"os": ["365", "2oo", "30"]}, {"OSTM": {"from": "alter", "unit": "days"}}),
        UsageError,
        r"map\.yaml:\d+: ",
        "Read as text, since not every cell is a number: 'os'",
    )


def test_values_that_the_mapping_does_not_know_are_listed_with_counts(write: Any) -> None:
    message = refused(
        write(ROWS | {"sex": ["m", "X", "X"], "dead": ["1", "ja", "0"]}, {"EFSSTAT": {"expression": "0"}}),
        DataError,
        r"column 'sex' has values .* for SEX: 'X' \(2 rows\)\. Add them to columns\.SEX\.values",
        r"column 'dead' .*'ja' \(1 row\)\. Say in map\.yaml under columns\.OSSTAT\.values",
    )
    assert "365" not in message  # nothing of other columns


def test_a_column_of_many_values_is_not_poured_out(write: Any) -> None:
    n = 40
    table = {name: [column[0]] * n for name, column in ROWS.items()} | {"sex": [f"P{i}" for i in range(n)]}
    message = refused(write(table), DataError, "and 30 more")
    assert len(re.findall(r"rows?\)", message)) == 10


@pytest.mark.parametrize("cell", ["<0.1", "9,1", "1.234,5", "inf", "NaN", "٣", "0x1"])
def test_what_is_no_number_is_named_with_row_and_column(write: Any, cell: str) -> None:
    message = refused(
        write(ROWS | {"hb": ["9.1", cell, cell]}), DataError, "row 2, column 'hb'", "1 more such"
    )
    assert repr(cell) in message


def test_points_are_no_decimal_commas(write: Any) -> None:
    text = "alter;sex;hb;os;dead;relapse\n50;m;9.1;365;1;\n"
    refused(write(text.encode(), source={"delimiter": ";", "decimal": ","}), DataError, "'9.1' is no number")


def test_ages_with_decimals_are_refused(write: Any) -> None:
    refused(
        write(ROWS | {"alter": [50, 61.5, 72]}),
        DataError,
        r"row 2, column 'alter' \(line 3\): '61\.5'",
        "whole",
    )


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"alter,sex\n", "no patients in it"),
        (b"alter,sex,alter\n1,m,2\n", "two columns are named 'alter'"),
        (b"alter,,sex\n1,2,m\n", "column 2 has no name"),
        (b"alter,sex\n1,m\n2,w,3\n4,m,5\n", r"row 2 has 3 cells where the header has 2 columns \(2 such"),
        (b'alter,sex\n1,m\n2,"w\n3,m\n', "quote that opens in row 2 is never closed"),
        ("alter,sex\n1,männlich\n".encode("latin-1"), "line 2 is not utf-8"),
        ("alter,sex\n1,m\n".encode("utf-16"), "line 1 is not utf-8"),
        ("alter,sex\n1,m\n".encode("utf-16-le"), "zero bytes"),
    ],
)
def test_damaged_csv(write: Any, content: bytes, part: str) -> None:
    refused(write(content), DataError, part)


def test_another_delimiter_is_suspected_when_there_is_one_column(write: Any) -> None:
    refused(write(b"alter;sex;hb\n1;m;3\n"), UsageError, "another delimiter: set source.delimiter")


@pytest.mark.parametrize("ending", ["parquet", "xlsx"])
def test_damaged_files(write: Any, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(path) if ending == "parquet" else frame.to_excel(path, index=False)
    assert import_mapped(*write(path)).n == 3
    whole = path.read_bytes()
    for cut in (len(whole) // 2, len(whole) - 20, 3):
        path.write_bytes(whole[:cut])
        refused(write(path), DataError, "damaged or truncated")
    path.write_bytes(b"alter,sex\n1,m\n")
    refused(write(path), DataError, "damaged or truncated")


def test_duplicate_columns_of_parquet(write: Any, tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "t.parquet")
    refused(write(tmp_path / "t.parquet"), DataError, "two columns are named 'a'")


def test_missing_and_unknown_files(write: Any, tmp_path: Path) -> None:
    data, mapping = write()
    refused((tmp_path / "none.csv", mapping), UsageError, "no such file")
    refused((data, tmp_path / "none.yaml"), UsageError, "cannot be read")
    refused((tmp_path, mapping), UsageError, "ending")
    odd = tmp_path / "trial.sav"
    odd.write_bytes(b"x")
    refused((odd, mapping), UsageError, "'.sav' is not known. Use one of .csv")


def test_the_example_of_the_documentation_works(repository: Path, tmp_path: Path) -> None:
    mapping = repository / "docs" / "mapping-example.yaml"
    plan = yaml.safe_load(mapping.read_text(encoding="utf-8"))
    wanted = [
        entry["from"] for entry in plan["columns"].values() if isinstance(entry, dict) and "from" in entry
    ]
    n = 3
    table: dict[str, list[Any]] = {name: ["0", "1", "NA"] for name in wanted}
    table |= {
        "Alter": ["50", "61", "72"],
        "Geschlecht": ["m", "w", "divers"],
        "AML-Typ": ["primär", "sekundär", "k.A."],
        "extramedullär": ["ja", "nein", "n/a"],
        "Leukozyten": ["10,5", "3", ""],
        "Hb": ["9,1", "8", ""],
        "Thrombozyten": ["50000", "61000", ""],
        "Normalkaryotyp": ["0", "0", "0"],
        "Ansprechen": ["CRi", "PR", ""],
        "os_tage": ["365,25", "200", "30"],
        "verstorben": ["ja", "nein", "nein"],
        "Tage bis Ereignis": ["100", "", ""],
        "fab": ["M1", "M2", "M3"],
        "CEBPA_N": ["0", "1", ""],
        "FLT3-ITD": ["pos", "neg", ""],
        "FLT3-TKD Ratio": ["0,4", "0", ""],
    }
    assert all(len(column) == n for column in table.values())
    data = tmp_path / "trial.csv"
    pd.DataFrame(table).to_csv(data, sep=";", index=False, encoding="cp1252")
    cohort = import_mapped(data, mapping)
    frame = cohort.frame
    assert [item["rows"] for item in cohort.about.provenance["import"]["dropped"]] == [1, 0]
    assert values(frame, "SEX") == ["male", "female"]
    assert values(frame, "PLT") == [50, 61]
    assert values(frame, "CR1") == [1, 0]
    assert values(frame, "EFSTM") == [pytest.approx(100 / 30.4375, abs=1e-6), frame["OSTM"].iloc[1]]
    assert values(frame, "EFSSTAT") == [1, 0]
    assert values(frame, "CEBPA") == [0, 1]
    assert values(frame, "FLT3T") == [1, 0]
    assert frame["NOTCH1"].isna().all()
