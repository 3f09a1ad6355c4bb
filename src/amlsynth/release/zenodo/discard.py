"""Give up a draft: on the server, in publish.json, and its DOI in the release's documents."""

from __future__ import annotations

import time
from pathlib import Path

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError
from amlsynth.release.doi import stamp_release
from amlsynth.release.zenodo.checks import check_place, check_release, only_one
from amlsynth.release.zenodo.client import Client, Sleep
from amlsynth.release.zenodo.depositions import Deposition, Depositions
from amlsynth.release.zenodo.servers import choose_server, find_token
from amlsynth.release.zenodo.state import write_state


def discard_draft(
    path: Path, *, sandbox: bool = False, sleep: Sleep = time.sleep, d: Dictionary | None = None
) -> Deposition | None:
    """Delete the draft of a release folder; its reserved DOI goes with it.

    Parameters
    ----------
    path : the release folder. The DOI is taken out of its documents, and the zip beside it made anew.
    sandbox, sleep, d : as for `publish_release`.

    Returns
    -------
    The draft that there was, None when there was none.

    Raises
    ------
    UsageError
        The version is published, or as of `publish_release`.
    DataError
        As of `publish_release`.
    """
    server = choose_server(sandbox=sandbox)
    checked = check_release(path, server, d)
    token = find_token(server)
    check_place(checked)
    with only_one(checked.folder), Client(server, token, sleep) as client:
        depositions = Depositions(client, sleep)
        known = checked.state.servers.get(server.base)
        found = depositions.read(known.deposition) if known else None
        mine = (checked.name, checked.version)
        drafts = [other for other in depositions.of_release(checked.name) if other.release == mine]
        found = found or next((other for other in drafts if not other.submitted), None)
        if found is not None and found.submitted:
            raise UsageError(
                f"{checked.folder}: version {checked.version} is published, as {found.doi}, and no draft. "
                "What is published stays; for a mistake in it raise the version, build and publish again."
            )
        if found is not None:
            depositions.discard(found.id)
    if known or found:
        write_state(checked.folder, checked.state.with_publication(server.base, None))
    reserved = {known.doi if known else None, found.doi if found else None} - {None, ""}
    if checked.package.doi in reserved:
        stamp_release(checked.folder, checked.archive, None)
    return found
