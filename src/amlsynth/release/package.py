"""The machine-readable records of a release: datapackage.json and provenance.json.

Both are pydantic models that forbid unknown keys, so that `verify` and `load` read exactly what
`build` wrote, and a descriptor that points elsewhere is refused before any library opens it.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from amlsynth.foundation.addresses import DOI_PATTERN, doi_of, doi_url
from amlsynth.foundation.defaults import (
    DEFAULT_DICTIONARY,
    MOST_REPLICATES,
    NAME_PATTERN,
)
from amlsynth.foundation.defaults import PACKAGE as PACKAGE
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.release.file_names import data_paths, file_names, record_files
from amlsynth.release.spec import Export
from amlsynth.release.versions import checked_version

if TYPE_CHECKING:  # `load` needs this module and none of what validates a cohort
    pass

Name = Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}$", max_length=64)]
VersionText = Annotated[str, AfterValidator(checked_version)]
Kernel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _https(address: str) -> str:
    """Return an address that a page may link to; a script is one, too, for a browser."""
    if not re.fullmatch(r"https://[!-~]{1,500}", address):
        raise ValueError("must be an https:// address")
    return address


def _work(identifier: str) -> str:
    """Return a DOI, or an address that a page may link to."""
    return identifier if re.fullmatch(DOI_PATTERN, identifier) else _https(identifier)


class _Record(StrictModel):
    model_config = ConfigDict(populate_by_name=True)

    def json_text(self) -> str:
        """Return the record as JSON text, keys in the model's order."""
        return self.model_dump_json(indent=1, by_alias=True) + "\n"


class License(_Record):
    name: str
    title: str
    path: Annotated[str, AfterValidator(_https)]


class Contributor(_Record):
    title: str
    roles: tuple[str, ...] = ("creator",)
    organization: str | None = None
    path: Annotated[str, AfterValidator(_https)] | None = None  # the ORCID
    ror: Annotated[str, AfterValidator(_https)] | None = None  # of the organization, or of the group


class Resource(_Record):
    profile: Literal["https://datapackage.org/profiles/2.0/dataresource.json"] = Field(alias="$schema")
    name: str
    path: str
    type: Literal["table"] | None = None
    title: str
    format: Literal["csv", "parquet", "pq"]  # the last in releases of older versions
    mediatype: str
    encoding: Literal["utf-8"] | None = None
    bytes: int | None = None  # of Parquet below: frictionless counts none in a table that is no text
    size: int | None = None
    hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    table_schema: dict[str, Any] = Field(alias="schema")

    @property
    def length(self) -> int | None:
        """Size of the file in bytes."""
        return self.bytes if self.size is None else self.size


class ReplicateFile(_Record):
    path: str
    bytes: int
    hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

    @property
    def length(self) -> int:
        """Size of the file in bytes."""
        return self.bytes


class Replicates(_Record):
    """Further cohorts, each of a fit of its own, to pool estimates of; tables as the resources describe."""

    patients: Annotated[int, Field(ge=1)]  # in each
    rule: Literal["fully-synthetic"]  # by which estimates are pooled
    files: Annotated[tuple[ReplicateFile, ...], Field(min_length=4, max_length=2 * MOST_REPLICATES)]


class Related(_Record):
    """Another work, and what the data set is to it, in DataCite's words."""

    identifier: Annotated[str, AfterValidator(_work)]  # a DOI or an https address
    relation: Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z]{3,30}$")]
    resource_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)?$")] | None = None

    @property
    def doi(self) -> str | None:
        """Its DOI, if it has one."""
        return doi_of(self.identifier)

    @property
    def address(self) -> str:
        """Where the work is found."""
        return doi_url(self.doi) if self.doi else self.identifier


