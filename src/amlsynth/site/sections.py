"""The sections of a data set's page: load, codebook, gates, files, versions, cite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.foundation.addresses import doi_url
from amlsynth.report.decision import Decision
from amlsynth.report.decision_page import also_weak, facts, told
from amlsynth.site.catalogue import DataSet, File, Listed
from amlsynth.site.markup import Markup, el, join
from amlsynth.site.report_page import REPORT_PAGE
from amlsynth.site.words import words_of

_VERDICTS = {True: "✓ passed", False: "✗ not passed", None: "not applicable"}
_NOT_TOLD = (
    "What the gates found is not told, since exact figures of the original would break the guarantee to its "
    "patients."
)
Section = tuple[str, str, Markup]  # identifier, heading, content


def load_section(listed: Listed, prefix: str) -> Section:
    """How to load the data set, in Python and in R."""
    name, stem = listed.package.name, listed.stem
    frame = f'pd.read_csv("data/{name}.csv", na_values=["", "NA"], keep_default_na=False)'
    parts = [
        ("In Python, checked and typed", f'import amlsynth\n\npatients = amlsynth.load("{stem}.zip")'),
        ("In Python without amlsynth", f"import pandas as pd\n\npatients = {frame}"),
        (
            "In R",
            f'patients <- read.csv("data/{name}.csv", na.strings = c("", "NA"), check.names = FALSE)',
        ),
    ]
    if "adam" in listed.package.exports:
        parts.append(
            (
                "In R, ADaM-like",
                'adsl <- haven::read_xpt("adam/adsl.xpt")\nadtte <- haven::read_xpt("adam/adtte.xpt")',
            )
        )
    sums = f"echo '{listed.archive.sha256}  {stem}.zip' | sha256sum -c"
    parts.append(("Check the zip", sums))
    blocks = [
        el("div", el("h3", title), el("pre", el("code", code), tabindex=0), class_="code")
        for title, code in parts
    ]
    note = "Times are in months; status 1 is an event, 0 is censored. An empty cell is missing."
    return "load", "Load it", join(el("p", note), blocks)


def codebook_section(d: Dictionary) -> Section:
    """Every variable, with a search over them."""
    groups = {group.id: group.label for group in d.groups}
    rows = [_variable(variable, groups[variable.group]) for variable in d.variables]
    table = _table(("Variable", "Label", "Values", "Meaning", "Group"), rows, "Codebook", id_="codebook-rows")
    hint = d.words.search_hint
    box = search_box("codebook-rows", "Search the codebook", hint, len(rows), ("variable", "variables"))
    none = el("p", "No variable has all of these words.", hidden=True, class_="none")
    return "codebook", "Codebook", join(box, _fold(f"Show the {len(rows)} variables", table), none)


def decision_section(decision: Decision) -> Section:
    """The verdict, what speaks against it, and for what and for whom the data are."""
    alarms = [(a.signal.capitalize(), a.sentence) for a in told(decision.alarms)]
    more = also_weak(decision.alarms)
    alarms += [("Also weak", more)] if more else []
    lines = [el("li", el("strong", f"{signal}: "), text) for signal, text in alarms]
    pairs = [el("div", el("dt", name), el("dd", text)) for name, text in facts(decision)]
    parts = (verdict(decision), el("ul", lines) if lines else None, el("dl", pairs, class_="decision"))
    return "decision", "Decision", join(*parts)


def verdict(decision: Decision) -> Markup:
    """Return the verdict in one sentence, as the card and the page of a data set show it."""
    return el("p", decision.headline, class_=f"verdict {decision.verdict.replace(' ', '-')}")


def reading(listed: Listed) -> tuple[tuple[str, str], ...]:
    """Return what a reader opens first of a release: labels and file names."""
    if listed.package.guarantee is None:
        paper = listed.package.report_pdf
        return (("report", REPORT_PAGE), *((("report as PDF", paper),) if paper else ()))
    return (("guarantee", "PRIVACY.md"), ("evaluation", "EVALUATION.md"))


def gates_section(listed: Listed) -> Section:
    """The thresholds that the release met; with a guarantee only that it met them."""
    words = f"Profile {listed.profile}. A release is built only when every required gate is passed."
    if listed.gates is None:
        return "gates", "Gates", join(el("p", f"{words} {_NOT_TOLD}"))
    rows = [
        el(
            "tr",
            _cells(
                ("Gate", gate.label),
                ("Required", "required" if gate.required else "advice"),
                ("Verdict", el("strong", "undecided" if gate.undecided else _VERDICTS[gate.passed])),
                ("Finding", gate.reason),
            ),
        )
        for gate in listed.gates.gates
    ]
    table = _table(("Gate", "Required", "Verdict", "Finding"), rows, "Gates")
    return "gates", "Gates", join(el("p", words), table)


def files_section(listed: Listed, prefix: str) -> Section:
    """Every file with its size and SHA-256, the zip first."""
    rows = [
        el(
            "tr",
            _cells(
                ("File", el("a", file.name, href=prefix + file.name) if file.here else file.name),
                ("Size", _size(file)),
                ("SHA-256", el("code", file.sha256, class_="hash")),
            ),
        )
        for file in (listed.archive, *listed.files)
    ]
    table = _table(("File", "Size", "SHA-256"), rows, "Files")
    return "files", "Files and checksums", _fold(f"Show the {len(rows)} files", table)


def versions_section(data_set: DataSet, listed: Listed, up: str) -> Section:
    """All versions, the newest first."""
    rows = []
    for other in data_set.versions:
        place = f"{up}{other.place}"
        current = "page" if other is listed else None
        doi = el("a", other.doi, href=doi_url(other.doi)) if other.doi else "none yet"
        rows.append(
            el(
                "tr",
                _cells(
                    (
                        "Version",
                        el("a", other.package.version, href=f"{place}/index.html", aria_current=current),
                    ),
                    ("Date", other.package.date.isoformat()),
                    ("Patients", f"{other.patients:,}"),
                    ("DOI", doi),
                    (
                        "Documents",
                        join(
                            [
                                (el("a", label, href=f"{place}/{name}"), ", ")
                                for label, name in reading(other)
                            ],
                            el("a", "changes", href=f"{place}/CHANGELOG.md"),
                        ),
                    ),
                ),
            )
        )
    return (
        "versions",
        "Versions",
        _table(("Version", "Date", "Patients", "DOI", "Documents"), rows, "Versions"),
    )


def cite_section(listed: Listed, prefix: str) -> Section:
    """How to cite the data set, and its metadata for machines."""
    package = listed.package
    text = package.citation
    if listed.doi and listed.doi not in text:
        text += f" {doi_url(listed.doi)}"
    names = [(file.name, file.name) for file in listed.files if file.name in _FOR_MACHINES]
    links = [join(", " if number else "", el("a", name, href=prefix + to))
             for number, (name, to) in enumerate(names)]  # fmt: skip
    license_ = package.licenses[0]
    return (
        "cite",
        "Cite and reuse",
        join(
            el("blockquote", text),
            el("p", "Licence: ", el("a", license_.title, href=license_.path), "."),
            el("p", "For machines: ", links, "."),
        ),
    )


_FOR_MACHINES = (
    "CITATION.cff",
    "croissant.json",
    "datacite.json",
    "datapackage.json",
    "ro-crate-metadata.json",
    "schema-org.json",
)


def _variable(variable: Variable, group: str) -> Markup:
    values = _values(variable)
    words = (words_of(variable), variable.description, group, values)
    return el(
        "tr",
        _cells(
            ("Variable", el("code", variable.name)),
            ("Label", variable.label),
            ("Values", values),
            ("Meaning", variable.description),
            ("Group", group),
        ),
        data_text=" ".join(words).casefold(),
    )


def _values(variable: Variable) -> str:
    if variable.type == "category":
        return ", ".join(variable.category_labels)
    if variable.is_categorical:
        return "1, 0" if variable.type == "status" else "1 present, 0 absent"
    above = "above " if variable.exclusive_minimum else ""
    return f"{above}{variable.minimum:g} to {variable.maximum:g} {variable.unit or ''}".strip()


def search_box(target: str, label: str, hint: str, n: int, what: tuple[str, str]) -> Markup:
    """Return a search field for the `n` entries of the element `target`; the script shows it.

    `what` is one entry and many in words.
    """
    one, many = what
    return el(
        "div",
        el("label", label, for_=f"search-{target}"),
        el(
            "input",
            type="search",
            id=f"search-{target}",
            placeholder=hint,
            autocomplete="off",
            spellcheck="false",
            data_target=target,
            data_one=one,
            data_many=many,
            aria_describedby=f"found-{target}",
        ),
        el("p", f"{n} {one if n == 1 else many}", id=f"found-{target}", role="status", class_="found"),
        class_="search",
        hidden=True,
    )


def _cells(*cells: tuple[str, Any]) -> Iterable[Markup]:
    """Return cells that carry their heading, which a narrow screen shows beside them."""
    for number, (heading, content) in enumerate(cells):
        if number:
            yield el("td", content, data_heading=heading)
        else:
            yield el("th", content, scope="row")


def _table(headings: Iterable[str], rows: Iterable[Markup], label: str, id_: str | None = None) -> Markup:
    head = el("tr", [el("th", text, scope="col") for text in headings])
    return el(
        "table",
        el("thead", head),
        el("tbody", rows, id=id_),
        aria_label=label,
    )


def _fold(summary: str, content: Markup) -> Markup:
    """Return what a phone folds: open without the script, and on wide screens always."""
    return el("details", el("summary", summary), content, open=True, class_="fold")


def _size(file: File) -> str:
    size = float(file.bytes)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"
