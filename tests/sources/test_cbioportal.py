"""cBioPortal studies, made up in the layouts of two public ones: joined, read, and what they lack left NA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.cohort import Cohort
from amlsynth.cohort.validation import validate
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.sources.cbioportal import import_cbioportal
from cbioportal_study import READ_FROM_KARYOTYPE, write_study

N = 60
KARYOTYPES = [
    "46,XX[20]",
    "45,XY,-7[18]/46,XY[2]",
    "46,XX,t(8;21)(q22;q22)[20]",
    "44,XY,-5,del(7)(q22),-17,+mar[20]",
    "[Not Available]",
    "46,XX,t(15;17)(q24;q21)[20]",
]
MUTATION_COLUMNS = ("Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode", "HGVSp_Short")


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]], comments: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["#" + "\t".join(columns)] * comments + ["\t".join(columns)]
    lines += ["\t".join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _study(folder: Path, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Write what both layouts share: mutations, the list of sequenced samples; return the mutations."""
    mutations = []
    for i in range(N - 5):  # the last five were not sequenced
        sample = f"S{i}"
        if i % 3 == 0:
            mutations.append(("NPM1", "Frame_Shift_Ins", sample, "p.W288Cfs*12"))
        if i % 4 == 0:
            mutations.append(("FLT3", "In_Frame_Ins", sample, "p.D593_F594ins10"))
        if i % 5 == 0:
            mutations.append(("FLT3", "Missense_Mutation", sample, "p.D835Y"))
        if i % 7 == 0:
            mutations.append(("CEBPA", "In_Frame_Ins", sample, "p.K313dup"))
        if i % 11 == 0:
            mutations.append(("CEBPA", "Frame_Shift_Del", sample, "p.P23fs"))
        if i % 6 == 0:
            mutations.append(("TP53", "Silent", sample, 'p."L2"='))
    mutations.append(("DNMT3A", "Missense_Mutation", "S1", "p.R882H"))
    mutations.append(("DNMT3A", "Missense_Mutation", "of nobody", "p.R882H"))
    _write(folder / "data_mutations.txt", MUTATION_COLUMNS, mutations, comments=1)
    samples = "\t".join(f"S{i}" for i in range(N - 5))
    (folder / "case_lists").mkdir()
    (folder / "case_lists" / "cases_sequenced.txt").write_text(f"stable_id: x\ncase_list_ids: {samples}\n")
    (folder / "meta_study.txt").write_text("cancer_study_identifier: aml_like_2026\nname: AML like it\n")
    return mutations


