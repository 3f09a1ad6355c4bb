"""The codebook: the dictionary as Markdown, for people."""

from __future__ import annotations

from amlsynth.dictionary.derived import CLASSIFICATIONS
from amlsynth.dictionary.model import Dictionary, Group, Variable, dictionary

_INFERRED = """## What may be inferred

An interval or p-value from one synthetic cohort, analysed as if its patients were real, promises too much: it
does not count what the generator could not learn of the original. Replicates, analysed each and pooled, do.
README.md of a release says which it has, and how often such intervals held the truth in a study."""


def codebook(d: Dictionary | None = None) -> str:
    """Return the codebook as Markdown: every variable by group, then the rules."""
    d = d or dictionary()
    parts = [
        f"# Codebook: {d.title} {d.version}",
        d.description,
        f"The core table has {len(d.variables)} columns, {len(d.alterations)} of them genetic alterations. "
        f"Times are months of {d.days_per_month} days. Missing values are empty cells (NA); a column that "
        "was not assessed is empty throughout. Tri-state variables are 1 (present), 0 (absent) or NA "
        "(missing or not assessed).",
    ]
    parts += [_section(d, group) for group in d.groups]
    parts += [_rules(d), _derived(d), _INFERRED]
    return "\n\n".join(parts) + "\n"


def _section(d: Dictionary, group: Group) -> str:
    panel = f" (figure 1, panel {group.panel})" if group.panel else ""
    rows = [
        f"## {group.label}{panel}",
        "",
        "| name | id | label | values | missing | description | source | export name |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| `{v.name}` | `{v.id}` | {_cell(v.label)} | {_cell(_values(v))} "
        f"| {'NA' if v.missing else 'never'} | {_cell(v.description)} | {_cell(v.source)} | {v.export_name} |"
        for v in d.members(group.id)
    ]
    return "\n".join(rows)


def _values(variable: Variable) -> str:
    if variable.type == "category":
        return "; ".join(f"`{value}` {label}" for value, label in variable.category_labels.items())
    if variable.type == "tri-state":
        return "1 present, 0 absent"
    if variable.type == "status":
        return "1, 0"
    above = "above" if variable.exclusive_minimum else "from"
    return f"{above} {variable.minimum:g} to {variable.maximum:g} {variable.unit}"


def _rules(d: Dictionary) -> str:
    rows = [
        "## Rules between variables",
        "",
        'NA means "cannot tell": a rule is broken only where the known values break it.',
        "",
        "| rule | says | in original data | in synthetic data |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| `{rule.id}` | {_cell(rule.message)} | {rule.severity.original} | {rule.severity.synthetic} |"
        for rule in d.rules
    ]
    rows.append("| `empty_patient` | a patient has a value in some column | error | error |")
    rows.append("| `duplicate_patient` | no two rows are the same | error | error |")
    return "\n".join(rows)


def _derived(d: Dictionary) -> str:
    rows = ["## Derived, never stored", ""]
    if d.roles.classification is not None:
        note = CLASSIFICATIONS[d.roles.classification.function].note
        line = f"- {d.roles.classification.label} ({', '.join(d.risks)}): `Dictionary.classify`. {note}"
        rows.append(line.rstrip())
    if d.composite is not None:
        gap = f"{d.terminal.time} - {d.composite.time}"
        rows.append(f"- The gap {gap}, months from the event to the end of follow-up.")
    rows.append("- Time under follow-up, for the reverse Kaplan-Meier method.")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
