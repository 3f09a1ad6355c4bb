"""What the metadata formats share: creators as people or groups, and media types."""

from __future__ import annotations

from typing import Any, NamedTuple

from amlsynth.release.package import Contributor

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".md": "text/markdown",
    ".html": "text/html",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".xpt": "application/x-sas-xport",
}


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
    if name.given:
        content |= {"givenName": name.given, "familyName": name.family}
    if creator.organization and name.given:
        content["affiliation"] = {"@type": "Organization", "name": creator.organization}
    return content


def media_type(name: str) -> str:
    """Return the media type of a file of a release."""
    return MEDIA_TYPES.get("." + name.rpartition(".")[2], "text/plain")
