"""Croissant 1.0 (mlcommons.org/croissant/1.0): the data set as machine-learning tools load it."""

from __future__ import annotations

from typing import Any

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.addresses import doi_url
from amlsynth.release.metadata.common import agent, publisher_of, related_works
from amlsynth.release.package import DataPackage

_TYPES = {"integer": "sc:Integer", "number": "sc:Float", "category": "sc:Text"}
# The context that the specification prescribes, word for word where it matters to JSON-LD.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant_record(package: DataPackage, d: Dictionary) -> dict[str, Any]:
    """Return the Croissant description of a release; paths are relative to the release folder."""
    csv, parquet = package.resources
    doi = package.doi
    works = {key: [entry.address for entry in found] for key, found in related_works(package).items()}
    publisher = publisher_of(package)
    content: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": package.name,
        "alternateName": package.title,
        "description": f"{package.description}\n\n{package.statement}",
        "citeAs": package.citation,
        "creator": [agent(creator) for creator in package.contributors],
        "datePublished": package.date.isoformat(),
        "inLanguage": "en",
        "isLiveDataset": False,
        "keywords": list(package.keywords),
        "license": [entry.path for entry in package.licenses],
        "url": doi_url(doi) if doi else "README.md",
        "version": package.version,
        **{f"sc:{key}": addresses for key, addresses in works.items()},
        **({"publisher": {"@type": "Organization", "name": publisher}} if publisher else {}),
        "rai:dataCollection": package.statement,
        "rai:dataUseCases": "Developing methods, planning analyses, teaching and testing software.",
        "rai:dataLimitations": "Not for decisions about patients. A finding on synthetic data is a "
        "hypothesis to confirm on the original.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": resource.path,
                "name": resource.path,
                "description": resource.title,
                "contentUrl": resource.path,
                "contentSize": f"{resource.length} B",
                "encodingFormat": resource.mediatype,
                "sha256": resource.hash.removeprefix("sha256:"),
            }
            for resource in (csv, parquet)
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "patients",
                "name": "patients",
                "description": "One synthetic patient a record; an empty cell is missing.",
                "field": [_field(variable, csv.path) for variable in d.variables],
            }
        ],
    }
    return content


def _field(variable: Variable, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"patients/{variable.id}",
        "name": f"patients/{variable.id}",
        "description": describe(variable),
        "dataType": _TYPES.get(variable.type, "sc:Integer"),
        "source": {"fileObject": {"@id": path}, "extract": {"column": variable.name}},
    }


def describe(variable: Variable) -> str:
    """Return label, description, unit and values of a variable as one text."""
    parts = [f"{variable.label}: {variable.description}"]
    if variable.unit:
        parts.append(f"Unit: {variable.unit}.")
    if variable.type == "tri-state":
        parts.append("1 present, 0 absent, empty missing or not assessed.")
    elif variable.categories:
        parts.append(
            "; ".join(f"{value}: {label}" for value, label in variable.category_labels.items()) + "."
        )
    return " ".join(parts)
