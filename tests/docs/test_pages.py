"""The documentation as `make docs` writes it: no link leads nowhere, nothing is asked of elsewhere."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import click
import pytest

import amlsynth
from amlsynth.cli import cli
from browser import Browser

pytestmark = pytest.mark.slow
_LOADS = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}
PAGES = (
    "index.html",
    "tutorials/steward.html",
    "reference/cli.html",
    "reference/python.html",
    "mapping.html",
)


class Links(HTMLParser):
    """The addresses of a page: what it links to, what it loads, and the places that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif (tag, name) in _LOADS and value:
                self.loads.append(value)
            elif (tag, name) == ("a", "href") and value:
                self.leads.append(value)


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    mkdocs = pytest.importorskip("mkdocs.config", reason="pip install 'amlsynth[docs]' brings mkdocs")
    from mkdocs.commands.build import build

    out = tmp_path_factory.mktemp("docs") / "site"
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setLevel(logging.WARNING)
    logging.getLogger("mkdocs").addHandler(handler)
    # Warnings of other packages' code are theirs; those of mkdocs go through its log.
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        config = mkdocs.load_config(str(repository / "mkdocs.yml"), site_dir=str(out))
        build(config)
    logging.getLogger("mkdocs").removeHandler(handler)
    assert told.getvalue() == ""
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {path: Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_link_leads_to_a_place_that_is_there(site: Path, pages: dict[Path, Links]) -> None:
    assert len(pages) > 20
    missing = []
    for path, page in pages.items():
        for link in page.leads:
            address, place = urldefrag(link)
            if re.match(r"https?:|mailto:", address) or (path.name == "404.html" and address.startswith("/")):
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            known = pages[target].places if target in pages else set()
            if not target.is_file() or (place and target in pages and unquote(place) not in known):
                missing.append(f"{path.relative_to(site)}: {link}")
    assert missing == []


def test_it_starts_with_the_four_users(site: Path, pages: dict[Path, Links]) -> None:
    start = pages[site / "index.html"].leads
    names = ("steward", "researcher", "regulator", "modeller")
    assert {f"tutorials/{name}.html" for name in names} <= set(start)
    assert "Look something up" in (site / "index.html").read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Links]) -> None:
    loaded = {address for page in pages.values() for address in page.loads}
    assert [address for address in loaded if re.match(r"(?!data:)\w+:|//", address)] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", styles)


def test_every_command_and_every_public_name_is_in_the_reference(site: Path) -> None:
    commands = (site / "reference" / "cli.html").read_text(encoding="utf-8")

    def walk(command: click.Command, path: str) -> list[str]:
        below = command.commands.items() if isinstance(command, click.Group) else ()
        return [path, *(name for key, inner in below for name in walk(inner, f"{path} {key}"))]

    asked = [f">{path}<" in commands for path in walk(cli, "amlsynth")]
    assert len(asked) > 20 and all(asked)
    names = Links((site / "reference" / "python.html").read_text(encoding="utf-8")).places
    last = {name.rpartition(".")[2] for name in names}
    assert set(amlsynth.__all__) - {"__version__"} <= last
    gates = (site / "reference" / "gates.html").read_text(encoding="utf-8")
    assert "public-release" in gates and "membership_density_auc" in gates


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_quiet_and_as_wide_as_the_window(
    browser: Browser, site: Path, name: str, width: int
) -> None:
    page = browser.page(site / name, width=width, script="document.documentElement.scrollWidth")
    assert page.result <= width
    assert page.console == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_search_works_from_the_folder(browser: Browser, site: Path) -> None:
    script = """new Promise(async done => {
      const until = async look => { for (let i = 0; i < 100; i++) {
        const found = look(); if (found) return found; await new Promise(r => setTimeout(r, 100)); } };
      const field = document.querySelector('input[data-md-component=search-query]');
      field.focus();
      field.value = 'karyotype';
      field.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
      const found = await until(() => document.querySelector('.md-search-result__link'));
      done(JSON.stringify([...document.querySelectorAll('.md-search-result__link')].map(a => a.href)));
    })"""
    found = json.loads(browser.page(site / "index.html", script=script).result)
    assert any("mapping.html" in address for address in found)
