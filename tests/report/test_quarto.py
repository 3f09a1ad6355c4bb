"""Under real Quarto the report is the same document: headings, tables, figures, numbers and references."""

from __future__ import annotations

import re
import shutil

import pytest

from amlsynth.report import render_report
from amlsynth.report.quarto import missing

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module")
def quarto(release, tmp_path_factory, parse):
    """The page that the quarto on the PATH makes."""
    if shutil.which("quarto") is None or missing() is not None:
        pytest.skip(f"NOT CHECKED UNDER QUARTO: {missing()}; install it to compare both renderers")
    folder = tmp_path_factory.mktemp("quarto")
    page, sheet = folder / "q.html", folder / "q.pdf"
    assert render_report(release, page, sheet, engine="quarto") == "quarto"
    assert sheet.read_bytes().startswith(b"%PDF-")
    return parse(page)


def _headings(page):
    return re.findall(r"<h([1-4])[^>]*>(.*?)</h\1>", page.source, re.DOTALL)


def _plain(markup):
    return re.sub(r"^[\d.]+\s*", "", " ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def test_the_headings_are_the_same(quarto, page):
    ours, theirs = ([(level, _plain(text)) for level, text in _headings(found)] for found in (page, quarto))
    assert [h for h in theirs if h[1] != "Contents"] == [h for h in ours if h[1] != "Contents"]


def test_tables_figures_and_blocks_are_the_same(quarto, page):
    for tag in ("table", "img", "figure", "details", "dt"):
        ours, theirs = (sum(name == tag for name, _ in found.elements) for found in (page, quarto))
        assert theirs == ours, tag
    for kind in ("notice", "verdict", "table-note", "cards", "how", "only-narrow"):
        ours, theirs = (
            sum(kind in attributes.get("class", "").split() for _, attributes in found.elements)
            for found in (page, quarto)
        )
        assert theirs == ours, kind


def test_the_numbers_and_references_are_the_same(quarto, page):
    # The footer says which of them rendered it.
    ours, theirs = (set(_NUMBER.findall(found.text.partition("Rendered by")[0])) for found in (page, quarto))
    assert ours == theirs
    links = [
        {a["href"] for tag, a in found.elements if tag == "a" and a.get("href", "").startswith("#ref-")}
        for found in (page, quarto)
    ]
    assert links[0] == links[1] and links[0]
