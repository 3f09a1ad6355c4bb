"""How many public karyotype texts are read, and whether the answers agree with the authors' own coding.

    python benchmarks/karyotypes.py --amlsg DIR [--mds FILE]

DIR has the files of Gerstung et al., Nature Genetics 2017, which `amlsynth cohort import amlsg` downloads;
FILE is data/dd_clinical_cyto_chr17.tsv of github.com/papaemmelab/MDS-TP53-state (Bernard et al., Nature
Medicine 2020). Prints figures only, no text of a patient.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from amlsynth.sources.amlsg_files import CLINICAL, KARYOTYPES, amlsg_files
from amlsynth.sources.karyotype import iscn, unread
from amlsynth.sources.source_format import SourceFormat
from amlsynth.sources.source_table import read_source

CODED = {  # alteration -> the authors' column
    "CGNK": "NK", "CGCX": "complex", "t8.21": "t_8_21", "inv16_t16.16": "inv16_t16_16", "t.9.11": "t_9_11",
    "t.v.11": "t_v_11", "t.6.9": "t_6_9", "inv.3": "inv3_t3_3", "minus.7": "minus7", "del.7q.": "minus7q",
}  # fmt: skip


def amlsg(folder: Path | None) -> None:
    files = amlsg_files(folder)
    clinical = read_source(files[CLINICAL], SourceFormat(sheet="clinicalData")).frame.set_index("PDID")
    text = SourceFormat(delimiter="\t", encoding="latin-1")
    texts = read_source(files[KARYOTYPES], text).frame.set_index("PDID")["karyotype"]
    texts = texts.reindex(clinical.index).fillna("")
    read(texts, "AMLSG")
    for name, column in CODED.items():
        coded = pd.to_numeric(clinical[column], errors="coerce").astype("Int8")
        agree(name, iscn(texts, name), coded)


def mds(path: Path) -> None:
    frame = read_source(path, SourceFormat(delimiter="\t")).frame
    texts = frame["CYTOGENETICS"].mask(frame["CYTOGENETICS"] == "NA", "")
    read(texts, "MDS")
    coded = frame["complex"].map({"complex": 1, "non-complex": 0}).astype("Int8")
    agree("CGCX", iscn(texts, "CGCX"), coded)


def read(texts: pd.Series, what: str) -> None:
    given, left = int((texts != "").sum()), int(unread(texts).sum())
    print(f"{what}: {given - left:,} of {given:,} texts read; {len(unread(texts)):,} distinct ones are not")


def agree(name: str, answers: pd.Series, coded: pd.Series) -> None:
    both = answers.notna() & coded.notna()
    same = answers[both] == coded[both]
    found = int(((answers == 1) & (coded == 1)).sum())
    print(
        f"  {name}: {same.mean():.1%} of {int(both.sum()):,} agree; {found:,} of "
        f"{int((coded[both] == 1).sum()):,} coded are found, {int((answers[both] == 1).sum()) - found:,} more"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--amlsg", type=Path)
    parser.add_argument("--mds", type=Path)
    given = parser.parse_args()
    amlsg(given.amlsg)
    if given.mds is not None:
        mds(given.mds)
