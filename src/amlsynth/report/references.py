"""Numbered references: the paper first, then the sources of the measures as they come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from amlsynth.foundation.addresses import doi_url
from amlsynth.foundation.assets import asset
from amlsynth.report.context import Context
from amlsynth.report.text import escape

_PLACE = re.compile(r"\d+:\d+")  # volume and page, which the list has


@dataclass(frozen=True)
class References:
    """The references of one report; each has the number of its place in the list."""

    context: Context

    @cached_property
    def listed(self) -> list[Mapping[str, Any]]:
        """The entries of the report, in their order."""
        entries = yaml.safe_load((asset("reports") / "references.yaml").read_text(encoding="utf-8"))
        chosen = self.context.dictionary.roles.classification
        own = [{"text": chosen.source, "doi": chosen.doi}] if chosen and chosen.source else []
        used = [entries[0], *own]  # the paper, and what the classification is made by
        for measure in self.context.evaluation.measures:
            for part in measure.source.split(";"):
                entry = _entry(part, entries)
                if entry is not None and entry not in used:
                    used.append(entry)
        used += [entry for entry in entries if entry["match"] == "Zou and Donner"]  # of the signals
        return used

    def cite(self, source: str) -> str:
        """Return a source as links to its references, with what is no reference in words; Markdown."""
        found = []
        for part in source.rstrip(".").split(";"):
            entry = _entry(part, [e for e in self.listed if "match" in e])
            if entry is not None:
                number = self.listed.index(entry) + 1
                link = f"[\\[{number}\\]](#ref-{number})"
                found += [link] if link not in found else []
            elif not _PLACE.match(part.strip()):
                found.append(escape(part.strip()))
        return ", ".join(found)

    def markdown(self) -> str:
        """Return the list, each entry with an anchor and its DOI."""
        lines = []
        for number, entry in enumerate(self.listed, start=1):
            doi = entry.get("doi")
            # The text of a dictionary is never Markdown: one that others wrote could hold a page's script.
            link = f" [doi:{escape(doi)}]({doi_url(doi)})" if doi else ""
            lines.append(f"[\\[{number}\\]]{{#ref-{number}}} {escape(entry['text'])}.{link}\n")
        return "\n".join(lines)


def _entry(part: str, entries: list[Any]) -> Any:
    return next((entry for entry in entries if entry["match"] in part), None)
