"""The import of AMLSG: its rules on made-up patients, its figures on the real ones, and wrong files."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadr
import pytest

from amlsynth.cohort.cohort import Cohort, read_cohort, write_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.sources import amlsg_files
from amlsynth.sources.amlsg import import_amlsg
from amlsynth.sources.amlsg_files import CLINICAL, GENETIC, KARYOTYPES
from amlsynth.sources.import_report import ImportReport

N = 8
CLINICAL_COLUMNS: dict[str, list[Any]] = {
    "t_15_17": [0, 1, None, 0, 0, 0, 0, 0],  # the second is dropped
    "AOD": [30, 31, 32, 33, 34, 35, 36, 37],
    "gender": [1, 1, 2, 2, 1, 2, 1, 2],
    "TypeAML": ["AML", "AML", "sAML", "tAML", "oAML", "AML", "AML", "AML"],
    "wbc": [10.5, 1, None, 3, 4, 5, 6, 7],
    "HB": [9.1, 9, None, 8, 8, 8, 8, 8],
    "platelet": [50.0, 1, 2, 3, 4, 5, 6, 7],
    "Post_Induction_Therapy_Remission": ["CR", "CR", None, "PR", "RD", "ED", "CR", "CR"],
    "OS": [365.25, 10, 20, 30, 40, 50, 60, 70],
    "efs": [30.4375, 10, None, 30, 40, 50, 60, 70],
    "Status": [0, 1, 1, 1, 1, 1, 0, 1],
    "EFSSTAT": [1, 1, 1, 1, 1, 1, 0, 0],  # the last died without an event
    "NK": [0, 0, None, 0, 0, 0, 1, 0],
    "complex": [0, 0, None, 0, 1, 0, 0, 0],
    "NPM1": [1, 0, 0, 0, 0, 0, 0, 0],
    "FLT3_ITD": [0, 0, 1, 0, 0, 0, 0, 0],
    "FLT3_TKD": [0] * N,
    "t_8_21": [0, 0, None, 0, 0, 0, 0, 0],
    "inv16_t16_16": [0, 0, None, 0, 0, 0, 0, 0],
    "t_9_11": [1, 0, 0, 0, 0, 0, 0, 0],
    "t_v_11": [0, 0, None, 0, 0, 0, 0, 0],
    "t_6_9": [0, 0, None, 0, 0, 0, 0, 0],
    "inv3_t3_3": [0, 0, None, 0, 0, 0, 0, 0],
    "minus7": [0] * N,
    "minus7q": [0] * N,
    "minus5_5q": [1, 0, 0, 1, 1, 1, 0, 0],
    "mono17_17p_abn17p": [0, 0, None, 1, 0, 0, 0, 0],
    "CEBPA": [0, 0, None, 2, 1, 1, 0, None],
}
KARYOTYPE_ROWS = [
    "46,XY,del(5)(q13q33)",
    "46,XY",
    "no metaphases",
    '"46,XX\r45,XX,-5,-17[3]"',
    "46,XY,add(5)(q31)",
]
KARYOTYPE_ROWS += ["na", "46,XY", "46,XX"]
VARIANTS = [  # patient, gene, result, consequence, change of the protein
    (0, "SFRS2", "ONCOGENIC", "misssense", "p.P95H"),
    (0, "TP53", "POSSIBLE", "misssense", "p.R1H"),
    (3, "CEBPA", "ONCOGENIC", "insertion", "p.K313_V314insK"),
    (3, "CEBPA", "ONCOGENIC", "frameshift", "na"),
    (4, "CEBPA", "ONCOGENIC", "frameshift", "na"),
    (5, "CEBPA", "ONCOGENIC", "deletion", "p.Q100delQ"),
    (7, "CEBPA", "ONCOGENIC", "misssense", "p.R300C"),
    (6, "TP53", "ONCOGENIC", "misssense", "p.R1H"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with made-up files in the form of the published ones."""
    folder = tmp_path / "amlsg"
    folder.mkdir()
    patients = [f"PX{number}" for number in range(N)]
    table = pd.DataFrame(CLINICAL_COLUMNS).assign(PDID=patients)
    pyreadr.write_rdata(str(folder / CLINICAL), table, df_name="clinicalData")
    header = "SAMPLE_NAME\tGENE\tResult\tCONSEQUENCE\tAA_CHANGE"
    rows = ["\t".join((patients[v[0]], *v[1:])) for v in VARIANTS]
    (folder / GENETIC).write_bytes("\r".join([header, *rows]).encode("latin-1"))
    rows = [f"made-up\t{patient}\t{text}" for patient, text in zip(patients, KARYOTYPE_ROWS, strict=True)]
    (folder / KARYOTYPES).write_bytes("\r".join(["Study\tPDID\tkaryotype", *rows, ""]).encode("latin-1"))
    for name in (CLINICAL, GENETIC, KARYOTYPES):
        monkeypatch.setitem(amlsg_files.SHA256, name, sha256(folder / name))
    return folder


