"""What Zenodo is told of a release, all of it from the release's own spec and descriptor."""

from __future__ import annotations

import html
from typing import Any

from amlsynth.foundation.errors import require_extra
from amlsynth.release.package import DataPackage
from amlsynth.release.spec import Creator, ReleaseSpec
from amlsynth.release.zenodo.depositions import mark


def zenodo_metadata(spec: ReleaseSpec, package: DataPackage, amlsynth_version: str) -> dict[str, Any]:
    """Return the metadata of a deposition, in the words of Zenodo's deposit API.

    The plain part goes through the model of zenodo-client, which knows what Zenodo takes. That model
    drops contributors and related identifiers, and refuses a creator that is a group; those are added here.
    """
    model = require_extra("publish", "zenodo_client", "Publishing a release").Metadata
    described = model(
        title=spec.title,
        upload_type="dataset",
        description=_description(spec, package),
        creators=[],
        access_right="open",
        language="eng",
        version=spec.version,
        license=spec.license.lower(),  # Zenodo's names are those of SPDX in lower case
        keywords=list(spec.keywords),
        communities=[{"identifier": community} for community in spec.communities],
        notes=f"{mark(spec.name, spec.version)} {amlsynth_version}. SHA256SUMS lists all checksums.",
    )
    metadata: dict[str, Any] = {
        key: value for key, value in described.model_dump(exclude_none=True).items() if value
    }
    metadata |= {
        "creators": [_person(creator) for creator in spec.creators],
        "publication_date": spec.date.isoformat(),
        "prereserve_doi": True,
    }
    if spec.contributors:
        metadata["contributors"] = [
            _person(contributor) | {"type": contributor.type} for contributor in spec.contributors
        ]
    if spec.related_identifiers:
        metadata["related_identifiers"] = [
            related.model_dump(exclude_none=True) for related in spec.related_identifiers
        ]
    return metadata


def _description(spec: ReleaseSpec, package: DataPackage) -> str:
    """Return the description as the HTML that Zenodo wants."""
    paragraphs = [*spec.description.split("\n\n"), package.statement]
    return "".join(f"<p>{html.escape(' '.join(text.split()), quote=False)}</p>" for text in paragraphs)


def _person(creator: Creator) -> dict[str, str]:
    known = {"name": creator.name, "orcid": creator.orcid, "affiliation": creator.affiliation}
    return {key: value for key, value in known.items() if value}
