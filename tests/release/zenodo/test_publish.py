"""Publishing: exactly one published version with the right files, whatever fails, whenever it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.release.zenodo.conftest import publish
from tests.release.zenodo.zenodo_server import KINDS, Record, ZenodoServer, template

from amlsynth.cli import main
from amlsynth.foundation.errors import AmlsynthError, DataError, UsageError
from amlsynth.loading import load
from amlsynth.release import build_release, verify_release
from amlsynth.release.checksums import check_files
from amlsynth.release.file_names import file_names
from amlsynth.release.package import DataPackage
from amlsynth.release.zenodo import client as client_module
from amlsynth.release.zenodo import publish as publish_module
from forked import Forked

NAME, VERSION = "small-test", "1.2.3"
STEM = f"{NAME}-{VERSION}"
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
UPLOADED = {f"{STEM}.zip", *(name for name in file_names(NAME) if "/" not in name)}


def until_done(folder: Path, **options: Any) -> str:
    """Run publish again, as a steward would; return "published" or the refusal of what is published."""
    try:
        assert publish(folder, **options).published
        return "published"
    except UsageError as error:
        assert "is published already" in str(error), error
        return "refused"


def assert_one(server: ZenodoServer, folder: Path, others: int = 0) -> Record:
    """Assert that there is one published record of the release, and that it holds what the folder holds."""
    marked = [r for r in server.published() if f"Release {NAME} {VERSION}," in r.notes]
    assert len(marked) == 1 and len(server.published()) == 1 + others
    assert server.drafts() == []
    record = marked[0]
    assert set(record.files) == UPLOADED
    for name in UPLOADED - {f"{STEM}.zip"}:
        assert record.files[name] == (folder / name).read_bytes(), name
    assert record.files[f"{STEM}.zip"] == (folder.parent / f"{STEM}.zip").read_bytes()
    doi = f"10.5072/zenodo.{record.number}"
    package = DataPackage.model_validate_json((folder / "datapackage.json").read_bytes())
    assert package.doi == doi and doi in package.citation
    assert check_files(folder)[1] == []
    state = json.loads((folder / "publish.json").read_text())
    assert state["servers"][server.base]["stage"] == "published"
    assert state["servers"][server.base]["doi"] == doi
    leftovers = {path.name for path in folder.parent.iterdir()} - {STEM, f"{STEM}.zip"}
    assert leftovers == set()
    return record


def fresh(release: Path, place: Path) -> Path:
    """A copy of a release folder, and of nothing else, at a place."""
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(release, place / STEM))


def earlier(server: ZenodoServer) -> None:
    """Version 1.2.2 is published there, with files of which two have names of the new ones."""
    notes = f"Release {NAME} 1.2.2, made with amlsynth 0.1.0."
    record = server.seed(submitted=True, notes=notes, version="1.2.2", title="Old")
    record.files = {f"{NAME}-1.2.2.zip": b"zip", "README.md": b"old", "LICENSE": b"old", "extra.txt": b"?"}


def test_a_draft_is_left_to_look_at_and_published_when_told(folder: Path, zenodo: ZenodoServer) -> None:
    result = publish(folder, confirm=False)
    assert not result.published and zenodo.published() == []
    (draft,) = zenodo.drafts()
    assert set(draft.files) == UPLOADED == set(result.sent)
    assert result.doi == f"10.5072/zenodo.{draft.number}" and result.page.endswith(f"/deposit/{draft.number}")
    assert verify_release(folder).problems == ()  # with publish.json in it
    sent = len(zenodo.log)
    result = publish(folder)
    assert result.published and result.sent == () and set(result.kept) == UPLOADED
    assert [method for method, _ in zenodo.log[sent:]].count("PUT") == 1  # the metadata
    assert [path for method, path in zenodo.log if method == "POST" and path.endswith("/pids/doi")] == [
        f"/api/records/{draft.number}/draft/pids/doi"
    ]
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("same_evaluation", "plain_figures")
def test_the_whole_way_from_the_spec_to_the_files_that_others_get(
    zenodo: ZenodoServer, tmp_path: Path, write_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Build, publish, read the files back without a token, verify and load them."""
    folder = build_release(write_spec(tmp_path / "spec"), tmp_path / "releases").folder
    doi = publish(folder).doi
    record = json.loads(_download(f"{zenodo.base}/api/records/{doi.rpartition('.')[2]}"))
    assert {file["key"] for file in record["files"]} == UPLOADED and record["doi"] == doi
    (tmp_path / "back").mkdir()
    for file in record["files"]:
        (tmp_path / "back" / file["key"]).write_bytes(_download(file["links"]["self"]))
    back = tmp_path / "back" / f"{STEM}.zip"
    assert verify_release(back).problems == ()
    frame = load(back)
    assert len(frame) == 40 and frame.attrs["citation"].endswith(f"https://doi.org/{doi}")
    # Others load it by its DOI into a clean cache, and from then on without a net.
    monkeypatch.setenv("AMLSYNTH_CACHE", str(tmp_path / "cache"))
    pd.testing.assert_frame_equal(load(doi), frame)
    zenodo.reset()
    again = load(doi, offline=True)
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs["doi"] == doi
    assert "publish.json" not in UPLOADED and b"publish.json" not in back.read_bytes()
    assert f'doi: "{doi}"' in (tmp_path / "back" / "CITATION.cff").read_text(encoding="utf-8")
    page = (tmp_path / "back" / "report.html").read_text(encoding="utf-8")
    assert page.count(f'<a href="https://doi.org/{doi}">') == 2  # on its first page and where it is cited
    for name in UPLOADED - {f"{STEM}.zip"}:
        assert (tmp_path / "back" / name).read_bytes() == (folder / name).read_bytes()


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def test_the_metadata_are_complete(folder: Path, zenodo: ZenodoServer) -> None:
    """In the words of the newer API; a group is no person whose family name is its last word."""
    publish(folder, confirm=False)
    metadata = zenodo.drafts()[0].metadata
    person = {"type": "personal", "family_name": "Núñez", "given_name": "Ana"}
    assert metadata["creators"] == [
        {
            "person_or_org": person
            | {"identifiers": [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}]},
            "affiliations": [{"name": "Trial Group"}],
        },
        {"person_or_org": {"type": "organizational", "name": "The Trial Group"}},
    ]
    doe = {"type": "personal", "family_name": "Doe", "given_name": "Jo"}
    assert metadata["contributors"] == [{"person_or_org": doe, "role": {"id": "datacurator"}}]
    related = {"identifier": "10.1038/s41746-024-01076-x", "scheme": "doi"}
    assert metadata["related_identifiers"] == [related | {"relation_type": {"id": "references"}}]
    assert metadata["rights"] == [{"id": "cc-by-4.0"}]
    assert (metadata["version"], metadata["resource_type"]) == (VERSION, {"id": "dataset"})
    assert (metadata["publication_date"], metadata["subjects"]) == ("2026-11-20", [{"subject": "AML"}])
    assert metadata["title"] == "A small release, for tests"
    assert "50 % of them with a | in the text" in metadata["description"]
    assert "No row is a patient" in metadata["description"]
    assert zenodo.headers[0]["User-Agent"].startswith("amlsynth/")


