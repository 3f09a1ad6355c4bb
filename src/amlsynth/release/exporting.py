"""Export of a release that exists to another format."""

from __future__ import annotations

from pathlib import Path

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.files import check_place, real_path
from amlsynth.release.adam import AdamExport, study_of, write_adam
from amlsynth.release.file_names import data_paths
from amlsynth.release.opened import opened_release
from amlsynth.release.spec import EXPORTS


def export_release(path: Path, out: Path, kind: str = "adam", d: Dictionary | None = None) -> AdamExport:
    """Verify a release folder or zip and write it to `out` in another format.

    Parameters
    ----------
    path : the release.
    out : folder that receives the files; files of the same names are replaced, others stay.
    kind : "adam" for CDISC ADaM, see `amlsynth.release.adam`.
    d : the dictionary that the data have to follow; the one that the release carries when not given.

    Raises
    ------
    UsageError
        The format is unknown, there is no release at `path`, or `out` is a file or within a release.
    DataError
        The release does not verify.

    Examples
    --------
    >>> export_release(release, folder / "adam").records
    {'ADSL': 800, 'ADTTE': 1600}
    """
    path, out = Path(path), Path(out)
    if kind not in EXPORTS:
        raise UsageError(f"There is no export format {kind!r}.{did_you_mean(kind, EXPORTS)}")
    if path.is_dir() and real_path(out).is_relative_to(real_path(path)):
        raise UsageError(f"{out}: this is within the release, which would no longer verify. Name another.")
    check_place(out, folder=True)
    with opened_release(path, d) as opened:
        frame = read_table(opened.folder / data_paths(opened.package.name)[1], opened.d)
        return write_adam(frame, out, study_of(opened.package), opened.d)