class Guarantee(_Record):
    """The differential privacy of a release, for one patient of those that were measured.

    With several sums each patient is in one of them only, so that the weakest budget among them holds for
    all.
    """

    epsilon: Annotated[float, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    neighbours: Literal["one patient added or removed"]
    replace_one_epsilon: Annotated[float, Field(gt=0)]  # at the same delta, for one patient replaced
    mechanism: Literal["discrete Gaussian"]
    sums: Annotated[int, Field(ge=1, le=100)]  # files of noisy sums that the release holds

    @property
    def sentence(self) -> str:
        """The guarantee in one sentence, for every place that says what the data are."""
        return (
            f"They carry a guarantee: differential privacy with epsilon {self.epsilon:g} and delta "
            f"{self.delta:.2g} for {self.neighbours} (PRIVACY.md)."
        )


class DataPackage(_Record):
    """datapackage.json: a Data Package of version 2 and, beside its words, those of amlsynth."""

    profile: Literal["https://datapackage.org/profiles/2.0/datapackage.json"] = Field(alias="$schema")
    id: Annotated[str, StringConstraints(pattern=rf"^{re.escape(doi_url(''))}{DOI_PATTERN}$")] | None = None
    name: Name
    version: VersionText
    title: str
    description: str
    created: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00Z$")]
    keywords: tuple[str, ...]
    licenses: tuple[License, ...]
    contributors: tuple[Contributor, ...]
    related: tuple[Related, ...] | None = None
    publisher: str | None = None  # where the spec names one
    contact: str | None = None  # likewise: whom to ask
    statement: str  # what the data are and are not
    citation: str
    original_is_simulated: bool
    dictionary: str | None = None  # its name; None in releases of older versions, which carry none
    dictionary_version: str
    endpoints: tuple[str, ...] | None = None  # those that the cohort has; None in releases of older versions
    decision: Literal["decision.json"] | None = None  # its file; None with a guarantee and in older releases
    report_pdf: Literal["report.pdf"] | None = None  # likewise
    exports: tuple[Export, ...] = ()  # formats beside the release's table
    guarantee: Guarantee | None = None  # of a public release; it then holds nothing exact of the original
    replicates: Replicates | None = None
    resources: tuple[Resource, Resource]

    @property
    def tables(self) -> tuple[tuple[str, str], ...]:
        """The CSV and the Parquet file of the cohort, and of each replicate in order."""
        count = len(self.replicates.files) // 2 if self.replicates else 0
        return tuple(data_paths(self.name, number) for number in range(count + 1))

    @property
    def data_files(self) -> tuple[str, ...]:
        """The files of `tables`, one after the other."""
        return tuple(path for table in self.tables for path in table)

    @property
    def files(self) -> frozenset[str]:
        """The names of all files that the release consists of."""
        return file_names(
            self.name,
            self.exports,
            dictionary=self.dictionary is not None,
            decision=self.decision is not None,
            pdf=self.report_pdf is not None,
            sums=self.guarantee.sums if self.guarantee else 0,
            replicates=len(self.tables) - 1,
        )

    @property
    def record_files(self) -> tuple[str, ...]:
        """The files that hold its figures, which its provenance has the hashes of."""
        return record_files(self.guarantee.sums if self.guarantee else 0)

    @property
    def described(self) -> tuple[Resource | ReplicateFile, ...]:
        """What is said of each data file; a release in order tells of those of `tables`, in their order."""
        return (*self.resources, *(self.replicates.files if self.replicates else ()))

    def json_text(self) -> str:
        # A Data Package leaves out what it does not know; null is no value in it.
        return self.model_dump_json(indent=1, by_alias=True, exclude_none=True) + "\n"

    @property
    def doi(self) -> str | None:
        """The DOI of this version, such as 10.5281/zenodo.8334265; None before one is reserved."""
        return self.id.removeprefix(doi_url("")) if self.id else None

    @property
    def follows(self) -> str:
        """Name and version of the dictionary that the data follow."""
        return f"{self.dictionary or DEFAULT_DICTIONARY} {self.dictionary_version}"

    @property
    def date(self) -> datetime.date:
        """The date of the release; ValueError when there is no such day."""
        return datetime.date.fromisoformat(self.created[:10])


class SpecRecord(_Record):
    file: str
    sha256: Digest
    text: str


class SplitRecord(_Record):
    seed: int
    holdout: float
    n_train: int | None = None  # with a guarantee the numbers of patients are not told
    n_holdout: int | None = None


class GeneratorRecord(_Record):
    name: str
    params: dict[str, Any]
    n: int
    replicates: int = 0
    replicate_n: int | None = None
    seed: int
    made_elsewhere: bool = (
        False  # the synthetic cohort was given as a file; parameters and seed are not known
    )
    measurements: tuple[str, ...] = ()  # files of noisy sums that a generator with a guarantee was fitted to
    # How many of the original's patients must carry something for its effects to be inferred; 0: no bound
    carriers_to_infer: int = 0
    steps: dict[str, float] = Field(default_factory=dict)  # in which its original's record says numbers are


class PreviousRecord(_Record):
    """The version that a release was compared with when it was built."""

    version: VersionText
    checksums: Digest  # SHA-256 of its SHA256SUMS


class Provenance(_Record):
    """provenance.json: from what, with what and by which steps the release was made."""

    schema_version: Literal["1"] = "1"
    name: Name
    version: VersionText
    date: datetime.date
    amlsynth: str
    python: str
    platform: str
    packages: dict[str, str]
    kernels: tuple[Kernel, ...] = ()  # of BLAS, on which the last bits of matrix products depend
    dictionary: str | None = None
    dictionary_version: str
    endpoints: tuple[str, ...] | None = None
    spec: SpecRecord
    cohort: dict[str, Any]  # `About` of the original, and its size; no row. With a guarantee its name alone
    split: SplitRecord
    generator: GeneratorRecord
    evaluation_seed: int
    gate_profile: str
    gates_passed: Literal[True] | None = None  # of a release that holds no gates.json
    previous: PreviousRecord | None = None
    guarantee: Guarantee | None = None  # of the release, in what stays in the house
    files: dict[str, Digest]  # the files that the report and the documents speak of
