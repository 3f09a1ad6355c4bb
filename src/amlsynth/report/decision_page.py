"""The first page: what one can decide by, complete in itself; as Markdown for the report and for a README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from amlsynth.foundation.addresses import doi_url
from amlsynth.report.context import Context
from amlsynth.report.decision import Decision
from amlsynth.report.decision.records import Alarm, Row, Verdict
from amlsynth.report.digits import number, shown
from amlsynth.report.text import Column, block, escape, table

NO_DOI: Final = "none yet; it is reserved when the release is published"
# Symbol and word: a signal is never told by its colour alone.
SIGNALS: Final = {"none": "○", "weak": "◐", "clear": "●", "undecided": "?"}
_KINDS: dict[Verdict, str] = {"not publishable": "refused"}


def decision_page(context: Context) -> str:
    """Return the decision on every synthetic cohort of the evaluation."""
    pages = [_page(context, decision) for decision in context.decisions]
    return "\n".join(pages)


def _page(context: Context, decision: Decision) -> str:
    title = f"**{escape(decision.label)}.** " if context.several else ""
    body = "\n".join(
        [
            block(
                "verdict",
                f"{title}**{escape(decision.headline)}**",
                kind=_KINDS.get(decision.verdict, decision.verdict),
            ),
            _alarms(decision.alarms),
            _facts(decision),
            _table(decision, f"tbl-decision-{decision.cohort}" if context.several else "tbl-decision"),
            _particulars(context, decision),
        ]
    )
    return block("decision", body)


def doi_place(context: Context) -> str:
    """Return the DOI of the release as Markdown, in a place into which it is written once it is reserved."""
    link = doi_url(context.doi) if context.doi else None
    return f"[{f'[{escape(link)}]({link})' if link else NO_DOI}]{{.amlsynth-doi}}"


def _alarms(alarms: Sequence[Alarm]) -> str:
    """Return the alarms as a list, in their order; "" where there is none."""
    lines = [f"- {SIGNALS[a.signal]} **{a.signal.capitalize()}.** {escape(a.sentence)}" for a in told(alarms)]
    more = also_weak(alarms)
    lines += [f"- {SIGNALS['weak']} **Also weak.** {escape(more)}"] if more else []
    return "\n".join([*lines, ""])


def told(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Return the alarms that are told in full: all but weak ones, of which it is the first."""
    weak = [alarm for alarm in alarms if alarm.signal == "weak"]
    return [alarm for alarm in alarms if alarm.signal != "weak" or alarm is weak[0]]


def also_weak(alarms: Sequence[Alarm]) -> str:
    """Return the weak signals but the first by their names, as a sentence; "" where there are none."""
    rest = [alarm for alarm in alarms if alarm not in told(alarms)]
    if not rest:
        return ""
    heads = (alarm.label.partition(": ") for alarm in rest)
    return f"{'; '.join(f'{name} ({kind})' if kind else name for name, _, kind in heads)}."


def facts(decision: Decision) -> list[tuple[str, str]]:
    """Return what the verdict says beside its headline, as pairs of a heading and plain text."""
    not_for = "; ".join(decision.not_for)
    return [
        ("Good for", decision.good_for),
        ("For whom", decision.readers),
        ("Not for", f"{not_for[:1].upper()}{not_for[1:]}."),
        ("Privacy", decision.privacy),
        *([("Mind", " ".join(decision.statements))] if decision.statements else []),
        ("Limits", decision.limits_by),
    ]


def _facts(decision: Decision) -> str:
    return "\n\n".join(f"**{name}.** {escape(text)}" for name, text in facts(decision)) + "\n"


def _table(decision: Decision, label: str) -> str:
    columns = [
        Column("Key figure (95 % interval)", 30, "left"),
        Column("Original", 17),
        Column("Synthetic", 17),
        Column("Hold-out", 17),
        Column("Signal", 24, "left"),
    ]
    rows = [[escape(name), *cells, signal_cell(row)] for row, name, cells in _rows(decision)]
    return table(columns, rows, kind="cards") if rows else ""


def signal_cell(row: Row) -> str:
    """Return the signal with its symbol, as Markdown."""
    return f"[{SIGNALS[row.signal]} {escape(row.reading)}]{{.signal-{row.signal}}}"


def readme_rows(decision: Decision) -> str:
    """Return the key figures as a table of GitHub's Markdown."""
    lines = [
        "| key figure (95 % interval) | original | synthetic | hold-out | signal |",
        "|---|---|---|---|---|",
    ]
    for row, name, cells in _rows(decision):
        shown_row = [name, *cells, f"{SIGNALS[row.signal]} {row.reading}"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in shown_row) + " |")
    return "\n".join(lines)


def _rows(decision: Decision) -> Iterable[tuple[Row, str, list[str]]]:
    for row in decision.rows:
        unit = f", {row.unit}" if row.unit else ""
        figures = (row.original, row.synthetic, row.holdout)
        yield row, f"{row.label}{unit}", [shown(figure, row.digits) for figure in figures]


def _particulars(context: Context, decision: Decision) -> str:
    release, original = decision.release, decision.original
    holdout = "" if original.holdout is None else f" and {number(original.holdout, 0)} held out"
    told = f"{escape(original.title)}, " if original.title else ""
    of_original = [] if context.withheld else [
        f"Original: {told}{number(original.patients, 0)} patients for training{holdout}"
    ]  # fmt: skip
    parts = [
        f"Status: [{escape(decision.status)}]{{.amlsynth-status}}",
        *of_original,
        f"Synthetic: {number(decision.patients, 0)} patients"
        + (f" by {escape(decision.generator)}" if decision.generator else ""),
    ]
    if release is not None:
        who = f" by {escape('; '.join(release.authors))}" if release.authors else ""
        when = f", {escape(release.date)}" if release.date else ""
        parts.insert(0, f"Release: {escape(release.name)} {escape(release.version)}{when}{who}")
        parts.insert(1, f"DOI: {doi_place(context)}")
    return block("table-note", ". ".join(parts) + ".")