@pytest.fixture
def tcga(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    folder = tmp_path / "tcga_like"
    patients = [
        (
            f"P{i}",
            int(rng.integers(20, 80)),
            ("Male", "Female")[i % 2],
            ("0:LIVING", "1:DECEASED")[i % 2],
            round(float(rng.uniform(0.5, 90)), 1),
        )
        for i in range(N)
    ]
    columns = ("PATIENT_ID", "AGE", "SEX", "OS_STATUS", "OS_MONTHS")
    _write(folder / "data_clinical_patient.txt", columns, patients)
    samples = [(f"P{i}", f"S{i}", KARYOTYPES[i % 6], round(float(rng.uniform(1, 60)), 1)) for i in range(N)]
    columns = ("PATIENT_ID", "SAMPLE_ID", "CYTOGENETICS", "WBC")
    _write(folder / "data_clinical_sample.txt", columns, samples)
    _study(folder, rng)
    return folder


@pytest.fixture
def beat_aml(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    folder = tmp_path / "studies" / "beat_aml_like"
    patients = [(f"P{i}", ("Male", "Female")[i % 2], "[Not Available]", "NA") for i in range(N)]
    _write(folder / "data_clinical_patient.txt", ("PATIENT_ID", "SEX", "OS_STATUS", "OS_MONTHS"), patients)
    rows = []
    for i in range(N):
        rows.extend(
            (
                f"P{i}",
                f"S{i}" if visit == 0 else f"S{i}b",
                round(float(rng.uniform(18, 80)), 2) if i else 7.5,
                ("positive", "negative")[i % 2],
                f"{rng.uniform(7, 12):.1f}" if i % 9 else "<7",
                f"{rng.uniform(20, 120):.0f}",
                "Complete Response" if i % 2 else "Refractory",
            )
            for visit in range(2 if i % 10 == 0 else 1)
        )
    columns = ("PATIENT_ID", "SAMPLE_ID", "AGE_AT_DIAGNOSIS", "FLT3_ITD_CONSENSUS_CALL")
    columns += ("HEMOGLOBIN", "PLATELET_COUNT", "RESPONSE_TO_INDUCTION_TX")  # type: ignore[assignment]
    _write(folder / "data_clinical_sample.txt", columns, rows)
    _study(folder, rng)
    return folder


def _report(cohort: Cohort) -> dict[str, Any]:
    found: dict[str, Any] = cohort.about.provenance["import"]
    return found


def test_a_study_like_tcga(tcga: Path) -> None:
    cohort = import_cbioportal(tcga)
    frame, report = cohort.frame, _report(cohort)
    kept = [i for i in range(N) if i % 6 != 5]  # without promyelocytic leukaemia
    assert len(frame) == len(kept) and sum(item["rows"] for item in report["dropped"]) == N - len(kept)
    assert cohort.about.name == "aml-like-2026" and cohort.about.title == "AML like it"
    sequenced = [i < N - 5 for i in kept]

    def expected(each: int) -> list[int | None]:
        return [int(i % each == 0) if s else None for i, s in zip(kept, sequenced, strict=True)]

    def values(name: str) -> list[int | None]:
        return [None if pd.isna(value) else int(value) for value in frame[name]]

    assert values("NPM1") == expected(3)
    assert values("FLT3I") == expected(4)
    assert values("FLT3T") == expected(5)
    assert values("CEBPA.bZIP.inframe") == expected(7)
    assert values("OSSTAT") == [i % 2 for i in kept]
    assert values("minus.7")[:4] == [0, 1, 0, 0] and values("t8.21")[:5] == [0, 0, 1, 0, None]
    assert values("CGNK")[:5] == [1, 0, 0, 0, None] and values("CGCX")[:4] == [0, 0, 0, 1]
    assert frame["TP53"].dropna().eq(0).all()  # silent variants do not count, but show that it was looked at
    assert frame["EFSTM"].isna().all() and frame["IDH1"].isna().all()
    assert values("DNMT3A")[1] == 1
    assert any("1 ids in it belong to nobody" in note for note in report["notes"])
    assert {file["name"] for file in report["files"]} >= {"data_mutations.txt", "data_clinical_sample.txt"}


def test_a_study_like_beat_aml(beat_aml: Path) -> None:
    cohort = import_cbioportal(beat_aml.parent)
    frame = cohort.frame
    assert len(frame) == N - 1  # the child of seven is left out
    assert list(frame["FLT3I"]) == [
        int(i % 2 == 0) for i in range(1, N)
    ]  # the consensus call, not the variants
    assert list(frame["CR1"]) == [i % 2 for i in range(1, N)]
    assert frame["OSTM"].isna().all() and frame["AGE"].max() < 80
    assert frame["HB"].iloc[8] == pytest.approx(7 * 0.6206)
    assert any("HB: " in note and "kept at the limit" in note for note in _report(cohort)["notes"])
    assert "CGNK" in _report(cohort)["not_assessed"]


def test_which_study(tcga: Path, beat_aml: Path, tmp_path: Path) -> None:
    tcga.rename(beat_aml.parent / "tcga_like")
    with pytest.raises(UsageError, match="--study: beat_aml_like, tcga_like"):
        import_cbioportal(beat_aml.parent)
    with pytest.raises(UsageError, match="Did you mean 'tcga_like'"):
        import_cbioportal(beat_aml.parent, "tcga_lik")
    assert import_cbioportal(beat_aml.parent, "tcga_like").n == 50
    with pytest.raises(UsageError, match=r"no data_clinical_patient\.txt"):
        import_cbioportal(beat_aml.parent / "tcga_like" / "case_lists")


def test_a_copy_of_the_mapping_can_be_changed(tcga: Path, repository: Path, tmp_path: Path) -> None:
    text = (repository / "schema" / "mappings" / "cbioportal.yaml").read_text(encoding="utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        text.replace("any: \"Hugo_Symbol == '{gene}'\"", "any: \"Hugo_Symbol == '{gene}'\", unseen: 0")
    )
    assert import_cbioportal(tcga, mapping=mine).frame["IDH1"].eq(0).sum() == 46
    mine.write_text(text.replace("rows: first", "rows: one"))
    rows = (tcga / "data_clinical_sample.txt").read_text().splitlines()
    (tcga / "data_clinical_sample.txt").write_text("\n".join([*rows, rows[-1]]) + "\n")
    with pytest.raises(DataError, match=r"rows 60 \(line 65\) and 61 \(line 66\) have the same PATIENT_ID"):
        import_cbioportal(tcga, mapping=mine)
    mine.write_text(text.replace("key: Tumor_Sample_Barcode", "key: Tumor_Sample"))
    with pytest.raises(UsageError, match="Did you mean 'Tumor_Sample_Barcode'"):
        import_cbioportal(tcga, mapping=mine)
    (tcga / "data_clinical_sample.txt").unlink()
    with pytest.raises(UsageError, match=r"data_clinical_sample\.txt: there is no such file"):
        import_cbioportal(tcga)


@pytest.mark.parametrize("layout", ["tcga", "beat-aml"])
def test_what_a_study_can_say_comes_back(layout: str, reference: pd.DataFrame, tmp_path: Path) -> None:
    original = reference.head(200).reset_index(drop=True)
    write_study(tmp_path, original, layout)
    cohort = import_cbioportal(tmp_path)
    frame = cohort.frame
    assert len(frame) == len(original) and validate(frame, "original").ok
    exact = ["AGE", "SEX", "OSSTAT", "NPM1", "TP53", "DNMT3A", "CEBPA.bZIP.inframe", "FLT3T"]
    exact += ["CR1"] if layout == "beat-aml" else []
    for name in [*exact, "FLT3I"]:
        unknown = original[name].isna() & frame[name].notna()
        # A mutation nobody reported and one that was not looked for are alike in a list of mutations.
        texts = [part[name][~unknown].astype("string").fillna("?") for part in (frame, original)]
        assert texts[0].equals(texts[1]), name
    for name, tolerance in (("OSTM", 0.006), ("HB", 0.01), ("WBC", 0.006), ("PLT", 0.6)):
        both = (frame[name] - original[name]).abs()
        assert both.max() < tolerance and frame[name].isna().equals(original[name].isna()), name
    told = frame["t8.21"].notna()
    assert told.equals(original[list(READ_FROM_KARYOTYPE)].notna().all(axis=1))
    for name in READ_FROM_KARYOTYPE:
        assert frame.loc[told, name].equals(original.loc[told, name]), name
