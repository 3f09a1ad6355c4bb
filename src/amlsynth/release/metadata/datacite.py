"""DataCite 4.5 JSON: the data set as a DOI registry records it."""

from __future__ import annotations

from typing import Any

from amlsynth.release.metadata.common import name_of, publisher_of
from amlsynth.release.package import Contributor, DataPackage, Related

# DataCite's word for "not there yet" (documentation of the schema, appendix 3): nobody publishes it so far.
_UNKNOWN = ":unav"
_ROR = "https://ror.org"
_PUBLICATIONS = {"publication-article": "JournalArticle", "publication-preprint": "Preprint"}


def datacite_record(package: DataPackage) -> dict[str, Any]:
    """Return the DataCite record of a release; without a DOI where none is reserved."""
    doi = package.doi
    license_ = package.licenses[0]
    content: dict[str, Any] = {"doi": doi} if doi else {}
    if package.related:
        content["relatedIdentifiers"] = [_related(entry) for entry in package.related]
    return content | {
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Synthetic patient data"},
        "creators": [_creator(creator) for creator in package.contributors],
        "titles": [{"title": package.title}],
        "publisher": {"name": publisher_of(package) or _UNKNOWN},
        "publicationYear": str(package.date.year),
        "subjects": [{"subject": word} for word in package.keywords],
        "dates": [{"date": package.date.isoformat(), "dateType": "Issued"}],
        "language": "en",
        "version": package.version,
        "sizes": [f"{resource.length} bytes ({resource.path})" for resource in package.resources],
        "formats": [resource.mediatype for resource in package.resources],
        "rightsList": [
            {
                "rights": license_.title,
                "rightsUri": license_.path,
                "rightsIdentifier": license_.name,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
        ],
        "descriptions": [
            {"description": package.description, "descriptionType": "Abstract"},
            {"description": package.statement, "descriptionType": "Methods"},
        ],
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }


def _related(related: Related) -> dict[str, Any]:
    content: dict[str, Any] = {
        "relatedIdentifier": related.doi or related.identifier,
        "relatedIdentifierType": "DOI" if related.doi else "URL",
        "relationType": related.relation[0].upper() + related.relation[1:],
    }
    if (related.resource_type or "").startswith("publication"):
        content["resourceTypeGeneral"] = _PUBLICATIONS.get(str(related.resource_type), "Text")
    return content


def _creator(creator: Contributor) -> dict[str, Any]:
    name = name_of(creator)
    content: dict[str, Any] = {
        "name": f"{name.family}, {name.given}" if name.given else name.family,
        "nameType": "Personal" if name.given else "Organizational",
    }
    if name.given:
        content |= {"givenName": name.given, "familyName": name.family}
    if creator.path:
        content["nameIdentifiers"] = [
            {
                "nameIdentifier": creator.path,
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if creator.ror and not name.given:
        content["nameIdentifiers"] = [
            {"nameIdentifier": creator.ror, "nameIdentifierScheme": "ROR", "schemeUri": _ROR}
        ]
    if creator.organization:
        content["affiliation"] = [{"name": creator.organization}]
        if creator.ror:
            content["affiliation"][0] |= {
                "affiliationIdentifier": creator.ror,
                "affiliationIdentifierScheme": "ROR",
                "schemeUri": _ROR,
            }
    return content