def test_a_new_version_replaces_all_files_of_the_old(folder: Path, zenodo: ZenodoServer) -> None:
    earlier(zenodo)
    zenodo.inherit = True
    result = publish(folder)
    assert set(result.removed) == {f"{NAME}-1.2.2.zip", "extra.txt"}
    record = assert_one(zenodo, folder, others=1)
    assert len({other.concept for other in zenodo.published()}) == 1
    assert record.metadata["version"] == VERSION
    assert any("--previous" in note for note in result.notes)


def points_of(log: list[tuple[str, str]]) -> list[int]:
    """Where to fail: at every request, of the uploads at the first and the last."""
    uploads = [
        number for number, (method, path) in enumerate(log) if (method, path[:11]) == ("PUT", "/api/files/")
    ]
    return [number for number in range(len(log)) if number not in uploads[1:-1]]


@pytest.mark.usefixtures("light", "stamped_once")
@pytest.mark.parametrize(
    ("kind", "lasting", "others"),
    [(kind, False, 0) for kind in KINDS]
    + [("500", True, 0), ("no answer after", True, 0), ("no answer after", False, 1), ("504 after", True, 1)],
)
def test_whatever_fails_the_next_run_ends_with_one_version(
    tiny: Path, tmp_path: Path, zenodo: ZenodoServer, kind: str, lasting: bool, others: int
) -> None:
    """Fail at every request that there is, once or from then on, and run the command again."""
    _set_up(zenodo, others)
    publish(fresh(tiny, tmp_path / "run"))
    points, log = points_of(zenodo.log), list(zenodo.log)
    assert len(points) >= 13
    ends = {}
    for point in points:
        _set_up(zenodo, others)
        folder = fresh(tiny, tmp_path / "run")
        zenodo.fail = lambda number, *_, at=point: kind if number == at or (lasting and number > at) else None
        try:
            publish(folder)
            ends[point] = "recovered"
        except AmlsynthError as error:
            assert "again" in str(error)
            ends[point] = "taken up"
        posted = [path for method, path in zenodo.log if method == "POST"]
        assert kind == "429" or len(posted) == len(set(posted)), "asked twice for what may have been done"
        zenodo.fail = lambda *_: None
        if ends[point] == "taken up":
            until_done(folder)
        assert_one(zenodo, folder, others)
    # What is read or put is tried again; what is posted and not found afterwards is left to the next run.
    needs = [end for point, end in ends.items() if log[point][0] != "POST" and "content" not in log[point][1]]
    assert lasting or set(needs) == {"recovered"}
    if kind in ("429", "500 after", "504 after", "no answer after") and not lasting:
        assert set(ends.values()) == {"recovered"}


