"""Numbers, names and tables as Markdown that Quarto and pandoc read alike."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from amlsynth.disclosure.rule import NA
from amlsynth.evaluation.records import CategoryCount, Figure, SurvivalSummary
from amlsynth.report.digits import number as number
from amlsynth.report.digits import shown
from amlsynth.report.digits import span as span

HIDDEN = "–"
HIDDEN_NOTE = (
    "–: not shown, since too few patients of the original are in this cell, or in one that would follow from "
    "it by subtraction."
)
ROUNDED_NOTE = "≈: rounded, so that a number of missing values that is not shown does not follow."
NOT_AVAILABLE = "n/a"
INDENT = "&emsp;"
MISSING = NA

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|$@~^&:-])")
_RULE = 160  # characters; beyond pandoc's line length the rule of a table sets the widths of its columns


def escape(text: object) -> str:
    """Return text so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Return text in code style; for hashes, names of files and commands."""
    # Quarto runs its shortcodes even inside code; a joiner that nobody sees takes one apart.
    plain = " ".join(str(text).split()).replace("{{<", "{\u2060{<").replace("{{%", "{\u2060{%")
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    # A bar would end the cell of a table even inside code.
    return f"{fence} {plain} {fence}".replace("|", "¦") if plain else ""


def plain_number(value: float) -> str:
    """Format a number of unknown kind to four significant digits; whole numbers stay whole."""
    if value == round(value) and abs(value) < 1e15:
        return number(value, 0)
    return f"{value:.4g}".replace("-", "\u2212")


def p_value(value: float) -> str:
    """Format a p-value; below 0.0001 it is only said to be so."""
    if value < 0.0001:
        return "\\<\u00a00.0001"
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}"


def find(counts: Iterable[CategoryCount], value: str) -> CategoryCount | None:
    """Return the cell of one value, or None."""
    return next((entry for entry in counts if entry.value == value), None)


def is_rounded(counts: Iterable[CategoryCount]) -> bool:
    """Whether the shares of a variable are coarse: they are where missing values are held back."""
    missing = find(counts, MISSING)
    return missing is not None and missing.n is None


def percent(counts: Sequence[CategoryCount], value: str) -> str:
    """Format a share in percent, with "≈" before a coarse one; "" where there is none to show."""
    entry = find(counts, value)
    if entry is None or entry.share is None:
        return ""
    if not is_rounded(counts):
        return f"{100 * entry.share:.1f}"
    # A few patients of a small cohort are rounded to nothing, which would be wrong to show.
    return f"≈ {100 * entry.share:.0f}" if entry.share else ""


def count(counts: Sequence[CategoryCount], value: str) -> str:
    """Format the cell of one value as "n (%)".

    A dash stands for a count that is held back, "n/a" for a cell that the record does not have, or
    where nobody was assessed: none of nobody is no finding.
    """
    entry = find(counts, value)
    if entry is None or (value != MISSING and all(c.n == 0 for c in counts if c.value != MISSING)):
        return NOT_AVAILABLE
    if entry.n is None:
        return HIDDEN
    shown = percent(counts, value)
    share = f"({shown})" if shown else ""
    return f"{number(entry.n, 0)} {share}".rstrip()


def at_risk(survival: SurvivalSummary, month: float, min_cell: int) -> str | None:
    """Format how many are at risk at a month, as an interval where it is held back; None after the end."""
    between = survival.at_risk_between(month, min_cell)
    if between is None:
        return None
    low, high = between if month > 0 or survival.n is None else (survival.n, survival.n)
    return number(low, 0) if low == high else f"{number(low, 0)}–{number(high, 0)}"


def quartiles(values: tuple[float, float, float] | None, decimals: int) -> str:
    """Format "median (lower quartile–upper quartile)"."""
    if values is None:
        return NOT_AVAILABLE
    low, middle, high = (number(value, decimals) for value in values)
    return f"{middle} {span(low, high)}"


@dataclass
class Notes:
    """The notes under one table; the same reason gets the same letter."""

    found: list[str] = field(default_factory=list)

    def mark(self, reason: str) -> str:
        """Return the superscript letter of a reason."""
        if reason not in self.found:
            self.found.append(reason)
        return f"^{_letter(self.found.index(reason))}^"

    def missing(self, reason: str | None) -> str:
        """Return "n/a" with the mark of its reason."""
        return NOT_AVAILABLE + (self.mark(reason) if reason else "")

    def figure(self, figure: Figure | None, decimals: int, *, interval: bool = True) -> str:
        """Format a figure with its interval, or "n/a" with the mark of its reason."""
        if figure is None:
            return ""
        if figure.value is None:
            return self.missing(figure.reason)
        return shown(figure, decimals, interval=interval)

    def p_value(self, figure: Figure) -> str:
        """Format a p-value, or "n/a" with the mark of its reason."""
        return self.missing(figure.reason) if figure.value is None else p_value(figure.value)

    def lines(self) -> list[str]:
        return [f"^{_letter(place)}^ {_sentence(reason)}" for place, reason in enumerate(self.found)]


@dataclass(frozen=True)
class Column:
    """A column of a table; widths are shares of the sum of all widths."""

    title: str
    width: int
    align: Literal["left", "right"] = "right"


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    caption: str | None = None,
    label: str | None = None,
    notes: Sequence[str] = (),
    kind: str = "",
) -> str:
    """Return a pipe table in a block that scrolls on narrow screens, with notes under it.

    Parameters
    ----------
    columns : titles (Markdown), widths and alignment.
    rows : cells as Markdown, one for each column.
    caption, label : Markdown and the reference, such as "tbl-baseline"; neither for a table without
        a number.
    kind : a class of its own, for the style of the page.
    notes : Markdown paragraphs under the table. Hidden cells are explained without being told to.
    """
    body = [list(row) for row in rows]
    total = sum(column.width for column in columns)
    rules = []
    for column in columns:
        dashes = "-" * max(3, _RULE * column.width // total)
        rules.append(f":{dashes}" if column.align == "left" else f"{dashes}:")
    lines = [_row(column.title for column in columns), "|" + "|".join(rules) + "|", *map(_row, body)]
    if caption:
        lines += ["", f": {caption} {{#{label}}}" if label else f": {caption}"]
    below = list(notes)
    if any(cell == HIDDEN for row in body for cell in row):
        below.append(HIDDEN_NOTE)
    if any("(≈" in cell for row in body for cell in row):
        below.append(ROUNDED_NOTE)
    classes = f".table-scroll .{kind}" if kind else ".table-scroll"
    scrolled = "\n".join([f"::: {{{classes}}}", "", *lines, "", ":::", ""])
    return f"{scrolled}\n{block('table-note', joined)}" if (joined := "\n\n".join(below)) else scrolled


def heading_row(title: str, columns: Sequence[Column]) -> list[str]:
    """Return a row that names the rows below it."""
    return [f"**{title}**", *[""] * (len(columns) - 1)]


def block(name: str, body: str, *, kind: str = "") -> str:
    """Return Markdown in a block: a div of the class `name` on the page, a function of Typst in print.

    Both renderers pass raw Typst on, so that neither has to know the block; builtin/blocks.typ defines it.
    """
    classes = f".{name}" + (f" .{name}-{kind}" if kind else "")
    opening = f'#{name}("{kind}")[' if kind else f"#{name}["
    return "\n".join(
        [*_raw("typst", opening), f"::: {{{classes}}}", "", body, "", ":::", "", *_raw("typst", "]")]
    )


def notice(kind: Literal["note", "good", "warning", "alarm"], title: str, body: str) -> str:
    """Return a notice with a title; both are Markdown."""
    return block("notice", f"**{title}**\n\n{body}", kind=kind)


def how(text: str) -> str:
    """Return words beside a figure that are smaller and on a line of their own; `text` is Markdown."""
    return f"`#how[`{{=typst}}[{text}]{{.how}}`]`{{=typst}}"


def _raw(target: str, markup: str) -> list[str]:
    return [f"```{{={target}}}", markup, "```", ""]


def definitions(entries: Iterable[tuple[str, str]]) -> str:
    """Return a definition list; terms and definitions are Markdown."""
    return "\n".join(f"{term}\n:   {definition}\n" for term, definition in entries)


def fold(title: str, body: str) -> str:
    """Return Markdown that a reader of the page unfolds; on paper it stands open under its title.

    `title` is plain text, `body` Markdown without headings, which would begin sections inside.
    """
    if not body.strip():
        return ""
    opening = "\n".join(_raw("html", f'<details class="fold"><summary>{html.escape(title)}</summary>'))
    on_paper = "\n".join(_raw("typst", f"#fold-title({json.dumps(title, ensure_ascii=False)})"))
    closing = "\n".join(_raw("html", "</details>"))
    return f"{opening}\n{on_paper}\n{body}\n\n{closing}"


def image(path: str, caption: str, label: str, alt: str, narrow: str | None = None) -> str:
    """Return a figure with a number, a caption (Markdown) and a text for those who cannot see it.

    `narrow` is the file of a version for phones, which takes the place of the other there.
    """
    plain = " ".join(alt.split()).replace("\\", "/").replace('"', "'")
    figure = f'![{caption}]({path}){{#{label} fig-alt="{plain}"}}'
    if narrow is None:
        return f"::: {{.figure-scroll}}\n\n{figure}\n\n:::\n"
    # Hidden from programs that read the page aloud where it is not shown, and the wide one where this one is.
    small = f'<div class="only-narrow"><img src="{narrow}" alt="{html.escape(plain)}"></div>'
    return "\n".join(["::: {.figure-scroll .has-narrow}", "", *_raw("html", small), figure, "", ":::", ""])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _letter(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def _sentence(reason: str) -> str:
    text = reason[:1].upper() + reason[1:]
    return escape(text if text.endswith(".") else f"{text}.")
