"""The machine-readable records of a release: datapackage.json and provenance.json.

Both are pydantic models that forbid unknown keys, so that `verify` and `load` read exactly what
`build` wrote, and a descriptor that points elsewhere is refused before any library opens it.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import importlib.metadata
import platform
import re
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from amlsynth.foundation.addresses import DOI_PATTERN, doi_of, doi_url
from amlsynth.foundation.defaults import (
    CHECKSUMS,
    DECISION_FILE,
    DEFAULT_DICTIONARY,
    DICTIONARY_FILE,
    MOST_REPLICATES,
    NAME_PATTERN,
    REPORT_FILE,
    REPORT_PDF,
)
from amlsynth.foundation.defaults import PACKAGE as PACKAGE
from amlsynth.foundation.files import sha256
from amlsynth.foundation.kernels import blas_kernels
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.release.spec import EXPORTS, Export, ReleaseSpec
from amlsynth.release.versions import checked_version

if TYPE_CHECKING:  # `load` needs this module and none of what validates a cohort
    from amlsynth.dictionary.model import Dictionary

PROVENANCE = "provenance.json"
ZLIB = "zlib"  # of this Python, which deflates the archive
PUBLIC_EVALUATION = "public-evaluation.json"
R_SCRIPT = "load_release.R"
METADATA_FILES = (
    "croissant.json", "ro-crate-metadata.json", "datacite.json", "schema-org.json", R_SCRIPT,
)  # fmt: skip
ADAM_FILES = (
    "adam/adsl.json", "adam/adsl.xpt", "adam/adtte.json", "adam/adtte.xpt", "adam/define.xml",
    "adam/define.xsl",
)  # fmt: skip
_PROFILES = "https://datapackage.org/profiles/2.0"
_LICENSES = {
    "CC-BY-4.0": (
        "Creative Commons Attribution 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "CC0-1.0": ("Creative Commons Zero v1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
}
# The packages whose version can change the data or a figure.
_MATTERS = (
    "numpy", "pandas", "pyarrow", "pydantic", "pandera", "scipy", "scikit-learn", "lifelines",
    "statsmodels", "matplotlib", "pypandoc_binary", "typst", "torch", "zuko", "synthcity", "pyreadstat",
    "odmlib",
)  # fmt: skip

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


def data_paths(name: str, replicate: int = 0) -> tuple[str, str]:
    """Return the CSV and the Parquet file of a release, or of a replicate from 1 up, below its folder."""
    stem = f"data/{name}-{replicate:02}" if replicate else f"data/{name}"
    return f"{stem}.csv", f"{stem}.parquet"


def all_data_paths(name: str, replicates: int) -> tuple[str, ...]:
    """Return the data files of a release with so many replicates, relative to its folder."""
    return tuple(path for number in range(replicates + 1) for path in data_paths(name, number))


def sums_paths(count: int) -> tuple[str, ...]:
    """Return the files of the noisy sums of a release with a guarantee, relative to its folder."""
    return tuple(f"measurements/sum-{number}.json" for number in range(1, count + 1))


def file_names(
    name: str,
    exports: tuple[Export, ...] = EXPORTS,
    *,
    dictionary: bool = True,
    decision: bool = True,
    pdf: bool = True,
    sums: int = 0,
    replicates: int = 0,
) -> frozenset[str]:
    """Return the names of all files that a release with these exports consists of.

    `dictionary`, `decision` and `pdf`, the report on paper, say whether it carries these, as all do but those
    of older versions; `sums` how many noisy sums a release with a guarantee holds, in place of what was
    measured against the original; `replicates` how many cohorts there are beside the first.
    """
    documents = ("README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "CODEBOOK.md")
    told = ("PRIVACY.md", "EVALUATION.md") if sums else (REPORT_FILE,)
    records = (PACKAGE, PROVENANCE, CHECKSUMS, *_records(sums))
    exported = ADAM_FILES if "adam" in exports else ()
    carried = (
        *([DICTIONARY_FILE] if dictionary else []),
        *([DECISION_FILE] if decision and not sums else []),
        *([REPORT_PDF] if pdf and not sums else []),
    )
    data = all_data_paths(name, replicates)
    return frozenset((*data, *documents, *told, *records, *carried, *METADATA_FILES, *exported))


def names_of(package: DataPackage) -> frozenset[str]:
    """Return the names of all files that a release consists of."""
    return file_names(
        package.name,
        package.exports,
        dictionary=package.dictionary is not None,
        decision=package.decision is not None,
        pdf=package.report_pdf is not None,
        sums=package.guarantee.sums if package.guarantee else 0,
        replicates=len(package.tables) - 1,
    )


def records_of(package: DataPackage) -> tuple[str, ...]:
    """Return the files of a release that hold its figures, which its provenance has the hashes of."""
    return _records(package.guarantee.sums if package.guarantee else 0)


def _records(sums: int) -> tuple[str, ...]:
    return (PUBLIC_EVALUATION, *sums_paths(sums)) if sums else ("evaluation.json", "gates.json")


def describe_package(
    spec: ReleaseSpec,
    folder: Path,
    d: Dictionary,
    *,
    statement: str,
    citation: str,
    simulated: bool,
    endpoints: tuple[str, ...],
    guarantee: Guarantee | None = None,
    replicate_n: int = 0,
) -> DataPackage:
    """Describe the data files of a release folder, whose tables are of the dictionary `d`.

    `replicate_n` is the number of patients in each replicate, where the spec has some.
    """
    from amlsynth.dictionary.table_schema import table_schema

    title, path = _LICENSES[spec.license]
    csv, parquet = data_paths(spec.name)

    def resource(**own: Any) -> Resource:
        file = folder / own["path"]
        content = {
            "$schema": f"{_PROFILES}/dataresource.json",
            "type": "table",
            ("size" if own["format"] == "parquet" else "bytes"): file.stat().st_size,
            "hash": f"sha256:{sha256(file)}",
            "schema": table_schema(d),
        }
        return Resource.model_validate(content | own)

    return DataPackage.model_validate(
        {
            "$schema": f"{_PROFILES}/datapackage.json",
            "name": spec.name,
            "version": spec.version,
            "title": spec.title,
            "description": spec.description,
            "created": f"{spec.date.isoformat()}T00:00:00Z",
            "keywords": spec.keywords,
            "licenses": [License(name=spec.license, title=title, path=path)],
            "contributors": [
                Contributor(
                    title=creator.name,
                    organization=creator.affiliation,
                    path=f"https://orcid.org/{creator.orcid}" if creator.orcid else None,
                    ror=f"https://ror.org/{creator.ror}" if creator.ror else None,
                )
                for creator in spec.creators
            ],
            "related": tuple(Related(**entry.model_dump()) for entry in spec.related_identifiers) or None,
            "publisher": spec.publisher,
            "contact": spec.contact,
            "statement": statement,
            "citation": citation,
            "original_is_simulated": simulated,
            "dictionary": d.name,
            "dictionary_version": d.version,
            "endpoints": endpoints,
            "decision": None if guarantee else DECISION_FILE,
            "report_pdf": None if guarantee else REPORT_PDF,
            "exports": spec.exports,
            "guarantee": guarantee,
            "replicates": _replicates(spec, folder, replicate_n),
            "resources": [
                resource(
                    name=spec.name,
                    path=csv,
                    title=f"{spec.title} (CSV)",
                    format="csv",
                    mediatype="text/csv",
                    encoding="utf-8",
                ),
                resource(
                    name=f"{spec.name}-parquet",
                    path=parquet,
                    title=f"{spec.title} (Parquet)",
                    format="parquet",
                    mediatype="application/vnd.apache.parquet",
                ),
            ],
        }
    )


def with_files(package: DataPackage, folder: Path) -> DataPackage:
    """Return a data package with the sizes and hashes that its data files have now."""

    def now(entry: Any) -> Any:
        path = folder / entry.path
        key = "bytes" if entry.bytes is not None else "size"
        return entry.model_copy(update={key: path.stat().st_size, "hash": f"sha256:{sha256(path)}"})

    replicates = package.replicates
    if replicates is not None:
        replicates = replicates.model_copy(update={"files": tuple(map(now, replicates.files))})
    update = {"resources": tuple(map(now, package.resources)), "replicates": replicates}
    return package.model_copy(update=update)


def _replicates(spec: ReleaseSpec, folder: Path, patients: int) -> Replicates | None:
    paths = all_data_paths(spec.name, spec.generator.replicates)[2:]
    if not paths:
        return None
    files = tuple(
        ReplicateFile(path=path, bytes=(folder / path).stat().st_size, hash=f"sha256:{sha256(folder / path)}")
        for path in paths
    )
    return Replicates(patients=patients, rule="fully-synthetic", files=files)


def environment() -> dict[str, Any]:
    """Return what a rebuild to the same bytes needs: Python, platform, package versions and kernels."""
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "packages": dict(_installed()),
        "kernels": blas_kernels(),
    }


@functools.cache
def _installed() -> Mapping[str, str]:
    """Return the versions of the packages that matter, whose metadata are parsed once a process."""
    packages = {}
    for name in _MATTERS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            packages[name] = importlib.metadata.version(name)
    return packages | {ZLIB: zlib.ZLIB_RUNTIME_VERSION}
