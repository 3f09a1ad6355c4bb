"""The clinical exports hold what the release's table holds, under ADaM's names and conventions."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.tables import read_table, to_typed
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import MissingExtraError, UsageError
from amlsynth.release import ReleaseResult, build_release, verify_release
from amlsynth.release.adam import AdamExport, write_adam
from amlsynth.release.adam.tables import Study, adam_datasets, short_label
from amlsynth.release.file_names import ADAM_FILES, file_names

STUDY = Study("aml-x", "2.0.0", "A <title> & é\ufffe", "Synthetic.", datetime.date(2026, 11, 20))
OUTCOME = {
    "OSTM": ("OS", "AVAL"),
    "EFSTM": ("EFS", "AVAL"),
    "OSSTAT": ("OS", "CNSR"),
    "EFSSTAT": ("EFS", "CNSR"),
}


def read_xpt(path: Path) -> tuple[pd.DataFrame, Any]:
    import pyreadstat

    return pyreadstat.read_xport(str(path))


def read_json(path: Path) -> pd.DataFrame:
    content = json.loads(path.read_text(encoding="utf-8"))
    frame = pd.DataFrame(content["rows"], columns=[column["name"] for column in content["columns"]])
    text = [column["name"] for column in content["columns"] if column["dataType"] == "string"]
    frame[text] = frame[text].fillna("").astype(object)
    return frame.astype({name: float for name in frame.columns if name not in text})


def back(adsl: pd.DataFrame, adtte: pd.DataFrame, d: Dictionary) -> pd.DataFrame:
    """Make the release's table of the exports again."""
    columns: dict[str, Any] = {}
    by_parameter = {
        name: rows.set_index("USUBJID").reindex(adsl["USUBJID"]) for name, rows in adtte.groupby("PARAMCD")
    }
    for variable in d.variables:
        if variable.name in OUTCOME:
            parameter, column = OUTCOME[variable.name]
            rows = by_parameter.get(parameter)
            values = rows[column].to_numpy() if rows is not None else np.full(len(adsl), np.nan)
            columns[variable.name] = 1 - values if column == "CNSR" else values
        elif any(category.export_value for category in variable.categories):
            words = {c.export_value: c.value for c in variable.categories}
            columns[variable.name] = adsl[variable.export_name].map(lambda code, w=words: w.get(code, code))
        else:
            columns[variable.name] = adsl[variable.export_name]
    return to_typed(pd.DataFrame(columns), d)


@pytest.fixture(scope="module")
def full(reference: pd.DataFrame) -> pd.DataFrame:
    """Patients with missing values of every kind."""
    frame = reference.head(120).copy()
    frame.loc[0:3, ["SEX", "AMLSTAT", "AGE", "WBC", "NPM1"]] = pd.NA
    frame.loc[4, ["OSTM", "OSSTAT", "EFSTM", "EFSSTAT"]] = pd.NA
    frame.loc[5, ["EFSTM", "EFSSTAT"]] = pd.NA
    frame.loc[6, "OSTM"] = pd.NA
    frame["KIT"] = pd.array([pd.NA] * len(frame), dtype="Int8")
    frame.loc[7, "OSTM"] = 12.345679
    return frame