@pytest.mark.usefixtures("light", "stamped_once")
@pytest.mark.parametrize(
    ("killer", "moment", "others"),
    [
        (KeyboardInterrupt, "before", 0),
        (SystemExit, "after", 0),
        (SystemExit, "before", 1),
        (KeyboardInterrupt, "after", 1),
    ],
)
def test_killed_at_every_request_the_next_run_ends_with_one_version(
    tiny: Path,
    tmp_path: Path,
    zenodo: ZenodoServer,
    monkeypatch: pytest.MonkeyPatch,
    killer: type[BaseException],
    moment: str,
    others: int,
) -> None:
    def apply(patch: pytest.MonkeyPatch, wrap: Wrap) -> None:
        patch.setattr(client_module.Client, "_send", wrap(client_module.Client._send))

    killed = _kill_each(tiny, tmp_path, zenodo, monkeypatch, others, apply, killer, moment, step=2)
    assert killed >= 12


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", ["state", "rename", "replace"])
def test_killed_at_every_write_the_next_run_ends_with_one_version(
    tiny: Path,
    tmp_path: Path,
    zenodo: ZenodoServer,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    moment: str,
) -> None:
    """Kill at every write of the state, every swap of the folder, every file that takes its place."""

    def apply(patch: pytest.MonkeyPatch, wrap: Wrap) -> None:
        if what == "state":
            patch.setattr(publish_module, "write_state", wrap(publish_module.write_state))
        else:
            patch.setattr(Path, what, wrap(getattr(Path, what)))

    # Before the third call is after the second: of many, both moments of every other one are all there are.
    step = 2 if what == "replace" else 1
    killed = _kill_each(tiny, tmp_path, zenodo, monkeypatch, 0, apply, KeyboardInterrupt, moment, step=step)
    assert killed >= {"state": 5, "rename": 1, "replace": 10}[what]


def _set_up(server: ZenodoServer, others: int) -> None:
    server.reset()
    if others:
        earlier(server)


