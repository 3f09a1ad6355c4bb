"""What the metadata formats share: creators as people or groups, and media types."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from amlsynth.foundation.addresses import zenodo_record
from amlsynth.release.package import Contributor, DataPackage, Related

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".md": "text/markdown",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".xpt": "application/x-sas-xport",
    ".r": "text/x-r",
    ".xsl": "application/xslt+xml",
}


_EMAIL = re.compile(r"[^\s<>(),;:]+@[^\s<>(),;:]*[^\s<>(),;:.]")
_ZENODO: dict[str, Any] = {
    "url": "https://zenodo.org/",
    "contactPoint": {
        "@id": "https://zenodo.org/support",
        "@type": "ContactPoint",
        "contactType": "questions about the repository",
        "url": "https://zenodo.org/support",
    },
}

# What schema.org calls a related work; what it has no word for is mentioned.
_RELATIONS = {
    "cites": "citation", "references": "citation", "isDerivedFrom": "isBasedOn", "isSupplementTo": "isPartOf",
    "isPartOf": "isPartOf", "hasPart": "hasPart", "isDescribedBy": "subjectOf", "isDocumentedBy": "subjectOf",
    "isCitedBy": "subjectOf", "isReferencedBy": "subjectOf", "isReviewedBy": "subjectOf",
    "isIdenticalTo": "sameAs",
}  # fmt: skip


class Name(NamedTuple):
    """A creator's name; `given` is None for a group."""

    family: str
    given: str | None

    @property
    def in_order(self) -> str:
        return f"{self.given} {self.family}" if self.given else self.family


def name_of(creator: Contributor) -> Name:
    """Split "Family, Given"; a name without a comma is that of a group."""
    family, comma, given = creator.title.partition(",")
    return Name(family.strip(), given.strip()) if comma and given.strip() else Name(creator.title, None)


def agent(creator: Contributor) -> dict[str, Any]:
    """Return a creator in the words of schema.org."""
    name = name_of(creator)
    content: dict[str, Any] = {
        "@type": "Person" if name.given else "Organization",
        "name": name.in_order,
    }
    if creator.path:
        content = {"@id": creator.path} | content | {"identifier": creator.path}
    known = {"@id": creator.ror, "url": creator.ror, "identifier": creator.ror} if creator.ror else {}
    if not name.given:
        return known | content
    content |= {"givenName": name.given, "familyName": name.family}
    if creator.organization:
        content["affiliation"] = known | {"@type": "Organization", "name": creator.organization}
    return content


def media_type(name: str) -> str:
    """Return the media type of a file of a release."""
    return MEDIA_TYPES.get("." + name.rpartition(".")[2].lower(), "text/plain")


def contact_point(package: DataPackage) -> dict[str, Any] | None:
    """Return whom to ask in the words of schema.org: a name, an e-mail address, or what there is of them."""
    if package.contact is None:
        return None
    found = _EMAIL.search(package.contact)
    content = {"@type": "ContactPoint", "contactType": "questions about the data set"}
    if not found:
        return {"@id": "#contact"} | content | {"name": package.contact}
    name = package.contact.replace(found[0], "").strip(" ,;:<>()")
    content |= {"name": name} if name else {}
    return {"@id": f"mailto:{found[0]}"} | content | {"email": found[0]}


def publisher_agent(package: DataPackage) -> dict[str, Any] | None:
    """Return who publishes a release in the words of schema.org: a creator, Zenodo or another house."""
    name = publisher_of(package)
    for creator in package.contributors:
        if creator.title == name:
            return agent(creator)
    if name is None:
        return None
    known = _ZENODO if name == "Zenodo" else {}
    return {"@type": "Organization", "name": name} | known


def publisher_of(package: DataPackage) -> str | None:
    """Return who publishes a release: whom the spec names, or Zenodo once it has a DOI there."""
    at_zenodo = package.doi is not None and zenodo_record(package.doi) is not None
    return package.publisher or ("Zenodo" if at_zenodo else None)


def related_works(package: DataPackage) -> dict[str, list[Related]]:
    """Return the related works by what schema.org calls the relation."""
    works: dict[str, list[Related]] = {}
    for related in package.related or ():
        works.setdefault(_RELATIONS.get(related.relation, "mentions"), []).append(related)
    return works


def work(related: Related) -> dict[str, Any]:
    """Return a related work in the words of schema.org."""
    article = (related.resource_type or "").startswith("publication")
    return {
        "@id": related.address,
        "@type": "ScholarlyArticle" if article else "CreativeWork",
        "name": f"Related work ({related.relation}): {related.identifier}",
        "identifier": related.address,
        "url": related.address,
    }