@pytest.fixture(scope="module")
def exported(full: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> AdamExport:
    return write_adam(full, tmp_path_factory.mktemp("adam"), STUDY)


@pytest.fixture
def changed(dictionary: Dictionary) -> Callable[..., Dictionary]:
    """The dictionary with changed entries, by column name."""

    def change(**variables: dict[str, str]) -> Dictionary:
        content = dictionary.model_dump()
        for entry in content["variables"]:
            entry.update(variables.get(entry["name"], {}))
        return Dictionary.model_validate(content)

    return change


def test_both_formats_hold_the_table(
    exported: AdamExport, full: pd.DataFrame, dictionary: Dictionary
) -> None:
    folder = exported.files[0].parent
    xpt = [read_xpt(folder / f"{name}.xpt")[0] for name in ("adsl", "adtte")]
    as_json = [read_json(folder / f"{name}.json") for name in ("adsl", "adtte")]
    for adsl, adtte in (xpt, as_json):
        pd.testing.assert_frame_equal(back(adsl, adtte, dictionary), full.reset_index(drop=True))
    for one, other in zip(xpt, as_json, strict=True):
        pd.testing.assert_frame_equal(one, other, check_dtype=False)
    assert exported.records == {"ADSL": 120, "ADTTE": len(xpt[1])}


def test_cnsr_is_the_inverse_of_the_status(exported: AdamExport, full: pd.DataFrame) -> None:
    adtte = read_xpt(exported.files[0].parent / "adtte.xpt")[0]
    os = adtte[adtte["PARAMCD"] == "OS"].set_index("USUBJID")
    subjects = STUDY.subjects(full)[1]
    for row, status in full["OSSTAT"].items():
        unique = subjects[int(row)]
        if status is pd.NA:
            assert unique not in os.index or np.isnan(os.loc[unique, "CNSR"])
        else:
            assert os.loc[unique, "CNSR"] == {1: 0, 0: 1}[status]
    events, censored = adtte[adtte["CNSR"] == 0], adtte[adtte["CNSR"] == 1]
    assert len(events) and len(censored)
    assert set(events[events["PARAMCD"] == "OS"]["EVNTDESC"]) == {"Death"}
    assert set(events["CNSDTDSC"]) == {""}
    assert set(censored["CNSDTDSC"]) == {"Last time known alive", "Last time known free of an event"}
    assert all(text.startswith("Censored: ") for text in censored["EVNTDESC"])


def test_records_are_those_that_are_known(exported: AdamExport) -> None:
    adtte = read_xpt(exported.files[0].parent / "adtte.xpt")[0]
    subjects = read_xpt(exported.files[0].parent / "adsl.xpt")[0].set_index("SUBJID")["USUBJID"]
    of = {number: adtte[adtte["USUBJID"] == subjects[f"{number:04d}"]] for number in (5, 6, 7, 8)}
    assert len(of[5]) == 0  # neither endpoint is known
    assert list(of[6]["PARAMCD"]) == ["OS"]
    assert list(of[8]["PARAMCD"]) == ["EFS", "OS"]
    unknown = of[7][of[7]["PARAMCD"] == "OS"].iloc[0]
    assert np.isnan(unknown["AVAL"]) and unknown["AVALU"] == "" and unknown["CNSR"] in (0, 1)
    assert set(adtte["AVALU"]) == {"MONTHS", ""}
    assert not [name for name in adtte.columns if name.startswith("STARTDT")]


def test_the_subjects_are_synthetic_and_unique(exported: AdamExport) -> None:
    adsl, about = read_xpt(exported.files[0].parent / "adsl.xpt")
    assert adsl["USUBJID"].is_unique and set(adsl["STUDYID"]) == {"AML-X"}
    assert adsl["USUBJID"].str.fullmatch(r"AML-X-[0-9A-F]{16}").all() and adsl["SUBJID"].iloc[119] == "0120"
    assert set(adsl["FASFL"]) == {"Y"} and about.column_names_to_labels["AGE"] == "Age"
    assert set(adsl["SEX"]) == {"F", "M", ""}
    assert set(adsl.loc[adsl["AGE"].notna(), "AGEU"]) == {"YEARS"}
    assert about.table_name == "ADSL" and about.file_label == "Subject-Level Analysis Dataset"
    labels = about.column_names_to_labels
    assert labels["WBC"] == "White blood cell count (GPt/l)" and labels["T821"] == "t(8;21)"


def test_a_patient_keeps_the_identifier_in_another_version(full: pd.DataFrame) -> None:
    later = replace(STUDY, version="3.0.0")
    ours = STUDY.subjects(full)[1]
    grown = full.iloc[::-1].assign(NEW=pd.array([pd.NA] * len(full), dtype="Int8"))
    assert later.subjects(grown)[1] == ours[::-1]
    changed = full.copy()
    changed.loc[3, "PLT"] = 1.0
    theirs = STUDY.subjects(changed)[1]
    assert [row for row, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b] == [3]
    twice = STUDY.subjects(full.iloc[[0, 0]])[1]
    assert twice == [ours[0], f"{ours[0]}-2"]


def test_days_stand_in_the_place_of_dates(exported: AdamExport) -> None:
    adtte = read_xpt(exported.files[0].parent / "adtte.xpt")[0].dropna(subset=["AVAL"])
    assert (adtte["ADY"] == 1 + np.round(adtte["AVAL"] * 30.4375)).all() and (adtte["ADY"] >= 1).all()


def test_the_event_is_named_where_it_is_known(
    make: Callable[..., pd.DataFrame], dictionary: Dictionary
) -> None:
    columns = {
        "CR1": [1, 0, pd.NA, 1, 1, pd.NA],
        "EFSTM": [5.0, 1.0, 1.0, 7.0, 3.0, 9.0],
        "EFSSTAT": [1, 1, 1, 1, 1, 0],
        "OSTM": [5.0, 9.0, 9.0, 7.0, pd.NA, 9.0],
        "OSSTAT": [1, 0, 1, 0, pd.NA, 0],
    }
    _, adtte = adam_datasets(make(**columns), STUDY, dictionary)
    efs = adtte.frame[adtte.frame["PARAMCD"] == "EFS"]["EVNTDESC"].tolist()
    other = "Other than death: induction failure, relapse or death"
    response = dictionary.roles.response
    assert response is not None
    label = response.label.lower()
    assert efs == [
        "Death",
        f"{other}; {label} not reached",
        other,
        f"{other}; {label} reached",  # alive when it happened
        "Induction failure, relapse or death",  # whether it was death is not known
        "Censored: Last time known free of an event",
    ]


def test_arms_stand_in_both_data_sets(full: pd.DataFrame, changed: Callable[..., Dictionary]) -> None:
    d = changed(AMLSTAT={"export_name": "ARM"})
    adsl, adtte = adam_datasets(full, STUDY, d)
    labels = d["AMLSTAT"].category_labels
    expected = ["" if pd.isna(value) else labels[value] for value in full["AMLSTAT"]]
    assert adsl.frame["TRT01P"].tolist() == expected
    by_subject = dict(zip(adsl.frame["USUBJID"], expected, strict=True))
    assert adtte.frame["TRTP"].tolist() == [by_subject[subject] for subject in adtte.frame["USUBJID"]]
    assert "TRT01P" not in adam_datasets(full, STUDY, changed())[0].frame


def test_the_stylesheet_shows_every_variable_and_parameter(exported: AdamExport) -> None:
    etree = pytest.importorskip("lxml.etree")
    folder = exported.files[0].parent
    show = etree.XSLT(etree.parse(str(folder / "define.xsl")))
    document = etree.parse(str(folder / "define.xml"))
    instruction = document.getroot().getprevious()
    assert (instruction.target, instruction.get("href")) == ("xml-stylesheet", "define.xsl")
    page = etree.HTML(etree.tostring(show(document), method="html"))
    rows = [row[0].text for row in page.iter("tr") if row[0].tag == "td"]
    variables = [name for data in ("adsl", "adtte") for name in read_xpt(folder / f"{data}.xpt")[0].columns]
    by_parameter = [f"AVAL where PARAMCD is {name}" for name in ("OS", "EFS")]
    assert sorted(rows) == sorted([*variables, *by_parameter])
    links = {link.get("href")[1:] for link in page.iter("a")}
    assert links and links <= {found.get("id") for found in page.iter("h3")}
    assert "ADaM-like" in "".join(page.itertext())


def test_xpt_is_of_version_5_and_bears_the_date_of_the_release(exported: AdamExport) -> None:
    for name in ("adsl", "adtte"):
        path = exported.files[0].parent / f"{name}.xpt"
        frame, about = read_xpt(path)
        content = path.read_bytes()
        assert content.startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!")  # LIBV8 in version 8
        assert len(content) % 80 == 0
        assert about.creation_time == about.modification_time == datetime.datetime(2026, 11, 20)
        assert all(len(column) <= 8 and column.isupper() for column in frame.columns)
        assert all(len(label.encode()) <= 40 for label in about.column_labels)


def test_the_same_bytes_every_time(
    exported: AdamExport, full: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = write_adam(full, tmp_path, STUDY)
    for one, other in zip(exported.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.fixture(scope="module")
def define(exported: AdamExport) -> Any:
    from odmlib.define_loader import XMLDefineLoader
    from odmlib.loader import ODMLoader

    loader = ODMLoader(XMLDefineLoader(model_package="define_2_1"))
    loader.open_odm_document(str(exported.files[0].parent / "define.xml"))
    return loader.load_odm()


def test_define_xml_is_valid(exported: AdamExport, define: Any) -> None:
    from odmlib.define_2_1.rules import metadata_schema
    from odmlib.odm_parser import ODMSchemaValidator
    from odmlib.oid_generator import create_oid_checker
    from odmlib.schema_manager import get_schema_path

    path = exported.files[0].parent / "define.xml"
    ODMSchemaValidator(get_schema_path("define", "2.1", "define2-1-0.xsd")).validate_file(str(path))
    assert define.verify_conformance(metadata_schema.MetadataSchema())
    checker = create_oid_checker("define_2_1")
    assert define.verify_oids(checker)  # every identifier that is named is defined
    assert not checker.check_unreferenced_oids()
    assert "A <title> & é" in define.Study.GlobalVariables.StudyName._content


def test_define_xml_describes_every_variable(exported: AdamExport, define: Any) -> None:
    version = define.Study.MetaDataVersion
    items = {item.OID: item for item in version.ItemDef}
    for group in version.ItemGroupDef:
        frame, about = read_xpt(exported.files[0].parent / group.leaf.href)
        names = [items[reference.ItemOID].Name for reference in group.ItemRef]
        assert names == list(frame.columns)
        for reference in group.ItemRef:
            item = items[reference.ItemOID]
            values = frame[item.Name]
            assert (reference.HasNoData == "Yes") == (item.Name == "KIT")
            if item.DataType == "text":
                assert item.Length == about.variable_storage_width[item.Name]
            if item.CodeListRef:
                listed = next(c for c in version.CodeList if item.CodeListRef.CodeListOID == c.OID)
                coded = {entry.CodedValue for entry in listed.CodeListItem}
                known = values[(values != "") & values.notna()]
                shown = {str(int(v)) if item.DataType == "integer" else v for v in known}
                assert shown <= coded, item.Name
    assert items["IT.ADTTE.AVAL"].SignificantDigits == 6  # one time has six decimals


def test_dataset_json_is_as_odmlib_models_it(exported: AdamExport, define: Any) -> None:
    from odmlib.dataset_json_1_1.model import DatasetJSON

    items = {item.OID: item for item in define.Study.MetaDataVersion.ItemDef}
    for name in ("adsl", "adtte"):
        path = exported.files[0].parent / f"{name}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        model = DatasetJSON.read_json(str(path))
        assert model.to_dict() == content
        assert re.fullmatch(r"1\.1(\.\d+)?", model.datasetJSONVersion)
        assert model.datasetJSONCreationDateTime == "2026-11-20T00:00:00"
        assert model.records == len(content["rows"])
        assert (model.studyOID, model.metaDataRef) == (define.Study.OID, "define.xml")
        assert model.metaDataVersionOID == define.Study.MetaDataVersion.OID
        kinds = {"string": str, "integer": int, "float": float}
        for position, column in enumerate(model.columns):
            assert items[column.itemOID].Name == column.name
            values = [row[position] for row in content["rows"] if row[position] is not None]
            assert all(type(value) is kinds[column.dataType] for value in values)
            assert "" not in values  # what is missing is null
            assert (
                max((len(v.encode()) for v in values), default=0) <= column.length if column.length else True
            )
        assert all(len(row) == len(model.columns) for row in content["rows"])


def test_one_patient_of_whom_nothing_is_known(dictionary: Dictionary, tmp_path: Path) -> None:
    frame = to_typed(pd.DataFrame({name: [pd.NA] for name in dictionary.names}))
    made = write_adam(frame, tmp_path, STUDY)
    assert made.records == {"ADSL": 1, "ADTTE": 0}
    adsl, adtte = (read_xpt(tmp_path / f"{name}.xpt")[0] for name in ("adsl", "adtte"))
    assert adsl["SUBJID"].tolist() == ["0001"] and len(adtte) == 0
    pd.testing.assert_frame_equal(back(adsl, adtte, dictionary), frame)
    assert json.loads((tmp_path / "adtte.json").read_text())["rows"] == []
    assert "COM.NODATA" in (tmp_path / "define.xml").read_text(encoding="utf-8")


def test_long_and_foreign_labels_are_cut_and_kept_in_full(
    full: pd.DataFrame, changed: Callable[..., Dictionary], tmp_path: Path
) -> None:
    long = "Weißes Blutbild, sehr ausführlich beschrieben bei Diagnose"
    d = changed(WBC={"label": long}, NPM1={"label": "X" * 60}, KRAS={"label": "日本"})
    write_adam(full, tmp_path, STUDY, d)
    labels = read_xpt(tmp_path / "adsl.xpt")[1].column_names_to_labels
    assert labels["WBC"] == "Weies Blutbild, sehr... (GPt/l)"
    assert labels["NPM1"] == "X" * 37 + "..." and labels["KRAS"] == "?"
    text = (tmp_path / "define.xml").read_text(encoding="utf-8")
    assert f"{long} (GPt/l)" in text and "X" * 60 in text and "日本" in text


@pytest.mark.parametrize(
    ("label", "unit", "short"),
    [
        ("Age", "years", "Age (years)"),
        ("a" * 40, None, "a" * 40),
        ("a" * 41, None, "a" * 37 + "..."),
        ("one two " * 8, None, "one two one two one two one two one..."),
        ("a" * 30, "u" * 50, ("a..." + f" ({'u' * 50})")[:40]),
    ],
)
def test_labels_fit(label: str, unit: str | None, short: str) -> None:
    assert short_label(label, unit) == short and len(short) <= 40


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"NPM1": {"export_name": "SUBJID"}}, "'SUBJID' of NPM1 is used by ADaM itself"),
        ({"NPM1": {"export_name": "AGEU"}}, "'AGEU' of NPM1 is used by the unit of AGE"),
    ],
)
def test_export_names_that_collide_are_refused(
    full: pd.DataFrame,
    changed: Callable[..., Dictionary],
    tmp_path: Path,
    changes: dict[str, dict[str, str]],
    problem: str,
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        write_adam(full, tmp_path / "adam", STUDY, changed(**changes))
    assert not (tmp_path / "adam").exists()


def test_an_endpoint_that_is_no_parameter_code_is_refused(full: pd.DataFrame, dictionary: Dictionary) -> None:
    content = dictionary.model_dump()
    content["endpoints"][1]["name"] = "EventFreeSurvival"
    with pytest.raises(UsageError, match="'EventFreeSurvival' is no PARAMCD"):
        adam_datasets(full, STUDY, Dictionary.model_validate(content))


def test_a_missing_extra_is_named(
    full: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    with pytest.raises(MissingExtraError, match=r"amlsynth\[publish\]"):
        write_adam(full, tmp_path, STUDY)


def test_a_release_holds_the_exports_of_its_table(built: ReleaseResult, dictionary: Dictionary) -> None:
    adsl, adtte = (read_xpt(built.folder / "adam" / f"{name}.xpt")[0] for name in ("adsl", "adtte"))
    table = read_table(built.folder / "data" / "small-test.parquet")
    pd.testing.assert_frame_equal(back(adsl, adtte, dictionary), table)


@pytest.mark.usefixtures("fast")
def test_the_spec_switches_them_off(tmp_path: Path, write_spec: Callable[..., Path]) -> None:
    result = build_release(write_spec(tmp_path, exports=[]), tmp_path / "out")
    assert not (result.folder / "adam").exists()
    found = {
        path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()
    }
    assert found == file_names("small-test", ())
    assert verify_release(result.folder).ok and verify_release(result.archive).ok
    assert "adam" not in (result.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*ADAM_FILES, "croissant.json", "datacite.json", "ro-crate-metadata.json"])
def test_exports_and_metadata_that_do_not_follow_from_the_data_are_found(
    folder: Path, reseal: Callable[[Path], None], name: str
) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-30] ^= 1
    (folder / name).write_bytes(content)
    reseal(folder)
    report = verify_release(folder)
    # RO-Crate lists the checksums of the exports.
    assert {problem.file for problem in report.problems} - {"ro-crate-metadata.json"} <= {name}
    assert name in {problem.file for problem in report.problems}
    assert {problem.check for problem in report.problems} <= {"export", "metadata"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    from amlsynth.cli import main

    def call(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out + captured.err

    return call


def test_a_release_that_exists_is_exported(
    built: ReleaseResult, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    for number, path in enumerate((built.folder, built.archive)):
        out = tmp_path / str(number)
        code, said = run("release", "export", path, "--format", "adam", "--out", out)
        assert code == 0 and "ADSL 40 records, ADTTE" in said
        for name in ADAM_FILES:
            assert (out / Path(name).name).read_bytes() == (built.folder / name).read_bytes()


def test_what_cannot_be_exported_is_refused(
    folder: Path, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    code, said = run("release", "export", folder, "--format", "adam", "--out", folder / "more")
    assert code == 2 and "within the release" in said
    code, said = run("release", "export", tmp_path / "no", "--format", "adam", "--out", tmp_path / "o")
    assert code == 2 and "no release folder or zip" in said
    with (folder / "README.md").open("a") as stream:
        stream.write("x")
    code, said = run("release", "export", folder, "--format", "adam", "--out", tmp_path / "o")
    assert code == 1 and "README.md" in said and "does not verify" in said
    assert not (tmp_path / "o").exists()
