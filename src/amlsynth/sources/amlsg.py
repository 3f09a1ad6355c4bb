"""Import of the AMLSG cohort: 1,475 real patients with AML, published with anonymised data.

Gerstung et al., Nature Genetics 2017, doi 10.1038/ng.3756; clinical and genetic data also in
Papaemmanuil et al., New England Journal of Medicine 2016, doi 10.1056/NEJMoa1516192. The data are
loaded from the authors' public repository and never shipped with amlsynth. What becomes of their columns is
said by schema/mappings/amlsg.yaml; nothing about the variables stands here.
"""

from __future__ import annotations

from pathlib import Path

from amlsynth.cohort.cohort import Cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.assets import asset
from amlsynth.sources.amlsg_files import CLINICAL, COMMIT, REPOSITORY, amlsg_files
from amlsynth.sources.mapping import import_mapped

MAPPING = "schema/mappings/amlsg.yaml"


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
        pyreadr, duckdb or pooch is not installed.

    Examples
    --------
    It downloads the published files once:

    >>> import_amlsg().n  # doctest: +SKIP
    1475
    """
    files = amlsg_files(folder)
    source = f"{REPOSITORY}, folder data, commit {COMMIT}"
    return import_mapped(files[CLINICAL].parent, asset(MAPPING), d=dictionary(), source=source)
