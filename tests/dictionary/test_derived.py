"""ELN 2022 risk by hand-worked patients, the gap and the follow-up."""

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.derived import ELN2022_RULES, eln2022, follow_up, gap
from amlsynth.dictionary.model import dictionary

MARKERS = ["CGNK", "CGCX", *(variable.name for variable in dictionary().alterations)]
CYTOGENETIC = ["CGNK", "CGCX", *(variable.name for variable in dictionary().members("cytogenetic"))]


def patient(known: bool = True, **alterations: int | None) -> pd.DataFrame:
    """One patient with every marker absent (or unknown), but for those given by their dictionary id."""
    names = {variable.id: variable.name for variable in dictionary().variables}
    row = dict.fromkeys(MARKERS, 0 if known else pd.NA)
    row |= {names[key]: pd.NA if value is None else value for key, value in alterations.items()}
    return pd.DataFrame([row], dtype="Int8")


def without_karyotype(**alterations: int | None) -> pd.DataFrame:
    frame = patient(**alterations)
    frame[CYTOGENETIC] = pd.NA
    return frame


def risk(frame: pd.DataFrame) -> str | None:
    value = eln2022(frame).iloc[0]
    return None if pd.isna(value) else value


@pytest.mark.parametrize(
    ("alterations", "expected"),
    [
        ({}, "intermediate"),
        ({"CGNK": 1}, "intermediate"),
        # favourable
        ({"t8_21": 1}, "favorable"),
        ({"inv16_t16_16": 1, "KIT": 1, "FLT3I": 1}, "favorable"),
        ({"t8_21": 1, "minus_7": 1, "ASXL1": 1}, "favorable"),
        ({"CEBPA_bZIP_inframe": 1, "CEBPA": 1}, "favorable"),
        ({"NPM1": 1}, "favorable"),
        ({"NPM1": 1, "SRSF2": 1, "STAG2": 1}, "favorable"),
        # intermediate
        ({"CEBPA": 1}, "intermediate"),
        ({"NPM1": 1, "FLT3I": 1}, "intermediate"),
        ({"FLT3I": 1}, "intermediate"),
        ({"FLT3T": 1, "DNMT3A": 1}, "intermediate"),
        ({"t_9_11": 1}, "intermediate"),
        ({"t_9_11": 1, "t_v_11": 1}, "intermediate"),
        ({"t_9_11": 1, "RUNX1": 1, "TP53": 1}, "intermediate"),
        ({"t_9_11": 1, "CGCX": 1}, "intermediate"),
        ({"t_9_11": 1, "CGCX": 1, "TP53": 1}, "intermediate"),
        ({"t_9_11": 1, "CGCX": 1, "minus_17": 1}, "adverse"),
        ({"del_7q": 1}, "intermediate"),
        # adverse
        ({"t_6_9": 1, "FLT3I": 1}, "adverse"),
        ({"t_v_11": 1}, "adverse"),
        ({"inv_3": 1}, "adverse"),
        ({"minus_5": 1}, "adverse"),
        ({"del_5q": 1}, "adverse"),
        ({"minus_7": 1}, "adverse"),
        ({"minus_17": 1}, "adverse"),
        ({"abn_17p": 1}, "adverse"),
        ({"CGCX": 1}, "adverse"),
        ({"TP53": 1}, "adverse"),
        ({"NPM1": 1, "TP53": 1}, "adverse"),
        ({"NPM1": 1, "del_5q": 1}, "adverse"),
        ({"NPM1": 1, "CGCX": 1}, "adverse"),
        ({"NPM1": 1, "FLT3I": 1, "ASXL1": 1}, "adverse"),
        ({"t_9_11": 1, "minus_7": 1}, "adverse"),
        *(
            ({gene: 1}, "adverse")
            for gene in ("ASXL1", "BCOR", "EZH2", "RUNX1", "SF3B1", "SRSF2", "STAG2", "U2AF1", "ZRSR2")
        ),
    ],
)
def test_known_markers(alterations: dict[str, int], expected: str) -> None:
    assert risk(patient(**alterations)) == expected


