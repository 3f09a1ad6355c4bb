"""Are the metadata and the clinical exports of a release those that follow from its data?

They are made again and compared byte for byte, so that no file of another format is parsed on trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.files import scratch_folder
from amlsynth.foundation.version import __version__
from amlsynth.release.checksums import Problem
from amlsynth.release.environment import environment
from amlsynth.release.file_names import ADAM_FILES, data_paths
from amlsynth.release.package import DataPackage, Provenance

_MOST_ROWS = 20_000  # of larger cohorts the exports take longer to make than all other checks


def derived_problems(
    folder: Path, package: DataPackage, made: Provenance, frame: pd.DataFrame, d: Dictionary
) -> Iterator[Problem]:
    """Yield what differs from what this installation makes of the same data.

    Another version of amlsynth may word these files otherwise, so nothing is compared for releases that
    it made; and no exports where pyreadstat or odmlib is another, or there are more than 20,000 patients.

    Parameters
    ----------
    folder, package, made : a release whose files are as SHA256SUMS lists them.
    frame : the typed frame of its Parquet file.
    d : the dictionary of the data.
    """
    if made.amlsynth != __version__:
        return
    from amlsynth.release.metadata import metadata_texts
    from amlsynth.release.parquet_metadata import metadata_problems

    yield from metadata_problems(folder, package, d)
    for name, text in metadata_texts(package, folder).items():
        if (folder / name).read_bytes() != text.encode("utf-8"):
            message = "it does not say what the other files of the release say"
            yield Problem(file=name, check="metadata", message=message)
    if (folder / "CODEBOOK.md").read_bytes() != codebook(d).encode("utf-8"):
        yield Problem(file="CODEBOOK.md", check="metadata", message="it is not that of the dictionary")
    here = environment()["packages"]
    same = all(made.packages.get(name) == here.get(name) for name in ("pyreadstat", "odmlib"))
    if "adam" not in package.exports or not same or len(frame) > _MOST_ROWS:
        return
    from amlsynth.release.adam import study_of, write_adam

    with scratch_folder() as again:
        write_adam(frame, again, study_of(package), d)
        for name in ADAM_FILES:
            if (folder / name).read_bytes() != (again / Path(name).name).read_bytes():
                message = f"it does not hold the same data as {data_paths(package.name)[1]}"
                yield Problem(file=name, check="export", message=message)
