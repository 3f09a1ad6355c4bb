"""What the documents of a release are made from, read from its folder."""

from __future__ import annotations

from pathlib import Path

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import read_evaluation
from amlsynth.gates.verdict import GateReport
from amlsynth.generators.private.sums import SumsFile, read_sums
from amlsynth.release.documents import Parts, measured_parts
from amlsynth.release.file_names import PUBLIC_EVALUATION, sums_paths
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.public.documents import guaranteed_parts
from amlsynth.release.public.evaluation import read_public_evaluation
from amlsynth.release.spec import ReleaseSpec


def read_parts(
    folder: Path, package: DataPackage, provenance: Provenance, spec: ReleaseSpec, d: Dictionary
) -> Parts:
    """Return the parts of a release folder's documents.

    Raises
    ------
    UsageError, DataError
        A record is missing or not one that this version reads.
    ValidationError
        That of the gates is none.
    """
    if package.guarantee is None:
        gates = GateReport.model_validate_json((folder / "gates.json").read_bytes())
        return measured_parts(read_evaluation(folder / "evaluation.json"), gates, d, provenance)
    evaluation = read_public_evaluation(folder / PUBLIC_EVALUATION)
    return guaranteed_parts(spec, evaluation, read_release_sums(folder, package), provenance.gate_profile, d)


def read_release_sums(folder: Path, package: DataPackage) -> tuple[SumsFile, ...]:
    """Return the noisy sums that a release with a guarantee holds; see `sums.read_sums` for errors."""
    count = package.guarantee.sums if package.guarantee else 0
    return tuple(read_sums(folder / path) for path in sums_paths(count))
