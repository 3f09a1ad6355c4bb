"""The release site in headless Chromium: search, sizes, contrast, keyboard, and what it asks for."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from amlsynth.site.report_page import report_page
from axe import CONTRAST, SCREENS, violations
from browser import Browser

NEWEST = "small-test/1.10.0"

SEARCH = """(() => {
  const type = (words) => {
    const field = document.querySelector("input[type=search]");
    field.value = words;
    field.dispatchEvent(new Event("input", {bubbles: true}));
    const target = document.getElementById(field.dataset.target);
    const shown = [...target.children].filter((entry) => entry.offsetParent !== null);
    return {
      shown: shown.map((entry) => entry.querySelector("code").textContent),
      found: document.querySelector("[role=status]").textContent,
      none: document.querySelector(".none")?.offsetParent != null,
    };
  };
  return WORDS.map(type);
})()"""

# What assistive technology needs: each list holds what is wrong.
ACCESSIBLE = """(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
  const wrong = [
    ...all("input").filter((field) => !field.labels.length),
    ...all("img:not([alt])"),
    ...all("table").filter((table) => !table.getAttribute("aria-label")),
    ...all("thead th:not([scope=col]), tbody th:not([scope=row])"),
    ...all("nav:not([aria-label])"),
    ...all("a").filter((link) => !link.textContent.trim() || !link.getAttribute("href")),
    ...["aria-labelledby", "aria-describedby"].flatMap((name) =>
      all(`[${name}]`).filter((element) => !document.getElementById(element.getAttribute(name)))),
  ].map((element) => element.outerHTML.slice(0, 80));
  levels.forEach((level, i) => {
    if (i && level > levels[i - 1] + 1) wrong.push("heading skips to " + level);
  });
  if (all("h1").length !== 1) wrong.push("not one h1");
  if (all("main").length !== 1) wrong.push("not one main");
  if (document.documentElement.lang !== "en") wrong.push("no language");
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) wrong.push("an id stands twice");
  return wrong;
})()"""


def test_the_codebook_search_works(browser: Browser, site: Path) -> None:
    words = ["", "npm1", "  SURVIVAL status ", "no such variable", "t8.21"]
    page = browser.page(site / NEWEST / "index.html", script=SEARCH.replace("WORDS", json.dumps(words)))
    everything, npm1, status, nothing, t821 = page.result
    assert len(everything["shown"]) == 64 and everything["found"] == "64 variables"
    assert "NPM1" in npm1["shown"] and len(npm1["shown"]) < 5
    assert npm1["found"] == f"{len(npm1['shown'])} of 64 variables" and not npm1["none"]
    assert set(status["shown"]) == {"OSSTAT", "EFSSTAT"}
    assert nothing == {"shown": [], "found": "0 of 64 variables", "none": True}
    assert t821["shown"] == ["t8.21"]
    assert page.console == []


def test_the_search_knows_synonyms_spellings_and_plurals(browser: Browser, site: Path) -> None:
    words = ["hemoglobin", "haemoglobin", "Hgb", "platelets", "leukos", "Hämoglobin"]
    page = browser.page(site / NEWEST / "index.html", script=SEARCH.replace("WORDS", json.dumps(words)))
    found = [answer["shown"] for answer in page.result]
    assert found[0] == found[1] == ["HB"] and "HB" in found[2] and "HB" in found[5]
    assert "PLT" in found[3] and "WBC" in found[4]
    words = ["NPM1", "CC-BY-4.0", "version 1.10.0", "version 9.9.9", "releases"]
    page = browser.page(site / "index.html", script=SEARCH.replace("WORDS", json.dumps(words)))
    shown = [len(answer["shown"]) for answer in page.result]
    assert shown == [2, 2, 1, 0, 1]


def test_cards_show_the_verdict_and_a_curve(browser: Browser, site: Path) -> None:
    script = """JSON.stringify([...document.querySelectorAll(".card")].map((card) => [
      card.querySelector(".verdict").textContent, card.querySelector("svg").getAttribute("aria-label"),
      card.querySelectorAll("polyline").length]))"""
    for verdict, label, lines in json.loads(browser.page(site / "index.html", script=script).result):
        assert "required limit is kept" in verdict and "median" in label and lines == 2


def test_a_report_runs_no_script_on_the_origin_of_the_site(browser: Browser, served: str, site: Path) -> None:
    page = site / "small-test" / "1.2.3" / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    assert not (site / "small-test" / "1.2.3" / "report.html").exists()
    hostile = (
        "<!DOCTYPE html><title>t</title><script>try { parent.document.title = 'read' } catch (e) {}</script>"
    )
    (site.parent / "hostile.html").write_text(report_page("Title", hostile), encoding="utf-8")
    script = "new Promise((done) => setTimeout(() => done([origin !== 'null', document.title]), 200))"
    shown = browser.page(site.parent / "hostile.html", script=script)
    assert shown.result[1] == "Title"
    assert 'sandbox="allow-scripts allow-popups"' in text and "allow-same-origin" not in text
    opened = browser.page(f"{served}small-test/1.2.3/report/index.html", script="document.title")
    assert opened.console == [] and "version 1.2.3" in opened.result


def test_long_parts_are_folded_on_phones(browser: Browser, site: Path) -> None:
    script = "[...document.querySelectorAll('details.fold')].map((fold) => fold.open)"
    assert browser.page(site / NEWEST / "index.html", width=360, script=script).result == [False, False]
    assert browser.page(site / NEWEST / "index.html", width=1280, script=script).result == [True, True]
    search = SEARCH.replace("WORDS", '["npm1"]')
    narrow = browser.page(site / NEWEST / "index.html", width=360, script=search)
    assert "NPM1" in narrow.result[0]["shown"]  # a search unfolds


@pytest.mark.parametrize("where", ["index.html", f"{NEWEST}/index.html"])
@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_axe_finds_nothing(browser: Browser, site: Path, where: str, width: int, dark: bool) -> None:
    assert violations(browser, site / where, width=width, dark=dark) == []


def test_the_catalogue_search_works_on_hostile_titles(
    browser: Browser, site: Path, hostile_title: str
) -> None:
    page = browser.page(
        site / "index.html", script=SEARCH.replace("WORDS", '["", "script", "small release"]')
    )
    assert [found["shown"] for found in page.result] == [
        ["another", "small-test"],
        ["another"],
        ["small-test"],
    ]
    assert page.console == [] and page.requests == [(site / "index.html").as_uri()]
    page = browser.page(site / "another" / "index.html", script="document.querySelector('h1').textContent")
    assert page.result == hostile_title
    assert page.console == [] and len(page.requests) == 1


def test_without_scripts_everything_is_shown(browser: Browser, site: Path) -> None:
    text = (site / NEWEST / "index.html").read_text(encoding="utf-8")
    assert 'class="search" hidden' in text and text.count("<tr data-text") == 64


@pytest.mark.parametrize("where", ["index.html", f"{NEWEST}/index.html", "another/index.html"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_pages_fit_and_can_be_read(browser: Browser, site: Path, where: str, width: int, dark: bool) -> None:
    wide = "document.documentElement.scrollWidth"
    script = f"({{width: {wide}, contrast: {CONTRAST}, wrong: {ACCESSIBLE}}})"
    page = browser.page(site / where, width=width, height=800, dark=dark, script=script)
    assert page.result["width"] <= width  # nothing is cut off at the right
    assert page.result["contrast"] >= 4.5
    assert page.result["wrong"] == []
    assert page.console == [] and page.requests == [(site / where).as_uri()]


def test_the_keyboard_reaches_everything(browser: Browser, site: Path) -> None:
    script = """(() => {
      const stops = [...document.querySelectorAll("a[href], input, [tabindex]")];
      const reached = stops.filter((stop) => { stop.focus(); return document.activeElement === stop; });
      return [stops.length - reached.length, stops[0].textContent,
              stops.some((stop) => stop.tabIndex > 0),
              getComputedStyle(document.activeElement).outlineStyle];
    })()"""
    missed, first, ordered, outline = browser.page(site / NEWEST / "index.html", script=script).result
    assert (missed, first, ordered) == (0, "Skip to the content", False)
    assert outline != "none"


@pytest.fixture
def served(site: Path, tmp_path: Path) -> Iterator[str]:
    """The site as GitHub Pages serves it: in a folder of a host."""
    shutil.copytree(site, tmp_path / "www" / "project")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/project/"
        server.shutdown()
        thread.join()


def test_the_site_works_from_a_server(browser: Browser, served: str) -> None:
    script = "document.querySelector('.card a').href"
    page = browser.page(served, script=script)
    assert page.result == f"{served}another/index.html"
    assert page.console == [] and page.requests == [served]
    page = browser.page(f"{served}small-test/index.html", script=SEARCH.replace("WORDS", '["npm1"]'))
    assert "NPM1" in page.result[0]["shown"] and page.console == []


def test_the_browser_helper_tells_of_errors_and_requests(browser: Browser, tmp_path: Path) -> None:
    text = "<script>console.warn('a', 1); nothing()</script><img src='no.png'>"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    page = browser.page(tmp_path / "page.html", script="new Promise((done) => setTimeout(done, 50, 7))")
    assert page.result == 7
    assert any("nothing is not defined" in entry for entry in page.console)
    assert "warning: a 1" in page.console
    assert page.requests[1] == (tmp_path / "no.png").as_uri()
    with pytest.raises(AssertionError, match="ERR_FILE_NOT_FOUND"):
        browser.page(tmp_path / "none.html")
