"""Drafted mappings: how much of a made-up German trial file they get right, and that they can be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml

from amlsynth.foundation.errors import UsageError
from amlsynth.sources.mapping import import_mapped
from amlsynth.sources.sketch import sketch

N = 50
GENES = """ASXL1 BCOR BCORL1 DNMT3A EZH2 IDH1 IDH2 KDM6A TET2 RAD21 SMC1A SMC3 STAG2 CEBPA CUX1 ETV6 GATA2
    IKZF1 PHF6 RUNX1 WT1 NPM1 TP53 CBL CSF3R JAK2 KIT KRAS NOTCH1 NRAS PTPN11 SF3B1 SRSF2 U2AF1
    ZRSR2""".split()  # noqa: SIM905
# Column -> the variable it is, of 55 that are wanted; 37 are named much as in the dictionary.
WANTED = {f"{gene}_mut" if i % 3 else gene.lower(): gene for i, gene in enumerate(GENES)} | {
    "Alter bei Diagnose": "AGE",
    "Geschlecht": "SEX",
    "AML-Typ": "AMLSTAT",
    "extramedullärer Befall": "EXAML",
    "Leukozyten (G/l)": "WBC",
    "Hb (g/dl)": "HB",
    "Thrombozyten": "PLT",
    "Normalkaryotyp": "CGNK",
    "komplexer Karyotyp": "CGCX",
    "CR nach Induktion": "CR1",
    "OS (Tage)": "OSTM",
    "verstorben": "OSSTAT",
    "EFS (Tage)": "EFSTM",
    "EFS-Status": "EFSSTAT",
    "FLT3-ITD": "FLT3I",
    "FLT3-TKD": "FLT3T",
    "t(8;21)": "t8.21",
    "inv(16)": "inv16_t16.16",
    "Monosomie 7": "minus.7",
    "del(5q)": "del.5q.",
}
NOT_WANTED = ("Patienten-Nr", "Zentrum", "Bemerkung", "LDH", "ECOG", "Studienarm")


def _trial() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {}
    for column, name in WANTED.items():
        columns[column] = rng.choice(["wt", "mut", "nd"] if name in GENES else ["ja", "nein", "unbekannt"], N)
    efs = rng.integers(30, 900, N)
    columns |= {
        "Alter bei Diagnose": rng.integers(20, 80, N),
        "Geschlecht": rng.choice(["m", "w"], N),
        "AML-Typ": rng.choice(["primär", "sekundär", "therapieassoziiert", "k.A."], N),
        "Leukozyten (G/l)": [f"{x:.1f}".replace(".", ",") for x in rng.lognormal(2.5, 1, N)],
        "Hb (g/dl)": [f"{x:.1f}".replace(".", ",") for x in rng.normal(9.3, 1.2, N)],
        "Thrombozyten": rng.integers(15, 120, N),
        "CR nach Induktion": rng.choice(["CR", "PR", "RD"], N),
        "OS (Tage)": efs + rng.integers(0, 900, N),
        "EFS (Tage)": efs,
        "Normalkaryotyp": ["nein"] * N,
        "EFS-Status": ["ja"] * N,
        "verstorben": rng.choice(["ja", "nein"], N),
    }
    columns |= {name: [f"{name} {i}" for i in range(N)] for name in NOT_WANTED}
    return pd.DataFrame(columns)


@pytest.fixture
def trial(tmp_path: Path) -> Callable[[str], Path]:
    def write(ending: str) -> Path:
        path = tmp_path / f"Meine Studie.{ending}"
        frame = _trial()
        if ending == "csv":
            frame.to_csv(path, sep=";", index=False, encoding="cp1252")
            path.write_bytes(b"Export vom 5.1.2024\r\n" + path.read_bytes())
        else:
            frame.to_excel(path, index=False)
        return path

    return write


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_most_of_a_trial_file_is_found_and_the_draft_is_a_mapping(
    trial: Callable[[str], Path], ending: str, tmp_path: Path
) -> None:
    data, out = trial(ending), tmp_path / "map.yaml"
    draft = sketch(data, out)
    right = {name for column, name in WANTED.items() if draft.columns.get(name) == column}
    assert len(WANTED) == 55
    assert len(right) >= 53, sorted(set(WANTED.values()) - right)
    assert not set(draft.columns.values()) & set(NOT_WANTED)
    assert set(draft.left_over) >= set(NOT_WANTED)
    plan = yaml.safe_load(draft.text)
    assert (
        plan["columns"]["NPM1"]["values"] == {"mut": 1, "nd": "NA", "wt": 0}
        or "nd" in plan["source"]["missing"]
    )
    assert plan["columns"]["HB"]["unit"] == "g/dl" and plan["columns"]["OSTM"]["unit"] == "days"
    if ending == "csv":
        expected = {"encoding": "cp1252", "delimiter": ";", "decimal": ",", "header": 2}
        assert {key: plan["source"][key] for key in expected} == expected
        cohort = import_mapped(data, out)  # without a change
        assert cohort.n == N and cohort.frame["HB"].median() == pytest.approx(9.3 * 0.6206, rel=0.1)
        assert cohort.frame["SEX"].notna().all()
    with pytest.raises(UsageError, match="the file exists"):
        sketch(data, out)


def test_what_is_not_understood_is_asked(tmp_path: Path) -> None:
    frame = pd.DataFrame({"NPM1": ["wt", "mut", "Typ A"] * 10, "Hb": [f"{i}" for i in range(60, 90)]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = sketch(tmp_path / "t.csv").text
    assert '"Typ A": NA' in text and "? what means 'Typ A'" in text
    assert 'HB: {from: Hb, unit: "g/l", step: 1}' in text and "? by the median" in text
    assert "# Not found, so NA for everybody: AGE" in text


def test_genes_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    names = ["IDH1 Mutation", "SMC1B", "BCORL", "DNMT3B", "CEBPB", "JAK3"]
    pd.DataFrame({name: [0, 1] * 10 for name in names}).to_csv(tmp_path / "t.csv", index=False)
    assert sketch(tmp_path / "t.csv").columns == {"IDH1": "IDH1 Mutation"}


def test_dates_and_karyotypes_become_expressions(tmp_path: Path) -> None:
    days = pd.date_range("2015-01-01", periods=20, freq="37D")
    frame = pd.DataFrame(
        {
            "Geburtsdatum": days - pd.DateOffset(years=50),
            "Diagnosedatum": days,
            "Todesdatum": [
                *(day + pd.DateOffset(days=300 + i) for i, day in enumerate(days[:10])),
                *[None] * 10,
            ],
            "letzter Kontakt": [None] * 10
            + [day + pd.DateOffset(days=900 + i) for i, day in enumerate(days[10:])],
        }
    ).map(lambda day: "" if pd.isna(day) else f"{day:%d.%m.%Y}")
    frame["Karyotyp"] = ["46,XX[20]", "45,XY,-7[20]"] * 10
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    draft = sketch(tmp_path / "t.csv", tmp_path / "map.yaml")
    assert 'coalesce(Todesdatum, "letzter Kontakt")' in draft.text
    assert 'dates: "%d.%m.%Y"' in draft.text
    cohort = import_mapped(tmp_path / "t.csv", tmp_path / "map.yaml").frame
    assert set(cohort["AGE"]) == {50} and list(cohort["OSSTAT"]) == [1] * 10 + [0] * 10
    assert cohort["OSTM"].iloc[0] == pytest.approx(300 / 30.4375)
    assert list(cohort["minus.7"]) == [0, 1] * 10 and list(cohort["CGNK"]) == [1, 0] * 10


def test_a_line_of_headings_above_the_names_and_limits_are_seen(tmp_path: Path) -> None:
    rows = [f"{i};1;{'<0,5' if i % 4 == 0 else f'{i},3'};{i}{i % 10}" for i in range(3, 33)]
    content = "\n".join(["Patient;;Labor;", "Alter;NPM1;Leukozyten;Zentrum", *rows])
    (tmp_path / "t.csv").write_text(content)
    text = sketch(tmp_path / "t.csv").text
    assert "header: 2" in text and "limits: limit" in text and "such as <0,5 are kept at the limit" in text
    book = openpyxl.Workbook()
    for line in content.split("\n"):
        book.active.append([cell or None for cell in line.split(";")])
    book.save(tmp_path / "t.xlsx")
    assert "header: 2" in sketch(tmp_path / "t.xlsx").text
