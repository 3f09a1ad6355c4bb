"""What `dataset` returns: the frame, and what is known about it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from amlsynth.foundation.defaults import DICTIONARY_FILE
from amlsynth.loading.frames import FrameKind, check_kind, converted

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set.

    Attributes
    ----------
    frame : DataFrame of shape (patients, variables), typed by its dictionary.
    name, version, title, statement : what it is.
    kind : "release" for one of amlsynth, "foreign" for a table that others published.
    doi, license, citation : None where nobody said.
    original_is_simulated : whether no patient's data went into it; None where nobody said.
    path : the file or folder that it was read from.
    sha256 : of the zip or file; of SHA256SUMS, which lists every file, for a folder.
    replicates : typed frames of its replicates, in order; empty where there are none.
    dictionary : the dictionary that the data follow.
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
    further: Callable[[], tuple[pd.DataFrame, ...]] | None = field(default=None, repr=False)
    carries_dictionary: bool = field(default=False, repr=False)
    d: Dictionary | None = field(default=None, repr=False)

    @cached_property
    def dictionary(self) -> Dictionary:
        """The dictionary that the data follow: the one given on loading, or that of the release."""
        if self.d is not None:
            return self.d
        from amlsynth.dictionary.model import dictionary

        if self.document is None or not self.carries_dictionary:
            return dictionary()
        from amlsynth.dictionary.carried import read_carried

        with tempfile.TemporaryDirectory(prefix="amlsynth-") as folder:
            path = Path(folder) / DICTIONARY_FILE
            path.write_bytes(self.document(DICTIONARY_FILE))
            return read_carried(path)

    @cached_property
    def replicates(self) -> tuple[pd.DataFrame, ...]:
        """Cohorts of fits of their own, to pool estimates of (`amlsynth.pool`); empty where there are none.

        They are read on first use, every byte checked; errors are those of `load`.
        """
        frames = self.further() if self.further is not None else ()
        for number, frame in enumerate(frames, 1):
            frame.attrs.update(self.frame.attrs | {"replicate": number})
        return frames

    @cached_property
    def codebook(self) -> str:
        """The codebook as Markdown: the release's own, checked against its checksums."""
        if self.document is not None:
            return self.document("CODEBOOK.md").decode("utf-8")
        from amlsynth.dictionary.codebook import codebook

        return codebook(self.dictionary)

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