def _kill_each(
    tiny: Path,
    tmp_path: Path,
    zenodo: ZenodoServer,
    monkeypatch: pytest.MonkeyPatch,
    others: int,
    apply: Callable[[pytest.MonkeyPatch, Wrap], None],
    killer: type[BaseException],
    moment: str,
    step: int = 1,
) -> int:
    """Kill the first run at the first call of something, then at the second, or every `step`-th."""
    point = 0
    while True:
        _set_up(zenodo, others)
        folder = fresh(tiny, tmp_path / "run")
        count = -1

        def wrap(plain: Callable[..., Any], at: int = point) -> Callable[..., Any]:
            def wrapped(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                count += 1
                if count == at and moment == "before":
                    raise killer
                made = plain(*arguments, **options)
                if count == at:
                    raise killer
                return made

            return wrapped

        with monkeypatch.context() as patch:
            apply(patch, wrap)
            try:
                publish(folder)
            except killer:
                pass
            else:
                assert_one(zenodo, folder, others)
                return point
        until_done(folder)
        assert_one(zenodo, folder, others)
        point += step


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_is_killed_while_it_publishes(
    folder: Path, zenodo: ZenodoServer, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real thing, once: SIGKILL while the request to publish is with the server."""
    publish(folder, confirm=False)  # so that the process need not render the report on paper
    process = Forked(lambda: main(["release", "publish", str(folder), "--confirm"]))

    def kill(_number: int, _method: str, path: str) -> str | None:
        if not path.endswith("/publish"):
            return None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return "no answer" if moment == "before" else "no answer after"

    zenodo.fail = kill
    assert process.wait() == -signal.SIGKILL
    assert _settled(zenodo) == (moment == "after")
    zenodo.fail = lambda *_: None
    assert until_done(folder) == "published"
    assert_one(zenodo, folder)


def _settled(server: ZenodoServer) -> bool:
    """Say whether something was published, once the server is done with its last request."""
    with server.busy:
        return bool(server.published())


@pytest.mark.usefixtures("light")
def test_the_sandbox_has_dois_of_its_own(folder: Path, zenodo: ZenodoServer) -> None:
    """What the deposit API shows as reserved is a guess with the prefix of the real Zenodo."""
    first = publish(folder, confirm=False, sandbox=True)
    assert first.doi.startswith("10.5072/zenodo.") and first.doi in (folder / "CITATION.cff").read_text()
    assert publish(folder, sandbox=True).doi == first.doi
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_metadata_that_are_not_taken_are_told_before_files_are_sent(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = zenodo.faults

    def stricter(metadata: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        kept, errors = plain(metadata)
        kept.pop("related_identifiers", None)
        told = {"field": "metadata.related_identifiers.0.identifier", "messages": ["Invalid DOI."]}
        return kept, [*errors, told]

    with monkeypatch.context() as patch:
        patch.setattr(zenodo, "faults", stricter)
        with pytest.raises(DataError, match=r"metadata.related_identifiers.0.identifier: Invalid DOI"):
            publish(folder)
    assert zenodo.published() == [] and zenodo.drafts()[0].files == {}
    with monkeypatch.context() as patch:  # dropped without a word
        patch.setattr(zenodo, "faults", lambda told: (plain(told | {"version": "1"})[0], []))
        result = publish(folder, confirm=False)
    assert any("stored version otherwise than sent" in note for note in result.notes)
    assert not any("otherwise" in note for note in publish(folder).notes)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("joined", "says"),
    [
        (None, "leukemia was not asked: .*Community not found"),
        (False, "leukemia was asked to take the record; its curators decide"),
        (True, "The record is in the community leukemia"),
    ],
)
def test_communities_are_asked_and_their_state_is_told(
    tiny: Path, tmp_path: Path, zenodo: ZenodoServer, joined: bool | None, says: str
) -> None:
    zenodo.known_communities = {} if joined is None else {"leukemia": joined}
    folder = fresh(tiny, tmp_path)
    assert not any("community" in note for note in publish(folder, confirm=False).notes)
    (note,) = [note for note in publish(folder).notes if "community" in note]
    assert re.search(says, note)
    record = assert_one(zenodo, folder)
    assert (record.communities, record.requests) == (
        ["leukemia"] * (joined is True),
        ["leukemia"] * (joined is False),
    )


@pytest.mark.usefixtures("light")
def test_what_others_share_is_not_ours(folder: Path, zenodo: ZenodoServer) -> None:
    theirs = zenodo.seed(shared=True, notes=f"Release {NAME} {VERSION}, made with amlsynth 0.1.0.")
    zenodo.seed(shared=True, submitted=True, notes=f"Release {NAME} 9.0.0, made with amlsynth 0.1.0.")
    assert publish(folder).published
    assert not theirs.submitted and theirs.files == {}


@pytest.mark.usefixtures("light")
def test_an_account_with_many_records(folder: Path, zenodo: ZenodoServer) -> None:
    mine = zenodo.seed(notes=f"Release {NAME} {VERSION}, made with amlsynth 0.1.0.", title="Mine")
    for _ in range(60):
        zenodo.seed(title="Other")
    assert publish(folder).doi.endswith(f".{mine.number}")


@pytest.mark.usefixtures("light")
def test_a_504_after_a_draft_was_made_makes_no_second_one(folder: Path, zenodo: ZenodoServer) -> None:
    """The list learns of the draft late, or too late for this run."""
    zenodo.list_lag = 2
    zenodo.fail = lambda _number, method, path: (
        "504 after" if method == "POST" and path.endswith("/depositions") else None
    )
    waited: list[float] = []
    publish(folder, sleep=waited.append)
    assert waited == [1.0, 5.0, 15.0]
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_a_504_whose_draft_is_not_listed_is_left_to_the_next_run(
    tiny: Path, tmp_path: Path, zenodo: ZenodoServer
) -> None:
    folder = fresh(tiny, tmp_path)
    zenodo.list_lag = 4
    zenodo.fail = lambda _number, method, path: (
        "504 after" if method == "POST" and path.endswith("/depositions") else None
    )
    with pytest.raises(UsageError, match="making a draft: it answered 504"):
        publish(folder)
    assert len(zenodo.records) == 1
    publish(folder)
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_the_published_zip_is_read_back(tiny: Path, tmp_path: Path, zenodo: ZenodoServer) -> None:
    folder = fresh(tiny, tmp_path / "a")
    result = publish(folder)
    assert not any("not compared" in note for note in result.notes)
    (headers,) = [
        h for h, (_, path) in zip(zenodo.headers, zenodo.log, strict=True) if path.endswith("/content")
    ]
    assert "Authorization" not in headers
    zenodo.reset()
    zenodo.swap = b"PK other"
    with pytest.raises(
        DataError, match=f"gives out has the SHA-256 {hashlib.sha256(b'PK other').hexdigest()}"
    ):
        publish(fresh(tiny, tmp_path / "b"))
    zenodo.reset()
    zenodo.fail = lambda _number, _method, path: "500" if path.endswith("/content") else None
    assert any("was not compared" in note for note in publish(fresh(tiny, tmp_path / "c")).notes)


@pytest.mark.usefixtures("light")
def test_why_publishing_is_forbidden_is_told(folder: Path, zenodo: ZenodoServer) -> None:
    zenodo.forbidden = "Your account is not confirmed."
    with pytest.raises(UsageError, match=r"\(403, POST\): Your account is not confirmed\. The token must"):
        publish(folder)


@pytest.mark.usefixtures("light")
def test_a_draft_of_a_new_version_that_was_just_made_is_no_second_draft(
    folder: Path, zenodo: ZenodoServer
) -> None:
    """It has the notes of the version before until its own are written."""
    earlier(zenodo)
    zenodo.fail = lambda _number, method, _path: "500" if method == "PUT" else None
    with pytest.raises(UsageError):
        publish(folder)
    zenodo.fail = lambda *_: None
    assert not any("There is also a draft" in note for note in publish(folder).notes)
    assert_one(zenodo, folder, others=1)


def test_a_draft_is_discarded(folder: Path, zenodo: ZenodoServer) -> None:
    from amlsynth.release.zenodo.discard import discard_draft

    before = (folder / "CITATION.cff").read_bytes()
    draft = publish(folder, confirm=False)
    assert (folder / "CITATION.cff").read_bytes() != before
    found = discard_draft(folder, sleep=lambda _: None)
    assert found is not None and draft.doi.endswith(f".{found.id}")
    assert zenodo.records == {} and (folder / "CITATION.cff").read_bytes() == before
    assert json.loads((folder / "publish.json").read_text())["servers"] == {}
    assert discard_draft(folder, sleep=lambda _: None) is None
    assert verify_release(folder).problems == ()
    publish(folder)
    (folder / "publish.json").unlink()
    with pytest.raises(UsageError, match="is published"):
        publish(folder)
    assert len(zenodo.published()) == 1


@pytest.mark.usefixtures("light")
def test_uploads_that_vanish_are_sent_again(folder: Path, zenodo: ZenodoServer) -> None:
    zenodo.drop = {f"{STEM}.zip", "README.md"}
    publish(folder)
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_a_record_that_reads_as_a_draft_for_a_while_is_waited_for(folder: Path, zenodo: ZenodoServer) -> None:
    zenodo.lag = 4  # the answer to the request itself is one
    waited: list[float] = []
    publish(folder, sleep=waited.append)
    assert waited == [1.0, 5.0, 15.0]
    assert [path for method, path in zenodo.log if path.endswith("/publish")] != []
    assert sum(path.endswith("/publish") for _, path in zenodo.log) == 1
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_rate_limits_are_respected(folder: Path, zenodo: ZenodoServer) -> None:
    waited: list[float] = []
    told: list[str] = []
    zenodo.fail = lambda number, *_: {1: "429", 3: "503", 4: "500"}.get(number)
    publish(folder, sleep=waited.append, progress=lambda what, _: told.append(what))
    # The 500 has a Retry-After, as every answer does, and it means nothing there.
    assert waited == [7.0, 7.0, 2.0]
    assert "waiting for 7 seconds, as the server at " + zenodo.base + " asks" in told
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_a_wait_of_hours_is_told_and_not_waited(folder: Path, zenodo: ZenodoServer) -> None:
    zenodo.retry_after = "7200"
    zenodo.fail = lambda *_: "429"
    with pytest.raises(UsageError, match="asked to wait for 120 minutes"):
        publish(folder, sleep=lambda _: pytest.fail("waited"))


@pytest.mark.usefixtures("light")
def test_stale_drafts_are_taken_over_or_told_of(tiny: Path, tmp_path: Path, zenodo: ZenodoServer) -> None:
    folder = fresh(tiny, tmp_path / "a")
    stale = zenodo.seed(notes=f"Release {NAME} {VERSION}, made with amlsynth 0.1.0.", title="half done")
    stale.files = {"README.md": b"half", "junk.txt": b"?"}
    zenodo.seed(notes=f"Release {NAME} 0.9.0, made with amlsynth 0.1.0.")
    zenodo.seed(title="somebody's other work")
    result = publish(folder)
    assert result.doi == f"10.5072/zenodo.{stale.number}" and stale.submitted
    assert set(stale.files) == UPLOADED
    assert sum("draft of 0.9.0" in note for note in result.notes) == 1
    assert len(zenodo.drafts()) == 2


@pytest.mark.usefixtures("light")
def test_a_draft_of_another_version_in_the_way_is_refused(folder: Path, zenodo: ZenodoServer) -> None:
    earlier(zenodo)
    (old,) = zenodo.published()
    zenodo.seed(concept=old.concept, notes=f"Release {NAME} 1.9.0, made with amlsynth 0.1.0.")
    with pytest.raises(UsageError, match=r"a draft of version 1\.9\.0 already"):
        publish(folder)
    assert len(zenodo.published()) == 1


@pytest.mark.usefixtures("light")
def test_a_discarded_draft_is_begun_anew(folder: Path, zenodo: ZenodoServer) -> None:
    first = publish(folder, confirm=False)
    zenodo.records.clear()
    second = publish(folder)
    assert second.doi != first.doi
    assert first.doi not in (folder / "CITATION.cff").read_text()
    assert_one(zenodo, folder)


@pytest.mark.usefixtures("light")
def test_without_its_state_a_draft_is_found_and_a_published_version_refused(
    folder: Path, zenodo: ZenodoServer
) -> None:
    publish(folder, confirm=False)
    (folder / "publish.json").unlink()
    assert publish(folder).published
    assert_one(zenodo, folder)
    (folder / "publish.json").unlink()
    with pytest.raises(UsageError, match=r"1\.2\.3 is published already, as 10\.5072/zenodo"):
        publish(folder)
    assert len(zenodo.published()) == 1


@pytest.mark.usefixtures("light")
def test_a_trial_in_the_sandbox_does_not_stand_in_the_way(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, sandbox=True)
    with pytest.raises(UsageError, match="is published already"):
        publish(folder, sandbox=True)
    zenodo.reset()
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", zenodo.base.replace("127.0.0.1", "localhost"))
    zenodo.base, before = zenodo.base.replace("127.0.0.1", "localhost"), zenodo.base
    try:
        assert publish(folder).published
        zenodo_state = json.loads((folder / "publish.json").read_text())["servers"]
        assert set(zenodo_state) == {before, zenodo.base}
    finally:
        zenodo.base = before
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", zenodo.base)
    with pytest.raises(UsageError, match="for a trial elsewhere"):
        publish(folder, sandbox=True)


@pytest.mark.usefixtures("light")
def test_new_version_of_names_a_record_that_the_account_does_not_know(
    folder: Path, zenodo: ZenodoServer
) -> None:
    old = zenodo.seed(submitted=True, version="1.2.0", title="Made by hand")
    old.files = {"data.csv": b"1"}
    for doi in (f"10.5281/zenodo.{old.concept}", f"https://doi.org/10.5281/zenodo.{old.number}"):
        draft = publish(folder, confirm=False, new_version_of=doi)
    assert draft.removed in ((), ("data.csv",))
    publish(folder)
    assert {record.concept for record in zenodo.published()} == {old.concept}


def test_the_plan_is_what_is_done(folder: Path, zenodo: ZenodoServer) -> None:
    from amlsynth.release.zenodo.plan import plan_publication

    planned = plan_publication(folder, confirm=True)
    assert zenodo.log == [] and not (folder / "publish.json").exists()
    publish(folder)
    plain = [
        (request.method, request.url.split("?")[0].replace("{DRAFT}", "1").replace(f"{zenodo.base}/api", ""))
        for request in planned
        if request.method != "DELETE"
    ]
    done = [(method, path.removeprefix("/api")) for method, path in zenodo.log]
    expected = [(method, path.replace("{BUCKET}", "/files/bucket-1")) for method, path in plain]
    assert [(m, template(p)) for m, p in done] == [(m, template(p)) for m, p in expected]
    (put,) = [request.content for request in planned if request.method == "PUT" and request.content]
    assert put["metadata"]["version"] == VERSION


@pytest.mark.usefixtures("light")
def test_uploads_tell_how_far_they_are(folder: Path, zenodo: ZenodoServer) -> None:
    told: list[tuple[str, float]] = []
    publish(folder, progress=lambda what, share: told.append((what, share)))
    stages = [what for what, _ in told]
    assert stages[-1] == "done"
    sending = [share for what, share in told if what.startswith("sending")]
    assert sending == sorted(sending) and sending[-1] == pytest.approx(1.0)


def test_a_draft_is_built_again_and_goes_on_with_its_doi(
    tiny: Path, folder: Path, zenodo: ZenodoServer
) -> None:
    first = publish(folder, confirm=False)
    state = (folder / "publish.json").read_bytes()
    shutil.rmtree(folder)
    shutil.copytree(tiny, folder)  # as a build leaves it: without a DOI, with the state
    (folder / "publish.json").write_bytes(state)
    second = publish(folder)
    assert second.doi == first.doi and second.sent == ()
    assert_one(zenodo, folder)


def test_md5_is_that_of_hashlib(tmp_path: Path) -> None:
    from amlsynth.release.zenodo.checks import md5

    (tmp_path / "x").write_bytes(b"abc")
    assert md5(tmp_path / "x") == hashlib.md5(b"abc").hexdigest() == "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.usefixtures("fast", "plain_figures")
def test_a_build_keeps_the_draft_and_does_not_replace_what_is_published(
    folder: Path, zenodo: ZenodoServer, tmp_path: Path, write_spec: Callable[..., Path]
) -> None:
    publish(folder, confirm=False)
    state = (folder / "publish.json").read_bytes()
    spec = write_spec(tmp_path / "spec", exports=[])
    build_release(spec, folder.parent)
    assert (folder / "publish.json").read_bytes() == state
    assert verify_release(folder).problems == ()
    content = json.loads(state)
    content["servers"][zenodo.base]["stage"] = "published"
    (folder / "publish.json").write_text(json.dumps(content))
    doi = content["servers"][zenodo.base]["doi"]
    with pytest.raises(UsageError, match=f"is published .*--doi {doi}"):
        build_release(spec, folder.parent)
