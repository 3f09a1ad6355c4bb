"""What Zenodo is told of a release, all of it from the release's own spec and descriptor."""

from __future__ import annotations

import html
import re
from typing import Any

from amlsynth.foundation.errors import require_extra
from amlsynth.release.package import DataPackage
from amlsynth.release.spec import Creator, ReleaseSpec
from amlsynth.release.zenodo.depositions import mark


def first_metadata(spec: ReleaseSpec, package: DataPackage, amlsynth_version: str) -> dict[str, Any]:
    """Return what a draft is made with, in the words of the older API: enough to find it by its mark."""
    model = require_extra("publish", "zenodo_client", "Publishing a release").Metadata
    described = model(
        title=spec.title,
        upload_type="dataset",
        description=_description(spec, package),
        creators=[],
        notes=_notes(spec, amlsynth_version),
    )
    plain = {key: value for key, value in described.model_dump(exclude_none=True).items() if value}
    return plain | {"creators": [{"name": creator.name} for creator in spec.creators]}


def zenodo_metadata(spec: ReleaseSpec, package: DataPackage, amlsynth_version: str) -> dict[str, Any]:
    """Return the metadata of a draft, in the words of Zenodo's newer API (InvenioRDM)."""
    metadata: dict[str, Any] = {
        "title": spec.title,
        "resource_type": {"id": "dataset"},
        "description": _description(spec, package),
        "creators": [_creator(creator) for creator in spec.creators],
        "publication_date": spec.date.isoformat(),
        "publisher": "Zenodo",
        "version": spec.version,
        "languages": [{"id": "eng"}],
        "rights": [{"id": spec.license.lower()}],  # Zenodo's names are those of SPDX in lower case
        "additional_descriptions": [
            {
                "description": _notes(spec, amlsynth_version),
                "type": {"id": "other"},
            }  # "notes" of the older API
        ],
        "subjects": [{"subject": keyword} for keyword in spec.keywords],
        "contributors": [
            _creator(contributor) | {"role": {"id": contributor.type.lower()}}
            for contributor in spec.contributors
        ],
        "related_identifiers": [
            {
                "identifier": related.identifier,
                "scheme": "url" if "://" in related.identifier else "doi",
                "relation_type": {"id": related.relation.lower()},
                **({"resource_type": {"id": related.resource_type}} if related.resource_type else {}),
            }
            for related in spec.related_identifiers
        ],
    }
    return {key: value for key, value in metadata.items() if value}


def not_stored(sent: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Return which metadata are not stored as they were sent; what the server adds does not count."""
    return [key for key, value in sent.items() if not _holds(stored.get(key), value)]


def _holds(stored: Any, sent: Any) -> bool:
    if isinstance(sent, dict):
        return isinstance(stored, dict) and all(_holds(stored.get(key), value) for key, value in sent.items())
    if isinstance(sent, list):
        same = isinstance(stored, list) and len(stored) == len(sent)
        return same and all(_holds(there, here) for there, here in zip(stored, sent, strict=True))
    return _bare(stored) == _bare(sent)


def _bare(text: Any) -> str:
    """Return a text as it reads: servers write HTML, blanks and the case of identifiers in their own way."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", str(text))).split()).casefold()


def _description(spec: ReleaseSpec, package: DataPackage) -> str:
    """Return the description as the HTML that Zenodo wants."""
    paragraphs = [*spec.description.split("\n\n"), package.statement]
    return "".join(f"<p>{html.escape(' '.join(text.split()), quote=False)}</p>" for text in paragraphs)


def _notes(spec: ReleaseSpec, amlsynth_version: str) -> str:
    return f"{mark(spec.name, spec.version)} {amlsynth_version}. SHA256SUMS lists all checksums."


def _creator(creator: Creator) -> dict[str, Any]:
    """Return a creator: a person is written "Family, Given" or has an ORCID, all others are organisations."""
    family, comma, given = (part.strip() for part in creator.name.partition(","))
    if comma or creator.orcid:
        who: dict[str, Any] = {"type": "personal", "family_name": family, "given_name": given}
    else:
        who = {"type": "organizational", "name": creator.name}
    if creator.orcid:
        who["identifiers"] = [{"scheme": "orcid", "identifier": creator.orcid}]
    told: dict[str, Any] = {"person_or_org": who}
    if creator.affiliation:
        told["affiliations"] = [{"name": creator.affiliation}]
    return told
