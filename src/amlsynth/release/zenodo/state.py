"""publish.json: what is known of a release's publication, kept in the release folder and nowhere else.

It holds no token. `verify` allows the file, it is in no checksum and no archive, and it is never uploaded.
Without it nothing is lost: drafts and records are known again by the mark in their notes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from amlsynth.foundation.addresses import DOI_PATTERN
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import write_text
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.release.checksums import PUBLISH_STATE

_LIMIT = 100_000  # bytes
# reserved: there is a draft with a DOI; uploaded: it has all files; publishing: it was asked for.
Stage = Literal["reserved", "uploaded", "publishing", "published"]


class Publication(StrictModel):
    """How far the publication on one server is."""

    stage: Stage
    deposition: Annotated[int, Field(ge=1)]
    doi: Annotated[str, StringConstraints(pattern=rf"^{DOI_PATTERN}$")]
    concept_doi: str = ""
    lasting: bool  # False for the sandbox
    checksums: str = ""  # SHA-256 of the SHA256SUMS that was uploaded
    page: str = ""


class PublishState(StrictModel):
    """The content of publish.json: by the address of the server."""

    schema_version: Literal["1"] = "1"
    name: str
    version: str
    servers: dict[str, Publication] = Field(default_factory=dict)

    def published(self) -> tuple[str, Publication] | None:
        """Return where the release was published for good, if it was."""
        for base, found in self.servers.items():
            if found.lasting and found.stage == "published":
                return base, found
        return None

    def with_publication(self, base: str, publication: Publication | None) -> PublishState:
        """Return the state with another entry for a server, or without one."""
        servers = {key: value for key, value in self.servers.items() if key != base}
        if publication is not None:
            servers[base] = publication
        return self.model_copy(update={"servers": servers})


def read_state(folder: Path) -> PublishState | None:
    """Return the state in a release folder, None when there is none.

    Raises
    ------
    DataError
        The file is not what publish wrote.
    """
    path = folder / PUBLISH_STATE
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if path.is_symlink() or path.stat().st_size > _LIMIT:
            raise ValueError
        return PublishState.model_validate_json(path.read_bytes())
    except (OSError, ValueError, ValidationError, RecursionError):
        raise DataError(
            f"{path}: not as amlsynth release publish writes it. Restore it, or remove it: publish then "
            "finds out from the server what there is."
        ) from None


def write_state(folder: Path, state: PublishState) -> None:
    """Write the state, whole or not at all.

    It is made beside the folder, so that a process killed on the way leaves no stranger in the release.
    """
    aside = folder.with_name(f".{folder.name}.{PUBLISH_STATE}")
    write_text(aside, state.model_dump_json(indent=1) + "\n")
    aside.replace(folder / PUBLISH_STATE)
