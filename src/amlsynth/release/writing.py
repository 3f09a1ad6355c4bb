"""Writing the files of a release that carries what was measured against the original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from amlsynth.cohort.cohort import Cohort
from amlsynth.cohort.split import Split
from amlsynth.cohort.tables import write_table
from amlsynth.dictionary.carried import write_carried
from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.origin import describe_original
from amlsynth.evaluation import Evaluation, write_evaluation
from amlsynth.foundation.defaults import DICTIONARY_FILE, REPORT_FILE, REPORT_PDF
from amlsynth.foundation.files import sha256, write_text
from amlsynth.foundation.types import Progress
from amlsynth.foundation.version import __version__
from amlsynth.gates.outcomes import endpoints_in
from amlsynth.gates.verdict import GateReport, write_gates
from amlsynth.generators.base import BaseGenerator
from amlsynth.release.checksums import sha256_of, write_checksums
from amlsynth.release.compare import changelog_entry, difference
from amlsynth.release.describing import describe_package
from amlsynth.release.documents import Parts, citation, documents, measured_parts, report_title
from amlsynth.release.doi import stamp_doi
from amlsynth.release.environment import environment
from amlsynth.release.file_names import PACKAGE, PROVENANCE, all_data_paths, data_paths
from amlsynth.release.metadata import write_metadata
from amlsynth.release.package import (
    DataPackage,
    GeneratorRecord,
    Guarantee,
    PreviousRecord,
    Provenance,
    SpecRecord,
    SplitRecord,
)
from amlsynth.release.parquet_metadata import metadata_of_spec
from amlsynth.release.released import Released, read_released
from amlsynth.release.spec import ReleaseSpec


@dataclass(frozen=True)
class Made:
    """All that the files of a release are written from."""

    spec: ReleaseSpec
    spec_path: Path
    d: Dictionary
    cohort: Cohort
    split: Split
    synthetic: Cohort
    model: BaseGenerator | None  # None for a cohort that was made elsewhere
    warnings: tuple[str, ...]
    evaluation: Evaluation
    gates: GateReport
    previous: Released | None
    doi: str | None
    replicates: tuple[pd.DataFrame, ...] = ()


def write_measured(made: Made, folder: Path, tell: Progress) -> None:
    """Write a release into an empty folder, with evaluation, gates and report."""
    from amlsynth.report import render_report

    write_evaluation(made.evaluation, folder / "evaluation.json")
    write_gates(made.gates, folder / "gates.json")
    package = write_data(made, folder, endpoints_in(made.evaluation))
    provenance = measured_provenance(made, folder)
    write_text(folder / PROVENANCE, provenance.json_text())
    write_documents(made, folder, measured_parts(made.evaluation, made.gates, made.d, provenance))
    tell("rendering the report", 0.8)
    # That on paper cannot be changed afterwards: with a DOI, `stamp_doi` writes it.
    pdf = folder / REPORT_PDF if made.doi is None else None
    render_report(folder, folder / REPORT_FILE, pdf, title=report_title(made.spec))
    finish(made, folder, package, tell)


def write_data(
    made: Made, folder: Path, endpoints: tuple[str, ...], guarantee: Guarantee | None = None
) -> DataPackage:
    """Write the data files, the dictionary and datapackage.json; return the latter."""
    spec = made.spec
    metadata = metadata_of_spec(spec, made.synthetic.about.statement, citation(spec), made.d)
    for number, frame in enumerate((made.synthetic.frame, *made.replicates)):
        for path in data_paths(spec.name, number):
            write_table(frame, folder / path, metadata)
    write_carried(made.d, folder)
    package = describe_package(
        spec,
        folder,
        made.d,
        statement=made.synthetic.about.statement,
        citation=citation(spec),
        simulated=made.cohort.about.simulated,
        endpoints=endpoints,
        guarantee=guarantee,
        replicate_n=len(made.replicates[0]) if made.replicates else 0,
    )
    write_text(folder / PACKAGE, package.json_text())
    return package


def write_documents(made: Made, folder: Path, parts: Parts) -> None:
    """Write the documents, after the records; the changelog says what changed since the version before."""
    for name, text in documents(made.spec, parts, made.d).items():
        write_text(folder / name, text)
    if made.previous is not None:
        diff = difference(made.previous, read_released(folder))
        diff.raise_if_unsatisfied()
        entry = changelog_entry(diff, made.previous)
        write_text(folder / "CHANGELOG.md", documents(made.spec, parts, made.d, entry)["CHANGELOG.md"])


def finish(made: Made, folder: Path, package: DataPackage, tell: Progress) -> None:
    """Write exports, metadata and checksums, the last files of a release."""
    from amlsynth.release.adam import study_of, write_adam

    if "adam" in made.spec.exports:
        tell("writing the clinical exports", 0.94)
        write_adam(made.synthetic.frame, folder / "adam", study_of(package), made.d)
    if made.doi is None:
        write_metadata(folder)
        write_checksums(folder)
    else:  # writes both, after the documents that name the DOI
        stamp_doi(folder, made.doi)
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == package.files, f"unexpected files {written ^ package.files}"


def measured_provenance(made: Made, folder: Path, package: Path | None = None) -> Provenance:
    """Return the provenance with all that may be told under an agreement: counts and hashes, no row.

    `folder` holds the evaluation and the gates, `package` the data, where they are in another folder.
    """
    of_data = (*all_data_paths(made.spec.name, len(made.replicates)), DICTIONARY_FILE, PACKAGE)
    files = {path: (package or folder) / path for path in of_data}
    files |= {name: folder / name for name in ("evaluation.json", "gates.json")}
    return bare_provenance(made, endpoints_in(made.evaluation), files).model_copy(
        update={
            "cohort": described_original(made.spec, made.cohort, made.evaluation) | {"n": made.cohort.n},
            "split": SplitRecord(
                seed=made.spec.split.seed,
                holdout=made.spec.split.holdout,
                n_train=len(made.split.train),
                n_holdout=len(made.split.holdout),
            ),
        }
    )


def described_original(spec: ReleaseSpec, cohort: Cohort, evaluation: Evaluation) -> dict[str, Any]:
    """Return what is told of the original's record beside its evaluation."""
    is_public = spec.cohort.source in ("reference", "amlsg")
    return describe_original(cohort.about, evaluation.rule, public=is_public)


