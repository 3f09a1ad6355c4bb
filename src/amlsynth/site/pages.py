"""The pages of a site: the catalogue, and one page for each version of a data set."""

from __future__ import annotations

from collections.abc import Iterable

from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.assets import asset
from amlsynth.foundation.version import __version__
from amlsynth.release.metadata import schema_org_record
from amlsynth.site.catalogue import DataSet, Listed
from amlsynth.site.markup import Markup, el, inline, join, json_ld, source_hash
from amlsynth.site.sections import (
    cite_section,
    codebook_section,
    decision_section,
    files_section,
    gates_section,
    load_section,
    reading,
    search_box,
    verdict,
    versions_section,
)
from amlsynth.site.words import words_of_all


def index_page(data_sets: Iterable[DataSet], title: str) -> str:
    """Return the first page: every data set as a card that the search filters."""
    cards = [_card(data_set) for data_set in data_sets]
    what = ("data set", "data sets")
    body = join(
        el("header", el("h1", title), class_="top"),
        el(
            "main",
            el(
                "p",
                "Data sets of synthetic patients: each release was checked against its checksums, its "
                "dictionary and its gates before it was listed here. No row is a patient.",
                class_="lead",
            ),
            search_box("data-sets", "Search data sets", "name, title, keyword", len(cards), what),
            el("ul", cards, class_="cards", id="data-sets"),
            id="main",
        ),
        _footer(),
    )
    return _page(title, body, Markup(""))


def data_set_page(
    data_set: DataSet, listed: Listed, *, site_title: str, data: bool, versioned: bool = True
) -> str:
    """Return the page of one version.

    Parameters
    ----------
    data_set, listed : the data set and which of its versions.
    site_title : stands in the way back to the catalogue.
    data : whether the site has the data.
    versioned : whether the page stands in the folder of the version, or in that of the data set.
    """
    package = listed.package
    up, prefix = ("../../", "") if versioned else ("../", f"{package.version}/")
    sections = [
        *([decision_section(listed.decision)] if listed.decision else []),
        load_section(listed, prefix),
        codebook_section(listed.dictionary),
        gates_section(listed),
        files_section(listed, prefix),
        versions_section(data_set, listed, up),
        cite_section(listed, prefix),
    ]
    newest = data_set.newest
    old = None
    if newest.version != listed.version:
        kind = "a pre-release" if listed.version > newest.version else "an older version"
        link = el("a", f"version {newest.package.version}", href=f"{up}{newest.place}/index.html")
        old = el("p", f"This is {kind}. Most readers want ", link, ".", class_="note", role="note")
    body = join(
        el(
            "header",
            el("nav", el("a", site_title, href=f"{up}index.html"), aria_label="Catalogue", class_="crumb"),
            el("h1", package.title),
            _facts(listed),
            class_="top",
        ),
        el(
            "main",
            old,
            el("p", package.statement, class_="note", role="note"),
            [el("p", text) for text in package.description.split("\n\n")],
            el(
                "p",
                [
                    el("a", f"Read the {label}", href=f"{prefix}{name}", class_="button")
                    for label, name in reading(listed)
                ],
                el("a", "Download the zip", href=prefix + listed.archive.name, class_="button")
                if data
                else None,
                el("a", f"DOI {listed.doi}", href=doi_url(listed.doi), class_="button")
                if listed.doi
                else None,
                class_="actions",
            ),
            el(
                "nav",
                el("ul", [el("li", el("a", name, href=f"#{id_}")) for id_, name, _ in sections]),
                aria_label="On this page",
                class_="contents",
            ),
            [
                el("section", el("h2", name, id=f"{id_}-title"), part, id=id_, aria_labelledby=f"{id_}-title")
                for id_, name, part in sections
            ],
            id="main",
        ),
        _footer(),
    )
    structured = json_ld(schema_org_record(package, listed.dictionary, base=prefix)) if data else Markup("")
    return _page(f"{package.title}, version {package.version}", body, structured)


def _card(data_set: DataSet) -> Markup:
    listed = data_set.newest
    package = listed.package
    versions = f"{len(data_set.versions)} versions" if len(data_set.versions) > 1 else "1 version"
    license_ = package.licenses[0]
    known = [f"version {other.package.version}" for other in data_set.versions]
    text = " ".join(
        (package.name, package.title, package.description, *package.keywords, license_.name, license_.title)
    )
    text = " ".join((text, *known, listed.dictionary.words.disease, words_of_all(listed.dictionary)))
    kind = "from a simulated cohort" if package.original_is_simulated else "from a cohort of patients"
    return el(
        "li",
        el("h2", el("a", package.title, href=f"{package.name}/index.html")),
        verdict(listed.decision) if listed.decision else None,
        listed.curve,
        _facts(listed),
        el("p", _shortened(package.description)),
        el("p", f"{listed.patients:,} synthetic patients, {kind}; {versions}.", class_="small"),
        class_="card",
        data_text=text.casefold(),
    )


def _facts(listed: Listed) -> Markup:
    package = listed.package
    facts = [
        ("Name", el("code", package.name)),
        ("Version", package.version),
        ("Date", el("time", package.date.isoformat(), datetime=package.date.isoformat())),
        ("Patients", f"{listed.patients:,}"),
        ("Licence", el("a", package.licenses[0].name, href=package.licenses[0].path, rel="license")),
    ]
    if listed.doi:
        facts.append(("DOI", el("a", listed.doi, href=doi_url(listed.doi))))
    return el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in facts], class_="facts")


def _shortened(text: str, most: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most].rpartition(" ")[0] + " …"


def _footer() -> Markup:
    return el("footer", el("p", f"Made with amlsynth {__version__}. This page loads nothing from elsewhere."))


def _page(title: str, body: Markup, structured: Markup) -> str:
    folder = asset("release/templates/site")
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = (folder / "site.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="generator", content="amlsynth site"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("link", rel="icon", href="data:,"),  # so that no browser asks for one
        inline("style", style),
        structured,
    )
    skip = el("a", "Skip to the content", href="#main", class_="skip")
    page = el("html", head, el("body", skip, body, inline("script", script)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"
