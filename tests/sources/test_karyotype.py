"""Karyotype strings, all made up: what they say, and what they leave open."""

from __future__ import annotations

import pytest

from amlsynth.sources.karyotype import Karyotype, read_karyotype


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
