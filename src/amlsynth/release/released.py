"""A release read for comparing it: its records, its schema, its rules and its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.carried import carried_dictionary
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.evaluation.records import Evaluation, read_evaluation
from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.foundation.files import restore_folder, scratch_folder, sha256
from amlsynth.foundation.yamlfile import read_yaml
from amlsynth.gates.verdict import GateReport
from amlsynth.release.checksums import CHECKSUMS
from amlsynth.release.file_names import PACKAGE, PROVENANCE, data_paths
from amlsynth.release.integrity import private_copy
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.versions import Version

# A row of the table of rules, as `schema.codebook` writes it: the only place of a release that has them.
_RULE = re.compile(
    r"^\| `(?P<id>\w+)` \| (?P<says>.*) \| (?:error|warning) \| (?P<severity>error|warning) \|$"
)
_RULES_HEADING = "## Rules between variables"


@dataclass(frozen=True)
class Released:
    """What is compared of a release.

    rules : by id, what the rule says and its severity in synthetic data.
    spec : the spec as plain data.
    checksums : SHA-256 of SHA256SUMS.
    gates, evaluation : None in a release with a guarantee, which holds neither.
    changelog : the entries of its CHANGELOG.md, from the first heading of a version on.
    """

    package: DataPackage
    provenance: Provenance
    gates: GateReport | None
    evaluation: Evaluation | None
    rules: dict[str, tuple[str, str]]
    rows: pd.DataFrame
    spec: dict[str, Any]
    checksums: str
    changelog: str

    @property
    def name(self) -> str:
        return self.package.name

    @property
    def version(self) -> Version:
        return Version(self.package.version)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of the table, as its Table Schema describes them."""
        return list(self.package.resources[0].table_schema.get("fields", []))


def read_verified(path: Path, d: Dictionary | None = None) -> Released:
    """Read a release folder or zip, after it is verified.

    Its data are held against the dictionary that it carries, or against `d`.

    Raises
    ------
    UsageError
        There is nothing at `path`.
    DataError
        The release is not in order; the sentence names the first problem.
    """
    from amlsynth.release.verify import verify_copy

    path = Path(path)
    restore_folder(path)
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder or zip. Check the path.")
    require_extra("publish", "frictionless", "Verifying a release")
    with private_copy(path) as copy:
        report = verify_copy(copy, str(path), d)
        if not report.ok:
            more = f" ({len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
            raise DataError(
                f"{path}: not a release in order: {report.problems[0]}{more}. Get it again; amlsynth release "
                "verify lists all problems."
            )
        try:
            return read_released(copy.folder, d)
        except UsageError as error:  # its files are hostile, for verify takes them for what they are
            raise DataError(f"{path}: cannot be compared: {str(error).partition(': ')[2]}") from None


def read_released(folder: Path, d: Dictionary | None = None) -> Released:
    """Read a release folder that is known to be in order, or that the build is writing.

    Its data are typed by the dictionary that it carries, or by `d`.
    """
    package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
    provenance = Provenance.model_validate_json((folder / PROVENANCE).read_bytes())
    guaranteed = package.guarantee is not None
    listed = folder / CHECKSUMS
    changes = folder / "CHANGELOG.md"
    _, heading, entries = (changes.read_text("utf-8") if changes.exists() else "").partition("\n## ")
    return Released(
        package=package,
        provenance=provenance,
        gates=None if guaranteed else GateReport.model_validate_json((folder / "gates.json").read_bytes()),
        evaluation=None if guaranteed else read_evaluation(folder / "evaluation.json"),
        rules=_rules((folder / "CODEBOOK.md").read_text(encoding="utf-8")),
        rows=read_table(
            folder / data_paths(package.name)[1], d or carried_dictionary(folder) or dictionary()
        ),
        spec=_spec(provenance.spec.text),
        checksums=sha256(listed) if listed.exists() else "",
        changelog=heading.lstrip() + entries,
    )


def _spec(text: str) -> dict[str, Any]:
    """Return a spec as plain data; one of another amlsynth may have other keys."""
    with scratch_folder() as temporary:
        path = temporary / "spec.yaml"
        path.write_bytes(text.encode("utf-8"))
        data, _ = read_yaml(path, what="release spec")
    return data if isinstance(data, dict) else {}


def _rules(codebook: str) -> dict[str, tuple[str, str]]:
    table = codebook.partition(_RULES_HEADING)[2].partition("\n## ")[0]
    found = (_RULE.match(line) for line in table.splitlines())
    return {rule["id"]: (rule["says"].replace("\\|", "|"), rule["severity"]) for rule in found if rule}
