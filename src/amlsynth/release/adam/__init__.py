"""Clinical exports: the released cohort like CDISC ADaM, for SAS and for tools of trial statistics.

ADSL has one row a patient, ADTTE one row a patient and endpoint. Both are written as SAS transport files
(XPT version 5) and as Dataset-JSON 1.1, and described by one Define-XML 2.1, which a stylesheet shows in a
browser. The release's own table stays the reference: the exports hold the same values under the dictionary's
export names.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.files import replacing, write_text
from amlsynth.release.adam.dataset_json import write_dataset_json
from amlsynth.release.adam.define import define_xml
from amlsynth.release.adam.tables import Study, adam_datasets
from amlsynth.release.adam.xpt import write_xpt
from amlsynth.release.file_names import ADAM_FILES
from amlsynth.release.package import DataPackage

__all__ = ["AdamExport", "study_of", "write_adam"]


@dataclass(frozen=True)
class AdamExport:
    """What was written: the files, and the records of each data set by its name."""

    files: tuple[Path, ...]
    records: dict[str, int]


def study_of(package: DataPackage) -> Study:
    """Return what the exports say of the release that they belong to."""
    return Study(
        name=package.name,
        version=package.version,
        title=package.title,
        statement=package.statement,
        date=package.date,
    )


def write_adam(frame: pd.DataFrame, folder: Path, study: Study, d: Dictionary | None = None) -> AdamExport:
    """Write ADSL, ADTTE and their Define-XML into a folder.

    Parameters
    ----------
    frame : the typed frame of a synthetic cohort, (patients, columns of the dictionary). A patient's
        values make the identifier, which is the same in all versions that have the patient.
    folder : receives adsl and adtte as .xpt and .json, define.xml and its stylesheet.
    study : names and dates the files; the same frame and study give the same bytes.

    Raises
    ------
    MissingExtraError
        pyreadstat or odmlib is not installed.
    UsageError
        The dictionary's export names do not fit ADaM; the sentence names the variable.
    """
    require_extra("publish", "pyreadstat", "Writing SAS transport files")
    require_extra("publish", "odmlib", "Writing Define-XML")
    datasets = adam_datasets(frame, study, d or dictionary())
    moment = datetime.datetime.combine(study.date, datetime.time())
    for dataset in datasets:
        with replacing(folder / f"{dataset.name.lower()}.xpt") as temporary:
            write_xpt(dataset, temporary, moment)
        with replacing(folder / f"{dataset.name.lower()}.json") as temporary:
            write_dataset_json(dataset, study, temporary)
    write_text(folder / "define.xml", define_xml(datasets, study, d or dictionary()))
    stylesheet = asset("release/templates") / "define.xsl"
    write_text(folder / stylesheet.name, stylesheet.read_text(encoding="utf-8"))
    return AdamExport(
        files=tuple(folder / Path(name).name for name in ADAM_FILES),
        records={dataset.name: len(dataset.frame) for dataset in datasets},
    )
