"""RO-Crate 1.2 (w3id.org/ro/crate/1.2): the whole folder, every file with size and checksum."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.defaults import DICTIONARY_FILE, REPORT_FILE, REPORT_PDF
from amlsynth.foundation.files import sha256
from amlsynth.release.checksums import CHECKSUMS, sha256_of
from amlsynth.release.file_names import PROVENANCE, PUBLIC_EVALUATION, R_SCRIPT
from amlsynth.release.metadata.common import (
    agent,
    contact_point,
    media_type,
    publisher_agent,
    related_works,
    work,
)
from amlsynth.release.package import DataPackage, Provenance

DESCRIPTOR = "ro-crate-metadata.json"
# What a file is; one of the resources of the data package has its title.
_DESCRIPTIONS = {
    "README.md": "What the data set is, what it is worth, how to load it",
    "LICENSE": "What is allowed",
    "CITATION.cff": "How to cite (Citation File Format)",
    "CHANGELOG.md": "What changed",
    "CODEBOOK.md": "Every variable: meaning, unit, values, missing values, rules",
    REPORT_FILE: "Synthetic against original: tables, survival curves, privacy, gates",
    REPORT_PDF: "The report on paper",
    "evaluation.json": "Every figure of the report",
    "decision.json": "The verdict, what speaks against it, and the key figures",
    "gates.json": "The thresholds that had to be met",
    "provenance.json": "Original, split, generator, seeds, versions of software",
    "datapackage.json": "The data and their schema (Data Package, version 2)",
    DICTIONARY_FILE: "The variable dictionary that the data follow: names, values, rules, roles",
    "croissant.json": "The data set for machine-learning tools (Croissant)",
    "datacite.json": "The data set for DOI registries (DataCite)",
    "schema-org.json": "The data set for search engines (schema.org)",
    R_SCRIPT: "The data in R, with labelled factors and survival curves",
    CHECKSUMS: "SHA-256 of every file",
    "PRIVACY.md": "The guarantee of differential privacy in words, and what it does not cover",
    "EVALUATION.md": "What the public evaluation found",
    PUBLIC_EVALUATION: "Every figure of EVALUATION.md",
    "adam/adsl.xpt": "ADSL like CDISC ADaM, one row a patient (SAS transport file, version 5)",
    "adam/adtte.xpt": "ADTTE like CDISC ADaM, one row a patient and endpoint (SAS transport file, version 5)",
    "adam/adsl.json": "ADSL like CDISC ADaM (Dataset-JSON 1.1)",
    "adam/adtte.json": "ADTTE like CDISC ADaM (Dataset-JSON 1.1)",
    "adam/define.xml": "Define-XML 2.1 of the ADaM-like data sets",
    "adam/define.xsl": "Stylesheet by which a browser shows define.xml",
}


def ro_crate_record(
    package: DataPackage, folder: Path, names: Iterable[str], texts: Mapping[str, str]
) -> dict[str, Any]:
    """Return the RO-Crate of a release folder.

    Parameters
    ----------
    package : its data package.
    folder : where its files are; the metadata files and SHA256SUMS may be missing, as they are written
        after this. The latter stands in the crate without a checksum.
    names : the names of all files.
    texts : the texts of the other metadata files, by name.
    """
    names = tuple(names)
    files = [name for name in names if name != DESCRIPTOR]
    sums = "".join(f"{'0' * 64}  {name}\n" for name in names if name != CHECKSUMS)  # as long as it will be
    contents = {name: text.encode("utf-8") for name, text in ({CHECKSUMS: sums} | dict(texts)).items()}
    agents = [_identified(agent(creator), number) for number, creator in enumerate(package.contributors)]
    contact, publisher = contact_point(package), publisher_agent(package)
    if contact:
        agents = [entry | {"contactPoint": contact} for entry in agents]
    if publisher:  # one of the creators, or another
        others = [{"@id": "#publisher"} | publisher]
        (publisher,) = [entry for entry in agents if entry["name"] == publisher["name"]][:1] or others
    named = {entry["@id"]: entry for entry in (*agents, *([publisher] if publisher else []))}
    parts = _parts(named.values())
    license_ = package.licenses[0]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": package.title,
        "alternateName": package.name,
        "description": f"{package.description}\n\n{package.statement}",
        "version": package.version,
        "datePublished": package.date.isoformat(),
        "keywords": ", ".join(package.keywords),
        "license": {"@id": license_.path},
        "author": _reference(entry["@id"] for entry in agents),
        "creator": _reference(entry["@id"] for entry in agents),
        "hasPart": [{"@id": name} for name in files],
        "mentions": {"@id": "#build"},
    }
    works = related_works(package)
    for key, found in works.items():
        there = {"hasPart": files, "mentions": ["#build"]}.get(key, [])
        root[key] = _reference([*there, *(entry.address for entry in found)])
    if publisher:
        root["publisher"] = {"@id": publisher["@id"]}
    doi = package.doi
    if doi:
        root |= {"identifier": doi_url(doi), "cite-as": doi_url(doi), "url": doi_url(doi)}
    return {
        "@context": [
            "https://w3id.org/ro/crate/1.2/context",
            {
                "sha256": "https://schema.org/sha256",
                "cite-as": "https://www.w3.org/ns/iana/link-relations/relation#cite-as",
            },
        ],
        "@graph": [
            {
                "@id": DESCRIPTOR,
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
            },
            root,
            *(_file(package, name, contents.get(name, folder / name)) for name in files),
            *named.values(),
            *parts.values(),
            {
                "@id": license_.path,
                "@type": "CreativeWork",
                "name": license_.title,
                "description": f"What is allowed with the data: {license_.name}, as LICENSE has it",
                "identifier": f"https://spdx.org/licenses/{license_.name}",
            },
            *({entry.address: work(entry) for found in works.values() for entry in found}.values()),
            *_build(package, folder, agents),
        ],
    }


def _reference(ids: Iterable[str]) -> Any:
    """Refer to entities; to one without a list, as RO-Crate recommends."""
    found = [{"@id": id_} for id_ in ids]
    return found[0] if len(found) == 1 else found


def _identified(entry: dict[str, Any], number: int) -> dict[str, Any]:
    """Give an agent, and the group that it belongs to, names within the crate."""
    entry = {"@id": f"#creator-{number + 1}"} | entry
    if "affiliation" in entry:
        entry["affiliation"] = {"@id": f"#group-{entry['affiliation']['name']}"} | entry["affiliation"]
    return entry


def _parts(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Take groups and contacts out of what they stand in, which then refers to them; return them by name."""
    parts = {}
    for entry in entries:
        for key in ("affiliation", "contactPoint"):
            if key in entry:
                parts[entry[key]["@id"]] = entry[key]
                entry[key] = {"@id": entry[key]["@id"]}
    return parts


