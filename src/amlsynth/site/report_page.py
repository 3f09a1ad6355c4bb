"""A report inside a page of the site: in a sandbox, where it can run no script on the site's origin."""

from __future__ import annotations

from typing import Final

from amlsynth.site.markup import Markup, el

REPORT_PAGE: Final = "report/index.html"
_STYLE = (
    "html, body { margin: 0; height: 100%; } iframe { border: 0; width: 100%; height: 100%; display: block; }"
)


def report_page(title: str, report: str) -> str:
    """Return a page that shows a report as the content of a frame without an origin.

    The frame may run its own scripts, which sort tables; it can read nothing of the site, and the policy,
    which it inherits, lets it load nothing from anywhere. Its file is in the zip of the release.
    """
    inherited = "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:"
    policy = f"default-src 'none'; {inherited}; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("link", rel="icon", href="data:,"),
        Markup(f"<style>{_STYLE}</style>"),
    )
    frame = el("iframe", title=title, sandbox="allow-scripts allow-popups", srcdoc=report)
    return f"<!DOCTYPE html>\n{el('html', head, el('body', frame), lang='en')}\n"
