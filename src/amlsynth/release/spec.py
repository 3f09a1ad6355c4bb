"""The release spec: the one YAML file that says what a release is made of."""

from __future__ import annotations

import datetime
import re
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator as After
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.rule import MIN_CELL
from amlsynth.foundation.addresses import plain_doi
from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import DEFAULT_DICTIONARY, MOST_PATIENTS, MOST_REPLICATES
from amlsynth.foundation.defaults import NAME_PATTERN as NAME_PATTERN
from amlsynth.foundation.errors import UsageError, did_you_mean
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.yamlfile import line_of, misplaced, read_yaml, read_yaml_model
from amlsynth.generators.params_file import Value, read_params
from amlsynth.release.versions import Version

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories that no file format of a release takes well


def read_spec(path: Path) -> ReleaseSpec:
    """Read a release spec.

    Raises
    ------
    UsageError
        The file is missing, broken or wrong; the sentences name file, line, key and remedy.
    """
    spec = read_yaml_model(path, ReleaseSpec, what="release spec")
    return spec.model_copy(update={"generator": _with_params_file(spec, path)})


def license_text(identifier: str) -> str:
    """Return the notice of a licence that releases can be under."""
    return (asset("release/licenses") / f"{identifier}.txt").read_text(encoding="utf-8")


def _one_line(text: str) -> str:
    if _CONTROL & {unicodedata.category(character) for character in text}:
        raise ValueError("must be one line of text without control characters")
    return text


def _plain(text: str) -> str:
    if _CONTROL & {unicodedata.category(character) for character in text.replace("\n", "")}:
        raise ValueError("must be text without control characters")
    return text


def _semantic(text: Any) -> Any:
    if not isinstance(text, str):  # YAML reads 1.0 as a number
        raise ValueError("write the version in quotes as MAJOR.MINOR.PATCH, such as '1.2.0'")
    return Version(text).text


def _iso_date(value: Any) -> Any:
    # pydantic alone would read the number 20261120 as seconds since 1970.
    if isinstance(value, datetime.datetime) or not isinstance(value, str | datetime.date):
        raise ValueError("write the date as YYYY-MM-DD")
    date = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)
    if not 1980 <= date.year <= 2107:
        raise ValueError("the year must be from 1980 to 2107, which is what a zip archive can hold")
    return date


def _orcid(text: str) -> str:
    text = text.removeprefix("https://orcid.org/")
    if not re.fullmatch(r"(?:[0-9]{4}-){3}[0-9]{3}[0-9X]", text, re.ASCII):
        raise ValueError("write the ORCID as 0000-0002-1825-0097")
    total = 0  # the check digit is ISO 7064, MOD 11-2
    for digit in text.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    if "0123456789X"[(12 - total % 11) % 11] != text[-1]:
        raise ValueError("the ORCID's last digit does not fit the others; correct the typo")
    return text


def _ror(text: str) -> str:
    text = text.removeprefix("https://ror.org/")
    if not re.fullmatch(rf"0[{_CROCKFORD}]{{6}}[0-9]{{2}}", text, re.ASCII):
        raise ValueError("write the ROR as 04xfq0f34, as ror.org shows it for an institution")
    number = 0  # the two check digits are ISO 7064, MOD 97-10
    for letter in text[:-2]:
        number = number * 32 + _CROCKFORD.index(letter)
    if f"{98 - number * 100 % 97:02}" != text[-2:]:
        raise ValueError("the ROR's last two digits do not fit the others; correct the typo")
    return text


def _identifier(text: str) -> str:
    if re.match(r"https?://(?!(?:dx\.)?doi\.org/)", text, re.IGNORECASE):
        return text
    try:
        return plain_doi(text)
    except ValueError:
        raise ValueError("write a DOI such as 10.1038/s41746-024-01076-x, or an https:// address") from None


def _license(identifier: str) -> str:
    known = sorted(path.stem for path in asset("release/licenses").glob("*.txt"))
    if identifier not in known:
        hint = did_you_mean(identifier, known)
        raise ValueError(f"releases can be under {', '.join(known)}, by their SPDX identifiers.{hint}")
    return identifier


def _relative(text: str) -> str:
    windows = PureWindowsPath(text)
    if PurePosixPath(text).is_absolute() or windows.drive or windows.root or text.startswith("~"):
        # The spec travels with the release, which holds no path of a machine.
        raise ValueError("write the path relative to the folder of the spec, such as ../cohorts/mine.csv")
    return text


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Line = Annotated[str, StringConstraints(min_length=1, max_length=300), After(_one_line)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Count = Annotated[int, Field(strict=True, ge=1, le=MOST_PATIENTS)]
RelativePath = Annotated[str, StringConstraints(min_length=1), After(_one_line), After(_relative)]
Community = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)]


