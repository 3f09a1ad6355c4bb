"""The release site: what it lists, that it repeats, and how it looks and works in a browser."""

from __future__ import annotations

import hashlib
import html.parser
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release import ReleaseResult, build_release
from amlsynth.site import build_site
from amlsynth.site.markup import Markup, el, inline, json_ld
from html_checker import parse_errors, vnu_errors

NEWEST = "small-test/1.10.0"


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Links(html.parser.HTMLParser):
    """The addresses that a page names, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "srcset", "action", "data") or (name == "href" and tag != "a"):
                self.sources.append(value or "")
            elif name == "id":
                self.ids.add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(site: Path) -> list[Path]:
    """The pages of the site's own; those that frame a report are tested in a browser."""
    return sorted(path for path in site.rglob("index.html") if path.parent.name != "report")


def test_versions_are_grouped_the_newest_first(site: Path) -> None:
    record = json.loads((site / "site.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in record["data_sets"]] == ["another", "small-test"]
    versions = record["data_sets"][1]["versions"]
    assert [entry["version"] for entry in versions] == ["2.0.0-rc.1", "1.10.0", "1.2.3"]
    assert (site / ".nojekyll").is_file()
    # The page of the data set is that of the newest version that is no pre-release.
    assert "Version1.10.0" in Links(site / "small-test" / "index.html").text
    assert "This is an older version" in Links(site / "small-test" / "1.2.3" / "index.html").text
    assert "This is a pre-release" in Links(site / "small-test" / "2.0.0-rc.1" / "index.html").text
    assert "Most readers want" not in Links(site / NEWEST / "index.html").text


def test_every_link_leads_somewhere_and_nothing_is_loaded(site: Path) -> None:
    assert len(pages(site)) == 1 + 2 + 4
    for page in pages(site):
        found = Links(page)
        assert found.sources == ["data:,"], page  # the empty icon
        for link in found.links:
            if link.startswith("#"):
                assert link[1:] in found.ids, (page, link)
            elif not link.startswith("https://"):
                assert (page.parent / link).is_file(), (page, link)
                assert (page.parent / link).resolve().is_relative_to(site.resolve())
    assert {link for page in pages(site) for link in Links(page).links if "://" in link} == {
        "https://creativecommons.org/licenses/by/4.0/"
    }


def test_every_page_is_valid_html(site: Path) -> None:
    assert [error for page in site.rglob("*.html") for error in parse_errors(page)] == []


def test_the_nu_checker_finds_no_error(site: Path) -> None:
    # A report of another release stands in a frame, as it came; reports have a test of their own.
    assert vnu_errors(sorted(site.rglob("index.html"))) == []


def test_the_files_are_those_of_the_releases(site: Path, releases: dict[str, ReleaseResult]) -> None:
    for version in ("1.2.3", "1.10.0", "2.0.0-rc.1"):
        folder = site / "small-test" / version
        files = tree(folder)
        archive = releases[version].archive
        # Whether it was given as a folder or a zip, the zip is that of the build.
        assert files.pop(archive.name) == releases[version].archive_sha256
        del files["index.html"], files["report/index.html"]
        released = tree(releases[version].folder)
        del released["report.html"]  # is in the zip, and shown in the frame of its page
        assert files == released
        text = Links(folder / "index.html").text
        assert releases[version].archive_sha256 in text
        sums = (releases[version].folder / "SHA256SUMS").read_text(encoding="utf-8")
        assert all(line.split()[0] in text for line in sums.splitlines())


def test_the_same_releases_give_the_same_bytes(
    site: Path, releases: dict[str, ReleaseResult], tmp_path: Path
) -> None:
    others = [releases[key].folder for key in ("hostile", "2.0.0-rc.1", "1.10.0", "1.2.3")]
    build_site(others, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(site)
    content = b"".join(path.read_bytes() for path in pages(site))
    assert not [place for place in (str(Path.home()), "/tmp/") if place.encode() in content and place != "/"]


def test_the_python_code_of_the_page_runs(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site / NEWEST)
    text = (site / NEWEST / "index.html").read_text(encoding="utf-8")
    blocks = [html.unescape(block) for block in re.findall(r"<code>(import .*?)</code>", text, re.DOTALL)]
    assert len(blocks) == 2
    for block in blocks:
        scope: dict[str, Any] = {}
        exec(block, scope)  # noqa: S102
        assert scope["patients"].shape == (40, 64)


def test_structured_data_name_files_that_are_there(site: Path) -> None:
    for page in (site / "small-test" / "index.html", site / NEWEST / "index.html"):
        text = page.read_text(encoding="utf-8")
        (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
        content = json.loads(block)
        assert content["@type"] == "Dataset"
        for entry in content["distribution"]:
            assert (page.parent / entry["contentUrl"]).is_file()


def test_without_data_the_documents_stay(releases: dict[str, ReleaseResult], tmp_path: Path) -> None:
    build_site([releases["1.10.0"].archive], tmp_path / "site", data=False)
    folder = tmp_path / "site" / NEWEST
    assert (folder / "report/index.html").is_file() and (folder / "CODEBOOK.md").is_file()
    assert (
        not list(folder.glob("*.zip")) and not (folder / "data").exists() and not (folder / "adam").exists()
    )
    page = Links(folder / "index.html")
    assert releases["1.10.0"].archive_sha256 in page.text
    assert "small-test-1.10.0.zip" not in page.links
    assert "application/ld+json" not in (folder / "index.html").read_text(encoding="utf-8")


def test_a_doi_stands_on_the_pages(
    releases: dict[str, ReleaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doi = "10.5281/zenodo.12345"
    monkeypatch.setattr("amlsynth.site.catalogue.Listed.doi", doi)
    build_site([releases["1.2.3"].archive], tmp_path / "site", data=False)
    record = json.loads((tmp_path / "site" / "site.json").read_text(encoding="utf-8"))
    assert record["data_sets"][0]["versions"][0]["doi"] == doi
    assert f"https://doi.org/{doi}" in Links(tmp_path / "site" / "index.html").links
    page = Links(tmp_path / "site" / "small-test" / "1.2.3" / "index.html")
    assert page.links.count(f"https://doi.org/{doi}") == 3  # facts, button, versions
    assert f"[Data set]. https://doi.org/{doi}" in page.text


def test_an_older_site_is_replaced(releases: dict[str, ReleaseResult], tmp_path: Path) -> None:
    build_site([releases["1.2.3"].archive, releases["hostile"].archive], tmp_path / "site", title="One")
    build_site([releases["1.10.0"].archive], tmp_path / "site", title="Two")
    assert {path.name for path in (tmp_path / "site").iterdir()} == {
        "small-test",
        "index.html",
        "site.json",
        ".nojekyll",
    }
    assert not (tmp_path / "site" / "small-test" / "1.2.3").exists()
    assert "Two" in Links(tmp_path / "site" / "index.html").text


@pytest.mark.parametrize("there", ["notes.txt", ".git/config", "site.json", "of a site"])
def test_a_folder_of_something_else_is_kept(
    releases: dict[str, ReleaseResult], tmp_path: Path, there: str
) -> None:
    out = tmp_path / "site"
    if there == "of a site":
        build_site([releases["1.2.3"].archive], out)
        there = "CNAME"
    (out / there).parent.mkdir(parents=True, exist_ok=True)
    (out / there).write_text("[1]", encoding="utf-8")
    before = tree(out)
    with pytest.raises(UsageError, match="would be lost"):
        build_site([releases["1.10.0"].archive], out)
    assert tree(out) == before and [path.name for path in tmp_path.iterdir()] == ["site"]


def test_bad_calls_are_refused(releases: dict[str, ReleaseResult], tmp_path: Path) -> None:
    release = releases["1.2.3"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    for paths, out, problem in (
        ([], tmp_path / "o", "no release to list"),
        ([tmp_path / "no.zip"], tmp_path / "o", "no release folder or zip there"),
        ([release.archive], tmp_path / "file", "this is a file"),
        ([release.archive], release.archive.parent, "would overlap"),
        ([release.folder], release.folder / "site", "would overlap"),
    ):
        with pytest.raises(UsageError, match=problem):
            build_site(paths, out)
    with pytest.raises(UsageError, match="title of the site is empty"):
        build_site([release.archive], tmp_path / "o", title=" ")
    assert not (tmp_path / "o").exists()


def test_what_does_not_verify_is_not_listed(
    releases: dict[str, ReleaseResult], folder: Path, archive: Path, tmp_path: Path
) -> None:
    (folder / "report.html").write_text("other", encoding="utf-8")
    content = bytearray(archive.read_bytes())
    content[5000] ^= 1
    archive.write_bytes(content)
    piped = Path(shutil.copytree(releases["1.10.0"].folder, tmp_path / "piped"))
    (piped / "README.md").unlink()
    os.mkfifo(piped / "README.md")
    (tmp_path / "empty").mkdir()
    for path, problem in (
        (folder, r"report\.html: .*does not verify"),
        (archive, "does not verify"),
        (piped, "a link or special file"),
        (tmp_path / "empty", "no release"),
    ):
        with pytest.raises(DataError, match=f"(?s){problem}"):
            build_site([releases["1.2.3"].archive, path], tmp_path / "site")
        assert not (tmp_path / "site").exists()


@pytest.mark.usefixtures("fast")
def test_two_releases_of_one_version_have_to_be_the_same(
    releases: dict[str, ReleaseResult], tmp_path: Path, write_spec: Callable[..., Path]
) -> None:
    other = build_release(write_spec(tmp_path, changes=["Something else."]), tmp_path / "out")
    with pytest.raises(UsageError, match=r"are both small-test 1\.2\.3, but not the same"):
        build_site([releases["1.2.3"].folder, other.archive], tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_command(
    releases: dict[str, ReleaseResult], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from amlsynth.cli import main

    arguments = [
        "site",
        str(releases["1.2.3"].archive),
        "--out",
        str(tmp_path / "s"),
        "--title",
        "Ours & <b>",
    ]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "1 data set, 1 version." in capsys.readouterr().out
    assert "<h1>Ours &amp; &lt;b&gt;</h1>" in (tmp_path / "s" / "index.html").read_text(encoding="utf-8")
    for arguments in (["site", "--out", str(tmp_path / "t")], ["site", "--out", str(tmp_path / "t"), "none"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert not (tmp_path / "t").exists()


def test_elements_escape_what_is_put_into_them() -> None:
    assert el("p", "<b>", Markup("<i>"), None, ["&", 3], title='"', hidden=True, lang=None) == (
        '<p title="&quot;" hidden>&lt;b&gt;<i>&amp;3</p>'
    )
    assert el("br") == "<br>" and el("a", class_="x", aria_label="y") == '<a class="x" aria-label="y"></a>'
    text = json_ld({"a": "</script><!-- & \u2028"})
    assert text.count("</script>") == 1 and "<!--" not in text and "\u2028" not in text
    assert json.loads(text.partition(">")[2].removesuffix("</script>")) == {"a": "</script><!-- & \u2028"}
    with pytest.raises(ValueError, match="ends its <script>"):
        inline("script", "'</SCRIPT>'")
