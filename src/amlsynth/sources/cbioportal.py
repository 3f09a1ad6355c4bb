"""Import of a cBioPortal study: its folder, and the mapping that reads it.

The mapping is YAML that a user can copy and change (schema/mappings/cbioportal.yaml); nothing about the
variables stands here. Formats: https://docs.cbioportal.org/file-formats/.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from amlsynth.cohort.cohort import Cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.sources.mapping import import_mapped

MAPPING = "schema/mappings/cbioportal.yaml"
_PATIENTS = "data_clinical_patient.txt"


def import_cbioportal(
    folder: Path,
    study: str | None = None,
    mapping: Path | None = None,
    *,
    d: Dictionary | None = None,
    allow_empty_rows: bool = False,
    limit: int = 10,
) -> Cohort:
    """Import a study.

    Parameters
    ----------
    folder : the study's folder, or one with the folders of several studies.
    study : which of several, by the name of its folder.
    mapping : a mapping of one's own; None uses the one that comes with the package.
    d, allow_empty_rows, limit : as for `import_mapped`.

    Raises
    ------
    UsageError
        There is no such folder or study, or several and none is named.
    DataError
        The files cannot be read, or have values that the mapping does not know.

    Examples
    --------
    >>> tables = {
    ...     "data_clinical_patient.txt": "PATIENT_ID AGE SEX OS_STATUS OS_MONTHS\\n"
    ...     "P1 61 Male 1:DECEASED 8.5\\n",
    ...     "data_clinical_sample.txt": "PATIENT_ID SAMPLE_ID WBC\\nP1 S1 12.5\\n",
    ...     "data_mutations.txt": "Hugo_Symbol Variant_Classification Tumor_Sample_Barcode HGVSp_Short\\n"
    ...     "NPM1 Frame_Shift_Ins S1 p.W288Cfs*12\\n",
    ... }
    >>> for name, text in tables.items():
    ...     _ = (folder / name).write_text(text.replace(" ", "\\t"))
    >>> (folder / "case_lists").mkdir()
    >>> _ = (folder / "case_lists" / "cases_sequenced.txt").write_text("case_list_ids: S1\\n")
    >>> import_cbioportal(folder).frame[["AGE", "NPM1", "OSTM"]].loc[0].tolist()
    [61.0, 1.0, 8.5]
    """
    place = _study_folder(Path(folder), study)
    used = mapping or asset(MAPPING)
    cohort = import_mapped(place, used, d=d, allow_empty_rows=allow_empty_rows, limit=limit)
    meta = _meta(place / "meta_study.txt")
    name = re.sub(r"[^a-z0-9]+", "-", meta.get("cancer_study_identifier", place.resolve().name).lower())
    update = {"name": name.strip("-") or "cbioportal"}
    if mapping is None:
        update["title"] = meta.get("name", update["name"])
        update["statement"] = (
            f"Imported from the cBioPortal study {update['name']}; its terms of use hold for this table, too."
        )
    about = cohort.about.model_copy(update=update)
    return replace(cohort, about=about)


def _study_folder(folder: Path, study: str | None) -> Path:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder. Name the folder of a study with --from.")
    studies = sorted(path.parent.name for path in folder.glob(f"*/{_PATIENTS}"))
    if study is not None:
        if study not in studies:
            known = f" Studies: {', '.join(studies)}." if studies else ""
            raise UsageError(f"{folder}: there is no study {study!r}.{did_you_mean(study, studies)}{known}")
        return folder / study
    if (folder / _PATIENTS).is_file():
        return folder
    if len(studies) == 1:
        return folder / studies[0]
    if studies:
        raise UsageError(f"{folder}: name one of the studies with --study: {', '.join(studies)}.")
    raise UsageError(
        f"{folder}: there is no {_PATIENTS} in it, so it is no cBioPortal study. Unpack the study, and name "
        "the folder that has this file."
    )


def _meta(path: Path) -> dict[str, str]:
    """Return the keys of a meta file, a `key: value` a line; empty where there is none."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
