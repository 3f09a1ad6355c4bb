"""Karyotype strings, all made up: what they say, and what they leave open."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.foundation.errors import UsageError
from amlsynth.sources.karyotype import ALTERATIONS, Karyotype, iscn, read_karyotype
from amlsynth.sources.karyotype_summary import karyotype_summary


def read(text: str) -> Karyotype:
    karyotype = read_karyotype(text)
    assert karyotype is not None
    return karyotype


@pytest.mark.parametrize(
    "text",
    [
        "",
        "na",
        "no metaphases",
        "no analysis",
        "complex karyotype",
        "FISH: del(5q) 40%",
        "pentaploid metaphases",
    ],
)
def test_text_without_a_clone_is_no_karyotype(text: str) -> None:
    assert read_karyotype(text) is None


@pytest.mark.parametrize(
    "text",
    ["46,XX", "46,XY[20]", "46, XX", "47,XXY", "45-47,XY[cp5]", "~90,XX,-X", "no metaphases\n46,XY[2]"],
)
def test_a_clone_without_these_changes_has_none_of_them(text: str) -> None:
    karyotype = read(text)
    assert karyotype.monosomy("5") is False
    assert karyotype.deletion("5", "q") is False
    assert karyotype.abnormality("17", "p") is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45,XX,-5", True),
        ("45,XX,-5[12]/46,XX[8]", True),
        ("46,XX[8]/45,XX, -5 [12]", True),
        ("46,XX\n45,idem,-5[2]", True),
        ("44,XY,-5x2", True),
        ("45,XX,-15", False),
        ("45,XX,-5q", False),
        ("47,XX,+5", False),
        ("45,XX,?-5", None),
        ("45,XX,-?5", None),
        ("45,XX,-5?", None),
        ("45,XX,-5?/44,XX,-5,-7", True),
        ("46,XX,-der(5)", False),
    ],
)
def test_monosomy(text: str, expected: bool | None) -> None:
    assert read(text).monosomy("5") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("46,XX,del(5)(q13q33)", True),
        ("46,XX,del(5)(q31)[4]/46,XX", True),
        ("46,XX,del(5)(q?13q?33)", True),
        ("46,XX,del(5q)", True),
        ("46,XX,del(5(q13q33)", True),
        ("46,XX,5q-", True),
        ("46,XX,der(5)del(q13q33)", True),
        ("46,XX,der(5)del(5)(q13q33)t(5;12)(q13;q13)", True),
        ("46,XX,del(5)(p13)", False),
        ("46,XX,del(15)(q13q33)", False),
        ("46,XX,15q-", False),
        ("46,XX,add(5)(q31)", False),
        ("46,XX,t(5;12)(q31;p13)", False),
        ("46,XX,?del(5)(q13q33)", None),
        ("46,XX,del(5)", None),
    ],
)
def test_deletion_of_the_long_arm_of_5(text: str, expected: bool | None) -> None:
    assert read(text).deletion("5", "q") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("46,XX,del(17)(p11)", True),
        ("46,XX,add(17)(p13)", True),
        ("46,XX,add(17p)", True),
        ("46,XX,i(17)(q10)", True),  # two long arms: the short one is lost
        ("46,XX,iso(17)(q10)", True),
        ("46,XX,idic(17)(p11)", True),
        ("46,XX,t(5;17)(q13;p11)", True),
        ("46,XX,t(17;21)(p13;q22)", True),
        ("46,XX,der(?;17)dic(?;17)(?;p11)", True),
        ("46,XX,der(17)add(p13)del(q21q24)", True),
        ("46,XX,inv(17)(p11q21)", True),
        ("46,XX,i(17)(p10)", False),
        ("46,XX,idic(17)(q21)", False),
        ("46,XX,t(15;17)(q22;q21)", False),
        ("46,XX,t(11;17)(p15;q21)", False),
        ("46,XX,del(17)(q21)", False),
        ("46,XX,der(17)t(3;17)(p21;q21)", False),
        ("46,XX,del(7)(p11)", False),
        ("46,XX,?add(17)(p13)", None),
        ("46,XX,der(17)", None),
    ],
)
def test_abnormality_of_the_short_arm_of_17(text: str, expected: bool | None) -> None:
    assert read(text).abnormality("17", "p") is expected


@pytest.mark.parametrize(
    ("text", "present"),
    [
        ("46,XX[20]", {"CGNK"}),
        ("46,xy", {"CGNK"}),
        ("47,XXYc[20]", {"CGNK"}),
        ("46,XX,t(8;21)(q22;q22)[20]", {"t8.21"}),
        ("45,X,-Y,t(8;21)(q22;q22)[9]/46,XY[1]", {"t8.21"}),
        ("46,XY,t(8;14;21)(q22;q24;q22)", {"t8.21"}),
        ("46,XY,t(8;21)", {"t8.21"}),
        ("46,XY,t(8;21)(p11;q22)", set()),
        ("46,XX,inv(16)(p13q22)", {"inv16_t16.16"}),
        ("46,XX,INV(16)(P13.1Q22)", {"inv16_t16.16"}),
        ("46,XX,t(16;16)(p13;q22)", {"inv16_t16.16"}),
        ("46,XX,inv(16)(p11q24)", set()),
        ("46,XX,t(9;11)(p22;q23)", {"t.9.11"}),
        ("46,XX,t(9;11)(p21.3;q23.3)", {"t.9.11"}),
        ("46,XX,t(9;11)(q34;p15)", set()),
        ("46,XX,t(6;11)(q27;q23)", {"t.v.11"}),
        ("46,XX,t(11;19)(q23;p13.1)", {"t.v.11"}),
        ("46,XX,t(11;17)(p15;q21)", set()),
        ("46,XX,t(6;9)(p23;q34)", {"t.6.9"}),
        ("46,XX,inv(3)(q21q26.2)", {"inv.3"}),
        ("46,XX,t(3;3)(q21;q26)", {"inv.3"}),
        ("46,XX,t(3;5)(q25;q34)", set()),
        ("45,XX,inv(3)(q21q26),-7", {"inv.3", "minus.7"}),
        ("44,XY,-5,del(7)(q22),-17,+mar", {"minus.5", "del.7q.", "minus.17", "CGCX"}),
        ("44,xy,-5,del(7)(q22),-17,+mar", {"minus.5", "del.7q.", "minus.17", "CGCX"}),
        ("49,XX,+8,+13,+21", set()),  # trisomies alone are not complex
        ("48,XX,+8,+13,del(5)(q13q33)", {"del.5q.", "CGCX"}),
        ("46,XX,del(5)(q13)[5]/46,idem,add(17)(p13)[3]/47,sl,+8[2]", {"del.5q.", "abn.17p.", "CGCX"}),
        ("48,XX,t(8;21)(q22;q22),+8,+13,-17", {"t8.21", "minus.17"}),  # a class of its own
        ("47,XX,+8[20]", set()),
        ("47,+8[20]", set()),
        ("46,XX[6]; 92,XXXX[4]", set()),
        ("45 X,-Y,t(8;21)(q22;q22)", {"t8.21"}),
        ("46,XX,der(16)t(11;16)(q13;p13)", set()),
        ("46,XX,der(3)t(3;17)(p10;q10)", set()),
    ],
)
def test_the_dictionarys_alterations(text: str, present: set[str]) -> None:
    column = pd.Series([text], dtype="string")
    told = {name: iscn(column, name).iloc[0] for name in ALTERATIONS}
    assert {name for name, answer in told.items() if answer == 1} == present
    assert not any(pd.isna(answer) for answer in told.values())


@pytest.mark.parametrize(
    ("text", "alteration"),
    [
        ("46,XX,?t(8;21)(q22;q22)", "t8.21"),
        ("46,XX,?del(5)(q13)", "CGNK"),
        ("46,XX,t(11;19)", "t.v.11"),
        ("46,XX,inc[5]", "CGNK"),
        ("47,XX,+8,del(5)(q13),inc", "CGCX"),
        ("no metaphases", "t8.21"),
        (None, "t8.21"),
    ],
)
def test_what_the_text_leaves_open_is_na(text: str | None, alteration: str) -> None:
    assert pd.isna(iscn(pd.Series([text], dtype="string"), alteration).iloc[0])


def test_what_a_karyotype_cannot_tell() -> None:
    with pytest.raises(UsageError, match="does not tell 'NPM1'"):
        iscn(pd.Series(["46,XX"]), "NPM1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("44,xy,-9,-18,-21,+mar[12]", 1),  # losses of chromosomes with two figures count
        ("43-45,XY,-16,-17,-18,+2mar[9]/46,XY[3]", 1),
        ("46,_XY,_del(5)(q13q33),_-13,_+marA", 1),
        ("45,XX,-18[20]", 0),
        ("45-47,XY,-13,+8[cp5]", 0),
        ("45~47,XY[cp5]", 0),
    ],
)
def test_losses_count_for_a_complex_karyotype(text: str, expected: int) -> None:
    assert iscn(pd.Series([text]), "CGCX").tolist() == [expected]


def test_an_inversion_that_healthy_people_have_is_none() -> None:
    assert read("46,XX,inv(9)(p11q13)[20]").normal() is True
    assert read("46,XX,inv(9)(p12;q13)").aberrations == ()
    assert read("46,XX,inv(9)(p21q34)").normal() is False


def test_what_was_not_read_is_listed_by_a_command(tmp_path: Path) -> None:
    rows = ["id;Karyotyp", '1;"46,XX,t(8;21)(q22;q22)"', "2;komplex", "3;komplex", "4;", "5;45,xy,-7"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    text = "\n".join(karyotype_summary(tmp_path / "t.csv", "Karyotyp"))
    assert "2 of 4 karyotypes are read; 1 cells are empty" in text and "2  komplex" in text
    assert re.search(r"minus.7 +1 yes +1 no +2 open", text)
    with pytest.raises(UsageError, match="Did you mean 'Karyotyp'"):
        karyotype_summary(tmp_path / "t.csv", "Karyotype")