_IMPORTED: list[pd.DataFrame] = []


@pytest.fixture
def made_up(request: pytest.FixtureRequest) -> pd.DataFrame:
    """What is imported of the files of `folder`, which are the same each time: once, and read-only."""
    if not _IMPORTED:
        _IMPORTED.append(import_amlsg(request.getfixturevalue("folder")).frame)
    return _IMPORTED[0]


def column(frame: pd.DataFrame, name: str) -> list[Any]:
    return [
        None if value is pd.NA else value
        for value in frame[name].astype(object).where(frame[name].notna(), None)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AGE", [30, 32, 33, 34, 35, 36, 37]),
        ("SEX", ["male", "female", "female", "male", "female", "male", "female"]),
        ("AMLSTAT", ["de novo", "sAML", "tAML", None, "de novo", "de novo", "de novo"]),
        ("WBC", [10.5, None, 3, 4, 5, 6, 7]),
        ("CR1", [1, None, 0, 0, 0, 1, 1]),
        ("OSSTAT", [0, 1, 1, 1, 1, 0, 1]),
        ("NPM1", [1, 0, 0, 0, 0, 0, 0]),
        ("SRSF2", [1, 0, 0, 0, 0, 0, 0]),
        ("TP53", [0, 0, 0, 0, 0, 1, 0]),  # a possible driver does not count
        ("BCORL1", [None] * 7),
        ("EXAML", [None] * 7),
        ("t.9.11", [1, None, 0, 0, 0, 0, 0]),  # NA where no other translocation was looked for
        # del(5q) by karyotype; none but 0 in sum; -5; sum 1 with neither; sum 1 without karyotype
        ("minus.5", [0, 0, 1, None, None, 0, 0]),
        ("del.5q.", [1, 0, 0, None, None, 0, 0]),
        ("minus.17", [0, None, 1, 0, 0, 0, 0]),
        ("abn.17p.", [0, None, 0, 0, 0, 0, 0]),
        ("CEBPA", [0, None, 1, 1, 1, 0, 1]),
        # in frame in the zipper; of unknown place; in frame before the zipper; missense in it
        ("CEBPA.bZIP.inframe", [0, None, 1, None, 0, 0, 0]),
    ],
)
def test_variables_are_mapped(made_up: pd.DataFrame, name: str, expected: list[Any]) -> None:
    assert column(made_up, name) == expected


def test_units_are_converted(made_up: pd.DataFrame) -> None:
    assert made_up["OSTM"].iloc[0] == 12
    assert made_up["EFSTM"].iloc[0] == 1
    assert made_up["OSTM"].iloc[1] == pytest.approx(20 / 30.4375, abs=1e-6)
    assert made_up["HB"].iloc[0] == pytest.approx(9.1 * 0.6206, abs=1e-6)


def test_the_report_tells_what_was_done(folder: Path) -> None:
    about = import_amlsg(folder).about
    report = ImportReport.model_validate(about.provenance["import"])
    assert (report.rows_read, report.rows_kept) == (8, 7)
    assert [item.rows for item in report.dropped] == [1]
    assert "promyelocytic" in report.dropped[0].reason
    assert report.set_to_missing == {"AMLSTAT": {"oAML": 1}}
    assert {"EXAML", "NOTCH1", "BCORL1"} <= set(report.not_assessed)
    assert not set(report.mapped) & set(report.not_assessed)
    assert {item.rule: item.patients for item in report.rules_broken} == {
        "death_is_efs_event": 1,
        "event_free_is_alive": 1,
        "efs_time_known": 1,
        "npm1_without_fusion": 1,
    }
    text = " ".join(report.sentences()) + about.model_dump_json()
    assert "PX" not in text  # no patient's identifier
    assert not about.simulated