class _Entry(StrictModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Creator(_Entry):
    """Who made the data set; "Family, Given" for a person, the plain name for a group.

    `ror` is the identifier of the affiliation in the Research Organization Registry, or that of the group.
    """

    name: Line
    orcid: Annotated[str, After(_orcid)] | None = None
    affiliation: Line | None = None
    ror: Annotated[str, After(_ror)] | None = None

    @model_validator(mode="after")
    def _ror_of_something(self) -> Self:
        if self.ror and "," in self.name and not self.affiliation:
            raise ValueError("a ror is of an institution: name it as the affiliation beside it")
        return self


class Contributor(Creator):
    """Who helped without being an author, and as what, in the words of DataCite."""

    type: Literal[
        "ContactPerson", "DataCollector", "DataCurator", "DataManager", "Distributor", "Editor",
        "HostingInstitution", "Producer", "ProjectLeader", "ProjectManager", "ProjectMember",
        "RegistrationAgency", "RegistrationAuthority", "RelatedPerson", "Researcher", "ResearchGroup",
        "RightsHolder", "Sponsor", "Supervisor", "WorkPackageLeader", "Other",
    ]  # fmt: skip


class RelatedIdentifier(_Entry):
    """Another work, and what the data set is to it, in the words of DataCite as Zenodo spells them."""

    identifier: Annotated[Line, After(_identifier)]
    relation: Literal[
        "isCitedBy", "cites", "isSupplementTo", "isSupplementedBy", "isContinuedBy", "continues",
        "isDescribedBy", "describes", "hasMetadata", "isMetadataFor", "isPartOf", "hasPart",
        "isReferencedBy", "references", "isDocumentedBy", "documents", "isCompiledBy", "compiles",
        "isVariantFormOf", "isOriginalFormOf", "isIdenticalTo", "isReviewedBy", "reviews",
        "isDerivedFrom", "isSourceOf", "isRequiredBy", "requires", "isObsoletedBy", "obsoletes",
    ]  # fmt: skip
    resource_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)?$", max_length=60)] | None = (
        None  # such as "publication-article"
    )


class CohortSource(_Entry):
    """Where the original comes from: the reference cohort, AMLSG, or a file of one's own."""

    source: Literal["reference", "amlsg", "file"]
    n: Count | None = None
    seed: Seed | None = None
    path: RelativePath | None = None
    mapping: RelativePath | None = None
    folder: RelativePath | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        allowed = {"reference": ("n", "seed"), "amlsg": ("folder",), "file": ("path", "mapping")}
        for key in ("n", "seed", "path", "mapping", "folder"):
            if getattr(self, key) is not None and key not in allowed[self.source]:
                takes = " and ".join(allowed[self.source])
                raise misplaced((key,), f"the source {self.source!r} takes {takes}, not {key}")
        needed = {"reference": ("n", "seed"), "amlsg": (), "file": ("path",)}[self.source]
        for key in needed:
            if getattr(self, key) is None:
                raise misplaced(("source",), f"the source {self.source!r} needs the key {key!r}; add it")
        return self


class SplitPart(_Entry):
    seed: Seed
    holdout: Annotated[float, Field(strict=True, ge=0.05, le=0.5)] = 0.2


class GeneratorPart(_Entry):
    """The generator by name and parameters, or by the file of them that `tune` wrote; `params` override.

    `measurements` names the noisy sums that a generator with a guarantee is fitted to. With them `n` may be
    left out, and is then the number of patients that the sums let expect: the exact one is not to be told.
    `replicates` are further cohorts of fits of their own, of `replicate_n` patients each, to pool estimates
    of.
    """

    name: Line = ""
    params: dict[str, Value] = Field(default_factory=dict)
    params_file: RelativePath | None = None
    measurements: Annotated[tuple[RelativePath, ...], BeforeValidator(_listed)] = ()
    n: Count | None = None
    replicates: Annotated[int, Field(strict=True, ge=0, le=MOST_REPLICATES)] = 0
    replicate_n: Count | None = None
    seed: Seed

    @model_validator(mode="after")
    def _replicated(self) -> Self:
        if self.replicates == 1:
            raise misplaced(
                ("replicates",), f"estimates are pooled over several; write 2 to {MOST_REPLICATES}, or 0"
            )
        if self.replicate_n is not None and not self.replicates:
            raise misplaced(
                ("replicate_n",), "there are no replicates; add the key 'replicates', or leave it"
            )
        return self

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name and self.params_file is None:
            raise misplaced(("name",), "the key 'name' is missing; add it, or a params_file that tune wrote")
        if self.n is None and not self.measurements:
            raise misplaced(("n",), "the key 'n', the number of patients, is missing; add it")
        return self


class ElsewherePart(_Entry):
    """A synthetic cohort that was made elsewhere, in place of a generator: its file, and by whom or what.

    It has to be made from the training part of the spec's cohort and split, or privacy is not measured.
    """

    path: RelativePath
    made_by: Line


class EvaluationPart(_Entry):
    seed: Seed


class DisclosurePart(_Entry):
    """The smallest count of patients that is shown; of a simulated original everything is."""

    min_cell: Annotated[int, Field(strict=True, ge=3, le=100)] = MIN_CELL


class GatesPart(_Entry):
    """The gate profile, of the package's gates.yaml or of an own file of the same form."""

    profile: Line
    file: RelativePath | None = None


