"""What `dataset` returns: the frame, and what is known about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from amlsynth.loading.frames import FrameKind, check_kind, converted


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set.

    Attributes
    ----------
    frame : DataFrame of shape (patients, 63), typed by the dictionary.
    name, version, title, statement : what it is.
    kind : "release" for one of amlsynth, "foreign" for a table that others published.
    doi, license, citation : None where nobody said.
    original_is_simulated : whether no patient's data went into it; None where nobody said.
    path : the file or folder that it was read from.
    sha256 : of the zip or file; of SHA256SUMS, which lists every file, for a folder.
    notes : sentences on what was left out and which rules are broken; empty for a release.
    """

    frame: pd.DataFrame = field(repr=False)
    name: str
    version: str
    title: str
    statement: str
    kind: str
    doi: str | None
    license: str | None
    citation: str | None
    original_is_simulated: bool | None
    path: Path
    sha256: str
    notes: tuple[str, ...] = ()
    document: Callable[[str], bytes] | None = field(default=None, repr=False)

    @cached_property
    def codebook(self) -> str:
        """The codebook as Markdown: the release's own, checked against its checksums."""
        if self.document is not None:
            return self.document("CODEBOOK.md").decode("utf-8")
        from amlsynth.dictionary.codebook import codebook

        return codebook()

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """The content of provenance.json; of a foreign table, where it came from and what was changed."""
        if self.document is not None:
            content: dict[str, Any] = json.loads(self.document("provenance.json"))
            return content
        return {"doi": self.doi, "file": self.path.name, "sha256": self.sha256, "notes": list(self.notes)}

    def to(self, kind: FrameKind) -> Any:
        """Return the frame as a pandas or polars DataFrame or a pyarrow Table.

        Raises
        ------
        MissingExtraError
            The package is not installed.
        """
        check_kind(kind)
        return converted(self.frame, kind)
