"""Import of the AMLSG cohort: 1,475 real patients with AML, published with anonymised data.

Gerstung et al., Nature Genetics 2017, doi 10.1038/ng.3756; clinical and genetic data also in
Papaemmanuil et al., New England Journal of Medicine 2016, doi 10.1056/NEJMoa1516192. The data are
loaded from the authors' public repository and never shipped with amlsynth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.cohort.tables import TIME_DECIMALS
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.sources.amlsg_files import (
    CLINICAL,
    COMMIT,
    GENETIC,
    KARYOTYPES,
    REPOSITORY,
    SHA256,
    amlsg_files,
    read_clinical,
    read_text,
)
from amlsynth.sources.import_report import Dropped, ImportReport, SourceFile, imported_cohort
from amlsynth.sources.karyotype import Karyotype, read_karyotype
from amlsynth.sources.units import MMOL_PER_L

STATEMENT = (
    "Anonymised data of real adults with non-M3 AML from three AMLSG trials. The authors published the "
    "files; terms for the data themselves are not stated, so do not pass the table on."
)
_SEX = {1: "male", 2: "female"}
_STATUS_OF_DISEASE = {"AML": "de novo", "sAML": "sAML", "tAML": "tAML"}
_REMISSION = {"CR": 1, "PR": 0, "RD": 0, "ED": 0}  # RD refractory disease, ED early death
# Variable -> column of the clinical table with 1, 0 and missing.
_FLAGS = {
    "CGNK": "NK",
    "CGCX": "complex",
    "OSSTAT": "Status",
    "EFSSTAT": "EFSSTAT",
    "NPM1": "NPM1",
    "FLT3I": "FLT3_ITD",
    "FLT3T": "FLT3_TKD",
    "t8.21": "t_8_21",
    "inv16_t16.16": "inv16_t16_16",
    "t.v.11": "t_v_11",
    "t.6.9": "t_6_9",
    "inv.3": "inv3_t3_3",
    "minus.7": "minus7",
    "del.7q.": "minus7q",
}
_GENE_NAMES = {"SRSF2": "SFRS2"}  # variable -> its name in the file
# The leucine zipper of CEBPA and its basic region, residues 278 to 345 of 358 (UniProt P49715; bounds as
# in Taube et al., Blood 2022, doi 10.1182/blood.2020009680); only insertions and deletions that keep the
# frame count, as in ELN 2022.
_BZIP = range(278, 346)
_IN_FRAME = ("insertion", "deletion")


def import_amlsg(folder: Path | None = None) -> Cohort:
    """Import the AMLSG cohort.

    Parameters
    ----------
    folder : where the published files are; None downloads them once into the user's cache.

    Returns
    -------
    Cohort
        1,475 patients, role "original". `about.provenance["import"]` tells what was dropped, mapped
        and not assessed, and which rules the original breaks.

    Raises
    ------
    UsageError
        The folder, a file, or the network is not there.
    DataError
        A file is not the published one (SHA-256).
    MissingExtraError
        pyreadr or pooch is not installed.
    """
    paths = amlsg_files(folder)
    d = dictionary()
    everyone = read_clinical(paths[CLINICAL])
    clinical = everyone[everyone["t_15_17"] != 1]
    source = _Source(
        clinical,
        read_text(paths[GENETIC]),
        read_text(paths[KARYOTYPES]).set_index("PDID")["karyotype"].reindex(clinical.index),
        d,
    )
    frame = source.frame()
    report = ImportReport(
        source=f"{REPOSITORY}, folder data, commit {COMMIT}",
        files=[SourceFile(name=name, sha256=SHA256[name]) for name in paths],
        rows_read=len(everyone),
        rows_kept=len(clinical),
        dropped=[
            Dropped(
                reason="acute promyelocytic leukaemia (t_15_17 is 1); the dictionary is for non-M3 AML",
                rows=len(everyone) - len(clinical),
            )
        ],
        mapped=source.mapped,
        not_assessed=source.not_assessed,
        # Months are days, haemoglobin is tenths of g/dl; so the source records them, whoever is in it.
        steps={
            "OSTM": 1 / d.days_per_month,
            "EFSTM": 1 / d.days_per_month,
            "HB": round(0.1 * MMOL_PER_L, 6),
        },
        set_to_missing={"AMLSTAT": _without_counterpart(clinical["TypeAML"], _STATUS_OF_DISEASE)},
        notes=source.notes,
    )
    about = About(
        name="amlsg", title="AMLSG cohort (Gerstung et al. 2017)", simulated=False, statement=STATEMENT
    )
    rows = np.flatnonzero((everyone["t_15_17"] != 1).to_numpy()) + 1
    return imported_cohort(frame, about, report, rows, "AMLSG", d)


@dataclass
class _Source:
    """The three tables, aligned by patient, and what is learnt while they are read."""

    clinical: pd.DataFrame
    genetic: pd.DataFrame
    karyotypes: pd.Series[Any]
    d: Dictionary
    mapped: dict[str, str] = field(default_factory=dict)
    not_assessed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        columns = self._clinical() | self._flags() | self._translocation_9_11()
        columns |= self._karyotype() | self._cebpa()
        columns |= self._genes([v.name for v in self.d.alterations if v.name not in columns])
        self.not_assessed = [name for name in self.d.names if name not in columns]
        nothing = pd.Series(pd.NA, index=self.clinical.index, dtype="Int8")
        self.mapped = {name: self.mapped[name] for name in self.d.names if name in columns}
        return pd.DataFrame({name: columns.get(name, nothing) for name in self.d.names}).reset_index(
            drop=True
        )

    def _clinical(self) -> dict[str, pd.Series[Any]]:
        table, month = self.clinical, self.d.days_per_month
        self.mapped |= {
            "AGE": "AOD",
            "SEX": "gender (1 male, 2 female)",
            "AMLSTAT": "TypeAML (AML is de novo; oAML, of another origin, has no counterpart)",
            "WBC": "wbc (G/l)",
            "HB": f"HB (g/dl x {MMOL_PER_L})",
            "PLT": "platelet (G/l)",
            "CR1": "Post_Induction_Therapy_Remission (CR is 1; PR, RD and ED are 0)",
            "OSTM": f"OS (days / {month})",
            "EFSTM": f"efs (days / {month})",
        }
        no_efs = int(table["efs"].isna().sum())
        self.notes.append(f"{no_efs} patient has no time of event-free survival; it stays NA.")
        return {
            "AGE": _numbers(table["AOD"]),
            "SEX": table["gender"].map(_SEX),
            "AMLSTAT": table["TypeAML"].astype(object).map(_STATUS_OF_DISEASE),
            "WBC": _numbers(table["wbc"]),
            "HB": (_numbers(table["HB"]) * MMOL_PER_L).round(6),
            "PLT": _numbers(table["platelet"]),
            "CR1": table["Post_Induction_Therapy_Remission"].astype(object).map(_REMISSION),
            "OSTM": (_numbers(table["OS"]) / month).round(TIME_DECIMALS),
            "EFSTM": (_numbers(table["efs"]) / month).round(TIME_DECIMALS),
        }

    def _flags(self) -> dict[str, pd.Series[Any]]:
        self.mapped |= _FLAGS
        return {name: _flag(self.clinical[column]) for name, column in _FLAGS.items()}

    def _translocation_9_11(self) -> dict[str, pd.Series[Any]]:
        self.mapped["t.9.11"] = "t_9_11, NA where t_v_11 is missing"
        flag, other = _flag(self.clinical["t_9_11"]), _flag(self.clinical["t_v_11"])
        unknown = (flag == 0) & other.isna()
        self.notes.append(
            f"t_9_11 is 0 for {int(unknown.sum())} patients without a karyotype, in whom t_v_11 and the "
            "other translocations are missing; t.9.11 is NA for them."
        )
        return {"t.9.11": flag.mask(unknown)}

    def _karyotype(self) -> dict[str, pd.Series[Any]]:
        """-5, del(5q), -17 and abn(17p), which the clinical table holds only in sums."""
        read = [read_karyotype(text) if isinstance(text, str) else None for text in self.karyotypes]
        columns = self._split_sum(
            "minus5_5q", read, "minus.5", "del.5q.", lambda k: k.deletion("5", "q"), "5"
        )
        return columns | self._split_sum(
            "mono17_17p_abn17p", read, "minus.17", "abn.17p.", lambda k: k.abnormality("17", "p"), "17"
        )

    def _split_sum(
        self, column: str, read: list[Karyotype | None], loss: str, part: str, ask: Any, chromosome: str
    ) -> dict[str, pd.Series[Any]]:
        found = pd.DataFrame(
            {
                loss: [k.monosomy(chromosome) if k else None for k in read],
                part: [ask(k) if k else None for k in read],
            },
            index=self.clinical.index,
        ).map(lambda answer: pd.NA if answer is None else int(answer))
        found = found.astype("Int8")
        total = _flag(self.clinical[column])
        # No karyotype, but FISH or the copy number of the sequencing has found neither.
        found = found.mask(found.isna().all(axis="columns") & (total == 0).fillna(False), 0)
        # The sum says one of the two, the karyotype shows neither: which one cannot be told.
        unclear = (found.max(axis="columns").fillna(0) == 0) & (total == 1).fillna(False)
        found = found.mask(unclear)
        rule = f"karyotype string; 0 where there is none and {column} is 0"
        self.mapped |= {loss: rule, part: rule}
        self.notes.append(
            f"{column} is 1 for {int(unclear.sum())} patients whose karyotype string is missing or shows "
            f"neither {loss} nor {part}; both are NA for them."
        )
        return {loss: found[loss], part: found[part]}

    def _cebpa(self) -> dict[str, pd.Series[Any]]:
        variants = self._oncogenic("CEBPA")
        residue = pd.to_numeric(variants["AA_CHANGE"].str.extract(r"(\d+)")[0])
        in_bzip = variants["CONSEQUENCE"].isin(_IN_FRAME) & residue.isin(_BZIP)
        mutated = self._has(variants["SAMPLE_NAME"])
        untested = self.clinical["CEBPA"].isna() & ~mutated
        bzip = self._has(variants.loc[in_bzip, "SAMPLE_NAME"])
        unclear = self._has(variants.loc[residue.isna(), "SAMPLE_NAME"]) & ~bzip
        self.mapped["CEBPA"] = "oncogenic variant of CEBPA; NA without one where the column CEBPA is missing"
        self.mapped["CEBPA.bZIP.inframe"] = (
            f"oncogenic in-frame insertion or deletion at residues {_BZIP.start} to {_BZIP.stop - 1} of CEBPA"
        )
        self.notes.append(
            f"CEBPA.bZIP.inframe is NA for {int(unclear.sum())} patients with a CEBPA variant of unknown "
            f"place and for {int(untested.sum())} who were not tested for CEBPA."
        )
        return {
            "CEBPA": mutated.astype("Int8").mask(untested),
            "CEBPA.bZIP.inframe": bzip.astype("Int8").mask(untested | unclear),
        }

    def _genes(self, names: list[str]) -> dict[str, pd.Series[Any]]:
        """Every other alteration that is a gene of the file; all patients were sequenced for those."""
        known = set(self.genetic["GENE"])
        columns = {}
        for name in names:
            gene = _GENE_NAMES.get(name, name)
            if gene in known:
                columns[name] = self._has(self._oncogenic(gene)["SAMPLE_NAME"]).astype("Int8")
                self.mapped[name] = f"oncogenic variant of {gene}"
        return columns

    def _oncogenic(self, gene: str) -> pd.DataFrame:
        return self.genetic[(self.genetic["GENE"] == gene) & (self.genetic["Result"] == "ONCOGENIC")]

    def _has(self, patients: pd.Series[Any]) -> pd.Series[Any]:
        index = self.clinical.index
        return pd.Series(index.isin(patients), index=index)


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_numeric(column).astype("Float64")


def _flag(column: pd.Series[Any]) -> pd.Series[Any]:
    # 1 and 0 come as integers, floats and booleans, which are equal as keys.
    return column.astype(object).map({1: 1, 0: 0}).astype("Int8")


def _without_counterpart(column: pd.Series[Any], values: dict[str, str]) -> dict[str, int]:
    counts = column.dropna().astype(str).value_counts().sort_index()
    return {str(value): int(rows) for value, rows in counts.items() if value not in values}
