"""The model of a registry file; see release/registry.yaml for one with every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from amlsynth.foundation.addresses import check_url, doi_of
from amlsynth.foundation.defaults import NAME_PATTERN
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.yamlfile import misplaced, read_yaml_model
from amlsynth.release.checksums import name_fault
from amlsynth.release.versions import Version


def read_registry(path: Path) -> Registry:
    """Read a registry file.

    Raises
    ------
    UsageError
        The file is missing, broken or wrong; the sentences name file, line, key and remedy.
    """
    return read_yaml_model(path, Registry, what="registry")


def _semantic(text: Any) -> Any:
    if not isinstance(text, str):  # YAML reads 1.0 as a number
        raise ValueError("write the version in quotes as MAJOR.MINOR.PATCH, such as '1.2.0'")
    return Version(text).text


def _doi(text: str) -> str:
    doi = doi_of(text)
    if doi is None:
        raise ValueError("write the DOI as 10.5281/zenodo.1234567")
    return doi


def _file_name(name: str) -> str:
    if "/" in name or name_fault(name):
        raise ValueError("write the plain name of the file, without a folder")
    return name


class EntryModel(StrictModel):
    """A data set version: where its file is, and which SHA-256 it has."""

    name: Annotated[str, Field(pattern=rf"^{NAME_PATTERN}$", max_length=64)]
    version: Annotated[str, BeforeValidator(_semantic)]
    title: Annotated[str, Field(min_length=1, max_length=300)]
    kind: Annotated[
        Literal["release", "foreign"],
        Field(description="a release of amlsynth, or a table of others in a layout that amlsynth knows"),
    ] = "release"
    status: Annotated[
        Literal["published", "planned", "withdrawn"], Field(description="only what is published is loaded")
    ] = "published"
    doi: Annotated[str, AfterValidator(_doi)] | None = None
    url: Annotated[str, AfterValidator(check_url), Field(description="instead of asking Zenodo")] | None = (
        None
    )
    file: (
        Annotated[
            str, AfterValidator(_file_name), Field(description="its name at Zenodo; signs * and ? match any")
        ]
        | None
    ) = None
    sha256: (
        Annotated[
            str,
            Field(pattern=r"^[0-9a-f]{64}$", description="of the file; left out where nobody knows it yet"),
        ]
        | None
    ) = None
    layout: Annotated[str, Field(pattern=rf"^{NAME_PATTERN}$")] | None = None
    license: str | None = None
    citation: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.status == "published" and self.doi is None and self.url is None:
            raise misplaced(("status",), "what is published needs a doi or a url; add one")
        if self.kind == "release" and self.status == "published" and self.sha256 is None:
            raise misplaced(("kind",), "a published release needs the sha256 of its zip; add it")
        if (self.kind == "foreign") != (self.layout is not None):
            raise misplaced(("kind",), "the kind foreign, and no other, needs a layout")
        if self.kind == "foreign" and self.url is None and self.file is None:
            raise misplaced(("kind",), "the kind foreign needs the name of its file; add file")
        return self

    def plain(self) -> dict[str, Any]:
        """Return plain data."""
        return self.model_dump(mode="json")


class Registry(StrictModel):
    datasets: tuple[EntryModel, ...]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for position, entry in enumerate(self.datasets):
            if (entry.name, entry.version) in seen:
                raise misplaced(
                    ("datasets", position, "version"), f"{entry.name} {entry.version} stands twice"
                )
            seen.add((entry.name, entry.version))
        return self
