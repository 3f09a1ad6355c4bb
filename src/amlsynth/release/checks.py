"""The checks of verification: functions from the evidence of a release to what is wrong with it.

No check knows another. `checks` lists those that run always, `checks_of_sound_files` those that need files in
which nothing was wrong so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from amlsynth.cohort.validation import validate
from amlsynth.dictionary.table_schema import table_schema
from amlsynth.foundation.defaults import DECISION_FILE
from amlsynth.foundation.yamlfile import read_yaml
from amlsynth.release.checksums import CHECKSUMS, Problem, sha256_of
from amlsynth.release.derived_files import derived_problems
from amlsynth.release.evidence import Evidence
from amlsynth.release.file_names import PACKAGE, PROVENANCE, data_paths
from amlsynth.release.integrity import archive_problems
from amlsynth.release.package import DataPackage

# Frictionless reads row by row; of larger data it checks the first rows, and amlsynth checks all.
_FRICTIONLESS_ROWS = 20_000
_in_order: set[tuple[str | None, str | None]] = set()  # data packages and tables, by their SHA-256
_MAX_CITATION = 200_000  # bytes; it has about a thousand
_CITATION = "CITATION.cff"


class Check(NamedTuple):
    """A check, and the file and word that its failure is told under when it cannot be finished."""

    file: str
    name: str
    problems: Callable[[Evidence], Iterator[Problem]]


def checks() -> tuple[Check, ...]:
    """Return the checks that every release has to pass."""
    return (
        Check(PACKAGE, "missing", completeness_problems),
        Check(PACKAGE, "package", package_problems),
        Check(PACKAGE, "data", counts_problems),
        Check(PACKAGE, "data", table_problems),
        Check(_CITATION, "citation", citation_problems),
        Check("gates.json", "gates", gates_problems),
        Check(DECISION_FILE, "decision", decision_problems),
        Check(PROVENANCE, "provenance", provenance_problems),
    )


def checks_of_sound_files() -> tuple[Check, ...]:
    """Return the checks that make files again, which tells nothing where others are wrong."""
    return (
        Check(PACKAGE, "metadata", remade_problems),
        Check(PACKAGE, "guarantee", guarantee_problems),
        Check(PACKAGE, "archive", zip_problems),
    )


def completeness_problems(found: Evidence) -> Iterator[Problem]:
    """Yield files that are missing, or no part of a release."""
    if found.package is None:
        if PACKAGE not in found.sums and not found.copy.problems:
            message = "the file belongs to a release and is missing"
            yield Problem(file=PACKAGE, check="missing", message=message)
        return
    known = {problem.file for problem in found.copy.problems}
    expected = found.package.files
    listed = {*found.sums, CHECKSUMS}
    for name in sorted(expected - listed - known):
        yield Problem(file=name, check="missing", message="the file belongs to a release and is missing")
    for name in sorted(listed - expected):
        yield Problem(file=name, check="extra", message="the file is no part of a release")


def package_problems(found: Evidence) -> Iterator[Problem]:
    """Yield what datapackage.json says wrongly of its files and of the table."""
    package, d = found.package, found.d
    if package is None:
        return

    def problem(message: str) -> Problem:
        return Problem(file=PACKAGE, check="package", message=message)

    _ = package.date  # raises when there is no such day
    paths = package.data_files
    if tuple(file.path for file in package.described) != paths:
        last = f" to {paths[-1]}" if len(paths) > 2 else ""
        yield problem(f"its data files are not {paths[0]} and {paths[1]}{last}")
        return
    for resource in package.described:
        if resource.path not in found.sums:
            continue
        if resource.hash != f"sha256:{found.sums[resource.path]}":
            yield problem(f"the hash of {resource.path} is not that of SHA256SUMS")
        if resource.length != (found.folder / resource.path).stat().st_size:
            yield problem(f"the bytes of {resource.path} are not as many as it says")
    schema, own = table_schema(d), f"{d.name} {d.version}"
    if any(resource.table_schema != schema for resource in package.resources):
        yield problem(
            f"its table schema is not that of the dictionary {own} (the release names {package.follows}); "
            "verify it with the amlsynth that made it"
        )
        return
    if package.dictionary is not None and package.follows != own:
        yield problem(f"it names the dictionary {package.follows}, not {own}")
    if all(path in found.sums for path in paths):
        yield from frictionless_problems(found, package)


def frictionless_problems(found: Evidence, package: DataPackage) -> Iterator[Problem]:
    """Yield what frictionless finds wrong with the data package, and with the CSV, which Parquet equals.

    A release is verified several times on its way: what it found in order is remembered by the checksums.
    """
    from frictionless import Package

    csv = data_paths(package.name)[0]
    files = (found.sums.get(PACKAGE), found.sums.get(csv))
    if files in _in_order:
        return
    content = package.model_dump(mode="json", by_alias=True, exclude_none=True)
    described = Package.from_descriptor(content, basepath=str(found.folder))
    lines = (found.folder / csv).read_bytes().count(b"\n")
    limit = _FRICTIONLESS_ROWS if lines > _FRICTIONLESS_ROWS else None
    wrong = described.validate(name=package.name, limit_rows=limit).flatten(["type", "message"])
    for type_, message in wrong:
        yield Problem(file=PACKAGE, check="frictionless", message=f"{type_}: {message}")
    if not wrong and None not in files:
        _in_order.add(files)


def counts_problems(found: Evidence) -> Iterator[Problem]:
    """Yield numbers of patients and replicates that are told otherwise than the data have them."""
    package, made = found.package, found.provenance
    if package is None:
        return

    def problem(file: str, message: str) -> Problem:
        return Problem(file=file, check="data", message=message)

    cohort, *replicates = (found.frames.get(csv) for csv, _ in package.tables)
    if cohort is not None:
        if made and made.generator.n != len(cohort):
            told = made.generator.n
            yield problem(PROVENANCE, f"it tells of {told:,} patients, the data have {len(cohort):,}")
        if found.evaluation and found.evaluation.synthetic.n != len(cohort):
            told = found.evaluation.synthetic.n
            yield problem("evaluation.json", f"it evaluates {told:,} patients, the data have {len(cohort):,}")
    if made and made.generator.replicates != len(replicates):
        told = made.generator.replicates
        yield problem(PROVENANCE, f"it tells of {told} replicates, the release has {len(replicates)}")
    for frame, (csv, _) in zip(replicates, package.tables[1:], strict=True):
        told = package.replicates.patients if package.replicates else 0
        if frame is not None and len(frame) != told:
            message = f"{csv}: it tells of {told:,} patients in a replicate, this has {len(frame):,}"
            yield problem(PACKAGE, message)


def table_problems(found: Evidence) -> Iterator[Problem]:
    """Yield tables that break the dictionary, or whose two files do not hold the same."""
    for csv, parquet in found.package.tables if found.package else ():
        if csv not in found.frames:
            continue
        yield from rules_problems(found, csv)
        if parquet in found.frames and not found.frames[csv].equals(found.frames[parquet]):
            yield Problem(file=parquet, check="data", message=f"it does not hold the same data as {csv}")


def rules_problems(found: Evidence, csv: str) -> Iterator[Problem]:
    """Yield how a table breaks the dictionary."""
    report = validate(found.frames[csv], "synthetic", found.d)
    if not report.ok:
        yield Problem(file=csv, check="data", message=report.found.sentences(csv))


def citation_problems(found: Evidence) -> Iterator[Problem]:
    """Read CITATION.cff as programs do; `read_yaml` refuses what would take them hours."""
    if found.package is None or _CITATION not in found.sums:
        return
    if (found.folder / _CITATION).stat().st_size > _MAX_CITATION:
        message = "it has too many bytes for a citation"
        yield Problem(file=_CITATION, check="citation", message=message)
        return
    content, _ = read_yaml(found.folder / _CITATION, what="citation file")
    told = (content.get("title"), content.get("version")) if isinstance(content, dict) else None
    if told != (found.package.title, found.package.version):
        message = f"its title and version are not those of {PACKAGE}"
        yield Problem(file=_CITATION, check="citation", message=message)


def gates_problems(found: Evidence) -> Iterator[Problem]:
    """Yield required gates that were not passed, and gates with figures that were not measured."""
    if found.gates is None:
        return
    for gate in found.gates.failed:
        message = f"the required gate {gate.id!r} was not passed: {gate.reason}"
        yield Problem(file="gates.json", check="gates", message=message)
    if found.evaluation is None:
        return
    figures = {measure.id: measure.synthetic.value for measure in found.evaluation.measures}
    for gate in found.gates.gates:
        if gate.value != figures.get(gate.measure):
            message = f"the gate {gate.id!r} has another figure of {gate.measure} than evaluation.json"
            yield Problem(file="gates.json", check="gates", message=message)


def decision_problems(found: Evidence) -> Iterator[Problem]:
    """Hold decision.json against the figures and the gates that it was made of."""
    decision = found.decision
    if decision is None or found.evaluation is None or found.gates is None:
        return
    figures = {measure.id: measure.synthetic for measure in found.evaluation.measures}
    for row in decision.rows:
        if row.synthetic != figures.get(row.measure):
            message = f"it has another figure of {row.measure} than evaluation.json"
            yield Problem(file=DECISION_FILE, check="decision", message=message)
    if decision.verdict in ("publishable", "reservations") and not found.gates.passed:
        message = "it calls publishable what gates.json refuses"
        yield Problem(file=DECISION_FILE, check="decision", message=message)


def provenance_problems(found: Evidence) -> Iterator[Problem]:
    """Yield hashes and names of provenance.json that are not those of the release."""
    made, package = found.provenance, found.package
    if made is None:
        return

    def problem(message: str) -> Problem:
        return Problem(file=PROVENANCE, check="provenance", message=message)

    for name, digest in made.files.items():
        if name in found.sums and found.sums[name] != digest:
            yield problem(f"its hash of {name} is not that of SHA256SUMS")
    if package:
        for name in (*package.data_files, *package.record_files, PACKAGE):
            if name not in made.files:
                yield problem(f"it has no hash of {name}")
        if (made.name, made.version) != (package.name, package.version):
            names = f"{made.name} {made.version} and {package.name} {package.version}"
            yield problem(f"it and {PACKAGE} are of different releases: {names}")
    if sha256_of(made.spec.text.encode("utf-8")) != made.spec.sha256:
        yield problem("the text of the spec does not have the hash beside it")
    if found.gates and found.gates.profile != made.gate_profile:
        yield problem("it names another gate profile than gates.json")


def remade_problems(found: Evidence) -> Iterator[Problem]:
    """Yield metadata and exports that do not follow from the data."""
    if found.package is not None and found.provenance is not None and found.frame is not None:
        yield from derived_problems(found.folder, found.package, found.provenance, found.frame, found.d)


def guarantee_problems(found: Evidence) -> Iterator[Problem]:
    """Yield what a release with a guarantee promises wrongly."""
    package, made, frame = found.package, found.provenance, found.frame
    if package is None or made is None or frame is None or package.guarantee is None:
        return
    from amlsynth.release.public.verification import public_problems  # which brings the generator's room

    yield from public_problems(found.folder, package, made, frame, found.d)


def zip_problems(found: Evidence) -> Iterator[Problem]:
    """Yield how an archive is not what a build makes of its files."""
    if found.package is not None:
        yield from archive_problems(found.copy, found.package)