def _file(package: DataPackage, name: str, content: bytes | Path) -> dict[str, Any]:
    """Return what a file is; `content` is its bytes, or where they are."""
    entry: dict[str, Any] = {
        "@id": name,
        "@type": "File",
        "name": name.rpartition("/")[2],
        "description": _description(package, name),
        "encodingFormat": media_type(name),
        "contentSize": str(len(content) if isinstance(content, bytes) else content.stat().st_size),
    }
    if name != CHECKSUMS:
        entry["sha256"] = sha256_of(content) if isinstance(content, bytes) else sha256(content)
    return entry


def _description(package: DataPackage, name: str) -> str:
    titles = {resource.path: resource.title for resource in package.resources}
    replicates = {path: number for number, table in enumerate(package.tables) for path in table}
    if name in titles or name in _DESCRIPTIONS:
        return titles.get(name) or _DESCRIPTIONS[name]
    if name in replicates:
        return f"Replicate {replicates[name]} of {package.title}, to pool estimates of"
    return "Noisy sums that the data were made from"


def _build(package: DataPackage, folder: Path, agents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = Provenance.model_validate_json((folder / PROVENANCE).read_bytes())
    generator = json.dumps(made.generator.model_dump(mode="json"), sort_keys=True)
    return [
        {
            "@id": "#build",
            "@type": "CreateAction",
            "name": "amlsynth release build",
            "description": f"Generator and its parameters: {generator}",
            "endTime": package.date.isoformat(),
            "agent": _reference(entry["@id"] for entry in agents),
            "instrument": {"@id": "#amlsynth"},
            "result": [{"@id": file.path} for file in package.described],
        },
        {
            "@id": "#amlsynth",
            # A SoftwareApplication has to have an address, and amlsynth has none yet.
            "@type": "CreativeWork",
            "name": "amlsynth",
            "description": "Makes, evaluates, releases and loads synthetic cohorts",
            "version": made.amlsynth,
        },
    ]
