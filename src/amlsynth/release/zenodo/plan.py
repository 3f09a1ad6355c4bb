"""The dry run: every request that publishing makes, without making one and without a token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.defaults import REPORT_FILE, REPORT_PDF
from amlsynth.release.zenodo.checks import Checked, check_release
from amlsynth.release.zenodo.drafts import concept_number, release_metadata
from amlsynth.release.zenodo.metadata import first_metadata
from amlsynth.release.zenodo.servers import choose_server

_WITH_DOI = ("datapackage.json", "CITATION.cff", "README.md", REPORT_FILE, REPORT_PDF)


@dataclass(frozen=True)
class PlannedRequest:
    """One request; {DRAFT}, {BUCKET} and the like stand for what the server will answer.

    condition : when it is made, "" for always.
    content : the JSON that is sent, None where there is none.
    file : the file that is sent, None where there is none.
    """

    method: str
    url: str
    purpose: str
    condition: str = ""
    content: dict[str, Any] | None = None
    file: str | None = None

    def sentences(self, *, again: bool = False) -> list[str]:
        """Return the request as lines of text; with `again`, its content was shown before."""
        head = f"{self.method} {self.url}"
        lines = [head, f"    {self.purpose}{f', {self.condition}' if self.condition else ''}"]
        if self.content is not None and again:
            lines.append("    (the same content as above)")
        elif self.content is not None:
            text = json.dumps(self.content, indent=1, ensure_ascii=False)
            lines += [f"    {line}" for line in text.splitlines()]
        return lines


def plan_publication(
    path: Path,
    *,
    confirm: bool = False,
    sandbox: bool = False,
    new_version_of: str | None = None,
    d: Dictionary | None = None,
) -> list[PlannedRequest]:
    """Return the requests that `publish_release` makes with the same arguments, in their order.

    Raises
    ------
    UsageError, DataError
        As `publish_release` does before its first request; no token is needed.

    Examples
    --------
    >>> "PUT" in {request.method for request in plan_publication(release, sandbox=True)}
    True
    """
    server = choose_server(sandbox=sandbox)
    checked = check_release(path, server, d)
    concept = concept_number(new_version_of)
    known = checked.state.servers.get(server.base)
    api = f"{server.base}/api"
    depositions = f"{api}/deposit/depositions"
    draft = f"{depositions}/{known.deposition if known else '{DRAFT}'}"
    record = f"{api}/records/{known.deposition if known else '{DRAFT}'}"
    first = {"metadata": first_metadata(checked.spec, checked.package, checked.provenance.amlsynth)}
    metadata = {"metadata": release_metadata(checked), "files": {"enabled": True}}
    fresh = "only where no draft of this release is found"
    listing = f"{depositions}?page=1&size=25&sort=mostrecent&all_versions=true&shared_with_me=false"
    plan = [PlannedRequest("GET", listing, "which drafts and versions the account has")]
    if known:
        plan.append(PlannedRequest("GET", draft, "the draft that publish.json names"))
    elif concept is not None:
        plan.append(PlannedRequest("GET", f"{api}/records/{concept}", "the published data set"))
        plan.append(
            PlannedRequest("POST", f"{api}/records/{{LATEST}}/versions", "a new version of it", fresh)
        )
        plan.append(PlannedRequest("GET", draft, "the draft of the new version"))
    else:
        version = f"{fresh}; a new version, POST {api}/records/{{LATEST}}/versions, where one is published"
        plan.append(PlannedRequest("POST", depositions, "a new draft", version, first))
    plan.append(PlannedRequest("GET", f"{record}/draft", "its DOI, which a change of metadata has to keep"))
    plan.append(PlannedRequest("PUT", f"{record}/draft", "its metadata, with that DOI", "", metadata))
    plan.append(PlannedRequest("POST", f"{record}/draft/pids/doi", "reserve a DOI", "only where it has none"))
    plan.append(PlannedRequest("GET", draft, "its files"))
    gone = f"{draft}/files/{{FILE}}"
    plan.append(PlannedRequest("DELETE", gone, "a file that is no part of the release", "for each there is"))
    missing = "unless it is there"
    plan += [
        PlannedRequest("PUT", f"{{BUCKET}}/{name}", _bytes(checked, name), missing, file=name)
        for name in (checked.archive.name, *sorted(n for n in checked.package.files if "/" not in n))
    ]
    plan.append(PlannedRequest("GET", draft, "whether all files arrived"))
    if confirm:
        plan.append(PlannedRequest("POST", f"{draft}/actions/publish", "publish, which cannot be undone"))
        plan.append(PlannedRequest("GET", draft, "the published record"))
        zip_ = f"{record}/files/{checked.archive.name}/content"
        plan.append(PlannedRequest("GET", zip_, "the zip as anybody gets it, to compare its SHA-256"))
        for name in checked.spec.communities:
            there = f"whether the community {name} has it"
            ask = {"communities": [{"id": name}]}
            plan.append(PlannedRequest("GET", f"{record}/communities", there))
            plan.append(
                PlannedRequest("POST", f"{record}/communities", f"ask {name} to take it", "else", ask)
            )
            plan.append(PlannedRequest("GET", f"{record}/communities", there))
    return plan


def _bytes(checked: Checked, name: str) -> str:
    path = checked.folder / name
    if not path.is_file():
        return "the zip of the release"
    doi = " and the DOI" if name in _WITH_DOI and not checked.package.doi else ""
    return f"{path.stat().st_size:,} bytes{doi}"
