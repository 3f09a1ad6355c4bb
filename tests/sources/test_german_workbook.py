"""A file as German trial offices keep it, made here, and the mapping of the documentation that reads it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError
from amlsynth.sources.mapping import import_mapped

N = 80
KARYOTYPES = ["46,XX[20]", "46,xy,t(8;21)(q22;q22)[18]/46,xy[2]", "45,XY,-7[20]", "nicht auswertbar", ""]


def _german(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def write_workbook(path: Path) -> pd.DataFrame:
    """Write the file and return what is true of its patients: times in days, ages, statuses."""
    rng = np.random.default_rng(11)
    rows, truth = [], []
    for i in range(N):
        diagnosis = datetime.date(2014, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 1500)))
        age = int(rng.integers(20, 80))
        born = diagnosis.replace(year=diagnosis.year - age, day=1)
        remission = diagnosis + datetime.timedelta(days=40) if rng.random() < 0.7 else None
        relapse = (
            diagnosis + datetime.timedelta(days=int(rng.integers(120, 500)))
            if remission and i % 3 == 0
            else None
        )
        end = (relapse or diagnosis) + datetime.timedelta(days=int(rng.integers(150, 900)))
        dead = bool(rng.random() < 0.5)
        event = relapse or (end if dead else None)
        truth.append(
            {
                "AGE": age,
                "OS": (end - diagnosis).days,
                "OSSTAT": int(dead),
                "EFS": ((event or end) - diagnosis).days,
                "EFSSTAT": int(event is not None),
                "CR1": int(remission is not None),
            }
        )
        shown = [day.strftime("%d.%m.%Y") if day else "" for day in (born, diagnosis, remission, relapse)]
        shown += [end.strftime("%d.%m.%Y") if dead else "", "" if dead else end.strftime("%d.%m.%Y")]
        rows.append(
            [
                f"{i:03d}",
                "mw"[i % 2],
                ["primär", "sekundär", "therapieassoziiert", "k.A."][i % 4],
                ["ja", "nein", "unbekannt"][i % 3],
                ["M1", "M2", "M4", "M3"][i % 4 if i == 3 else i % 3],
                "<0,5" if i == 7 else _german(rng.lognormal(2.5, 1)),
                _german(rng.normal(9.3, 1.2)),
                str(int(rng.integers(15, 120))),
                KARYOTYPES[i % 5],
                "wt" if i % 5 == 1 else ["wt", "mut", "nd"][int(rng.integers(0, 3))],
                *[["wt", "mut", "nd"][int(rng.integers(0, 3))] for _ in range(3)],
                *shown,
            ]
        )
    names = [
        "Nr",
        "Geschlecht",
        "AML-Typ",
        "extramedullär",
        "FAB",
        "Leukozyten",
        "Hb",
        "Thrombozyten",
        "Karyotyp",
    ]
    names += [
        "NPM1",
        "FLT3-ITD",
        "DNMT3A",
        "TP53",
        "Geburtsdatum",
        "Erstdiagnose",
        "Remission",
        "Rezidiv",
        "Tod",
    ]
    names.append("letzter Kontakt")
    above = ["Patient", *[""] * 4, "Labor", "", "", "Genetik", *[""] * 4, "Verlauf", *[""] * 5]
    lines = [";".join(above), ";".join(names)]
    lines += [";".join(f'"{cell}"' if ";" in cell else cell for cell in row) for row in rows]
    lines += ["", "Stand: 05.01.2024", "Legende: wt Wildtyp, mut mutiert, nd nicht durchgeführt"]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return pd.DataFrame(truth)


def test_the_mapping_of_the_documentation(repository: Path, tmp_path: Path, dictionary: Dictionary) -> None:
    mapping = repository / "docs" / "mapping-german.yaml"
    assert len(mapping.read_text(encoding="utf-8").splitlines()) < 60
    truth = write_workbook(tmp_path / "studie.csv")
    cohort = import_mapped(tmp_path / "studie.csv", mapping)
    kept = [i for i in range(N) if i != 3]  # the one with promyelocytic leukaemia
    frame, report = cohort.frame, cohort.about.provenance["import"]
    expected = truth.loc[kept].reset_index(drop=True)
    for name in ("AGE", "OSSTAT", "EFSSTAT", "CR1"):
        assert list(frame[name]) == list(expected[name]), name
    assert np.allclose(frame["OSTM"].astype(float), expected["OS"] / dictionary.days_per_month, atol=1e-6)
    assert np.allclose(frame["EFSTM"].astype(float), expected["EFS"] / dictionary.days_per_month, atol=1e-6)
    assert frame["WBC"].iloc[6] == 0.5 and frame["HB"].median() == pytest.approx(9.3 * 0.6206, rel=0.1)
    told: list[Any] = [None if pd.isna(value) else value for value in frame["minus.7"].iloc[:6]]
    assert told == [0, 0, 1, None, 0, 0]  # the fourth is dropped, the fifth blank
    assert list(frame["CGNK"].iloc[:3]) == [1, 0, 0] and list(frame["t8.21"].iloc[:3]) == [0, 1, 0]
    assert frame["NPM1"].notna().any() and "KIT" in report["not_assessed"]
    assert (
        report["dropped"][0]["rows"] == 2 and "81 (line 84), 82 (line 85)" in report["dropped"][0]["reason"]
    )
    assert not report["rules_broken"] and not [w for w in report["warnings"] if "unit" in w]


def test_a_date_that_is_none_is_named(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "studie.csv"
    write_workbook(path)
    lines = path.read_bytes().split(b"\r\n")
    cells = lines[10].split(b";")
    lines[10] = b";".join([*cells[:-6], b"31.02.1970", *cells[-5:]])
    path.write_bytes(b"\r\n".join(lines))
    with pytest.raises(
        UsageError, match=r"every cell is a date: 'Geburtsdatum' \(row 9 \(line 11\): '31\.02\.1970'\)"
    ):
        import_mapped(path, repository / "docs" / "mapping-german.yaml")
