"""What an audit found, in words: for the terminal, and as Markdown for the folder and the internal report."""

from __future__ import annotations

from collections import Counter

from amlsynth.audit.records import AuditResult, Group, ShadowResult
from amlsynth.evaluation.records import Figure

_HEADINGS = {
    "all": "all targets",
    "singular": "those who stand out",
    "lonely": "the lonely",
    "random": "at random",
}


def sentences(result: AuditResult) -> list[str]:
    """Return what was found, the worst first; no patient can be told from it."""
    said = []
    if result.shadow:
        said += _of_shadows(result.shadow)
    if result.presence:
        p = result.presence
        said.append(
            f"Left out one by one, {p.given_away} of {p.patients} patients are given away by something that "
            "they alone decide: it shows in releases with them and not without, or the other way round."
            if p.given_away
            else f"None of {p.patients} patients who were left out one by one is given away by a state or "
            "an extreme."
        )
    alone = [f"{count.patients} by {count.what}" for count in result.static if count.patients]
    said.append(
        f"Alone in the cohort are: {'; '.join(alone)}."
        if alone
        else "No patient of the cohort decides anything alone."
    )
    return said


def _of_shadows(shadow: ShadowResult) -> list[str]:
    group = shadow.group("all")
    knows = (
        "knows everyone else"
        if shadow.world == "fixed"
        else "knows a population of such patients and nobody in it"
    )
    said = [
        f"An attacker who refits the generator {shadow.shadows} times and {knows} tells training patients "
        f"from others with an AUC of {_shown(group.auc)} (guessing: 0.5; control "
        f"{_shown(shadow.control.auc)}), and finds {_percent(group.true_positives_1)} of them at 1 % false "
        "accusations."
    ]
    certain = [target for target in shadow.targets if target.certain]
    if certain:
        said.append(
            f"{len(certain)} of {len(shadow.targets)} targets are found with certainty: no release without "
            "them looks like a quarter of those with them."
        )
    exposed = [target for target in shadow.targets if target.exposed]
    if exposed:
        reasons = Counter(f"{target.reason} (by {target.by})" for target in exposed)
        listed = ", ".join(f"{count} with {reason}" for reason, count in reasons.most_common())
        said.append(f"{len(exposed)} of {len(shadow.targets)} targets are exposed beyond chance: {listed}.")
    else:
        said.append(f"None of {len(shadow.targets)} targets is exposed beyond chance when each is looked at.")
    said.append(
        f"With 95 % confidence the generator's epsilon is at least {shadow.epsilon_pooled:.2f} from all "
        f"targets together, and {shadow.epsilon_worst:.2f} from the worst of them."
    )
    return said


def markdown(result: AuditResult) -> str:
    """Return the audit as Markdown; it names no patient, no value and no variable of one."""
    params = ", ".join(f"{key}={value}" for key, value in result.params.items()) or "defaults"
    lines = [
        f"# Audit of {result.generator} on {result.cohort}",
        "",
        f"{result.patients:,} patients, {result.released:,} in each release"
        f"{f' and in each of {result.replicates} replicates' if result.replicates else ''}; {params}; "
        f"seed {result.seed}. "
        "This is a measurement, no guarantee: an attack that is not known yet may find more.",
        "",
        *(f"- {sentence}" for sentence in sentences(result)),
    ]
    if result.shadow:
        lines += ["", "## Shadow-model membership inference", "", *_group_table(result.shadow)]
        lines += ["", "| attack | AUC, all targets |", "|---|---|"]
        lines += [f"| {name} | {_shown(figure)} |" for name, figure in result.shadow.attacks.items()]
        lines += ["", "| features alone (ridge) | AUC, all targets |", "|---|---|"]
        lines += [f"| {name} | {_shown(figure)} |" for name, figure in result.shadow.families.items()]
        lines += [
            "",
            "| target | AUC (95 % interval) | epsilon at least | certain | found best by |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {target.kind}: {target.reason} | {_shown(target.auc)} | {target.epsilon:.2f} | "
            f"{'yes' if target.certain else 'no'} | {target.by} |"
            for target in sorted(result.shadow.targets, key=lambda one: -(one.auc.value or 0))
        ]
    lines += [
        "",
        "## What single patients decide",
        "",
        "| what | patients | chance to be seen |",
        "|---|---|---|",
    ]
    lines += [f"| {count.what} | {count.patients} | {count.chance:.0%} |" for count in result.static]
    if result.presence:
        p = result.presence
        lines += [
            "",
            f"{p.patients} of these patients were left out one by one, {p.releases} fits with and "
            f"without each: {p.findings_given_away} of {p.findings} things tell of {p.given_away} patients.",
        ]
    return "\n".join(lines) + "\n"


def _group_table(shadow: ShadowResult) -> list[str]:
    lines = [
        "| targets | number | AUC (95 % interval) | true positives at 1 % | at 10 % |",
        "|---|---|---|---|---|",
    ]
    for group in [*shadow.groups, shadow.control]:
        name = "control: memberships exchanged" if group is shadow.control else _HEADINGS[group.kind]
        lines.append(_group_row(name, group))
    return lines


def _group_row(name: str, group: Group) -> str:
    rates = (_percent(group.true_positives_1), _percent(group.true_positives_10))
    return f"| {name} | {group.targets} | {_shown(group.auc)} | {rates[0]} | {rates[1]} |"


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "n/a"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def _percent(figure: Figure) -> str:
    return "n/a" if figure.value is None else f"{100 * figure.value:.1f} %"
