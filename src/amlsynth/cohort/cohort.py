"""A cohort: a validated typed frame, with what is known about where it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import Field, ValidationError

from amlsynth.cohort.table_writing import file_kind, write_table
from amlsynth.cohort.tables import read_table, to_typed
from amlsynth.cohort.validation import ValidationReport, validate
from amlsynth.cohort.written_under import KEY, WrittenUnder, about_path
from amlsynth.dictionary.model import Dictionary, Role
from amlsynth.dictionary.model import dictionary as default_dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import replacing, sha256, write_text
from amlsynth.foundation.strict_model import StrictModel


class About(StrictModel):
    """What is known about a cohort; kept beside its file as FILE.about.json.

    Examples
    --------
    >>> about = About(name="mine", title="My cohort", simulated=True, statement="Drawn at random.")
    >>> about.model_copy(update={"title": "Ours"}).title
    'Ours'
    """

    name: str = Field(description="short name, such as aml-reference")
    title: str
    simulated: bool = Field(description="True when no patient's data went into it")
    statement: str = Field(description="what the cohort is, in one or two sentences")
    provenance: dict[str, Any] = Field(default_factory=dict, description="sources, hashes, seeds, counts")


@dataclass(frozen=True)
class Cohort:
    """A typed frame that has passed validation in its role, against its dictionary.

    Examples
    --------
    >>> from amlsynth import reference_cohort
    >>> cohort = reference_cohort(n=20)
    >>> cohort.n, cohort.role, cohort.about.name, cohort.dictionary.name
    (20, 'original', 'aml-reference', 'aml')
    """

    frame: pd.DataFrame
    role: Role
    about: About
    dictionary: Dictionary = field(default_factory=default_dictionary, repr=False)

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.frame)

    @classmethod
    def create(cls, frame: pd.DataFrame, role: Role, about: About, d: Dictionary | None = None) -> Self:
        """Type and validate a frame, against the AML dictionary when none is given.

        Raises
        ------
        DataError
            The frame has errors in this role; the message lists the first of them.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> about = About(name="ten", title="Ten", simulated=True, statement="Simulated.")
        >>> Cohort.create(reference_cohort(n=20).frame.head(10), "original", about).n
        10
        """
        d = d or default_dictionary()
        typed = to_typed(frame, d, source=about.name)
        validate(typed, role, d).raise_if_failed(about.name)
        return cls(typed, role, about, d)

    def validation(self) -> ValidationReport:
        """Validate again, for the warnings.

        Examples
        --------
        >>> from amlsynth import reference_cohort
        >>> reference_cohort(n=20).validation().ok
        True
        """
        return validate(self.frame, self.role, self.dictionary)


def read_cohort(path: Path, role: Role, d: Dictionary | None = None) -> Cohort:
    """Read and validate a CSV or Parquet file, with the FILE.about.json beside it where there is one.

    The AML dictionary is taken when none is given.

    Raises
    ------
    UsageError, DataError
        The file cannot be read, breaks the dictionary, or was written under one that reads it differently.

    Examples
    --------
    >>> from amlsynth import reference_cohort, write_cohort
    >>> write_cohort(reference_cohort(n=50), folder / "fifty.csv")
    >>> read_cohort(folder / "fifty.csv", "original").n
    50
    """
    path, d = Path(path), d or default_dictionary()
    frame = read_table(path, d)
    validate(frame, role, d).raise_if_failed(str(path))
    return Cohort(frame, role, read_about(path), d)


def require_cohort(cohort: object) -> None:
    """Refuse whatever is no cohort, a data frame above all, which does not say what it is; UsageError."""
    if not isinstance(cohort, Cohort):
        raise UsageError(
            f"a Cohort is asked for here, but not {type(cohort).__name__}. amlsynth.read_cohort(PATH, "
            '"original") reads one; Cohort.create(frame, "original", About(...)) makes one of a data frame.'
        )


def write_cohort(cohort: Cohort, path: Path) -> None:
    """Write the table, and what is known about it to FILE.about.json.

    Examples
    --------
    >>> from amlsynth import read_cohort, reference_cohort
    >>> write_cohort(reference_cohort(n=50), folder / "cohort.parquet")
    >>> read_cohort(folder / "cohort.parquet", "original").about.simulated
    True
    """
    require_cohort(cohort)
    path = Path(path)
    file_kind(path)  # refused by its own name, and not by that of the temporary file
    with replacing(path) as temporary:
        write_table(cohort.frame, temporary)
        # First, so that no table is ever without it.
        write_about(cohort.about, path, cohort.dictionary, sha256(temporary))


def write_about(about: About, path: Path, d: Dictionary, digest: str | None = None) -> None:
    """Write what is known about the table at `path` beside it, with its SHA-256 and its dictionary."""
    written_under = WrittenUnder.of(d).model_dump(mode="json")
    content = about.model_dump(mode="json") | {KEY: written_under, "sha256": digest or sha256(path)}
    write_text(about_path(path), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def import_record(about: About) -> dict[str, Any]:
    """Return what the cohort's import says of itself; {} of a cohort that was not imported."""
    imported = about.provenance.get("import")
    return imported if isinstance(imported, dict) else {}


def not_assessed(about: About) -> tuple[str, ...]:
    """Return the columns that the cohort's import declares as NA for all, since the source lacks them."""
    return tuple(str(name) for name in import_record(about).get("not_assessed", ()))


def declared_panels(about: About) -> tuple[tuple[str, ...], ...]:
    """Return the panels of columns that the cohort's import declares as assessed together or not at all.

    Raises
    ------
    DataError
        The record has something else than lists of columns there.
    """
    panels = import_record(about).get("panels", [])
    if not isinstance(panels, list) or not all(isinstance(panel, list) for panel in panels):
        raise DataError(
            f"The record of {about.name} (FILE.about.json) has panels that are no lists of columns. Write "
            'them as [["A", "B"], ["C", "D"]], or import the cohort again.'
        )
    return tuple(tuple(str(name) for name in panel) for panel in panels)


def read_about(path: Path) -> About:
    """Return what is known about the table at `path`, from the FILE.about.json beside it where there is one.

    Raises
    ------
    DataError
        That file is damaged, or describes other bytes than the table has.
    """
    beside = about_path(path)
    if not beside.exists():
        return About(
            name=path.stem,
            title=path.stem,
            simulated=False,
            statement=f"Read from {path.name}; nothing more is known about its origin.",
            provenance={"file": path.name, "sha256": sha256(path)},
        )
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
        expected = content.pop("sha256")
        content.pop(KEY, None)  # checked where the table is read
        about = About.model_validate(content)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        raise DataError(f"{beside}: not a description of a cohort. Remove it or make it again.") from error
    if expected != sha256(path):
        raise DataError(
            f"{path}: its content is not what {beside.name} describes (SHA-256 differs). "
            "If the table was edited on purpose, remove that file."
        )
    return about
