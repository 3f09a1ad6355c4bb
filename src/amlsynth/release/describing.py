"""Describe the data files of a release: what datapackage.json says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amlsynth.dictionary.model import Dictionary
from amlsynth.dictionary.table_schema import table_schema
from amlsynth.foundation.defaults import DECISION_FILE, REPORT_PDF
from amlsynth.foundation.files import sha256
from amlsynth.release.file_names import all_data_paths, data_paths
from amlsynth.release.package import (
    Contributor,
    DataPackage,
    Guarantee,
    License,
    Related,
    ReplicateFile,
    Replicates,
    Resource,
)
from amlsynth.release.spec import ReleaseSpec

_PROFILES = "https://datapackage.org/profiles/2.0"
_LICENSES = {
    "CC-BY-4.0": (
        "Creative Commons Attribution 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "CC0-1.0": ("Creative Commons Zero v1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
}


def describe_package(
    spec: ReleaseSpec,
    folder: Path,
    d: Dictionary,
    *,
    statement: str,
    citation: str,
    simulated: bool,
    endpoints: tuple[str, ...],
    guarantee: Guarantee | None = None,
    replicate_n: int = 0,
) -> DataPackage:
    """Describe the data files of a release folder, whose tables are of the dictionary `d`.

    `replicate_n` is the number of patients in each replicate, where the spec has some.
    """
    title, path = _LICENSES[spec.license]
    csv, parquet = data_paths(spec.name)

    def resource(**own: Any) -> Resource:
        file = folder / own["path"]
        content = {
            "$schema": f"{_PROFILES}/dataresource.json",
            "type": "table",
            ("size" if own["format"] == "parquet" else "bytes"): file.stat().st_size,
            "hash": f"sha256:{sha256(file)}",
            "schema": table_schema(d),
        }
        return Resource.model_validate(content | own)

    return DataPackage.model_validate(
        {
            "$schema": f"{_PROFILES}/datapackage.json",
            "name": spec.name,
            "version": spec.version,
            "title": spec.title,
            "description": spec.description,
            "created": f"{spec.date.isoformat()}T00:00:00Z",
            "keywords": spec.keywords,
            "licenses": [License(name=spec.license, title=title, path=path)],
            "contributors": [
                Contributor(
                    title=creator.name,
                    organization=creator.affiliation,
                    path=f"https://orcid.org/{creator.orcid}" if creator.orcid else None,
                    ror=f"https://ror.org/{creator.ror}" if creator.ror else None,
                )
                for creator in spec.creators
            ],
            "related": tuple(Related(**entry.model_dump()) for entry in spec.related_identifiers) or None,
            "publisher": spec.publisher,
            "contact": spec.contact,
            "statement": statement,
            "citation": citation,
            "original_is_simulated": simulated,
            "dictionary": d.name,
            "dictionary_version": d.version,
            "endpoints": endpoints,
            "decision": None if guarantee else DECISION_FILE,
            "report_pdf": None if guarantee else REPORT_PDF,
            "exports": spec.exports,
            "guarantee": guarantee,
            "replicates": _replicates(spec, folder, replicate_n),
            "resources": [
                resource(
                    name=spec.name,
                    path=csv,
                    title=f"{spec.title} (CSV)",
                    format="csv",
                    mediatype="text/csv",
                    encoding="utf-8",
                ),
                resource(
                    name=f"{spec.name}-parquet",
                    path=parquet,
                    title=f"{spec.title} (Parquet)",
                    format="parquet",
                    mediatype="application/vnd.apache.parquet",
                ),
            ],
        }
    )


def with_files(package: DataPackage, folder: Path) -> DataPackage:
    """Return a data package with the sizes and hashes that its data files have now."""

    def now(entry: Any) -> Any:
        path = folder / entry.path
        key = "bytes" if entry.bytes is not None else "size"
        return entry.model_copy(update={key: path.stat().st_size, "hash": f"sha256:{sha256(path)}"})

    replicates = package.replicates
    if replicates is not None:
        replicates = replicates.model_copy(update={"files": tuple(map(now, replicates.files))})
    update = {"resources": tuple(map(now, package.resources)), "replicates": replicates}
    return package.model_copy(update=update)


def _replicates(spec: ReleaseSpec, folder: Path, patients: int) -> Replicates | None:
    paths = all_data_paths(spec.name, spec.generator.replicates)[2:]
    if not paths:
        return None
    files = tuple(
        ReplicateFile(path=path, bytes=(folder / path).stat().st_size, hash=f"sha256:{sha256(folder / path)}")
        for path in paths
    )
    return Replicates(patients=patients, rule="fully-synthetic", files=files)
