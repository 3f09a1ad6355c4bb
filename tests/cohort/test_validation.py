"""Validation finds every broken rule at once, by role, and NA never breaks one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.failures import LISTED
from amlsynth.cohort.tables import write_table
from amlsynth.cohort.validation import validate, validate_file
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError


@pytest.fixture
def frame(reference: pd.DataFrame) -> pd.DataFrame:
    """Twenty patients with known times and statuses and a normal karyotype."""
    known = reference[
        (reference["OSSTAT"] == 1) & reference["EFSTM"].notna() & (reference["CGNK"] == 1).fillna(False)
    ]
    return known.head(20).reset_index(drop=True)


def _broken(frame: pd.DataFrame, role: str = "synthetic") -> list[tuple[str, str, int, str]]:
    table = validate(frame, role).failures  # type: ignore[arg-type]
    return list(table[["rule", "column", "row", "severity"]].itertuples(index=False, name=None))


def test_reference_cohort_is_valid_in_both_roles(reference: pd.DataFrame) -> None:
    for role in ("original", "synthetic"):
        report = validate(reference, role)  # type: ignore[arg-type]
        assert report.ok and report.warnings == 0 and report.n == 1606


@pytest.mark.parametrize(
    ("changes", "rule", "column"),
    [
        ({"EFSTM": 700.0, "OSTM": 600.0}, "efs_not_after_os", "EFSTM, OSTM"),
        ({"CGCX": 1}, "normal_karyotype_excludes", "CGCX"),
        ({"abn.17p.": 1}, "normal_karyotype_excludes", "abn.17p."),
        ({"CEBPA.bZIP.inframe": 1, "CEBPA": 0}, "bzip_implies_cebpa", "CEBPA.bZIP.inframe, CEBPA"),
        ({"OSSTAT": pd.NA}, "os_status_known", "OSTM, OSSTAT"),
        ({"EFSSTAT": pd.NA}, "efs_status_known", "EFSTM, EFSSTAT"),
        ({"AGE": 17}, "range", "AGE"),
        ({"AGE": 111}, "range", "AGE"),
        ({"WBC": -0.1}, "range", "WBC"),
        ({"WBC": np.inf}, "range", "WBC"),
        ({"PLT": 1e300}, "range", "PLT"),
        ({"NPM1": 2}, "value_known", "NPM1"),
        ({"OSSTAT": -1}, "value_known", "OSSTAT"),
    ],
)
def test_each_broken_rule_is_an_error(
    frame: pd.DataFrame, changes: dict[str, object], rule: str, column: str
) -> None:
    for name, value in changes.items():
        frame.loc[4, name] = value
    found = _broken(frame)
    assert (rule, column, 5, "error") in found
    assert (rule, column, 5, "error") in _broken(frame, "original")
    assert {row for _, _, row, _ in found} == {5}


def test_rules_that_real_data_break_are_warnings_there(frame: pd.DataFrame) -> None:
    frame.loc[2, "EFSSTAT"] = 0
    frame.loc[2, "EFSTM"] = frame.loc[2, "OSTM"] / 2
    expected = {"death_is_efs_event", "event_free_is_alive", "event_free_times_agree"}
    assert {rule for rule, _, _, severity in _broken(frame) if severity == "error"} == expected
    original = validate(frame, "original")
    assert original.ok and original.warnings == 3


@pytest.mark.parametrize(
    ("changes", "rule", "in_synthetic"),
    [
        ({"t.9.11": 1}, "normal_karyotype_without_fusion", "error"),
        ({"CGNK": 0, "t8.21": 1, "inv.3": 1, "NPM1": 0}, "one_class_defining_fusion", "warning"),
        ({"CGNK": 0, "t8.21": 1, "NPM1": 1}, "npm1_without_fusion", "warning"),
        ({"OSTM": pd.NA, "EFSTM": pd.NA, "EFSSTAT": pd.NA}, "os_time_known", "warning"),
        ({"EFSTM": pd.NA}, "efs_time_known", "warning"),
    ],
)
def test_what_is_rare_or_cryptic_is_a_warning_in_an_original(
    frame: pd.DataFrame, changes: dict[str, object], rule: str, in_synthetic: str
) -> None:
    cytogenetic = ["t8.21", "inv16_t16.16", "t.9.11", "t.v.11", "t.6.9", "inv.3"]
    frame = frame.assign(**dict.fromkeys(cytogenetic, pd.Series(0, index=frame.index, dtype="Int8")), NPM1=0)
    for name, value in changes.items():
        frame.loc[4, name] = value
    assert (rule, "warning") in {(found, level) for found, _, _, level in _broken(frame, "original")}
    assert (rule, in_synthetic) in {(found, level) for found, _, _, level in _broken(frame)}


def test_losses_of_5_and_7_may_be_recorded_together(frame: pd.DataFrame) -> None:
    frame.loc[3, ["CGNK", "minus.5", "del.5q.", "minus.7", "del.7q."]] = [0, 1, 1, 1, 1]
    assert validate(frame, "original").ok and validate(frame, "synthetic").ok


def test_death_on_the_day_of_diagnosis_is_fine_and_before_it_is_not(frame: pd.DataFrame) -> None:
    frame.loc[0, ["EFSTM", "OSTM"]], frame.loc[0, ["EFSSTAT", "OSSTAT"]] = 0.0, 1
    assert validate(frame, "original").ok and validate(frame, "synthetic").ok
    frame.loc[0, ["EFSTM", "OSTM"]] = -0.01
    assert {(rule, column) for rule, column, _, _ in _broken(frame)} == {
        ("range", "EFSTM"),
        ("range", "OSTM"),
    }


def test_missing_values_are_no_errors(frame: pd.DataFrame) -> None:
    """Each column is missing in a patient of its own, and then in all of them, every fourth at a time."""
    some = pd.concat([frame] * (len(frame.columns) // len(frame) + 1), ignore_index=True)
    some["WBC"] = pd.array(20 + np.arange(len(some)) / 16, dtype="Float64")  # no two are the same
    blanks = {
        column: [column, column[:-4] + "TM"] if column.endswith("STAT") and column != "AMLSTAT" else [column]
        for column in frame.columns
    }
    for row, blank in enumerate(blanks.values()):
        some.loc[row, blank] = pd.NA
    found = _broken(some)
    assert not [item for item in found if item[3] == "error"]
    # A status says little without its time.
    assert {columns for _, columns, _, _ in found} <= {"OSSTAT, OSTM", "EFSSTAT, EFSTM"}
    for start in range(4):
        columns = {name for blank in list(blanks.values())[start::4] for name in blank}
        changed = frame.assign(**{c: pd.Series([pd.NA] * len(frame)).astype(frame[c].dtype) for c in columns})
        assert not [item for item in _broken(changed) if item[3] == "error"], columns


def test_column_all_missing_and_constant_column_are_fine(reference: pd.DataFrame) -> None:
    changed = reference.copy()
    changed["NOTCH1"] = pd.array([pd.NA] * len(changed), dtype="Int8")
    changed["SEX"] = pd.Categorical(["male"] * len(changed), dtype=changed["SEX"].dtype)
    assert validate(changed).ok


def test_duplicated_patients_name_their_twin(frame: pd.DataFrame) -> None:
    doubled = pd.concat([frame, frame.iloc[[3]]], ignore_index=True)
    table = validate(doubled).failures
    assert table[["rule", "row", "value"]].values.tolist() == [["duplicate_patient", 21, "the same as row 4"]]


def test_one_patient_is_valid(frame: pd.DataFrame) -> None:
    assert validate(frame.head(1)).ok


def test_a_message_shows_only_the_offending_cells(frame: pd.DataFrame) -> None:
    frame.loc[4, "CGCX"] = 1
    failure = validate(frame).failures.iloc[0]
    assert failure["value"] == "1"
    with pytest.raises(DataError) as caught:
        validate(frame).raise_if_failed("x.csv")
    assert str(caught.value).startswith("x.csv: row 5, column CGCX: '1' breaks the rule")


def test_many_failures_are_counted_and_the_first_listed(reference: pd.DataFrame) -> None:
    frame = reference.assign(WBC=pd.Series(-1.0, index=reference.index, dtype="Float64"))
    report = validate(frame)
    assert report.errors == 1606
    assert len(report.failures) == LISTED
    assert report.by_rule()["failures"].tolist() == [1606]


def test_file_with_wrong_cells_and_broken_rules_shows_both(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[9, "AGE"] = 5
    path = tmp_path / "data.csv"
    write_table(frame, path)
    path.write_text(path.read_text().replace("female", "feminine", 1))
    report = validate_file(path)
    assert set(report.failures["rule"]) == {"range", "value_known"}
    assert report.to_dict()["errors"] == 2


def test_variable_that_may_not_be_missing(dictionary: Dictionary, frame: pd.DataFrame) -> None:
    age = dictionary["AGE"].model_copy(update={"missing": False})
    strict = dictionary.model_copy(update={"variables": (age, *dictionary.variables[1:])})
    frame.loc[7, "AGE"] = pd.NA
    found = validate(frame, "original", strict).failures
    assert found[["rule", "column", "row"]].values.tolist() == [["missing", "AGE", 8]]


def test_a_column_of_another_type_has_a_remedy(reference: pd.DataFrame) -> None:
    with pytest.raises(
        DataError, match=r"must be of the type Float64, which amlsynth\.to_typed\(frame\) gives"
    ):
        validate(reference.head(3).assign(WBC="a")).raise_if_failed("frame")