def test_an_alteration_added_to_the_dictionary_needs_no_code(
    folder: Path, dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new gene is read from the file when it occurs there, and is not assessed otherwise."""
    from amlsynth.sources import amlsg

    rename = {"JAK2": "SFRS2", "KIT": "BRAF"}
    variables = tuple(
        v.model_copy(update={"name": rename[v.name], "id": rename[v.name]}) if v.name in rename else v
        for v in dictionary.variables
    )
    changed = dictionary.model_copy(update={"variables": variables})
    changed = Dictionary.model_validate(changed.model_dump())
    monkeypatch.setattr(amlsg, "dictionary", lambda: changed)
    frame = import_amlsg(folder).frame
    assert column(frame, "SFRS2") == [1, 0, 0, 0, 0, 0, 0]
    assert column(frame, "BRAF") == [None] * 7


def test_the_import_is_the_same_each_time_and_can_be_read_again(folder: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write_cohort(import_amlsg(folder), tmp_path / name)
    assert sha256(tmp_path / "a.csv") == sha256(tmp_path / "b.csv")
    again = read_cohort(tmp_path / "a.csv", "original")
    pd.testing.assert_frame_equal(again.frame, import_amlsg(folder).frame)
    assert (
        json.loads((tmp_path / "a.csv.about.json").read_text("utf-8"))["provenance"]["import"]["rows_read"]
        == 8
    )


@pytest.mark.parametrize("name", [CLINICAL, GENETIC, KARYOTYPES])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    expected = sha256(folder / name)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match="SHA-256") as caught:
        import_amlsg(folder)
    for part in (str(folder / name), expected, sha256(folder / name)):
        assert part in str(caught.value)


def test_a_changed_file_that_is_not_read_is_refused_too(folder: Path) -> None:
    (folder / "AMLSG_FLT3ITD.txt").write_text("x")
    with pytest.raises(DataError, match=r"AMLSG_FLT3ITD\.txt.*SHA-256"):
        import_amlsg(folder)


def test_missing_folders_and_files_are_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        import_amlsg(folder / "none")
    (folder / GENETIC).unlink()
    with pytest.raises(UsageError, match=rf"{GENETIC} is not in this folder"):
        import_amlsg(folder)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the folder in place of the authors' repository; yield the user's cache."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(amlsg_files, "BASE_URL", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
        monkeypatch.setattr(amlsg_files, "_RETRIES", 0)
        yield tmp_path / "cache"
        server.shutdown()


def test_files_are_downloaded_once(server: Path, folder: Path) -> None:
    first = import_amlsg()
    shutil.rmtree(folder)
    second = import_amlsg()
    assert first.n == second.n == 7
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_a_wrong_download_is_refused_and_not_kept(server: Path, folder: Path) -> None:
    (folder / GENETIC).write_text("something else")
    with pytest.raises(DataError, match=rf"{GENETIC}.*SHA-256"):
        import_amlsg()
    assert not list(server.rglob(GENETIC))


def test_a_failed_download_is_a_sentence(server: Path, folder: Path) -> None:
    (folder / CLINICAL).unlink()
    with pytest.raises(UsageError, match=rf"{CLINICAL}: the download failed.*name a folder"):
        import_amlsg()


def median_survival(frame: pd.DataFrame, endpoint: str) -> float:
    from lifelines import KaplanMeierFitter

    known = frame[frame[f"{endpoint}TM"].notna()]
    fitted = KaplanMeierFitter().fit(
        known[f"{endpoint}TM"].to_numpy("float64"), known[f"{endpoint}STAT"].to_numpy("int64")
    )
    return float(fitted.median_survival_time_)


@pytest.mark.amlsg
def test_known_figures_of_the_real_cohort(amlsg_cohort: Cohort) -> None:
    frame = amlsg_cohort.frame
    assert amlsg_cohort.n == 1475
    assert median_survival(frame, "OS") == pytest.approx(26.3, abs=0.05)
    assert median_survival(frame, "EFS") == pytest.approx(8.7, abs=0.05)
    assert frame["CR1"].mean() == pytest.approx(0.697, abs=0.0005)
    assert frame["NPM1"].mean() == pytest.approx(0.296, abs=0.0005)
    assert frame["TP53"].mean() == pytest.approx(0.065, abs=0.0005)
    assert frame["EFSTM"].isna().sum() == 1
    assert 0.38 < (frame["EFSTM"] == frame["OSTM"]).mean() < 0.41


@pytest.mark.amlsg
def test_the_report_of_the_real_cohort(amlsg_cohort: Cohort) -> None:
    report = ImportReport.model_validate(amlsg_cohort.about.provenance["import"])
    assert (report.rows_read, report.dropped[0].rows, report.rows_kept) == (1540, 65, 1475)
    assert report.not_assessed == ["EXAML", "BCORL1", "SMC1A", "SMC3", "CSF3R", "NOTCH1"]
    broken = {item.rule: item.patients for item in report.rules_broken}
    assert broken == {
        "death_is_efs_event": 11,
        "event_free_is_alive": 11,
        "efs_time_known": 1,
        "one_class_defining_fusion": 1,
        "npm1_without_fusion": 3,
    }


@pytest.mark.amlsg
def test_alterations_of_the_real_cohort_are_as_frequent_as_in_aml(amlsg_cohort: Cohort) -> None:
    share = {
        name: amlsg_cohort.frame[name].astype("Float64").mean() for name in amlsg_cohort.frame.columns[14:]
    }
    # Papaemmanuil et al. 2016, figure 1, and the usual ranges of cytogenetic groups in intensive trials.
    for name, low, high in [
        ("DNMT3A", 0.20, 0.28),
        ("FLT3I", 0.18, 0.25),
        ("SRSF2", 0.04, 0.08),
        ("CEBPA.bZIP.inframe", 0.02, 0.06),
        ("minus.5", 0.01, 0.04),
        ("del.5q.", 0.02, 0.06),
        ("minus.17", 0.01, 0.05),
        ("abn.17p.", 0.01, 0.05),
        ("t.9.11", 0.005, 0.03),
    ]:
        assert low < share[name] < high, name
