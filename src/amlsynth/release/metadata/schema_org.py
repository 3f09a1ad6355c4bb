"""schema.org JSON-LD: the data set as search engines list it; also embedded in the release site."""

from __future__ import annotations

from typing import Any

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.addresses import doi_url
from amlsynth.release.metadata.common import agent, contact_point, publisher_agent, related_works, work
from amlsynth.release.package import DataPackage


def schema_org_record(package: DataPackage, d: Dictionary, *, base: str = "") -> dict[str, Any]:
    """Return the release as a schema.org Dataset.

    Parameters
    ----------
    package, d : the release and the dictionary of its table.
    base : what precedes the paths of files, for a page that stands elsewhere.
    """
    doi = package.doi
    content: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": package.title,
        "alternateName": package.name,
        # Search engines want 50 to 5,000 characters; the statement makes any description long enough.
        "description": f"{package.description} {package.statement}"[:5000],
        "version": package.version,
        "datePublished": package.date.isoformat(),
        "inLanguage": "en",
        "isAccessibleForFree": True,
        "license": package.licenses[0].path,
        "keywords": list(package.keywords),
        "creator": [agent(creator) for creator in package.contributors],
        "measurementTechnique": "Synthetic data generation",
        "variableMeasured": [_variable(variable) for variable in d.variables],
        "distribution": [
            {
                "@type": "DataDownload",
                "name": resource.title,
                "contentUrl": base + resource.path,
                "encodingFormat": resource.mediatype,
                "contentSize": f"{resource.length} B",
                "sha256": resource.hash.removeprefix("sha256:"),
            }
            for resource in package.resources
        ],
    }
    for key, works in related_works(package).items():
        content[key] = [entry.address if key == "sameAs" else work(entry) for entry in works]
    contact = contact_point(package)
    if contact:
        content["creator"] = [entry | {"contactPoint": contact} for entry in content["creator"]]
    publisher = publisher_agent(package)
    if publisher:
        content["publisher"] = publisher
    if doi:
        url = doi_url(doi)
        content |= {"@id": url, "identifier": url, "url": url}
    return content


def _variable(variable: Variable) -> dict[str, Any]:
    content: dict[str, Any] = {
        "@type": "PropertyValue",
        "name": variable.name,
        "alternateName": variable.label,
        "description": variable.description,
    }
    if variable.unit:
        content["unitText"] = variable.unit
    if variable.minimum is not None:
        content |= {"minValue": variable.minimum, "maxValue": variable.maximum}
    return content
