"""What may be said of the record of an original (FILE.about.json) where others read it."""

from __future__ import annotations

from typing import Any

from amlsynth.cohort.cohort import About
from amlsynth.disclosure.rule import DisclosureRule


def describe_original(about: About, rule: DisclosureRule, *, public: bool = False) -> dict[str, Any]:
    """Return the record of an original without a row, a cell, or a count that completes another.

    Parameters
    ----------
    about : the record of the original.
    rule : what is held back; `OFF` for a simulated original.
    public : whether anybody can get the original's files. A hash would confirm a copy of a private one.

    The report of an import tells its reader which cell values had no counterpart, and how many rows broke a
    rule; of those totals are published, as the intervals in which they lie.
    """
    content = about.model_dump(mode="json")
    report = content["provenance"].get("import")
    if rule.on and not public:
        content["provenance"].pop("sha256", None)
        for file in report.get("files", ()) if isinstance(report, dict) else ():
            file.pop("sha256", None)
    if isinstance(report, dict):
        _without_cells(report, rule)
    return content


def _without_cells(report: dict[str, Any], rule: DisclosureRule) -> None:
    """Leave of an import's report what holds no statistic of the original."""
    lost = report.get("set_to_missing")
    if isinstance(lost, dict):
        report["set_to_missing"] = {name: rule.band(sum(rows.values())) for name, rows in lost.items()}
    unknown = report.get("na_from_expressions")
    if isinstance(unknown, dict):
        report["na_from_expressions"] = {name: rule.band(rows) for name, rows in unknown.items()}
    # Medians, ranges and counts of the original, and sentences that quote them.
    for key in ("summary", "warnings", *(("notes",) if rule.on else ())):
        report.pop(key, None)
    for key, count in (("dropped", "rows"), ("rules_broken", "patients")):
        for item in report.get(key, []):
            item[count] = rule.band(item[count])
    if isinstance(report.get("rows_read"), int):
        report["rows_read"] = rule.band(report["rows_read"])
