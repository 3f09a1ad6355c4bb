"""Studies in cBioPortal's layout, written from a cohort: one as TCGA's, one as Beat AML's.

The folders hold what such studies hold: four lines of comments above the header, patients, samples, a
mutation a row, lists of the sequenced, karyotypes in ISCN. What they cannot say (event-free survival) is
lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from amlsynth.dictionary.model import dictionary

G_PER_DL = 1 / 0.6206
NOT_AVAILABLE = "[Not Available]"
_STRUCTURAL = {
    "t8.21": "t(8;21)(q22;q22)",
    "inv16_t16.16": "inv(16)(p13q22)",
    "t.9.11": "t(9;11)(p22;q23)",
    "t.v.11": "t(6;11)(q27;q23)",
    "t.6.9": "t(6;9)(p23;q34)",
    "inv.3": "inv(3)(q21q26)",
    "minus.5": "-5",
    "del.5q.": "del(5)(q13q33)",
    "minus.7": "-7",
    "del.7q.": "del(7)(q22q34)",
    "minus.17": "-17",
    "abn.17p.": "add(17)(p13)",
}
READ_FROM_KARYOTYPE = tuple(_STRUCTURAL)
_MUTATIONS = {  # variable -> gene, kind of variant, change of the protein; other genes are missense
    "FLT3I": ("FLT3", "In_Frame_Ins", "p.Y597_E598ins12"),
    "FLT3T": ("FLT3", "Missense_Mutation", "p.D835Y"),
    "CEBPA.bZIP.inframe": ("CEBPA", "In_Frame_Ins", "p.K313dup"),
    "NPM1": ("NPM1", "Frame_Shift_Ins", "p.W288Cfs*12"),
}


def karyotype(row: pd.Series[Any]) -> str:
    """Return the ISCN text of a patient; not available where any of the alterations is unknown."""
    if row[list(_STRUCTURAL)].isna().any():
        return NOT_AVAILABLE
    found = [text for name, text in _STRUCTURAL.items() if row[name] == 1]
    sex = "XX" if row["SEX"] == "female" else "XY"
    return ",".join([str(46 - sum(text.startswith("-") for text in found)), sex, *found]) + "[20]"


def mutations(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return a row for each mutation, and a silent one here and there, which counts for nothing."""
    genes = [v.name for v in dictionary().alterations if v.group != "cytogenetic"]
    rows: list[tuple[str, ...]] = [("TP53", "Silent", "S0", "p.L2=")]
    for name in genes:
        gene, kind, change = _MUTATIONS.get(name, (name, "Missense_Mutation", "p.R882H"))
        rows += [(gene, kind, f"S{i}", change) for i in frame.index[(frame[name] == 1).fillna(False)]]
    return rows


def write_study(folder: Path, frame: pd.DataFrame, layout: str) -> Path:
    """Write a typed frame as the study `layout`, "tcga" or "beat-aml"; return the study's folder."""
    frame = frame.reset_index(drop=True)
    place = folder / f"{layout}_like"
    place.mkdir(parents=True)
    clinical = _clinical(frame)
    patient, sample = (
        (list(clinical)[:-2], ["KARYOTYPE"])
        if layout == "tcga"
        else (["SEX", "OS_STATUS", "OS_MONTHS"], [*_SAMPLES, "KARYOTYPE"])
    )
    ids = [f"P{i}" for i in frame.index]
    patients = zip(ids, *(clinical[name] for name in patient), strict=True)
    _write(place / "data_clinical_patient.txt", ["PATIENT_ID", *patient], patients)
    samples = list(
        zip(ids, [f"S{i}" for i in frame.index], *(clinical[name] for name in sample), strict=True)
    )
    if layout != "tcga":  # a later sample, of relapse, of some
        samples += [(row[0], f"{row[1]}R", *row[2:]) for row in samples[::10]]
    names = {"KARYOTYPE": "CYTOGENETICS"} if layout == "tcga" else _SAMPLES
    header = ["PATIENT_ID", "SAMPLE_ID", *(names.get(name, name) for name in sample)]
    _write(place / "data_clinical_sample.txt", header, samples)
    columns = ["Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode", "HGVSp_Short"]
    _write(place / "data_mutations.txt", columns, mutations(frame), comments=1)
    (place / "case_lists").mkdir()
    listed = "\t".join(f"S{i}" for i in frame.index)
    (place / "case_lists" / "cases_sequenced.txt").write_text(f"stable_id: x\ncase_list_ids: {listed}\n")
    meta = f"cancer_study_identifier: {layout.replace('-', '_')}_like\nname: AML like {layout}\n"
    (place / "meta_study.txt").write_text(meta)
    return place


_SAMPLES = {  # what Beat AML calls columns of its samples
    "AGE": "AGE_AT_DIAGNOSIS",
    "WBC": "WBC_COUNT",
    "HEMOGLOBIN": "HEMOGLOBIN",
    "PLATELET_COUNT": "PLATELET_COUNT",
    "FLT3_ITD": "FLT3_ITD_CONSENSUS_CALL",
    "RESPONSE": "RESPONSE_TO_INDUCTION_TX",
}


def _clinical(frame: pd.DataFrame) -> dict[str, list[str]]:
    def text(values: Iterable[Any], form: str = "{}") -> list[str]:
        return [NOT_AVAILABLE if pd.isna(value) else form.format(value) for value in values]

    def coded(name: str, no: str, yes: str) -> list[str]:
        return text(frame[name].map({0: no, 1: yes}))

    return {
        "AGE": text(frame["AGE"]),
        "SEX": text(frame["SEX"].astype(object).map({"male": "Male", "female": "Female"})),
        "WBC": text(frame["WBC"], "{:.2f}"),
        "HEMOGLOBIN": text(frame["HB"] * G_PER_DL, "{:.2f}"),
        "PLATELET_COUNT": text(frame["PLT"], "{:.0f}"),
        "OS_STATUS": coded("OSSTAT", "0:LIVING", "1:DECEASED"),
        "OS_MONTHS": text(frame["OSTM"], "{:.2f}"),
        "FLT3_ITD": coded("FLT3I", "negative", "positive"),
        "RESPONSE": coded("CR1", "Refractory", "Complete Response"),  # not in TCGA's
        "KARYOTYPE": [karyotype(row) for _, row in frame.iterrows()],
    }


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], comments: int = 4) -> None:
    lines = ["#" + "\t".join(columns)] * comments + ["\t".join(columns)]
    lines += ["\t".join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
