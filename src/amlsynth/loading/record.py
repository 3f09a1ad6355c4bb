"""What `dataset` returns: the frame, and what is known about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from amlsynth.foundation.defaults import DICTIONARY_FILE, PACKAGE
from amlsynth.foundation.errors import UsageError
from amlsynth.loading.frames import FrameKind, check_kind, converted

if TYPE_CHECKING:
    from amlsynth.dictionary.model import Dictionary, Variable

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


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

    Examples
    --------
    >>> from amlsynth import dataset
    >>> data = dataset(release)
    >>> data.kind, data.original_is_simulated, data.dictionary.name
    ('release', True, 'aml')
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
        from amlsynth.foundation.files import scratch_folder

        with scratch_folder() as folder:
            path = folder / DICTIONARY_FILE
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
    def variables(self) -> dict[str, Variable]:
        """What each column is, by name: label, unit, type, values, description, source.

        Examples
        --------
        >>> from amlsynth import dataset
        >>> data = dataset(release)
        >>> data.variables["AGE"].unit, data.variables["SEX"].values
        ('years', ('female', 'male'))
        """
        return {variable.name: variable for variable in self.dictionary.variables}

    @cached_property
    def bibtex(self) -> str:
        """The entry for a BibTeX file (biblatex reads it as well).

        Raises
        ------
        UsageError
            The data set is no release, so that nobody said who made it when; see `citation`.
        """
        if self.document is None:
            raise UsageError(f"{self.name}: it does not tell how to be cited in BibTeX; see its citation.")
        package = json.loads(self.document(PACKAGE))
        names = [_tex(who["title"]) for who in package["contributors"]]
        # Braces keep the name of a group together.
        people = " and ".join(name if "," in name else f"{{{name}}}" for name in names)
        lines = {
            "author": people,
            "title": f"{{{_tex(self.title)}}}",
            "version": self.version,
            "year": package["created"][:4],
            "publisher": "Zenodo" if self.doi and "zenodo" in self.doi else None,
            "doi": self.doi,
            "note": _tex("Synthetic data; no row is a patient"),
        }
        body = ",\n".join(f"  {key} = {{{text}}}" for key, text in lines.items() if text)
        return f"@dataset{{{self.name}-{self.version},\n{body}\n}}\n"

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

        Examples
        --------
        >>> from amlsynth import dataset
        >>> dataset(release).to("pyarrow").num_rows
        800
        """
        check_kind(kind)
        return converted(self.frame, kind)


def _tex(text: str) -> str:
    """Return text in which TeX runs nothing; braces stay where they are in pairs."""
    escaped = "".join(_TEX.get(sign, f"\\{sign}" if sign in "#$%&_" else sign) for sign in text)
    return (
        escaped if escaped.count("{") == escaped.count("}") else escaped.replace("{", "(").replace("}", ")")
    )
