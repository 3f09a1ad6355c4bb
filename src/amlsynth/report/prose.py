"""The parts of the report that are sentences made of the records: cohorts, gates, provenance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from amlsynth.foundation.packages import clone_install
from amlsynth.foundation.text import listing
from amlsynth.gates.verdict import GateReport, GateResult
from amlsynth.report.context import Context
from amlsynth.report.decision_page import doi_place
from amlsynth.report.digits import decimals
from amlsynth.report.text import (
    NOT_AVAILABLE,
    Column,
    code,
    definitions,
    escape,
    heading_row,
    number,
    plain_number,
    table,
)

NO_GATES = "Release gates were not part of this evaluation."
NO_PROVENANCE = "Provenance was not part of this evaluation: its folder holds no provenance.json."

_COMPARISONS = {
    "at_least": "≥ {}",
    "at_most": "≤ {}",
    "below": "\\< {}",
    "equals": "exactly {}",
    "interval_low_at_most": "interval from ≤ {}",
    "within_original_interval": "within the original's 95 % interval",
    "at_least_share_of_holdout": "≥ {} × hold-out",
}
_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}")
_PATHLIKE = re.compile(r"[\w.-]+\.(csv|parquet|yaml|yml|json|zip|rds|RData)")


def subtitle(context: Context) -> str:
    """Return what was compared with what, as plain text."""
    if context.withheld:
        return listing([f"{cohort.label} (n = {cohort.n:,})" for cohort in context.evaluation.synthetics])
    original = context.evaluation.original
    title = context.known("cohort", "title")
    of = f". Original cohort: {title}" if title else ""
    cohorts = listing([f"{cohort.label} (n = {cohort.n:,})" for cohort in context.evaluation.synthetics])
    return f"{cohorts} against {original.label} (n = {original.n:,}){of}"


def cohort_table(context: Context) -> str:
    """Return which cohorts were compared and what each is for."""
    original = "The training part: what the generator was fitted to, and the reference of all tables"
    made = "What a generator made" if context.several else "What the generator made"
    if context.is_comparison:
        original, made = "The cohort of reference, from which the anchors were drawn", "Compared with it"
    roles = {"original": original, "holdout": "The part of the original that no generator saw"}
    columns = [Column("Cohort", 30, "left"), Column("Patients, n", 14), Column("Role", 56, "left")]
    rows = [
        [escape(cohort.label), number(cohort.n, 0), roles.get(cohort.key, made)] for cohort in context.cohorts
    ]
    return table(columns, rows)


def gate_table(context: Context) -> str:
    """Return every gate with threshold, figure and verdict; `gate_reasons` has the rest."""
    gates = context.gates
    if gates is None:
        return f"{NO_GATES} They are applied when a release is built.\n"
    columns = [
        Column("Gate", 44, "left"),
        Column("Kind", 11, "left"),
        Column("Threshold", 15, "left"),
        Column("Found", 10),
        Column("Verdict", 14, "left"),
    ]
    rows = [
        [
            escape(gate.label),
            "required" if gate.required else "advisory",
            _threshold(gate),
            NOT_AVAILABLE if gate.value is None else _found(context, gate, gate.value),
            _verdict(gate),
        ]
        for gate in gates.gates
    ]
    caption = f"Gates of the profile {code(gates.profile)}."
    return f"{_tally(gates)}\n\n" + table(columns, rows, caption=caption, label="tbl-gates")


def gate_reasons(context: Context) -> str:
    """Return what each gate found in words and why its limit stands where it stands; "" without gates."""
    if context.gates is None:
        return ""
    return definitions((escape(gate.label), escape(gate.reason)) for gate in context.gates.gates)


def evaluation_notes(context: Context) -> str:
    """Return what the evaluation noted about the data."""
    notes = context.evaluation.notes
    if not notes:
        return "The evaluation noted nothing out of the ordinary about the data.\n"
    return "\n".join(f"- {escape(note)}" for note in notes) + "\n"


def provenance_table(context: Context) -> str:
    """Return provenance.json as a table; what evaluation.json knows stands first in any case."""
    evaluation = context.evaluation
    columns = [Column("Item", 32, "left"), Column("Value", 68, "left")]
    rows = [
        heading_row("Evaluation", columns),
        ["amlsynth version", code(evaluation.amlsynth_version)],
        ["Dictionary", code(f"{context.dictionary.name} {evaluation.dictionary_version}")],
        ["Seed of anchors and partitions", code(evaluation.seed)],
        ["Original is simulated", "yes" if evaluation.original_is_simulated else "no"],
    ]
    for cohort in context.cohorts:
        origin = cohort.origin.model_dump(exclude_none=True) if cohort.origin else {}
        if origin:
            rows += [heading_row(f"File of {escape(cohort.label)}", columns), *_entries(origin)]
    plain = {key: value for key, value in (context.provenance or {}).items() if not _is_nested(value)}
    if plain:
        rows += [heading_row("Release", columns), *_entries(plain)]
    for key, value in (context.provenance or {}).items():
        if _is_nested(value):
            rows += [heading_row(_name(key), columns), *_entries(value)]
    lead = "" if context.provenance is not None else f"{NO_PROVENANCE}\n\n"
    caption = "Provenance: versions, seeds, sources and hashes."
    return lead + table(columns, rows, caption=caption, label="tbl-provenance")


def citation(context: Context) -> str:
    """Return how to cite this report and what it rests on."""
    version = context.evaluation.amlsynth_version
    title = context.known("release", "title") or context.evaluation.synthetic.label
    release = ""
    if context.provenance is not None:  # a release; its DOI is written into this place when it is reserved
        release = f"- The release: cite its DOI, {doi_place(context)}.\n"
    return release + (
        f"- This report: *{escape(title)}: evaluation report.* Made with amlsynth {escape(version)}, "
        f"dictionary {escape(context.dictionary.name)} "
        f"{escape(context.evaluation.dictionary_version)}.\n"
        "- The method it follows: Eckardt *et al.*, npj Digital Medicine 2024, "
        "[doi:10.1038/s41746-024-01076-x](https://doi.org/10.1038/s41746-024-01076-x).\n"
    )


def rebuild(context: Context) -> str:
    """Return the commands that make this report and its figures again."""
    version = context.evaluation.amlsynth_version
    evaluation = context.evaluation
    released = context.gates is not None or context.provenance is not None
    lines = [clone_install(_extras(context, released=released), version)]
    if context.is_comparison:
        lines.append(f"amlsynth compare A.csv B.csv --seed {evaluation.seed} --report report.html")
    else:
        holdout = " --holdout HOLDOUT.csv" if evaluation.holdout is not None else ""
        made = " ".join(
            f"--synthetic SYNTHETIC{place if context.several else ''}.csv"
            for place, _ in enumerate(evaluation.synthetics, start=1)
        )
        lines += [
            f"amlsynth evaluate --original TRAIN.csv {made}{holdout} --seed {evaluation.seed} --out DIR",
            "amlsynth report DIR --out report.html --pdf report.pdf",
        ]
    if released:
        lines += ["amlsynth release build SPEC.yaml --out RELEASES", "amlsynth release verify RELEASES/NAME"]
    return "```sh\n" + "\n".join(lines) + "\n```\n"


def _extras(context: Context, *, released: bool) -> set[str]:
    """Return the extras that the commands of `rebuild` need; generators say what theirs are."""
    from amlsynth.generators import generator_extras

    found = {"generate", "report"} | ({"publish"} if released else set())
    # The cohorts are files to `evaluate`; only a build fits their generator.
    name = context.known("generator", "name") if released else None
    return found | set(generator_extras(name) if name else ())


def attack_limits() -> str:
    """Return what the attacks together cannot prove, as Markdown."""
    from amlsynth.evaluation.privacy.attacks import LIMITS

    limits = [
        *LIMITS,
        "Whether the data count as anonymous in law is for the data protection officer and the competent "
        "authority to judge, in the light of who gets the data and what else they can get.",
    ]
    lead = "They can raise an alarm; they cannot rule a leak out, nor prove that the cohort is anonymous."
    return "\n".join([lead, "", *(f"- {escape(limit)}" for limit in limits), ""])


def _tally(gates: GateReport) -> str:
    parts = []
    for kind, required in (("required", True), ("advisory", False)):
        verdicts = [g.passed for g in gates.gates if g.required is required and g.passed is not None]
        if verdicts:
            parts.append(f"{sum(verdicts)} of {len(verdicts)} {kind}")
    beside = sum(gate.passed is None for gate in gates.gates)
    return f"{listing(parts)} gates passed." + (f" {beside} not applicable." if beside else "")


def _threshold(gate: GateResult) -> str:
    limit = "" if gate.threshold is None else plain_number(gate.threshold)
    pattern = _COMPARISONS.get(gate.comparison)
    return pattern.format(limit) if pattern else f"{escape(gate.comparison)} {limit}".rstrip()


def _found(context: Context, gate: GateResult, value: float) -> str:
    """Return the figure in the digits of its measure, and in one more than those of its limit."""
    measure = next((m for m in context.evaluation.measures if m.id == gate.measure), None)
    if measure is None:
        return plain_number(value)
    limit = "" if gate.threshold is None else f"{gate.threshold:g}".partition(".")[2]
    return number(value, max(decimals(measure), len(limit) + 1 if limit else 0))


def _verdict(gate: GateResult) -> str:
    if gate.passed is None:
        return "not applicable"
    if gate.undecided:
        return "[**? undecided**]{.failed}"
    return "[✓ passed]{.passed}" if gate.passed else "[**✗ failed**]{.failed}"


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value) and not _is_flat_list(value)


def _is_flat_list(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _entries(value: Any, path: str = "") -> Iterator[list[str]]:
    """Yield one row for each leaf; inner names are joined by a slash, places of a list count from 1."""
    if _is_nested(value):
        inner = value.items() if isinstance(value, dict) else enumerate(value, start=1)
        for key, item in inner:
            yield from _entries(item, f"{path} / {key}" if path else str(key))
    else:
        yield [escape(_name(path, capital=False)), _leaf(value)]


def _leaf(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_leaf(item) for item in value)
    text = str(value)
    if isinstance(value, int | float) or _HEXADECIMAL.fullmatch(text) or _PATHLIKE.fullmatch(text):
        return code(text)
    return escape(text)


def _name(key: object, *, capital: bool = True) -> str:
    text = str(key).replace("_", " ").strip()
    text = text.replace("sha256", "SHA-256")
    return text[:1].upper() + text[1:] if capital else text
