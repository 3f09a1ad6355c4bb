"""The HTML of reports is valid, as two checkers have it that nobody here wrote."""

from __future__ import annotations

import pytest

from amlsynth.report import render_report
from html_checker import parse_errors, vnu_errors


@pytest.fixture(scope="module")
def pages(rendered, release, tmp_path_factory):
    """The report for regulators, which has hostile names in it, and the one for the public."""
    public = tmp_path_factory.mktemp("public") / "public.html"
    render_report(release, public, engine="fallback", audience="public")
    return [rendered[0], public]


def test_the_pages_parse_without_an_error(pages):
    assert [error for page in pages for error in parse_errors(page)] == []


def test_the_nu_checker_finds_no_error(pages):
    assert vnu_errors(pages) == []


def test_the_checkers_find_what_is_wrong(tmp_path):
    page = tmp_path / "page.html"
    head = "<!DOCTYPE html><html lang='en'><head><title>x</title></head>"
    page.write_text(f"{head}<body><p><div></p></div></body></html>", encoding="utf-8")
    assert parse_errors(page)
    page.write_text(f"{head}<body><table><tr role='none'><td scope='x'>1</table>", encoding="utf-8")
    assert vnu_errors([page])