def test_nothing_known_is_no_risk() -> None:
    assert risk(patient(known=False)) is None


def test_one_decisive_marker_is_enough() -> None:
    assert risk(patient(known=False, t8_21=1)) == "favorable"
    assert risk(patient(known=False, TP53=1)) == "adverse"
    assert risk(patient(known=False, NPM1=1, FLT3I=0)) == "favorable"


def test_without_karyotype_only_a_firing_rule_decides() -> None:
    assert risk(without_karyotype()) is None
    assert risk(without_karyotype(NPM1=1)) == "favorable"
    assert risk(without_karyotype(RUNX1=1)) == "adverse"
    assert risk(without_karyotype(NPM1=1, FLT3I=1)) == "intermediate"


def test_genes_not_done_count_as_absent_beside_a_karyotype() -> None:
    assert risk(patient(known=False, CGNK=1, CGCX=0, NPM1=0)) == "intermediate"
    assert risk(patient(known=False, CGNK=1, CGCX=0, NPM1=1, FLT3I=0)) == "favorable"


def test_npm1_decides_between_favorable_and_intermediate_so_it_must_be_known() -> None:
    assert risk(patient(NPM1=None)) is None
    assert risk(patient(NPM1=None, FLT3I=1)) == "intermediate"
    assert risk(patient(NPM1=None, RUNX1=1)) == "adverse"


def test_npm1_with_unknown_flt3_itd_is_open_unless_something_precedes() -> None:
    assert risk(patient(NPM1=1, FLT3I=None)) is None
    assert risk(patient(NPM1=1, FLT3I=None, RUNX1=1)) is None
    assert risk(patient(NPM1=1, FLT3I=None, minus_7=1)) == "adverse"


def test_result_is_a_category_on_the_index_of_the_frame() -> None:
    frame = pd.concat([patient(t8_21=1), patient(), patient(TP53=1)])
    frame.index = pd.Index([7, 8, 9])
    found = eln2022(frame)
    assert list(found) == ["favorable", "intermediate", "adverse"]
    assert list(found.cat.categories) == ["favorable", "intermediate", "adverse"]
    assert list(found.index) == [7, 8, 9]


def test_an_empty_frame_gives_an_empty_result() -> None:
    assert eln2022(patient().iloc[:0]).empty


def test_rules_name_only_variables_of_the_dictionary() -> None:
    for rule in ELN2022_RULES:
        assert {*rule.present, *rule.absent} <= set(dictionary().names)


def test_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match=r"inv\.3, NPM1"):
        eln2022(patient().drop(columns=["inv.3", "NPM1"]))


def test_gap_is_the_time_after_the_event() -> None:
    frame = pd.DataFrame({"OSTM": [10.0, 5.0, None], "EFSTM": [4.0, 5.0, 2.0]}, dtype="Float64")
    assert gap(frame).tolist() == [6.0, 0.0, pd.NA]
    assert gap(frame).dtype == "Float64"
    with pytest.raises(KeyError, match="EFSTM"):
        gap(frame[["OSTM"]])


def test_follow_up_turns_the_status_round() -> None:
    frame = pd.DataFrame({"OSTM": [10.0, 5.0, None], "OSSTAT": [1, 0, None]})
    frame = frame.astype({"OSTM": "Float64", "OSSTAT": "Int8"})
    found = follow_up(frame)
    assert found["status"].tolist() == [0, 1, pd.NA]
    assert found["time"].tolist() == [10.0, 5.0, pd.NA]
    with pytest.raises(KeyError, match="OSSTAT"):
        follow_up(frame[["OSTM"]])


def test_order_of_patients_does_not_matter(reference: pd.DataFrame) -> None:
    order = np.random.default_rng(0).permutation(len(reference))
    shuffled = eln2022(reference.iloc[order])
    assert shuffled.sort_index().equals(eln2022(reference))