def bare_provenance(made: Made, endpoints: tuple[str, ...], files: Mapping[str, Path]) -> Provenance:
    """Return the provenance that tells no count and no hash of the original, with the hashes of `files`."""
    spec = made.spec
    content = made.spec_path.read_bytes()
    about = made.cohort.about
    part = spec.generator.model_dump(exclude={"params_file"})
    return Provenance(
        name=spec.name,
        version=spec.version,
        date=spec.date,
        amlsynth=__version__,
        **environment(),
        dictionary=made.d.name,
        dictionary_version=made.d.version,
        endpoints=endpoints,
        spec=SpecRecord(file=made.spec_path.name, sha256=sha256_of(content), text=content.decode("utf-8")),
        cohort={"name": about.name, "title": about.title, "simulated": about.simulated},
        split=SplitRecord(seed=spec.split.seed, holdout=spec.split.holdout),
        generator=GeneratorRecord.model_validate(
            part
            | {
                "n": made.synthetic.n,
                "made_elsewhere": spec.synthetic is not None,
                "carriers_to_infer": made.model.carriers_to_infer if made.model else 0,
            }
        ),
        evaluation_seed=spec.evaluation.seed,
        gate_profile=made.gates.profile,
        previous=(
            PreviousRecord(version=str(made.previous.version), checksums=made.previous.checksums)
            if made.previous
            else None
        ),
        files={name: sha256(path) for name, path in sorted(files.items())},
    )
