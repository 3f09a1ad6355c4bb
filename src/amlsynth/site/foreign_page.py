"""Pages that a release brings, such as its report: shown, but with nothing of theirs running."""

from __future__ import annotations

import re
from pathlib import Path

from amlsynth.foundation.assets import asset
from amlsynth.site.markup import source_hash

# The one script that amlsynth's reports have: it sorts and copies tables.
_OWN_SCRIPT = "reports/builtin/tables.html"
_DOCTYPE = re.compile(rb"\s*<!doctype[^>]*>", re.IGNORECASE)


def copy_page(source: Path, target: Path) -> None:
    """Copy an HTML page with a content security policy before all else in it.

    Styles and images that stand in the page are shown. No script runs but that of amlsynth's own reports,
    word for word, and nothing is fetched or sent.
    """
    content = source.read_bytes()
    start = _DOCTYPE.match(content)
    after = start.end() if start else 0
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src {own_script()}; base-uri 'none'; form-action 'none'"
    )
    meta = f'<!DOCTYPE html>\n<meta http-equiv="Content-Security-Policy" content="{policy}">'
    target.write_bytes(meta.encode("ascii") + content[after:])


def own_script() -> str:
    """Return the script of the reports as a content security policy names it."""
    text = asset(_OWN_SCRIPT).read_text(encoding="utf-8")
    return source_hash(text[text.index("<script>") + len("<script>") : text.index("</script>")])
