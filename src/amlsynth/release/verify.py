"""Verification of a release: does a folder or zip hold exactly what a build wrote, and is it valid?

Nothing of the release is trusted. Content is only parsed when its checksum is as listed, links are not
followed, and nothing is written outside a temporary folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from amlsynth.cohort.tables import read_table
from amlsynth.cohort.validation import validate
from amlsynth.dictionary.carried import read_carried
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.dictionary.table_schema import table_schema
from amlsynth.evaluation.records import Evaluation
from amlsynth.foundation.defaults import DECISION_FILE, DICTIONARY_FILE
from amlsynth.foundation.errors import AmlsynthError, MissingExtraError, UsageError, require_extra
from amlsynth.foundation.files import restore_folder
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.text import unprintable_at
from amlsynth.foundation.yamlfile import read_yaml
from amlsynth.gates import GateReport
from amlsynth.release.checksums import Problem, sha256_of
from amlsynth.release.derived_files import derived_problems
from amlsynth.release.integrity import PrivateCopy, archive_problems, private_copy, rows_problems
from amlsynth.release.package import (
    PACKAGE,
    PROVENANCE,
    DataPackage,
    Provenance,
    data_paths,
    names_of,
    records_of,
)
from amlsynth.report.decision import Decision

# Frictionless reads row by row; of larger data it checks the first rows, and amlsynth checks all.
_FRICTIONLESS_ROWS = 20_000
_MAX_RECORD = 50_000_000  # bytes; evaluation.json, the largest, has about a million
_MAX_CITATION = 200_000  # bytes; it has about a thousand
_Model = TypeVar("_Model", bound=BaseModel)


class VerifyReport(StrictModel):
    """What verification found; `ok` when there is no problem."""

    path: str
    name: str | None
    version: str | None
    files: int  # whose bytes are as listed
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"ok": self.ok} | self.model_dump(mode="json")


def verify_release(path: Path, d: Dictionary | None = None, *, regenerate: bool = False) -> VerifyReport:
    """Verify a release folder or its zip.

    Checked are the archive's entries, SHA-256 of every file, missing and unlisted files,
    datapackage.json with frictionless, the data against the dictionary, that CSV and Parquet hold the
    same, that the gates were passed with the figures of evaluation.json and decision.json has these, the
    hashes in provenance.json, and that metadata and exports say what the data package and the data say. Of a
    release with a guarantee, which holds neither evaluation nor gates, the guarantee, its documents and the
    public evaluation are made again.

    Parameters
    ----------
    path : the folder or zip.
    d : the dictionary that the data have to follow, instead of the one that the release carries; releases of
        older versions carry none and follow the AML dictionary.
    regenerate : of a release with a guarantee, make the data again from its noisy sums alone, which takes ten
        seconds or so, and compare them.

    Returns
    -------
    VerifyReport
        All problems that were found; a bad release never raises.

    Raises
    ------
    UsageError
        There is nothing at `path`, or data cannot be made again.
    MissingExtraError
        frictionless is not installed.

    Examples
    --------
    >>> verify_release(release).ok
    True
    """
    path = Path(path)
    restore_folder(path)
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder or zip. Check the path.")
    require_extra("publish", "frictionless", "Verifying a release")
    if not path.is_dir() and not path.is_file():
        problem = Problem(file=path.name, check="archive", message="neither a folder nor a zip archive")
        return VerifyReport(path=str(path), name=None, version=None, files=0, problems=(problem,))
    with private_copy(path) as copy:
        return verify_copy(copy, str(path), d, regenerate=regenerate)


def verify_copy(
    copy: PrivateCopy, path: str, d: Dictionary | None = None, *, regenerate: bool = False
) -> VerifyReport:
    """Verify a private copy of the release at `path`, as `verify_release` does."""
    if copy.archive is not None and copy.top is None:  # not unpacked
        return VerifyReport(path=path, name=None, version=None, files=0, problems=copy.problems)
    verification = _Verification(copy, d)
    if copy.archive is not None:
        verification.attempt(copy.archive.name, "archive", verification.check_archive)
    if regenerate:
        verification.regenerate(path)
    return verification.report(path)


class _Verification:
    """One run over a folder: the steps add to `problems`."""

    def __init__(self, copy: PrivateCopy, d: Dictionary | None = None) -> None:
        self.copy, self.folder = copy, copy.folder
        self.good, self.problems = copy.sums, list(copy.problems)
        self.d = d or dictionary()
        if d is None and DICTIONARY_FILE in self.good:
            self.attempt(DICTIONARY_FILE, "dictionary", self._read_dictionary)
        self.package = self._read(PACKAGE, DataPackage)
        self.provenance = self._read(PROVENANCE, Provenance)
        # Of a release with a guarantee neither is there; what is there in their places is checked at the end.
        self.evaluation = self._read("evaluation.json", Evaluation)
        self.gates = self._read("gates.json", GateReport)
        self.frame: pd.DataFrame | None = None
        if self.package:
            self._check_complete(self.package)
        elif not self.problems:
            self.problem(PACKAGE, "missing", "the file belongs to a release and is missing")
        if self.package:
            self.attempt(PACKAGE, "package", self._check_package)
            self.attempt(PACKAGE, "data", self._check_data)
        self.attempt("CITATION.cff", "citation", self._check_citation)
        self.attempt("gates.json", "gates", self._check_gates)
        self.attempt(DECISION_FILE, "decision", self._check_decision)
        self.attempt(PROVENANCE, "provenance", self._check_provenance)
        self.attempt(PACKAGE, "metadata", self._check_derived)
        self.attempt(PACKAGE, "guarantee", self._check_guarantee)

    def report(self, path: str) -> VerifyReport:
        return VerifyReport(
            path=path,
            name=self.package.name if self.package else None,
            version=self.package.version if self.package else None,
            files=len(self.good),
            problems=tuple(self.problems),
        )

    def problem(self, file: str, check: str, message: str) -> None:
        self.problems.append(Problem(file=file, check=check, message=message))

    def attempt(self, file: str, check: str, step: Callable[[], None]) -> None:
        """Run a step; whatever a library raises on a hostile file is a problem of the release."""
        try:
            step()
        except MissingExtraError:
            raise
        except AmlsynthError as error:
            message = str(error).replace(f"{self.folder}/", "").replace(str(self.folder), "the release")
            self.problem(file, check, message)
        except Exception as error:
            self.problem(file, check, f"the check could not be finished ({type(error).__name__})")

    def check_archive(self) -> None:
        if not self.problems and self.package is not None:  # else the files are wrong, which says more
            self.problems += archive_problems(self.copy, self.package)

    def regenerate(self, source: str) -> None:
        """Make the data of a release in order again from its noisy sums.

        Raises
        ------
        UsageError
            It has no guarantee, or its data cannot be made again here.
        """
        package, made = self.package, self.provenance
        if self.problems or package is None or made is None or self.frame is None:
            return
        if package.guarantee is None:
            raise UsageError(f"{source}: it has no noisy sums to make its data from. Leave --regenerate out.")
        from amlsynth.release.public.verification import regenerated_problems

        try:
            self.problems += regenerated_problems(self.folder, package, made, self.frame, self.d)
        except UsageError as error:
            raise UsageError(str(error).replace(str(self.folder), source)) from None

    def _read_dictionary(self) -> None:
        self.d = read_carried(self.folder / DICTIONARY_FILE)

    def _read(self, name: str, model: type[_Model]) -> _Model | None:
        """Read a JSON record whose checksum is right; otherwise a problem is known already."""
        if name not in self.good:
            return None
        try:
            content = (self.folder / name).read_bytes()
            if len(content) > _MAX_RECORD:
                raise ValueError("too many bytes")
            odd = unprintable_at(json.loads(content))
            if odd:
                self.problem(name, "record", f"it has control characters at {odd}, which no release has")
                return None
            return model.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the top"
            self.problem(
                name, "record", f"not as this version of amlsynth writes it, at {place}: {first['msg']}"
            )
        except (OSError, ValueError, RecursionError) as error:
            self.problem(name, "record", f"cannot be read ({type(error).__name__})")
        return None

    def _check_complete(self, package: DataPackage) -> None:
        known = {problem.file for problem in self.problems}
        expected = names_of(package)
        listed = {*self.good, "SHA256SUMS"}
        for name in sorted(expected - listed - known):
            self.problem(name, "missing", "the file belongs to a release and is missing")
        for name in sorted(listed - expected):
            self.problem(name, "extra", "the file is no part of a release")

    def _check_package(self) -> None:
        package = self.package
        assert package is not None
        _ = package.date  # raises when there is no such day
        paths = package.data_files
        if tuple(file.path for file in package.described) != paths:
            last = f" to {paths[-1]}" if len(paths) > 2 else ""
            self.problem(PACKAGE, "package", f"its data files are not {paths[0]} and {paths[1]}{last}")
            return
        for resource in package.described:
            if resource.path not in self.good:
                continue
            if resource.hash != f"sha256:{self.good[resource.path]}":
                self.problem(PACKAGE, "package", f"the hash of {resource.path} is not that of SHA256SUMS")
            if resource.bytes != (self.folder / resource.path).stat().st_size:
                self.problem(PACKAGE, "package", f"the bytes of {resource.path} are not as many as it says")
        schema, own = table_schema(self.d), f"{self.d.name} {self.d.version}"
        if any(resource.table_schema != schema for resource in package.resources):
            message = (
                f"its table schema is not that of the dictionary {own} (the release names "
                f"{package.follows}); verify it with the amlsynth that made it"
            )
            self.problem(PACKAGE, "package", message)
            return
        if package.dictionary is not None and package.follows != own:
            self.problem(PACKAGE, "package", f"it names the dictionary {package.follows}, not {own}")
        if all(path in self.good for path in paths):
            self._check_with_frictionless(package)

    def _check_with_frictionless(self, package: DataPackage) -> None:
        from frictionless import Package

        content = package.model_dump(mode="json", by_alias=True, exclude_none=True)
        described = Package.from_descriptor(content, basepath=str(self.folder))
        lines = (self.folder / data_paths(package.name)[0]).read_bytes().count(b"\n")
        limit = _FRICTIONLESS_ROWS if lines > _FRICTIONLESS_ROWS else None
        for type_, message in described.validate(limit_rows=limit).flatten(["type", "message"]):
            self.problem(PACKAGE, "frictionless", f"{type_}: {message}")

    def _check_data(self) -> None:
        package, made = self.package, self.provenance
        assert package is not None
        self.frame, rows = self._check_table(package.tables[0])
        if made and rows is not None and made.generator.n != rows:
            message = f"it tells of {made.generator.n:,} patients, the data have {rows:,}"
            self.problem(PROVENANCE, "data", message)
        if self.evaluation and rows is not None and self.evaluation.synthetic.n != rows:
            message = f"it evaluates {self.evaluation.synthetic.n:,} patients, the data have {rows:,}"
            self.problem("evaluation.json", "data", message)
        replicates = package.tables[1:]
        if made and made.generator.replicates != len(replicates):
            message = f"it tells of {made.generator.replicates} replicates, the release has {len(replicates)}"
            self.problem(PROVENANCE, "data", message)
        for table in replicates:
            assert package.replicates is not None
            _, rows = self._check_table(table)
            if rows is not None and rows != package.replicates.patients:
                message = (
                    f"it tells of {package.replicates.patients:,} patients in a replicate, this has {rows:,}"
                )
                self.problem(PACKAGE, "data", f"{table[0]}: {message}")

    def _check_table(self, table: tuple[str, str]) -> tuple[pd.DataFrame | None, int | None]:
        """Check that both files of a table hold the same valid data; return them, and how many rows."""
        csv, parquet = table
        if csv not in self.good or parquet not in self.good:
            return None, None
        unreadable = list(rows_problems(self.copy, table, len(self.d.names)))
        self.problems += unreadable
        if unreadable:
            return None, None
        frames: dict[str, pd.DataFrame] = {}
        for path in table:
            self.attempt(path, "data", partial(self._read_data, path, frames))
        if csv in frames:
            self.attempt(csv, "data", lambda: validate(frames[csv], "synthetic", self.d).raise_if_failed(csv))
        if len(frames) == 2 and not frames[csv].equals(frames[parquet]):
            self.problem(parquet, "data", f"it does not hold the same data as {csv}")
        return frames.get(parquet), len(frames[csv]) if csv in frames else None

    def _read_data(self, path: str, frames: dict[str, pd.DataFrame]) -> None:
        frames[path] = read_table(self.folder / path, self.d)

    def _check_citation(self) -> None:
        """Read CITATION.cff as programs do; `read_yaml` refuses what would take them hours."""
        if self.package is None or "CITATION.cff" not in self.good:
            return
        if (self.folder / "CITATION.cff").stat().st_size > _MAX_CITATION:
            self.problem("CITATION.cff", "citation", "it has too many bytes for a citation")
            return
        content, _ = read_yaml(self.folder / "CITATION.cff", what="citation file")
        told = (content.get("title"), content.get("version")) if isinstance(content, dict) else None
        if told != (self.package.title, self.package.version):
            self.problem("CITATION.cff", "citation", f"its title and version are not those of {PACKAGE}")

    def _check_derived(self) -> None:
        if self.problems or self.package is None or self.provenance is None or self.frame is None:
            return  # the data themselves are wrong, which says more
        rows = len(self.frame)
        self.problems += derived_problems(self.folder, self.package, self.provenance, rows, self.d)

    def _check_guarantee(self) -> None:
        package, made = self.package, self.provenance
        if (
            self.problems
            or package is None
            or made is None
            or self.frame is None
            or package.guarantee is None
        ):
            return
        from amlsynth.release.public.verification import public_problems  # which brings the generator's room

        self.problems += public_problems(self.folder, package, made, self.frame, self.d)

    def _check_gates(self) -> None:
        if self.gates is None:
            return
        for gate in self.gates.failed:
            self.problem(
                "gates.json", "gates", f"the required gate {gate.id!r} was not passed: {gate.reason}"
            )
        if self.evaluation is None:
            return
        figures = {measure.id: measure.synthetic.value for measure in self.evaluation.measures}
        for gate in self.gates.gates:
            if gate.value != figures.get(gate.measure):
                message = f"the gate {gate.id!r} has another figure of {gate.measure} than evaluation.json"
                self.problem("gates.json", "gates", message)

    def _check_decision(self) -> None:
        """Hold decision.json against the figures and the gates that it was made of."""
        if self.package is None or self.package.decision is None:
            return
        decision = self._read(DECISION_FILE, Decision)
        if decision is None or self.evaluation is None or self.gates is None:
            return
        figures = {measure.id: measure.synthetic for measure in self.evaluation.measures}
        for row in decision.rows:
            if row.synthetic != figures.get(row.measure):
                message = f"it has another figure of {row.measure} than evaluation.json"
                self.problem(DECISION_FILE, "decision", message)
        if decision.verdict in ("publishable", "reservations") and not self.gates.passed:
            self.problem(DECISION_FILE, "decision", "it calls publishable what gates.json refuses")

    def _check_provenance(self) -> None:
        made = self.provenance
        if made is None:
            return
        for name, digest in made.files.items():
            if name in self.good and self.good[name] != digest:
                self.problem(PROVENANCE, "provenance", f"its hash of {name} is not that of SHA256SUMS")
        if self.package:
            for name in (*self.package.data_files, *records_of(self.package), PACKAGE):
                if name not in made.files:
                    self.problem(PROVENANCE, "provenance", f"it has no hash of {name}")
            if (made.name, made.version) != (self.package.name, self.package.version):
                found = f"{made.name} {made.version} and {self.package.name} {self.package.version}"
                self.problem(PROVENANCE, "provenance", f"it and {PACKAGE} are of different releases: {found}")
        if sha256_of(made.spec.text.encode("utf-8")) != made.spec.sha256:
            self.problem(PROVENANCE, "provenance", "the text of the spec does not have the hash beside it")
        if self.gates and self.gates.profile != made.gate_profile:
            self.problem(PROVENANCE, "provenance", "it names another gate profile than gates.json")
