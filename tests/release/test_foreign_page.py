"""Reports of releases that others made are shown on a site, and nothing of theirs runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlsynth.foundation.assets import asset
from amlsynth.site.foreign_page import copy_page, own_script
from browser import Browser

HOSTILE = """<script>document.title = "ran 0"</script>
<html><head><title>quiet</title>
<script>document.title = "ran 1"</script></head><body onload="document.title = 'ran 2'">
<img src=x onerror="document.title = 'ran 3'"><svg onload="document.title = 'ran 4'"></svg>
<iframe srcdoc="<script>parent.document.title = 'ran 5'</script>"></iframe>
<a id="a" href="javascript:document.title = 'ran 6'">x</a>
<p id="style" style="color: red">shown</p></body></html>"""


@pytest.mark.parametrize("start", ["", "<!DOCTYPE html>", "\n<!doctype html SYSTEM 'about:legacy-compat'>\n"])
def test_a_policy_stands_before_all_else(tmp_path: Path, start: str) -> None:
    (tmp_path / "in.html").write_text(start + HOSTILE)
    copy_page(tmp_path / "in.html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert page.startswith('<!DOCTYPE html>\n<meta http-equiv="Content-Security-Policy" content="default-src')
    assert page.lower().count("<!doctype") == 1 and page.endswith(HOSTILE)


def test_the_own_script_is_the_one_of_reports() -> None:
    """A policy names a script by its text, so a changed script needs no change here."""
    text = (asset("reports/builtin/tables.html")).read_text(encoding="utf-8")
    assert text.count("<script") == 1 and own_script().startswith("'sha256-")


def test_nothing_foreign_runs_in_a_browser(tmp_path: Path, browser: Browser) -> None:
    own = asset("reports/builtin/tables.html").read_text(encoding="utf-8")
    (tmp_path / "in.html").write_text(HOSTILE.replace("</body>", f"{own}</body>"))
    copy_page(tmp_path / "in.html", tmp_path / "out.html")
    script = (
        "document.getElementById('a').click(); "
        "[document.title, document.querySelectorAll('[role=status]').length, "
        "getComputedStyle(document.getElementById('style')).color].join('|')"
    )
    page = browser.page(tmp_path / "out.html", script=script)
    assert page.result == "quiet|1|rgb(255, 0, 0)"  # ours runs, and the page has its style