Export = Literal["adam"]  # formats that a release can hold beside its table
EXPORTS: tuple[Export, ...] = ("adam",)


class ReleaseSpec(_Entry):
    """Everything that decides the content of a release; `date` is the only date in it."""

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}$", max_length=64)]
    version: Annotated[str, BeforeValidator(_semantic)]
    title: Line
    description: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True), After(_plain)]
    date: Annotated[datetime.date, BeforeValidator(_iso_date)]
    license: Annotated[str, After(_license)]
    creators: Annotated[tuple[Creator, ...], Field(min_length=1)]
    contributors: tuple[Contributor, ...] = ()
    keywords: tuple[Line, ...] = ()
    related_identifiers: tuple[RelatedIdentifier, ...] = ()
    communities: tuple[Community, ...] = ()  # of Zenodo
    publisher: Line | None = None  # the house that publishes it, where that is not Zenodo
    # Of data made from patients: whom to ask, who allowed it, and on what ground; who paid.
    contact: Line | None = None
    ethics: Line | None = None
    legal_basis: Line | None = None
    funding: tuple[Line, ...] = ()
    dictionary: RelativePath = DEFAULT_DICTIONARY  # a name that amlsynth carries, or a file beside the spec
    cohort: CohortSource
    split: SplitPart
    generator: GeneratorPart  # of a cohort that was made elsewhere: what it was made by, and nothing else
    synthetic: ElsewherePart | None = None
    evaluation: EvaluationPart
    gates: GatesPart
    disclosure: DisclosurePart = DisclosurePart()
    exports: tuple[Export, ...] = EXPORTS  # an empty list switches them off
    changes: Annotated[tuple[Line, ...], Field(min_length=1)]
    previous: RelativePath | None = None  # folder or zip of the version before, for the changelog

    @model_validator(mode="before")
    @classmethod
    def _made_elsewhere(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("synthetic") is None:
            return content
        if "generator" in content:
            raise misplaced(
                ("synthetic",),
                "a cohort that was made elsewhere has no generator here; leave one out",
            )
        made = content["synthetic"]
        name = made.get("made_by") if isinstance(made, dict) else None
        # A placeholder where the name is wrong, which is then told of the key itself
        return content | {"generator": {"name": name or "elsewhere", "n": 1, "seed": 0}}

    @property
    def stem(self) -> str:
        """Name and version as the release's folder and archive are called."""
        return f"{self.name}-{self.version}"


def check_generator(spec: ReleaseSpec, path: Path, d: Dictionary) -> None:
    """Refuse a generator that cannot be made or whose output must not leave.

    Raises
    ------
    UsageError
        The generator or a parameter is unknown, or it is an anchor, whose output must not leave.
    """
    from amlsynth.generators import create

    if spec.synthetic is not None:
        return
    try:
        generator = create(spec.generator.name, spec.generator.params, d)
        if spec.generator.replicates:
            generator.check_replicates()
    except UsageError as error:
        raise UsageError(f"{path}:{_line(path)}: generator: {error}") from error
    _check_measurements(spec, path, generator.guarantee)
    if not generator.releasable:
        raise UsageError(
            f"{path}:{_line(path)}: generator: {spec.generator.name!r} is an anchor for comparison and never "
            "released. Choose another generator, such as 'event-history'."
        )


def _check_measurements(spec: ReleaseSpec, path: Path, guarantee: bool) -> None:
    """A generator with a guarantee draws its noise once; a release is built from what was drawn."""
    from amlsynth.generators.private.sums import read_sums

    if guarantee and not spec.generator.measurements:
        raise UsageError(
            f"{path}:{_line(path)}: generator: {spec.generator.name!r} is released from a noisy sum that was "
            "drawn once, so that the same spec gives the same bytes. Draw it with `amlsynth measure "
            f"--cohort FILE --split-seed {spec.split.seed} --out NAME.sums.json`, and add the key "
            "'measurements'."
        )
    for name in spec.generator.measurements:
        read_sums(path.parent / name)  # what is wrong with it is told now and not after the work
    if spec.generator.measurements and not guarantee:
        raise UsageError(
            f"{path}:{_line(path)}: generator: {spec.generator.name!r} takes no measurements. Leave the key "
            "out, or take the generator private."
        )


def _with_params_file(spec: ReleaseSpec, path: Path) -> GeneratorPart:
    """Return the generator of a spec with what its params_file says, which is then in the provenance."""
    part = spec.generator
    if part.params_file is None:
        return part
    found = read_params(path.parent / part.params_file)
    if part.name not in ("", found.generator.name):
        raise UsageError(
            f"{path}:{_line(path)}: generator: the parameters of {part.params_file} are of "
            f"{found.generator.name}, and the spec names {part.name}. Leave one out."
        )
    try:
        found.check_split(Path(part.params_file), spec.split.seed, spec.split.holdout)
    except UsageError as error:
        raise UsageError(f"{path}:{_line(path)}: generator: {error}") from error
    return part.model_copy(update={"name": found.generator.name, "params": {**found.params, **part.params}})


def _line(path: Path) -> int:
    return line_of(read_yaml(path, what="release spec")[1], ("generator",))
